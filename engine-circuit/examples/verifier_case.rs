//! Writes a contract's key, a statement and its proof in the chain's profile about a random network, for `contracts/tools/receipts`:
//! `cargo run -p engine-circuit --example verifier_case -- CHANNELS BLOCKS MOVES FILE`. The moves are White's of a game that the
//! network plays against itself.

use std::error::Error;
use std::sync::Arc;

use engine_circuit::chain::verifier_key;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::{Level, Profile, Prover, Statement, evaluate, weights};
use protocol::GameRecord;
use protocol::shakmaty::Color;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [channels, blocks, moves, file] = arguments.as_slice() else {
        return Err("usage: verifier_case CHANNELS BLOCKS MOVES FILE".into());
    };
    let shape = NetworkShape { channels: channels.parse()?, blocks: blocks.parse()? };
    let moves: usize = moves.parse()?;
    let prover = Prover::in_memory(Arc::new(weights::commit(QuantisedNetwork::random(shape, 7)?, &|_| {})))?;
    let model = prover.model().clone();
    let key = model.verifying_key();
    // Some noise, so that the game does not end in a repetition.
    let (level, mut game, mut seeds) =
        (Level::new(4).ok_or("no such level")?, GameRecord::default(), Vec::new());
    for ply in 0..2 * moves - 1 {
        let evaluation = evaluate(&model, &game).ok_or("the game is over")?;
        let seed = [ply as u8; 32];
        if ply % 2 == 0 {
            seeds.push(seed);
        }
        game.play(evaluation.choose(level, &seed))?;
    }
    let statement = Statement::game([3; 32], &game, Color::White)?.at_level(level, &seeds)?;
    let proof = prover.prove(&statement, Profile::Chain)?.proof;
    let hex =
        |bytes: &[u8]| format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let line = json!({
        "name": format!("{channels} x {blocks}, {moves} moves"),
        "key": hex(&verifier_key(&key, moves)),
        "statement": hex(&[key.digest().as_bytes().as_slice(), &statement.to_bytes()].concat()),
        "proof": hex(&proof),
    });
    std::fs::write(file, format!("{line}\n"))?;
    Ok(())
}
