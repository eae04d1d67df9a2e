//! Badges and the verifier: good proofs, bad proofs, no proofs.

use crate::common::{Client, GAME, model, prove};
use bevy::prelude::KeyCode;
use game::{
    files,
    play::{
        PlayerAction,
        state::{Badge, Blocked, Offence, Trust},
    },
    screens::Overlay,
    verify::{PinnedKeys, engine},
};
use protocol::{GameRecord, ProofMode, ServerMessage, Side, record::START_FEN, shakmaty::Square};

/// A game in which the player's e4 was answered by the network.
fn one_move() -> (Client, Vec<u8>) {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    client.accept(0);
    let (uci, proof) = prove(&GameRecord::replay(START_FEN, ["e2e4"]).unwrap());
    client.bot_plays(1, &uci);
    assert!(matches!(client.badge(1), Badge::Proving { .. }));
    client.assert_text("proving…");
    (client, proof)
}

fn welcome(model_digest: [u8; 32], verifying_key: Vec<u8>) -> ServerMessage {
    ServerMessage::Welcome {
        version: protocol::PROTOCOL_VERSION,
        server: "test".into(),
        model_digest,
        verifying_key,
        proof_mode: ProofMode::Gkr,
        prover_ready: true,
        prover_progress: 1.0,
    }
}

/// The key of another network.
fn other_key() -> Vec<u8> {
    use engine_circuit::model::{Model, NetworkShape, QuantisedNetwork};
    let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 1).unwrap();
    Model::from_parts(network, [0; 32], Default::default()).verifying_key().to_bytes()
}

fn settle(client: &mut Client, ply: u32) {
    client.wait_for("the verifier", 60, |client| {
        !matches!(client.badge(ply), Badge::Proving { .. } | Badge::Checking)
    });
    client.frames(3);
}

#[test]
fn a_good_proof_is_verified() {
    let (mut client, proof) = one_move();
    client.bring_proof(1, proof);
    settle(&mut client, 1);
    assert!(matches!(client.badge(1), Badge::Verified { .. }), "{:?}", client.badge(1));
    client.assert_text("verified");
    client.assert_text("1/1 verified");
    assert_eq!(client.overlay(), Overlay::None);
    client.drag(Square::G1, Square::F3);
    assert_eq!(client.moves().len(), 3);
}

#[test]
fn a_tampered_proof_stops_play_and_leaves_evidence() {
    let (mut client, mut proof) = one_move();
    let middle = proof.len() / 2;
    proof[middle] ^= 1;
    client.bring_proof(1, proof.clone());
    settle(&mut client, 1);
    assert!(matches!(client.badge(1), Badge::Invalid { .. }));
    assert_eq!(client.overlay(), Overlay::Alarm);
    client.assert_text("INVALID");
    let moves = client.moves();
    client.drag(Square::G1, Square::F3);
    client.key(KeyCode::Escape);
    assert_eq!(client.moves(), moves);
    assert_eq!(client.overlay(), Overlay::Alarm);
    assert_eq!(client.play().state.blocked(), Some(Blocked::Alarm));
    let evidence = client.play().state.alarm.as_ref().unwrap().evidence.clone().unwrap();
    let folder = std::path::Path::new(&evidence);
    assert_eq!(std::fs::read(folder.join("proof.bin")).unwrap(), proof);
    let statement = std::fs::read_to_string(folder.join("statement.txt")).unwrap();
    assert!(statement.contains(&model().digest().to_string()) && statement.contains("moves before: e2e4"));
    assert!(std::fs::read_to_string(folder.join("game.pgn")).unwrap().contains("1. e4"));
}

#[test]
fn the_proof_of_another_move_is_rejected() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    let (uci, proof) = prove(&GameRecord::replay(START_FEN, ["e2e4"]).unwrap());
    let other = if uci == "a7a6" { "h7h6" } else { "a7a6" };
    client.bot_plays(1, other);
    client.bring_proof(1, proof);
    settle(&mut client, 1);
    assert!(matches!(client.badge(1), Badge::Invalid { .. }));
    assert_eq!(client.overlay(), Overlay::Alarm);
}

#[test]
fn a_missing_proof_is_not_checked_and_a_late_one_still_counts() {
    let (mut client, proof) = one_move();
    client.say(ServerMessage::ProofFailed { game_id: GAME, ply: 1, reason: "out of memory".into() });
    assert!(matches!(client.badge(1), Badge::NotChecked { .. }));
    client.assert_text("not checked");
    client.assert_text("out of memory");
    client.bring_proof(1, proof);
    settle(&mut client, 1);
    assert!(matches!(client.badge(1), Badge::Verified { .. }));
}

#[test]
fn too_many_unproven_moves_stop_the_player() {
    let mut client = Client::scripted();
    let moves = ["e2e4", "e7e5", "g1f3", "b8c6", "f1c4", "f8c5", "e1g1", "g8f6"];
    client.begin(Side::White, START_FEN, &moves);
    assert_eq!(client.play().state.blocked(), Some(Blocked::Unproven));
    client.assert_text("more than 3 moves");
    client.drag(Square::D2, Square::D3);
    assert_eq!(client.moves().len(), 8);
}

#[test]
fn without_a_pinned_key_nothing_counts_as_verified() {
    let mut client = Client::start(game::net::Opponent::Scripted, PinnedKeys::default());
    client.welcome(ProofMode::Gkr);
    client.assert_text("NOT PINNED");
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    let (uci, proof) = prove(&GameRecord::replay(START_FEN, ["e2e4"]).unwrap());
    client.bot_plays(1, &uci);
    client.bring_proof(1, proof);
    assert!(matches!(client.badge(1), Badge::NotChecked { .. }));
    assert_eq!(client.play().state.opponent.as_ref().unwrap().trust, Trust::Unknown);
}

#[test]
fn a_changed_network_is_called_changed() {
    let (mut client, _) = one_move();
    let key = other_key();
    let digest = engine::Key::from_bytes(&key).unwrap().digest();
    assert_ne!(digest, *model().digest().as_bytes());
    client.say(welcome(digest, key));
    client.assert_text("CHANGED");
    assert_eq!(client.overlay(), Overlay::None);
    client.key(KeyCode::KeyP);
    assert_eq!(client.overlay(), Overlay::ProofCard);
    client.assert_text("CHANGED: the server now claims another network");
    assert!(client.texts().iter().all(|text| text != "pinned in this client"));
    // What was played stays a matter of the network that played it.
    client.assert_text(&model().digest().to_string());
}

#[test]
fn saves_a_bundle_that_verifies() {
    let (mut client, proof) = one_move();
    client.bring_proof(1, proof);
    settle(&mut client, 1);
    client.click_button(&PlayerAction::Save);
    client.assert_text("Saved to");
    let folder = client.folder.path().join("bundles");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let bundle = engine_circuit::bundle::Bundle::read(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(bundle.verify(&model().verifying_key()).unwrap().len(), 1);
}

#[test]
fn a_key_that_is_not_the_digests_stops_the_client() {
    let mut client = Client::start(game::net::Opponent::Scripted, crate::common::pinned());
    // The pinned digest with another network's key.
    client.say(welcome(*model().digest().as_bytes(), other_key()));
    assert_eq!(client.play().state.alarm.as_ref().unwrap().offence, Offence::WrongKey);
    assert_eq!(client.overlay(), Overlay::Alarm);
    client.assert_text("does not belong to the network it claims");
    let evidence = client.play().state.alarm.as_ref().unwrap().evidence.clone().unwrap();
    let heard =
        std::fs::read_to_string(std::path::Path::new(&evidence).join("server-messages.jsonl")).unwrap();
    assert!(heard.contains("welcome"), "{heard}");
}

#[test]
fn the_card_says_what_was_checked_and_checks_it_again() {
    let (mut client, proof) = one_move();
    client.key(KeyCode::KeyP);
    assert_eq!(client.overlay(), Overlay::ProofCard);
    client.assert_text("still making the proof");
    client.say(ServerMessage::ProofReady { game_id: GAME, ply: 1, prove_ms: 321, bytes: 5 });
    client.bring_proof(1, proof.clone());
    settle(&mut client, 1);
    for text in [
        "highest of the 20 legal moves in exactly this position",
        "pinned in this client",
        &model().digest().to_string(),
        "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
        &format!("{:.1} kB", proof.len() as f64 / 1e3),
        "321 ms",
        &format!(
            "at least {} bits",
            engine::Key::from_bytes(&model().verifying_key().to_bytes()).unwrap().security_bits().floor()
        ),
        "What it does not prove",
    ] {
        client.assert_text(text);
    }
    client.click_button(&PlayerAction::VerifyAgain(1));
    client.wait_for("the second check", 60, |client| {
        client.texts().iter().any(|text| text.contains("Verified again"))
    });
    client.click_button(&PlayerAction::Tamper(1));
    client.wait_for("the tamper test", 60, |client| {
        client.texts().iter().any(|text| text.contains("copy was rejected"))
    });
    // The move's own badge stays as it was.
    assert!(matches!(client.badge(1), Badge::Verified { .. }));
    client.click_button(&PlayerAction::SaveProof(1));
    let saved =
        std::fs::read_dir(client.folder.path().join("proofs")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read(saved).unwrap(), proof);
    client.click_button(&PlayerAction::CopyDigest);
    assert_eq!(client.clipboard(), model().digest().to_string());
    client.key(KeyCode::Escape);
    assert_eq!(client.overlay(), Overlay::None);
}

#[test]
fn the_copied_command_names_everything_the_check_needs() {
    let key = files::models_folder().unwrap().join(format!("{}.vk", model().digest()));
    let mut pinned = PinnedKeys::default();
    pinned.pin_file(&key).unwrap();
    let mut client = Client::start(game::net::Opponent::Scripted, pinned);
    client.welcome(ProofMode::Gkr);
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    let (uci, proof) = prove(&GameRecord::replay(START_FEN, ["e2e4"]).unwrap());
    client.bot_plays(1, &uci);
    client.bring_proof(1, proof);
    settle(&mut client, 1);
    client.key(KeyCode::KeyP);
    client.click_button(&PlayerAction::CopyCommand(1));
    let command = client.clipboard();
    let saved =
        std::fs::read_dir(client.folder.path().join("proofs")).unwrap().next().unwrap().unwrap().path();
    assert!(command.starts_with("engine verify --vk '"), "{command}");
    for part in [
        format!("--fen '{START_FEN}'"),
        "--moves 'e2e4'".to_owned(),
        format!("--game-id {GAME}"),
        format!("--move {uci}"),
        format!("--proof '{}'", saved.display()),
    ] {
        assert!(command.contains(&part), "{part} is not in {command}");
    }
}

#[test]
fn five_states_have_five_signs_and_words() {
    use game::{i18n::Texts, play::notation::badge_text, screens::badge_sign};
    let badges = [
        Badge::Proving { since_s: 0.0 },
        Badge::Checking,
        Badge::Verified { verify_ms: 41.0 },
        Badge::Invalid { reason: String::new() },
        Badge::NotChecked { reason: String::new() },
    ];
    let texts = Texts::default();
    for (at, one) in badges.iter().enumerate() {
        for other in &badges[at + 1..] {
            assert_ne!(badge_sign(one).0, badge_sign(other).0);
            assert_ne!(badge_text(&texts, one), badge_text(&texts, other));
        }
    }
    assert_eq!(badge_text(&texts, &badges[2]), "verified 41 ms");
}
