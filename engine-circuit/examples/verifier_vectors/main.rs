//! Writes the known answers that the Rust and the Solidity verifier share:
//! `cargo run -p engine-circuit --example verifier_vectors -- tests/vectors`. JSON lines, bytes in hexadecimal digits.
//!
//! `verifier_field.jsonl`: arithmetic in the extension. `verifier_proofs.jsonl`: a contract's key, statements and proofs about a
//! random network, some of dishonest provers, and changed proofs (`of` names the proof that is changed), with "ok" or the name of
//! the error that both verifiers give. Statements with `contract_only` are bytes that no statement of Rust's has.
//! `verifier_games.jsonl`: games with all that the contract for whole games takes, about the same network.

use std::error::Error;
use std::path::Path;

use engine_circuit::chain::verifier_key;
use engine_circuit::commitment::Openings;
use engine_circuit::dishonest::{Lies, OpeningLie, TreeLie};
use engine_circuit::field::{Ext, Val};
use engine_circuit::infer::argmax;
use engine_circuit::witness::Witness;
use engine_circuit::{Profile, Prover, Statement};
use p3_field::PrimeCharacteristicRing;
use serde_json::json;

#[path = "cases.rs"]
mod vectors;

use vectors::{
    Edit, GAME, Lists, MAX_MOVES, NONCE, batch, contending, contract_only, games, hex, outside,
    outside_contending, single, statement_bytes, verdict,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: verifier_vectors FOLDER")?;
    let prover = Prover::in_memory(vectors::model())?;
    let model = prover.model().clone();
    let key = model.verifying_key();
    let mut lines = format!("{}\n", json!({ "name": "key", "key": hex(&verifier_key(&key, MAX_MOVES)) }));
    let mut line = |name: &str, statement: &Statement, proof: &[u8]| {
        let bytes = statement_bytes(&key, statement);
        let expected = verdict(&key, statement, proof);
        eprintln!("{name}: {} bytes, {expected}", proof.len());
        let line =
            json!({ "name": name, "statement": hex(&bytes), "proof": hex(proof), "expected": expected });
        lines += &format!("{line}\n");
        if expected != "ok" {
            return;
        }
        for edit in Edit::all(proof) {
            let expected = verdict(&key, statement, &edit.apply(proof));
            let Edit { what, at, xor, length } = edit;
            let line = json!({
                "name": format!("{name}: {what}"), "of": name, "at": at, "xor": hex(&xor), "length": length,
                "expected": expected,
            });
            lines += &format!("{line}\n");
        }
    };

    for (name, statement) in [("single", single(&model, 0)), ("batch", batch(&model))] {
        line(name, &statement, &prover.prove(&statement, Profile::Chain)?.proof);
    }
    // Provers that lie inside the protocol (engine-circuit/tests/dishonest.rs), about the second-best move where not named.
    let (second, best) = (single(&model, 1), single(&model, 0));
    let moves = second.public_moves(key.logit_scale_log2());
    let shape = key.circuit(1);
    let traces = prover.traces(&moves);
    let witness = Witness::new(&shape, model.network(), &moves, &traces);
    let mut lie = |name: &str, statement: &Statement, witness: &Witness, lies: &Lies<'_>| {
        line(name, statement, &prover.prove_with(statement, Profile::Chain, witness, lies).proof);
    };
    lie("second-best move", &second, &witness, &Lies::default());
    lie("false root", &second, &witness, &Lies { tree: TreeLie::Root, ..Lies::default() });
    lie("false root, pushed down", &second, &witness, &Lies { tree: TreeLie::Down, ..Lies::default() });
    let mut forged = witness.clone();
    let network_move = argmax(&traces[0].logits, &moves[0].mask, &moves[0].noise).ok_or("no move")?;
    forged.limb0[shape.logit_entry(0, network_move) - shape.witness.logits] = Val::ZERO;
    forged.table[shape.witness.range_counts] += Val::ONE;
    lie("forged lowest limb", &second, &forged, &Lies::default());
    let best_moves = best.public_moves(key.logit_scale_log2());
    let honest = Witness::new(&shape, model.network(), &best_moves, &traces);
    let mut committed = honest.table.clone();
    committed[shape.witness.quotients + 99] += Val::ONE;
    let openings = Openings::new(Profile::Chain, shape.witness.num_variables, shape.weight_variables());
    let words = openings.schedules().next().map(|schedule| schedule.words.len());
    let replaced = OpeningLie { replaced_table: words, ..OpeningLie::default() };
    let lies = Lies { committed: Some(&committed), witness_opening: replaced, ..Lies::default() };
    lie("last table replaced", &best, &honest, &lies);
    let lies = Lies { out_of_domain: Ext::ONE, ..Lies::default() };
    lie("false out-of-domain value", &best, &honest, &lies);
    // With contenders: honest; and of provers that take an index off the mask which is not listed, or is listed but legal.
    for (name, rank, lists) in [
        ("contenders", 0, Lists::Honest),
        ("a contender is missing", 0, Lists::OneMissing),
        ("the best move among the contenders", 1, Lists::BestListed),
    ] {
        let statement = contending(&prover, rank, &lists);
        let mut moves = statement.public_moves(key.logit_scale_log2());
        match lists {
            Lists::Honest => {}
            Lists::OneMissing => {
                moves = contending(&prover, rank, &Lists::Honest).public_moves(key.logit_scale_log2());
            }
            Lists::BestListed => {
                let at = moves[0].mask.iter().position(|&index| index == network_move).ok_or("not listed")?;
                moves[0].mask.remove(at);
                moves[0].noise.remove(at);
            }
        }
        let witness = Witness::new(&shape, model.network(), &moves, &traces);
        lie(name, &statement, &witness, &Lies::default());
    }
    // Refused before a proof is read.
    line("a move outside the mask", &outside(&model), &[]);
    line("an illegal move with contenders", &outside_contending(&prover), &[]);
    for (name, bytes, expected) in contract_only(&key, &prover) {
        let line = json!({
            "name": name, "statement": hex(&bytes), "proof": "0x", "expected": expected, "contract_only": true,
        });
        lines += &format!("{line}\n");
    }

    std::fs::write(Path::new(&folder).join("verifier_proofs.jsonl"), lines)?;
    let mut lines = String::new();
    for game in games(&prover) {
        let proof = prover.prove(&game.statement, Profile::Chain)?.proof;
        let random = |bytes: [u8; 32]| hex(&if game.level.is_random() { bytes } else { [0; 32] });
        let last = game.chain.element(game.statement.num_moves()).ok_or("the chain ends")?;
        let bytes = |number: u16| number.to_be_bytes();
        let list = |list: &Vec<u16>| [vec![list.len() as u16], list.clone()].concat();
        let contenders: Vec<u8> = game.contenders.iter().flat_map(list).flat_map(bytes).collect();
        let line = json!({
            "name": game.name, "level": game.level.number(), "networkIsBlack": game.side.is_black(),
            "gameId": hex(&GAME), "nonce": random(NONCE), "seedHead": random(game.chain.head()),
            "seedElement": random(last), "moves": game.record.uci_moves(), "contenders": hex(&contenders),
            "statement": hex(&statement_bytes(&key, &game.statement)), "proof": hex(&proof),
        });
        lines += &format!("{line}\n");
    }
    std::fs::write(Path::new(&folder).join("verifier_games.jsonl"), lines)?;
    std::fs::write(Path::new(&folder).join("verifier_field.jsonl"), vectors::field())?;
    Ok(())
}
