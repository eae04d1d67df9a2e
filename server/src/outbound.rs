//! The way from the rest of the server to one socket: a bounded queue of messages, and a reason to close.

use crate::{
    prover_pool::ProverState,
    store::{Store, blocking},
};
use futures_util::{Sink, SinkExt};
use prometheus_client::metrics::counter::Counter;
use protocol::{ErrorCode, GameId, ProofFrame, ServerMessage};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::tungstenite::{
    self, Bytes, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// What a socket is to send.
#[derive(Debug)]
pub(crate) enum Outbound {
    /// A text frame.
    Message(Box<ServerMessage>),
    /// Stored proofs as binary frames, read from disk when their turn comes, behind all text frames.
    Proofs { game_id: GameId, plies: Vec<u32> },
}

/// Waits until a watched value is as wanted, or nobody can change it any more.
pub(crate) async fn when<T>(watched: &mut watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) {
    // The guard isn't kept across an await of the caller.
    drop(watched.wait_for(wanted).await);
}

/// Why a socket is closed.
#[derive(Clone, Debug)]
pub(crate) struct Close {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'static str,
}

/// A socket as games see it.
#[derive(Clone)]
pub(crate) struct Client {
    /// Tells this socket from others of the same server.
    pub(crate) number: u64,
    queue: mpsc::Sender<Outbound>,
    /// Counts the sockets whose queue was full.
    too_slow: Counter,
    close: Arc<watch::Sender<Option<Close>>>,
}

impl Client {
    /// A client and the two ends its socket works with.
    pub(crate) fn new(
        number: u64,
        capacity: usize,
        too_slow: Counter,
    ) -> (Self, mpsc::Receiver<Outbound>, watch::Receiver<Option<Close>>) {
        let (queue, receiver) = mpsc::channel(capacity.max(1));
        let (close, closed) = watch::channel(None);
        (Self { number, queue, too_slow, close: Arc::new(close) }, receiver, closed)
    }

    /// Queues something. Never waits: a socket whose queue is full is closed, its client comes back and resumes.
    pub(crate) fn send(&self, item: Outbound) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(item)
            && self.close_first(CloseCode::Again, "too slow: reconnect and resume")
        {
            self.too_slow.inc();
        }
    }

    /// Queues a text frame.
    pub(crate) fn tell(&self, message: ServerMessage) {
        self.send(Outbound::Message(Box::new(message)));
    }

    /// Queues an error.
    pub(crate) fn refuse(&self, game_id: Option<GameId>, refusal: &Refusal) {
        self.tell(ServerMessage::Error { code: refusal.code, message: refusal.message.clone(), game_id });
    }

    /// Closes the socket after what is queued was sent. The first reason stays.
    pub(crate) fn close(&self, code: CloseCode, reason: &'static str) {
        let _first = self.close_first(code, reason);
    }

    fn close_first(&self, code: CloseCode, reason: &'static str) -> bool {
        self.close.send_if_modified(|close| {
            let first = close.is_none();
            if first {
                *close = Some(Close { code, reason });
            }
            first
        })
    }

    /// Whether the socket has gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }
}

/// Why a message of a client changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Something failed on the server; the client learns that, the log learns what.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!("{error}");
        Self::new(ErrorCode::Internal, "something failed on the server; try again later")
    }
}

/// The sending half of a socket.
pub(crate) struct Writer<S> {
    pub(crate) sink: S,
    pub(crate) queue: mpsc::Receiver<Outbound>,
    pub(crate) close: watch::Receiver<Option<Close>>,
    /// Without a prover, `None`.
    pub(crate) prover: Option<watch::Receiver<ProverState>>,
    pub(crate) store: Arc<Store>,
    pub(crate) ping_interval: Duration,
    pub(crate) write_timeout: Duration,
}

/// What a socket does next.
enum Next {
    Close(Close),
    Item(Outbound),
    ProverStatus { last: bool },
    Ping,
    Proof,
}

/// The other end has gone, or takes too long.
pub(crate) struct Gone;

impl<S: Sink<Message, Error = tungstenite::Error> + Unpin> Writer<S> {
    /// Sends until the socket is closed or gone.
    pub(crate) async fn run(mut self) {
        // An error means that nobody is there to be told.
        if let Ok(close) = self.send_until_closed().await {
            let frame = CloseFrame { code: close.code, reason: close.reason.into() };
            let _gone = self.write(Message::Close(Some(frame))).await;
        }
    }

    async fn send_until_closed(&mut self) -> Result<Close, Gone> {
        let mut pings = interval(self.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        let mut backlog: BTreeSet<(GameId, u32)> = BTreeSet::new();
        let mut welcomed = false;
        loop {
            let close =
                async { self.close.wait_for(Option::is_some).await.ok().and_then(|close| close.clone()) };
            let status = async {
                match &mut self.prover {
                    Some(prover) if welcomed => prover.changed().await.is_ok(),
                    _ => std::future::pending().await,
                }
            };
            let next = tokio::select! {
                biased;
                close = close => Next::Close(close.ok_or(Gone)?),
                item = self.queue.recv() => Next::Item(item.ok_or(Gone)?),
                alive = status => Next::ProverStatus { last: !alive },
                _ = pings.tick() => Next::Ping,
                () = std::future::ready(()), if !backlog.is_empty() => Next::Proof,
            };
            match next {
                Next::Close(close) => {
                    while let Ok(item) = self.queue.try_recv() {
                        match item {
                            Outbound::Message(message) => self.write_message(&message).await?,
                            Outbound::Proofs { game_id, plies } => {
                                backlog.extend(plies.into_iter().map(|ply| (game_id, ply)));
                            }
                        }
                    }
                    // A server that shuts down sends what it has; other sockets are closed for a fault of theirs.
                    if close.code == CloseCode::Away {
                        while let Some((game_id, ply)) = backlog.pop_first() {
                            self.write_proof(game_id, ply).await?;
                        }
                    }
                    return Ok(close);
                }
                Next::Item(Outbound::Message(message)) => {
                    welcomed |= matches!(*message, ServerMessage::Welcome { .. });
                    self.write_message(&message).await?;
                }
                Next::Item(Outbound::Proofs { game_id, plies }) => {
                    backlog.extend(plies.into_iter().map(|ply| (game_id, ply)));
                }
                Next::ProverStatus { last: true } => self.prover = None,
                Next::ProverStatus { last: false } => {
                    if let Some(prover) = &mut self.prover {
                        let message = prover.borrow_and_update().message();
                        self.write_message(&message).await?;
                    }
                }
                Next::Ping => self.write(Message::Ping(Bytes::new())).await?,
                Next::Proof => {
                    if let Some((game_id, ply)) = backlog.pop_first() {
                        self.write_proof(game_id, ply).await?;
                    }
                }
            }
        }
    }

    async fn write_proof(&mut self, game_id: GameId, ply: u32) -> Result<(), Gone> {
        let store = Arc::clone(&self.store);
        let stored = match blocking(move || store.proof(game_id, ply)).await {
            Ok(Ok(Some(stored))) => Ok(stored),
            // Its move was taken back.
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) | Err(error) => Err(error.to_string()),
        };
        let framed = stored.and_then(|stored| {
            let bytes = u32::try_from(stored.proof.len()).unwrap_or(u32::MAX);
            let ready = ServerMessage::ProofReady { game_id, ply, prove_ms: stored.prove_ms, bytes };
            let frame = ProofFrame { game_id, ply, proof: stored.proof };
            frame.encode().map(|frame| (ready, frame)).map_err(|error| error.to_string())
        });
        match framed {
            Ok((ready, frame)) => {
                self.write_message(&ready).await?;
                self.write(Message::Binary(frame.into())).await
            }
            Err(reason) => {
                tracing::error!(%game_id, ply, "can't send a stored proof: {reason}");
                let reason = "the server can't read the stored proof".to_owned();
                self.write_message(&ServerMessage::ProofFailed { game_id, ply, reason }).await
            }
        }
    }

    async fn write_message(&mut self, message: &ServerMessage) -> Result<(), Gone> {
        match message.encode() {
            Ok(text) => self.write(Message::text(text)).await,
            Err(error) => {
                tracing::error!("a message can't be encoded: {error}");
                Ok(())
            }
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(self.write_timeout, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
