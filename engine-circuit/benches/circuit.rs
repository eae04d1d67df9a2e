//! Times of the parts, on a random network of the shipped one's size (64 x 5) and smaller. Each bench asserts what it computes.
//! `cargo bench -p engine-circuit`; whole proofs of large networks are `engine bench`'s.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use engine_circuit::argument::columns::{self, TupleChallenges};
use engine_circuit::argument::lookups;
use engine_circuit::channel::{ProverChannel, VerifierChannel};
use engine_circuit::dishonest::TreeLie;
use engine_circuit::infer::{argmax, infer};
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::transcript::Transcript;
use engine_circuit::witness::Witness;
use engine_circuit::{Profile, Prover, StageTimes, Statement, evaluate, verify, weights};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::Color;

const SIZES: [(usize, usize); 2] = [(32, 2), (64, 5)];

fn prover(channels: usize, blocks: usize) -> Prover {
    let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, 1).unwrap();
    Prover::in_memory(Arc::new(weights::commit(network, &|_| {}))).unwrap()
}

/// The network's own move in the usual opening position, and its first eight as White.
fn statements(prover: &Prover) -> [Statement; 2] {
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let best = evaluate(prover.model(), &record).unwrap().best;
    let one = Statement::single([1; 32], &record, best).unwrap();
    let mut record = GameRecord::default();
    for _ in 0..16 {
        record.play(evaluate(prover.model(), &record).unwrap().best).unwrap();
    }
    [one, Statement::game([1; 32], &record, Color::White).unwrap()]
}

fn inference(c: &mut Criterion) {
    let mut group = c.benchmark_group("infer");
    for (channels, blocks) in [(64, 5), (128, 10)] {
        let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, 1).unwrap();
        let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
        let planes = engine_circuit::encode::planes(record.position(), record.last_move_squares());
        let expected = infer(&network, &planes);
        let name = format!("{channels} x {blocks}");
        group.bench_function(name, |b| b.iter(|| assert!(infer(&network, black_box(&planes)) == expected)));
    }
    group.finish();
}

fn prove_by_stage(c: &mut Criterion) {
    type Stage = (&'static str, fn(&StageTimes) -> f64);
    let stages: [Stage; 6] = [
        ("witness", |times| times.witness),
        ("commit", |times| times.commit),
        ("lookups", |times| times.lookups),
        ("convolutions", |times| times.convolutions),
        ("openings", |times| times.openings),
        ("all", StageTimes::prove),
    ];
    for (channels, blocks) in SIZES {
        let prover = prover(channels, blocks);
        let key = prover.model().verifying_key();
        for (statement, moves) in statements(&prover).iter().zip(["a move", "eight moves"]) {
            let expected = prover.prove(statement, Profile::Live).unwrap().proof;
            assert_eq!(verify(&key, statement, Profile::Live, &expected), Ok(()));
            let mut group = c.benchmark_group(format!("prove {channels} x {blocks}, {moves}"));
            for (name, stage) in stages {
                group.bench_function(name, |b| {
                    b.iter_custom(|rounds| {
                        let mut ms = 0.0;
                        for _ in 0..rounds {
                            let proved = prover.prove(statement, Profile::Live).unwrap();
                            assert!(proved.proof == expected, "the same statement has the same proof");
                            ms += stage(&proved.times);
                        }
                        Duration::from_secs_f64(ms / 1e3)
                    });
                });
            }
            group.finish();
        }
    }
}

fn verification(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for (channels, blocks) in SIZES {
        let prover = prover(channels, blocks);
        let key = prover.model().verifying_key();
        for (statement, moves) in statements(&prover).iter().zip(["a move", "eight moves"]) {
            let proof = prover.prove(statement, Profile::Live).unwrap().proof;
            let name = format!("{channels} x {blocks}, {moves}");
            group.bench_function(name, |b| {
                b.iter(|| assert_eq!(verify(&key, statement, Profile::Live, black_box(&proof)), Ok(())));
            });
        }
    }
    group.finish();
}

fn lookup_tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup tree");
    for (channels, blocks) in SIZES {
        let prover = prover(channels, blocks);
        for (statement, moves) in statements(&prover).iter().zip(["a move", "eight moves"]) {
            let public = statement.public_moves(prover.model().network().logit_scale_log2());
            let shape = prover.model().verifying_key().circuit(public.len());
            let traces = prover.traces(&public);
            assert!(public.iter().zip(&traces).all(|(public, trace)| {
                argmax(&trace.logits, &public.mask, &public.noise) == Some(public.chosen)
            }));
            let witness = Witness::new(&shape, prover.model().network(), &public, &traces);
            let mut transcript = Transcript::new(b"bench");
            let challenges = TupleChallenges { alpha: transcript.sample(), beta: transcript.sample() };
            let name = BenchmarkId::new(format!("{channels} x {blocks}"), moves);
            group.bench_function(name, |b| {
                b.iter(|| {
                    let tree = lookups::Tree::new(columns::leaves(&shape, &witness, challenges));
                    let mut channel = ProverChannel::new(transcript.clone());
                    let claims = lookups::prove(&tree, TreeLie::Honest, &mut channel);
                    let proof = channel.finish();
                    let mut channel = VerifierChannel::new(transcript.clone(), &proof);
                    assert_eq!(lookups::verify(shape.sections.log_leaves, &mut channel), Ok(claims));
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500));
    targets = inference, prove_by_stage, verification, lookup_tree
}
criterion_main!(benches);
