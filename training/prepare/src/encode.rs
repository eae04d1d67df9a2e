//! Stand-in for `engine_circuit::encode` (`docs/network.md` sections 1 and 2) until that module exists.
use shakmaty::{
    CastlingSide, Chess, Color, EnPassantMode, Move, Position, Role, Square,
};

/// Input bytes: 20 planes of 64 squares.
pub const PLANES: usize = 20;

fn relative(square: Square, turn: Color) -> usize {
    let square = square as usize;
    if turn == Color::White { square } else { square ^ 56 }
}

/// The from- and to-square of a move as the king's or piece's own step (castling: e to g or c).
pub fn from_to(mv: &Move) -> (Square, Square) {
    match *mv {
        Move::Castle { king, rook } => {
            let side = if rook.file() > king.file() { CastlingSide::KingSide } else { CastlingSide::QueenSide };
            (king, Square::from_coords(side.king_to_file(), king.rank()))
        }
        _ => (mv.from().unwrap_or(Square::A1), mv.to()),
    }
}

/// The 20 x 64 input planes.
pub fn planes(pos: &Chess, last: Option<(Square, Square)>) -> [u8; PLANES * 64] {
    let mut out = [0u8; PLANES * 64];
    let turn = pos.turn();
    for (square, piece) in pos.board() {
        let role = match piece.role {
            Role::Pawn => 0,
            Role::Knight => 1,
            Role::Bishop => 2,
            Role::Rook => 3,
            Role::Queen => 4,
            Role::King => 5,
        };
        let plane = role + if piece.color == turn { 0 } else { 6 };
        out[plane * 64 + relative(square, turn)] = 128;
    }
    let mut plane = 12;
    for color in [turn, !turn] {
        for side in [CastlingSide::KingSide, CastlingSide::QueenSide] {
            if pos.castles().has(color, side) {
                out[plane * 64..plane * 64 + 64].fill(128);
            }
            plane += 1;
        }
    }
    if let Some(square) = pos.ep_square(EnPassantMode::Legal) {
        out[16 * 64 + relative(square, turn)] = 128;
    }
    out[17 * 64..18 * 64].fill(pos.halfmoves().min(127) as u8);
    if let Some((from, to)) = last {
        out[18 * 64 + relative(from, turn)] = 128;
        out[19 * 64 + relative(to, turn)] = 128;
    }
    out
}

/// The policy index of a legal move.
pub fn policy_index(mv: &Move, turn: Color) -> u16 {
    let (from, to) = from_to(mv);
    let (from, to) = (relative(from, turn) as i32, relative(to, turn) as i32);
    let (dr, df) = (to / 8 - from / 8, to % 8 - from % 8);
    let plane = match mv.promotion() {
        Some(role) if role != Role::Queen => {
            let p = match role {
                Role::Knight => 0,
                Role::Bishop => 1,
                _ => 2,
            };
            64 + 3 * p + df + 1
        }
        _ => {
            const KNIGHT: [(i32, i32); 8] =
                [(2, 1), (1, 2), (-1, 2), (-2, 1), (-2, -1), (-1, -2), (1, -2), (2, -1)];
            const RAY: [(i32, i32); 8] =
                [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
            if let Some(j) = KNIGHT.iter().position(|&step| step == (dr, df)) {
                56 + j as i32
            } else {
                let n = dr.abs().max(df.abs());
                let d = RAY.iter().position(|&step| step == (dr.signum(), df.signum())).unwrap_or(0);
                d as i32 * 7 + n - 1
            }
        }
    };
    (plane * 64 + from) as u16
}
