//! What a proof is about: game, ply, position, legal moves, level, seed and move, taken from the verifier's own record of the
//! game; on request also the network's value of each position.

use protocol::GameRecord;
use protocol::shakmaty::{Color, EnPassantMode, Move, Position};
use thiserror::Error;

use crate::encode::{self, NUM_SQUARES, Planes, VALUE_PLANES, legal_indices, oriented, policy_index};
use crate::sampling::{Level, Seed};
use crate::shape::MAX_MOVES;

/// Win, draw, loss for the side to move: sums of the value planes. Softmax of `value / 2^(logit_scale_log2 + 6)` makes them
/// probabilities.
pub type Value = [i32; VALUE_PLANES];

/// The circuit's view of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicMove {
    /// Input planes.
    pub planes: Planes,
    /// Policy indices that take part in the argmax, ascending: the legal moves.
    pub mask: Vec<usize>,
    /// Public noise of each index of the mask, added to its logit.
    pub noise: Vec<i32>,
    /// Policy index of the move.
    pub chosen: usize,
    /// The network's value of the position, if it is stated.
    pub value: Option<Value>,
}

impl PublicMove {
    /// Noise of the move.
    #[must_use]
    pub fn chosen_noise(&self) -> i32 {
        let at = self.mask.iter().position(|&index| index == self.chosen);
        at.and_then(|at| self.noise.get(at)).copied().unwrap_or(0)
    }
}

/// One move of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MoveStatement {
    planes: Planes,
    mask: Vec<usize>,
    chosen: usize,
    /// What the transcript absorbs of the position (`docs/proof-format.md` section 3).
    position: Vec<u8>,
    /// Absorbed where the level is random.
    seed: Seed,
    value: Option<Value>,
}

/// A statement about one or more moves of one game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    game_id: [u8; 32],
    level: Level,
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
    /// Parts of a batch belong to another game or level.
    #[error("a proof covers moves of one game at one level")]
    OtherGame,
    /// Not one seed a move.
    #[error("level {level} needs {expected} seeds, one a move, not {actual}")]
    NumSeeds {
        /// The level.
        level: Level,
        /// Moves of the statement, none at the strongest level.
        expected: usize,
        /// Seeds given.
        actual: usize,
    },
    /// Not one value a move.
    #[error("{actual} values for {expected} moves")]
    NumValues {
        /// Moves of the statement.
        expected: usize,
        /// Values given.
        actual: usize,
    },
}

impl Statement {
    /// A statement about one move: `record` ends right before it.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::IllegalMove`] if the move is not legal there.
    pub fn single(game_id: [u8; 32], record: &GameRecord, mv: Move) -> Result<Self, StatementError> {
        Ok(Self { game_id, level: Level::STRONGEST, moves: vec![MoveStatement::new(record, mv)?] })
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
            Ok(Self { game_id, level: Level::STRONGEST, moves })
        } else {
            Err(StatementError::NumMoves(moves.len()))
        }
    }

    /// Joins statements of one game into one about all their moves, in order.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumMoves`] if there are none or too many, [`StatementError::OtherGame`] for a part of another game
    /// or level.
    pub fn batch(game_id: [u8; 32], parts: impl IntoIterator<Item = Self>) -> Result<Self, StatementError> {
        let (mut moves, mut level) = (Vec::new(), None);
        for part in parts {
            if part.game_id != game_id || level.is_some_and(|level| level != part.level) {
                return Err(StatementError::OtherGame);
            }
            level = Some(part.level);
            moves.extend(part.moves);
        }
        if (1..=MAX_MOVES).contains(&moves.len()) {
            Ok(Self { game_id, level: level.unwrap_or_default(), moves })
        } else {
            Err(StatementError::NumMoves(moves.len()))
        }
    }

    /// Number of moves.
    #[must_use]
    pub fn num_moves(&self) -> usize {
        self.moves.len()
    }

    /// The same moves drawn at a level, one seed a move; the strongest level takes none.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumSeeds`] for another number of seeds.
    pub fn at_level(mut self, level: Level, seeds: &[Seed]) -> Result<Self, StatementError> {
        let expected = if level.is_random() { self.moves.len() } else { 0 };
        if seeds.len() != expected {
            return Err(StatementError::NumSeeds { level, expected, actual: seeds.len() });
        }
        self.level = level;
        self.moves.iter_mut().for_each(|mv| mv.seed = Seed::default());
        self.moves.iter_mut().zip(seeds).for_each(|(mv, seed)| mv.seed = *seed);
        Ok(self)
    }

    /// The same statement with the network's value of every position, one a move.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumValues`] for another number of values.
    pub fn with_values(mut self, values: &[Value]) -> Result<Self, StatementError> {
        if values.len() != self.moves.len() {
            return Err(StatementError::NumValues { expected: self.moves.len(), actual: values.len() });
        }
        self.moves.iter_mut().zip(values).for_each(|(mv, value)| mv.value = Some(*value));
        Ok(self)
    }

    /// The circuit's view, for a network of this logit scale.
    #[must_use]
    pub fn public_moves(&self, logit_scale_log2: u8) -> Vec<PublicMove> {
        let noise = |seed: &Seed, index: usize| self.level.noise(seed, index, logit_scale_log2);
        let with_values = self.states_values();
        self.moves
            .iter()
            .map(|mv| PublicMove {
                planes: mv.planes,
                noise: mv.mask.iter().map(|&index| noise(&mv.seed, index)).collect(),
                mask: mv.mask.clone(),
                chosen: mv.chosen,
                value: mv.value.filter(|_| with_values),
            })
            .collect()
    }

    /// The same statement with another move chosen at a place, for provers that try to cheat.
    #[cfg(feature = "prover")]
    #[must_use]
    pub fn with_choice(&self, at: usize, chosen: usize) -> Self {
        let mut changed = self.clone();
        if let Some(mv) = changed.moves.get_mut(at) {
            mv.chosen = chosen;
        }
        changed
    }

    /// True if every move's value is part of the statement.
    fn states_values(&self) -> bool {
        self.moves.iter().all(|mv| mv.value.is_some())
    }

    /// What the transcript absorbs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.game_id.to_vec();
        bytes.extend_from_slice(&(self.moves.len() as u16).to_be_bytes());
        let with_values = self.states_values();
        bytes.extend_from_slice(&[self.level.number(), u8::from(with_values)]);
        for mv in &self.moves {
            bytes.extend_from_slice(&mv.position);
            bytes.extend_from_slice(&(mv.mask.len() as u16).to_be_bytes());
            for &index in &mv.mask {
                bytes.extend_from_slice(&(index as u16).to_be_bytes());
            }
            bytes.extend_from_slice(&(mv.chosen as u16).to_be_bytes());
            if self.level.is_random() {
                bytes.extend_from_slice(&mv.seed);
            }
            if let (true, Some(value)) = (with_values, mv.value) {
                bytes.extend(value.iter().flat_map(|value| value.to_be_bytes()));
            }
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
        Ok(Self {
            planes: encode::planes(position, last_move),
            mask: legal_indices(position),
            chosen: policy_index(mv, side),
            position: bytes,
            seed: Seed::default(),
            value: None,
        })
    }
}
