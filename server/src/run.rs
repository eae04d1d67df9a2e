//! The accept loop, from opening the store to the last goodbye.

use crate::{
    chain::Operator,
    clock::{ServerTime, unix_ms},
    config::ServerConfig,
    games::Games,
    http::{self, Health},
    metrics::{Metrics, RefusedReason},
    operator,
    prover_pool::ProverPool,
    session,
    store::{Store, StoreError, blocking},
};
use protocol::ProofMode;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
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

/// Where a server listens.
#[derive(Debug)]
pub struct Listeners {
    /// Players: WebSockets, and `/health` over plain HTTP.
    pub players: TcpListener,
    /// `/metrics` and `/health` over plain HTTP, for whoever runs the server.
    pub metrics: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    /// Without metrics.
    fn from(players: TcpListener) -> Self {
        Self { players, metrics: None }
    }
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It plays.
    Running,
    /// Proofs being made are finished and sent, nothing new begins.
    Draining,
    /// Everything ends.
    Stopping,
}

/// Serves clients that connect until `shutdown` completes, then finishes and sends the proofs being made, closes sockets and stores
/// cleanly.
///
/// Runs within the caller's tokio runtime, of either kind; whatever blocks runs on other threads. Games that an
/// earlier server left unfinished are taken up at once.
///
/// # Errors
///
/// Returns [`ServeError`] if the server can't start.
pub async fn serve(
    listeners: impl Into<Listeners>,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Listeners { players, metrics: metrics_listener } = listeners.into();
    let ServerConfig { proof_mode, engine, store_dir, cache_path, origins, stakes, limits } = config;
    let mut store = blocking(move || Store::open(&store_dir)).await??;
    let (open, mut closed) = mpsc::channel::<()>(1);
    store.open = Some(open);
    let store = Arc::new(store);
    let metrics = Metrics::new();
    let opened = Arc::clone(&store);
    let time = ServerTime::new(blocking(move || opened.note_outage(unix_ms())).await??);
    let pool = match proof_mode {
        ProofMode::Off => None,
        ProofMode::Gkr => Some(
            ProverPool::start(Arc::clone(&engine), cache_path, &limits, metrics.clone())
                .map_err(ServeError::Thread)?,
        ),
    };
    let (phase, phases) = watch::channel(Phase::Running);
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    let grace = limits.shutdown_grace;
    let sockets = Arc::new(Semaphore::new(limits.max_sockets));
    let scrapes = Arc::new(Semaphore::new(limits.max_metrics_sockets));
    let operator = stakes.map(Operator::new).map(Arc::new);
    let games = Games::new(
        engine,
        store,
        pool,
        limits,
        time,
        metrics,
        phases.clone(),
        alive.clone(),
        operator.clone(),
    );
    let games = Arc::new(games);
    let unfinished = tokio::spawn(Arc::clone(&games).take_up_unfinished());
    if let Some(operator) = operator {
        let (games, alive) = (Arc::clone(&games), alive.clone());
        tokio::spawn(async move {
            operator::watch(&games, &operator).await;
            drop((games, alive));
        });
    }

    let origins = Arc::new(origins);
    let mut number = 0_u64;
    tokio::pin!(shutdown);
    loop {
        let (tcp, permit) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&players, &sockets) => match accepted {
                Accepted::Taken(tcp, permit) => (tcp, permit),
                Accepted::TurnedAway => {
                    games.metrics.refused(RefusedReason::full);
                    continue;
                }
                Accepted::Failed => continue,
            },
            accepted = accept_if_any(metrics_listener.as_ref(), &scrapes) => {
                if let Accepted::Taken(tcp, permit) = accepted {
                    tokio::spawn(scrape(Arc::clone(&games), tcp, permit, phases.clone()));
                }
                continue;
            }
        };
        number += 1;
        let (games, alive, origins) = (Arc::clone(&games), alive.clone(), Arc::clone(&origins));
        tokio::spawn(async move {
            session::run(games, tcp, number, &origins).await;
            tracing::debug!(number, "disconnected");
            drop((permit, alive));
        });
    }

    tracing::info!("finishing the proofs being made");
    drop((players, metrics_listener));
    phase.send_replace(Phase::Draining);
    if let Some(pool) = &games.pool {
        pool.finish();
    }
    unfinished.abort();
    // An abort is no failure.
    drop(unfinished.await);
    if timeout(grace, games.all_ended()).await.is_err() {
        tracing::warn!("some proofs weren't finished within {grace:?}; they are made after the next start");
    }
    phase.send_replace(Phase::Stopping);
    drop((games, alive));
    if timeout(grace, all_ended.recv()).await.is_err() {
        tracing::warn!("some sockets or games didn't end within {grace:?}");
    }
    // A scrape or a read of the disk may still have the store: whoever starts the next server finds it closed.
    if timeout(grace, closed.recv()).await.is_err() {
        tracing::warn!("the store is still open after {grace:?}");
    }
    Ok(())
}

enum Accepted {
    Taken(TcpStream, OwnedSemaphorePermit),
    TurnedAway,
    Failed,
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    match listener.accept().await {
        Ok((tcp, peer)) => match Arc::clone(places).try_acquire_owned() {
            Ok(permit) => {
                tracing::debug!(%peer, "connected");
                Accepted::Taken(tcp, permit)
            }
            Err(_) => {
                tracing::warn!(%peer, "turned away: too many sockets");
                // Best effort: the client learns from the closed socket otherwise.
                drop(tcp.try_write(TOO_MANY_SOCKETS));
                Accepted::TurnedAway
            }
        },
        Err(error) => {
            tracing::warn!("accept: {error}");
            sleep(ACCEPT_PAUSE).await;
            Accepted::Failed
        }
    }
}

async fn accept_if_any(listener: Option<&TcpListener>, places: &Arc<Semaphore>) -> Accepted {
    match listener {
        Some(listener) => accept(listener, places).await,
        None => std::future::pending().await,
    }
}

/// One request to the listener for metrics.
async fn scrape(
    games: Arc<Games>,
    mut tcp: TcpStream,
    permit: OwnedSemaphorePermit,
    mut phases: watch::Receiver<Phase>,
) {
    let answered = async {
        let head = http::read_head(&mut tcp).await?;
        http::answer(&mut tcp, &head.request, &health(&games), Some(&games.metrics)).await
    };
    tokio::select! {
        () = crate::outbound::when(&mut phases, |phase| *phase == Phase::Stopping) => {}
        answered = timeout(games.limits.handshake_timeout, answered) => match answered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("metrics: {error}"),
            Err(_) => tracing::debug!("metrics: no request in time"),
        }
    }
    drop(permit);
}

/// What the server says about itself. A server whose prover failed plays on, but not as it was told to.
pub(crate) fn health(games: &Games) -> Health {
    let Some(pool) = &games.pool else { return Health { failed: None, prover: "off" } };
    let state = pool.state();
    let state = state.borrow();
    match &state.failed {
        Some(reason) => Health { failed: Some(format!("no prover: {reason}")), prover: "failed" },
        None => Health { failed: None, prover: if state.ready { "ready" } else { "getting ready" } },
    }
}
