//! The real prover and the real binary: a tiny random network, every proof verified as a client does.

mod common;

use common::{Client, Received, TestServer, clocked};
use engine_circuit::{
    Level, Model, Profile, Statement, VerifyingKey, evaluate,
    model::{NetworkShape, QuantisedNetwork},
    sampling::{follows, ply_seed},
    verify, weights,
};
use protocol::{
    ClientMessage, ErrorCode, GameId, GameRecord, GameTerms, Hex32, Outcome, ProofFrame, ProofMode,
    ServerMessage, Side, SideChoice,
};
use server::ServerConfig;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

fn tiny_model() -> Model {
    model(16, 1)
}

fn model(channels: usize, blocks: usize) -> Model {
    let network = QuantisedNetwork::random(NetworkShape::new(channels, blocks).unwrap(), 7).unwrap();
    weights::commit(network, &|_| {})
}

fn check(key: &VerifyingKey, record: &GameRecord, frame: &ProofFrame) {
    let index = usize::try_from(frame.ply).unwrap();
    let mv = record.moves()[index];
    let statement = Statement::single(frame.game_id.0, &record.truncated(index), mv).unwrap();
    verify(key, &statement, Profile::Live, &frame.proof).unwrap();
    let elsewhere = Statement::single([0xee; 32], &record.truncated(index), mv).unwrap();
    verify(key, &elsewhere, Profile::Live, &frame.proof).unwrap_err();
}

#[tokio::test]
async fn every_proof_of_a_game_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(tiny_model());
    let config = ServerConfig::new(
        Arc::clone(&model),
        ProofMode::Gkr,
        folder.path().join("store"),
        folder.path().join("model.cache"),
    );
    let server = TestServer::start(config).await;
    let (mut client, welcome) = Client::connect_with_welcome(server.address).await;
    let ServerMessage::Welcome { verifying_key, model_digest, .. } = welcome else { unreachable!() };
    let key = VerifyingKey::from_bytes(&verifying_key).unwrap();
    assert_eq!(key.digest().as_bytes(), &model_digest);
    let (game_id, mut record) = client.new_game(SideChoice::Black, None).await;
    client.bot_move(game_id, &mut record).await;
    let first = client.proof().await;
    assert_eq!((first.game_id, first.ply), (game_id, 0));
    check(&key, &record, &first);
    for uci in ["g8f6", "b8c6"] {
        client.play_and_answer(game_id, &mut record, uci).await;
        let frame = client.proof().await;
        assert_eq!(frame.ply as usize, record.ply() - 1);
        check(&key, &record, &frame);
    }
    server.stop().await;
}

/// A game at a level: the network waits for the nonce, each move comes with its element of the chain, and its proof verifies with
/// the seed that follows from both; nonce and seeds outlive the server.
#[tokio::test]
async fn a_game_at_a_level_has_seeds_that_nobody_chose() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(tiny_model());
    let key = model.verifying_key();
    let config = || {
        let (store, cache) = (folder.path().join("store"), folder.path().join("model.cache"));
        ServerConfig::new(Arc::clone(&model), ProofMode::Gkr, store, cache)
    };
    let server = TestServer::start(config()).await;
    let mut client = Client::connect(server.address).await;
    let human_side = SideChoice::Black;
    let bad = GameTerms { level: 9, ..GameTerms::default() };
    client.send(ClientMessage::NewGame { human_side, start_fen: None, terms: bad }).await;
    assert!(matches!(client.message().await, ServerMessage::Error { code: ErrorCode::BadTerms, .. }));
    let terms = GameTerms { level: 2, ..GameTerms::default() };
    client.send(ClientMessage::NewGame { human_side, start_fen: None, terms }).await;
    let ServerMessage::Game { game_id, seeds: Some(seeds), .. } = client.game_message().await else {
        panic!("a game without seeds");
    };
    assert_eq!((seeds.nonce, seeds.elements.len()), (None, 0));
    let nonce = Hex32([0x5a; 32]);
    client.send(ClientMessage::Nonce { game_id, nonce }).await;
    let mut record = GameRecord::default();
    let mut previous = seeds.head;
    for human in ["g8f6", "b8c6", ""] {
        let ply = u32::try_from(record.ply()).unwrap();
        let ServerMessage::BotMove { uci, seed_element: Some(element), .. } = client.game_message().await
        else {
            panic!("no move, or one without its element");
        };
        assert!(follows(&previous.0, &element.0));
        previous = element;
        let before = record.clone();
        record.play_uci(&uci).unwrap();
        let seed = ply_seed(&nonce.0, &element.0, ply);
        let mv = record.moves()[before.ply()];
        let level = Level::new(2).unwrap();
        let chosen = evaluate(&model, &before).unwrap().choose(level, &seed);
        assert_eq!(mv, chosen);
        let statement = Statement::single(game_id.0, &before, mv).unwrap().at_level(level, &[seed]).unwrap();
        let frame = client.proof().await;
        assert_eq!(frame.ply, ply);
        verify(&key, &statement, Profile::Live, &frame.proof).unwrap();
        if !human.is_empty() {
            client.play(game_id, &mut record, human).await;
        }
    }
    client.send(ClientMessage::Nonce { game_id, nonce: Hex32([1; 32]) }).await;
    assert!(matches!(client.message().await, ServerMessage::Error { code: ErrorCode::WrongNonce, .. }));
    server.stop().await;
    let server = TestServer::start(config()).await;
    let mut client = Client::connect(server.address).await;
    let ServerMessage::Game { seeds: Some(after), terms, .. } = client.resume(game_id, vec![0, 2, 4]).await
    else {
        panic!("the game lost its seeds");
    };
    assert_eq!((after.head, after.nonce, after.elements.last()), (seeds.head, Some(nonce), Some(&previous)));
    assert_eq!((after.elements.len(), terms.level), (3, 2));
    server.stop().await;
}

/// The binary, killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
}

impl Process {
    fn start(model: &Path, store: &Path, proof_mode: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_server"))
            .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
            .args(["--proof-mode", proof_mode, "--model"])
            .arg(model)
            .arg("--store")
            .arg(store)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.next().unwrap().strip_prefix("listening on ").unwrap().parse().unwrap();
        let metrics = lines.next().unwrap();
        let metrics =
            metrics.strip_prefix("metrics on http://").and_then(|rest| rest.strip_suffix("/metrics"));
        Self { child, address, metrics: metrics.unwrap().parse().unwrap() }
    }

    /// The answer to a request of the metrics' address.
    fn get(&self, path: &str) -> String {
        let mut tcp = TcpStream::connect(self.metrics).unwrap();
        tcp.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        answer
    }

    /// SIGTERM, and the exit code.
    fn terminate(mut self) -> Option<i32> {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap().code()
    }

    /// SIGKILL: the process gets no chance to store anything.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.model");
    let model = tiny_model();
    std::fs::write(&path, model.to_bytes()).unwrap();
    let key = model.verifying_key();
    let store = folder.path().join("store");

    let mut game: Option<(GameId, GameRecord)> = None;
    let mut proofs: Vec<u32> = Vec::new();
    for uci in ["g1f3", "b1c3", "a2a3", "h2h3"] {
        let server = Process::start(&path, &store, "gkr");
        let mut client = Client::connect(server.address).await;
        let (game_id, mut record) = match game.take() {
            None => client.new_game(SideChoice::White, None).await,
            Some((game_id, record)) => {
                let ServerMessage::Game { moves, human_side, outcome: None, proof_plies, .. } =
                    client.resume(game_id, proofs.clone()).await
                else {
                    panic!("no game")
                };
                assert_eq!((moves, human_side), (record.uci_moves(), Side::White));
                assert!(proofs.iter().all(|ply| proof_plies.contains(ply)), "{proofs:?} {proof_plies:?}");
                // The proof that the last server was killed over.
                let frame = client.proof().await;
                assert_eq!(frame.ply as usize, record.ply() - 1);
                check(&key, &record, &frame);
                proofs.push(frame.ply);
                (game_id, record)
            }
        };
        client.play_and_answer(game_id, &mut record, uci).await;
        server.kill();
        game = Some((game_id, record));
    }

    let (game_id, record) = game.unwrap();
    let server = Process::start(&path, &store, "off");
    let mut client = Client::connect(server.address).await;
    assert!(matches!(client.resume(game_id, proofs).await, ServerMessage::Game { .. }));
    client.send(ClientMessage::Resign { game_id }).await;
    let outcome = Outcome::resignation(Side::White);
    assert_eq!(client.game_message().await, ServerMessage::GameOver { game_id, outcome });
    server.kill();
    let server = Process::start(&path, &store, "off");
    let mut client = Client::connect(server.address).await;
    let ServerMessage::Game { outcome: stored, moves, .. } = client.resume(game_id, vec![]).await else {
        panic!("no game")
    };
    assert_eq!((stored, moves), (Some(outcome), record.uci_moves()));
}

#[tokio::test]
async fn clocks_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.model");
    std::fs::write(&path, tiny_model().to_bytes()).unwrap();
    let store = folder.path().join("store");
    let server = Process::start(&path, &store, "off");
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game_on(SideChoice::White, None, clocked(600_000, 0)).await;
    client.clock().await;
    client.play(game_id, &mut record, "g1f3").await;
    client.clock().await;
    client.bot_move(game_id, &mut record).await;
    let before = client.clock().await;
    let thinking = Instant::now();
    // What is thought is noted every second.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    let most = u32::try_from(thinking.elapsed().as_millis()).unwrap();
    server.kill();

    let server = Process::start(&path, &store, "off");
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![]).await;
    let after = client.clock().await;
    assert_eq!((after.running, after.black_ms), (Some(Side::White), before.black_ms));
    let thought = before.white_ms - after.white_ms;
    assert!((900..=most + 100).contains(&thought), "{thought} of {most} ms: {before:?} {after:?}");
}

#[tokio::test]
async fn a_proof_that_kill_9_interrupts_is_made_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.model");
    // Large enough that a proof takes longer than a kill.
    let model = model(64, 3);
    std::fs::write(&path, model.to_bytes()).unwrap();
    let key = model.verifying_key();
    let store = folder.path().join("store");

    let server = Process::start(&path, &store, "gkr");
    let mut client = Client::connect(server.address).await;
    let (game_id, mut record) = client.new_game(SideChoice::Black, None).await;
    client.bot_move(game_id, &mut record).await;
    let prove_ms = loop {
        if let Received::Message(ServerMessage::ProofReady { prove_ms, .. }) = client.next().await {
            break prove_ms;
        }
    };
    check(&key, &record, &client.proof().await);
    let (mut answered, mut proving) = (false, false);
    client.send(ClientMessage::Move { game_id, ply: 1, uci: "g8f6".into(), signature: None }).await;
    record.play_uci("g8f6").unwrap();
    while !(answered && proving) {
        match client.next().await {
            Received::Message(ServerMessage::BotMove { uci, .. }) => {
                record.play_uci(&uci).unwrap();
                answered = true;
            }
            Received::Message(ServerMessage::Proving { ply: 2, .. }) => proving = true,
            Received::Message(_) => {}
            other => panic!("{other:?}"),
        }
    }
    tokio::time::sleep(Duration::from_millis(u64::from(prove_ms) / 4)).await;
    server.kill();

    // The move is there, its proof isn't.
    let server = Process::start(&path, &store, "off");
    let mut client = Client::connect(server.address).await;
    let state = ServerMessage::game(game_id, Side::Black, &record, None, GameTerms::default(), vec![0], None);
    assert_eq!(client.resume(game_id, vec![0]).await, state);
    server.kill();

    let server = Process::start(&path, &store, "gkr");
    let mut client = Client::connect(server.address).await;
    client.resume(game_id, vec![0]).await;
    let frame = client.proof().await;
    assert_eq!(frame.ply, 2);
    check(&key, &record, &frame);
    let health = server.get("/health");
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("ok\nprover: ready\n"), "{health}");
    assert!(server.get("/metrics").contains("\nfairmate_prove_seconds_count 1\n"));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn help_names_every_option() {
    let output = Command::new(env!("CARGO_BIN_EXE_server")).arg("--help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for option in [
        "--proof-mode",
        "--listen",
        "--model",
        "--store",
        "--cache",
        "--metrics",
        "--allow-origin",
        "--max-sockets",
        "--verbose",
        "Example:",
    ] {
        assert!(text.contains(option), "no {option} in\n{text}");
    }
}

#[test]
fn misuse_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("tiny.model");
    std::fs::write(&good, tiny_model().to_bytes()).unwrap();
    let bad = folder.path().join("bad.model");
    std::fs::write(&bad, b"not a model").unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let store = path(&folder.path().join("store"));
    let (good, bad) = (path(&good), path(&bad));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for args in [
        vec![],
        vec!["--model", &good],
        vec!["--model", "/nowhere", "--store", &store],
        vec!["--model", &bad, "--store", &store],
        vec!["--model", &good, "--store", &good, "--listen", "127.0.0.1:0"],
        vec!["--model", &good, "--store", &store, "--listen", "nonsense"],
        vec!["--model", &good, "--store", &store, "--listen", &taken],
        vec!["--model", &good, "--store", &store, "--proof-mode", "perhaps"],
        vec!["--model", &good, "--store", &store, "--listen", "127.0.0.1:0", "--metrics", &taken],
        vec!["--model", &good, "--store", &store, "--listen", "127.0.0.1:0", "--allow-origin", "example.org"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_server"))
            .args(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{args:?}: {text}");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("server: ")).collect();
        assert_eq!(lines.len(), 1, "{args:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}
