//! Time as games see it: unix time that never goes back, without the time in which no server ran.

use protocol::{ClockReading, Side, TimeControl};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between notes on disk that the server runs, while a clock runs. After kill -9 a player has at most that much
/// time more.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);

/// A clock and when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockStamp {
    pub(crate) reading: ClockReading,
    pub(crate) at_unix_ms: u64,
}

/// A time in which no server ran: first and last moment, in ms since 1970.
pub(crate) type Outage = (u64, u64);

/// The server's time.
#[derive(Clone, Debug)]
pub(crate) struct ServerTime {
    started: Instant,
    started_unix_ms: u64,
    outages: Vec<Outage>,
}

/// Unix time in milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

impl ServerTime {
    /// Time from now on, with the outages before.
    pub(crate) fn new(outages: Vec<Outage>) -> Self {
        // Not before the end of the last outage, whatever the machine's clock says.
        let last = outages.iter().map(|outage| outage.1).max().unwrap_or(0);
        Self { started: Instant::now(), started_unix_ms: unix_ms().max(last), outages }
    }

    /// Now, in ms since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_unix_ms.saturating_add(since)
    }

    /// Time between two moments in which a server ran.
    pub(crate) fn elapsed_ms(&self, from: u64, to: u64) -> u64 {
        let down: u64 =
            self.outages.iter().map(|&(start, end)| end.min(to).saturating_sub(start.max(from))).sum();
        to.saturating_sub(from).saturating_sub(down)
    }

    /// A stamped clock as it stands at a moment.
    pub(crate) fn read(&self, stamp: &ClockStamp, at_unix_ms: u64) -> ClockReading {
        stamp.reading.after_ms(self.elapsed_ms(stamp.at_unix_ms, at_unix_ms))
    }
}

/// The clock after a move of the side whose time ran, if one's did, and with another side's time running.
pub(crate) fn next(
    mut now: ClockReading,
    control: TimeControl,
    moved: bool,
    running: Option<Side>,
) -> ClockReading {
    if let Some(side) = now.running.filter(|_| moved) {
        now.set_left_ms(side, now.left_ms(side).saturating_add(control.increment_ms));
    }
    ClockReading { running, ..now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_cost_nobody_time() {
        let time = ServerTime::new(vec![(100, 200), (500, 600)]);
        assert_eq!(time.elapsed_ms(0, 50), 50);
        assert_eq!(time.elapsed_ms(50, 250), 100);
        assert_eq!(time.elapsed_ms(150, 550), 300);
        assert_eq!(time.elapsed_ms(120, 180), 0);
        assert_eq!(time.elapsed_ms(250, 200), 0);
        let future = unix_ms() + 1_000_000;
        assert!(ServerTime::new(vec![(0, future)]).now_ms() >= future);
    }

    #[test]
    fn the_mover_gets_the_increment() {
        let control = TimeControl { initial_ms: 60_000, increment_ms: 2_000 };
        let start = ClockReading::start(control);
        // The first moves are free.
        assert_eq!(next(start, control, true, None), start);
        let running = ClockReading { running: Some(Side::White), ..start };
        let moved = next(running.after_ms(5_000), control, true, Some(Side::Black));
        assert_eq!((moved.white_ms, moved.black_ms, moved.running), (57_000, 60_000, Some(Side::Black)));
        let paused = next(running.after_ms(5_000), control, false, None);
        assert_eq!((paused.white_ms, paused.running), (55_000, None));
    }
}
