//! Proofs of both profiles for the tests. The chain's work is cut to a few bits: hundreds of proofs are made.

#![allow(dead_code, reason = "each test program uses a part")]

use engine_circuit::dishonest::{Lies, verify_with_work};
use engine_circuit::witness::Witness;
use engine_circuit::{Profile, Prover, Statement, VerifyError, VerifyingKey, verify};

/// Bits of work per query phase of the chain's proofs.
const WORK: u32 = 6;

fn work(profile: Profile) -> Option<u32> {
    (profile == Profile::Chain).then_some(WORK)
}

/// Proves a witness, right or wrong.
pub(crate) fn prove(
    prover: &Prover,
    statement: &Statement,
    profile: Profile,
    witness: &Witness,
    lies: &Lies<'_>,
) -> Vec<u8> {
    let lies = Lies { grinding: work(profile), ..lies.clone() };
    prover.prove_with(statement, profile, witness, &lies).proof
}

/// Proves the network's own moves.
pub(crate) fn prove_honestly(prover: &Prover, statement: &Statement, profile: Profile) -> Vec<u8> {
    let network = prover.model().network();
    let moves = statement.public_moves(network.logit_scale_log2());
    let shape = prover.model().verifying_key().circuit(moves.len());
    let witness = Witness::new(&shape, network, &moves, &prover.traces(&moves));
    prove(prover, statement, profile, &witness, &Lies::default())
}

/// Verifies a proof made here.
pub(crate) fn check(
    key: &VerifyingKey,
    statement: &Statement,
    profile: Profile,
    proof: &[u8],
) -> Result<(), VerifyError> {
    match work(profile) {
        None => verify(key, statement, profile, proof),
        Some(bits) => verify_with_work(key, statement, profile, proof, bits),
    }
}

/// What a verdict on a live proof is on the chain's: its openings are one.
fn in_chain(verdict: Result<(), VerifyError>) -> Result<(), VerifyError> {
    verdict.map_err(|error| match error {
        VerifyError::Witness(error) | VerifyError::Weights(error) => VerifyError::Joint(error),
        error => error,
    })
}

/// Proves in both profiles and verifies: the verdict on the live proof. The chain's must be the same.
pub(crate) fn verdict(
    prover: &Prover,
    statement: &Statement,
    witness: &Witness,
    lies: &Lies<'_>,
) -> Result<(), VerifyError> {
    let key = prover.model().verifying_key();
    let [live, chain] = Profile::ALL
        .map(|profile| check(&key, statement, profile, &prove(prover, statement, profile, witness, lies)));
    assert_eq!(chain, in_chain(live), "the chain's verdict");
    live
}
