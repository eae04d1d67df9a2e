//! The statements and changes behind `tests/vectors/verifier_proofs.jsonl`, for the program that writes it and the test that
//! reads it.

#![allow(dead_code, unreachable_pub, reason = "a module of programs, each of which uses a part")]

use std::sync::Arc;

use engine_circuit::chain::error_name;
use engine_circuit::encode::geometric_indices;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::sampling::{SeedChain, ply_seed};
use engine_circuit::transcript::Transcript;
use engine_circuit::{
    Level, Model, Profile, Prover, Statement, VerifyingKey, chain, evaluate, verify, weights,
};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::Color;
use serde_json::json;

/// Most moves of a proof under the vectors' key.
pub const MAX_MOVES: usize = 4;
/// Every statement's game.
pub const GAME: [u8; 32] = [3; 32];

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        text += &format!("{byte:02x}");
        text
    })
}

/// The network of all vectors.
pub fn model() -> Arc<Model> {
    let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7).unwrap();
    Arc::new(weights::commit(network, &|_| {}))
}

/// One move at the strongest level: the policy's move number `rank`, 0 the network's own.
pub fn single(model: &Model, rank: usize) -> Statement {
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let mv = evaluate(model, &record).unwrap().policy[rank].mv;
    Statement::single(GAME, &record, mv).unwrap()
}

/// Three moves at a level with noise, with their values.
pub fn batch(model: &Model) -> Statement {
    let (level, mut game) = (Level::new(3).unwrap(), GameRecord::default());
    let (mut seeds, mut values) = (Vec::new(), Vec::new());
    for ply in 0..6u8 {
        let evaluation = evaluate(model, &game).unwrap();
        let seed = [ply; 32];
        if ply % 2 == 1 {
            seeds.push(seed);
            values.push(evaluation.value);
        }
        game.play(evaluation.choose(level, &seed)).unwrap();
    }
    let statement = Statement::game(GAME, &game, Color::Black).unwrap();
    statement.at_level(level, &seeds).unwrap().with_values(&values).unwrap()
}

/// What the lists of contenders are like.
pub enum Lists {
    /// Those that an honest prover gives.
    Honest,
    /// Without the first of them.
    OneMissing,
    /// With the network's own move on the list.
    BestListed,
}

/// The statement of the policy's move number `rank` with contenders.
pub fn contending(prover: &Prover, rank: usize, lists: &Lists) -> Statement {
    let statement = single(prover.model(), rank);
    let scale = prover.model().verifying_key().logit_scale_log2();
    let traces = prover.traces(&statement.public_moves(scale));
    let logits: Vec<_> = traces.into_iter().map(|trace| trace.logits).collect();
    let mut contenders = statement.contenders(&logits, scale);
    match lists {
        Lists::Honest => {}
        Lists::OneMissing => {
            contenders[0].remove(0);
        }
        Lists::BestListed => {
            let best = single(prover.model(), 0).public_moves(scale)[0].chosen as u16;
            assert!(!contenders[0].contains(&best));
            contenders[0].push(best);
            contenders[0].sort_unstable();
        }
    }
    statement.with_contenders(&contenders).unwrap()
}

/// The best move's statement with a move that is not legal.
pub fn outside(model: &Model) -> Statement {
    illegal(&single(model, 0), model)
}

/// The same of a statement with contenders: the move is geometric, and not on the list.
pub fn outside_contending(prover: &Prover) -> Statement {
    illegal(&contending(prover, 0, &Lists::Honest), prover.model())
}

fn illegal(statement: &Statement, model: &Model) -> Statement {
    let legal = &single(model, 0).public_moves(0)[0].mask;
    let mask = &statement.public_moves(0)[0].mask;
    let all = || geometric_indices().iter().map(|&index| usize::from(index));
    let index = all().find(|index| !legal.contains(index) && mask.contains(index));
    statement.with_choice(0, index.or_else(|| all().find(|index| !legal.contains(index))).unwrap())
}

/// Statements that only a contract can be given, since it reads bytes, with the error that each is: Rust's verifier takes a statement and
/// a key that are of one model, and derives the sizes for any number of moves from the key.
pub fn contract_only(key: &VerifyingKey, prover: &Prover) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let model = prover.model();
    let good = statement_bytes(key, &single(model, 0));
    let changed = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        bytes
    };
    // The first two contenders, at the mask's place.
    let contending = statement_bytes(key, &contending(prover, 0, &Lists::Honest));
    let listed = |first: [u8; 2], second: [u8; 2]| {
        let mut bytes = contending.clone();
        bytes[112..114].copy_from_slice(&first);
        bytes[114..116].copy_from_slice(&second);
        bytes
    };
    let [a, b] = [112, 114].map(|place| [contending[place], contending[place + 1]]);
    let (level, mut game) = (Level::new(3).unwrap(), GameRecord::default());
    for ply in 0..=2 * MAX_MOVES as u8 {
        game.play(evaluate(model, &game).unwrap().choose(level, &[ply; 32])).unwrap();
    }
    let long = Statement::game(GAME, &game, Color::White).unwrap();
    assert_eq!(long.num_moves(), MAX_MOVES + 1);
    vec![
        ("another model", changed(0, !good[0]), "OtherModel"),
        ("more moves than the key has sizes for", statement_bytes(key, &long), "UnsupportedNumMoves"),
        ("no moves", changed(65, 0), "MalformedStatement"),
        ("no such level", changed(66, 9), "MalformedStatement"),
        ("a flag that has no meaning", changed(67, 4), "MalformedStatement"),
        ("no such piece", changed(72, 0x77), "MalformedStatement"),
        ("no such square", changed(109, 65), "MalformedStatement"),
        ("contenders out of order", listed(b, a), "MalformedStatement"),
        ("a contender twice", listed(a, a), "MalformedStatement"),
        ("a contender that leaves the board", listed(56u16.to_be_bytes(), b), "MalformedStatement"),
        ("a contender beyond the policy", listed(a, 4_672u16.to_be_bytes()), "MalformedStatement"),
        ("a byte too many", [good.clone(), vec![0]].concat(), "MalformedStatement"),
        ("a byte is missing", good[..good.len() - 1].to_vec(), "MalformedStatement"),
    ]
}

/// A game of the network's with what the game verifier of `contracts/src/GameVerifier.sol` takes beside its moves.
pub struct Game {
    /// Named in a failure.
    pub name: &'static str,
    /// Both sides' moves.
    pub record: GameRecord,
    /// The network's side.
    pub side: Color,
    /// Of the network's side.
    pub level: Level,
    /// Behind the seeds.
    pub chain: SeedChain,
    /// The statement about the network's moves.
    pub statement: Statement,
    /// As the statement has them; empty without.
    pub contenders: Vec<Vec<u16>>,
}

/// The other side's part of the seeds of all games.
pub const NONCE: [u8; 32] = [5; 32];

/// Games that the network plays as Black or White, with legal moves at a level with noise, and with contenders.
pub fn games(prover: &Prover) -> Vec<Game> {
    let model = prover.model();
    let scale = model.verifying_key().logit_scale_log2();
    let game = |name, side: Color, number: u8, with_contenders: bool| {
        let level = Level::new(number).unwrap();
        let chain = SeedChain::new([9; 32], MAX_MOVES);
        let (mut record, mut seeds) = (GameRecord::default(), Vec::new());
        for ply in 0..5usize {
            let evaluation = evaluate(model, &record).unwrap();
            let seed = ply_seed(&NONCE, &chain.element(ply / 2 + 1).unwrap(), ply as u32);
            let mine = (ply % 2 == 0) == side.is_white();
            if mine && level.is_random() {
                seeds.push(seed);
            }
            let level = if mine { level } else { Level::new(2).unwrap() };
            record.play(evaluation.choose(level, &seed)).unwrap();
        }
        let mut statement = Statement::game(GAME, &record, side).unwrap().at_level(level, &seeds).unwrap();
        let mut contenders = Vec::new();
        if with_contenders {
            let traces = prover.traces(&statement.public_moves(scale));
            let logits: Vec<_> = traces.into_iter().map(|trace| trace.logits).collect();
            contenders = statement.contenders(&logits, scale);
            statement = statement.with_contenders(&contenders).unwrap();
        }
        Game { name, record, side, level, chain, statement, contenders }
    };
    vec![
        game("Black, level 3", Color::Black, 3, false),
        game("White, strongest, contenders", Color::White, 8, true),
        game("White, level 7, contenders", Color::White, 7, true),
    ]
}

/// What a contract is given: the model's digest, then the statement.
pub fn statement_bytes(key: &VerifyingKey, statement: &Statement) -> Vec<u8> {
    [key.digest().as_bytes().as_slice(), &statement.to_bytes()].concat()
}

/// "ok" or the error's name.
pub fn verdict(key: &VerifyingKey, statement: &Statement, proof: &[u8]) -> &'static str {
    verify(key, statement, Profile::Chain, proof).map_or_else(error_name, |()| "ok")
}

/// A change of a proof: bytes from a place on are xored, then it is cut or filled with zeros to a length.
pub struct Edit {
    /// Named in a failure.
    pub what: String,
    /// First byte.
    pub at: usize,
    /// Xored.
    pub xor: Vec<u8>,
    /// Of the changed proof.
    pub length: usize,
}

impl Edit {
    /// All changes of a proof of `length` bytes. Places lie dense at the start, where messages are, and rare in the opening.
    pub fn all(proof: &[u8]) -> Vec<Self> {
        let length = proof.len();
        let byte = |what: &str, at: usize, xor: u8| Self {
            what: format!("{what} {at}"),
            at,
            xor: vec![xor],
            length,
        };
        let mut edits: Vec<Self> =
            (0..80).map(|n| byte("byte", n * n * (length - 1) / (79 * 79), 1)).collect();
        // An element's highest bit: p or more.
        edits.extend((0..12).map(|n| byte("high bit", 26 + 20 * n * n, 0x80)));
        for (what, length) in [
            ("a byte is missing", length - 1),
            ("half", length / 2),
            ("empty", 0),
            ("a byte too many", length + 1),
        ] {
            edits.push(Self { what: what.to_owned(), at: 0, xor: Vec::new(), length });
        }
        // Behind root, out-of-domain value and two numerators: with these the sum of fractions is 0 / 0.
        let at = 26 + 20 + 40;
        let xor = proof[at..at + 40].to_vec();
        edits.push(Self { what: "the root's denominators are zeros".to_owned(), at, xor, length });
        edits
    }

    /// The changed proof.
    pub fn apply(&self, proof: &[u8]) -> Vec<u8> {
        let mut bad = proof.to_vec();
        bad.iter_mut().skip(self.at).zip(&self.xor).for_each(|(byte, xor)| *byte ^= xor);
        bad.resize(self.length, 0);
        bad
    }
}

/// The lines of the field's vectors: `a`, `b`, `c`, `a b + c`, `a - b` as words of the contract.
pub fn field() -> String {
    let mut transcript = Transcript::new(b"vectors");
    let mut lines = String::new();
    for _ in 0..64 {
        let (a, b, c) = (transcript.sample(), transcript.sample(), transcript.sample());
        let values = [a, b, c, a * b + c, a - b].map(|value| hex(&chain::word(value)));
        lines += &format!("{}\n", json!({ "values": values }));
    }
    lines
}
