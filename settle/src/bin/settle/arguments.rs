//! Arguments that several commands share: node, key, contract, game.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::Address;
use clap::Args;
use engine_circuit::{Model, Prover, VerifyingKey};
use settle::{Account, Chain, Rpc, read_pass_phrase};
use settlement::game_file::{GameFile, StakedGame};
use settlement::typed_data::{Hash, Side};

use crate::output::{Outcome, misuse, read_file, read_json};

/// Largest proof read: a transaction holds less.
pub const MAX_PROOF_BYTES: usize = 1 << 20;

/// A node.
#[derive(Args)]
pub struct Node {
    /// JSON-RPC address of an Ethereum node
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// Seconds in which a node that does not answer is asked again
    #[arg(long, value_name = "S", default_value_t = 20)]
    patience: u64,
}

impl Node {
    /// Connects to it.
    pub async fn connect(&self) -> Outcome<Rpc> {
        Ok(Rpc::connect(&self.rpc, Duration::from_secs(self.patience)).await?)
    }
}

/// An account's encrypted key.
#[derive(Args)]
pub struct KeyFile {
    /// Encrypted key (`settle key new`)
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// File whose first line is the key's pass phrase [default: asked for on the terminal, or a line of stdin]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl KeyFile {
    /// Decrypts it.
    pub fn account(&self) -> Outcome<Account> {
        let pass_phrase = read_pass_phrase(self.password_file.as_deref(), "Pass phrase: ")?;
        Ok(Account::from_file(&self.key_file, &pass_phrase)?)
    }
}

/// The same where no key means that nothing is sent.
#[derive(Args)]
pub struct OptionalKeyFile {
    /// Encrypted key: with it a transaction is sent, whose gas is printed; without, the contract is only called
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// File whose first line is the key's pass phrase [default: asked for on the terminal, or a line of stdin]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,
}

impl OptionalKeyFile {
    /// Decrypts it, if one is given.
    pub fn account(&self) -> Outcome<Option<Account>> {
        let Self { key_file: Some(key_file), password_file } = self else { return Ok(None) };
        KeyFile { key_file: key_file.clone(), password_file: password_file.clone() }.account().map(Some)
    }
}

/// What a side of a game needs to act in it.
#[derive(Args)]
pub struct Seat {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    pub game: Game,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Seat {
    /// Reads the game's file and decrypts the key.
    pub fn game_and_account(&self) -> Outcome<(StakedGame, Account)> {
        Ok((self.game.read()?, self.key.account()?))
    }

    /// The contract of the game, as the account.
    pub async fn chain(&self, game: &StakedGame, account: Account) -> Outcome<Chain> {
        chain_of(&self.node, game, Some(account)).await
    }
}

/// The settlement contract, where no offer names it.
#[derive(Args)]
pub struct Contract {
    /// Address of the settlement contract
    #[arg(long, value_name = "ADDRESS")]
    settlement: Address,
}

impl Contract {
    /// Finds it.
    pub async fn connect(&self, node: &Node, account: Option<Account>) -> Outcome<Chain> {
        Ok(Chain::connect(node.connect().await?, self.settlement, account).await?)
    }
}

/// A game's file.
#[derive(Args)]
pub struct Game {
    /// The game's file (docs/settlement.md, "Files")
    #[arg(long = "game", value_name = "FILE")]
    path: PathBuf,
}

impl Game {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it and checks every move and signature.
    pub fn read(&self) -> Outcome<StakedGame> {
        let file: GameFile = read_json(&self.path)?;
        file.check().map_err(|error| misuse(format!("{}: {error}", self.path.display())))
    }
}

/// The contract that a game's offer is for.
pub async fn chain_of(node: &Node, game: &StakedGame, account: Option<Account>) -> Outcome<Chain> {
    let contract = game.offer().domain.contract;
    Ok(Chain::connect(node.connect().await?, contract.into(), account).await?)
}

/// Which side of a game an account is.
pub fn side_of(game: &StakedGame, account: &Account) -> Outcome<Side> {
    let side = game.offer().offer.side(&account.address().into_array());
    side.ok_or_else(|| misuse(format!("{} is neither side of this game", account.address())))
}

/// Where the proof of an operator's move comes from.
#[derive(Args)]
pub struct Evidence {
    /// Proof of the operator's move, of the chain's profile
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    proof: Option<PathBuf>,
    /// Model to prove the operator's move with: seconds, and 0.7 GiB for the shipped one
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The operator's seed element for its move, if the game's file does not have it
    #[arg(long, value_name = "HEX", value_parser = hash)]
    seed_element: Option<Hash>,
}

impl Evidence {
    /// The seed element given.
    pub fn seed_element(&self) -> Option<Hash> {
        self.seed_element
    }

    /// The model given.
    pub fn model(&self) -> Outcome<Option<Model>> {
        self.model.as_deref().map(load_model).transpose()
    }

    /// The proof of a game's last move, the operator's.
    pub fn proof(&self, game: &StakedGame) -> Outcome<Vec<u8>> {
        if let Some(path) = &self.proof {
            return read_file(path, MAX_PROOF_BYTES);
        }
        let Some(path) = &self.model else {
            return Err(misuse(
                "the operator's move needs its proof: --proof FILE, or --model FILE to make it",
            ));
        };
        let prover = prover(path)?;
        settle::proof::prove(&prover, game).map_err(misuse)
    }
}

/// A prover with its cache beside the model, or in memory where that can't be written.
fn prover(path: &Path) -> Outcome<Prover> {
    let model = std::sync::Arc::new(load_model(path)?);
    Prover::open(std::sync::Arc::clone(&model), &path.with_extension("cache"), &|_| ())
        .or_else(|_| Prover::in_memory(model))
        .map_err(misuse)
}

/// Loads a model.
pub fn load_model(path: &Path) -> Outcome<Model> {
    Model::load(path).map_err(|error| misuse(named(path, &error)))
}

/// Loads a verifying key.
pub fn load_key(path: &Path) -> Outcome<VerifyingKey> {
    VerifyingKey::load(path).map_err(|error| misuse(named(path, &error)))
}

fn named(path: &Path, error: &impl std::fmt::Display) -> String {
    let (name, text) = (path.display().to_string(), error.to_string());
    if text.starts_with(&name) { text } else { format!("{name}: {text}") }
}

/// Parses 32 bytes, with or without `0x`.
pub fn hash(text: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)
        .map_err(|_| "expected 64 hexadecimal digits".to_owned())?;
    Ok(bytes)
}

/// A hash as the commands print it.
pub fn hash_text(hash: &Hash) -> String {
    format!("0x{}", hex::encode(hash))
}
