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
    /// Policy indices that take part in the argmax, ascending: the legal moves, or with contenders all of
    /// [`encode::geometric_indices`] but the illegal contenders.
    pub mask: Vec<usize>,
    /// Public noise of each index of the mask, added to its logit: the seed's, but the largest of all for those that are neither
    /// the move nor a contender.
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
    contenders: Option<Vec<u16>>,
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
    /// Not one list of contenders a move.
    #[error("{actual} lists of contenders for {expected} moves")]
    NumContenders {
        /// Moves of the statement.
        expected: usize,
        /// Lists given.
        actual: usize,
    },
    /// A list of contenders is not strictly ascending, or has an index that no move can have.
    #[error("contender {at} of move {number} is out of order or no move's index")]
    Contender {
        /// Which move, 0 first.
        number: usize,
        /// Which entry of its list.
        at: usize,
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

    /// The same statement in the form that a contract checks without generating legal moves: the argmax is over everything that
    /// geometry allows but the illegal ones of the contenders, a list a move of policy indices, strictly ascending. A list may
    /// hold whatever it likes: an index on it counts as what the rules say, any other as a move with the largest noise.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError::NumContenders`] or [`StatementError::Contender`] for lists of another form.
    pub fn with_contenders(mut self, lists: &[Vec<u16>]) -> Result<Self, StatementError> {
        if lists.len() != self.moves.len() {
            return Err(StatementError::NumContenders { expected: self.moves.len(), actual: lists.len() });
        }
        for (number, (mv, list)) in self.moves.iter_mut().zip(lists).enumerate() {
            let ascending = |at: usize| at == 0 || list.get(at - 1) < list.get(at);
            let known = |index: &u16| encode::geometric_indices().binary_search(index).is_ok();
            let wrong = list.iter().enumerate().find(|&(at, index)| !ascending(at) || !known(index));
            if let Some((at, _)) = wrong {
                return Err(StatementError::Contender { number, at });
            }
            mv.contenders = Some(list.clone());
        }
        Ok(self)
    }

    /// The circuit's view, for a network of this logit scale.
    #[must_use]
    pub fn public_moves(&self, logit_scale_log2: u8) -> Vec<PublicMove> {
        let with_values = self.states_values();
        let with_contenders = self.states_contenders();
        self.moves
            .iter()
            .map(|mv| {
                let noise = |index: usize| self.level.noise(&mv.seed, index, logit_scale_log2);
                let (mask, noise): (Vec<usize>, Vec<i32>) = match &mv.contenders {
                    Some(list) if with_contenders => {
                        let largest = self.level.largest_noise(logit_scale_log2);
                        let entry = |&index: &u16| {
                            let listed = list.binary_search(&index).is_ok();
                            let index = usize::from(index);
                            let legal = || mv.mask.binary_search(&index).is_ok();
                            let exact = listed || index == mv.chosen;
                            (!listed || legal()).then(|| (index, if exact { noise(index) } else { largest }))
                        };
                        encode::geometric_indices().iter().filter_map(entry).unzip()
                    }
                    _ => mv.mask.iter().map(|&index| (index, noise(index))).unzip(),
                };
                PublicMove {
                    planes: mv.planes,
                    mask,
                    noise,
                    chosen: mv.chosen,
                    value: mv.value.filter(|_| with_values),
                }
            })
            .collect()
    }

    /// The first move that is not among the legal ones, where the argmax proves nothing about it.
    #[must_use]
    pub fn illegal_move(&self) -> Option<usize> {
        self.moves.iter().position(|mv| mv.mask.binary_search(&mv.chosen).is_err())
    }

    /// The contenders that a proof about these logits needs, a list a move: every index but the move's that would beat it with
    /// the largest noise.
    #[cfg(feature = "prover")]
    #[must_use]
    pub fn contenders(&self, logits: &[Vec<i32>], logit_scale_log2: u8) -> Vec<Vec<u16>> {
        let largest = self.level.largest_noise(logit_scale_log2);
        let lists = self.moves.iter().zip(logits).map(|(mv, logits)| {
            let winner = logits[mv.chosen] + self.level.noise(&mv.seed, mv.chosen, logit_scale_log2);
            let legal = |index: usize| mv.mask.binary_search(&index).is_ok();
            let beats = |index: usize| {
                let added = logits[index] + largest;
                index != mv.chosen && (added > winner || (added == winner && index < mv.chosen))
            };
            let all = encode::geometric_indices().iter().copied();
            // Without noise a legal move never beats the network's own.
            all.filter(|&index| {
                beats(usize::from(index)) && (self.level.is_random() || !legal(usize::from(index)))
            })
            .collect()
        });
        lists.collect()
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

    /// True if the statement has contenders.
    fn states_contenders(&self) -> bool {
        self.moves.iter().all(|mv| mv.contenders.is_some())
    }

    /// What the transcript absorbs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.game_id.to_vec();
        bytes.extend_from_slice(&(self.moves.len() as u16).to_be_bytes());
        let with_values = self.states_values();
        let with_contenders = self.states_contenders();
        let flags = u8::from(with_values) | u8::from(with_contenders) << 1;
        bytes.extend_from_slice(&[self.level.number(), flags]);
        for mv in &self.moves {
            bytes.extend_from_slice(&mv.position);
            let indices: Vec<u16> = match &mv.contenders {
                Some(list) if with_contenders => list.clone(),
                _ => mv.mask.iter().map(|&index| index as u16).collect(),
            };
            bytes.extend_from_slice(&(indices.len() as u16).to_be_bytes());
            bytes.extend(indices.iter().flat_map(|index| index.to_be_bytes()));
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
            contenders: None,
        })
    }
}
