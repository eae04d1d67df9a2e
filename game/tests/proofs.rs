//! Badges and the verifier: good proofs, bad proofs, no proofs.

mod common;

use bevy::prelude::KeyCode;
use common::{Client, GAME, model, prove};
use game::{
    play::{
        PlayerAction,
        state::{Badge, Blocked, Trust},
    },
    screens::Overlay,
    verify::PinnedKeys,
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
    client.say(ServerMessage::Welcome {
        version: protocol::PROTOCOL_VERSION,
        server: "test".into(),
        model_digest: [1; 32],
        verifying_key: Vec::new(),
        proof_mode: ProofMode::Gkr,
        prover_ready: true,
        prover_progress: 1.0,
    });
    client.assert_text("CHANGED");
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
