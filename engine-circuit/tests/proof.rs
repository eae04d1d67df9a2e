//! Whole proofs of small networks, of both profiles: what is accepted and what is rejected.

mod common;

use std::sync::{Arc, OnceLock};

use engine_circuit::channel::ChannelError;
use engine_circuit::commitment::Openings;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::{Profile, Prover, Statement, VerifyError, evaluate, verify, weights};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::Color;

fn prover(channels: usize, blocks: usize, seed: u64) -> Prover {
    let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, seed).unwrap();
    Prover::in_memory(Arc::new(weights::commit(network, &|_| {}))).unwrap()
}

fn tiny() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| prover(16, 1, 7))
}

/// The network's own move at the end of a record.
fn own_move(prover: &Prover, record: &GameRecord) -> Statement {
    let best = evaluate(prover.model(), record).unwrap().best;
    Statement::single([3; 32], record, best).unwrap()
}

/// Proves and verifies in both profiles.
fn both_verify(prover: &Prover, statement: &Statement, name: &str) {
    for profile in Profile::ALL {
        let proof = common::prove_honestly(prover, statement, profile);
        let verdict = common::check(&prover.model().verifying_key(), statement, profile, &proof);
        assert_eq!(verdict, Ok(()), "{name}, {profile:?}");
    }
}

#[test]
fn a_move_is_proven_and_verified() {
    let prover = tiny();
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let statement = own_move(prover, &record);
    let key = prover.model().verifying_key();
    // At full work, through the door that everyone uses.
    let [live, chain] = Profile::ALL.map(|profile| {
        let proof = prover.prove(&statement, profile).unwrap().proof;
        assert_eq!(verify(&key, &statement, profile, &proof), Ok(()), "{profile:?}");
        proof
    });
    assert!(chain.len() < live.len() * 2 / 3, "{} and {} bytes", chain.len(), live.len());
    assert!(verify(&key, &statement, Profile::Chain, &live).is_err(), "a live proof for the chain");
    assert!(verify(&key, &statement, Profile::Live, &chain).is_err(), "a chain's proof for a live one");
}

/// The same bytes under the other name: from the first challenge on nothing fits.
#[test]
fn profiles_have_transcripts_of_their_own() {
    let names = Profile::ALL.map(engine_circuit::verify::protocol);
    assert_ne!(names[0], names[1]);
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let statement = own_move(tiny(), &record);
    let key = tiny().model().verifying_key();
    let proofs = Profile::ALL.map(|profile| common::prove_honestly(tiny(), &statement, profile));
    let lookups = |verdict| matches!(verdict, Err(VerifyError::Lookups(_)));
    assert!(lookups(common::check(&key, &statement, Profile::Chain, &proofs[0])));
    assert!(lookups(common::check(&key, &statement, Profile::Live, &proofs[1])));
}

#[test]
fn a_proof_for_the_chain_needs_its_work() {
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let statement = own_move(tiny(), &record);
    let proof = common::prove_honestly(tiny(), &statement, Profile::Chain);
    let verdict = verify(&tiny().model().verifying_key(), &statement, Profile::Chain, &proof);
    let lazy = |error: &VerifyError| error.to_string().contains("proof of work");
    assert!(matches!(&verdict, Err(error @ VerifyError::Joint(_)) if lazy(error)), "{verdict:?}");
}

#[test]
fn networks_of_all_kinds_of_shapes_are_proven() {
    for (channels, blocks) in [(16, 3), (24, 2), (32, 1), (40, 1), (64, 2), (96, 1), (128, 1), (256, 1)] {
        let prover = prover(channels, blocks, 11);
        let record = GameRecord::replay(START_FEN, ["d2d4", "g8f6", "c2c4"]).unwrap();
        let best = evaluate(prover.model(), &record).unwrap();
        let statement = own_move(&prover, &record).with_values(&[best.value]).unwrap();
        both_verify(&prover, &statement, &format!("{channels} x {blocks}"));
    }
}

#[test]
fn one_proof_covers_all_moves_of_a_side() {
    let prover = tiny();
    let mut record = GameRecord::default();
    for _ in 0..10 {
        let best = evaluate(prover.model(), &record).unwrap().best;
        record.play(best).unwrap();
    }
    for (side, moves) in [(Color::White, 5), (Color::Black, 5)] {
        let statement = Statement::game([9; 32], &record, side).unwrap();
        assert_eq!(statement.num_moves(), moves);
        both_verify(prover, &statement, &format!("{side:?}"));
    }
}

/// With 48 moves the folded witness is longer than the folded weights, which are followed by zeros.
#[test]
fn a_long_game_is_proven() {
    let prover = tiny();
    let mut record = GameRecord::default();
    for n in 0..96 {
        if n % 2 == 0 {
            record.play(evaluate(prover.model(), &record).unwrap().best).unwrap();
        } else {
            let Some(mv) = protocol::shakmaty::Position::legal_moves(record.position()).first().copied()
            else {
                break;
            };
            record.play(mv).unwrap();
        }
        if protocol::shakmaty::Position::is_game_over(record.position()) {
            break;
        }
    }
    let statement = Statement::game([9; 32], &record, Color::White).unwrap();
    let shape = prover.model().verifying_key().circuit(statement.num_moves());
    let openings = Openings::new(Profile::Chain, shape.witness.num_variables, shape.weight_variables());
    let Openings::Joint(schedule) = openings else { panic!("the chain's opening is joint") };
    assert!(schedule.tables[0].height() > schedule.tables[1].height(), "{} moves", statement.num_moves());
    both_verify(prover, &statement, &format!("{} moves", statement.num_moves()));
    let proof = common::prove_honestly(prover, &statement, Profile::Chain);
    let key = prover.model().verifying_key();
    let end = &proof[..proof.len() - 1];
    let verdict = common::check(&key, &statement, Profile::Chain, end);
    let joint = |error| VerifyError::Joint(engine_circuit::commitment::OpeningError::Channel(error));
    assert_eq!(verdict, Err(joint(ChannelError::Truncated(end.len()))));
}
