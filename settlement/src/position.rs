//! Positions and moves as the contracts hold them (`contracts/src/types/Position.sol`, `Move.sol`).

use protocol::GameRecord;
use protocol::shakmaty::{CastlingSide, Chess, Color, EnPassantMode, Move, Position, Square};

/// Stands for no square.
const NO_SQUARE: u8 = 64;

/// A position in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct PositionWords {
    /// A nibble a square, a1 in the highest: 0 empty, 1 to 6 White's pawn to king, plus 8 Black's.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub board: [u8; 32],
    /// Ply (4 bytes), side to move, castling rights, en-passant square, half-move clock, last move's from- and to-square.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub meta: [u8; 10],
}

impl PositionWords {
    /// The words of a position with its ply and the squares of the move that led to it.
    #[must_use]
    pub fn new(position: &Chess, ply: u32, last_move: Option<(Square, Square)>) -> Self {
        let mut board = [0u8; 32];
        for (square, piece) in position.board().clone() {
            let nibble = u8::from(piece.role) | if piece.color == Color::Black { 8 } else { 0 };
            let number = usize::from(square);
            board[number / 2] |= if number.is_multiple_of(2) { nibble << 4 } else { nibble };
        }
        let castles = position.castles();
        let rights = [
            (Color::White, CastlingSide::KingSide),
            (Color::White, CastlingSide::QueenSide),
            (Color::Black, CastlingSide::KingSide),
            (Color::Black, CastlingSide::QueenSide),
        ]
        .into_iter()
        .enumerate()
        .map(|(bit, (color, side))| u8::from(castles.has(color, side)) << bit)
        .sum();
        let number = |square: Option<Square>| square.map_or(NO_SQUARE, |square| u32::from(square) as u8);
        let mut meta = [0; 10];
        meta[..4].copy_from_slice(&ply.to_be_bytes());
        meta[4..].copy_from_slice(&[
            u8::from(position.turn() == Color::Black),
            rights,
            number(position.ep_square(EnPassantMode::Legal)),
            position.halfmoves().min(255) as u8,
            number(last_move.map(|(from, _)| from)),
            number(last_move.map(|(_, to)| to)),
        ]);
        Self { board, meta }
    }

    /// The words of a record's current position.
    #[must_use]
    pub fn of(record: &GameRecord) -> Self {
        Self::new(record.position(), record.game_ply(), record.last_move_squares())
    }

    /// Half-moves since the last capture or pawn move, at most 255.
    #[must_use]
    pub fn halfmoves(&self) -> u8 {
        self.meta[7]
    }

    /// Half-moves of the game before this position.
    #[must_use]
    pub fn ply(&self) -> u32 {
        let [a, b, c, d, ..] = self.meta;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Whether White is to move.
    #[must_use]
    pub fn white_to_move(&self) -> bool {
        self.meta[4] == 0
    }

    /// What repetition compares: board, side to move, castling rights, en passant.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        let mut bytes = self.board.to_vec();
        bytes.extend_from_slice(&self.meta[4..7]);
        crate::keccak256(&bytes)
    }
}

/// A move as the contracts write it: from-square, to-square, what a pawn becomes, in bits 0, 6 and 12.
#[must_use]
pub fn move_word(mv: Move) -> u16 {
    let (from, to) = GameRecord::king_move_squares(mv);
    let promotion = mv.promotion().map_or(0, u16::from);
    u32::from(from) as u16 | (u32::from(to) as u16) << 6 | promotion << 12
}

/// A move word in UCI notation, for messages.
#[must_use]
pub fn move_text(word: u16) -> String {
    let square = |bits: u16| Square::new(u32::from(bits & 63)).to_string();
    let promotion = match word >> 12 {
        2 => "n",
        3 => "b",
        4 => "r",
        5 => "q",
        _ => "",
    };
    format!("{}{}{promotion}", square(word), square(word >> 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_position() {
        let words = PositionWords::of(&GameRecord::default());
        let hex: String = words.board.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "42356324111111110000000000000000000000000000000099999999cabdebac");
        assert_eq!(words.meta, [0, 0, 0, 0, 0, 15, 64, 0, 64, 64]);
    }

    #[test]
    fn a_word_reads_as_its_move() {
        let mut record = GameRecord::from_fen("r3k2r/1P6/8/8/8/8/8/R3K2R w KQkq - 0 1").unwrap();
        for uci in ["e1g1", "e8e7", "b7a8n"] {
            record.play_uci(uci).unwrap();
            assert_eq!(move_text(move_word(*record.moves().last().unwrap())), uci);
        }
    }

    #[test]
    fn a_key_sees_what_repetition_sees() {
        let mut record = GameRecord::default();
        let first = PositionWords::of(&record);
        for uci in ["g1f3", "g8f6", "f3g1", "f6g8"] {
            record.play_uci(uci).unwrap();
            assert_eq!(PositionWords::of(&record).key() == first.key(), uci == "f6g8");
        }
        assert_ne!(PositionWords::of(&record), first);
    }
}
