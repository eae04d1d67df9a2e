//! Levels below the strongest, and values: what is part of a statement is proven, and nothing else passes for it.

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use engine_circuit::commitment::OpeningError;
use engine_circuit::dishonest::Lies;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::transcript::keccak256;
use engine_circuit::witness::Witness;
use engine_circuit::{
    Level, Profile, ProveError, Prover, Seed, Statement, StatementError, VerifyError, evaluate, verify,
    weights,
};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::{Color, Move, Position};

const GAME: [u8; 32] = [3; 32];

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7).unwrap();
        Prover::in_memory(Arc::new(weights::commit(network, &|_| {}))).unwrap()
    })
}

fn check(statement: &Statement, proof: &[u8]) -> Result<(), VerifyError> {
    verify(&prover().model().verifying_key(), statement, Profile::Live, proof)
}

fn record() -> GameRecord {
    GameRecord::replay(START_FEN, ["e2e4", "c7c5", "g1f3"]).unwrap()
}

fn single(mv: Move, level: Level, seed: Seed) -> Statement {
    let seeds = if level.is_random() { vec![seed] } else { vec![] };
    Statement::single(GAME, &record(), mv).unwrap().at_level(level, &seeds).unwrap()
}

/// Everything honest but the choice of the move.
fn forge(statement: &Statement) -> Result<(), VerifyError> {
    let network = prover().model().network();
    let moves = statement.public_moves(network.logit_scale_log2());
    let shape = prover().model().verifying_key().circuit(moves.len());
    let witness = Witness::new(&shape, network, &moves, &prover().traces(&moves));
    common::verdict(prover(), statement, &witness, &Lies::default())
}

/// A level and a seed under which another move than the best is drawn.
fn surprising() -> (Level, Seed, Move) {
    let evaluation = evaluate(prover().model(), &record()).unwrap();
    let level = Level::new(2).unwrap();
    (0u32..)
        .map(|n| keccak256(&n.to_be_bytes()))
        .map(|seed| (level, seed, evaluation.choose(level, &seed)))
        .find(|(_, _, mv)| *mv != evaluation.best)
        .unwrap()
}

#[test]
fn the_move_drawn_at_every_level_is_proven() {
    let evaluation = evaluate(prover().model(), &record()).unwrap();
    for level in Level::all() {
        let seed = [level.number(); 32];
        let statement = single(evaluation.choose(level, &seed), level, seed);
        let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
        assert_eq!(check(&statement, &proof), Ok(()), "level {level}");
    }
}

/// The transcript has to absorb them even where the noise of a move comes out the same.
#[test]
fn level_and_seed_are_in_what_the_transcript_absorbs() {
    let mv = record().position().legal_moves()[0];
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for level in Level::all() {
        for seed in [[1; 32], [2; 32]] {
            if level.is_random() || seed == [1; 32] {
                seen.insert(single(mv, level, seed).to_bytes());
                count += 1;
            }
        }
    }
    assert_eq!((seen.len(), count), (15, 15));
}

#[test]
fn a_drawn_move_is_proven_for_its_level_and_seed_only() {
    let (level, seed, mv) = surprising();
    let best = evaluate(prover().model(), &record()).unwrap().best;
    let statement = single(mv, level, seed);
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(check(&statement, &proof), Ok(()));
    let mut other = seed;
    other[31] ^= 1;
    assert!(check(&single(mv, level, other), &proof).is_err(), "another seed");
    assert!(check(&single(mv, Level::new(3).unwrap(), seed), &proof).is_err(), "another level");
    assert!(check(&single(mv, Level::STRONGEST, seed), &proof).is_err(), "no level");
    // The best move is not what the noise leads to, and the drawn move is not the best.
    let statement = single(best, level, seed);
    assert!(matches!(prover().prove(&statement, Profile::Live), Err(ProveError::NotTheNetworksMove { .. })));
    assert!(matches!(forge(&statement), Err(VerifyError::Lookups(_))), "the best move against the noise");
    let statement = single(mv, Level::STRONGEST, seed);
    assert!(matches!(forge(&statement), Err(VerifyError::Lookups(_))), "the drawn move without noise");
    assert_eq!(forge(&single(mv, level, seed)), Ok(()), "the forger's path is the honest one");
}

#[test]
fn seeds_are_one_a_move_and_none_at_the_strongest_level() {
    let (level, seed, mv) = surprising();
    let statement = Statement::single(GAME, &record(), mv).unwrap();
    let error = |expected, actual, level| Err(StatementError::NumSeeds { level, expected, actual });
    assert_eq!(statement.clone().at_level(level, &[]), error(1, 0, level));
    assert_eq!(statement.clone().at_level(level, &[seed; 2]), error(1, 2, level));
    let strongest = Level::STRONGEST;
    assert_eq!(statement.clone().at_level(strongest, &[seed]), error(0, 1, strongest));
    assert_eq!(statement.clone().at_level(strongest, &[]), Ok(statement));
}

#[test]
fn a_game_at_a_level_is_one_proof() {
    let level = Level::new(3).unwrap();
    let mut record = GameRecord::default();
    let mut seeds = [vec![], vec![]];
    let mut values = [vec![], vec![]];
    for ply in 0..7 {
        let evaluation = evaluate(prover().model(), &record).unwrap();
        let seed = keccak256(&[ply as u8]);
        seeds[ply % 2].push(seed);
        values[ply % 2].push(evaluation.value);
        record.play(evaluation.choose(level, &seed)).unwrap();
    }
    for (side, n) in [(Color::White, 0), (Color::Black, 1)] {
        let game = Statement::game(GAME, &record, side).unwrap().at_level(level, &seeds[n]).unwrap();
        let statement = game.clone().with_values(&values[n]).unwrap();
        let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
        assert_eq!(check(&statement, &proof), Ok(()));
        assert!(check(&game, &proof).is_err(), "without the values");
        let mut swapped = seeds[n].clone();
        swapped.swap(0, 1);
        assert!(check(&statement.clone().at_level(level, &swapped).unwrap(), &proof).is_err(), "seeds");
        let mut swapped = values[n].clone();
        swapped.swap(0, 1);
        let statement = statement.with_values(&swapped).unwrap();
        assert!(matches!(
            prover().prove(&statement, Profile::Live),
            Err(ProveError::NotTheNetworksValue { .. })
        ));
        assert_eq!(forge(&statement), Err(VerifyError::Witness(OpeningError::FinalClaim)), "values swapped");
    }
}

#[test]
fn a_stated_value_is_proven_and_no_other() {
    let evaluation = evaluate(prover().model(), &record()).unwrap();
    let plain = Statement::single(GAME, &record(), evaluation.best).unwrap();
    let statement = plain.clone().with_values(&[evaluation.value]).unwrap();
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(check(&statement, &proof), Ok(()));
    assert!(check(&plain, &proof).is_err(), "a proof with values is none without");
    let without = prover().prove(&plain, Profile::Live).unwrap().proof;
    assert!(check(&statement, &without).is_err(), "and the other way round");
    for j in 0..3 {
        for change in [1, -1] {
            let mut value = evaluation.value;
            value[j] += change;
            let statement = plain.clone().with_values(&[value]).unwrap();
            assert!(check(&statement, &proof).is_err(), "the honest proof for another value");
            assert_eq!(forge(&statement), Err(VerifyError::Witness(OpeningError::FinalClaim)), "{j}");
        }
    }
    assert_eq!(
        plain.with_values(&[evaluation.value; 2]),
        Err(StatementError::NumValues { expected: 1, actual: 2 })
    );
}

#[cfg(feature = "bundle")]
#[test]
fn a_bundle_carries_its_seeds_and_their_chain_is_checked() {
    use engine_circuit::bundle::{Bundle, BundleError};
    use engine_circuit::sampling::{SeedChain, SeedError, SeedRecord, ply_seed};
    use std::collections::BTreeMap;

    let (level, nonce) = (Level::new(2).unwrap(), [5; 32]);
    let chain = SeedChain::new([6; 32], 10);
    // The network has Black, and the game starts at White's move 11.
    let mut record = GameRecord::from_fen("4k3/pppp4/8/8/8/8/4PPPP/4K3 w - - 0 11").unwrap();
    let (mut proofs, mut elements) = (BTreeMap::new(), Vec::new());
    for ply in 0..6u32 {
        let evaluation = evaluate(prover().model(), &record).unwrap();
        if ply % 2 == 0 {
            record.play(evaluation.best).unwrap();
            continue;
        }
        let element = chain.element(elements.len() + 1).unwrap();
        let seed = ply_seed(&nonce, &element, 20 + ply);
        let mv = evaluation.choose(level, &seed);
        let statement = Statement::single(GAME, &record, mv).unwrap().at_level(level, &[seed]).unwrap();
        proofs.insert(ply, prover().prove(&statement, Profile::Live).unwrap().proof);
        elements.push(element);
        record.play(mv).unwrap();
    }
    let key = prover().model().verifying_key();
    let seeds = SeedRecord { level, head: chain.head(), nonce, elements };
    let with = |sampling: Option<SeedRecord>| {
        let plain = Bundle::new(&record, &[], key.digest(), GAME, Color::Black, proofs.clone());
        let bundle = match sampling {
            Some(sampling) => plain.with_sampling(sampling),
            None => plain,
        };
        Bundle::read(&bundle.write().unwrap()).unwrap().verify(&key).map(|verified| verified.len())
    };
    assert_eq!(with(Some(seeds.clone())).unwrap(), 3);
    assert!(matches!(with(None), Err(BundleError::Rejected { .. })));
    let changed = |change: fn(&mut SeedRecord)| {
        let mut seeds = seeds.clone();
        change(&mut seeds);
        with(Some(seeds)).unwrap_err()
    };
    assert!(matches!(changed(|s| s.nonce[0] ^= 1), BundleError::Rejected { ply: 1, .. }));
    assert!(matches!(changed(|s| s.level = Level::new(3).unwrap()), BundleError::Rejected { ply: 1, .. }));
    assert!(matches!(changed(|s| s.head[0] ^= 1), BundleError::Seeds(SeedError::Chain(1))));
    assert!(matches!(changed(|s| s.elements[2][0] ^= 1), BundleError::Seeds(SeedError::Chain(3))));
    assert!(matches!(changed(|s| s.elements.truncate(2)), BundleError::Seeds(SeedError::Count { .. })));
}
