//! The fuzz targets on their seeds and on mutations of them, always the same ones. `scripts/fuzz.sh` runs them for longer, guided by
//! what the code does.

#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz crate")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// One to four changes: a byte, a stretch cut out, a stretch doubled, a byte put in.
fn mutate(seed: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=bytes.len());
        let stop = (at + rng.random_range(0..32)).min(bytes.len());
        match rng.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..stop)),
            3 => {
                let doubled = bytes[at..stop].to_vec();
                bytes.splice(at..at, doubled);
            }
            _ => bytes.insert(at, rng.random()),
        }
    }
    bytes
}

fn run(name: &str, mutations: usize) {
    let (_, target, seeds) = fuzz::targets().into_iter().find(|target| target.0 == name).unwrap();
    let seeds = seeds();
    assert!(seeds.len() >= 4, "{name}");
    seeds.iter().for_each(|seed| target(seed));
    let mut rng = StdRng::seed_from_u64(1);
    for n in 0..mutations {
        let mut input = mutate(&seeds[n % seeds.len()], &mut rng);
        if n % 3 == 0 {
            input = mutate(&input, &mut rng);
        }
        target(&input);
    }
}

#[test]
fn proof() {
    run("proof", 500);
}

#[test]
fn model() {
    run("model", 500);
}

#[test]
fn verifying_key() {
    run("verifying_key", 500);
}

#[test]
fn client_message() {
    run("client_message", 5_000);
}

#[test]
fn server_message() {
    run("server_message", 5_000);
}

#[test]
fn position() {
    run("position", 3_000);
}

#[test]
fn pgn() {
    run("pgn", 3_000);
}

#[test]
fn bundle() {
    run("bundle", 1_000);
}
