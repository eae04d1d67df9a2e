//! What the server's tests share: a network that costs nothing, a prover that can misbehave, a client.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]

use futures_util::{SinkExt, StreamExt};
use protocol::{
    ClientMessage, ClockReading, GameId, GameRecord, GameTerms, Hex32, PROTOCOL_VERSION, ProofFrame,
    ProofMode, ServerMessage, SideChoice, TimeControl,
    shakmaty::{Move, Position},
};
use server::{
    AllowedOrigins, Engine, EngineError, Limits, Listeners, MoveClaim, MoveProver, Sampling, ServeError,
    ServerConfig, serve,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// Plays the first legal move in the order of their names; proves by repeating the statement.
#[derive(Default)]
pub struct TestEngine {
    /// The prover gets ready when this is set.
    pub hold_prover: Arc<AtomicBool>,
    /// The prover fails to get ready.
    pub no_prover: bool,
    /// Proofs to be spoiled from now on.
    pub spoil: Arc<AtomicU32>,
    /// Proofs wait while this is set.
    pub hold_proof: Arc<AtomicBool>,
    /// Proofs begun.
    pub made: Arc<AtomicU32>,
    /// Bytes added to each proof.
    pub padding: usize,
    pub digest: u8,
}

pub struct TestProver {
    spoil: Arc<AtomicU32>,
    hold: Arc<AtomicBool>,
    made: Arc<AtomicU32>,
    padding: usize,
}

impl Engine for TestEngine {
    fn digest(&self) -> [u8; 32] {
        [self.digest; 32]
    }

    fn verifying_key(&self) -> Vec<u8> {
        vec![1, 2, 3]
    }

    fn choose(&self, record: &GameRecord, _: Sampling) -> Option<Move> {
        record.position().legal_moves().into_iter().min_by_key(|mv| GameRecord::uci(*mv))
    }

    fn open_prover(
        &self,
        _: &Path,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Arc<dyn MoveProver>, EngineError> {
        if self.no_prover {
            return Err(EngineError("out of order".into()));
        }
        progress(0.5);
        while self.hold_prover.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Arc::new(TestProver {
            spoil: Arc::clone(&self.spoil),
            hold: Arc::clone(&self.hold_proof),
            made: Arc::clone(&self.made),
            padding: self.padding,
        }))
    }
}

/// Keys of the games that clients of this process play; taken out of the messages they came in.
static KEYS: Mutex<BTreeMap<GameId, Hex32>> = Mutex::new(BTreeMap::new());

/// The key of a game's player.
pub fn key_of(game_id: GameId) -> Option<Hex32> {
    KEYS.lock().unwrap().get(&game_id).copied()
}

/// The only proof [`TestProver`] accepts.
pub fn test_proof(game_id: GameId, record: &GameRecord, mv: Move) -> Vec<u8> {
    let (fen, moves, uci) = (record.start_fen(), record.uci_moves(), GameRecord::uci(mv));
    format!("{game_id} {fen} {moves:?} {uci} ").into_bytes()
}

impl MoveProver for TestProver {
    fn prove(&self, claim: &MoveClaim) -> Result<Vec<u8>, EngineError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        while self.hold.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let spoil = self.spoil.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if let Ok(left) = spoil {
            assert!(left % 2 == 1, "a prover that panics");
            return Ok(b"wrong".to_vec());
        }
        let mut proof = test_proof(claim.game_id, &claim.record, claim.mv);
        proof.resize(proof.len() + self.padding, 0);
        Ok(proof)
    }

    fn verify(&self, claim: &MoveClaim, proof: &[u8]) -> Result<(), EngineError> {
        if proof.starts_with(&test_proof(claim.game_id, &claim.record, claim.mv)) {
            Ok(())
        } else {
            Err(EngineError("rejected".into()))
        }
    }
}

/// A game with clocks.
pub fn clocked(initial_ms: u32, increment_ms: u32) -> GameTerms {
    GameTerms { time_control: Some(TimeControl { initial_ms, increment_ms }), ..GameTerms::default() }
}

/// Settings that don't get in the way of tests.
pub fn config(engine: TestEngine, proof_mode: ProofMode, store: &Path) -> ServerConfig {
    ServerConfig {
        proof_mode,
        engine: Arc::new(engine),
        store_dir: store.to_owned(),
        cache_path: store.join("cache"),
        origins: AllowedOrigins::loopback(),
        stakes: None,
        limits: Limits {
            messages_per_second: 1e9,
            message_burst: 1e9,
            retry_interval: Duration::from_millis(50),
            ..Limits::default()
        },
    }
}

/// A server in this process.
pub struct TestServer {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl TestServer {
    pub async fn start(config: ServerConfig) -> Self {
        let players = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(Listeners { players, metrics: None }, config)
    }

    /// Returns the address of the metrics, too.
    pub async fn start_with_metrics(config: ServerConfig) -> (Self, SocketAddr) {
        let players = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = metrics.local_addr().unwrap();
        (Self::start_on(Listeners { players, metrics: Some(metrics) }, config), address)
    }

    fn start_on(listeners: Listeners, config: ServerConfig) -> Self {
        let address = listeners.players.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listeners, config, async move {
            stopped.await.ok();
        }));
        Self { address, stop, task }
    }

    /// Shuts down and waits for the store to be closed.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

#[derive(Debug, PartialEq)]
pub enum Received {
    Message(ServerMessage),
    Proof(ProofFrame),
    /// With the code of the close frame.
    Closed(Option<u16>),
}

/// A client that has said hello.
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The last key of a game's player that this socket heard.
    pub key: Option<Hex32>,
}

impl Client {
    /// Connects without a hello.
    pub async fn connect_silently(address: SocketAddr) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}")).await.unwrap();
        Self { socket, key: None }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self::connect_with_welcome(address).await.0
    }

    pub async fn connect_with_welcome(address: SocketAddr) -> (Self, ServerMessage) {
        let mut client = Self::connect_silently(address).await;
        client.send(ClientMessage::Hello { version: PROTOCOL_VERSION, client: "test".into() }).await;
        let welcome = client.message().await;
        assert!(matches!(welcome, ServerMessage::Welcome { .. }), "{welcome:?}");
        (client, welcome)
    }

    pub async fn send(&mut self, message: ClientMessage) {
        self.send_text(message.encode().unwrap()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next thing from the server, pings aside.
    pub async fn next(&mut self) -> Received {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.expect("nothing came in time");
            return match frame {
                Some(Ok(Message::Text(text))) => {
                    let mut message = ServerMessage::decode(text.as_str()).unwrap();
                    if let ServerMessage::Game { game_id, player_key, .. } = &mut message
                        && let Some(key) = player_key.take()
                    {
                        self.key = Some(key);
                        KEYS.lock().unwrap().insert(*game_id, key);
                    }
                    Received::Message(message)
                }
                Some(Ok(Message::Binary(bytes))) => Received::Proof(ProofFrame::decode(&bytes).unwrap()),
                Some(Ok(Message::Close(frame))) => Received::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Received::Closed(None),
            };
        }
    }

    /// The next message that isn't about the prover's progress.
    pub async fn message(&mut self) -> ServerMessage {
        loop {
            match self.next().await {
                Received::Message(ServerMessage::ProverStatus { .. }) => {}
                Received::Message(message) => return message,
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// The next message that isn't about proving at all; proofs are skipped, too.
    pub async fn game_message(&mut self) -> ServerMessage {
        loop {
            match self.next().await {
                Received::Message(
                    ServerMessage::ProverStatus { .. }
                    | ServerMessage::Proving { .. }
                    | ServerMessage::ProofReady { .. },
                )
                | Received::Proof(_) => {}
                Received::Message(message) => return message,
                other @ Received::Closed(_) => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// The next message about the game, which must be a clock.
    pub async fn clock(&mut self) -> ClockReading {
        match self.game_message().await {
            ServerMessage::Clock { clock, .. } => clock,
            other => panic!("expected a clock, got {other:?}"),
        }
    }

    /// The next proof; messages are skipped.
    pub async fn proof(&mut self) -> ProofFrame {
        loop {
            match self.next().await {
                Received::Proof(proof) => return proof,
                Received::Message(ServerMessage::ProofFailed { reason, .. }) => panic!("no proof: {reason}"),
                Received::Message(_) => {}
                other @ Received::Closed(_) => panic!("expected a proof, got {other:?}"),
            }
        }
    }

    /// Starts a game and returns its id and the server's record of it.
    pub async fn new_game(
        &mut self,
        human_side: SideChoice,
        start_fen: Option<&str>,
    ) -> (GameId, GameRecord) {
        self.new_game_on(human_side, start_fen, GameTerms::default()).await
    }

    /// Starts a game on terms.
    pub async fn new_game_on(
        &mut self,
        human_side: SideChoice,
        start_fen: Option<&str>,
        terms: GameTerms,
    ) -> (GameId, GameRecord) {
        let start_fen = start_fen.map(str::to_owned);
        self.send(ClientMessage::NewGame { human_side, start_fen, terms }).await;
        match self.game_message().await {
            ServerMessage::Game { game_id, start_fen, moves, outcome: None, .. } => {
                (game_id, GameRecord::replay(&start_fen, moves.iter().map(String::as_str)).unwrap())
            }
            other => panic!("expected a game, got {other:?}"),
        }
    }

    /// Follows a game as its player, if a client of this process has heard the key.
    pub async fn resume(&mut self, game_id: GameId, have_proofs: Vec<u32>) -> ServerMessage {
        let key = key_of(game_id);
        self.send(ClientMessage::Resume { game_id, have_proofs, key }).await;
        self.game_message().await
    }

    /// Follows a game as one who watches.
    pub async fn watch(&mut self, game_id: GameId, have_proofs: Vec<u32>) -> ServerMessage {
        self.send(ClientMessage::Resume { game_id, have_proofs, key: None }).await;
        self.game_message().await
    }

    /// Takes the network's move into a record.
    pub async fn bot_move(&mut self, game_id: GameId, record: &mut GameRecord) {
        match self.game_message().await {
            ServerMessage::BotMove { game_id: of, ply, uci, .. } => {
                assert_eq!((of, ply as usize), (game_id, record.ply()));
                record.play_uci(&uci).unwrap();
            }
            other => panic!("expected the network's move, got {other:?}"),
        }
    }

    /// Plays a move of the human and waits until it is accepted.
    pub async fn play(&mut self, game_id: GameId, record: &mut GameRecord, uci: &str) {
        let ply = u32::try_from(record.ply()).unwrap();
        self.send(ClientMessage::Move { game_id, ply, uci: uci.into(), signature: None }).await;
        assert_eq!(self.game_message().await, ServerMessage::MoveAccepted { game_id, ply });
        record.play_uci(uci).unwrap();
    }

    /// Plays a move of the human and takes the answer.
    pub async fn play_and_answer(&mut self, game_id: GameId, record: &mut GameRecord, uci: &str) {
        self.play(game_id, record, uci).await;
        self.bot_move(game_id, record).await;
    }
}
