//! How games end: by the rules, by a claim, by resignation, on time.

use crate::{GameRecord, Side, record::MAX_PLIES};
use serde::{Deserialize, Serialize};
use shakmaty::Position;

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The winner; `None` for a draw.
    pub winner: Option<Side>,
    /// Why the game ended.
    pub reason: EndReason,
}

/// Why a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The side to move is in check and has no legal move.
    Checkmate,
    /// The side to move is not in check and has no legal move.
    Stalemate,
    /// Neither side has the pieces to mate.
    InsufficientMaterial,
    /// The position occurred for the third time; ends the game only when claimed.
    Threefold,
    /// The position occurred for the fifth time; ends the game by itself.
    Fivefold,
    /// Fifty moves of each side without capture or pawn move; ends the game only when claimed.
    FiftyMoves,
    /// Seventy-five moves of each side without capture or pawn move; ends the game by itself.
    SeventyFiveMoves,
    /// A player resigned.
    Resignation,
    /// A player's time ran out: lost, or drawn if the opponent has not the pieces to mate.
    Timeout,
    /// The record is full ([`MAX_PLIES`]).
    LengthLimit,
    /// A game for stakes ended on chain: a side did not answer in time, or got its stake back.
    OnChain,
}

impl Outcome {
    /// The end of the game that the rules impose at the current position of `record`, if any. Draws that need a claim aren't
    /// reported: see [`claimable_draw`].
    #[must_use]
    pub fn of(record: &GameRecord) -> Option<Self> {
        let position = record.position();
        let draw = |reason| Some(Self { winner: None, reason });
        if position.is_checkmate() {
            let winner = Some(Side::from(position.turn()).opponent());
            return Some(Self { winner, reason: EndReason::Checkmate });
        }
        if position.is_stalemate() {
            return draw(EndReason::Stalemate);
        }
        if position.is_insufficient_material() {
            return draw(EndReason::InsufficientMaterial);
        }
        if position.halfmoves() >= 150 {
            return draw(EndReason::SeventyFiveMoves);
        }
        if record.occurrences() >= 5 {
            return draw(EndReason::Fivefold);
        }
        if record.ply() >= MAX_PLIES {
            return draw(EndReason::LengthLimit);
        }
        None
    }

    /// The time of `side` ran out at the current position of `record`.
    #[must_use]
    pub fn timeout(record: &GameRecord, side: Side) -> Self {
        let can_mate = !record.position().has_insufficient_material(side.opponent().into());
        Self { winner: can_mate.then(|| side.opponent()), reason: EndReason::Timeout }
    }

    /// The game is lost by resignation of `side`.
    #[must_use]
    pub fn resignation(side: Side) -> Self {
        Self { winner: Some(side.opponent()), reason: EndReason::Resignation }
    }
}

/// The draw a player may claim at the current position of `record`: threefold repetition or fifty moves.
#[must_use]
pub fn claimable_draw(record: &GameRecord) -> Option<EndReason> {
    if record.occurrences() >= 3 {
        Some(EndReason::Threefold)
    } else if record.position().halfmoves() >= 100 {
        Some(EndReason::FiftyMoves)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_falls_for_a_draw_where_nobody_can_mate() {
        let lost = GameRecord::default();
        let expected = Outcome { winner: Some(Side::Black), reason: EndReason::Timeout };
        assert_eq!(Outcome::timeout(&lost, Side::White), expected);
        let bare = GameRecord::from_fen("4k3/8/8/8/8/8/PPPP4/4K3 w - - 0 1").unwrap();
        assert_eq!(Outcome::timeout(&bare, Side::White).winner, None);
        assert_eq!(Outcome::timeout(&bare, Side::Black).winner, Some(Side::White));
    }
}
