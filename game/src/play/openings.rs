//! Names of openings, from a table of positions (`assets/openings.txt`, built by `scripts/openings.py` from CC0 data).

use protocol::{
    GameRecord,
    shakmaty::{EnPassantMode, Position, zobrist::Zobrist64},
};
use std::{collections::HashMap, sync::OnceLock};

const TABLE: &str = include_str!("../../assets/openings.txt");

/// Length of a key, and of key and ECO code, in a line of the table.
const COLUMNS: (usize, usize) = (16, 19);

/// Half-moves of the longest line in the table, generously.
const LONGEST: usize = 40;

type Names = HashMap<u64, (&'static str, String)>;

/// Key, ECO code and name of every line.
fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut before = String::new();
        TABLE
            .lines()
            .filter_map(|line| {
                let key = u64::from_str_radix(line.get(..COLUMNS.0)?, 16).ok()?;
                let eco = line.get(COLUMNS.0..COLUMNS.1)?;
                let mut rest = line.get(COLUMNS.1..)?.chars();
                let shared = (u32::from(rest.next()?)).checked_sub(u32::from('0'))?;
                let name: String = before.chars().take(usize::try_from(shared).ok()?).chain(rest).collect();
                before.clone_from(&name);
                Some((key, (eco, name)))
            })
            .collect()
    })
}

/// ECO code and name of the last position of a record that has one.
#[must_use]
pub fn of(record: &GameRecord) -> Option<(&'static str, String)> {
    (1..=record.ply().min(LONGEST)).rev().find_map(|ply| {
        let key: Zobrist64 = record.position_at(ply)?.zobrist_hash(EnPassantMode::Legal);
        names().get(&key.0).cloned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::record::START_FEN;

    #[test]
    fn names_what_players_know() {
        assert!(names().len() > 3_500, "{}", names().len());
        for (moves, eco, name) in [
            ("e2e4", "B00", "King's Pawn Game"),
            ("e2e4 e7e5 g1f3 b8c6 f1b5", "C60", "Ruy Lopez"),
            ("d2d4 d7d5 c2c4", "D06", "Queen's Gambit"),
            ("c2c4 d7d5 d2d4", "D06", "Queen's Gambit"),
            (
                "e2e4 c7c5 g1f3 d7d6 d2d4 c5d4 f3d4 g8f6 b1c3 a7a6",
                "B90",
                "Sicilian Defense: Najdorf Variation",
            ),
            // A move off the book keeps the last name.
            ("e2e4 e7e5 g1f3 b8c6 f1b5 h7h5", "C60", "Ruy Lopez"),
        ] {
            let record = GameRecord::replay(START_FEN, moves.split(' ')).unwrap();
            assert_eq!(of(&record), Some((eco, name.to_owned())), "{moves}");
        }
        assert_eq!(of(&GameRecord::default()), None);
    }
}
