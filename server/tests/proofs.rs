//! Proofs over real sockets, with a prover that costs nothing and misbehaves on request.

mod common;

use common::{Client, Received, TestEngine, TestServer, config, test_proof};
use protocol::{
    ClientMessage, ErrorCode, GameId, GameRecord, GameTerms, ProofFrame, ProofMode, ServerMessage, Side,
    SideChoice,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

fn expected(game_id: GameId, record: &GameRecord, ply: u32) -> ProofFrame {
    let index = usize::try_from(ply).unwrap();
    let proof = test_proof(game_id, &record.truncated(index), record.moves()[index]);
    ProofFrame { game_id, ply, proof }
}

#[tokio::test]
async fn the_move_first_then_its_proof() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    for (ply, uci) in [(1, "e2e4"), (3, "d2d4")] {
        client.send(ClientMessage::Move { game_id, ply: ply - 1, uci: uci.into(), signature: None }).await;
        assert_eq!(client.message().await, ServerMessage::MoveAccepted { game_id, ply: ply - 1 });
        record.play_uci(uci).unwrap();
        let ServerMessage::BotMove { uci, .. } = client.message().await else { panic!() };
        record.play_uci(&uci).unwrap();
        assert_eq!(client.message().await, ServerMessage::Proving { game_id, ply, queue: 0 });
        let frame = expected(game_id, &record, ply);
        let ServerMessage::ProofReady { bytes, .. } = client.message().await else { panic!() };
        assert_eq!(bytes as usize, frame.proof.len());
        assert_eq!(client.next().await, Received::Proof(frame));
    }
    client.send(ClientMessage::RequestProof { game_id, ply: 1 }).await;
    assert_eq!(client.proof().await, expected(game_id, &record, 1));
    client.send(ClientMessage::RequestProof { game_id, ply: 2 }).await;
    let ServerMessage::Error { code, .. } = client.message().await else { panic!() };
    assert_eq!(code, ErrorCode::NoProof);
    server.stop().await;
}

#[tokio::test]
async fn play_does_not_wait_for_the_prover() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let hold = Arc::clone(&engine.hold_prover);
    hold.store(true, Ordering::Relaxed);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let (mut client, welcome) = Client::connect_with_welcome(server.address).await;
    assert!(matches!(
        welcome,
        ServerMessage::Welcome { prover_ready: false, proof_mode: ProofMode::Gkr, .. }
    ));
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    for uci in ["e2e4", "d2d4", "c2c4"] {
        client.play_and_answer(game_id, &mut record, uci).await;
    }
    hold.store(false, Ordering::Relaxed);
    let mut ready = false;
    let mut proofs = Vec::new();
    while proofs.len() < 3 {
        match client.next().await {
            Received::Message(ServerMessage::ProverStatus { ready: now, .. }) => ready = now,
            Received::Proof(frame) => proofs.push(frame),
            Received::Message(_) => {}
            Received::Closed(_) => panic!(),
        }
    }
    assert!(ready);
    assert_eq!(proofs, [1, 3, 5].map(|ply| expected(game_id, &record, ply)));
    server.stop().await;
}

#[tokio::test]
async fn who_comes_back_gets_the_proofs_that_are_lacking() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::Black, None).await;
    client.bot_move(game_id, &mut record).await;
    client.proof().await;
    for uci in ["e7e5", "d7d5", "c7c5"] {
        client.play_and_answer(game_id, &mut record, uci).await;
        client.proof().await;
    }
    drop(client);
    let mut client = Client::connect(server.address).await;
    let state = ServerMessage::game(
        game_id,
        Side::Black,
        &record,
        None,
        GameTerms::default(),
        vec![0, 2, 4, 6],
        None,
    );
    assert_eq!(client.resume(game_id, vec![2, 4, 77]).await, state);
    assert_eq!(client.proof().await, expected(game_id, &record, 0));
    assert_eq!(client.proof().await, expected(game_id, &record, 6));
    client.send(ClientMessage::Ping).await;
    assert_eq!(client.message().await, ServerMessage::Pong);
    server.stop().await;
}

#[tokio::test]
async fn missing_proofs_are_made_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let hold = Arc::clone(&engine.hold_prover);
    hold.store(true, Ordering::Relaxed);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    for uci in ["e2e4", "d2d4"] {
        client.play_and_answer(game_id, &mut record, uci).await;
    }
    client.send(ClientMessage::Resign { game_id }).await;
    client.game_message().await;
    server.stop().await;
    hold.store(false, Ordering::Relaxed);

    let engine = TestEngine::default();
    let made = Arc::clone(&engine.made);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    // Nobody asks, they are made all the same, though the game is over.
    while made.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut client = Client::connect(server.address).await;
    assert!(matches!(client.resume(game_id, vec![]).await, ServerMessage::Game { outcome: Some(_), .. }));
    let proofs = BTreeSet::from([client.proof().await.ply, client.proof().await.ply]);
    assert_eq!(proofs, BTreeSet::from([1, 3]));
    server.stop().await;

    let engine = TestEngine::default();
    let made = Arc::clone(&engine.made);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![1]).await;
    assert_eq!(client.proof().await, expected(game_id, &record, 3));
    assert_eq!(made.load(Ordering::Relaxed), 0, "stored proofs aren't made again");
    server.stop().await;
}

#[tokio::test]
async fn a_proof_that_the_verifier_rejects_is_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let spoil = Arc::clone(&engine.spoil);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;

    // One bad try (a panic or a wrong proof) is made good by the next.
    for (uci, spoiled) in [("e2e4", 1), ("d2d4", 1)] {
        spoil.store(spoiled, Ordering::Relaxed);
        client.play_and_answer(game_id, &mut record, uci).await;
        let ply = u32::try_from(record.ply() - 1).unwrap();
        assert_eq!(client.proof().await, expected(game_id, &record, ply));
    }
    // Two are told, and a client may ask for another.
    spoil.store(2, Ordering::Relaxed);
    client.play_and_answer(game_id, &mut record, "c2c4").await;
    assert!(matches!(client.game_message().await, ServerMessage::ProofFailed { ply: 5, .. }));
    client.send(ClientMessage::RequestProof { game_id, ply: 5 }).await;
    assert_eq!(client.proof().await, expected(game_id, &record, 5));
    // A prover that never succeeds doesn't stop the game, nor later proofs.
    spoil.store(2, Ordering::Relaxed);
    client.play_and_answer(game_id, &mut record, "h2h4").await;
    assert!(matches!(client.game_message().await, ServerMessage::ProofFailed { ply: 7, .. }));
    client.play_and_answer(game_id, &mut record, "h4h5").await;
    assert_eq!(client.proof().await, expected(game_id, &record, 9));
    drop(client);
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![1, 3, 5, 9]).await;
    assert!(matches!(client.message().await, ServerMessage::ProofFailed { ply: 7, .. }));
    server.stop().await;
}

#[tokio::test]
async fn without_a_prover_the_game_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine { no_prover: true, ..TestEngine::default() };
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    let ServerMessage::ProofFailed { reason, .. } = client.game_message().await else { panic!() };
    assert_eq!(reason, "out of order");
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    server.stop().await;
}

#[tokio::test]
async fn large_proofs_do_not_hold_up_moves() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine { padding: 900 << 10, ..TestEngine::default() };
    let mut config = config(engine, ProofMode::Gkr, folder.path());
    // Far fewer than the proofs to send: they don't wait in this queue.
    config.limits.outbound_queue = 8;
    let server = TestServer::start(config).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    let mut received = 0;
    for round in 0..20 {
        let uci = ["g1f3", "f3g1"][round % 2];
        if protocol::Outcome::of(&record).is_some() {
            break;
        }
        client.play_and_answer(game_id, &mut record, uci).await;
        client.proof().await;
        received += 1;
    }
    drop(client);
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![]).await;
    for _ in 0..received {
        assert!(client.proof().await.proof.len() > 900 << 10);
    }
    server.stop().await;
}
