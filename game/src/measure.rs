//! For developers: how long the client takes from its start to a board that can be played on, and how long a frame takes while
//! a piece is dragged. `--measure` plays the player's part itself, prints one line and quits.

use crate::{
    Step,
    board::{BoardHand, layout::BoardLayout},
    play::{Play, PlayerAction},
    settings::Setting,
};
use bevy::{
    app::AppExit,
    input::{ButtonState, mouse::MouseButtonInput},
    prelude::*,
    window::{CursorMoved, PrimaryWindow, RequestRedraw, WindowEvent},
    winit::WinitSettings,
};
use protocol::{SideChoice, shakmaty::Square};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

static STARTED: OnceLock<Instant> = OnceLock::new();

/// Called first thing by the program: the time that the figures count from.
pub fn note_start() {
    STARTED.get_or_init(Instant::now);
}

/// Frames of the drag that count.
const FRAMES: usize = 300;

/// Frames before the count: the pieces' images go to the graphics card in the first.
const WARM_UP: usize = 30;

/// Where the measurement stands.
#[derive(Resource, Debug, Default)]
struct Measurement {
    /// Frames since the game stood on the board.
    frames: usize,
    dialog_s: f64,
    board_s: f64,
    last: Option<Instant>,
    times: Vec<Duration>,
}

/// Carries the measurement out.
#[derive(Debug)]
pub struct MeasurePlugin;

impl Plugin for MeasurePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Measurement>()
            .add_systems(Update, begin.in_set(Step::Input))
            .add_systems(Last, measure);
    }
}

fn since_start_s() -> f64 {
    STARTED.get().map_or(0.0, |started| started.elapsed().as_secs_f64())
}

fn begin(
    play: Res<'_, Play>,
    mut measurement: ResMut<'_, Measurement>,
    mut seen: Local<'_, usize>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    *seen += 1;
    // What the frame before the last drew is on the screen.
    if *seen == 3 {
        measurement.dialog_s = since_start_s();
    }
    if *seen >= 3 && play.state.game.is_none() && play.state.wanted.is_none() {
        actions.write(PlayerAction::Choose(Setting::Side(SideChoice::White)));
        actions.write(PlayerAction::Start);
    }
}

/// A line about the frames: `300 frames, median 5.1 ms, 95 % within 7.9 ms, longest 12.0 ms`.
fn frames_text(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let ms = |share: f64| {
        let at = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let (median, most, longest) = (ms(0.5), ms(0.95), ms(1.0));
    format!(
        "{} frames, median {median:.1} ms, 95 % within {most:.1} ms, longest {longest:.1} ms",
        times.len()
    )
}

#[allow(
    clippy::too_many_arguments,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "asked for by --measure"
)]
fn measure(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    window: Single<'_, '_, Entity, With<PrimaryWindow>>,
    mut measurement: ResMut<'_, Measurement>,
    mut pace: Option<ResMut<'_, WinitSettings>>,
    mut moved: MessageWriter<'_, CursorMoved>,
    mut buttons: MessageWriter<'_, MouseButtonInput>,
    mut events: MessageWriter<'_, WindowEvent>,
    mut redraw: MessageWriter<'_, RequestRedraw>,
    mut exit: MessageWriter<'_, AppExit>,
) {
    redraw.write(RequestRedraw);
    if let Some(pace) = &mut pace {
        **pace = WinitSettings::continuous();
    }
    if play.state.game.is_none() {
        return;
    }
    let measurement = &mut *measurement;
    measurement.frames += 1;
    let window = *window;
    let mut press = |state| {
        let input = MouseButtonInput { button: MouseButton::Left, state, window };
        buttons.write(input);
        events.write(WindowEvent::MouseButtonInput(input));
    };
    match measurement.frames {
        1 => return,
        2 => measurement.board_s = since_start_s(),
        5 => press(ButtonState::Pressed),
        _ => {}
    }
    // A circle through the middle of the board, once in two seconds at 60 frames a second; before the press, the pawn.
    let position = if measurement.frames < 6 {
        layout.centre_of(Square::E2)
    } else {
        let angle = measurement.frames as f32 * std::f32::consts::TAU / 120.0;
        layout.origin + Vec2::splat(layout.side() / 2.0) + Vec2::from_angle(angle) * layout.side() * 0.4
    };
    let event = CursorMoved { window, position, delta: None };
    moved.write(event.clone());
    events.write(WindowEvent::CursorMoved(event));
    let now = Instant::now();
    let last = measurement.last.replace(now);
    if measurement.frames > WARM_UP
        && hand.hand.dragging
        && let Some(last) = last
    {
        measurement.times.push(now - last);
    }
    if measurement.times.len() >= FRAMES {
        println!(
            "start dialog after {:.2} s, board after {:.2} s; dragging: {}",
            measurement.dialog_s,
            measurement.board_s,
            frames_text(&measurement.times)
        );
        exit.write(AppExit::Success);
    } else if measurement.frames > 4 * (WARM_UP + FRAMES) {
        eprintln!("error: the piece was not dragged");
        exit.write(AppExit::error());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_frames() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        let text = "100 frames, median 51.0 ms, 95 % within 96.0 ms, longest 100.0 ms";
        assert_eq!(frames_text(&times), text);
        assert!(frames_text(&[]).starts_with("0 frames, median 0.0 ms"));
    }
}
