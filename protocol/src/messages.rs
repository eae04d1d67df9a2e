//! The messages on the wire: JSON text frames both ways, proofs as binary frames from server to client.
//!
//! A connection starts with [`ClientMessage::Hello`], answered by [`ServerMessage::Welcome`]. A *ply* in a message
//! is the number of half-moves the record of the game holds before the move meant, as
//! [`GameRecord::ply`](crate::GameRecord::ply) counts them: 0 for the first move of a game, wherever it starts.
//! Messages of the client are strict (unknown fields are refused); a client ignores fields of the server that it
//! doesn't know.
//!
//! Lengths are checked before anything is parsed, no decoder panics, and nothing here does I/O.

pub use crate::hex::{Hex32, HexBytes, HexError};
use crate::{
    ClockReading, GameRecord, GameTerms, Outcome,
    hex::{hex_array, hex_vec, to_hex},
    record::{MAX_PLIES, START_FEN},
    stakes::{GameStakes, SettledOutcome, StakesWish, WireSignature},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shakmaty::Color;

/// Version of this protocol, sent in both hellos. A server refuses any other.
pub const PROTOCOL_VERSION: u32 = 4;

/// Longest text frame a client may send, in bytes. Checked before parsing.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 16 << 10;

/// Longest text frame a server sends, in bytes (the verifying key in hex and the longest game fit). Checked before parsing.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 256 << 10;

/// Longest proof of one move, in bytes.
pub const MAX_PROOF_BYTES: usize = 1 << 20;

/// Bytes before the proof in a binary frame: kind, game id, ply.
pub const PROOF_HEADER_BYTES: usize = 1 + 32 + 4;

/// Longest binary frame, in bytes.
pub const MAX_PROOF_FRAME_BYTES: usize = PROOF_HEADER_BYTES + MAX_PROOF_BYTES;

/// First byte of a binary frame that holds the proof of one move.
pub const PROOF_FRAME_KIND: u8 = 1;

/// Longest client name in [`ClientMessage::Hello`], in bytes.
pub const MAX_CLIENT_NAME_BYTES: usize = 64;

/// Longest FEN a client may send, in bytes.
pub const MAX_FEN_BYTES: usize = 128;

/// Longest move in UCI notation, in bytes (`e7e8q`).
pub const MAX_UCI_BYTES: usize = 5;

/// Name of a game: 32 random bytes chosen by the server (for stakes the digest of the operator's offer), part of every statement
/// proven in it. Whoever knows it may watch the game ([`ClientMessage::Resume`]); playing takes the player's key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GameId(#[serde(with = "hex_array")] pub [u8; 32]);

impl GameId {
    /// The bytes, as they enter a statement.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for GameId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl std::fmt::Debug for GameId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GameId({self})")
    }
}

impl std::str::FromStr for GameId {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex_array::parse(text).map(Self)
    }
}

/// What both sides know of a game's seeds (`docs/network.md` section 5); only games below the strongest level have any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameSeeds {
    /// Head of the server's hash chain.
    pub head: Hex32,
    /// The client's nonce, once the server has it; the network does not move before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Hex32>,
    /// The chain's elements revealed so far: one for each move of the network in the record.
    pub elements: Vec<Hex32>,
}

/// White or Black, as the wire spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// White.
    White,
    /// Black.
    Black,
}

impl Side {
    /// The opponent of this side.
    #[must_use]
    pub fn opponent(self) -> Self {
        match self {
            Self::White => Self::Black,
            Self::Black => Self::White,
        }
    }
}

impl From<Color> for Side {
    fn from(color: Color) -> Self {
        match color {
            Color::White => Self::White,
            Color::Black => Self::Black,
        }
    }
}

impl From<Side> for Color {
    fn from(side: Side) -> Self {
        match side {
            Side::White => Self::White,
            Side::Black => Self::Black,
        }
    }
}

/// Which side the human asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideChoice {
    /// White.
    White,
    /// Black: the network moves first from the usual start position.
    Black,
    /// The server throws a coin.
    Random,
}

/// Whether a server proves its moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofMode {
    /// Every move of the network is proven.
    Gkr,
    /// No proofs: an ordinary opponent.
    Off,
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message on a socket.
    Hello {
        /// [`PROTOCOL_VERSION`] of the client.
        version: u32,
        /// Name and version of the program, for the server's log; at most [`MAX_CLIENT_NAME_BYTES`].
        client: String,
    },
    /// Starts a game, answered by [`ServerMessage::Game`].
    NewGame {
        /// Side of the human.
        human_side: SideChoice,
        /// Start position; the usual one without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_fen: Option<String>,
        /// What is agreed about the game.
        #[serde(default)]
        terms: GameTerms,
    },
    /// The client's half of the seeds, chosen at random after it has seen the head of the server's chain in
    /// [`ServerMessage::Game`]. Idempotent; another nonce is refused.
    Nonce {
        /// The game.
        game_id: GameId,
        /// The nonce.
        nonce: Hex32,
    },
    /// Asks for a game for stakes (`docs/settlement.md`), from the usual start position, at a level with seeds, without clock or moves taken
    /// back. Answered by [`ServerMessage::Game`] with the operator's signed offer, whose digest is the game's id.
    NewStakedGame {
        /// Side of the human.
        human_side: SideChoice,
        /// Level of the network's play, 1 to 7.
        level: u8,
        /// Where, who, how much.
        stakes: StakesWish,
    },
    /// The player has taken the offer of a game on chain. The server looks and answers with [`ServerMessage::StakesOpened`]; it looks
    /// by itself, too, so nothing is lost without this message.
    StakesOpened {
        /// The game.
        game_id: GameId,
        /// The nonce of the transaction: the client's half of the seeds, zeros in front.
        nonce: HexBytes<16>,
    },
    /// The player's signature on the result of a game for stakes: on a loss or draw that the game has come to, or to resign, or to claim a
    /// draw. Idempotent.
    SignResult {
        /// The game.
        game_id: GameId,
        /// The result.
        outcome: SettledOutcome,
        /// The player's, on it.
        signature: WireSignature,
    },
    /// Follows a game, answered by [`ServerMessage::Game`] and the proofs the client lacks: as its player with the key, to watch
    /// without. Whoever watches is told of both sides' moves, of clocks, proofs, seeds revealed so far and the end, and of nothing
    /// that was signed in a game for stakes; what only the player may do is refused with [`ErrorCode::OnlyWatching`].
    Resume {
        /// The game.
        game_id: GameId,
        /// Plies whose proofs the client has.
        #[serde(default)]
        have_proofs: Vec<u32>,
        /// The `player_key` of [`ServerMessage::Game`] when the game was new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Hex32>,
    },
    /// A move of the human. Idempotent by game and ply: the same move again is answered as the first time.
    Move {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before this one.
        ply: u32,
        /// The move in UCI notation.
        uci: String,
        /// In a game for stakes the player's, on the state after the move.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<WireSignature>,
    },
    /// Gives the game up; in a game for stakes that takes [`ClientMessage::SignResult`].
    Resign {
        /// The game.
        game_id: GameId,
    },
    /// Offers a draw. The network agrees to one that could be claimed and to no other.
    OfferDraw {
        /// The game.
        game_id: GameId,
    },
    /// Claims a draw by threefold repetition or the fifty-move rule at the current position.
    ClaimDraw {
        /// The game.
        game_id: GameId,
    },
    /// Takes moves back, in a game that isn't rated, until the human is to move after `ply` half-moves. Answered by
    /// [`ServerMessage::TakenBack`]; idempotent.
    TakeBack {
        /// The game.
        game_id: GameId,
        /// Half-moves that stay.
        ply: u32,
    },
    /// Asks for a proof again.
    RequestProof {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before the proven move.
        ply: u32,
    },
    /// Asks for a [`ServerMessage::Pong`].
    Ping,
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to [`ClientMessage::Hello`].
    Welcome {
        /// [`PROTOCOL_VERSION`] of the server.
        version: u32,
        /// Name and version of the program.
        server: String,
        /// Digest of the network that plays, as the server claims it. A client that has it pinned compares.
        #[serde(with = "hex_array")]
        model_digest: [u8; 32],
        /// The verifying key, in the canonical bytes of `engine-circuit`. A client recomputes the digest from it.
        #[serde(with = "hex_vec")]
        verifying_key: Vec<u8>,
        /// Whether moves are proven.
        proof_mode: ProofMode,
        /// Whether the prover is ready. Play doesn't wait for it; proofs come when it is.
        prover_ready: bool,
        /// How far the prover is with getting ready, 0 to 1.
        prover_progress: f32,
    },
    /// The whole state of a game, answer to [`ClientMessage::NewGame`] and [`ClientMessage::Resume`].
    Game {
        /// The game.
        game_id: GameId,
        /// Side of the human.
        human_side: Side,
        /// Start position, in shakmaty's normal form.
        start_fen: String,
        /// The moves played, in UCI notation.
        moves: Vec<String>,
        /// How the game ended, if it did.
        outcome: Option<Outcome>,
        /// What was agreed about the game.
        #[serde(default)]
        terms: GameTerms,
        /// Plies whose proofs the server has stored; those the client lacks follow as binary frames.
        proof_plies: Vec<u32>,
        /// Seeds of the network's moves, below the strongest level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seeds: Option<GameSeeds>,
        /// What a game for stakes has been signed with. Its nonce in `seeds` is there once the player has opened it on chain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stakes: Option<Box<GameStakes>>,
        /// To the game's player alone: what [`ClientMessage::Resume`] shows on another connection. 32 random bytes chosen by the
        /// server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        player_key: Option<Hex32>,
    },
    /// To those who watch: a move of the human, stored for good.
    PlayerMove {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before it.
        ply: u32,
        /// The move in UCI notation.
        uci: String,
    },
    /// To the player: the move is legal and stored for good.
    MoveAccepted {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before it.
        ply: u32,
    },
    /// A move of the network, stored for good. Its proof follows.
    BotMove {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before it.
        ply: u32,
        /// The move in UCI notation.
        uci: String,
        /// Time of the inference, in milliseconds.
        infer_ms: f32,
        /// The chain's element that the move's seed is made of, below the strongest level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed_element: Option<Hex32>,
        /// In a game for stakes the operator's, on the state after the move; none for a move that was made on chain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<WireSignature>,
    },
    /// The player has opened a game for stakes on chain, and the server has seen it there: play begins.
    StakesOpened {
        /// The game.
        game_id: GameId,
        /// The nonce on chain.
        nonce: HexBytes<16>,
    },
    /// A move of the human that came over the chain: it answered or began a dispute.
    MoveOnChain {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before it.
        ply: u32,
        /// The move in UCI notation.
        uci: String,
    },
    /// The operator's signature on the result of a game for stakes: after a loss of the network's or a draw.
    ResultSigned {
        /// The game.
        game_id: GameId,
        /// The result.
        outcome: SettledOutcome,
        /// The operator's, on it.
        signature: WireSignature,
    },
    /// The clock of a game with a time control: after its state, after each move, and whenever a clock starts or stops
    /// without a move.
    Clock {
        /// The game.
        game_id: GameId,
        /// The clock when this was sent.
        clock: ClockReading,
    },
    /// Moves were taken back; those after `ply` half-moves are gone.
    TakenBack {
        /// The game.
        game_id: GameId,
        /// Half-moves that stayed.
        ply: u32,
    },
    /// The proof of a move is wanted and not there yet.
    Proving {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before the move.
        ply: u32,
        /// Proofs the pool makes before this one.
        queue: u32,
    },
    /// Sent just before each binary frame with a proof.
    ProofReady {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before the proven move.
        ply: u32,
        /// Time of proving, in milliseconds.
        prove_ms: u32,
        /// Length of the proof.
        bytes: u32,
    },
    /// There is no proof for a move.
    ProofFailed {
        /// The game.
        game_id: GameId,
        /// Half-moves in the record before the move.
        ply: u32,
        /// Why, for a person to read.
        reason: String,
    },
    /// The prover got further or became ready.
    ProverStatus {
        /// Whether it is ready.
        ready: bool,
        /// How far it is, 0 to 1.
        progress: f32,
        /// Why it will never be ready, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// The network declined a draw.
    DrawDeclined {
        /// The game.
        game_id: GameId,
    },
    /// The game has ended.
    GameOver {
        /// The game.
        game_id: GameId,
        /// How.
        outcome: Outcome,
    },
    /// A message of the client was refused; nothing changed.
    Error {
        /// What kind of refusal, for programs.
        code: ErrorCode,
        /// What was wrong, for a person to read.
        message: String,
        /// The game it concerned, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        game_id: Option<GameId>,
    },
    /// Answer to [`ClientMessage::Ping`].
    Pong,
}

/// Kinds of refusal in [`ServerMessage::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The frame is no message of this protocol.
    BadMessage,
    /// The frame is longer than [`MAX_CLIENT_MESSAGE_BYTES`]; the server closes the socket.
    TooLarge,
    /// The hello has another version; the server closes the socket.
    UnsupportedVersion,
    /// Something came before the hello, or a second hello.
    HelloExpected,
    /// The start position is not a legal one.
    BadPosition,
    /// No game of that id.
    UnknownGame,
    /// The move is not legal.
    IllegalMove,
    /// The game is not at that ply, and the move is not the one played there.
    WrongPly,
    /// It is the network's turn.
    NotYourTurn,
    /// This socket watches the game; only its player may do that.
    OnlyWatching,
    /// The key is not that of the game's player.
    WrongKey,
    /// The game has ended.
    GameOver,
    /// No draw can be claimed here.
    NoDraw,
    /// The game is rated, or there is no such move to take back.
    NoTakeback,
    /// The time control or the level is outside its limits.
    BadTerms,
    /// The game has another nonce, or needs none.
    WrongNonce,
    /// That ply has no proof, and none is coming.
    NoProof,
    /// The server doesn't play for these stakes: for none at all, on another chain, or not for as much.
    NoStakes,
    /// The game is not open on chain.
    NotOpened,
    /// A signature is missing, not of the player, or on something else; or the game has no stakes and takes none.
    BadSignature,
    /// The game did not end like this.
    WrongResult,
    /// Too many messages; this one was dropped.
    RateLimited,
    /// The server has as much to do as it takes on; try again later.
    Busy,
    /// The server is shutting down.
    ShuttingDown,
    /// Something failed on the server.
    Internal,
}

/// A proof of one move, as a binary frame: kind (1 byte), game id (32), ply (4, big-endian), proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFrame {
    /// The game.
    pub game_id: GameId,
    /// Half-moves in the record before the proven move.
    pub ply: u32,
    /// The proof, at most [`MAX_PROOF_BYTES`]; not looked at here.
    pub proof: Vec<u8>,
}

impl ProofFrame {
    /// The frame's bytes.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError::TooLarge`] for a proof above [`MAX_PROOF_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        check_length(PROOF_HEADER_BYTES + self.proof.len(), MAX_PROOF_FRAME_BYTES)?;
        let mut bytes = Vec::with_capacity(PROOF_HEADER_BYTES + self.proof.len());
        bytes.push(PROOF_FRAME_KIND);
        bytes.extend_from_slice(&self.game_id.0);
        bytes.extend_from_slice(&self.ply.to_be_bytes());
        bytes.extend_from_slice(&self.proof);
        Ok(bytes)
    }

    /// Takes a frame apart.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`] for a frame that is too long, too short for its header, or of another kind.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        check_length(bytes.len(), MAX_PROOF_FRAME_BYTES)?;
        let truncated = MessageError::Truncated { bytes: bytes.len() };
        let Some((&kind, rest)) = bytes.split_first() else { return Err(truncated) };
        if kind != PROOF_FRAME_KIND {
            return Err(MessageError::UnknownKind(kind));
        }
        let Some((&game_id, rest)) = rest.split_first_chunk::<32>() else { return Err(truncated) };
        let Some((&ply, proof)) = rest.split_first_chunk::<4>() else { return Err(truncated) };
        Ok(Self { game_id: GameId(game_id), ply: u32::from_be_bytes(ply), proof: proof.to_vec() })
    }
}

impl ClientMessage {
    /// Reads a text frame of a client.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`] for a frame that is too long, no message, or has a field outside its limits.
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        let message: Self = decode(text, MAX_CLIENT_MESSAGE_BYTES)?;
        message.check()?;
        Ok(message)
    }

    /// The text frame.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`] if a server would refuse the message for its size.
    pub fn encode(&self) -> Result<String, MessageError> {
        self.check()?;
        encode(self, MAX_CLIENT_MESSAGE_BYTES)
    }

    fn check(&self) -> Result<(), MessageError> {
        let at_most = |field, length: usize, limit| {
            if length > limit { Err(MessageError::Field { field, length, limit }) } else { Ok(()) }
        };
        match self {
            Self::Hello { client, .. } => at_most("client", client.len(), MAX_CLIENT_NAME_BYTES),
            Self::NewGame { start_fen, .. } => {
                at_most("start_fen", start_fen.as_ref().map_or(0, String::len), MAX_FEN_BYTES)
            }
            Self::Resume { have_proofs, .. } => at_most("have_proofs", have_proofs.len(), MAX_PLIES),
            Self::Move { uci, .. } => at_most("uci", uci.len(), MAX_UCI_BYTES),
            Self::Resign { .. }
            | Self::OfferDraw { .. }
            | Self::ClaimDraw { .. }
            | Self::TakeBack { .. }
            | Self::Nonce { .. }
            | Self::NewStakedGame { .. }
            | Self::StakesOpened { .. }
            | Self::SignResult { .. }
            | Self::RequestProof { .. }
            | Self::Ping => Ok(()),
        }
    }
}

impl ServerMessage {
    /// Reads a text frame of a server.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`] for a frame that is too long or no message.
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        decode(text, MAX_SERVER_MESSAGE_BYTES)
    }

    /// The text frame.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`] if a client would refuse the message for its size.
    pub fn encode(&self) -> Result<String, MessageError> {
        encode(self, MAX_SERVER_MESSAGE_BYTES)
    }

    /// The state of a game as its record stands.
    #[must_use]
    pub fn game(
        game_id: GameId,
        human_side: Side,
        record: &GameRecord,
        outcome: Option<Outcome>,
        terms: GameTerms,
        proof_plies: Vec<u32>,
        seeds: Option<GameSeeds>,
    ) -> Self {
        Self::Game {
            game_id,
            human_side,
            start_fen: record.start_fen().to_owned(),
            moves: record.uci_moves(),
            outcome,
            terms,
            proof_plies,
            seeds,
            stakes: None,
            player_key: None,
        }
    }
}

/// The usual start position if a client names none.
#[must_use]
pub fn start_fen_or_usual(start_fen: Option<&str>) -> &str {
    start_fen.unwrap_or(START_FEN)
}

/// Why a frame is not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The frame is longer than its kind allows; it was not parsed.
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// A field is longer than it may be.
    Field {
        /// Name of the field.
        field: &'static str,
        /// Its length (bytes of a text, entries of a list).
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The text is not a message of this protocol.
    Json(String),
    /// A binary frame that ends within its header.
    Truncated {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A binary frame of a kind this version doesn't know.
    UnknownKind(u8),
}

impl std::fmt::Display for MessageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "the frame has {bytes} bytes, {limit} are allowed")
            }
            Self::Field { field, length, limit } => {
                write!(f, "the field `{field}` has length {length}, {limit} is allowed")
            }
            Self::Json(reason) => write!(f, "not a message of this protocol: {reason}"),
            Self::Truncated { bytes } => {
                write!(f, "the binary frame has {bytes} bytes, its header alone has {PROOF_HEADER_BYTES}")
            }
            Self::UnknownKind(kind) => write!(f, "binary frame of unknown kind {kind}"),
        }
    }
}

impl std::error::Error for MessageError {}

fn check_length(bytes: usize, limit: usize) -> Result<(), MessageError> {
    if bytes > limit { Err(MessageError::TooLarge { bytes, limit }) } else { Ok(()) }
}

fn decode<T: DeserializeOwned>(text: &str, limit: usize) -> Result<T, MessageError> {
    check_length(text.len(), limit)?;
    serde_json::from_str(text).map_err(|error| MessageError::Json(error.to_string()))
}

fn encode<T: Serialize>(message: &T, limit: usize) -> Result<String, MessageError> {
    let text = serde_json::to_string(message).map_err(|error| MessageError::Json(error.to_string()))?;
    check_length(text.len(), limit)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
