//! Captured material: which pieces of each side are gone, and who is ahead.

use protocol::shakmaty::{Chess, Color, Position, Role};

/// Material that is gone from the board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// White's pieces that are gone, the most valuable first.
    pub white: Vec<Role>,
    /// Black's.
    pub black: Vec<Role>,
    /// White's lead in pawns, as the usual values count (9, 5, 3, 3, 1).
    pub white_lead: i32,
}

fn value(role: Role) -> i32 {
    match role {
        Role::Queen => 9,
        Role::Rook => 5,
        Role::Bishop | Role::Knight => 3,
        Role::Pawn => 1,
        Role::King => 0,
    }
}

const ROLES: [Role; 5] = [Role::Queen, Role::Rook, Role::Bishop, Role::Knight, Role::Pawn];

/// What is gone between two positions of a game. A pawn that became a piece counts as gone.
#[must_use]
pub fn captured(start: &Chess, now: &Chess) -> Captured {
    let count = |position: &Chess, color: Color, role: Role| {
        i32::try_from((position.board().by_color(color) & position.board().by_role(role)).count())
            .unwrap_or(0)
    };
    let gone = |color: Color| {
        ROLES
            .into_iter()
            .flat_map(|role| {
                let missing = count(start, color, role) - count(now, color, role);
                std::iter::repeat_n(role, usize::try_from(missing).unwrap_or(0))
            })
            .collect()
    };
    let worth =
        |color: Color| ROLES.into_iter().map(|role| value(role) * count(now, color, role)).sum::<i32>();
    Captured {
        white: gone(Color::White),
        black: gone(Color::Black),
        white_lead: worth(Color::White) - worth(Color::Black),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{GameRecord, record::START_FEN};

    #[test]
    fn counts_what_is_gone() {
        let moves = ["e2e4", "d7d5", "e4d5", "d8d5", "b1c3", "d5d2", "d1d2"];
        let record = GameRecord::replay(START_FEN, moves).unwrap();
        let captured = captured(record.position_at(0).unwrap(), record.position());
        assert_eq!(captured.white, [Role::Pawn, Role::Pawn]);
        assert_eq!(captured.black, [Role::Queen, Role::Pawn]);
        assert_eq!(captured.white_lead, 8);
    }
}
