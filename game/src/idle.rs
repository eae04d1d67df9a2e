//! How often the window is drawn: all the time at the start, as often as a running clock changes, else almost never.

use crate::play::Play;
use bevy::{
    prelude::*,
    winit::{UpdateMode, WinitSettings},
};
use std::time::Duration;

/// Frames drawn without pause at the start: pipelines compile in the background and nothing wakes a sleeping loop.
const BUSY_FRAMES: u32 = 90;

/// Longest sleep.
const LONGEST: Duration = Duration::from_secs(4);

/// Sets the pace.
#[derive(Debug)]
pub struct IdlePlugin;

impl Plugin for IdlePlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Last, settle);
    }
}

/// How long the window may sleep: until the running clock shows another figure.
#[must_use]
pub fn sleep(play: &Play, now_s: f64) -> Duration {
    let clock =
        play.state.game.as_ref().filter(|game| game.outcome.is_none()).and_then(|game| game.clock_now(now_s));
    let Some((clock, side)) = clock.and_then(|clock| Some((clock, clock.running?))) else { return LONGEST };
    match clock.left_ms(side) {
        0 => LONGEST,
        left_ms @ 1..10_000 => Duration::from_millis(u64::from(left_ms % 100) + 1),
        left_ms => Duration::from_millis(u64::from(left_ms % 1_000) + 1),
    }
}

fn settle(
    play: Res<'_, Play>,
    time: Res<'_, Time<Real>>,
    mut frames: Local<'_, u32>,
    settings: Option<ResMut<'_, WinitSettings>>,
) {
    *frames = frames.saturating_add(1);
    let Some(mut settings) = settings.filter(|_| *frames >= BUSY_FRAMES) else { return };
    let sleep = sleep(&play, time.elapsed_secs_f64());
    settings.focused_mode = UpdateMode::reactive(sleep);
    settings.unfocused_mode = UpdateMode::reactive_low_power(sleep);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::game::{Game, LocalClock};
    use protocol::{ClockReading, GameId, GameRecord, Side, shakmaty::Color};

    #[test]
    fn sleeps_until_the_next_figure() {
        let mut play = Play::default();
        assert_eq!(sleep(&play, 0.0), LONGEST);
        let mut game = Game::new(GameId([0; 32]), Color::White, [0; 32], GameRecord::default());
        let mut reading = ClockReading { white_ms: 61_250, black_ms: 60_000, running: Some(Side::White) };
        game.clock = Some(LocalClock { reading, at_s: 0.0 });
        play.state.game = Some(game);
        assert_eq!(sleep(&play, 0.0), Duration::from_millis(251));
        assert_eq!(sleep(&play, 55.0), Duration::from_millis(51));
        reading.running = None;
        play.state.game.as_mut().unwrap().clock = Some(LocalClock { reading, at_s: 0.0 });
        assert_eq!(sleep(&play, 55.0), LONGEST);
    }
}
