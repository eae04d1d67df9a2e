//! What the hand does on the board, without Bevy: selecting, dragging, promoting. And what the board shows then.

use crate::play::state::{Blocked, PlayState};
use protocol::{
    GameRecord,
    shakmaty::{Bitboard, Chess, Color, File, Move, Piece, Position, Rank, Role, Square, attacks},
};

/// Roles a pawn can become, in the picker's order from the last rank inwards.
pub const PROMOTIONS: [Role; 4] = [Role::Queen, Role::Knight, Role::Rook, Role::Bishop];

/// The hand on the board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    /// The selected square.
    pub selected: Option<Square>,
    /// The selected piece follows the pointer.
    pub dragging: bool,
    /// The pressed square was selected before: a release on it takes the selection back.
    again: bool,
    /// A pawn's move that waits for the choice of a piece.
    pub promotion: Option<(Square, Square)>,
    /// The player wants no premoves.
    pub no_premoves: bool,
}

/// What a hand completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// A move.
    Move(Move),
    /// A move for the next turn.
    Premove(Square, Square),
}

impl Hand {
    /// Lets go of everything. Returns whether there was anything.
    pub fn cancel(&mut self) -> bool {
        let empty = Self { no_premoves: self.no_premoves, ..Self::default() };
        let held = *self != empty;
        *self = empty;
        held
    }

    /// The main button went down on a square. Returns what it completes.
    pub fn press(&mut self, square: Square, state: &PlayState) -> Option<Played> {
        if let Some((from, to)) = self.promotion.take() {
            self.cancel();
            let role = promotion_squares(to).into_iter().zip(PROMOTIONS).find(|(at, _)| *at == square)?.1;
            return find_move(state, from, to, Some(role)).map(Played::Move);
        }
        let (position, us) = self.movable(state)?;
        if let Some(from) = self.selected {
            if square != from
                && let Some(played) = self.try_move(from, square, state)
            {
                return played;
            }
            if square == from {
                (self.dragging, self.again) = (true, true);
                return None;
            }
        }
        self.cancel();
        if position.board().color_at(square) == Some(us) {
            self.selected = Some(square);
            self.dragging = true;
        }
        None
    }

    /// The main button went up on a square, or outside the board. Returns what it completes.
    pub fn release(&mut self, square: Option<Square>, state: &PlayState) -> Option<Played> {
        let (dragging, again) = (self.dragging, self.again);
        (self.dragging, self.again) = (false, false);
        let from = self.selected.filter(|_| dragging)?;
        match square {
            Some(square) if square == from => {
                if again {
                    self.cancel();
                }
                None
            }
            Some(square) => {
                let played = self.try_move(from, square, state);
                if played.is_none() {
                    self.cancel();
                }
                played.flatten()
            }
            None => {
                self.cancel();
                None
            }
        }
    }

    /// `None`: not a move. `Some(None)`: a promotion, the picker opens. `Some(Some(_))`: a move or premove.
    fn try_move(&mut self, from: Square, to: Square, state: &PlayState) -> Option<Option<Played>> {
        let (position, us) = self.movable(state)?;
        if position.turn() != us || state.blocked().is_some() {
            let reachable = premove_targets(position, from).contains(to);
            self.cancel();
            return reachable.then_some(Some(Played::Premove(from, to)));
        }
        let to = castling_target(position, from, to);
        let mut moves =
            position.legal_moves().into_iter().filter(|&mv| GameRecord::king_move_squares(mv) == (from, to));
        let first = moves.next()?;
        self.cancel();
        if first.is_promotion() {
            self.promotion = Some((from, to));
            Some(None)
        } else {
            Some(Some(Played::Move(first)))
        }
    }

    /// The position and the side whose pieces the player may take in hand now, for a move or for a premove.
    #[must_use]
    pub fn movable<'a>(&self, state: &'a PlayState) -> Option<(&'a Chess, Color)> {
        let game = state.game.as_ref()?;
        match state.blocked() {
            None => {}
            Some(Blocked::NotYourTurn | Blocked::Unproven) if !self.no_premoves => {}
            Some(_) => return None,
        }
        Some((game.record.position(), game.human))
    }
}

/// Squares that a piece could reach if the others stood well: what a premove may be.
#[must_use]
pub fn premove_targets(position: &Chess, from: Square) -> Bitboard {
    let Some(piece) = position.board().piece_at(from) else { return Bitboard::EMPTY };
    let empty = Bitboard::EMPTY;
    match piece.role {
        Role::Pawn => {
            let step = if piece.color == Color::White { 8 } else { -8 };
            let one = from.offset(step);
            let home = if piece.color == Color::White { Rank::Second } else { Rank::Seventh };
            let two = one.filter(|_| from.rank() == home).and_then(|square| square.offset(step));
            attacks::pawn_attacks(piece.color, from)
                | one.map_or(empty, Bitboard::from_square)
                | two.map_or(empty, Bitboard::from_square)
        }
        Role::Knight => attacks::knight_attacks(from),
        Role::Bishop => attacks::bishop_attacks(from, empty),
        Role::Rook => attacks::rook_attacks(from, empty),
        Role::Queen => attacks::queen_attacks(from, empty),
        Role::King => {
            let rights = position.castles().castling_rights() & Bitboard::from_rank(from.rank());
            let castling = rights.into_iter().map(|rook| {
                let file = if rook.file() > from.file() { File::G } else { File::C };
                Bitboard::from_square(Square::from_coords(file, from.rank()))
            });
            castling.fold(attacks::king_attacks(from), |all, square| all | square)
        }
    }
}

/// A king dropped on its own rook means castling.
fn castling_target(position: &Chess, from: Square, to: Square) -> Square {
    let us = position.turn();
    let own = |square, role| position.board().piece_at(square) == Some(Piece { color: us, role });
    if own(from, Role::King) && own(to, Role::Rook) && from.rank() == to.rank() {
        let file = if to.file() > from.file() { 6 } else { 2 };
        Square::from_coords(protocol::shakmaty::File::new(file), from.rank())
    } else {
        to
    }
}

/// The position, if the player may move in it now.
fn movable(state: &PlayState) -> Option<&Chess> {
    match state.blocked() {
        None => state.game.as_ref().map(|game| game.record.position()),
        Some(_) => None,
    }
}

fn find_move(state: &PlayState, from: Square, to: Square, role: Option<Role>) -> Option<Move> {
    movable(state)?
        .legal_moves()
        .into_iter()
        .find(|&mv| GameRecord::king_move_squares(mv) == (from, to) && mv.promotion() == role)
}

/// The squares that the promotion picker covers, from the last rank inwards on the pawn's file.
#[must_use]
pub fn promotion_squares(to: Square) -> [Square; 4] {
    let rank = |step: u32| {
        let rank = u32::from(to.rank());
        protocol::shakmaty::Rank::new(if rank >= 4 { rank - step } else { rank + step })
    };
    [0, 1, 2, 3].map(|step| Square::from_coords(to.file(), rank(step)))
}

/// How one square looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquareLook {
    /// The piece on it.
    pub piece: Option<Piece>,
    /// The piece is in the hand and drawn faint here.
    pub faint: bool,
    /// Belongs to the last move.
    pub last_move: bool,
    /// Is selected.
    pub selected: bool,
    /// Holds a king in check.
    pub check: bool,
    /// The selected piece can move here.
    pub hint: Option<Hint>,
    /// Belongs to the move kept for the next turn.
    pub premove: bool,
}

/// Sign of a legal move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// To an empty square.
    Quiet,
    /// A capture.
    Capture,
}

/// How all squares look, by [`Square`] index.
pub type Scene = [SquareLook; 64];

/// The board as it is to be drawn.
#[must_use]
pub fn scene(state: &PlayState, hand: &Hand) -> Scene {
    let mut scene = [SquareLook::default(); 64];
    // Before a game, the position it will start at.
    let start = state.start_fen.as_deref().and_then(|fen| GameRecord::from_fen(fen).ok()).unwrap_or_default();
    let start = start.position().clone();
    let game = state.game.as_ref();
    let shown = game.map_or(0, crate::play::state::Game::shown_ply);
    let position = game.and_then(|game| game.record.position_at(shown)).unwrap_or(&start);
    for (square, piece) in position.board().clone() {
        scene[square as usize].piece = Some(piece);
    }
    if let Some(game) = game
        && let Some(&mv) = shown.checked_sub(1).and_then(|ply| game.record.moves().get(ply))
    {
        let (from, to) = GameRecord::king_move_squares(mv);
        scene[from as usize].last_move = true;
        scene[to as usize].last_move = true;
    }
    if position.is_check()
        && let Some(king) = position.board().king_of(position.turn())
    {
        scene[king as usize].check = true;
    }
    if let Some(from) = hand.selected
        && let Some((position, us)) = hand.movable(state)
    {
        scene[from as usize].selected = true;
        scene[from as usize].faint = hand.dragging;
        if position.turn() == us && state.blocked().is_none() {
            for mv in position.legal_moves() {
                let (mv_from, to) = GameRecord::king_move_squares(mv);
                if mv_from == from {
                    let hint = if mv.is_capture() { Hint::Capture } else { Hint::Quiet };
                    scene[to as usize].hint = Some(hint);
                }
            }
        } else {
            for to in premove_targets(position, from) {
                scene[to as usize].hint = Some(Hint::Quiet);
            }
        }
    }
    if let Some((from, to)) = game.and_then(|game| game.premove) {
        scene[from as usize].premove = true;
        scene[to as usize].premove = true;
    }
    if let Some((from, to)) = hand.promotion {
        scene[from as usize].faint = true;
        scene[to as usize].selected = true;
    }
    scene
}

/// The piece in the hand.
#[must_use]
pub fn held_piece(state: &PlayState, hand: &Hand) -> Option<Piece> {
    let from = hand.selected.filter(|_| hand.dragging)?;
    hand.movable(state)?.0.board().piece_at(from)
}

/// The side shown below: the human's, or the other one when flipped by hand.
#[must_use]
pub fn orientation(human: Option<Color>, flipped_by_hand: bool) -> bool {
    (human == Some(Color::Black)) != flipped_by_hand
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn premoves_go_where_a_piece_could_go() {
        let position = Chess::default();
        let targets = |square| premove_targets(&position, square).into_iter().collect::<Vec<_>>();
        assert_eq!(targets(Square::E2), [Square::D3, Square::E3, Square::F3, Square::E4]);
        assert_eq!(targets(Square::B1), [Square::D2, Square::A3, Square::C3]);
        // Castling counts, through whatever stands between.
        assert!(targets(Square::E1).contains(&Square::G1) && targets(Square::E1).contains(&Square::C1));
        assert!(targets(Square::A1).contains(&Square::A8));
        assert!(targets(Square::E4).is_empty());
    }
}
