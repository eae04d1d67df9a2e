//! The server: plays the network over WebSockets, sends each move at once and its proof right after, stores games.
//!
//! [`serve`] runs it in the caller's tokio runtime, so that a client can embed it; the binary `server` is a thin command line
//! over it. Inside: `http` is what comes before a WebSocket, `session` one socket, `game_task` one live game, `games` the table of
//! live games, `store` the games on disk, `prover_pool` the threads that prove, `metrics` what is counted, `operator` and `chain` games for stakes.

mod chain;
mod clock;
mod config;
mod engine;
mod game_state;
mod game_task;
mod games;
mod http;
mod metrics;
mod operator;
mod origin;
mod outbound;
mod prover_pool;
mod run;
mod session;
#[cfg(feature = "chain")]
mod settlement_chain;
mod store;

pub use chain::{Account, Chain, ChainError, Stakes, StakesLimits};
pub use config::{Limits, ServerConfig};
pub use engine::{CircuitEngine, Engine, EngineError, MoveClaim, MoveProver, Sampling};
pub use origin::{AllowedOrigins, Origin, OriginError};
pub use run::{Listeners, ServeError, serve};
pub use store::StoreError;
