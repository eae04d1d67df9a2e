//! What the hand does on the board, without Bevy: selecting, dragging, promoting. And what the board shows then.

use crate::play::state::{Blocked, PlayState};
use protocol::{
    GameRecord,
    shakmaty::{Chess, Color, Move, Piece, Position, Role, Square},
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
}

impl Hand {
    /// Lets go of everything. Returns whether there was anything.
    pub fn cancel(&mut self) -> bool {
        let held = *self != Self::default();
        *self = Self::default();
        held
    }

    /// The main button went down on a square. Returns the move that it completes.
    pub fn press(&mut self, square: Square, state: &PlayState) -> Option<Move> {
        if let Some(promotion) = self.promotion.take() {
            self.cancel();
            let role =
                promotion_squares(promotion.1).into_iter().zip(PROMOTIONS).find(|(at, _)| *at == square)?.1;
            return find_move(state, promotion.0, promotion.1, Some(role));
        }
        let position = movable(state)?;
        if let Some(from) = self.selected {
            if square != from
                && let Some(mv) = self.try_move(from, square, state)
            {
                return mv;
            }
            if square == from {
                (self.dragging, self.again) = (true, true);
                return None;
            }
        }
        self.cancel();
        if position.board().color_at(square) == Some(position.turn()) {
            self.selected = Some(square);
            self.dragging = true;
        }
        None
    }

    /// The main button went up on a square, or outside the board. Returns the move that it completes.
    pub fn release(&mut self, square: Option<Square>, state: &PlayState) -> Option<Move> {
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
                let mv = self.try_move(from, square, state);
                if mv.is_none() {
                    self.cancel();
                }
                mv.flatten()
            }
            None => {
                self.cancel();
                None
            }
        }
    }

    /// `None`: not a move. `Some(None)`: a promotion, the picker opens. `Some(Some(_))`: a move.
    fn try_move(&mut self, from: Square, to: Square, state: &PlayState) -> Option<Option<Move>> {
        let position = movable(state)?;
        let to = castling_target(position, from, to);
        let mut moves =
            position.legal_moves().into_iter().filter(|&mv| GameRecord::king_move_squares(mv) == (from, to));
        let first = moves.next()?;
        self.cancel();
        if first.is_promotion() {
            self.promotion = Some((from, to));
            Some(None)
        } else {
            Some(Some(first))
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
    let start = Chess::default();
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
        && movable(state).is_some()
    {
        scene[from as usize].selected = true;
        scene[from as usize].faint = hand.dragging;
        for mv in position.legal_moves() {
            let (mv_from, to) = GameRecord::king_move_squares(mv);
            if mv_from == from {
                let hint = if mv.is_capture() { Hint::Capture } else { Hint::Quiet };
                scene[to as usize].hint = Some(hint);
            }
        }
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
    movable(state)?.board().piece_at(from)
}

/// The side shown below: the human's, or the other one when flipped by hand.
#[must_use]
pub fn orientation(human: Option<Color>, flipped_by_hand: bool) -> bool {
    (human == Some(Color::Black)) != flipped_by_hand
}

/// One line for the player about why nothing moves, if there is something to say.
#[must_use]
pub fn blocked_line(blocked: Blocked) -> Option<&'static str> {
    match blocked {
        Blocked::Unproven => Some("Waiting for proofs: more than 3 moves are not verified"),
        Blocked::Browsing => Some("Earlier position: press End to return"),
        Blocked::Alarm => Some("Play has stopped"),
        Blocked::NoGame | Blocked::Over | Blocked::NotYourTurn => None,
    }
}
