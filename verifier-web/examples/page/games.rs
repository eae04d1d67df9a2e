//! Games with proofs for the test in a browser: a whole one of the shipped network, one at a level with noise, and damaged ones.

use std::{collections::BTreeMap, error::Error, fs, path::Path, sync::Arc};

use engine_circuit::{
    Level, Model, Profile, Prover, Statement,
    bundle::Bundle,
    evaluate,
    model::{NetworkShape, QuantisedNetwork},
    sampling::{SeedChain, SeedRecord, ply_seed},
    transcript::keccak256,
    weights,
};
use protocol::{GameRecord, shakmaty::Color};
use serde_json::json;
use verifier_web::page::PINNED;

const NONCE: [u8; 32] = [5; 32];

/// A game of a network against itself in which White's moves are proven.
fn play(model: &Arc<Model>, level: Level, moves: usize) -> Result<Bundle, Box<dyn Error>> {
    let prover = Prover::in_memory(Arc::clone(model))?;
    let game_id = keccak256(b"verifier-web");
    let chain = SeedChain::new([9; 32], moves);
    let mut record = GameRecord::default();
    let (mut proofs, mut elements) = (BTreeMap::new(), Vec::new());
    for ply in 0..2 * moves {
        // Mated or stalemated: a shorter game.
        let Some(evaluation) = evaluate(model, &record) else { break };
        if ply % 2 == 1 {
            // The second best move: a game that the network alone would not play.
            let entry = evaluation.policy.get(1).or(evaluation.policy.first()).ok_or("no move")?;
            record.play(entry.mv)?;
            continue;
        }
        let element = chain.element(elements.len() + 1).ok_or("the chain is too short")?;
        elements.push(element);
        let seed = ply_seed(&NONCE, &element, ply as u32);
        let mv = evaluation.choose(level, &seed);
        let seeds = if level.is_random() { vec![seed] } else { Vec::new() };
        let statement = Statement::single(game_id, &record, mv)?.at_level(level, &seeds)?;
        proofs.insert(ply as u32, prover.prove(&statement, Profile::Live)?.proof);
        record.play(mv)?;
    }
    if proofs.len() < 4 {
        return Err("the game is too short to damage".into());
    }
    let tags = [("White", "Network"), ("Black", "You"), ("Event", "Test of the page")];
    let tags: Vec<(String, String)> =
        tags.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let bundle = Bundle::new(&record, &tags, model.digest(), game_id, Color::White, proofs);
    let head = chain.head();
    Ok(if level.is_random() {
        bundle.with_sampling(SeedRecord { level, head, nonce: NONCE, elements })
    } else {
        bundle
    })
}

/// Changes one bit of the proof of a ply, and the archive's checksum of it with it.
fn with_damaged_proof(bundle: &Bundle, ply: u32) -> Bundle {
    let mut proofs = bundle.proofs().clone();
    if let Some(byte) = proofs.get_mut(&ply).and_then(|proof| proof.get_mut(5000)) {
        *byte ^= 1;
    }
    with_proofs(bundle, proofs)
}

fn with_proofs(bundle: &Bundle, proofs: BTreeMap<u32, Vec<u8>>) -> Bundle {
    Bundle::new(bundle.record(), bundle.tags(), bundle.digest(), bundle.game_id(), bundle.side(), proofs)
}

/// Writes the games and what must come out of each: verdicts by ply, or the beginning of the reason why nothing is verified.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models");
    let digest = PINNED.first().ok_or("no network ships")?.digest;
    let shipped = Model::load(&shipped.join(format!("{digest}.model")))?;
    let shipped = Arc::new(weights::commit(shipped.network().clone(), &|_| {}));
    let game = play(&shipped, Level::STRONGEST, 24)?;
    let tiny = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7)?;
    let tiny = Arc::new(weights::commit(tiny, &|_| {}));
    let drawn = play(&tiny, Level::new(3).ok_or("no level 3")?, 4)?;

    let mut missing = game.proofs().clone();
    missing.remove(&4);
    let bytes = game.write()?;
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(folder.join("tiny.vk"), tiny.verifying_key().to_bytes())?;
    let games = [
        ("game", bytes.clone(), json!({ "verified": game.proofs().keys().collect::<Vec<_>>() })),
        (
            "drawn",
            drawn.write()?,
            json!({ "refused": "The file is about network", "digest": drawn.digest().to_string() }),
        ),
        ("damaged", with_damaged_proof(&game, 2).write()?, json!({ "verified": [0, 4, 6], "rejected": [2] })),
        (
            "missing",
            with_proofs(&game, missing).write()?,
            json!({ "refused": "the move at ply 4 has no proof" }),
        ),
        ("flipped", flipped, json!({ "refused": "Invalid checksum" })),
        ("cut", bytes[..middle].to_vec(), json!({ "refused": "not a zip archive" })),
        ("text", b"no archive at all".to_vec(), json!({ "refused": "not a zip archive" })),
        ("nothing", Vec::new(), json!({ "refused": "not a zip archive" })),
    ];
    let mut expected = serde_json::Map::new();
    for (name, bytes, outcome) in games {
        fs::write(folder.join(format!("{name}.fairmate")), bytes)?;
        expected.insert(name.to_owned(), outcome);
    }
    fs::write(folder.join("games.json"), serde_json::to_vec_pretty(&expected)?)?;
    Ok(())
}
