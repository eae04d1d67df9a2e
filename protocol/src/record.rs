//! The record of a game: a start position and the moves played since, always legal.

use shakmaty::{CastlingMode, Chess, Color, EnPassantMode, Move, Position, Square, fen::Fen, uci::UciMove};

/// FEN of the usual start position.
pub const START_FEN: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/// Longest game a record holds, in half-moves. Longer than any legal game between opponents that claim draws.
pub const MAX_PLIES: usize = 2_048;

/// Largest full-move number of a start position, so that plies fit 32 bits.
pub const MAX_FULLMOVES: u32 = 1_000_000;

/// A start position and the legal moves played from it.
#[derive(Clone, Debug)]
pub struct GameRecord {
    start_fen: String,
    positions: Vec<Chess>,
    moves: Vec<Move>,
}

/// Why a record can't be made or extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The text is no FEN, or not of a legal position of standard chess.
    Fen(String),
    /// The text is no UCI move, or the move is not legal where it was to be played.
    Move {
        /// Half-moves played before it.
        ply: usize,
        /// The text as given.
        uci: String,
    },
    /// The game has [`MAX_PLIES`] half-moves.
    TooLong,
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fen(reason) => write!(f, "not a legal position in FEN: {reason}"),
            Self::Move { ply, uci } => {
                write!(f, "{uci:?} is not a legal move in UCI notation after {ply} half-moves")
            }
            Self::TooLong => write!(f, "the game has more than {MAX_PLIES} half-moves"),
        }
    }
}

impl std::error::Error for RecordError {}

impl Default for GameRecord {
    fn default() -> Self {
        Self { start_fen: START_FEN.to_owned(), positions: vec![Chess::default()], moves: Vec::new() }
    }
}

impl GameRecord {
    /// Starts a record at a position.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Fen`] unless `fen` is a legal position of standard chess.
    pub fn from_fen(fen: &str) -> Result<Self, RecordError> {
        let parsed: Fen =
            fen.parse().map_err(|error: shakmaty::fen::ParseFenError| RecordError::Fen(error.to_string()))?;
        let position: Chess = parsed
            .into_position(CastlingMode::Standard)
            .map_err(|error: shakmaty::PositionError<Chess>| RecordError::Fen(error.to_string()))?;
        if position.fullmoves().get() > MAX_FULLMOVES {
            return Err(RecordError::Fen(format!("the move number is over {MAX_FULLMOVES}")));
        }
        Ok(Self {
            start_fen: Fen::from_position(&position, EnPassantMode::Legal).to_string(),
            positions: vec![position],
            moves: Vec::new(),
        })
    }

    /// Starts a record and plays moves given in UCI notation.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] for a bad position, the first move that is not legal, or too long a game.
    pub fn replay<'a>(fen: &str, moves: impl IntoIterator<Item = &'a str>) -> Result<Self, RecordError> {
        let mut record = Self::from_fen(fen)?;
        for uci in moves {
            record.play_uci(uci)?;
        }
        Ok(record)
    }

    /// Plays a move given in UCI notation.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] and changes nothing if the move is not legal or the record is full.
    pub fn play_uci(&mut self, uci: &str) -> Result<Move, RecordError> {
        let illegal = || RecordError::Move { ply: self.moves.len(), uci: uci.to_owned() };
        let parsed: UciMove = uci.parse().map_err(|_| illegal())?;
        let mv = parsed.to_move(self.position()).map_err(|_| illegal())?;
        self.play(mv)?;
        Ok(mv)
    }

    /// Plays a move.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] and changes nothing if the move is not legal or the record is full.
    pub fn play(&mut self, mv: Move) -> Result<(), RecordError> {
        if self.moves.len() >= MAX_PLIES {
            return Err(RecordError::TooLong);
        }
        let next = self
            .position()
            .clone()
            .play(mv)
            .map_err(|_| RecordError::Move { ply: self.moves.len(), uci: Self::uci(mv) })?;
        self.positions.push(next);
        self.moves.push(mv);
        Ok(())
    }

    /// A move in UCI notation (castling as the king's move).
    #[must_use]
    pub fn uci(mv: Move) -> String {
        mv.to_uci(CastlingMode::Standard).to_string()
    }

    /// The current position.
    #[must_use]
    #[allow(clippy::missing_panics_doc, reason = "a record always holds its start position")]
    pub fn position(&self) -> &Chess {
        self.positions.last().expect("a record holds its start position")
    }

    /// The position after `ply` half-moves, if it was reached.
    #[must_use]
    pub fn position_at(&self, ply: usize) -> Option<&Chess> {
        self.positions.get(ply)
    }

    /// The record cut to its first `ply` half-moves; the whole record if it is shorter.
    #[must_use]
    pub fn truncated(&self, ply: usize) -> Self {
        let ply = ply.min(self.moves.len());
        Self {
            start_fen: self.start_fen.clone(),
            positions: self.positions[..=ply].to_vec(),
            moves: self.moves[..ply].to_vec(),
        }
    }

    /// The moves played, oldest first.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// The moves played in UCI notation, oldest first.
    #[must_use]
    pub fn uci_moves(&self) -> Vec<String> {
        self.moves.iter().map(|&mv| Self::uci(mv)).collect()
    }

    /// FEN of the start position, in shakmaty's normal form.
    #[must_use]
    pub fn start_fen(&self) -> &str {
        &self.start_fen
    }

    /// Half-moves played since the start position of this record.
    #[must_use]
    pub fn ply(&self) -> usize {
        self.moves.len()
    }

    /// Half-moves since the beginning of the game as the FEN counts them: 0 for White's move 1.
    #[must_use]
    pub fn game_ply(&self) -> u32 {
        let position = self.position();
        (position.fullmoves().get() - 1) * 2 + u32::from(position.turn() == Color::Black)
    }

    /// From- and to-square of the last move, castling as the king's move; `None` at the start.
    #[must_use]
    pub fn last_move_squares(&self) -> Option<(Square, Square)> {
        self.moves.last().map(|&mv| Self::king_move_squares(mv))
    }

    /// From- and to-square of a move, castling as the king's move (e1g1, not e1h1).
    #[must_use]
    pub fn king_move_squares(mv: Move) -> (Square, Square) {
        match mv.to_uci(CastlingMode::Standard) {
            UciMove::Normal { from, to, .. } => (from, to),
            UciMove::Put { to, .. } => (to, to),
            UciMove::Null => (Square::A1, Square::A1),
        }
    }

    /// How often the current position has occurred in this record, the present time included.
    #[must_use]
    pub fn occurrences(&self) -> usize {
        let key = |position: &Chess| {
            Fen::from_position(position, EnPassantMode::Legal)
                .to_string()
                .split(' ')
                .take(4)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let last = key(self.position());
        let board = self.position().board();
        self.positions.iter().filter(|position| position.board() == board && key(position) == last).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_repetitions() {
        let mut record = GameRecord::default();
        for uci in ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6", "f3g1"] {
            record.play_uci(uci).unwrap();
        }
        assert_eq!(record.occurrences(), 2);
        record.play_uci("f6g8").unwrap();
        assert_eq!(record.occurrences(), 3);
    }

    #[test]
    fn names_what_is_wrong() {
        assert!(matches!(GameRecord::from_fen("nonsense"), Err(RecordError::Fen(_))));
        assert!(GameRecord::from_fen(&START_FEN.replace(" 1", " 4294967295")).is_err());
        let error = GameRecord::replay(START_FEN, ["e2e4", "e2e4"]).unwrap_err();
        assert_eq!(error, RecordError::Move { ply: 1, uci: "e2e4".into() });
    }

    #[test]
    fn castling_is_the_kings_move() {
        let record = GameRecord::replay("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", ["e1g1"]).unwrap();
        assert_eq!(record.last_move_squares(), Some((Square::E1, Square::G1)));
        assert_eq!(record.uci_moves(), ["e1g1"]);
        assert_eq!(record.game_ply(), 1);
    }
}
