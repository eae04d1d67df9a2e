//! Watching a game: who may, what they hear, and what they don't.

mod common;

use common::{Client, PATIENCE, TestEngine, TestServer, config, test_proof};
use protocol::{
    ClientMessage, ErrorCode, GameId, GameRecord, GameTerms, Hex32, ProofMode, ServerMessage, Side,
    SideChoice,
};

fn state(game_id: GameId, record: &GameRecord) -> ServerMessage {
    ServerMessage::game(game_id, Side::White, record, None, GameTerms::default(), vec![], None)
}

async fn refused(client: &mut Client, message: ClientMessage, expected: ErrorCode) {
    client.send(message).await;
    match client.game_message().await {
        ServerMessage::Error { code, message, .. } => assert_eq!(code, expected, "{message}"),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn who_knows_the_game_watches_and_only_the_player_plays() {
    let folder = tempfile::tempdir().unwrap();
    let start = || TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path()));
    let server = start().await;
    let mut player = Client::connect(server.address).await;
    let (game_id, mut record) = player.new_game(SideChoice::White, None).await;
    let mut watcher = Client::connect(server.address).await;
    assert_eq!(watcher.watch(game_id, vec![]).await, state(game_id, &record));
    for message in [
        ClientMessage::Move { game_id, ply: 0, uci: "e2e4".into(), signature: None },
        ClientMessage::Nonce { game_id, nonce: Hex32([1; 32]) },
        ClientMessage::Resign { game_id },
        ClientMessage::OfferDraw { game_id },
        ClientMessage::ClaimDraw { game_id },
        ClientMessage::TakeBack { game_id, ply: 0 },
    ] {
        refused(&mut watcher, message, ErrorCode::OnlyWatching).await;
    }
    // A wrong key is no way in; the socket goes on watching.
    let wrong = ClientMessage::Resume { game_id, have_proofs: vec![], key: Some(Hex32([1; 32])) };
    refused(&mut watcher, wrong, ErrorCode::WrongKey).await;
    let resign = ClientMessage::Resign { game_id };
    refused(&mut watcher, resign.clone(), ErrorCode::OnlyWatching).await;
    let mut stranger = Client::connect(server.address).await;
    let wrong = ClientMessage::Resume { game_id, have_proofs: vec![], key: Some(Hex32([1; 32])) };
    refused(&mut stranger, wrong, ErrorCode::WrongKey).await;
    for message in [resign.clone(), ClientMessage::RequestProof { game_id, ply: 1 }] {
        refused(&mut stranger, message, ErrorCode::UnknownGame).await;
    }
    // The watcher hears the moves of both sides.
    player.play(game_id, &mut record, "e2e4").await;
    let told = ServerMessage::PlayerMove { game_id, ply: 0, uci: "e2e4".into() };
    assert_eq!(watcher.game_message().await, told);
    let mut seen = record.clone();
    player.bot_move(game_id, &mut record).await;
    watcher.bot_move(game_id, &mut seen).await;
    assert_eq!(seen.uci_moves(), record.uci_moves());
    // With the key another socket is the player, and hears the answers of one.
    let mut again = Client::connect(server.address).await;
    assert_eq!(again.resume(game_id, vec![]).await, state(game_id, &record));
    again.play_and_answer(game_id, &mut record, "d2d4").await;
    // The key went to the player alone.
    assert!(player.key.is_some() && again.key == player.key);
    assert_eq!((watcher.key, stranger.key), (None, None));
    // The server knows the key when it starts anew.
    server.stop().await;
    let server = start().await;
    let mut watcher = Client::connect(server.address).await;
    assert_eq!(watcher.watch(game_id, vec![]).await, state(game_id, &record));
    refused(&mut watcher, resign, ErrorCode::OnlyWatching).await;
    let mut player = Client::connect(server.address).await;
    assert_eq!(player.resume(game_id, vec![]).await, state(game_id, &record));
    player.play(game_id, &mut record, "g1f3").await;
    server.stop().await;
}

#[tokio::test]
async fn who_comes_back_gets_the_proofs_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Gkr, folder.path())).await;
    let mut player = Client::connect(server.address).await;
    let (game_id, mut record) = player.new_game(SideChoice::White, None).await;
    let mut watcher = Client::connect(server.address).await;
    watcher.watch(game_id, vec![]).await;
    player.play_and_answer(game_id, &mut record, "e2e4").await;
    let frame = watcher.proof().await;
    let expected = |ply: usize| test_proof(game_id, &record.truncated(ply), record.moves()[ply]);
    assert_eq!((frame.ply, frame.proof), (1, expected(1)));
    drop(watcher);
    player.play_and_answer(game_id, &mut record, "d2d4").await;
    let expected = |ply: usize| test_proof(game_id, &record.truncated(ply), record.moves()[ply]);
    let mut watcher = Client::connect(server.address).await;
    match watcher.watch(game_id, vec![1]).await {
        ServerMessage::Game { moves, .. } => assert_eq!(moves, record.uci_moves()),
        other => panic!("expected the game, got {other:?}"),
    }
    let frame = watcher.proof().await;
    assert_eq!((frame.ply, frame.proof), (3, expected(3)));
    // A proof may be asked for again by whoever follows the game.
    watcher.send(ClientMessage::RequestProof { game_id, ply: 1 }).await;
    assert_eq!(watcher.proof().await.ply, 1);
    server.stop().await;
}

/// Elements of moves to come stay with the server.
#[tokio::test]
async fn who_watches_sees_the_seeds_of_moves_made() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    let mut player = Client::connect(server.address).await;
    let terms = GameTerms { level: 3, ..GameTerms::default() };
    let (game_id, mut record) = player.new_game_on(SideChoice::White, None, terms).await;
    let mut watcher = Client::connect(server.address).await;
    let seeds = |message: ServerMessage| match message {
        ServerMessage::Game { seeds: Some(seeds), .. } => seeds,
        other => panic!("expected a game with seeds, got {other:?}"),
    };
    let before = seeds(watcher.watch(game_id, vec![]).await);
    assert_eq!((before.nonce, before.elements.len()), (None, 0));
    let nonce = Hex32([7; 32]);
    player.send(ClientMessage::Nonce { game_id, nonce }).await;
    let mut told = Vec::new();
    for uci in ["e2e4", "d2d4"] {
        player.play_and_answer(game_id, &mut record, uci).await;
        assert!(matches!(watcher.game_message().await, ServerMessage::PlayerMove { .. }));
        match watcher.game_message().await {
            ServerMessage::BotMove { seed_element: Some(element), .. } => told.push(element),
            other => panic!("expected a move with its element, got {other:?}"),
        }
        let after = seeds(watcher.watch(game_id, vec![]).await);
        assert_eq!((after.head, after.nonce, &after.elements), (before.head, Some(nonce), &told));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_game_has_so_many_watchers_and_always_room_for_its_player() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.max_watchers_per_game = 1;
    let server = TestServer::start(config).await;
    let mut player = Client::connect(server.address).await;
    let (game_id, record) = player.new_game(SideChoice::White, None).await;
    let mut first = Client::connect(server.address).await;
    assert_eq!(first.watch(game_id, vec![]).await, state(game_id, &record));
    // Asking again takes no second place.
    assert_eq!(first.watch(game_id, vec![]).await, state(game_id, &record));
    let mut second = Client::connect(server.address).await;
    let watch = ClientMessage::Resume { game_id, have_proofs: vec![], key: None };
    refused(&mut second, watch.clone(), ErrorCode::Busy).await;
    refused(&mut second, ClientMessage::Resign { game_id }, ErrorCode::UnknownGame).await;
    let mut again = Client::connect(server.address).await;
    assert_eq!(again.resume(game_id, vec![]).await, state(game_id, &record));
    // The place of one who leaves is free.
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match second.watch(game_id, vec![]).await {
            ServerMessage::Error { code: ErrorCode::Busy, .. } => {
                assert!(tokio::time::Instant::now() < deadline);
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            }
            other => break assert_eq!(other, state(game_id, &record)),
        }
    }
    server.stop().await;
}
