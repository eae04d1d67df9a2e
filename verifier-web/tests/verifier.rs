//! The verifier that the browser runs, natively: the vectors of the native one, and files that are not what they should be.

#[path = "../../engine-circuit/examples/vectors/cases.rs"]
mod cases;

use std::{collections::BTreeMap, sync::Arc};

use engine_circuit::{
    Level, Model, Profile, Prover, Statement,
    bundle::Bundle,
    evaluate,
    model::{NetworkShape, QuantisedNetwork},
    sampling::{SeedChain, SeedRecord, ply_seed},
    weights,
};
use protocol::{GameRecord, shakmaty::Color};
use serde_json::{Value, json};
use verifier_web::{Verifier, page};

fn model(seed: u64) -> Arc<Model> {
    let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, seed).unwrap();
    Arc::new(weights::commit(network, &|_| {}))
}

fn key(model: &Model) -> Vec<u8> {
    model.verifying_key().to_bytes()
}

/// Two moves of White at a level.
fn bundle(model: &Arc<Model>, level: Level) -> Bundle {
    let prover = Prover::in_memory(Arc::clone(model)).unwrap();
    let chain = SeedChain::new([9; 32], 2);
    let mut record = GameRecord::default();
    let (mut proofs, mut elements) = (BTreeMap::new(), Vec::new());
    for ply in 0..4 {
        let evaluation = evaluate(model, &record).unwrap();
        if ply % 2 == 1 {
            record.play(evaluation.best).unwrap();
            continue;
        }
        let element = chain.element(elements.len() + 1).unwrap();
        elements.push(element);
        let seed = ply_seed(&[5; 32], &element, ply);
        let mv = evaluation.choose(level, &seed);
        let seeds = if level.is_random() { vec![seed] } else { vec![] };
        let statement = Statement::single([3; 32], &record, mv).unwrap().at_level(level, &seeds).unwrap();
        proofs.insert(ply, prover.prove(&statement, Profile::Live).unwrap().proof);
        record.play(mv).unwrap();
    }
    let tags = [("White".to_owned(), "Network".to_owned())];
    let bundle = Bundle::new(&record, &tags, model.digest(), [3; 32], Color::White, proofs);
    let head = chain.head();
    if level.is_random() {
        bundle.with_sampling(SeedRecord { level, head, nonce: [5; 32], elements })
    } else {
        bundle
    }
}

#[test]
fn every_vector_gets_the_verdict_of_the_native_verifier() {
    let mut recorded = std::fs::read_to_string(cases::path()).unwrap();
    let mut count = 0;
    cases::each_case(|case, key, values, proof| {
        let claim = json!({
            "fen": case.fen, "moves": case.moves, "plies": case.plies, "game_id": case.game_id,
            "level": case.level, "seeds": case.seeds, "profile": case.profile, "values": values,
        });
        let mut verifier = Verifier::new();
        let facts = verifier.set_key(&key.to_bytes()).unwrap();
        assert_eq!(facts.digest, case.model_digest);
        let game = verifier.open_proof(claim.to_string().as_bytes(), proof.to_vec()).unwrap();
        assert_eq!((game.proofs.len(), &game.proofs[0].plies), (1, &case.plies));
        let verdict = verifier.verify(0).map_or_else(|rejection| rejection.name, |()| "ok".to_owned());
        assert_eq!(verdict, case.expected, "{}", case.name);
        // The recorded line, so that a browser that agrees with this agrees with the file.
        let line = recorded.lines().next().unwrap_or_default().to_owned();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((line["name"].as_str(), line["expected"].as_str()), (Some(&*case.name), Some(&*verdict)));
        recorded = recorded.split_once('\n').unwrap().1.to_owned();
        count += 1;
    });
    assert!(count > 20 && recorded.is_empty(), "{count}");
}

#[test]
fn a_bundle_is_verified_move_by_move() {
    for level in [Level::STRONGEST, Level::new(3).unwrap()] {
        let model = model(7);
        let bundle = bundle(&model, level);
        let mut verifier = Verifier::new();
        verifier.set_key(&key(&model)).unwrap();
        let game = verifier.open_bundle(&bundle.write().unwrap()).unwrap();
        assert_eq!((game.refused.as_deref(), game.side, game.level), (None, Some("white"), level.number()));
        assert_eq!(game.digest, Some(model.digest().to_string()));
        assert_eq!((game.plies.len(), game.proofs.len()), (4, 2));
        assert_eq!(game.proofs[1].plies, [2]);
        assert_eq!(game.proofs[0].seeds.len(), usize::from(level.is_random()));
        assert!(game.proofs[0].security_bits >= 100.0 && game.proofs[0].legal == [20]);
        assert_eq!((verifier.verify(0), verifier.verify(1)), (Ok(()), Ok(())));
        assert_eq!(verifier.verify(2).unwrap_err().name, "NoProof");
        for at in [0, 5_000, usize::MAX] {
            assert!(verifier.verify_tampered(1, at).is_err());
        }

        // One proof damaged: the others stay what they are.
        let mut proofs = bundle.proofs().clone();
        proofs.get_mut(&2).unwrap()[5_000] ^= 1;
        let changed = |proofs| {
            let changed =
                Bundle::new(bundle.record(), bundle.tags(), bundle.digest(), [3; 32], Color::White, proofs);
            match bundle.sampling() {
                Some(sampling) => changed.with_sampling(sampling.clone()),
                None => changed,
            }
        };
        verifier.open_bundle(&changed(proofs.clone()).write().unwrap()).unwrap();
        assert_eq!(verifier.verify(0), Ok(()));
        let native = changed(proofs.clone()).verify(&model.verifying_key()).unwrap_err().to_string();
        let reason = verifier.verify(1).unwrap_err().reason;
        assert_eq!(native, format!("the proof of ply 2 is rejected: {reason}"));

        // A proof missing, and a key of another network: shown, but nothing verified.
        proofs.remove(&2);
        let game = verifier.open_bundle(&changed(proofs).write().unwrap()).unwrap();
        assert_eq!(game.refused.as_deref(), Some("the move at ply 2 has no proof"));
        assert_eq!((game.plies.len(), verifier.verify(0).unwrap_err().name.as_str()), (4, "NoProof"));
        verifier.set_key(&key(&self::model(8))).unwrap();
        assert_eq!(verifier.verify(0).unwrap_err().name, "NoProof");
        let game = verifier.open_bundle(&bundle.write().unwrap()).unwrap();
        assert!(game.refused.unwrap().starts_with("the bundle is about model"));
        assert!(verifier.verify(0).is_err());
    }
}

/// Proofs of one move are none of another, of another game, or under another profile.
#[test]
fn a_proof_is_about_its_own_statement_only() {
    let model = model(7);
    let record = GameRecord::default();
    let mv = evaluate(&model, &record).unwrap().best;
    let prover = Prover::in_memory(Arc::clone(&model)).unwrap();
    let statement = Statement::single([0; 32], &record, mv).unwrap();
    let proof = prover.prove(&statement, Profile::Live).unwrap().proof;
    let mut verifier = Verifier::new();
    verifier.set_key(&key(&model)).unwrap();
    let uci = GameRecord::uci(mv);
    let other = if uci == "a2a3" { "a2a4" } else { "a2a3" };
    let fen = protocol::record::START_FEN;
    for (command, good) in [
        (format!("engine verify --fen '{fen}' --move {uci}"), true),
        (format!("engine verify --fen '{fen}' --move {other}"), false),
        (format!("engine verify --fen '{fen}' --move {uci} --game-id {}", "01".repeat(32)), false),
        (format!("engine verify --fen '{}' --move {uci}", fen.replace(" 0 1", " 1 1")), false),
        (format!("engine verify --fen '{fen}' --move {uci} --profile chain"), false),
        (format!("engine verify --fen '{fen}' --move {uci} --level 3 --seed {}", "01".repeat(32)), false),
        (format!("engine verify --fen '{fen}' --move {uci} --value 1,2,3"), false),
    ] {
        verifier.open_proof(command.as_bytes(), proof.clone()).unwrap();
        assert_eq!(verifier.verify(0).is_ok(), good, "{command}");
    }
    assert!(verifier.open_proof(b"\xff", proof.clone()).is_err());
    assert!(verifier.verify(0).is_err(), "what could not be opened is not what was open before");
    for number in [1, usize::MAX] {
        assert_eq!(verifier.verify(number).unwrap_err().name, "NoProof");
    }
}

#[test]
fn malformed_files_are_errors() {
    let mut verifier = Verifier::new();
    assert!(verifier.open_bundle(b"").unwrap_err().to_string().contains("no verifying key"));
    assert!(verifier.open_proof(b"", vec![]).is_err());
    let key = key(&model(7));
    for cut in 0..key.len() {
        assert!(verifier.set_key(&key[..cut]).is_err(), "{cut}");
        let mut damaged = key.clone();
        damaged[cut] ^= 0x80;
        assert!(verifier.set_key(&damaged).is_err(), "{cut}");
    }
    verifier.set_key(&key).unwrap();
    for bytes in [b"".as_slice(), b"PK", b"PK\x05\x06", b"text", &[0xff; 1000], page::PINNED[0].key] {
        assert!(verifier.open_bundle(bytes).is_err());
    }
}
