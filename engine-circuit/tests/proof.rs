//! Whole proofs of small networks: what is accepted and what is rejected.

use std::sync::{Arc, OnceLock};

use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::{Prover, Statement, evaluate, verify, weights};
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

#[test]
fn a_move_is_proven_and_verified() {
    let prover = tiny();
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let statement = own_move(prover, &record);
    let proved = prover.prove(&statement).unwrap();
    assert_eq!(verify(&prover.model().verifying_key(), &statement, &proved.proof), Ok(()));
}

#[test]
fn networks_of_all_kinds_of_shapes_are_proven() {
    for (channels, blocks) in [(16, 3), (24, 2), (32, 1), (40, 1), (64, 2), (96, 1), (128, 1), (256, 1)] {
        let prover = prover(channels, blocks, 11);
        let record = GameRecord::replay(START_FEN, ["d2d4", "g8f6", "c2c4"]).unwrap();
        let statement = own_move(&prover, &record);
        let proved = prover.prove(&statement).unwrap();
        assert_eq!(
            verify(&prover.model().verifying_key(), &statement, &proved.proof),
            Ok(()),
            "{channels} x {blocks}"
        );
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
        let proved = prover.prove(&statement).unwrap();
        assert_eq!(verify(&prover.model().verifying_key(), &statement, &proved.proof), Ok(()));
    }
}
