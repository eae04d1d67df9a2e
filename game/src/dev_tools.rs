//! Options for developers: a screenshot after some time, moves played by themselves, a window that never sleeps.

use crate::{
    Step,
    play::{Play, PlayerAction, state::Badge},
    screens::{Overlay, dialogs::Dialog},
    settings::Setting,
    theme::widgets::Does,
};
use bevy::{
    app::AppExit,
    prelude::*,
    render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk},
    ui::UiGlobalTransform,
    window::RequestRedraw,
};
use clap::Args;
use protocol::SideChoice;
use std::{collections::BTreeMap, path::PathBuf};

/// Options for developers.
#[derive(Args, Resource, Clone, Debug, Default)]
pub struct DevOptions {
    /// Save a picture of the window and quit.
    #[arg(long, value_name = "FILE", hide = true)]
    pub screenshot: Option<PathBuf>,
    /// Seconds before the picture.
    #[arg(long, value_name = "SECONDS", hide = true, default_value_t = 3.0)]
    pub after: f32,
    /// Start a game as White and play these moves (UCI, separated by commas), each as soon as it is the player's turn
    /// and all earlier moves are verified or can't be; `auto` plays the first legal move forever.
    #[arg(long, value_name = "MOVES", hide = true)]
    pub autoplay: Option<String>,
    /// Open this dialog at the end of the automatic moves: new, resign, draw, proof, settings, help, files.
    #[arg(long, value_name = "DIALOG", hide = true)]
    pub open: Option<String>,
    /// Start new games at this position.
    #[arg(long, value_name = "FEN", hide = true)]
    pub start_fen: Option<String>,
    /// Damage the proof of the move after this many half-moves before it is checked.
    #[arg(long, value_name = "PLY", hide = true)]
    pub tamper: Option<u32>,
    /// Print the state of the game on each change, and where the buttons are.
    #[arg(long, hide = true)]
    pub print_state: bool,
    /// Start a game, drag a piece about, print how long start and frames took and quit.
    #[arg(long, hide = true)]
    pub measure: bool,
    /// With `--measure`: leave the window alone for so many seconds, and print what that cost.
    #[arg(long, value_name = "SECONDS", hide = true, requires = "measure")]
    pub idle: Option<u64>,
    /// Open this saved game at the start.
    #[arg(long, value_name = "FILE", hide = true)]
    pub open_file: Option<PathBuf>,
}

/// Carries out [`DevOptions`].
#[derive(Debug)]
pub struct DevToolsPlugin;

impl Plugin for DevToolsPlugin {
    fn build(&self, app: &mut App) {
        let options = app.world().get_resource::<DevOptions>().cloned().unwrap_or_default();
        if options.screenshot.is_some() {
            app.add_systems(Update, screenshot);
        }
        if let Some(mut play) = app.world_mut().get_resource_mut::<Play>() {
            play.state.start_fen = options.start_fen.clone();
        }
        if options.print_state {
            app.add_systems(Update, print_state.in_set(Step::Draw))
                .add_systems(PostUpdate, print_buttons.after(bevy::ui::UiSystems::PostLayout));
        }
        if let Some(path) = options.open_file.clone() {
            app.add_systems(Startup, move |mut actions: MessageWriter<'_, PlayerAction>| {
                actions.write(PlayerAction::Open(path.clone()));
            });
        }
        if options.measure {
            app.add_plugins(crate::measure::MeasurePlugin);
        }
        if options.autoplay.is_some() {
            app.add_systems(Update, autoplay.in_set(Step::Input));
        }
    }
}

fn screenshot(
    options: Res<'_, DevOptions>,
    time: Res<'_, Time<Real>>,
    mut taken: Local<'_, bool>,
    mut redraw: MessageWriter<'_, RequestRedraw>,
    mut commands: Commands<'_, '_>,
) {
    redraw.write(RequestRedraw);
    if let Some(path) = &options.screenshot
        && !*taken
        && time.elapsed_secs() > options.after
    {
        *taken = true;
        commands.spawn(Screenshot::primary_window()).observe(save_to_disk(path.clone())).observe(
            |_: On<'_, '_, ScreenshotCaptured>, mut exit: MessageWriter<'_, AppExit>| {
                exit.write(AppExit::Success);
            },
        );
    }
}

fn autoplay(
    options: Res<'_, DevOptions>,
    play: Res<'_, Play>,
    mut done: Local<'_, usize>,
    mut redraw: MessageWriter<'_, RequestRedraw>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    use protocol::shakmaty::{Position, uci::UciMove};
    let Some(moves) = &options.autoplay else { return };
    let Some(game) = &play.state.game else {
        if play.state.wanted.is_none() && *done == 0 {
            actions.write(PlayerAction::Choose(Setting::Side(SideChoice::White)));
            actions.write(PlayerAction::Start);
        }
        return;
    };
    redraw.write(RequestRedraw);
    let waiting = game.badges.values().any(|badge| matches!(badge, Badge::Proving { .. } | Badge::Checking));
    if play.state.blocked().is_some() || waiting {
        return;
    }
    let position = game.record.position();
    let wanted = if moves == "auto" { None } else { moves.split(',').nth(*done) };
    let mv = match wanted {
        Some(uci) => uci.parse::<UciMove>().ok().and_then(|uci| uci.to_move(position).ok()),
        None if moves == "auto" => position.legal_moves().into_iter().next(),
        None => None,
    };
    match mv {
        Some(mv) => {
            *done += 1;
            actions.write(PlayerAction::Move(mv));
        }
        None if *done < usize::MAX => {
            match options.open.as_deref() {
                Some("new") => drop(actions.write(PlayerAction::AskNewGame)),
                Some("resign") => drop(actions.write(PlayerAction::AskResign)),
                Some("draw") => drop(actions.write(PlayerAction::AskDraw)),
                Some("proof") => drop(actions.write(PlayerAction::ShowProof(None))),
                Some("settings") => drop(actions.write(PlayerAction::ShowSettings)),
                Some("help") => drop(actions.write(PlayerAction::ShowHelp)),
                Some("files") => drop(actions.write(PlayerAction::ShowFiles)),
                _ => {}
            }
            *done = usize::MAX;
        }
        None => {}
    }
}

/// One line on standard output for each change: moves, verified count, dialog.
#[allow(clippy::print_stdout, reason = "asked for by --print-state")]
fn print_state(play: Res<'_, Play>, overlay: Res<'_, State<Overlay>>, mut last: Local<'_, String>) {
    let line = match &play.state.game {
        Some(game) => {
            let (verified, all) = game.verified_count();
            format!("{:?} {verified}/{all} {}", overlay.get(), game.record.uci_moves().join(" "))
        }
        None => format!("{:?}", overlay.get()),
    };
    if *last != line {
        println!("{line}");
        *last = line;
    }
}

/// One line on standard output for each button that appears or moves: its name (`dialog/` before it in a dialog) and
/// its middle in the window.
#[allow(clippy::print_stdout, reason = "asked for by --print-state")]
fn print_buttons(
    buttons: Query<'_, '_, (Entity, &Name, &UiGlobalTransform, &ComputedNode), With<Does>>,
    parents: Query<'_, '_, &ChildOf>,
    dialogs: Query<'_, '_, (), With<Dialog>>,
    mut last: Local<'_, BTreeMap<Entity, (i32, i32)>>,
) {
    for (entity, name, transform, node) in &buttons {
        if node.size().x <= 0.0 {
            continue;
        }
        let middle = transform.affine().translation * node.inverse_scale_factor();
        let at = (middle.x.round() as i32, middle.y.round() as i32);
        if last.insert(entity, at) != Some(at) {
            let inside = parents.iter_ancestors(entity).any(|parent| dialogs.contains(parent));
            println!("button {}{name} {} {}", if inside { "dialog/" } else { "" }, at.0, at.1);
        }
    }
}
