//! Position to input planes, move to policy index and back (`docs/network.md` sections 1 and 2). The only file of the
//! library that knows chess.

use std::sync::OnceLock;

use protocol::GameRecord;
use protocol::shakmaty::{
    CastlingMode, CastlingSide, Chess, Color, EnPassantMode, Move, Position, Role, Square, uci::UciMove,
};

/// Input planes.
pub const NUM_PLANES: usize = 20;
/// Squares of the board.
pub const NUM_SQUARES: usize = 64;
/// Policy planes.
pub const POLICY_PLANES: usize = 73;
/// Policy indices: plane * 64 + from-square.
pub const POLICY_SIZE: usize = POLICY_PLANES * NUM_SQUARES;
/// Value planes of the head: win, draw, loss for the side to move.
pub const VALUE_PLANES: usize = 3;
/// Planes of the head: policy planes, then value planes.
pub const HEAD_PLANES: usize = POLICY_PLANES + VALUE_PLANES;
/// Entries of the head's output: plane * 64 + square.
pub const HEAD_SIZE: usize = HEAD_PLANES * NUM_SQUARES;
/// Entry of a plane where its feature is present.
pub const PLANE_ON: u8 = 128;

/// (rank, file) steps of the eight queen directions, in the order of the planes.
const DIRECTIONS: [(i8, i8); 8] = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
/// (rank, file) of the eight knight moves, in the order of the planes.
const KNIGHT: [(i8, i8); 8] = [(2, 1), (1, 2), (-1, 2), (-2, 1), (-2, -1), (-1, -2), (1, -2), (2, -1)];
const UNDER_PROMOTIONS: [Role; 3] = [Role::Knight, Role::Bishop, Role::Rook];
const FIRST_KNIGHT_PLANE: usize = 56;
const FIRST_UNDER_PROMOTION_PLANE: usize = 64;

/// Castling rights by bit of a statement: White's king side, queen side, Black's.
pub const CASTLING_RIGHTS: [(u8, Color, CastlingSide); 4] = [
    (0, Color::White, CastlingSide::KingSide),
    (1, Color::White, CastlingSide::QueenSide),
    (2, Color::Black, CastlingSide::KingSide),
    (3, Color::Black, CastlingSide::QueenSide),
];

/// The input tensor: `planes[plane * 64 + square]`, seen from the side to move.
pub type Planes = [u8; NUM_PLANES * NUM_SQUARES];

/// A square seen from `side`: ranks mirrored for Black. Its own inverse.
#[must_use]
pub fn oriented(square: Square, side: Color) -> usize {
    usize::from(square) ^ if side == Color::Black { 56 } else { 0 }
}

/// Input planes of a position; `last_move` is the from- and to-square of the move that led to it, if known.
#[must_use]
pub fn planes(position: &Chess, last_move: Option<(Square, Square)>) -> Planes {
    let side = position.turn();
    let mut planes = [0; NUM_PLANES * NUM_SQUARES];
    for (square, piece) in position.board().clone() {
        let plane = usize::from(piece.role) - 1 + if piece.color == side { 0 } else { 6 };
        planes[plane * NUM_SQUARES + oriented(square, side)] = PLANE_ON;
    }
    let castles = position.castles();
    for (plane, color, castling_side) in [
        (12, side, CastlingSide::KingSide),
        (13, side, CastlingSide::QueenSide),
        (14, !side, CastlingSide::KingSide),
        (15, !side, CastlingSide::QueenSide),
    ] {
        if castles.has(color, castling_side) {
            planes[plane * NUM_SQUARES..(plane + 1) * NUM_SQUARES].fill(PLANE_ON);
        }
    }
    if let Some(square) = position.ep_square(EnPassantMode::Legal) {
        planes[16 * NUM_SQUARES + oriented(square, side)] = PLANE_ON;
    }
    planes[17 * NUM_SQUARES..18 * NUM_SQUARES].fill(position.halfmoves().min(127) as u8);
    if let Some((from, to)) = last_move {
        planes[18 * NUM_SQUARES + oriented(from, side)] = PLANE_ON;
        planes[19 * NUM_SQUARES + oriented(to, side)] = PLANE_ON;
    }
    planes
}

/// Policy index of a move of `side`. Defined for the geometry of every legal move of standard chess.
///
/// # Panics
///
/// Panics if no chess piece moves that way.
#[must_use]
pub fn policy_index(mv: Move, side: Color) -> usize {
    let (from, to) = GameRecord::king_move_squares(mv);
    index_of(oriented(from, side), oriented(to, side), mv.promotion())
        .expect("every legal move has a policy plane")
}

fn index_of(from: usize, to: usize, promotion: Option<Role>) -> Option<usize> {
    let rank = (to / 8) as i8 - (from / 8) as i8;
    let file = (to % 8) as i8 - (from % 8) as i8;
    let plane = if let Some(piece) =
        promotion.and_then(|role| UNDER_PROMOTIONS.iter().position(|&piece| piece == role))
    {
        FIRST_UNDER_PROMOTION_PLANE + 3 * piece + usize::try_from(file + 1).ok()?
    } else if let Some(jump) = KNIGHT.iter().position(|&step| step == (rank, file)) {
        FIRST_KNIGHT_PLANE + jump
    } else {
        let distance = rank.abs().max(file.abs());
        let direction = DIRECTIONS.iter().position(|&(r, f)| (r * distance, f * distance) == (rank, file))?;
        direction * 7 + usize::try_from(distance - 1).ok()?
    };
    Some(plane * NUM_SQUARES + from)
}

/// The move of a policy index, if it is legal in the position.
#[must_use]
pub fn legal_move(position: &Chess, index: usize) -> Option<Move> {
    let side = position.turn();
    let (plane, from) = (index / NUM_SQUARES, index % NUM_SQUARES);
    let (rank, file, under_promotion) = plane_step(plane)?;
    let (to_rank, to_file) = ((from / 8) as i8 + rank, (from % 8) as i8 + file);
    if !(0..8).contains(&to_rank) || !(0..8).contains(&to_file) {
        return None;
    }
    let unoriented = |square: usize| Square::new((square ^ if side == Color::Black { 56 } else { 0 }) as u32);
    let (from, to) = (unoriented(from), unoriented((to_rank * 8 + to_file) as usize));
    let pawn = position.board().role_at(from) == Some(Role::Pawn);
    let queening = pawn && to_rank == 7 && under_promotion.is_none();
    let promotion = if queening { Some(Role::Queen) } else { under_promotion };
    UciMove::Normal { from, to, promotion }.to_move(position).ok().filter(|mv| {
        // `to_move` reads "king takes own rook" as castling too; that is not this index's move.
        GameRecord::king_move_squares(*mv) == (from, to)
            && mv.to_uci(CastlingMode::Standard) == UciMove::Normal { from, to, promotion }
    })
}

/// Policy indices whose target square lies on the board (under-promotions: from the seventh rank), whatever the position:
/// 1,858, ascending. Every legal move of every position is among them.
pub fn geometric_indices() -> &'static [u16] {
    static INDICES: OnceLock<Vec<u16>> = OnceLock::new();
    INDICES.get_or_init(|| {
        (0..POLICY_SIZE)
            .filter(|index| {
                let (plane, from) = (index / NUM_SQUARES, index % NUM_SQUARES);
                let promotes = plane < FIRST_UNDER_PROMOTION_PLANE || from / 8 == 6;
                let on_board = plane_step(plane).is_some_and(|(rank, file, _)| {
                    let (rank, file) = ((from / 8) as i8 + rank, (from % 8) as i8 + file);
                    (0..8).contains(&rank) && (0..8).contains(&file)
                });
                promotes && on_board
            })
            .map(|index| index as u16)
            .collect()
    })
}

/// (rank, file) step of a policy plane and the piece it promotes to, if it is an under-promotion.
fn plane_step(plane: usize) -> Option<(i8, i8, Option<Role>)> {
    match plane {
        0..FIRST_KNIGHT_PLANE => {
            let (rank, file) = DIRECTIONS[plane / 7];
            let distance = (plane % 7) as i8 + 1;
            Some((rank * distance, file * distance, None))
        }
        FIRST_KNIGHT_PLANE..FIRST_UNDER_PROMOTION_PLANE => {
            let (rank, file) = KNIGHT[plane - FIRST_KNIGHT_PLANE];
            Some((rank, file, None))
        }
        FIRST_UNDER_PROMOTION_PLANE..POLICY_PLANES => {
            let (piece, way) =
                ((plane - FIRST_UNDER_PROMOTION_PLANE) / 3, (plane - FIRST_UNDER_PROMOTION_PLANE) % 3);
            Some((1, way as i8 - 1, Some(UNDER_PROMOTIONS[piece])))
        }
        _ => None,
    }
}

/// Policy indices of all legal moves, ascending.
#[must_use]
pub fn legal_indices(position: &Chess) -> Vec<usize> {
    let side = position.turn();
    let mut indices: Vec<usize> = position.legal_moves().iter().map(|&mv| policy_index(mv, side)).collect();
    indices.sort_unstable();
    indices
}
