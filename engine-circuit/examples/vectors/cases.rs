//! The cases of `tests/vectors/proofs.jsonl`. A case names everything a second implementation needs: the network by shape and seed
//! (`QuantisedNetwork::random`), the statement in words and in the bytes that the transcript absorbs, what is done to the honest proof,
//! and what the verifier says of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::transcript::keccak256;
use engine_circuit::{Level, Profile, Prover, Statement, Value, VerifyingKey, evaluate, weights};
use protocol::GameRecord;
use protocol::record::START_FEN;
use serde::{Deserialize, Serialize};

/// What is done to a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tamper {
    /// Nothing.
    No,
    /// A byte is combined with another by exclusive or.
    Xor {
        /// Offset, from the end if negative.
        at: i64,
        /// With what.
        with: u8,
    },
    /// Bytes are replaced.
    Replace {
        /// Offset, from the end if negative.
        at: i64,
        /// With these, in hex.
        with: String,
    },
    /// Everything from an offset on is cut off.
    Cut {
        /// Offset, from the end if negative.
        at: i64,
    },
    /// Bytes are added at the end.
    Append {
        /// These, in hex.
        with: String,
    },
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    /// Channels, blocks and seed of the random network.
    pub(crate) network: (usize, usize, u64),
    /// Digest of its model.
    pub(crate) model_digest: String,
    /// Which profile the proof is of.
    pub(crate) profile: String,
    /// Start position.
    pub(crate) fen: String,
    /// The game's moves, the proven ones among them.
    pub(crate) moves: Vec<String>,
    /// Plies of the proven moves.
    pub(crate) plies: Vec<usize>,
    /// The game.
    pub(crate) game_id: String,
    /// Level, 8 without noise.
    pub(crate) level: u8,
    /// Seeds of the proven moves, in hex; none at level 8.
    pub(crate) seeds: Vec<String>,
    /// Whether the positions' values are stated.
    pub(crate) values: bool,
    /// The statement as it is absorbed, in hex.
    pub(crate) statement: String,
    /// Bytes of the honest proof.
    pub(crate) proof_bytes: usize,
    /// Keccak-256 of the honest proof.
    pub(crate) proof_digest: String,
    /// What is done to it.
    pub(crate) tamper: Tamper,
    /// `ok`, or the error's name.
    pub(crate) expected: String,
}

/// Where the cases are.
#[allow(dead_code, reason = "a module of programs, each of which uses a part")]
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/proofs.jsonl")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or("00"), 16).unwrap_or(0))
        .collect()
}

impl Tamper {
    fn apply(&self, proof: &[u8]) -> Vec<u8> {
        let mut bytes = proof.to_vec();
        let place = |at: i64| {
            let from = if at < 0 { proof.len() as i64 + at } else { at };
            usize::try_from(from).unwrap_or(0).min(proof.len() - 1)
        };
        match self {
            Self::No => {}
            Self::Xor { at, with } => bytes[place(*at)] ^= with,
            Self::Replace { at, with } => {
                let with = unhex(with);
                bytes[place(*at)..][..with.len()].copy_from_slice(&with);
            }
            Self::Cut { at } => bytes.truncate(place(*at)),
            Self::Append { with } => bytes.extend(unhex(with)),
        }
        bytes
    }
}

/// A case but for what follows from it.
struct Plan {
    name: &'static str,
    network: (usize, usize, u64),
    fen: &'static str,
    /// Moves before the proven ones.
    before: &'static [&'static str],
    /// How many moves of the side to move are proven; the other side plays the network's moves, too.
    proven: usize,
    level: u8,
    values: bool,
}

const TINY: (usize, usize, u64) = (16, 1, 7);

fn plans() -> Vec<Plan> {
    let plan =
        |name, fen, before| Plan { name, network: TINY, fen, before, proven: 1, level: 8, values: false };
    vec![
        plan("start", START_FEN, &[]),
        plan("black to move", START_FEN, &["e2e4"]),
        plan("en passant", START_FEN, &["e2e4", "a7a6", "e4e5", "d7d5"]),
        plan("castling", "r3k2r/pppq1ppp/2npbn2/2b1p3/2B1P3/2NPBN2/PPPQ1PPP/R3K2R w KQkq - 4 8", &[]),
        plan("promotion", "4k3/P7/8/8/8/8/7p/4K3 b - - 57 99", &[]),
        Plan { level: 3, ..plan("level", START_FEN, &["d2d4", "d7d5"]) },
        Plan { values: true, ..plan("values", START_FEN, &["d2d4", "d7d5"]) },
        Plan { proven: 3, ..plan("three moves", START_FEN, &["c2c4"]) },
        Plan { proven: 2, level: 1, values: true, ..plan("two moves, level, values", START_FEN, &["g1f3"]) },
        Plan { network: (24, 2, 5), ..plan("24 channels", START_FEN, &["e2e4"]) },
        Plan { network: (64, 2, 5), ..plan("64 channels", START_FEN, &["e2e4"]) },
    ]
}

/// What is done to the first plan's proof.
fn tampers() -> Vec<(&'static str, Tamper)> {
    let xor = |at, with| Tamper::Xor { at, with };
    vec![
        ("root", xor(5, 1)),
        ("out-of-domain value", xor(45, 1)),
        ("tree's root", xor(65, 1)),
        ("first level", xor(145, 2)),
        ("not canonical", Tamper::Replace { at: 26, with: "7f000001".into() }),
        ("not canonical, all ones", Tamper::Replace { at: 46, with: "ffffffff".into() }),
        ("last byte", xor(-1, 128)),
        ("in the openings", xor(-20_000, 4)),
        ("first of the openings", xor(10_000, 16)),
        ("a byte short", Tamper::Cut { at: -1 }),
        ("half", Tamper::Cut { at: 30_000 }),
        ("empty", Tamper::Cut { at: 0 }),
        ("a byte long", Tamper::Append { with: "00".into() }),
    ]
}

fn prover((channels, blocks, seed): (usize, usize, u64)) -> Prover {
    let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, seed).unwrap();
    Prover::in_memory(Arc::new(weights::commit(network, &|_| {}))).unwrap()
}

impl Plan {
    /// The case, its statement, the values in it and its proof.
    fn carry_out(&self, prover: &Prover) -> (Case, Statement, Vec<Value>, Vec<u8>) {
        let model = prover.model();
        let level = Level::new(self.level).unwrap();
        let game_id = keccak256(self.name.as_bytes());
        let mut record = GameRecord::replay(self.fen, self.before.iter().copied()).unwrap();
        let (mut parts, mut plies, mut seeds, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while parts.len() < self.proven {
            let proven = (record.ply() - self.before.len()).is_multiple_of(2);
            let evaluation = evaluate(model, &record).unwrap();
            let ply = record.ply();
            if !proven {
                record.play(evaluation.best).unwrap();
                continue;
            }
            let seed = keccak256(format!("{} {ply}", self.name).as_bytes());
            let mv = evaluation.choose(level, &seed);
            let mut statement = Statement::single(game_id, &record, mv).unwrap();
            if level.is_random() {
                statement = statement.at_level(level, &[seed]).unwrap();
                seeds.push(hex(&seed));
            }
            if self.values {
                let public = &statement.public_moves(model.network().logit_scale_log2())[0];
                let value = prover.traces(std::slice::from_ref(public))[0].value();
                statement = statement.with_values(&[value]).unwrap();
                values.push(value);
            }
            parts.push(statement);
            plies.push(ply);
            record.play(mv).unwrap();
        }
        let statement = Statement::batch(game_id, parts).unwrap();
        let proof = prover.prove(&statement, Profile::Live).unwrap().proof;
        let case = Case {
            name: self.name.to_owned(),
            network: self.network,
            model_digest: model.digest().to_string(),
            profile: "live".to_owned(),
            fen: self.fen.to_owned(),
            moves: record.uci_moves(),
            plies,
            game_id: hex(&game_id),
            level: self.level,
            seeds,
            values: self.values,
            statement: hex(&statement.to_bytes()),
            proof_bytes: proof.len(),
            proof_digest: hex(&keccak256(&proof)),
            tamper: Tamper::No,
            expected: String::new(),
        };
        (case, statement, values, proof)
    }
}

/// All cases, made anew.
#[allow(dead_code, reason = "a module of programs, each of which uses a part")]
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    each_case(|case, _, _, _| cases.push(case));
    cases
}

/// Makes all cases anew, each with its key, the values that are stated and the proof that the verifier gets.
pub(crate) fn each_case(mut take: impl FnMut(Case, &VerifyingKey, &[Value], &[u8])) {
    let mut provers = BTreeMap::new();
    for (number, plan) in plans().into_iter().enumerate() {
        let prover = provers.entry(plan.network).or_insert_with(|| prover(plan.network));
        let (case, statement, values, proof) = plan.carry_out(prover);
        let tampers = if number == 0 { tampers() } else { Vec::new() };
        let key = prover.model().verifying_key();
        for (suffix, tamper) in [("", Tamper::No)].into_iter().chain(tampers) {
            let proof = tamper.apply(&proof);
            let verdict = engine_circuit::verify(&key, &statement, Profile::Live, &proof);
            let name = if suffix.is_empty() { case.name.clone() } else { format!("{}: {suffix}", case.name) };
            let expected = verdict.map_or_else(|error| error.path(), |()| "ok".to_owned());
            take(Case { name, tamper, expected, ..case.clone() }, &key, &values, &proof);
        }
    }
}

/// Keccak-256 of the first case's proof.
#[allow(dead_code, reason = "a module of programs, each of which uses a part")]
pub(crate) fn proof_digest() -> String {
    let plan = &plans()[0];
    plan.carry_out(&prover(plan.network)).0.proof_digest
}
