//! The statements and changes behind `tests/vectors/verifier_proofs.jsonl`, for the program that writes it and the test that
//! reads it.

#![allow(dead_code, unreachable_pub, reason = "a module of programs, each of which uses a part")]

use std::sync::Arc;

use engine_circuit::chain::error_name;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::transcript::Transcript;
use engine_circuit::{Level, Model, Profile, Statement, VerifyingKey, chain, evaluate, verify, weights};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::Color;
use serde_json::json;

/// Most moves of a proof under the vectors' key.
pub const MAX_MOVES: usize = 4;
const GAME: [u8; 32] = [3; 32];

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
    pub fn all(length: usize) -> Vec<Self> {
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
