//! The accept loop, from opening the store to the last goodbye.

use crate::{
    config::ServerConfig,
    games::Games,
    prover_pool::ProverPool,
    session,
    store::{Store, StoreError, blocking},
};
use protocol::ProofMode;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    time::{sleep, timeout},
};

/// Pause after an accept that failed, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TOO_MANY_SOCKETS: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// Why a server didn't start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The prover's thread can't be started.
    #[error("can't start the prover's thread: {0}")]
    Thread(std::io::Error),
}

/// Serves clients that connect to `listener` until `shutdown` completes, then closes sockets and stores cleanly.
///
/// Runs within the caller's tokio runtime, of either kind; whatever blocks runs on other threads. Games that an
/// earlier server left unfinished are taken up at once.
///
/// # Errors
///
/// Returns [`ServeError`] if the server can't start.
pub async fn serve(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let ServerConfig { proof_mode, engine, store_dir, cache_path, limits } = config;
    let store = Arc::new(blocking(move || Store::open(&store_dir)).await??);
    let pool = match proof_mode {
        ProofMode::Off => None,
        ProofMode::Gkr => Some(
            ProverPool::start(Arc::clone(&engine), cache_path, limits.proof_workers, limits.proof_queue)
                .map_err(ServeError::Thread)?,
        ),
    };
    let (stop, stopped) = watch::channel(false);
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    let grace = limits.shutdown_grace;
    let sockets = Arc::new(Semaphore::new(limits.max_sockets));
    let games = Arc::new(Games::new(engine, store, pool, limits, stopped.clone(), alive.clone()));
    let unfinished = tokio::spawn(Arc::clone(&games).take_up_unfinished());

    let mut number = 0_u64;
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept: {error}");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&sockets).try_acquire_owned() else {
            tracing::warn!(%peer, "turned away: too many sockets");
            turn_away(&tcp);
            continue;
        };
        number += 1;
        tracing::debug!(number, %peer, "connected");
        let (games, alive) = (Arc::clone(&games), alive.clone());
        tokio::spawn(async move {
            session::run(games, tcp, number).await;
            tracing::debug!(number, "disconnected");
            drop((permit, alive));
        });
    }

    tracing::info!("shutting down");
    drop(listener);
    stop.send_replace(true);
    unfinished.abort();
    // An abort is no failure.
    drop(unfinished.await);
    drop((games, alive));
    if timeout(grace, all_ended.recv()).await.is_err() {
        tracing::warn!("some sockets or games didn't end within {grace:?}");
    }
    Ok(())
}

fn turn_away(tcp: &TcpStream) {
    // Best effort: the client learns from the closed socket otherwise.
    drop(tcp.try_write(TOO_MANY_SOCKETS));
}
