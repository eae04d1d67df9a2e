//! Known answers: `tests/vectors/proofs.jsonl` (one case a line, see `vectors/mod.rs`) is what this prover and this verifier say.
//! `cargo run -p engine-circuit --example vectors` writes the file anew; nothing else does.

#[path = "../examples/vectors/cases.rs"]
mod cases;

#[test]
fn every_vector_is_what_prover_and_verifier_say() {
    let file = std::fs::read_to_string(cases::path()).unwrap();
    let (mut lines, mut expected) = (file.lines(), cases::cases());
    assert!(expected.len() > 20, "{}", expected.len());
    for case in &mut expected {
        let line = lines.next().unwrap_or_else(|| panic!("no line for {}", case.name));
        let recorded: cases::Case = serde_json::from_str(line).unwrap();
        assert_eq!(
            recorded, *case,
            "if the format is meant to change: cargo run -p engine-circuit --example vectors"
        );
    }
    assert_eq!(lines.next(), None, "a line too many");
}

/// The trailer `Proof-digest` of commits that change what is proven or how: a fixed position, network and game.
#[test]
fn the_proof_digest_is_the_recorded_one() {
    let file = std::fs::read_to_string(cases::path()).unwrap();
    let first: cases::Case = serde_json::from_str(file.lines().next().unwrap()).unwrap();
    assert_eq!((first.name.as_str(), first.expected.as_str()), ("start", "ok"));
    assert_eq!(
        cases::proof_digest(),
        first.proof_digest,
        "this commit changes proofs: say why, and write the vectors anew"
    );
}
