//! One socket: handshake, hello, then one message after the other to the games.

use crate::{
    game_task::Command,
    games::Games,
    http::{self, Status},
    metrics::{Counted, RefusedReason},
    origin::AllowedOrigins,
    outbound::{Client, Close, Refusal, Writer, when},
    prover_pool::ProverPool,
    run::{Phase, health},
};
use futures_util::{Stream, StreamExt};
use protocol::{
    ClientMessage, ErrorCode, GameId, GameRecord, MessageError, PROTOCOL_VERSION, ProofMode, ServerMessage,
    Side, SideChoice,
    messages::{MAX_CLIENT_MESSAGE_BYTES, start_fen_or_usual},
    shakmaty::Position,
};
use std::{collections::VecDeque, sync::Arc, time::Instant};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// A frame up to this length is read and refused with a message, a longer one ends the socket unread.
const MAX_FRAME_BYTES: usize = 4 * MAX_CLIENT_MESSAGE_BYTES;

/// Messages dropped in a row before a socket is closed.
const MAX_DROPPED: u32 = 200;

/// Serves one socket until it is closed.
pub(crate) async fn run(games: Arc<Games>, tcp: TcpStream, number: u64, origins: &AllowedOrigins) {
    let limits = &games.limits;
    let config = WebSocketConfig::default()
        .read_buffer_size(8 << 10)
        .write_buffer_size(8 << 10)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let Some((tcp, rest)) = handshake(&games, tcp, number, origins).await else { return };
    let counted = Counted::new(&games.metrics.sockets);
    let socket = WebSocketStream::from_partially_read(tcp, rest, Role::Server, Some(config)).await;
    let (sink, stream) = socket.split();
    let (client, queue, close) =
        Client::new(number, limits.outbound_queue, games.metrics.sockets_too_slow.clone());
    let writer = Writer {
        sink,
        queue,
        close: close.clone(),
        prover: games.pool.as_ref().map(ProverPool::state),
        store: Arc::clone(&games.store),
        ping_interval: limits.ping_interval,
        write_timeout: limits.write_timeout,
    };
    let mut session = Session {
        messages: Bucket::new(limits.message_burst, limits.messages_per_second),
        proofs: Bucket::new(limits.proof_burst, limits.proofs_per_second),
        games: Arc::clone(&games),
        client,
        followed: VecDeque::new(),
        welcomed: false,
    };
    {
        let reader = async {
            session.read(stream, close).await;
            // Ends the writer, if it was not it that ended the reader.
            session.client.close(CloseCode::Normal, "");
        };
        let writer = writer.run();
        tokio::pin!(reader, writer);
        // A writer that fails ends the socket; a reader that ends lets the writer say goodbye.
        tokio::select! {
            () = &mut writer => {}
            () = &mut reader => writer.await,
        }
    }
    session.leave().await;
    drop(counted);
}

/// Reads the request and accepts it if it is for a WebSocket. Otherwise it is answered, and the connection ends. Returns the
/// connection and what the client sent after its request.
async fn handshake(
    games: &Games,
    mut tcp: TcpStream,
    number: u64,
    origins: &AllowedOrigins,
) -> Option<(TcpStream, Vec<u8>)> {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!("nodelay: {error}");
    }
    let accepted = async {
        let http::Head { request, rest } = http::read_head(&mut tcp).await?;
        if !http::wants_websocket(&request) {
            http::answer(&mut tcp, &request, &health(games), None).await?;
            return Ok(None);
        }
        if !origins.allow(request.headers().get_all("origin").iter().map(|value| value.as_bytes())) {
            games.metrics.refused(RefusedReason::origin);
            tracing::warn!(number, origin = ?request.headers().get("origin"), "turned away: a web page of another origin");
            let reason = "pages of this origin may not connect; the server's --allow-origin says which may\n";
            http::respond(&mut tcp, Status::FORBIDDEN, http::TEXT, reason).await?;
            return Ok(None);
        }
        http::accept_websocket(&mut tcp, &request).await?;
        std::io::Result::Ok(Some(rest))
    };
    let mut phases = games.phases.clone();
    let accepted = tokio::select! {
        () = when(&mut phases, |phase| *phase > Phase::Running) => return None,
        accepted = timeout(games.limits.handshake_timeout, accepted) => accepted,
    };
    match accepted {
        Ok(Ok(rest)) => rest.map(|rest| (tcp, rest)),
        Ok(Err(error)) => {
            tracing::debug!(number, "no WebSocket handshake: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(number, "no WebSocket handshake in time");
            None
        }
    }
}

struct Session {
    games: Arc<Games>,
    client: Client,
    /// Games this socket follows, the longest followed first.
    followed: VecDeque<GameId>,
    messages: Bucket,
    /// Moves it may have proven.
    proofs: Bucket,
    welcomed: bool,
}

impl Session {
    async fn read(
        &mut self,
        mut stream: impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin,
        mut close: watch::Receiver<Option<Close>>,
    ) {
        let mut phases = self.games.phases.clone();
        let hello_deadline = Instant::now() + self.games.limits.handshake_timeout;
        loop {
            // A socket that answers pings but never says hello doesn't stay.
            let deadline =
                if self.welcomed { Instant::now() + self.games.limits.idle_timeout } else { hello_deadline };
            let frame = tokio::select! {
                () = when(&mut close, Option::is_some) => return,
                () = when(&mut phases, |phase| *phase == Phase::Stopping) => {
                    return self.client.close(CloseCode::Away, "the server is shutting down");
                }
                frame = timeout_at(deadline.into(), stream.next()) => frame,
            };
            match frame {
                Err(_) => return self.client.close(CloseCode::Policy, "nothing came for too long"),
                Ok(None) => return,
                Ok(Some(Ok(Message::Text(text)))) => self.text(text.as_str()).await,
                Ok(Some(Ok(Message::Binary(_)))) => {
                    if self.may_send(1.0) {
                        let message = "clients send text frames only";
                        self.refuse(None, &Refusal::new(ErrorCode::BadMessage, message));
                    }
                }
                Ok(Some(Ok(Message::Close(_)))) => return,
                // Pings are answered by the library.
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Ok(Some(Err(tungstenite::Error::Capacity(_)))) => {
                    return self.too_large(&format!(
                        "the frame has more than {MAX_FRAME_BYTES} bytes, {MAX_CLIENT_MESSAGE_BYTES} are allowed"
                    ));
                }
                Ok(Some(Err(error))) => {
                    return tracing::debug!(number = self.client.number, "socket: {error}");
                }
            }
        }
    }

    async fn text(&mut self, text: &str) {
        let message = match ClientMessage::decode(text) {
            Ok(message) => message,
            Err(error @ MessageError::TooLarge { .. }) => return self.too_large(&error.to_string()),
            Err(error) => {
                if self.may_send(1.0) {
                    self.refuse(None, &Refusal::new(ErrorCode::BadMessage, error.to_string()));
                }
                return;
            }
        };
        let cost = match &message {
            ClientMessage::NewGame { .. } | ClientMessage::NewStakedGame { .. } => 10.0,
            ClientMessage::Resume { .. } => 5.0,
            ClientMessage::RequestProof { .. } => 2.0,
            _ => 1.0,
        };
        if !self.may_send(cost) {
            return;
        }
        let game_id = match &message {
            ClientMessage::Resume { game_id, .. }
            | ClientMessage::Move { game_id, .. }
            | ClientMessage::Nonce { game_id, .. }
            | ClientMessage::StakesOpened { game_id, .. }
            | ClientMessage::SignResult { game_id, .. }
            | ClientMessage::Resign { game_id }
            | ClientMessage::OfferDraw { game_id }
            | ClientMessage::ClaimDraw { game_id }
            | ClientMessage::TakeBack { game_id, .. }
            | ClientMessage::RequestProof { game_id, .. } => Some(*game_id),
            ClientMessage::Hello { .. }
            | ClientMessage::NewGame { .. }
            | ClientMessage::NewStakedGame { .. }
            | ClientMessage::Ping => None,
        };
        if let Err(refusal) = self.handle(message).await {
            self.refuse(game_id, &refusal);
        }
    }

    async fn handle(&mut self, message: ClientMessage) -> Result<(), Refusal> {
        if self.welcomed == matches!(message, ClientMessage::Hello { .. }) {
            let message = if self.welcomed { "a second hello" } else { "the first message is a hello" };
            return Err(Refusal::new(ErrorCode::HelloExpected, message));
        }
        if *self.games.phases.borrow() > Phase::Running && !matches!(message, ClientMessage::Ping) {
            return Err(Refusal::new(ErrorCode::ShuttingDown, "the server is shutting down"));
        }
        let client = self.client.clone();
        match message {
            ClientMessage::Hello { version, client } => self.hello(version, &client),
            ClientMessage::NewGame { human_side, start_fen, terms } => {
                let record = GameRecord::from_fen(start_fen_or_usual(start_fen.as_deref()))
                    .map_err(|error| Refusal::new(ErrorCode::BadPosition, error.to_string()))?;
                let human_side = chosen(human_side);
                if human_side != record.position().turn().into() {
                    self.pay_for_proof()?;
                }
                let game_id = self.games.create(human_side, &record, terms, client).await?;
                self.follow(game_id).await;
                Ok(())
            }
            ClientMessage::NewStakedGame { human_side, level, stakes } => {
                let human_side = chosen(human_side);
                if human_side == Side::Black {
                    self.pay_for_proof()?;
                }
                let game_id = self.games.offer(human_side, level, &stakes, client).await?;
                self.follow(game_id).await;
                Ok(())
            }
            ClientMessage::StakesOpened { game_id, nonce } => {
                self.send(game_id, Command::StakesOpened { client, nonce }).await
            }
            ClientMessage::SignResult { game_id, outcome, signature } => {
                self.send(game_id, Command::SignResult { client, outcome, signature }).await
            }
            ClientMessage::Resume { game_id, have_proofs, key } => {
                self.games.send(game_id, Command::Attach { client, have_proofs, key }).await?;
                self.games.metrics.resyncs.inc();
                self.follow(game_id).await;
                Ok(())
            }
            ClientMessage::Move { game_id, ply, uci, signature } => {
                self.pay_for_proof()?;
                self.send(game_id, Command::Move { client, ply, uci, signature }).await
            }
            ClientMessage::Nonce { game_id, nonce } => {
                self.send(game_id, Command::Nonce { client, nonce }).await
            }
            ClientMessage::Resign { game_id } => self.send(game_id, Command::Resign { client }).await,
            ClientMessage::OfferDraw { game_id } => self.send(game_id, Command::OfferDraw { client }).await,
            ClientMessage::ClaimDraw { game_id } => self.send(game_id, Command::ClaimDraw { client }).await,
            ClientMessage::TakeBack { game_id, ply } => {
                self.send(game_id, Command::TakeBack { client, ply }).await
            }
            ClientMessage::RequestProof { game_id, ply } => {
                self.send(game_id, Command::RequestProof { client, ply }).await
            }
            ClientMessage::Ping => {
                self.client.tell(ServerMessage::Pong);
                Ok(())
            }
        }
    }

    fn hello(&mut self, version: u32, name: &str) -> Result<(), Refusal> {
        if version != PROTOCOL_VERSION {
            self.client.close(CloseCode::Protocol, "unsupported version");
            let message = format!("this server speaks version {PROTOCOL_VERSION}, the client {version}");
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        tracing::info!(number = self.client.number, client = ?name, "hello");
        self.welcomed = true;
        let state = self.games.pool.as_ref().map(|pool| pool.state().borrow().clone());
        let prover = state.clone().unwrap_or_default();
        self.client.tell(ServerMessage::Welcome {
            version: PROTOCOL_VERSION,
            server: concat!("server ", env!("CARGO_PKG_VERSION")).to_owned(),
            model_digest: self.games.engine.digest(),
            verifying_key: self.games.engine.verifying_key(),
            proof_mode: if state.is_some() { ProofMode::Gkr } else { ProofMode::Off },
            prover_ready: prover.ready,
            prover_progress: prover.progress,
        });
        if prover.failed.is_some() {
            self.client.tell(prover.message());
        }
        Ok(())
    }

    async fn send(&self, game_id: GameId, command: Command) -> Result<(), Refusal> {
        if !self.followed.contains(&game_id) {
            let message = "this socket doesn't follow that game; resume it first";
            return Err(Refusal::new(ErrorCode::UnknownGame, message));
        }
        self.games.send(game_id, command).await
    }

    async fn follow(&mut self, game_id: GameId) {
        self.followed.retain(|followed| *followed != game_id);
        self.followed.push_back(game_id);
        if self.followed.len() > self.games.limits.max_games_per_socket
            && let Some(oldest) = self.followed.pop_front()
        {
            let client = self.client.number;
            self.games.send_if_live(oldest, Command::Detach { client }).await;
        }
    }

    async fn leave(&mut self) {
        for game_id in self.followed.drain(..) {
            let client = self.client.number;
            self.games.send_if_live(game_id, Command::Detach { client }).await;
        }
    }

    /// A move has the network answer, and the answer proven.
    fn pay_for_proof(&mut self) -> Result<(), Refusal> {
        if self.games.pool.is_none() || self.proofs.take(1.0) == Taken::Yes {
            return Ok(());
        }
        let message = "too many moves to be proven; try again in a moment";
        Err(Refusal::new(ErrorCode::RateLimited, message))
    }

    fn may_send(&mut self, cost: f64) -> bool {
        match self.messages.take(cost) {
            Taken::Yes => true,
            Taken::No { dropped: 1 } => {
                self.games.metrics.messages_dropped.inc();
                let message = "too many messages; some are dropped";
                self.refuse(None, &Refusal::new(ErrorCode::RateLimited, message));
                false
            }
            Taken::No { dropped } => {
                self.games.metrics.messages_dropped.inc();
                if dropped > MAX_DROPPED {
                    self.client.close(CloseCode::Policy, "far too many messages");
                }
                false
            }
        }
    }

    fn too_large(&self, message: &str) {
        self.refuse(None, &Refusal::new(ErrorCode::TooLarge, message));
        self.client.close(CloseCode::Size, "frame too large");
    }

    fn refuse(&self, game_id: Option<GameId>, refusal: &Refusal) {
        self.client.refuse(game_id, refusal);
    }
}

/// The side that a wish comes to.
fn chosen(side: SideChoice) -> Side {
    match side {
        SideChoice::White => Side::White,
        SideChoice::Black => Side::Black,
        SideChoice::Random if rand::random() => Side::White,
        SideChoice::Random => Side::Black,
    }
}

/// What a socket may still send: a budget that refills with time.
struct Bucket {
    tokens: f64,
    burst: f64,
    per_second: f64,
    at: Instant,
    dropped: u32,
}

#[derive(Debug, PartialEq)]
enum Taken {
    Yes,
    /// With the number of messages dropped in a row, this one included.
    No {
        dropped: u32,
    },
}

impl Bucket {
    fn new(burst: f64, per_second: f64) -> Self {
        Self { tokens: burst, burst, per_second, at: Instant::now(), dropped: 0 }
    }

    fn take(&mut self, cost: f64) -> Taken {
        let now = Instant::now();
        self.tokens += now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = self.tokens.min(self.burst);
        self.at = now;
        if self.tokens >= cost {
            self.tokens -= cost;
            self.dropped = 0;
            Taken::Yes
        } else {
            self.dropped = self.dropped.saturating_add(1);
            Taken::No { dropped: self.dropped }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_empties_and_refills() {
        let mut bucket = Bucket::new(3.0, 0.0);
        assert_eq!(bucket.take(2.0), Taken::Yes);
        assert_eq!(bucket.take(2.0), Taken::No { dropped: 1 });
        assert_eq!(bucket.take(2.0), Taken::No { dropped: 2 });
        assert_eq!(bucket.take(1.0), Taken::Yes);
        bucket.per_second = 1e6;
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert_eq!(bucket.take(3.0), Taken::Yes);
    }
}
