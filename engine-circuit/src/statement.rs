//! What a proof is about: game, ply, position, legal moves and move, taken from the verifier's own record of the game.

use protocol::GameRecord;
use protocol::shakmaty::{Color, EnPassantMode, Move, Position};
use thiserror::Error;

use crate::encode::{self, NUM_SQUARES, Planes, legal_indices, oriented, policy_index};
use crate::shape::MAX_MOVES;

/// The circuit's view of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicMove {
    /// Input planes.
    pub planes: Planes,
    /// Policy indices that take part in the argmax, ascending: the legal moves.
    pub mask: Vec<usize>,
    /// Policy index of the move.
    pub chosen: usize,
}

/// One move of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MoveStatement {
    public: PublicMove,
    /// What the transcript absorbs (`docs/proof-format.md` section 3).
    bytes: Vec<u8>,
}

/// A statement about one or more moves of one game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    game_id: [u8; 32],
    moves: Vec<MoveStatement>,
}

/// Why something is no statement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StatementError {
    /// The move is not legal in the position.
    #[error("{uci} is not legal at ply {ply}")]
    IllegalMove {
        /// Half-moves of the game before it.
        ply: u32,
        /// The move.
        uci: String,
    },
    /// No moves, or more than [`MAX_MOVES`].
    #[error("a proof covers 1 to {MAX_MOVES} moves, not {0}")]
    NumMoves(usize),
    /// Parts of a batch belong to another game.
    #[error("a proof covers moves of one game")]
    OtherGame,
}

impl Statement {
    /// A statement about one move: `record` ends right before it.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::IllegalMove`] if the move is not legal there.
    pub fn single(game_id: [u8; 32], record: &GameRecord, mv: Move) -> Result<Self, StatementError> {
        Ok(Self { game_id, moves: vec![MoveStatement::new(record, mv)?] })
    }

    /// A statement about all moves of one side in a game.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumMoves`] if the side has no moves or too many.
    pub fn game(game_id: [u8; 32], record: &GameRecord, side: Color) -> Result<Self, StatementError> {
        let moves = record
            .moves()
            .iter()
            .enumerate()
            .filter(|&(ply, _)| record.position_at(ply).is_some_and(|position| position.turn() == side))
            .map(|(ply, &mv)| MoveStatement::new(&record.truncated(ply), mv))
            .collect::<Result<Vec<_>, _>>()?;
        if (1..=MAX_MOVES).contains(&moves.len()) {
            Ok(Self { game_id, moves })
        } else {
            Err(StatementError::NumMoves(moves.len()))
        }
    }

    /// Joins statements of one game into one about all their moves, in order.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumMoves`] if there are none or too many, [`StatementError::OtherGame`] for a part of another game.
    pub fn batch(game_id: [u8; 32], parts: impl IntoIterator<Item = Self>) -> Result<Self, StatementError> {
        let mut moves = Vec::new();
        for part in parts {
            if part.game_id != game_id {
                return Err(StatementError::OtherGame);
            }
            moves.extend(part.moves);
        }
        if (1..=MAX_MOVES).contains(&moves.len()) {
            Ok(Self { game_id, moves })
        } else {
            Err(StatementError::NumMoves(moves.len()))
        }
    }

    /// Number of moves.
    #[must_use]
    pub fn num_moves(&self) -> usize {
        self.moves.len()
    }

    /// The circuit's view.
    #[must_use]
    pub fn public_moves(&self) -> Vec<PublicMove> {
        self.moves.iter().map(|mv| mv.public.clone()).collect()
    }

    /// The same statement with another move chosen at a place, for provers that try to cheat.
    #[cfg(feature = "prover")]
    #[must_use]
    pub fn with_choice(&self, at: usize, chosen: usize) -> Self {
        let mut changed = self.clone();
        if let Some(mv) = changed.moves.get_mut(at) {
            mv.public.chosen = chosen;
            let end = mv.bytes.len();
            mv.bytes[end - 2..].copy_from_slice(&(chosen as u16).to_be_bytes());
        }
        changed
    }

    /// What the transcript absorbs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.game_id.to_vec();
        bytes.extend_from_slice(&(self.moves.len() as u16).to_be_bytes());
        for mv in &self.moves {
            bytes.extend_from_slice(&mv.bytes);
        }
        bytes
    }
}

impl MoveStatement {
    fn new(record: &GameRecord, mv: Move) -> Result<Self, StatementError> {
        let position = record.position();
        if !position.is_legal(mv) {
            return Err(StatementError::IllegalMove { ply: record.game_ply(), uci: GameRecord::uci(mv) });
        }
        let side = position.turn();
        let last_move = record.last_move_squares();
        let public = PublicMove {
            planes: encode::planes(position, last_move),
            mask: legal_indices(position),
            chosen: policy_index(mv, side),
        };

        let mut bytes = record.game_ply().to_be_bytes().to_vec();
        // 64 nibbles, square a1 first: 0 empty, role 1..6, +8 for Black.
        let mut board = [0u8; NUM_SQUARES / 2];
        for (square, piece) in position.board().clone() {
            let nibble = u8::from(piece.role) + if piece.color == Color::Black { 8 } else { 0 };
            let at = usize::from(square);
            board[at / 2] |= nibble << if at % 2 == 0 { 4 } else { 0 };
        }
        bytes.extend_from_slice(&board);
        let castles = position.castles();
        let mut rights = 0;
        for (bit, color, castling_side) in encode::CASTLING_RIGHTS {
            rights |= u8::from(castles.has(color, castling_side)) << bit;
        }
        const NONE: u8 = 64;
        let square = |square: Option<protocol::shakmaty::Square>| {
            square.map_or(NONE, |square| oriented(square, Color::White) as u8)
        };
        bytes.extend_from_slice(&[
            u8::from(side == Color::Black),
            rights,
            square(position.ep_square(EnPassantMode::Legal)),
            position.halfmoves().min(255) as u8,
            square(last_move.map(|(from, _)| from)),
            square(last_move.map(|(_, to)| to)),
        ]);
        bytes.extend_from_slice(&(public.mask.len() as u16).to_be_bytes());
        for &index in &public.mask {
            bytes.extend_from_slice(&(index as u16).to_be_bytes());
        }
        bytes.extend_from_slice(&(public.chosen as u16).to_be_bytes());
        Ok(Self { public, bytes })
    }
}
