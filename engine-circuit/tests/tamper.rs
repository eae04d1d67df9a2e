//! What is accepted is ONE string of bytes under ONE key for ONE statement: everything else near it is rejected.

use std::sync::OnceLock;

use engine_circuit::channel::ChannelError;
use engine_circuit::field::P;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::shape::Shape;
use engine_circuit::transcript::keccak256;
use engine_circuit::{Profile, Prover, Statement, VerifyError, VerifyingKey, evaluate, verify, weights};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::{Color, Move};

const GAME: [u8; 32] = [3; 32];
/// Bytes of the first message, the witness's root.
const ROOT_BYTES: usize = 26;

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7).unwrap();
        Prover::in_memory(weights::commit(network, &|_| {}).into()).unwrap()
    })
}

fn key() -> VerifyingKey {
    prover().model().verifying_key()
}

fn own_move(record: &GameRecord) -> Move {
    evaluate(prover().model(), record).unwrap().best
}

/// A statement about one move, and its proof.
fn honest() -> &'static (Statement, Vec<u8>) {
    static PROOF: OnceLock<(Statement, Vec<u8>)> = OnceLock::new();
    PROOF.get_or_init(|| {
        let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5", "g1f3"]).unwrap();
        let statement = Statement::single(GAME, &record, own_move(&record)).unwrap();
        let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
        assert_eq!(verify(&key(), &statement, Profile::Live, &proof), Ok(()));
        (statement, proof)
    })
}

/// Calls `check` for all numbers below `count`, on all cores.
fn for_all(count: usize, check: impl Fn(usize) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let check = &check;
            scope.spawn(move || (core..count).step_by(cores).for_each(check));
        }
    });
}

#[test]
fn every_byte_flipped_is_rejected() {
    let (statement, proof) = honest();
    let key = key();
    for_all(proof.len(), |at| {
        let mut bad = proof.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(verify(&key, statement, Profile::Live, &bad).is_err(), "byte {at} of {}", proof.len());
    });
}

#[test]
fn truncated_extended_and_empty_proofs_are_rejected() {
    let (statement, proof) = honest();
    let key = key();
    for_all(proof.len() / 61, |n| {
        let length = if n < 400 { n } else { proof.len() - 1 - 61 * (n - 400) };
        let verdict = verify(&key, statement, Profile::Live, &proof[..length]);
        assert!(verdict.is_err(), "{length} bytes");
    });
    for extra in [1, 4, 20, 32, proof.len()] {
        let zeros = [proof.as_slice(), &vec![0; extra]].concat();
        assert_eq!(
            verify(&key, statement, Profile::Live, &zeros),
            Err(VerifyError::Channel(ChannelError::Trailing(extra)))
        );
        let again = [proof.as_slice(), &proof[..extra]].concat();
        assert_eq!(
            verify(&key, statement, Profile::Live, &again),
            Err(VerifyError::Channel(ChannelError::Trailing(extra)))
        );
    }
    let shifted = [&[0], &proof[..proof.len() - 1]].concat();
    assert!(verify(&key, statement, Profile::Live, &shifted).is_err());
}

/// Bytes before the openings: root, out-of-domain value, lookup tree, columns, linear argument. All but the root are elements.
fn bytes_before_openings(shape: &Shape) -> usize {
    let levels = shape.sections.log_leaves;
    let tree: usize = (0..levels).map(|level| 2 * level + 4).sum();
    let linear = 2 * (shape.log_slots + shape.log_channels) + 2 + 2 * (shape.log_sources + 6) + 1;
    ROOT_BYTES + 20 * (1 + tree + 8 + linear)
}

/// The same element written as itself plus p, in every word of the proof that has room for it, and a word of ones: refused as not
/// canonical wherever an element is a message, and everywhere rejected.
#[test]
fn non_canonical_elements_are_refused_everywhere() {
    let (statement, proof) = honest();
    let key = key();
    let elements = std::sync::atomic::AtomicUsize::new(0);
    let openings = bytes_before_openings(&key.circuit(1));
    for_all((proof.len() - ROOT_BYTES) / 4, |word| {
        let at = ROOT_BYTES + 4 * word;
        let value = u32::from_be_bytes(proof[at..at + 4].try_into().unwrap());
        let ones = (at < openings || word % 16 == 0).then_some(u32::MAX);
        for other in [value.checked_add(P), ones].into_iter().flatten() {
            let mut bad = proof.clone();
            bad[at..at + 4].copy_from_slice(&other.to_be_bytes());
            let verdict = verify(&key, statement, Profile::Live, &bad);
            let non_canonical = matches!(
                verdict,
                Err(VerifyError::Channel(ChannelError::NonCanonical(_)))
                    | Err(VerifyError::Lookups(engine_circuit::argument::lookups::LookupError::Channel(
                        ChannelError::NonCanonical(_)
                    )))
                    | Err(VerifyError::Linear(engine_circuit::argument::linear::LinearError::Channel(
                        ChannelError::NonCanonical(_)
                    )))
                    | Err(VerifyError::Witness(engine_circuit::commitment::OpeningError::Channel(
                        ChannelError::NonCanonical(_)
                    )))
                    | Err(VerifyError::Weights(engine_circuit::commitment::OpeningError::Channel(
                        ChannelError::NonCanonical(_)
                    )))
            );
            assert!(verdict.is_err(), "{other} at byte {at}");
            assert!(non_canonical || at >= openings, "{other} at byte {at}: {verdict:?}");
            if non_canonical && other == u32::MAX {
                elements.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    // Rows of the openings are compared with their root first.
    let found = elements.into_inner();
    assert!(found >= (openings - ROOT_BYTES) / 4, "{found} of {} words are elements", proof.len() / 4);
}

/// Every byte of the key, the digest behind it made to fit: another model.
#[test]
fn another_key_is_rejected_whatever_differs() {
    let (statement, proof) = honest();
    let bytes = key().to_bytes();
    let (body, digest) = bytes.split_at(bytes.len() - 32);
    // The digest covers everything but the file's magic, behind its own domain.
    let of = |body: &[u8]| keccak256(&[b"fairmate model 2", &body[8..]].concat());
    assert_eq!(of(body), digest);
    let mut parsed = 0;
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut other = body.to_vec();
            other[at] ^= 1 << bit;
            assert!(
                VerifyingKey::from_bytes(&[&other, digest].concat()).is_err(),
                "byte {at}, the digest as it was"
            );
            let digest = of(&other);
            if let Ok(key) = VerifyingKey::from_bytes(&[other.as_slice(), &digest].concat()) {
                parsed += 1;
                assert!(verify(&key, statement, Profile::Live, proof).is_err(), "byte {at}");
            }
        }
    }
    assert!(parsed > 8 * 64, "{parsed} other keys");
}

/// One statement for each thing that a statement is about, which differs in nothing else.
#[test]
fn another_statement_is_rejected_whatever_differs() {
    let base_fen = "r3k2r/ppp2ppp/2npbn2/2b5/2B5/2NPBN2/PPP2PPP/R3K2R w KQkq - 4 8";
    let base = GameRecord::from_fen(base_fen).unwrap();
    let mv = own_move(&base);
    let statement = Statement::single(GAME, &base, mv).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key(), &statement, Profile::Live, &proof), Ok(()));
    let rejected = |name: &str, other: &Statement| {
        assert_ne!(other.to_bytes(), statement.to_bytes(), "{name}");
        assert!(verify(&key(), other, Profile::Live, &proof).is_err(), "{name}");
    };
    let with = |from: &str, to: &str| {
        assert!(base_fen.contains(from));
        GameRecord::from_fen(&base_fen.replacen(from, to, 1)).unwrap()
    };
    for (name, other) in [
        ("50-move counter", with(" 4 8", " 5 8")),
        ("ply", with(" 4 8", " 4 9")),
        ("a castling right of the other side", with("KQkq", "KQk")),
        ("another castling right of the other side", with("KQkq", "KQq")),
        ("a pawn less", with("ppp2ppp", "ppp2pp1")),
        ("another kind of piece", with("2b5", "2n5")),
        ("another colour of a piece", with("2b5", "2B5")),
    ] {
        let legal = Statement::single(GAME, &other, mv);
        rejected(name, &legal.unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    let mut game = GAME;
    game[31] ^= 1;
    rejected("game", &Statement::single(game, &base, mv).unwrap());
    for entry in evaluate(prover().model(), &base).unwrap().policy.iter().filter(|entry| entry.mv != mv) {
        rejected("move", &Statement::single(GAME, &base, entry.mv).unwrap());
    }
    rejected("an illegal move", &statement.with_choice(0, 4_671));
    let twice = Statement::batch(GAME, [statement.clone(), statement.clone()]).unwrap();
    rejected("number of moves", &twice);

    // History: the same position reached by other last moves, or with none known.
    let line = |moves: &[&str]| GameRecord::replay(START_FEN, moves.iter().copied()).unwrap();
    let base = line(&["g1f3", "g8f6", "b1c3", "b8c6"]);
    let mv = own_move(&base);
    let statement = Statement::single(GAME, &base, mv).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key(), &statement, Profile::Live, &proof), Ok(()));
    for (name, other) in [
        ("last move", line(&["g1f3", "b8c6", "b1c3", "g8f6"])),
        ("no last move", GameRecord::from_fen(&current_fen(&base)).unwrap()),
    ] {
        assert_eq!(current_fen(&other), current_fen(&base));
        let other = Statement::single(GAME, &other, mv).unwrap();
        assert!(verify(&key(), &other, Profile::Live, &proof).is_err(), "{name}");
    }

    // The planes end at 127 half-moves, the statement doesn't.
    let late =
        |clock: u32| GameRecord::from_fen(&format!("8/8/4k3/8/8/4K3/4Q3/8 w - - {clock} 120")).unwrap();
    let mv = own_move(&late(130));
    let statement = Statement::single(GAME, &late(130), mv).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key(), &statement, Profile::Live, &proof), Ok(()));
    let other = Statement::single(GAME, &late(140), mv).unwrap();
    assert_eq!(other.public_moves(14), statement.public_moves(14));
    assert!(verify(&key(), &other, Profile::Live, &proof).is_err(), "50-move counter past the planes");

    // En passant possible or not.
    let base = line(&["e2e4", "a7a6", "e4e5", "d7d5"]);
    let mv = own_move(&base);
    let statement = Statement::single(GAME, &base, mv).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    let other = GameRecord::from_fen(&current_fen(&base).replace(" d6 ", " - ")).unwrap();
    if let Ok(other) = Statement::single(GAME, &other, mv) {
        assert!(verify(&key(), &other, Profile::Live, &proof).is_err(), "en passant");
    }

    // A game: its moves in another order, one left out, the other side's.
    let mut record = GameRecord::default();
    for _ in 0..6 {
        record.play(own_move(&record)).unwrap();
    }
    let statement = Statement::game(GAME, &record, Color::White).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key(), &statement, Profile::Live, &proof), Ok(()));
    let part = |ply: usize| Statement::single(GAME, &record.truncated(ply), record.moves()[ply]).unwrap();
    let batch = |plies: &[usize]| Statement::batch(GAME, plies.iter().map(|&ply| part(ply))).unwrap();
    assert_eq!(batch(&[0, 2, 4]).to_bytes(), statement.to_bytes());
    for plies in [&[2, 0, 4][..], &[0, 4, 2], &[0, 2], &[2, 4], &[0, 2, 4, 4], &[0, 0, 4], &[1, 3, 5]] {
        assert!(verify(&key(), &batch(plies), Profile::Live, &proof).is_err(), "{plies:?}");
    }
}

fn current_fen(record: &GameRecord) -> String {
    use protocol::shakmaty::{EnPassantMode, fen::Fen};
    Fen::from_position(record.position(), EnPassantMode::Legal).to_string()
}
