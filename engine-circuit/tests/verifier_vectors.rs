//! The known answers that the Solidity verifier is held against (`tests/vectors`) are this verifier's. Written again by
//! `cargo run -p engine-circuit --example verifier_vectors -- tests/vectors`.

use std::collections::BTreeSet;

use engine_circuit::chain::verifier_key;
use engine_circuit::{Prover, Statement};
use serde_json::Value;

#[path = "../examples/verifier_vectors/cases.rs"]
mod vectors;

use vectors::{
    Edit, Lists, MAX_MOVES, batch, contending, contract_only, games, hex, model, outside, outside_contending,
    single, statement_bytes, verdict,
};

fn lines(file: &str) -> String {
    let path = format!("{}/../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().strip_prefix("0x").unwrap();
    (0..digits.len() / 2).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect()
}

fn statement_of(name: &str, prover: &Prover) -> Statement {
    let model = prover.model();
    match name {
        "single" | "last table replaced" | "false out-of-domain value" => single(model, 0),
        "batch" => batch(model),
        "contenders" => contending(prover, 0, &Lists::Honest),
        "a contender is missing" => contending(prover, 0, &Lists::OneMissing),
        "the best move among the contenders" => contending(prover, 1, &Lists::BestListed),
        "an illegal move with contenders" => outside_contending(prover),
        "a move outside the mask" => outside(model),
        _ => single(model, 1),
    }
}

fn check(prover: &Prover, text: &str) -> BTreeSet<String> {
    let model = prover.model();
    let key = &model.verifying_key();
    let mut names = BTreeSet::new();
    let mut honest = (Vec::new(), single(model, 0));
    let mut for_the_contract = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["name"].as_str().unwrap();
        if name == "key" {
            assert_eq!(line["key"], hex(&verifier_key(key, MAX_MOVES)), "the contract's key");
            continue;
        }
        let expected = line["expected"].as_str().unwrap();
        if line.get("contract_only").is_some() {
            for_the_contract.push((name.to_owned(), bytes(&line["statement"]), expected.to_owned()));
            continue;
        }
        let actual = if let Some(at) = line.get("at") {
            let edit = Edit {
                what: name.to_owned(),
                at: at.as_u64().unwrap() as usize,
                xor: bytes(&line["xor"]),
                length: line["length"].as_u64().unwrap() as usize,
            };
            verdict(key, &honest.1, &edit.apply(&honest.0))
        } else {
            let statement = statement_of(name, prover);
            assert_eq!(line["statement"], hex(&statement_bytes(key, &statement)), "{name}: statement");
            let proof = bytes(&line["proof"]);
            let actual = verdict(key, &statement, &proof);
            if actual == "ok" {
                honest = (proof, statement);
            }
            actual
        };
        assert_eq!(actual, expected, "{name}");
        names.insert(expected.to_owned());
    }
    let owned =
        |(name, bytes, expected): (&str, Vec<u8>, &str)| (name.to_owned(), bytes, expected.to_owned());
    assert_eq!(for_the_contract, contract_only(key, prover).into_iter().map(owned).collect::<Vec<_>>());
    names
}

#[test]
fn the_vectors_are_this_verifiers() {
    let prover = Prover::in_memory(model()).unwrap();
    let names = check(&prover, &lines("verifier_proofs.jsonl"));
    let all = [
        "ok",
        "Truncated",
        "Trailing",
        "NonCanonical",
        "Grinding",
        "IllegalMove",
        "RootNumerator",
        "RootDenominator",
        "Level",
        "Numerator",
        "Denominator",
        "Weights",
        "Source",
        "TableRoot",
        "Root",
        "LastWord",
        "FinalClaim",
    ];
    for name in all {
        assert!(names.contains(name), "no vector for {name}");
    }
    names.iter().for_each(|name| assert!(all.contains(&name.as_str()), "{name} is not on the list"));
    assert_eq!(lines("verifier_field.jsonl"), vectors::field());
}

#[test]
fn the_games_are_this_verifiers() {
    let prover = Prover::in_memory(model()).unwrap();
    let key = prover.model().verifying_key();
    let text = lines("verifier_games.jsonl");
    let games = games(&prover);
    assert_eq!(text.lines().count(), games.len());
    for (line, game) in text.lines().zip(games) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["name"], game.name);
        assert_eq!(line["statement"], hex(&statement_bytes(&key, &game.statement)), "{}", game.name);
        assert_eq!(verdict(&key, &game.statement, &bytes(&line["proof"])), "ok", "{}", game.name);
    }
}
