//! Positions as the EVM's words.

use protocol::shakmaty::{Chess, Square};
use revm::primitives::U256;
use settlement::position::PositionWords;

pub use settlement::position::move_word;

/// A position in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Words {
    /// A nibble a square, a1 highest.
    pub board: U256,
    /// Ply, side to move, castling rights, en-passant square, clock, last move: ten bytes.
    pub meta: U256,
}

/// A position, with its ply and the squares of the move that led to it.
#[must_use]
pub fn words(position: &Chess, ply: u32, last_move: Option<(Square, Square)>) -> Words {
    let PositionWords { board, meta } = PositionWords::new(position, ply, last_move);
    Words { board: U256::from_be_bytes(board), meta: U256::from_be_slice(&meta) }
}
