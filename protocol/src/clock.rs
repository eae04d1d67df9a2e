//! What is agreed about a game before it starts, and clocks as they are sent.

use crate::Side;
use serde::{Deserialize, Serialize};

/// Moves of the network that may lack a proof before the human has to wait for it. The human's clock stands still then:
/// proving never costs the human time.
pub const MAX_UNPROVEN: usize = 3;

/// Half-moves before the clocks run: neither side's first move costs time.
pub const FREE_PLIES: u32 = 2;

/// What is agreed about a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GameTerms {
    /// The clock; without it nobody's time runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_control: Option<TimeControl>,
    /// A rated game counts: no move is taken back.
    #[serde(default)]
    pub rated: bool,
    /// Level of the network's play, 1 to [`STRONGEST_LEVEL`] (`docs/network.md` section 5).
    #[serde(default = "strongest_level")]
    pub level: u8,
}

/// The level that plays the network's best move, without noise.
pub const STRONGEST_LEVEL: u8 = 8;

fn strongest_level() -> u8 {
    STRONGEST_LEVEL
}

impl Default for GameTerms {
    fn default() -> Self {
        Self { time_control: None, rated: false, level: STRONGEST_LEVEL }
    }
}

/// Time of each side for the whole game, and what each move adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeControl {
    /// Time at the start, in milliseconds.
    pub initial_ms: u32,
    /// Added after each move, in milliseconds.
    pub increment_ms: u32,
}

impl TimeControl {
    /// Shortest and longest time at the start.
    pub const INITIAL_MS: std::ops::RangeInclusive<u32> = 1_000..=3 * 60 * 60 * 1_000;
    /// Longest increment.
    pub const MAX_INCREMENT_MS: u32 = 3 * 60 * 1_000;

    /// Whether a server accepts it.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        Self::INITIAL_MS.contains(&self.initial_ms) && self.increment_ms <= Self::MAX_INCREMENT_MS
    }
}

/// A clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// White's time left, in milliseconds.
    pub white_ms: u32,
    /// Black's time left, in milliseconds.
    pub black_ms: u32,
    /// Whose time runs.
    pub running: Option<Side>,
}

impl ClockReading {
    /// A clock at the start of a game.
    #[must_use]
    pub fn start(control: TimeControl) -> Self {
        Self { white_ms: control.initial_ms, black_ms: control.initial_ms, running: None }
    }

    /// Time left to a side, in milliseconds.
    #[must_use]
    pub fn left_ms(&self, side: Side) -> u32 {
        match side {
            Side::White => self.white_ms,
            Side::Black => self.black_ms,
        }
    }

    /// Sets the time left to a side, in milliseconds.
    pub fn set_left_ms(&mut self, side: Side, left_ms: u32) {
        match side {
            Side::White => self.white_ms = left_ms,
            Side::Black => self.black_ms = left_ms,
        }
    }

    /// The clock this many milliseconds later.
    #[must_use]
    pub fn after_ms(mut self, elapsed_ms: u64) -> Self {
        if let Some(side) = self.running {
            let left_ms = u64::from(self.left_ms(side)).saturating_sub(elapsed_ms);
            self.set_left_ms(side, u32::try_from(left_ms).unwrap_or(u32::MAX));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_running_side_loses_time() {
        let control = TimeControl { initial_ms: 60_000, increment_ms: 0 };
        let clock = ClockReading { running: Some(Side::Black), ..ClockReading::start(control) };
        let later = clock.after_ms(1_500);
        assert_eq!((later.white_ms, later.black_ms), (60_000, 58_500));
        assert_eq!(clock.after_ms(u64::MAX).black_ms, 0);
        assert_eq!(ClockReading::start(control).after_ms(1_500), ClockReading::start(control));
    }

    #[test]
    fn limits_hold() {
        assert!(TimeControl { initial_ms: 180_000, increment_ms: 2_000 }.is_allowed());
        assert!(!TimeControl { initial_ms: 0, increment_ms: 2_000 }.is_allowed());
        assert!(!TimeControl { initial_ms: 180_000, increment_ms: 200_000 }.is_allowed());
    }
}
