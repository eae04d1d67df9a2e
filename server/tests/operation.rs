//! What whoever runs a server relies on: health, metrics, origins, bounds on proofs, the way down.

mod common;

use common::{Client, PATIENCE, Received, TestEngine, TestServer, config, test_proof};
use futures_util::SinkExt;
use protocol::{ClientMessage, ErrorCode, GameTerms, ProofMode, ServerMessage, SideChoice};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// Sends bytes and reads until the other end closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    (status, body.to_owned())
}

/// The value of one line of the metrics.
fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

/// Reads the metrics until one has the value wanted.
async fn wait_for(address: SocketAddr, name: &str, wanted: f64) -> String {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (status, metrics) = get(address, "/metrics").await;
        assert_eq!(status, 200);
        if value(&metrics, name) == wanted {
            return metrics;
        }
        assert!(tokio::time::Instant::now() < deadline, "{name} isn't {wanted} in\n{metrics}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let spoil = Arc::clone(&engine.spoil);
    let (server, metrics) =
        TestServer::start_with_metrics(config(engine, ProofMode::Gkr, folder.path())).await;
    wait_for(metrics, "fairmate_prover_ready", 1.0).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    for uci in ["e2e4", "d2d4"] {
        client.play_and_answer(game_id, &mut record, uci).await;
        client.proof().await;
    }
    // One try that fails, and one that doesn't.
    spoil.store(1, Ordering::Relaxed);
    client.play_and_answer(game_id, &mut record, "c2c4").await;
    let length = client.proof().await.proof.len() as f64;
    let second = Client::connect(server.address).await;
    let text = wait_for(metrics, "fairmate_sockets", 2.0).await;
    for (name, wanted) in [
        ("fairmate_infer_seconds_count", 3.0),
        ("fairmate_prove_seconds_count", 3.0),
        ("fairmate_verify_seconds_count", 3.0),
        ("fairmate_proof_bytes_count", 3.0),
        ("fairmate_proofs_total{result=\"made\"}", 3.0),
        ("fairmate_proofs_total{result=\"failed\"}", 1.0),
        ("fairmate_proof_queue", 0.0),
        ("fairmate_games_live", 1.0),
        ("fairmate_games_created_total", 1.0),
        ("fairmate_resyncs_total", 0.0),
        ("fairmate_messages_dropped_total", 0.0),
        ("fairmate_sockets_too_slow_total", 0.0),
    ] {
        assert_eq!(value(&text, name), wanted, "{name}");
    }
    let bytes = value(&text, "fairmate_proof_bytes_sum");
    assert!(bytes > 2.0 * length && bytes < 3.0 * length + 1.0, "{bytes} {length}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    drop((client, second));
    wait_for(metrics, "fairmate_sockets", 0.0).await;
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![]).await;
    wait_for(metrics, "fairmate_resyncs_total", 1.0).await;
    server.stop().await;
}

#[tokio::test]
async fn metrics_count_what_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.max_sockets = 1;
    config.limits.message_burst = 3.0;
    config.limits.messages_per_second = 0.0;
    let (server, metrics) = TestServer::start_with_metrics(config).await;
    let mut client = Client::connect(server.address).await;
    assert!(connect_async(format!("ws://{}", server.address)).await.is_err());
    wait_for(metrics, "fairmate_sockets_refused_total{reason=\"full\"}", 1.0).await;
    for _ in 0..5 {
        client.send(ClientMessage::Ping).await;
    }
    wait_for(metrics, "fairmate_messages_dropped_total", 3.0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_that_does_not_read_is_counted_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.limits.outbound_queue = 1;
    let (server, metrics) = TestServer::start_with_metrics(config).await;
    let mut client = Client::connect(server.address).await;
    // Nobody reads the answers: the queue fills.
    let mut sent = 0_u32;
    while value(&get(metrics, "/metrics").await.1, "fairmate_sockets_too_slow_total") == 0.0 {
        sent += 500;
        assert!(sent < 1_000_000, "the queue never fills");
        for _ in 0..500 {
            // The server may have closed the socket already.
            drop(client.socket.send(Message::text(r#"{"type":"ping"}"#)).await);
        }
    }
    loop {
        match client.next().await {
            Received::Message(ServerMessage::Pong) => {}
            // What was sent after the goodbye may take it along.
            Received::Closed(code) => break assert!(matches!(code, Some(1013) | None), "{code:?}"),
            other => panic!("{other:?}"),
        }
    }
    wait_for(metrics, "fairmate_sockets_too_slow_total", 1.0).await;
    server.stop().await;
}

#[tokio::test]
async fn health_over_plain_http() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let hold = Arc::clone(&engine.hold_prover);
    hold.store(true, Ordering::Relaxed);
    let (server, metrics) =
        TestServer::start_with_metrics(config(engine, ProofMode::Gkr, folder.path())).await;
    for address in [server.address, metrics] {
        assert_eq!(get(address, "/health").await, (200, "ok\nprover: getting ready\n".into()));
    }
    hold.store(false, Ordering::Relaxed);
    wait_for(metrics, "fairmate_prover_ready", 1.0).await;
    assert_eq!(get(server.address, "/health").await, (200, "ok\nprover: ready\n".into()));
    // Metrics are not for players.
    assert_eq!(get(server.address, "/metrics").await.0, 404);
    assert_eq!(get(metrics, "/").await.0, 404);
    assert_eq!(get(server.address, "/").await.0, 200);
    let post = exchange(server.address, b"POST /health HTTP/1.1\r\n\r\n").await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    let half = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(exchange(server.address, half).await.starts_with("HTTP/1.1 400 "));
    // What isn't HTTP is closed without an answer; so is a head without end.
    for nonsense in [b"\x16\x03\x01\r\n\r\n".to_vec(), b"\r\n\r\n".to_vec(), vec![b'a'; 40_000]] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        // The server may close before it has read everything.
        drop(tcp.write_all(&nonsense).await);
        let mut answer = Vec::new();
        drop(timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.unwrap());
        assert!(answer.is_empty(), "{answer:?}");
    }
    // A head in pieces is put together.
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    for piece in ["GET /hea", "lth HTTP/1.1\r", "\n", "\r", "\n"] {
        tcp.write_all(piece.as_bytes()).await.unwrap();
        tcp.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut answer = String::new();
    timeout(PATIENCE, tcp.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.stop().await;

    let engine = TestEngine { no_prover: true, ..TestEngine::default() };
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) =
        TestServer::start_with_metrics(config(engine, ProofMode::Gkr, folder.path())).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while get(metrics, "/health").await != (503, "no prover: out of order\nprover: failed\n".into()) {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.stop().await;

    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    assert_eq!(get(server.address, "/health").await, (200, "ok\nprover: off\n".into()));
    server.stop().await;
}

#[tokio::test]
async fn the_page_that_verifies_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) =
        TestServer::start_with_metrics(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    let page = verifier_web::page::page();
    for path in ["/verify", "/verify?lang=de"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = exchange(server.address, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for line in [
            "HTTP/1.1 200 OK",
            "Content-Type: text/html; charset=utf-8",
            "X-Content-Type-Options: nosniff",
            &format!("Content-Length: {}", page.html.len()),
            &format!("Content-Security-Policy: {}", page.policy),
        ] {
            assert!(head.lines().any(|found| found == line), "{line} is not in {head}");
        }
        assert!(body == page.html, "the body is another page");
    }
    for path in
        ["/verify/", "/verify/../verify", "/verify/x", "/verifier.wasm", "/%2e%2e/Cargo.toml", "/VERIFY"]
    {
        assert_eq!(get(server.address, path).await.0, 404, "{path}");
    }
    assert_eq!(get(metrics, "/verify").await.0, 404);
    server.stop().await;
}

/// Connects as a page of an origin does, and returns the status of a refusal.
async fn connect_from(address: SocketAddr, origin: &str) -> Result<(), u16> {
    let mut request = format!("ws://{address}").into_client_request().unwrap();
    request.headers_mut().insert("Origin", origin.parse().unwrap());
    match connect_async(request).await {
        Ok(_) => Ok(()),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{origin}: {error}"),
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) =
        TestServer::start_with_metrics(config(TestEngine::default(), ProofMode::Off, folder.path())).await;
    assert_eq!(connect_from(server.address, "http://localhost:8080").await, Ok(()));
    assert_eq!(connect_from(server.address, "http://127.0.0.1:9000").await, Ok(()));
    assert_eq!(connect_from(server.address, "https://example.org").await, Err(403));
    assert_eq!(connect_from(server.address, "null").await, Err(403));
    wait_for(metrics, "fairmate_sockets_refused_total{reason=\"origin\"}", 2.0).await;
    server.stop().await;

    let mut config = config(TestEngine::default(), ProofMode::Off, folder.path());
    config.origins = config.origins.and("https://play.example.org".parse().unwrap());
    let server = TestServer::start(config).await;
    assert_eq!(connect_from(server.address, "https://play.example.org").await, Ok(()));
    assert_eq!(connect_from(server.address, "https://example.org").await, Err(403));
    server.stop().await;
}

#[tokio::test]
async fn proofs_cost_credit() {
    let folder = tempfile::tempdir().unwrap();
    for (proof_mode, limited) in [(ProofMode::Gkr, true), (ProofMode::Off, false)] {
        let mut config = config(TestEngine::default(), proof_mode, &folder.path().join(format!("{limited}")));
        config.limits.proof_burst = 2.0;
        config.limits.proofs_per_second = 0.0;
        let server = TestServer::start(config).await;
        let mut client = Client::connect(server.address).await;
        // The network begins: one. A move: two.
        let (game_id, mut record) = client.new_game(SideChoice::Black, None).await;
        client.bot_move(game_id, &mut record).await;
        client.play_and_answer(game_id, &mut record, "e7e5").await;
        client.send(ClientMessage::Move { game_id, ply: 3, uci: "d7d5".into(), signature: None }).await;
        match client.game_message().await {
            ServerMessage::Error { code, .. } => assert!(limited && code == ErrorCode::RateLimited),
            ServerMessage::MoveAccepted { .. } => assert!(!limited),
            other => panic!("{other:?}"),
        }
        if limited {
            // Nothing changed; a game in which the human begins is free.
            let state = client.resume(game_id, vec![0, 2]).await;
            assert!(matches!(&state, ServerMessage::Game { moves, .. } if moves.len() == 3), "{state:?}");
            client.new_game(SideChoice::White, None).await;
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_finishes_the_proof_it_is_at() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let hold = Arc::clone(&engine.hold_proof);
    let made = Arc::clone(&engine.made);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    client.proof().await;
    let (second, mut second_record) = client.new_game(SideChoice::White, None).await;

    hold.store(true, Ordering::Relaxed);
    client.play_and_answer(game_id, &mut record, "d2d4").await;
    while made.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // This one waits behind it.
    client.play_and_answer(second, &mut second_record, "d2d4").await;
    let stopping = tokio::spawn(server.stop());
    // Nothing new begins, the socket stays open for the proof.
    loop {
        client
            .send(ClientMessage::NewGame {
                human_side: SideChoice::White,
                start_fen: None,
                terms: GameTerms::default(),
            })
            .await;
        match client.game_message().await {
            ServerMessage::Error { code, .. } => break assert_eq!(code, ErrorCode::ShuttingDown),
            ServerMessage::Game { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    client.send(ClientMessage::Move { game_id, ply: 4, uci: "c2c4".into(), signature: None }).await;
    let refused = client.game_message().await;
    assert!(matches!(refused, ServerMessage::Error { code: ErrorCode::ShuttingDown, .. }), "{refused:?}");
    hold.store(false, Ordering::Relaxed);
    let frame = client.proof().await;
    assert_eq!((frame.game_id, frame.ply), (game_id, 3));
    assert_eq!(frame.proof, test_proof(game_id, &record.truncated(3), record.moves()[3]));
    assert_eq!(client.next().await, Received::Closed(Some(1001)));
    stopping.await.unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 2, "a proof that waited isn't begun");

    // The one that waited is made after the next start, the finished one is not made again.
    let engine = TestEngine::default();
    let made = Arc::clone(&engine.made);
    let server = TestServer::start(config(engine, ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(server.address).await;
    client.resume(second, vec![]).await;
    assert_eq!(client.proof().await.ply, 1);
    client.resume(game_id, vec![1]).await;
    assert_eq!(client.proof().await.ply, 3);
    assert_eq!(made.load(Ordering::Relaxed), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_prover_that_hangs_does_not_keep_a_server_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let engine = TestEngine::default();
    let hold = Arc::clone(&engine.hold_proof);
    hold.store(true, Ordering::Relaxed);
    let made = Arc::clone(&engine.made);
    let mut config = config(engine, ProofMode::Gkr, folder.path());
    config.limits.shutdown_grace = Duration::from_millis(300);
    let server = TestServer::start(config).await;
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::White, None).await;
    client.play_and_answer(game_id, &mut record, "e2e4").await;
    while made.load(Ordering::Relaxed) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
    hold.store(false, Ordering::Relaxed);
    loop {
        match client.next().await {
            Received::Closed(code) => break assert_eq!(code, Some(1001)),
            Received::Proof(_) => panic!("there is no proof"),
            Received::Message(_) => {}
        }
    }
}
