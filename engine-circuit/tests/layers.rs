//! The layers against a second, slow implementation of docs/network.md, written without any of the library's arithmetic: the
//! reference inference, the prover's values and the committed weights agree with it, and a value that is wrong at any ONE layer, with
//! everything after it honestly computed from the wrong value, has no proof.

#![allow(clippy::needless_range_loop, reason = "the indices are the specification's")]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use engine_circuit::argument::linear::LinearError;
use engine_circuit::argument::lookups::LookupError;
use engine_circuit::encode::{HEAD_PLANES, HEAD_SIZE, NUM_PLANES, NUM_SQUARES, Planes, planes};
use engine_circuit::field::Val;
use engine_circuit::infer::{Trace, argmax, infer};
use engine_circuit::model::{NetworkShape, QuantisedNetwork, SCALE_LOG2};
use engine_circuit::shape::Shape;
use engine_circuit::witness::{Witness, weight_table};
use engine_circuit::{Model, Profile, Prover, Statement, VerifyError, evaluate, verify, weights};
use p3_field::PrimeCharacteristicRing;
use protocol::GameRecord;
use protocol::record::START_FEN;

/// Where a value is: layer (1 first), channel, square.
type Place = (usize, usize, usize);

/// Docs section 3, to the letter. `lie` may change quotient and activation of any place; what follows is computed from them.
fn by_the_book(
    network: &QuantisedNetwork,
    planes: &Planes,
    mut lie: impl FnMut(Place, &mut i64, &mut i64),
) -> Trace {
    let channels = network.channels();
    let mut trace =
        Trace { activations: vec![], quotients: vec![], remainders: vec![], logits: vec![0; HEAD_SIZE] };
    // x[layer][channel][square], layer 0 the planes.
    let mut x: Vec<Vec<Vec<i64>>> = vec![
        (0..NUM_PLANES)
            .map(|i| planes[i * 64..][..64].iter().map(|&entry| i64::from(entry)).collect())
            .collect(),
    ];
    for (n, layer) in network.layers().iter().enumerate() {
        let l = n + 1;
        let inputs = x[l - 1].len();
        let mut output = Vec::with_capacity(channels);
        for c in 0..channels {
            let shift = u32::from(layer.shifts[c]);
            let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
            let mut board = Vec::with_capacity(NUM_SQUARES);
            for square in 0..64usize {
                let (rank, file) = (square as i64 / 8, square as i64 % 8);
                let mut acc = i64::from(layer.biases[c]);
                for i in 0..inputs {
                    for o in 0..9 {
                        let (r, f) = (rank + o / 3 - 1, file + o % 3 - 1);
                        if (0..8).contains(&r) && (0..8).contains(&f) {
                            let weight = layer.kernel(c)[i * 9 + o as usize];
                            acc += i64::from(weight) * x[l - 1][i][(r * 8 + f) as usize];
                        }
                    }
                }
                if l >= 3 && l % 2 == 1 {
                    acc += x[l - 2][c][square] << (shift - u32::from(layer.skip.unwrap()));
                }
                let mut quotient = (acc + half).div_euclid(1 << shift);
                let mut activation = quotient.clamp(0, 255);
                trace.remainders.push(u16::try_from((acc + half).rem_euclid(1 << shift)).unwrap());
                lie((l, c, square), &mut quotient, &mut activation);
                trace.quotients.push(i16::try_from(quotient).unwrap());
                trace.activations.push(u8::try_from(activation).unwrap());
                board.push(activation);
            }
            output.push(board);
        }
        x.push(output);
    }
    let last = x.last().unwrap();
    for plane in 0..HEAD_PLANES {
        for square in 0..64 {
            let sum: i64 =
                (0..channels).map(|i| i64::from(network.head_kernel(plane)[i]) * last[i][square]).sum();
            trace.logits[plane * 64 + square] =
                i32::try_from(i64::from(network.head_biases()[plane]) + sum).unwrap();
        }
    }
    trace
}

fn positions() -> Vec<GameRecord> {
    let games: [&[&str]; 3] =
        [&[], &["e2e4", "c7c5", "g1f3"], &["d2d4", "d7d5", "c1f4", "g8f6", "e2e3", "c7c5"]];
    let mut records: Vec<GameRecord> =
        games.iter().map(|moves| GameRecord::replay(START_FEN, moves.iter().copied()).unwrap()).collect();
    records.push(GameRecord::from_fen("4k3/P7/8/8/8/8/7p/4K3 b - - 57 99").unwrap());
    records
}

/// The network that ships as default.
fn shipped() -> QuantisedNetwork {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models");
    let index = std::fs::read_to_string(folder.join("index.toml")).unwrap();
    let default =
        index.lines().find_map(|line| line.strip_prefix("default = \"")?.strip_suffix('"')).unwrap();
    Model::load(&folder.join(format!("{default}.model"))).unwrap().network().clone()
}

fn random(channels: usize, blocks: usize) -> QuantisedNetwork {
    QuantisedNetwork::random(NetworkShape { channels, blocks }, 11).unwrap()
}

/// Compares everything that the prover has with the book, and the circuit's one identity, entry by entry, with the committed weights.
fn check_circuit(network: &QuantisedNetwork, records: &[GameRecord], channel_step: usize) {
    let name = format!("{} x {}", network.channels(), network.layers().len() / 2);
    let skips: Vec<u8> = network.layers().iter().filter_map(|layer| layer.skip).collect();
    let shape = Shape::new(network.shape(), &skips, records.len());
    let table = weight_table(network, &shape);
    let mut moves = Vec::new();
    for record in records {
        let mv = protocol::shakmaty::Position::legal_moves(record.position())[0];
        let statement = Statement::single([0; 32], record, mv).unwrap();
        moves.extend(statement.public_moves(network.logit_scale_log2()));
    }
    let traces: Vec<Trace> = moves.iter().map(|public| infer(network, &public.planes)).collect();
    for (record, trace) in records.iter().zip(&traces) {
        let expected =
            by_the_book(network, &planes(record.position(), record.last_move_squares()), |_, _, _| {});
        assert!(*trace == expected, "{name}: the inference is not the book's after {:?}", record.uci_moves());
    }
    let witness = Witness::new(&shape, network, &moves, &traces);
    let (width, block) = (shape.width(), 1 << shape.log_block());
    let layout = &shape.witness;
    let val = |value: i64| Val::from_i64(value);
    for (mv, (public, trace)) in moves.iter().zip(&traces).enumerate() {
        // Inputs of every source: planes first, then layers, then further groups of planes.
        let input = |source: usize, i: usize, square: usize| -> Val {
            let group = if source == 0 { 0 } else { source.saturating_sub(shape.num_layers) };
            if source == 0 || group > 0 {
                let plane = group * width + i;
                return public
                    .planes
                    .get(plane * 64 + square)
                    .map_or(Val::ZERO, |&entry| Val::from_u8(entry));
            }
            witness.activation_block(&shape, source, mv)[i * 64 + square]
        };
        let weight = |slot: usize, c: usize, i: usize| table[(slot * width + c) * width + i];
        let acc = |layer: usize, c: usize, square: usize| -> Val {
            let (slot, i) = shape.bias_place(layer);
            let mut acc = weight(slot, c, i);
            for term in shape.terms.iter().filter(|term| term.layer == layer) {
                let (rank, file) = (square / 8 + term.offset / 3, square % 8 + term.offset % 3);
                if (1..9).contains(&rank) && (1..9).contains(&file) {
                    let from = (rank - 1) * 8 + file - 1;
                    acc += (0..width)
                        .map(|i| weight(term.slot, c, i) * input(term.source, i, from))
                        .sum::<Val>();
                }
            }
            for &(_, e) in shape.skips.iter().filter(|skip| skip.0 == layer) {
                acc += input(layer - 2, c, square) * val(1 << (SCALE_LOG2 - usize::from(e)));
            }
            acc
        };
        for layer in 1..=shape.num_layers {
            let at = ((layer - 1) * shape.num_moves + mv) * block;
            for c in (0..shape.channels).step_by(channel_step) {
                for square in 0..64 {
                    let (entry, of_trace) =
                        (c * 64 + square, ((layer - 1) * shape.channels + c) * 64 + square);
                    let place = format!("{name}: layer {layer}, channel {c}, square {square}");
                    let quotient = witness.table[layout.quotients + at + entry];
                    assert_eq!(quotient, val(trace.quotients[of_trace].into()), "{place}");
                    let activation = witness.activation_block(&shape, layer, mv)[entry];
                    assert_eq!(activation, val(trace.activations[of_trace].into()), "{place}");
                    let identity = val(1 << SCALE_LOG2) * quotient + witness.remainders[at + entry];
                    assert_eq!(acc(layer, c, square), identity, "{place}");
                }
            }
        }
        for index in (0..HEAD_SIZE).step_by(channel_step) {
            let logit = witness.table[shape.logit_entry(mv, index)];
            assert_eq!(logit, val(trace.logits[index].into()), "{name}: index {index}");
            let (plane, square) = (index / 64, index % 64);
            let (group, c) = (plane / width, plane % width);
            assert_eq!(acc(shape.num_layers + 1 + group, c, square), logit, "{name}: index {index}");
        }
    }
}

#[test]
fn the_provers_values_are_the_books_in_small_networks() {
    for (channels, blocks) in [(16, 1), (16, 3), (24, 2), (40, 1), (96, 1)] {
        check_circuit(&random(channels, blocks), &positions(), 1);
    }
}

#[test]
fn the_provers_values_are_the_books_in_the_shipped_network() {
    check_circuit(&shipped(), &positions()[..2], 3);
}

#[test]
fn the_provers_values_are_the_books_in_128_by_10() {
    check_circuit(&random(128, 10), &positions()[1..2], 13);
}

#[test]
fn the_provers_values_are_the_books_in_256_by_16() {
    check_circuit(&random(256, 16), &positions()[2..3], 61);
}

const BLOCKS: usize = 3;

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::in_memory(Arc::new(weights::commit(random(16, BLOCKS), &|_| {}))).unwrap())
}

/// Proves with the values of a network that lies as told. The move is the argmax of what comes out, so that nothing else is wrong.
/// `change` may touch the witness, too.
fn prove_lie(
    lie: impl FnMut(Place, &mut i64, &mut i64),
    change: impl FnOnce(&Shape, &mut Witness),
) -> Result<(), VerifyError> {
    let record = &positions()[1];
    let network = prover().model().network();
    let honest = evaluate(prover().model(), record).unwrap().best;
    let statement = Statement::single([3; 32], record, honest).unwrap();
    let public = &statement.public_moves(network.logit_scale_log2())[0];
    let trace = by_the_book(network, &public.planes, lie);
    let chosen = argmax(&trace.logits, &public.mask, &public.noise).unwrap();
    let statement = statement.with_choice(0, chosen);
    let key = prover().model().verifying_key();
    let shape = key.circuit(1);
    let moves = statement.public_moves(network.logit_scale_log2());
    let mut witness = Witness::new(&shape, network, &moves, &[trace]);
    change(&shape, &mut witness);
    verify(
        &key,
        &statement,
        Profile::Live,
        &prover().prove_witness(&statement, Profile::Live, &witness).proof,
    )
}

const NOT_IN_TABLE: Result<(), VerifyError> = Err(VerifyError::Lookups(LookupError::RootNumerator));
const NOT_THE_WEIGHTS: Result<(), VerifyError> = Err(VerifyError::Linear(LinearError::Weights));

fn honest_trace() -> Trace {
    let record = &positions()[1];
    infer(prover().model().network(), &planes(record.position(), record.last_move_squares()))
}

/// The first place of every layer whose quotient is as wanted.
fn places(wanted: impl Fn(i16) -> bool) -> Vec<Place> {
    let trace = honest_trace();
    let layers = 1 + 2 * BLOCKS;
    let places: Vec<Place> = (1..=layers)
        .map(|layer| {
            let of_layer = &trace.quotients[(layer - 1) * 16 * 64..][..16 * 64];
            let at = of_layer.iter().position(|&quotient| wanted(quotient));
            let at = at.unwrap_or_else(|| panic!("no such quotient in layer {layer}"));
            (layer, at / 64, at % 64)
        })
        .collect();
    assert_eq!(places.len(), layers);
    places
}

#[test]
fn without_a_lie_the_proof_is_accepted() {
    assert_eq!(prove_lie(|_, _, _| {}, |_, _| {}), Ok(()));
}

#[test]
fn an_activation_off_by_one_at_any_layer_is_rejected() {
    for (place, change) in
        places(|q| (1..255).contains(&q)).into_iter().flat_map(|place| [(place, 1), (place, -1)])
    {
        let verdict = prove_lie(|at, _, x| *x += if at == place { change } else { 0 }, |_, _| {});
        assert_eq!(verdict, NOT_IN_TABLE, "{place:?} {change}");
    }
}

#[test]
fn a_quotient_off_by_one_with_its_activation_at_any_layer_is_rejected() {
    for place in places(|q| (1..254).contains(&q)) {
        let lie = |at, q: &mut i64, x: &mut i64| {
            if at == place {
                *q += 1;
                *x += 1;
            }
        };
        // With the remainder as it was the accumulator is another.
        assert_eq!(prove_lie(lie, |_, _| {}), NOT_THE_WEIGHTS, "{place:?}");
        // With the accumulator as it was the remainder is negative.
        let below = |shape: &Shape, witness: &mut Witness| {
            let (layer, channel, square) = place;
            let entry = ((layer - 1) << shape.log_block()) + channel * 64 + square;
            let old = witness.remainders[entry];
            witness.remainders[entry] -= Val::from_u64(1 << SCALE_LOG2);
            // Its lookup is no longer counted where it was.
            let count = usize::try_from(p3_field::PrimeField32::as_canonical_u32(&old)).unwrap();
            witness.table[shape.witness.range_counts + count] -= Val::ONE;
        };
        assert_eq!(prove_lie(lie, below), NOT_IN_TABLE, "{place:?}");
    }
}

#[test]
fn a_skipped_saturation_at_any_layer_is_rejected() {
    // 255 is passed on as 254, and a quotient over it as its low byte.
    for place in places(|q| q > 255) {
        for low_byte in [true, false] {
            let lie = |at, q: &mut i64, x: &mut i64| {
                if at == place {
                    *x = if low_byte { *q & 255 } else { 254 };
                }
            };
            let low_byte_is_255 = low_byte && honest_trace().quotients[index(place)] & 255 == 255;
            if !low_byte_is_255 {
                assert_eq!(prove_lie(lie, |_, _| {}), NOT_IN_TABLE, "{place:?}");
            }
        }
    }
    // The activation itself is larger than a byte.
    for place in places(|q| q > 255) {
        let unclamped = |shape: &Shape, witness: &mut Witness| {
            let (layer, channel, square) = place;
            let entry = ((layer - 1) << shape.log_block()) + channel * 64 + square;
            let quotient = witness.table[shape.witness.quotients + entry];
            witness.table[shape.witness.activations + entry] = quotient;
        };
        assert_eq!(prove_lie(|_, _, _| {}, unclamped), NOT_IN_TABLE, "{place:?}");
    }
}

#[test]
fn a_skipped_relu_at_any_layer_is_rejected() {
    for place in places(|q| q < 0) {
        let verdict = prove_lie(|at, _, x| *x = if at == place { 1 } else { *x }, |_, _| {});
        assert_eq!(verdict, NOT_IN_TABLE, "{place:?}");
        let negative = |shape: &Shape, witness: &mut Witness| {
            let (layer, channel, square) = place;
            let entry = ((layer - 1) << shape.log_block()) + channel * 64 + square;
            let quotient = witness.table[shape.witness.quotients + entry];
            witness.table[shape.witness.activations + entry] = quotient;
        };
        assert_eq!(prove_lie(|_, _, _| {}, negative), NOT_IN_TABLE, "{place:?}");
    }
}

#[test]
fn a_remainder_out_of_range_at_any_layer_is_rejected() {
    for (layer, channel, square) in places(|_| true) {
        for wrong in [Val::NEG_ONE, Val::from_u64(1 << SCALE_LOG2), Val::from_u64(1 << 30)] {
            let verdict = prove_lie(
                |_, _, _| {},
                |shape, witness| {
                    witness.remainders[((layer - 1) << shape.log_block()) + channel * 64 + square] = wrong;
                },
            );
            assert_eq!(verdict, NOT_IN_TABLE, "layer {layer}: {wrong}");
        }
    }
}

#[test]
fn a_remainder_in_range_but_wrong_at_any_layer_is_rejected() {
    for (layer, channel, square) in places(|_| true) {
        let verdict = prove_lie(
            |_, _, _| {},
            |shape, witness| {
                let entry = ((layer - 1) << shape.log_block()) + channel * 64 + square;
                let old = p3_field::PrimeField32::as_canonical_u32(&witness.remainders[entry]) as usize;
                let new = old ^ 1;
                let counts = shape.witness.range_counts;
                witness.remainders[entry] = Val::from_usize(new);
                witness.table[counts + old] -= Val::ONE;
                witness.table[counts + new] += Val::ONE;
            },
        );
        assert_eq!(verdict, NOT_THE_WEIGHTS, "layer {layer}");
    }
}

fn index((layer, channel, square): Place) -> usize {
    ((layer - 1) * 16 + channel) * 64 + square
}
