//! A table with an operator and a player on anvil, with the shipped model's real verifier.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alloy::primitives::U256;
use engine_circuit::sampling::SeedChain;
use engine_circuit::{Model, Profile, Prover, Statement};
use protocol::GameRecord;
use protocol::shakmaty::Position;
use serde_json::json;
use settle::devnet::{Anvil, anvil_program};
use settle::{Account, Chain, Deployment, Rpc, deploy, proof};
use settlement::game_file::{GameFile, SignedMove, StakedGame};
use settlement::signed::{SignedOffer, SignedResult, SignedState};
use settlement::typed_data::{Offer, Outcome, Side};

pub const ETHER: u128 = 1_000_000_000_000_000_000;
pub const STAKE: u128 = ETHER;
pub const BOND: u128 = ETHER / 10;
pub const RESPONSE_SECONDS: u32 = 600;
const DEPOSIT: u128 = 50 * ETHER;
const PATIENCE: Duration = Duration::from_secs(60);

/// False, saying why, where anvil is not installed.
pub fn anvil_is_installed() -> bool {
    if anvil_program().is_some() {
        return true;
    }
    eprintln!("skipped: anvil is not installed (contracts/tools/set-up installs it)");
    false
}

/// The shipped model.
pub fn model_path() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "model")).min().unwrap()
}

pub fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    Arc::clone(MODEL.get_or_init(|| Arc::new(Model::load(&model_path()).unwrap())))
}

/// The shipped model's prover; its cache is shared between the tests' processes.
pub fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.cache", model().digest()));
        Prover::open(model(), &cache, &|_| ()).unwrap()
    })
}

/// A proof of a game's last move.
pub fn prove(game: &StakedGame) -> Vec<u8> {
    proof::prove(prover(), game).unwrap()
}

/// What a prover makes that follows the protocol for a false statement.
pub fn forge(statement: &Statement) -> Vec<u8> {
    let moves = statement.public_moves(model().network().logit_scale_log2());
    let shape = model().verifying_key().circuit(moves.len());
    let traces = prover().traces(&moves);
    let witness = engine_circuit::witness::Witness::new(&shape, model().network(), &moves, &traces);
    prover().prove_witness(statement, Profile::Chain, &witness).proof
}

/// The contracts and both sides' accounts.
pub struct Table {
    pub anvil: Anvil,
    pub rpc: Rpc,
    pub contracts: Deployment,
    pub operator: Chain,
    pub player: Chain,
}

pub async fn connect(url: &str) -> Rpc {
    Rpc::connect(url, PATIENCE).await.unwrap()
}

pub fn account(side: Side) -> Account {
    Account::new(&[if side == Side::Player { 1 } else { 2 }; 32]).unwrap()
}

impl Table {
    /// `None`, saying why, where anvil is not installed.
    pub async fn new() -> Option<Self> {
        Self::with_state(None).await
    }

    pub async fn with_state(state: Option<&Path>) -> Option<Self> {
        if !anvil_is_installed() {
            return None;
        }
        let anvil = Anvil::start(0, state).unwrap();
        let rpc = connect(&anvil.url()).await;
        for side in [Side::Player, Side::Operator] {
            let parameters = json!([account(side).address(), U256::from(1_000 * ETHER)]);
            rpc.raw("anvil_setBalance", parameters).await.unwrap();
        }
        let contracts = deploy(&rpc, &account(Side::Operator), &model().verifying_key(), 16).await.unwrap();
        let chain = |side| Chain::connect(rpc.clone(), contracts.settlement, Some(account(side)));
        let (operator, player) = (chain(Side::Operator).await.unwrap(), chain(Side::Player).await.unwrap());
        operator.deposit(DEPOSIT).await.unwrap();
        Some(Self { anvil, rpc, contracts, operator, player })
    }

    pub fn chain(&self, side: Side) -> &Chain {
        if side == Side::Player { &self.player } else { &self.operator }
    }

    /// Time passes.
    pub async fn wait(&self, seconds: u32) {
        self.rpc.raw("evm_increaseTime", json!([seconds])).await.unwrap();
        self.rpc.raw("evm_mine", json!([])).await.unwrap();
    }

    /// Money in the contract, beyond what the operator deposited, in wei.
    pub async fn gains(&self) -> (i128, i128) {
        let held = async |side| {
            let balance = self.operator.balance(account(side).address()).await.unwrap();
            i128::try_from(balance.to::<u128>()).unwrap()
        };
        (held(Side::Player).await, held(Side::Operator).await - DEPOSIT as i128)
    }

    /// A game on chain, not moved in yet.
    pub async fn open(&self, salt: u8, player_is_white: bool) -> Play {
        let seeds = SeedChain::new([salt; 32], 100);
        let (_, now) = self.rpc.latest_block().await.unwrap();
        let offer = Offer {
            operator: account(Side::Operator).address().into_array(),
            player: account(Side::Player).address().into_array(),
            model_digest: *model().digest().as_bytes(),
            seed_head: seeds.head(),
            player_stake: STAKE,
            operator_stake: STAKE,
            bond: BOND,
            response_seconds: RESPONSE_SECONDS,
            expiry: now + 3_600,
            level: 4,
            player_is_white,
            salt: [salt; 32],
        };
        let offer = SignedOffer::sign(self.operator.domain(), offer, account(Side::Operator).key()).unwrap();
        let nonce = [salt.wrapping_add(100); 16];
        self.player.open(&offer, nonce).await.unwrap();
        Play { seeds, file: GameFile { offer, nonce, moves: Vec::new(), results: Vec::new() } }
    }
}

/// A game as both sides have it, and the operator's seeds.
#[derive(Clone)]
pub struct Play {
    pub seeds: SeedChain,
    pub file: GameFile,
}

impl Play {
    pub fn id(&self) -> [u8; 32] {
        self.file.offer.game_id()
    }

    pub fn game(&self) -> StakedGame {
        self.file.clone().check().unwrap()
    }

    pub fn offer(&self) -> &SignedOffer {
        &self.file.offer
    }

    /// The element of the operator's next move.
    pub fn element(&self) -> [u8; 32] {
        self.seeds.element(self.game().operators_number()).unwrap()
    }

    /// The move of whose turn it is: the network's, or the player's first legal one that does not end the game.
    pub fn next_move(&self) -> (String, Option<[u8; 32]>) {
        let game = self.game();
        if game.to_move() == Side::Operator {
            let element = self.element();
            return (proof::networks_move(&model(), &game, &element).unwrap(), Some(element));
        }
        let position = game.record().position();
        let quiet = position
            .legal_moves()
            .into_iter()
            .find(|&mv| position.clone().play(mv).is_ok_and(|next| !next.is_game_over()));
        (GameRecord::uci(quiet.unwrap()), None)
    }

    /// One half-move off chain, signed by its side.
    pub fn step(&mut self) {
        let mover = self.game().to_move();
        let (uci, seed_element) = self.next_move();
        let state = *self.game().with_move(&uci, seed_element).unwrap().state();
        let SignedOffer { domain, offer, .. } = &self.file.offer;
        let signed = SignedState::sign(domain, offer, state, account(mover).key()).unwrap();
        self.file.moves.push(SignedMove { uci, signature: Some(signed.signature), seed_element });
    }

    pub fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    pub fn sign_result(&mut self, side: Side, outcome: Outcome) {
        let result = SignedResult::sign(&self.file.offer, outcome, account(side).key()).unwrap();
        self.file.results.push(result);
    }

    /// The signature of a side on its result.
    pub fn result_of(&self, side: Side) -> Option<&[u8; 65]> {
        self.file.results.iter().find(|result| result.by == side).map(|result| &result.signature)
    }
}
