//! Statements with contenders: the argmax over all that geometry allows but the illegal moves on a list.

mod common;

use std::sync::{Arc, OnceLock};

use engine_circuit::dishonest::Lies;
use engine_circuit::encode::geometric_indices;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::transcript::keccak256;
use engine_circuit::witness::Witness;
use engine_circuit::{
    Level, Profile, Prover, Statement, StatementError, VerifyError, evaluate, verify, weights,
};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::Color;

const GAME: [u8; 32] = [3; 32];

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7).unwrap();
        Prover::in_memory(Arc::new(weights::commit(network, &|_| {}))).unwrap()
    })
}

fn scale() -> u8 {
    prover().model().network().logit_scale_log2()
}

fn record() -> GameRecord {
    GameRecord::replay(START_FEN, ["e2e4", "c7c5", "g1f3"]).unwrap()
}

/// The lists that an honest prover gives.
fn contenders(statement: &Statement) -> Vec<Vec<u16>> {
    let traces = prover().traces(&statement.public_moves(scale()));
    statement.contenders(&traces.into_iter().map(|trace| trace.logits).collect::<Vec<_>>(), scale())
}

/// Proves with these lists, everything else honest.
fn forge(statement: &Statement, lists: &[Vec<u16>]) -> Result<(), VerifyError> {
    let statement = statement.clone().with_contenders(lists).unwrap();
    let moves = statement.public_moves(scale());
    let key = prover().model().verifying_key();
    let network = prover().model().network();
    let witness = Witness::new(&key.circuit(moves.len()), network, &moves, &prover().traces(&moves));
    common::verdict(prover(), &statement, &witness, &Lies::default())
}

#[test]
fn geometry_has_the_known_number_of_moves() {
    assert_eq!(geometric_indices().len(), 1_858);
    assert!(geometric_indices().is_sorted_by(|a, b| a < b));
}

#[test]
fn the_honest_lists_are_enough_and_nothing_less_is() {
    let evaluation = evaluate(prover().model(), &record()).unwrap();
    for number in [8, 4] {
        let level = Level::new(number).unwrap();
        let seed = keccak256(&[number]);
        let seeds = if level.is_random() { vec![seed] } else { vec![] };
        let statement = Statement::single(GAME, &record(), evaluation.choose(level, &seed)).unwrap();
        let statement = statement.at_level(level, &seeds).unwrap();
        let lists = contenders(&statement);
        assert!(!lists[0].is_empty(), "a random network likes illegal moves");
        assert_eq!(forge(&statement, &lists), Ok(()), "level {level}");
        for at in [0, lists[0].len() / 2, lists[0].len() - 1] {
            let mut shorter = lists.clone();
            shorter[0].remove(at);
            let verdict = forge(&statement, &shorter);
            assert!(matches!(verdict, Err(VerifyError::Lookups(_))), "without entry {at}: {verdict:?}");
        }
        // More on the list than needed changes nothing: what is legal stays in the argmax.
        let all = vec![geometric_indices().to_vec()];
        assert_eq!(forge(&statement, &all), Ok(()), "everything listed");
        let proof =
            prover().prove(&statement.clone().with_contenders(&lists).unwrap(), Profile::Live).unwrap().proof;
        let key = prover().model().verifying_key();
        assert!(
            verify(&key, &statement, Profile::Live, &proof).is_err(),
            "the statement over the legal moves is another"
        );
        assert!(
            verify(&key, &statement.clone().with_contenders(&all).unwrap(), Profile::Live, &proof).is_err()
        );
    }
}

#[test]
fn a_better_legal_move_cannot_be_listed_away() {
    let policy = evaluate(prover().model(), &record()).unwrap().policy;
    let second = Statement::single(GAME, &record(), policy[1].mv).unwrap();
    let mut lists = contenders(&second);
    let best = u16::try_from(policy[0].index).unwrap();
    assert!(!lists[0].contains(&best));
    lists[0].push(best);
    lists[0].sort_unstable();
    assert!(matches!(forge(&second, &lists), Err(VerifyError::Lookups(_))));
}

#[test]
fn a_game_with_contenders_is_one_proof() {
    let mut record = GameRecord::default();
    for _ in 0..6 {
        record.play(evaluate(prover().model(), &record).unwrap().best).unwrap();
    }
    let statement = Statement::game(GAME, &record, Color::White).unwrap();
    let lists = contenders(&statement);
    assert_eq!(forge(&statement, &lists), Ok(()));
    let mut swapped = lists.clone();
    swapped.swap(0, 2);
    assert_ne!(lists, swapped);
    assert!(forge(&statement, &swapped).is_err());
}

#[test]
fn lists_have_one_form() {
    let best = evaluate(prover().model(), &record()).unwrap().best;
    let statement = Statement::single(GAME, &record(), best).unwrap();
    let with = |lists: &[Vec<u16>]| statement.clone().with_contenders(lists).map(|_| ());
    let [a, b] = [geometric_indices()[3], geometric_indices()[9]];
    let beside = (0..4_672).find(|index| geometric_indices().binary_search(index).is_err()).unwrap();
    assert_eq!(with(&[vec![a, b]]), Ok(()));
    for wrong in [vec![b, a], vec![a, a]] {
        assert_eq!(with(&[wrong]), Err(StatementError::Contender { number: 0, at: 1 }));
    }
    for wrong in [beside, 4_672, u16::MAX] {
        assert_eq!(with(&[vec![wrong]]), Err(StatementError::Contender { number: 0, at: 0 }));
    }
    assert_eq!(with(&[]), Err(StatementError::NumContenders { expected: 1, actual: 0 }));
}
