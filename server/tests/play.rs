//! Games over real sockets, without proofs.

mod common;

use common::{Client, PATIENCE, Received, TestEngine, TestServer, config};
use futures_util::SinkExt;
use protocol::{
    ClientMessage, EndReason, ErrorCode, GameId, GameRecord, GameTerms, Outcome, ProofMode, ServerMessage,
    Side, SideChoice,
    messages::{MAX_CLIENT_MESSAGE_BYTES, PROTOCOL_VERSION},
    record::START_FEN,
    shakmaty::Position,
};
use std::time::Duration;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message},
};

async fn start(folder: &tempfile::TempDir) -> TestServer {
    TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path())).await
}

async fn expect_error(client: &mut Client, expected: ErrorCode) -> String {
    match client.message().await {
        ServerMessage::Error { code, message, .. } => {
            assert_eq!(code, expected, "{message}");
            message
        }
        other => panic!("expected an error, got {other:?}"),
    }
}

/// Three figures to reproduce a game by.
fn pick(record: &GameRecord, seed: usize) -> String {
    let moves = record.position().legal_moves();
    let index = (seed * 7_919 + record.ply() * 104_729) / 3 % moves.len();
    GameRecord::uci(moves[index])
}

#[tokio::test]
async fn whole_games_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let (mut client, welcome) = Client::connect_with_welcome(server.address).await;
    let ServerMessage::Welcome { proof_mode, verifying_key, .. } = welcome else { unreachable!() };
    assert_eq!((proof_mode, verifying_key), (ProofMode::Off, vec![1, 2, 3]));
    for seed in 0..4 {
        let side = if seed % 2 == 0 { SideChoice::White } else { SideChoice::Black };
        let (game_id, mut record) = client.new_game(side, None).await;
        if side == SideChoice::Black {
            client.bot_move(game_id, &mut record).await;
        }
        loop {
            let uci = pick(&record, seed);
            client.play(game_id, &mut record, &uci).await;
            if Outcome::of(&record).is_some() {
                break;
            }
            client.bot_move(game_id, &mut record).await;
            if Outcome::of(&record).is_some() {
                break;
            }
        }
        let outcome = Outcome::of(&record).unwrap();
        assert_eq!(client.game_message().await, ServerMessage::GameOver { game_id, outcome });
        let ply = u32::try_from(record.ply()).unwrap();
        client.send(ClientMessage::Move { game_id, ply, uci: "e2e4".into(), signature: None }).await;
        expect_error(&mut client, ErrorCode::GameOver).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn the_human_mates() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let fen = "6k1/5ppp/8/8/8/8/8/K3R3 w - - 0 1";
    let (game_id, mut record) = client.new_game(SideChoice::White, Some(fen)).await;
    client.play(game_id, &mut record, "e1e8").await;
    let outcome = Outcome { winner: Some(Side::White), reason: EndReason::Checkmate };
    assert_eq!(client.message().await, ServerMessage::GameOver { game_id, outcome });
    // The same move again is answered as the first time.
    client.send(ClientMessage::Move { game_id, ply: 0, uci: "e1e8".into(), signature: None }).await;
    assert_eq!(client.message().await, ServerMessage::MoveAccepted { game_id, ply: 0 });
    assert_eq!(client.message().await, ServerMessage::GameOver { game_id, outcome });
    server.stop().await;
}

#[tokio::test]
async fn resignation_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, _) = client.new_game(SideChoice::White, None).await;
    client.send(ClientMessage::ClaimDraw { game_id }).await;
    expect_error(&mut client, ErrorCode::NoDraw).await;
    client.send(ClientMessage::OfferDraw { game_id }).await;
    assert_eq!(client.message().await, ServerMessage::DrawDeclined { game_id });
    client.send(ClientMessage::Resign { game_id }).await;
    let outcome = Outcome { winner: Some(Side::Black), reason: EndReason::Resignation };
    assert_eq!(client.message().await, ServerMessage::GameOver { game_id, outcome });
    for message in [
        ClientMessage::Resign { game_id },
        ClientMessage::OfferDraw { game_id },
        ClientMessage::ClaimDraw { game_id },
    ] {
        client.send(message).await;
        expect_error(&mut client, ErrorCode::GameOver).await;
    }

    for offer in [false, true] {
        let fen = "k7/8/8/8/8/8/8/KQ5r w - - 99 80";
        let (game_id, mut record) = client.new_game(SideChoice::White, Some(fen)).await;
        client.play_and_answer(game_id, &mut record, "a1a2").await;
        let message =
            if offer { ClientMessage::OfferDraw { game_id } } else { ClientMessage::ClaimDraw { game_id } };
        client.send(message).await;
        let outcome = Outcome { winner: None, reason: EndReason::FiftyMoves };
        assert_eq!(client.message().await, ServerMessage::GameOver { game_id, outcome });
    }
    server.stop().await;
}

#[tokio::test]
async fn bad_messages_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let nobody = GameId([9; 32]);
    for text in
        ["", "hello", "{}", r#"{"type":"dance"}"#, r#"{"type":"move","game_id":"00","ply":0,"uci":"e2e4"}"#]
    {
        client.send_text(text.into()).await;
        expect_error(&mut client, ErrorCode::BadMessage).await;
    }
    client.socket.send(Message::binary(vec![1; 100])).await.unwrap();
    expect_error(&mut client, ErrorCode::BadMessage).await;
    client.send(ClientMessage::Hello { version: PROTOCOL_VERSION, client: "again".into() }).await;
    expect_error(&mut client, ErrorCode::HelloExpected).await;
    client.send(ClientMessage::Resume { game_id: nobody, have_proofs: vec![], key: None }).await;
    expect_error(&mut client, ErrorCode::UnknownGame).await;
    client.send(ClientMessage::Resign { game_id: nobody }).await;
    expect_error(&mut client, ErrorCode::UnknownGame).await;
    for fen in [
        "",
        "nonsense",
        "8/8/8/8/8/8/8/8 w - - 0 1",
        "k7/8/1K6/8/8/8/8/8 b - - 0 1",
        "k7/2Q5/1K6/8/8/8/8/8 b - - 0 1",
    ] {
        client
            .send(ClientMessage::NewGame {
                human_side: SideChoice::White,
                start_fen: Some(fen.into()),
                terms: GameTerms::default(),
            })
            .await;
        expect_error(&mut client, ErrorCode::BadPosition).await;
    }

    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    for (ply, uci, code) in [
        (2, "e4e6", ErrorCode::IllegalMove),
        (2, "", ErrorCode::IllegalMove),
        (2, "zzzz", ErrorCode::IllegalMove),
        (2, "0000", ErrorCode::IllegalMove),
        (3, "d2d4", ErrorCode::WrongPly),
        (u32::MAX, "d2d4", ErrorCode::WrongPly),
        (0, "d2d4", ErrorCode::WrongPly),
        (1, "a7a5", ErrorCode::WrongPly),
    ] {
        client.send(ClientMessage::Move { game_id, ply, uci: uci.into(), signature: None }).await;
        expect_error(&mut client, code).await;
    }
    client.send(ClientMessage::RequestProof { game_id, ply: 1 }).await;
    expect_error(&mut client, ErrorCode::NoProof).await;
    client.send(ClientMessage::RequestProof { game_id, ply: u32::MAX }).await;
    expect_error(&mut client, ErrorCode::NoProof).await;
    client.send(ClientMessage::Ping).await;
    assert_eq!(client.message().await, ServerMessage::Pong);
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    server.stop().await;
}

#[tokio::test]
async fn the_hello_comes_first_and_in_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect_silently(server.address).await;
    client.send(ClientMessage::Ping).await;
    expect_error(&mut client, ErrorCode::HelloExpected).await;
    client.send(ClientMessage::Hello { version: PROTOCOL_VERSION + 1, client: "later".into() }).await;
    expect_error(&mut client, ErrorCode::UnsupportedVersion).await;
    assert_eq!(client.next().await, Received::Closed(Some(1002)));
    server.stop().await;
}

#[tokio::test]
async fn frames_that_are_too_large_end_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    client.send_text(" ".repeat(MAX_CLIENT_MESSAGE_BYTES + 1)).await;
    expect_error(&mut client, ErrorCode::TooLarge).await;
    assert_eq!(client.next().await, Received::Closed(Some(1009)));
    // Far too large: the server doesn't read it, so the goodbye may be lost with the connection.
    let mut client = Client::connect(server.address).await;
    drop(client.socket.send(Message::text(" ".repeat(8 << 20))).await);
    loop {
        match client.next().await {
            Received::Closed(_) => break,
            Received::Message(ServerMessage::Error { code: ErrorCode::TooLarge, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // Others play on.
    let mut client = Client::connect(server.address).await;
    client.new_game(SideChoice::White, None).await;
    server.stop().await;
}

#[tokio::test]
async fn a_move_is_idempotent_by_game_and_ply() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    for _ in 0..3 {
        let mut again = record.truncated(0);
        client.play_and_answer(game_id, &mut again, "e2e4").await;
        assert_eq!(again.uci_moves(), record.uci_moves());
    }
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    assert_eq!(record.ply(), 4);
    server.stop().await;
}

#[tokio::test]
async fn a_client_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    drop(client);
    let mut client = Client::connect(server.address).await;
    client.send(ClientMessage::Move { game_id, ply: 2, uci: "d2d4".into(), signature: None }).await;
    expect_error(&mut client, ErrorCode::UnknownGame).await;
    let state = ServerMessage::game(game_id, Side::White, &record, None, GameTerms::default(), vec![], None);
    assert_eq!(client.resume(game_id, vec![]).await, state);
    // Two sockets follow the game; both learn of every move.
    let mut other = Client::connect(server.address).await;
    assert_eq!(other.resume(game_id, vec![1]).await, state);
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    assert_eq!(other.message().await, ServerMessage::MoveAccepted { game_id, ply: 2 });
    assert!(matches!(other.message().await, ServerMessage::BotMove { ply: 3, .. }));
    server.stop().await;
}

#[tokio::test]
async fn a_server_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::Black, Some(START_FEN)).await;
    client.bot_move(game_id, &mut record).await;
    client.play_and_answer(game_id, &mut record, "e7e5").await;
    let (resigned, empty) = client.new_game(SideChoice::White, None).await;
    client.send(ClientMessage::Resign { game_id: resigned }).await;
    client.message().await;
    server.stop().await;
    assert_eq!(client.next().await, Received::Closed(Some(1001)));

    let server = start(&folder).await;
    let mut client = Client::connect(server.address).await;
    let state = ServerMessage::game(game_id, Side::Black, &record, None, GameTerms::default(), vec![], None);
    assert_eq!(client.resume(game_id, vec![]).await, state);
    client.play_and_answer(game_id, &mut record, "d7d5").await;
    let outcome = Outcome::resignation(Side::White);
    let state =
        ServerMessage::game(resigned, Side::White, &empty, Some(outcome), GameTerms::default(), vec![], None);
    assert_eq!(client.resume(resigned, vec![]).await, state);
    server.stop().await;

    // A server with another network doesn't go on with the game, and says why.
    let other = TestEngine { digest: 7, ..TestEngine::default() };
    let server = TestServer::start(config(other, ProofMode::Off, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    client.send(ClientMessage::Resume { game_id, have_proofs: vec![], key: None }).await;
    assert!(expect_error(&mut client, ErrorCode::UnknownGame).await.contains("network"));
    server.stop().await;
}

#[tokio::test]
async fn a_flood_is_throttled() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.message_burst = 5.0;
    config.limits.messages_per_second = 0.1;
    let server = TestServer::start(config).await;
    let mut client = Client::connect(server.address).await;
    for _ in 0..50 {
        client.send(ClientMessage::Ping).await;
    }
    for _ in 0..4 {
        assert_eq!(client.message().await, ServerMessage::Pong);
    }
    expect_error(&mut client, ErrorCode::RateLimited).await;
    for _ in 0..200 {
        drop(client.socket.send(Message::text("{}")).await);
    }
    assert_eq!(client.next().await, Received::Closed(Some(1008)));
    server.stop().await;
}

#[tokio::test]
async fn bounds_on_sockets_and_silence() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.max_sockets = 2;
    config.limits.handshake_timeout = Duration::from_millis(300);
    config.limits.idle_timeout = Duration::from_millis(700);
    config.limits.ping_interval = Duration::from_millis(100);
    let server = TestServer::start(config).await;
    let mut silent = Client::connect_silently(server.address).await;
    let mut client = Client::connect(server.address).await;
    let refused = connect_async(format!("ws://{}", server.address)).await;
    assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 503));
    assert_eq!(silent.next().await, Received::Closed(Some(1008)));
    // A client that answers pings stays; reading is what answers them.
    let quiet = tokio::time::timeout(Duration::from_secs(2), client.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    client.send(ClientMessage::Ping).await;
    assert_eq!(client.message().await, ServerMessage::Pong);
    // One that doesn't is closed, and its place is free again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while connect_async(format!("ws://{}", server.address)).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_socket_follows_the_games_it_took_up_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.max_games_per_socket = 2;
    config.limits.max_live_games = 3;
    config.limits.game_idle_timeout = Duration::from_millis(100);
    let server = TestServer::start(config).await;
    let mut client = Client::connect(server.address).await;
    let mut games = Vec::new();
    for _ in 0..3 {
        games.push(client.new_game(SideChoice::White, None).await);
    }
    let first = games[0].0;
    client.send(ClientMessage::Resign { game_id: first }).await;
    expect_error(&mut client, ErrorCode::UnknownGame).await;
    // It has left memory, which makes room for another, and is read from disk.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let state =
        ServerMessage::game(first, Side::White, &games[0].1, None, GameTerms::default(), vec![], None);
    assert_eq!(client.resume(first, vec![]).await, state);
    client
        .send(ClientMessage::NewGame {
            human_side: SideChoice::White,
            start_fen: None,
            terms: GameTerms::default(),
        })
        .await;
    expect_error(&mut client, ErrorCode::Busy).await;
    server.stop().await;
}
