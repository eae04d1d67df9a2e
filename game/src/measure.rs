//! For developers: how long the client takes from its start to a board that can be played on, how long a frame takes while a piece is
//! dragged, and with `--idle SECONDS` what the open window costs while nobody does anything. `--measure` plays the player's part itself,
//! prints a line for each and quits.

use crate::{
    Step,
    board::{BoardHand, layout::BoardLayout},
    dev_tools::DevOptions,
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
    idle: Option<Idle>,
}

/// The part in which nobody does anything.
#[derive(Debug)]
enum Idle {
    /// The piece was put back. The prover gets ready, pictures that slide come to rest.
    Settling { since: Instant },
    /// Frames are counted, and the processor's time.
    Counting { since: Instant, frames: usize, processor: Option<Duration> },
}

/// Time between the drag's end, or the prover's readiness, and the count.
const SETTLING: Duration = Duration::from_secs(5);

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

/// Processor time that this process has used, in all its threads; `None` where the system does not say (`/proc/self/stat`).
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    processor_time_of(&stat)
}

/// Fields 14 and 15 of proc(5)'s stat: user's and system's time, in hundredths of a second on Linux whatever the kernel's own clock.
fn processor_time_of(stat: &str) -> Option<Duration> {
    // The second field, the program's name, may hold anything but ends with the last parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
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

impl Idle {
    /// Looks at the time, in each frame; returns the line once it is up.
    fn look(&mut self, ready: bool, wanted: Duration) -> Option<String> {
        let now = Instant::now();
        match self {
            Self::Settling { since } if !ready => *since = now,
            Self::Settling { since } if now - *since >= SETTLING => {
                *self = Self::Counting { since: now, frames: 0, processor: processor_time() };
            }
            Self::Settling { .. } => {}
            Self::Counting { since, frames, processor } => {
                *frames += 1;
                let elapsed = now - *since;
                if elapsed >= wanted {
                    let used = processor.and_then(|before| processor_time()?.checked_sub(before));
                    return Some(idle_text(elapsed, *frames, used));
                }
            }
        }
        None
    }
}

/// A line about the idle window: `idle for 60.2 s: 15 frames, 0.12 s of processor time`.
fn idle_text(elapsed: Duration, frames: usize, used: Option<Duration>) -> String {
    let used = used.map_or_else(
        || "processor time unknown".to_owned(),
        |used| format!("{:.2} s of processor time", used.as_secs_f64()),
    );
    format!("idle for {:.1} s: {frames} frames, {used}", elapsed.as_secs_f64())
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
    options: Res<'_, DevOptions>,
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
    let measurement = &mut *measurement;
    if let Some(idle) = &mut measurement.idle {
        // The window sleeps and wakes as it always does.
        let ready = play.state.opponent.as_ref().is_some_and(|opponent| opponent.prover_ready);
        if let Some(line) = idle.look(ready, Duration::from_secs(options.idle.unwrap_or_default())) {
            println!("{line}");
            exit.write(AppExit::Success);
        }
        return;
    }
    redraw.write(RequestRedraw);
    if let Some(pace) = &mut pace {
        **pace = WinitSettings::continuous();
    }
    if play.state.game.is_none() {
        return;
    }
    measurement.frames += 1;
    let window = *window;
    let mut press = |state, events: &mut MessageWriter<'_, WindowEvent>| {
        let input = MouseButtonInput { button: MouseButton::Left, state, window };
        buttons.write(input);
        events.write(WindowEvent::MouseButtonInput(input));
    };
    match measurement.frames {
        1 => return,
        2 => measurement.board_s = since_start_s(),
        5 => press(ButtonState::Pressed, &mut events),
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
        if options.idle.is_none() {
            exit.write(AppExit::Success);
            return;
        }
        // The pawn goes back to where it was: no move.
        let position = layout.centre_of(Square::E2);
        let event = CursorMoved { window, position, delta: None };
        moved.write(event.clone());
        events.write(WindowEvent::CursorMoved(event));
        press(ButtonState::Released, &mut events);
        measurement.idle = Some(Idle::Settling { since: now });
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

    #[test]
    fn the_line_says_what_idling_costs() {
        for broken in ["", "7 a name S 1", "7 (a name) S 1 7 7 0 -1 4194304 9 0 0 0 x 25 3"] {
            assert_eq!(processor_time_of(broken), None, "{broken}");
        }
        let used = processor_time_of("7 (a ) name) S 1 7 7 0 -1 4194304 9 0 0 0 150 25 3 4 20 0 1 0 99");
        assert_eq!(used, Some(Duration::from_millis(1_750)));
        let text = "idle for 60.0 s: 15 frames, 1.75 s of processor time";
        assert_eq!(idle_text(Duration::from_secs(60), 15, used), text);
        assert!(idle_text(Duration::from_secs(60), 15, None).ends_with("processor time unknown"));
    }
}
