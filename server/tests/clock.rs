//! Clocks and moves taken back, over real sockets.

mod common;

use common::{Client, TestEngine, TestServer, clocked, config};
use protocol::{
    ClientMessage, ClockReading, EndReason, ErrorCode, GameId, GameRecord, GameTerms, Outcome, ProofMode,
    ServerMessage, Side, SideChoice,
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// A move and its answer, each followed by the clock. Returns the last one.
async fn exchange(client: &mut Client, game_id: GameId, record: &mut GameRecord, uci: &str) -> ClockReading {
    client.play(game_id, record, uci).await;
    client.clock().await;
    client.bot_move(game_id, record).await;
    client.clock().await
}

#[tokio::test]
async fn a_flag_falls() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, clocked(1_000, 0)).await;
    assert_eq!(client.clock().await, ClockReading { white_ms: 1_000, black_ms: 1_000, running: None });
    // The first moves are free.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = exchange(&mut client, game_id, &mut record, "e2e4").await;
    // The 300 ms before the first move are not missing.
    assert!((800..=1_000).contains(&started.white_ms) && started.running == Some(Side::White), "{started:?}");
    let since = Instant::now();
    let last = client.clock().await;
    assert_eq!((last.white_ms, last.running), (0, None));
    let outcome = Outcome { winner: Some(Side::Black), reason: EndReason::Timeout };
    assert_eq!(client.game_message().await, ServerMessage::GameOver { game_id, outcome });
    assert!(since.elapsed() >= Duration::from_millis(700), "{:?}", since.elapsed());
    client.send(ClientMessage::Move { game_id, ply: 2, uci: "d2d4".into(), signature: None }).await;
    assert!(matches!(client.game_message().await, ServerMessage::Error { code: ErrorCode::GameOver, .. }));
    server.stop().await;
}

#[tokio::test]
async fn thinking_costs_time_and_a_move_adds_the_increment() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, clocked(60_000, 2_000)).await;
    client.clock().await;
    exchange(&mut client, game_id, &mut record, "e2e4").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let moved = exchange(&mut client, game_id, &mut record, "d2d4").await;
    assert!((55_000..=61_500).contains(&moved.white_ms), "{moved:?}");
    assert!((57_000..=62_000).contains(&moved.black_ms), "{moved:?}");
    assert_eq!(moved.running, Some(Side::White));
    server.stop().await;
}

#[tokio::test]
async fn waiting_for_proofs_costs_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    engine.hold_prover.store(true, Ordering::Relaxed);
    let hold = engine.hold_prover.clone();
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, clocked(30_000, 0)).await;
    client.clock().await;
    for uci in ["e2e4", "d2d4", "c2c4"] {
        let running = exchange(&mut client, game_id, &mut record, uci).await.running;
        assert_eq!(running, Some(Side::White), "{uci}");
    }
    let paused = exchange(&mut client, game_id, &mut record, "b2b4").await;
    assert_eq!(paused.running, None);
    tokio::time::sleep(Duration::from_millis(400)).await;
    hold.store(false, Ordering::Relaxed);
    let goes_on = client.clock().await;
    // The 400 ms of waiting are not missing.
    let lost_ms = paused.white_ms - goes_on.white_ms;
    assert!(lost_ms < 200 && goes_on.running == Some(Side::White), "{paused:?} {goes_on:?}");
    server.stop().await;
}

#[tokio::test]
async fn time_without_a_server_counts_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let start = || TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path()));
    let server = start().await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, clocked(60_000, 0)).await;
    client.clock().await;
    exchange(&mut client, game_id, &mut record, "e2e4").await;
    // Longer than the server's heartbeat, so that what was thought before the end counts.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    server.stop().await;
    tokio::time::sleep(Duration::from_millis(3_000)).await;

    let server = start().await;
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![]).await;
    let resumed = client.clock().await;
    assert_eq!(resumed.running, Some(Side::White));
    assert!((56_000..=59_000).contains(&resumed.white_ms), "{resumed:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let moved = exchange(&mut client, game_id, &mut record, "d2d4").await;
    assert!(moved.white_ms <= resumed.white_ms - 290, "{resumed:?} {moved:?}");
    server.stop().await;
}

#[tokio::test]
async fn moves_are_taken_back_in_casual_games_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    client.proof().await;
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    for ply in [1, 5, u32::MAX] {
        client.send(ClientMessage::TakeBack { game_id, ply }).await;
        let refused = client.game_message().await;
        assert!(matches!(refused, ServerMessage::Error { code: ErrorCode::NoTakeback, .. }), "{refused:?}");
    }
    for _ in 0..2 {
        client.send(ClientMessage::TakeBack { game_id, ply: 2 }).await;
        assert_eq!(client.game_message().await, ServerMessage::TakenBack { game_id, ply: 2 });
    }
    let mut record = record.truncated(2);
    client.play_and_answer(game_id, &mut record, "g1f3").await;
    // The proof that comes is of the move that stands.
    let mut proof = client.proof().await;
    let expected = common::test_proof(game_id, &record.truncated(3), record.moves()[3]);
    if proof.proof != expected {
        proof = client.proof().await;
    }
    assert_eq!((proof.ply, proof.proof), (3, expected));

    let rated = GameTerms { rated: true, ..GameTerms::default() };
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, rated).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    client.send(ClientMessage::TakeBack { game_id, ply: 0 }).await;
    let refused = client.game_message().await;
    assert!(matches!(refused, ServerMessage::Error { code: ErrorCode::NoTakeback, .. }), "{refused:?}");

    let terms = clocked(10, 0);
    client.send(ClientMessage::NewGame { human_side: SideChoice::White, start_fen: None, terms }).await;
    let refused = client.game_message().await;
    assert!(matches!(refused, ServerMessage::Error { code: ErrorCode::BadTerms, .. }), "{refused:?}");
    server.stop().await;
}
