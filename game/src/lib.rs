//! The Fairmate client: a chess board, a move list, and a verifier of its own that checks every move of the opponent.
//!
//! The list of plugins in [`GamePlugin`] is the table of contents.

#![allow(clippy::needless_pass_by_value, reason = "Bevy's systems take their parameters by value")]

pub mod analysis;
pub mod args;
pub mod board;
pub mod clipboard;
pub mod dev_tools;
pub mod files;
pub mod i18n;
pub mod idle;
pub mod measure;
pub mod net;
pub mod networks;
pub mod play;
pub mod screens;
pub mod settings;
pub mod sound;
pub mod stakes;
pub mod theme;
pub mod verify;

use bevy::prelude::*;
use std::path::PathBuf;

/// Everything of the client except Bevy's own plugins.
#[derive(Debug)]
pub struct GamePlugin {
    /// Where the server is, or how to start one.
    pub opponent: net::Opponent,
    /// Verifying keys that this client trusts.
    pub pinned: verify::PinnedKeys,
    /// Folder for games, bundles and evidence.
    pub store: PathBuf,
    /// Options for developers.
    pub dev: dev_tools::DevOptions,
    /// Who plays for stakes.
    pub seats: stakes::Seats,
}

impl Plugin for GamePlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(files::DataFolder(self.store.clone()))
            .insert_resource(self.opponent.clone())
            .insert_resource(self.pinned.clone())
            .insert_resource(self.dev.clone())
            .insert_resource(self.seats.clone())
            .insert_resource(networks::Networks::shipped())
            .init_resource::<clipboard::Clipboard>()
            .add_plugins((
                settings::SettingsPlugin,
                i18n::TextsPlugin,
                theme::ThemePlugin,
                play::PlayPlugin,
                board::BoardPlugin,
                screens::ScreensPlugin,
                net::NetPlugin,
                stakes::StakesPlugin,
                verify::VerifyPlugin,
                analysis::AnalysisPlugin,
                sound::SoundPlugin,
                idle::IdlePlugin,
                dev_tools::DevToolsPlugin,
            ));
    }
}

/// What happens in a frame, in this order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Threads of network and verifier are heard.
    Receive,
    /// Keyboard and buttons become actions.
    Input,
    /// Actions and messages change the state of the game.
    Apply,
    /// The state is drawn.
    Draw,
}
