//! The side panel and the dialogs.

pub mod dialogs;
pub mod panel;

use bevy::prelude::*;

/// The dialog over the board.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// No dialog.
    None,
    /// Choice of a side: also what the client starts with.
    #[default]
    NewGame,
    /// Whether to resign.
    ConfirmResign,
    /// The result.
    GameOver,
    /// A proof was invalid or the server cheated.
    Alarm,
}

/// Side panel and dialogs.
#[derive(Debug)]
pub struct ScreensPlugin;

impl Plugin for ScreensPlugin {
    fn build(&self, app: &mut App) {
        app.init_state::<Overlay>().add_plugins((panel::PanelPlugin, dialogs::DialogsPlugin));
    }
}
