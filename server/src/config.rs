//! What a server is told at its start.

use crate::{
    chain::Stakes,
    engine::{CircuitEngine, Engine},
    origin::AllowedOrigins,
};
use protocol::ProofMode;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Settings of [`serve`](crate::serve).
#[derive(Clone)]
pub struct ServerConfig {
    /// Whether moves are proven.
    pub proof_mode: ProofMode,
    /// The network that plays.
    pub engine: Arc<dyn Engine>,
    /// Folder of the stored games; made if it doesn't exist. One server at a time uses it.
    pub store_dir: PathBuf,
    /// File with the encoded weights for the prover; made if it doesn't exist.
    pub cache_path: PathBuf,
    /// Web pages that may connect.
    pub origins: AllowedOrigins,
    /// What games for stakes need; without it none are played.
    pub stakes: Option<Stakes>,
    /// Bounds on what clients can make the server do.
    pub limits: Limits,
}

impl ServerConfig {
    /// Settings with the default limits.
    #[must_use]
    pub fn new(
        model: Arc<engine_circuit::Model>,
        proof_mode: ProofMode,
        store_dir: impl Into<PathBuf>,
        cache_path: impl Into<PathBuf>,
    ) -> Self {
        Self {
            proof_mode,
            engine: Arc::new(CircuitEngine::new(model)),
            store_dir: store_dir.into(),
            cache_path: cache_path.into(),
            origins: AllowedOrigins::loopback(),
            stakes: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds on what clients can make the server do, and how long it waits for them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sockets open at a time; one more is turned away with HTTP status 503.
    pub max_sockets: usize,
    /// Games one socket follows at a time.
    pub max_games_per_socket: usize,
    /// Sockets that watch one game at a time, its player not counted; one more is refused.
    pub max_watchers_per_game: usize,
    /// Games in memory at a time, over all sockets.
    pub max_live_games: usize,
    /// Cost of messages a socket earns back per second, see [`Self::message_burst`].
    pub messages_per_second: f64,
    /// Cost of messages a socket may send at once. A move costs 1, a new game 10.
    pub message_burst: f64,
    /// Moves to be proven that a socket earns back per second, see [`Self::proof_burst`].
    pub proofs_per_second: f64,
    /// Moves to be proven that a socket may ask for at once: each of its moves, and each game that the network begins. At one more
    /// the message is refused. Without proofs it doesn't count.
    pub proof_burst: f64,
    /// Connections to the listener for metrics at a time.
    pub max_metrics_sockets: usize,
    /// Messages waiting for a slow socket; at one more it is closed with code 1013.
    pub outbound_queue: usize,
    /// Proofs waiting for the prover, at most one of each game; a game beyond it asks again later.
    pub proof_queue: usize,
    /// Threads that prove. The prover uses all cores by itself, so one is the rule.
    pub proof_workers: usize,
    /// Time for the head of a request, and again for the hello.
    pub handshake_timeout: Duration,
    /// Time between pings.
    pub ping_interval: Duration,
    /// A socket is closed after this time without a frame, pongs included.
    pub idle_timeout: Duration,
    /// A frame that isn't written within this time ends its socket.
    pub write_timeout: Duration,
    /// A game that nobody follows and that has nothing to do leaves memory after this time.
    pub game_idle_timeout: Duration,
    /// Pause before something that failed (a write to disk, a full proof queue) is tried again.
    pub retry_interval: Duration,
    /// Time at shutdown for the proofs being made, and again for the goodbye to sockets.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sockets: 256,
            max_games_per_socket: 16,
            max_watchers_per_game: 64,
            max_live_games: 4_096,
            messages_per_second: 20.0,
            message_burst: 60.0,
            proofs_per_second: 2.0,
            proof_burst: 240.0,
            max_metrics_sockets: 8,
            outbound_queue: 256,
            proof_queue: 256,
            proof_workers: 1,
            handshake_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            game_idle_timeout: Duration::from_secs(60),
            retry_interval: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
