//! The settlement contract from its committed artefact, driven by what the Rust side signs; gas as the receipts have it.
//!
//! What is tested here is that both sides agree hash for hash, and what a whole transaction costs. What the contract accepts and refuses is
//! `contracts/test`. The proof is not the subject: the verifier is eleven bytes of code that take everything.

use std::collections::BTreeMap;

use engine_circuit::sampling::SeedChain;
use protocol::GameRecord;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use revm::primitives::{Address, U256};
use settlement::position::{PositionWords, move_word};
use settlement::signature::{Key, signer};
use settlement::typed_data::{Domain, Offer, Outcome, State, repetition_keys};
use tests::artefact::{Artefact, contracts_folder};
use tests::evm::{Argument, DEFAULT_CALLER, Evm, EvmError, Returned, calldata_of, word};

const OFFER: &str =
    "(address,address,bytes32,bytes32,uint128,uint128,uint128,uint32,uint40,uint8,bool,bytes32)";
const STATE: &str = "(bytes32,uint256,uint80,bytes32)";
const EVIDENCE: &str = "(bytes32,bytes)";
const START: u64 = 1_800_000_000;
const ETHER: u128 = 1_000_000_000_000_000_000;
const MODEL: [u8; 32] = [0xaa; 32];
/// Takes any proof: `modelDigest()` is what every call returns.
const VERIFIER: Address = Address::repeat_byte(0x77);

struct Table {
    evm: Evm,
    contract: Address,
    domain: Domain,
    player: Key,
    operator: Key,
    chain: SeedChain,
    offer: Offer,
    id: [u8; 32],
}

fn address(key: &Key) -> Address {
    Address::from(key.address())
}

fn address_word(address: Address) -> [u8; 32] {
    U256::from_be_slice(address.as_slice()).to_be_bytes()
}

impl Table {
    /// Contracts deployed, the operator's deposit made, an offer on the table.
    fn new() -> Self {
        let mut evm = Evm::default();
        evm.set_time(START);
        let rules = evm.deploy(&Artefact::load("ChessRules").unwrap(), &[]).unwrap();
        let owner = address_word(DEFAULT_CALLER);
        let router = evm.deploy(&Artefact::load("VerifierRouter").unwrap(), &owner).unwrap();
        let arguments = [address_word(rules), address_word(router)].concat();
        let contract = evm.deploy(&Artefact::load("Settlement").unwrap(), &arguments).unwrap();
        // PUSH32 digest, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
        let code = [&[0x7f], MODEL.as_slice(), &[0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]].concat();
        evm.set_code(VERIFIER, code.into());
        let data = calldata_of("register(address)", &[Argument::Static(vec![address_word(VERIFIER)])]);
        evm.send(DEFAULT_CALLER, router, U256::ZERO, data).unwrap();

        let (player, operator) = (Key::new(&[1; 32]).unwrap(), Key::new(&[2; 32]).unwrap());
        for key in [&player, &operator] {
            evm.set_balance(address(key), U256::from(100 * ETHER));
        }
        let domain = Domain { chain_id: 1, contract: contract.into_array() };
        let chain = SeedChain::new([9; 32], 50);
        let offer = Offer {
            operator: operator.address(),
            player: player.address(),
            model_digest: MODEL,
            seed_head: chain.head(),
            player_stake: ETHER,
            operator_stake: 2 * ETHER,
            bond: ETHER / 10,
            response_seconds: 3600,
            expiry: START + 600,
            level: 4,
            player_is_white: true,
            salt: [5; 32],
        };
        let id = domain.game_id(&offer);
        let mut table = Self { evm, contract, domain, player, operator, chain, offer, id };
        table.send(false, 50 * ETHER, "deposit()", &[]).unwrap();
        table
    }

    fn send(
        &mut self,
        by_player: bool,
        value: u128,
        signature: &str,
        arguments: &[Argument],
    ) -> Result<Returned, EvmError> {
        let caller = address(if by_player { &self.player } else { &self.operator });
        self.evm.send(caller, self.contract, U256::from(value), calldata_of(signature, arguments))
    }

    fn offer(&self) -> Argument {
        Argument::Static(self.offer.words().to_vec())
    }

    fn open(&mut self) -> Returned {
        let signature = self.operator.sign(&self.id).unwrap();
        let arguments = [self.offer(), Argument::Bytes(signature.to_vec()), Argument::number(0xc0ffee)];
        let value = self.offer.player_stake + self.offer.bond;
        self.send(true, value, &format!("open({OFFER},bytes,uint128)"), &arguments).unwrap()
    }

    fn settle(&mut self, outcome: Outcome) -> Returned {
        let digest = self.domain.result_digest(&self.id, outcome);
        let signatures = [&self.player, &self.operator].map(|key| key.sign(&digest).unwrap().to_vec());
        let [players, operators] = signatures.map(Argument::Bytes);
        let arguments = [self.offer(), Argument::number(outcome as u128), players, operators];
        self.send(true, 0, &format!("settle({OFFER},uint8,bytes,bytes)"), &arguments).unwrap()
    }

    /// The player's challenge: `record` ends with its move.
    fn challenge(&mut self, record: &GameRecord) -> Returned {
        let base = State::of(self.id, &record.truncated(record.ply() - 1));
        let signature = self.operator.sign(&self.domain.state_digest(&base)).unwrap();
        let mv = move_word(*record.moves().last().unwrap());
        let arguments = [
            self.offer(),
            Argument::Static(base.words().to_vec()),
            Argument::Bytes(signature.to_vec()),
            Argument::number(mv.into()),
            self.evidence(None),
        ];
        self.send(true, 0, &format!("challenge({OFFER},{STATE},bytes,uint16,{EVIDENCE})"), &arguments)
            .unwrap()
    }

    /// Evidence for the operator's `number`-th move with a proof of a given size.
    fn evidence(&self, number: Option<usize>) -> Argument {
        let element = number.map_or([0; 32], |number| self.chain.element(number).unwrap());
        let proof = number.map_or(Vec::new(), |_| vec![1; 32]);
        Argument::Tuple(vec![Argument::Static(vec![element]), Argument::Bytes(proof)])
    }

    fn balance(&mut self, by_player: bool) -> U256 {
        let account = address_word(address(if by_player { &self.player } else { &self.operator }));
        let data = calldata_of("balances(address)", &[Argument::Static(vec![account])]);
        word(&self.evm.call(self.contract, data).unwrap().data, 0)
    }
}

fn record(moves: &str) -> GameRecord {
    let mut record = GameRecord::default();
    for uci in moves.split_whitespace() {
        record.play_uci(uci).unwrap();
    }
    record
}

#[test]
fn both_sides_hash_alike() {
    let mut table = Table::new();
    let mut rng = StdRng::seed_from_u64(1);
    let mut record = GameRecord::default();
    for _ in 0..60 {
        let offer = Offer {
            operator: rng.random(),
            player: rng.random(),
            model_digest: rng.random(),
            seed_head: rng.random(),
            player_stake: rng.random(),
            operator_stake: rng.random(),
            bond: rng.random(),
            response_seconds: rng.random(),
            expiry: rng.random_range(0..1 << 40),
            level: rng.random(),
            player_is_white: rng.random(),
            salt: rng.random(),
        };
        let words = Argument::Static(offer.words().to_vec());
        let data = calldata_of(&format!("gameId({OFFER})"), &[words]);
        let id = table.evm.call(table.contract, data).unwrap().data;
        assert_eq!(id[..], table.domain.game_id(&offer));

        let state = State::of(table.domain.game_id(&offer), &record);
        let words = Argument::Static(state.words().to_vec());
        let data = calldata_of(&format!("stateDigest({STATE})"), &[words]);
        let digest = table.evm.call(table.contract, data).unwrap().data;
        assert_eq!(digest[..], table.domain.state_digest(&state));
        if record.ply() == 0 {
            let data = calldata_of("firstState(bytes32)", &[Argument::Static(vec![state.game_id])]);
            assert_eq!(table.evm.call(table.contract, data).unwrap().data[..], state.words().concat());
        }

        let outcome = [Outcome::PlayerWins, Outcome::OperatorWins, Outcome::Draw][rng.random_range(0..3)];
        let words = vec![state.game_id, U256::from(outcome as u8).to_be_bytes()];
        let data = calldata_of("resultDigest(bytes32,uint8)", &[Argument::Static(words)]);
        let digest = table.evm.call(table.contract, data).unwrap().data;
        assert_eq!(digest[..], table.domain.result_digest(&state.game_id, outcome));

        let moves = protocol::shakmaty::Position::legal_moves(record.position());
        if moves.is_empty() {
            record = GameRecord::default();
        } else {
            record.play(moves[rng.random_range(0..moves.len())]).unwrap();
        }
    }
}

#[test]
fn a_game_in_peace() {
    let mut table = Table::new();
    table.open();
    table.settle(Outcome::PlayerWins);
    assert_eq!(table.balance(true), U256::from(3 * ETHER + ETHER / 10));
    assert_eq!(table.balance(false), U256::from(48 * ETHER));
}

#[test]
fn the_state_after_an_answer_is_the_one_both_compute() {
    let mut table = Table::new();
    table.open();
    let mut game = record("e2e4 e7e5 g1f3");
    table.challenge(&game);
    let state = State::of(table.id, &game);
    game.play_uci("b8c6").unwrap();
    let mv = move_word(*game.moves().last().unwrap());
    let arguments = [
        table.offer(),
        Argument::Static(state.words().to_vec()),
        Argument::number(mv.into()),
        table.evidence(Some(2)),
    ];
    table.send(false, 0, &format!("respond({OFFER},{STATE},uint16,{EVIDENCE})"), &arguments).unwrap();
    let data = calldata_of("stateOnChain(bytes32)", &[Argument::Static(vec![table.id])]);
    let on_chain = table.evm.call(table.contract, data).unwrap().data;
    assert_eq!(on_chain[..], state.after(PositionWords::of(&game)).hash());
}

#[test]
fn a_repetition_is_claimed_with_the_keys_of_the_record() {
    let mut table = Table::new();
    table.open();
    let game = record("e2e4 e7e5 g1f3 b8c6 f3g1 c6b8 g1f3 b8c6 f3g1 c6b8");
    assert_eq!(game.occurrences(), 3);
    let state = State::of(table.id, &game);
    let signature = table.operator.sign(&table.domain.state_digest(&state)).unwrap();
    assert_eq!(signer(&table.domain.state_digest(&state), &signature), Ok(table.operator.address()));
    let arguments = [
        table.offer(),
        Argument::Static(state.words().to_vec()),
        Argument::Bytes(signature.to_vec()),
        Argument::number(0),
        table.evidence(None),
        Argument::number(1),
        Argument::Array(repetition_keys(&game)),
    ];
    let function = format!("claimEnd({OFFER},{STATE},bytes,uint16,{EVIDENCE},uint8,bytes32[])");
    table.send(true, 0, &function, &arguments).unwrap();
    table.evm.set_time(START + 3601);
    let offer = table.offer();
    table.send(true, 0, &format!("claimTimeout({OFFER})"), &[offer]).unwrap();
    assert_eq!(table.balance(false), U256::from(50 * ETHER));
}

/// Gas of whole transactions, receipts' figures under Osaka. `UPDATE_SNAPSHOTS=1` writes the file anew.
#[test]
fn gas_of_transactions_is_that_of_the_snapshot() {
    let mut gas = BTreeMap::new();
    let mut table = Table::new();
    gas.insert("open", table.open().gas_used);
    gas.insert("settle, a win", table.settle(Outcome::PlayerWins).gas_used);
    let mut table = Table::new();
    table.open();
    gas.insert("settle, a draw", table.settle(Outcome::Draw).gas_used);
    let mut table = Table::new();
    table.open();
    let game = record("e2e4 e7e5 g1f3 b8c6 f1b5");
    gas.insert("challenge by the player", table.challenge(&game).gas_used);
    let later = State::of(table.id, &record("e2e4 e7e5 g1f3 b8c6 f1b5 a7a6 b5a4"));
    let signature = table.player.sign(&table.domain.state_digest(&later)).unwrap();
    let offer = table.offer();
    let arguments =
        [offer.clone(), Argument::Static(later.words().to_vec()), Argument::Bytes(signature.to_vec())];
    let refuted =
        table.evm.call(table.contract, calldata_of(&format!("refute({OFFER},{STATE},bytes)"), &arguments));
    gas.insert("refute", refuted.unwrap().gas_used);
    let arguments = [
        offer.clone(),
        Argument::Static(State::of(table.id, &game).words().to_vec()),
        Argument::number(move_word(record("e2e4 e7e5 g1f3 b8c6 f1b5 a7a6").moves()[5]).into()),
        table.evidence(Some(3)),
    ];
    let function = format!("respond({OFFER},{STATE},uint16,{EVIDENCE})");
    let caller = address(&table.operator);
    let answered = table.evm.send(caller, table.contract, U256::ZERO, calldata_of(&function, &arguments));
    gas.insert("respond by the operator, proof not counted", answered.unwrap().gas_used);
    let mut table = Table::new();
    table.open();
    table.challenge(&game);
    table.evm.set_time(START + 3601);
    let claimed = table.send(true, 0, &format!("claimTimeout({OFFER})"), &[offer]);
    gas.insert("claimTimeout", claimed.unwrap().gas_used);

    let path = contracts_folder().join("snapshots/transactions.json");
    let text = serde_json::to_string_pretty(&gas).unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, text).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "UPDATE_SNAPSHOTS=1 writes the new figures");
    }
}
