//! The side panel and the dialogs.

pub mod choices;
pub mod curve;
pub mod dialogs;
pub mod moves;
pub mod panel;
pub mod players;
pub mod proof_card;
pub mod stakes;

use crate::{
    play::game::Badge,
    theme::{art::Sign, colour},
};
use bevy::prelude::*;

/// The dialog over the board.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// No dialog.
    None,
    /// Choice of side and clock: also what the client starts with.
    #[default]
    Start,
    /// Whether to resign.
    ConfirmResign,
    /// Whether to offer or claim a draw.
    ConfirmDraw,
    /// The result.
    GameOver,
    /// A proof was invalid or the server cheated.
    Alarm,
    /// What is known about one proof.
    ProofCard,
    /// The settings.
    Settings,
    /// The keys.
    Help,
    /// Saved games.
    Files,
}

/// Side panel and dialogs.
#[derive(Debug)]
pub struct ScreensPlugin;

impl Plugin for ScreensPlugin {
    fn build(&self, app: &mut App) {
        app.init_state::<Overlay>().add_plugins((
            panel::PanelPlugin,
            moves::MovesPlugin,
            curve::CurvePlugin,
            players::PlayersPlugin,
            dialogs::DialogsPlugin,
            choices::ChoicesPlugin,
            proof_card::ProofCardPlugin,
            stakes::StakesScreenPlugin,
        ));
    }
}

/// Sign and colour of a badge: each state has its own shape.
#[must_use]
pub fn badge_sign(badge: &Badge) -> (Sign, Color) {
    match badge {
        Badge::Proving { .. } => (Sign::Work, colour::WORK),
        Badge::Checking => (Sign::Glass, colour::WORK),
        Badge::Verified { .. } => (Sign::Tick, colour::GOOD),
        Badge::Invalid { .. } => (Sign::Cross, colour::BAD),
        Badge::NotChecked { .. } => (Sign::Question, colour::WARN),
    }
}
