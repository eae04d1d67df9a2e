//! Dishonest provers and altered statements. Each prover does everything but one thing honestly.

mod common;

use std::sync::{Arc, OnceLock};

use engine_circuit::dishonest::Lies;
use engine_circuit::infer::{Trace, argmax};
use engine_circuit::model::{NetworkShape, QuantisedNetwork, SCALE_LOG2};
use engine_circuit::shape::Shape;
use engine_circuit::witness::Witness;
use engine_circuit::{Profile, ProveError, Prover, Statement, VerifyError, evaluate, verify, weights};
use p3_field::PrimeCharacteristicRing;
use protocol::GameRecord;
use protocol::record::START_FEN;

fn network(seed: u64) -> QuantisedNetwork {
    QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, seed).unwrap()
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::in_memory(Arc::new(weights::commit(network(7), &|_| {}))).unwrap())
}

/// Of random networks.
const LOGIT_SCALE_LOG2: u8 = 14;
const GAME: [u8; 32] = [3; 32];
const MOVES: [&str; 3] = ["e2e4", "c7c5", "g1f3"];

fn record() -> GameRecord {
    GameRecord::replay(START_FEN, MOVES).unwrap()
}

/// The network's own move after the usual moves.
fn statement() -> Statement {
    Statement::single(GAME, &record(), evaluate(prover().model(), &record()).unwrap().best).unwrap()
}

fn honest() -> &'static (Statement, Vec<u8>) {
    static PROOF: OnceLock<(Statement, Vec<u8>)> = OnceLock::new();
    PROOF.get_or_init(|| {
        let statement = statement();
        let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
        (statement, proof)
    })
}

fn check(statement: &Statement, proof: &[u8]) -> Result<(), VerifyError> {
    verify(&prover().model().verifying_key(), statement, Profile::Live, proof)
}

fn shape(statement: &Statement) -> Shape {
    prover().model().verifying_key().circuit(statement.num_moves())
}

/// Proves with traces that were tampered with.
fn forge(statement: &Statement, tamper: impl FnOnce(&mut [Trace])) -> Result<(), VerifyError> {
    let moves = statement.public_moves(LOGIT_SCALE_LOG2);
    let mut traces = prover().traces(&moves);
    tamper(&mut traces);
    let witness = Witness::new(&shape(statement), prover().model().network(), &moves, &traces);
    common::verdict(prover(), statement, &witness, &Lies::default())
}

/// Proves with a witness that was tampered with.
fn forge_witness(
    statement: &Statement,
    tamper: impl FnOnce(&Shape, &mut Witness),
) -> Result<(), VerifyError> {
    let moves = statement.public_moves(LOGIT_SCALE_LOG2);
    let shape = shape(statement);
    let mut witness = Witness::new(&shape, prover().model().network(), &moves, &prover().traces(&moves));
    tamper(&shape, &mut witness);
    common::verdict(prover(), statement, &witness, &Lies::default())
}

#[test]
fn the_honest_proof_is_accepted_and_nothing_is_random() {
    let (statement, proof) = honest();
    assert_eq!(check(statement, proof), Ok(()));
    assert_eq!(
        &prover().prove(statement, Profile::Live).unwrap().proof,
        proof,
        "the same statement has the same proof"
    );
    assert_eq!(
        forge(statement, |_| {}),
        Ok(()),
        "the forger's path is the honest one when it does not tamper"
    );
}

/// Proofs of the same statement, by profile.
fn both() -> [(Profile, Vec<u8>); 2] {
    Profile::ALL.map(|profile| (profile, common::prove_honestly(prover(), &honest().0, profile)))
}

#[test]
fn every_flipped_byte_is_rejected() {
    let key = prover().model().verifying_key();
    // Every byte of the first messages, further on each 41st; all of them with FAIRMATE_EVERY_BYTE=1.
    let step = if std::env::var_os("FAIRMATE_EVERY_BYTE").is_some() { 1 } else { 41 };
    for (profile, proof) in both() {
        for at in (0..proof.len().min(600)).chain((600..proof.len()).step_by(step)) {
            let mut bad = proof.clone();
            bad[at] ^= 1 << (at % 8);
            let verdict = common::check(&key, &honest().0, profile, &bad);
            assert!(verdict.is_err(), "{profile:?}: byte {at} of {}", proof.len());
        }
    }
}

#[test]
fn wrong_lengths_are_rejected() {
    let key = prover().model().verifying_key();
    for (profile, proof) in both() {
        let check = |proof: &[u8]| common::check(&key, &honest().0, profile, proof);
        for length in [0, 1, 25, 26, 46, 47, proof.len() / 2, proof.len() - 1] {
            assert!(check(&proof[..length]).is_err(), "{length} bytes");
        }
        let longer = [proof.as_slice(), &[0]].concat();
        assert!(matches!(check(&longer), Err(VerifyError::Channel(_))));
    }
}

#[test]
fn another_statement_is_rejected() {
    let (statement, proof) = honest();
    let best = evaluate(prover().model(), &record()).unwrap().best;
    let other_game = Statement::single([4; 32], &record(), best).unwrap();
    assert!(check(&other_game, proof).is_err(), "game id");

    // The same board, other counters: another ply, another 50-move count.
    let fen = |tail: &str| format!("rnbqkbnr/pp1ppppp/8/2p5/4P3/5N2/PPPP1PPP/RNBQKB1R b KQkq - {tail}");
    let at = |fen: &str| GameRecord::from_fen(fen).unwrap();
    let base = at(&fen("1 2"));
    let own = evaluate(prover().model(), &base).unwrap().best;
    let base_statement = Statement::single(GAME, &base, own).unwrap();
    let base_proof = prover().prove(&base_statement, Profile::Live).unwrap().proof;
    assert_eq!(check(&base_statement, &base_proof), Ok(()));
    for (name, other) in [("ply", at(&fen("1 3"))), ("50-move counter", at(&fen("2 2")))] {
        assert!(check(&Statement::single(GAME, &other, own).unwrap(), &base_proof).is_err(), "{name}");
    }
    // The same position with its history known: the last move is an input.
    assert!(check(&Statement::single(GAME, &record(), own).unwrap(), &base_proof).is_err(), "history");
    // Another legal move.
    for entry in evaluate(prover().model(), &record()).unwrap().policy.iter().skip(1) {
        assert!(
            check(&Statement::single(GAME, &record(), entry.mv).unwrap(), proof).is_err(),
            "{}",
            entry.uci
        );
    }
    // Another model.
    let other = weights::commit(network(8), &|_| {});
    assert!(verify(&other.verifying_key(), statement, Profile::Live, proof).is_err());
}

#[test]
fn the_second_best_move_has_no_proof() {
    let second = evaluate(prover().model(), &record()).unwrap().policy[1].clone();
    let statement = Statement::single(GAME, &record(), second.mv).unwrap();
    assert!(matches!(prover().prove(&statement, Profile::Live), Err(ProveError::NotTheNetworksMove { .. })));
    assert!(matches!(forge(&statement, |_| {}), Err(VerifyError::Lookups(_))), "everything else honest");
    // Inflating the winner's logit breaks the head's identity instead.
    let chosen = statement.public_moves(LOGIT_SCALE_LOG2)[0].chosen;
    let inflated =
        forge(&statement, |traces| traces[0].logits[chosen] = *traces[0].logits.iter().max().unwrap());
    assert!(matches!(inflated, Err(VerifyError::Linear(_) | VerifyError::Columns(_))), "{inflated:?}");
}

#[test]
fn an_illegal_move_has_no_proof() {
    let honest = statement();
    let public = honest.public_moves(LOGIT_SCALE_LOG2)[0].clone();
    let logits = &prover().traces(std::slice::from_ref(&public))[0].logits;
    let all: Vec<usize> = (0..logits.len()).collect();
    let best = argmax(logits, &all, &vec![0; all.len()]).unwrap();
    let illegal = if public.mask.contains(&best) {
        (0..4672).find(|m| !public.mask.contains(m)).unwrap()
    } else {
        best
    };
    // The best of ALL indices, which the mask does not hold: its own gap carries the mask's constant, all others fit.
    let statement = honest.with_choice(0, illegal);
    assert_eq!(forge(&statement, |_| {}), Err(VerifyError::IllegalMove(0)));
}

#[test]
fn wrong_values_at_every_layer_are_rejected() {
    let statement = statement();
    let layers = shape(&statement).num_layers;
    let channels = 16;
    for layer in 0..layers {
        let at = (layer * channels + 5) * 64 + 27;
        let off_by_one = forge(&statement, |traces| traces[0].activations[at] ^= 1);
        assert!(off_by_one.is_err(), "activation of layer {layer}");
        let quotient = forge(&statement, |traces| traces[0].quotients[at] += 1);
        assert!(quotient.is_err(), "quotient of layer {layer}");
        let remainder = forge(&statement, |traces| traces[0].remainders[at] ^= 1);
        assert!(remainder.is_err(), "remainder of layer {layer}");
    }
}

#[test]
fn a_skipped_saturation_is_rejected() {
    let statement = statement();
    let result = forge(&statement, |traces| {
        let trace = &mut traces[0];
        // Both at once: a quotient over 255 is passed on unclamped (mod 256), a negative one as its low byte.
        for (x, &q) in trace.activations.iter_mut().zip(&trace.quotients) {
            *x = q as u8;
        }
    });
    assert!(result.is_err());
}

#[test]
fn a_remainder_out_of_range_is_rejected() {
    // One more in the quotient, 2^S less in the remainder: the identity holds, the range check does not.
    let statement = statement();
    let result = forge_witness(&statement, |shape, witness| {
        let at = (2 << shape.log_block()) + 100;
        witness.table[shape.witness.quotients + at] += engine_circuit::field::Val::ONE;
        witness.remainders[at] -= engine_circuit::field::Val::from_u64(1 << SCALE_LOG2);
    });
    assert!(matches!(result, Err(VerifyError::Lookups(_))), "{result:?}");
}

#[test]
fn wrong_multiplicities_are_rejected() {
    let statement = statement();
    for table in 0..2 {
        let result = forge_witness(&statement, |shape, witness| {
            let start = [shape.witness.activation_counts, shape.witness.range_counts][table];
            witness.table[start + 3] += engine_circuit::field::Val::ONE;
        });
        assert!(matches!(result, Err(VerifyError::Lookups(_))), "{result:?}");
    }
}

#[test]
fn a_forged_limb_is_rejected() {
    let statement = statement();
    let chosen = statement.public_moves(LOGIT_SCALE_LOG2)[0].chosen;
    let result = forge_witness(&statement, |shape, witness| {
        let at = shape.logit_entry(0, chosen) - shape.witness.logits;
        witness.table[shape.witness.limbs + at] += engine_circuit::field::Val::ONE;
    });
    assert!(result.is_err());
}

#[test]
fn other_weights_under_the_same_key_are_rejected() {
    // A prover that runs another network, with the honest key's digest in the transcript.
    let honest = prover().model();
    let other = weights::commit(network(9), &|_| {});
    let key = other.verifying_key();
    assert_ne!(key.digest(), honest.digest());
    let other = Prover::in_memory(Arc::new(other)).unwrap();
    let best = evaluate(other.model(), &record()).unwrap().best;
    let statement = Statement::single(GAME, &record(), best).unwrap();
    let proof = other.prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key, &statement, Profile::Live, &proof), Ok(()));
    assert!(check(&statement, &proof).is_err());
}

#[test]
fn of_equal_logits_only_the_lowest_index_is_proven() {
    // All head weights and biases zero: every legal move ties.
    let mut bytes = network(7).to_bytes();
    let head = bytes.len() - engine_circuit::encode::HEAD_PLANES * (4 + 16);
    bytes[head..].fill(0);
    let model = Arc::new(weights::commit(QuantisedNetwork::from_bytes(&bytes).unwrap(), &|_| {}));
    let prover = Prover::in_memory(model).unwrap();
    let key = prover.model().verifying_key();
    let record = record();
    let policy = evaluate(prover.model(), &record).unwrap().policy;
    let lowest = policy.iter().min_by_key(|entry| entry.index).unwrap();
    let statement = Statement::single(GAME, &record, lowest.mv).unwrap();
    let proof = prover.prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&key, &statement, Profile::Live, &proof), Ok(()));
    let higher = policy.iter().max_by_key(|entry| entry.index).unwrap();
    let statement = Statement::single(GAME, &record, higher.mv).unwrap();
    let moves = statement.public_moves(LOGIT_SCALE_LOG2);
    let witness = Witness::new(&key.circuit(1), prover.model().network(), &moves, &prover.traces(&moves));
    let result = verify(
        &key,
        &statement,
        Profile::Live,
        &prover.prove_witness(&statement, Profile::Live, &witness).proof,
    );
    assert!(matches!(result, Err(VerifyError::Lookups(_))), "{result:?}");
}

#[test]
fn one_wrong_move_in_a_game_spoils_the_batch() {
    let mut record = GameRecord::default();
    for _ in 0..6 {
        record.play(evaluate(prover().model(), &record).unwrap().best).unwrap();
    }
    let statement = Statement::game(GAME, &record, protocol::shakmaty::Color::White).unwrap();
    assert_eq!(forge(&statement, |_| {}), Ok(()));
    let public = statement.public_moves(LOGIT_SCALE_LOG2);
    let other = *public[1].mask.iter().find(|&&index| index != public[1].chosen).unwrap();
    assert!(forge(&statement.with_choice(1, other), |_| {}).is_err());
}

#[test]
fn a_worthless_proof_of_the_longest_game_is_rejected_without_a_panic() {
    // 263 channels by 16 blocks and 256 moves need a witness of 2^30 entries, as large as a word can be.
    let network = QuantisedNetwork::random(NetworkShape { channels: 263, blocks: 16 }, 1).unwrap();
    let key =
        engine_circuit::Model::from_parts(network, [0; 32], engine_circuit::field::Ext::ZERO).verifying_key();
    let mut record = GameRecord::default();
    for n in 0..2 * engine_circuit::shape::MAX_MOVES {
        record.play_uci(["g1f3", "g8f6", "f3g1", "f6g8"][n % 4]).unwrap();
    }
    let statement = Statement::game(GAME, &record, protocol::shakmaty::Color::White).unwrap();
    let result = Profile::ALL.map(|profile| verify(&key, &statement, profile, &vec![0; 300_000]));
    assert!(result.iter().all(Result::is_err), "{result:?}");
}
