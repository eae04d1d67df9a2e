//! Whole games as `contracts/src/GameVerifier.sol` takes them, and the contracts that verify them on a chain of one's own.

use protocol::GameRecord;
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, Bytes, U256};
use serde_json::Value;
use settlement::position::{PositionWords, move_word};
use thiserror::Error;

use crate::artefact::Artefact;
use crate::evm::{Argument, DEFAULT_CALLER, Evm, EvmError, Returned, calldata_of, encode_all};

/// `ProvenGame` in the signature of a function.
pub const GAME: &str = "(bytes32,bytes32,uint8,bool,bytes32,bytes32,uint256,uint80)";
/// `GameEvidence` in the signature of a function.
pub const EVIDENCE: &str = "(bytes32,bytes,bytes)";

/// A line that holds no game.
#[derive(Debug, Error)]
#[error("no game: {0}")]
pub struct NoGame(String);

/// A value's bytes from hexadecimal digits.
///
/// # Errors
///
/// Returns [`NoGame`] for anything else.
pub fn bytes(value: &Value) -> Result<Vec<u8>, NoGame> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    hex::decode(digits.ok_or_else(|| NoGame(value.to_string()))?).map_err(|error| NoGame(error.to_string()))
}

/// A game of a network with the proof of its moves.
#[derive(Clone, Debug)]
pub struct Game {
    /// Of the vector.
    pub name: String,
    /// `ProvenGame`: model, game, level, side, head of the seeds, nonce, board, meta.
    pub words: Vec<[u8; 32]>,
    /// Two bytes each.
    pub moves: Vec<u8>,
    /// Of the seed chain, for the network's last move.
    pub element: [u8; 32],
    /// Number and indices for each of the network's moves; empty without.
    pub contenders: Vec<u8>,
    /// What the proof is about, model digest first.
    pub statement: Vec<u8>,
    /// In the chain's profile.
    pub proof: Vec<u8>,
}

impl Game {
    /// Reads a game: name, statement and proof from `line`, the rest from `game`, which may be the same.
    ///
    /// # Errors
    ///
    /// Returns [`NoGame`] if something is missing or its moves are no game.
    pub fn read(line: &Value, game: &Value) -> Result<Self, NoGame> {
        let no_game = |what: &str| NoGame(what.to_owned());
        let word = |value: &Value| -> Result<[u8; 32], NoGame> {
            bytes(value)?.try_into().map_err(|_| no_game("a word of another length"))
        };
        let number = |value: u64| U256::from(value).to_be_bytes();
        let statement = bytes(&line["statement"])?;
        let mut record = GameRecord::default();
        let start = PositionWords::of(&record);
        for uci in game["moves"].as_array().ok_or_else(|| no_game("moves"))? {
            let uci = uci.as_str().ok_or_else(|| no_game("moves"))?;
            record.play_uci(uci).map_err(|error| NoGame(error.to_string()))?;
        }
        let digest = statement.get(..32).ok_or_else(|| no_game("statement"))?;
        Ok(Self {
            name: line["name"].as_str().unwrap_or_default().to_owned(),
            words: vec![
                U256::from_be_slice(digest).to_be_bytes(),
                word(&game["gameId"])?,
                number(game["level"].as_u64().ok_or_else(|| no_game("level"))?),
                number(game["networkIsBlack"].as_bool().ok_or_else(|| no_game("networkIsBlack"))?.into()),
                word(&game["seedHead"])?,
                word(&game["nonce"])?,
                start.board,
                U256::from_be_slice(&start.meta).to_be_bytes(),
            ],
            moves: record.moves().iter().flat_map(|&mv| move_word(mv).to_be_bytes()).collect(),
            element: word(&game["seedElement"])?,
            contenders: bytes(&game["contenders"])?,
            statement,
            proof: bytes(&line["proof"])?,
        })
    }

    /// `GameEvidence`.
    #[must_use]
    pub fn evidence(&self) -> Argument {
        Argument::Tuple(vec![
            Argument::Static(vec![self.element]),
            Argument::Bytes(self.contenders.clone()),
            Argument::Bytes(self.proof.clone()),
        ])
    }

    /// Calldata of `verify` or `attest`.
    #[must_use]
    pub fn call(&self, function: &str) -> Vec<u8> {
        calldata_of(
            &format!("{function}({GAME},bytes,{EVIDENCE})"),
            &[Argument::Static(self.words.clone()), Argument::Bytes(self.moves.clone()), self.evidence()],
        )
    }

    /// Calldata of the model's verifier.
    #[must_use]
    pub fn verifier_call(&self) -> Vec<u8> {
        let arguments = [Argument::Bytes(self.statement.clone()), Argument::Bytes(self.proof.clone())];
        calldata_of("verify(bytes,bytes)", &arguments)
    }
}

/// An address as an argument.
#[must_use]
pub fn account(address: Address) -> Argument {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address.as_slice());
    Argument::Static(vec![word])
}

/// The verifier of a key, with the contracts that it calls.
///
/// # Errors
///
/// Returns [`EvmError`] if the key is refused or an artefact can't be used.
pub fn deploy_verifier(evm: &mut Evm, key: Vec<u8>) -> Result<Address, EvmError> {
    let mut arguments = vec![Argument::Bytes(key)];
    for name in ["ChessRules", "OpeningVerifier"] {
        arguments.push(account(evm.deploy(&Artefact::load(name)?, &[])?));
    }
    evm.deploy(&Artefact::load("MoveVerifier")?, &encode_all(&arguments))
}

/// The contracts that verify one model's games.
pub struct GameChain {
    /// The chain.
    pub evm: Evm,
    /// `VerifierRouter`.
    pub router: Address,
    /// `MoveVerifier`.
    pub verifier: Address,
    /// `GameVerifier`.
    pub games: Address,
    /// `ProvenGames`.
    pub tokens: Address,
}

impl GameChain {
    /// Deploys them for the key that `engine export-verifier` writes.
    ///
    /// # Errors
    ///
    /// Returns [`EvmError`] if the key is refused or an artefact can't be used.
    pub fn new(key: Vec<u8>) -> Result<Self, EvmError> {
        let mut evm = Evm::default();
        let deploy = |evm: &mut Evm, name: &str, argument: Argument| {
            evm.deploy(&Artefact::load(name)?, &encode_all(&[argument]))
        };
        let router = deploy(&mut evm, "VerifierRouter", account(DEFAULT_CALLER))?;
        let verifier = deploy_verifier(&mut evm, key)?;
        let games = deploy(&mut evm, "GameVerifier", account(router))?;
        let tokens = deploy(&mut evm, "ProvenGames", account(games))?;
        let register = calldata_of("register(address)", &[account(verifier)]);
        evm.send(DEFAULT_CALLER, router, U256::ZERO, register)?;
        Ok(Self { evm, router, verifier, games, tokens })
    }

    /// The same contracts under the rules of another hard fork.
    #[must_use]
    pub fn under(self, spec: SpecId) -> Self {
        Self { evm: self.evm.under(spec), ..self }
    }

    /// Where a game stands, if it is proven.
    ///
    /// # Errors
    ///
    /// Returns [`EvmError`] if it is not.
    pub fn verify(&mut self, game: &Game) -> Result<Returned, EvmError> {
        self.evm.call(self.games, game.call("verify"))
    }
}

/// The error of a refused call, by its first four bytes, among those of some contracts' ABIs.
#[must_use]
pub fn error_name(data: &Bytes, contracts: &[&str]) -> Option<String> {
    contracts.iter().filter_map(|name| Artefact::load(name).ok()).find_map(|artefact| {
        let names = artefact.error_names();
        data.get(..4).and_then(|selector| names.get(selector)).cloned()
    })
}
