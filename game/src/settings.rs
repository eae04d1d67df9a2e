//! What the player chose, kept in one file of the data folder.

use crate::{
    files::{self, DataFolder},
    i18n::Language,
    theme::{art::PieceSet, board::BoardTheme},
};
use bevy::prelude::*;
use protocol::{STRONGEST_LEVEL, SideChoice, TimeControl};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Clocks offered before a game: minutes and increment in seconds; `None` plays without.
pub const TIME_CONTROLS: [Option<(u32, u32)>; 6] =
    [None, Some((1, 0)), Some((3, 2)), Some((5, 3)), Some((10, 5)), Some((30, 20))];

/// Choices of the player. Unknown or missing fields of the file take their defaults, one by one.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Side in the next game.
    pub side: SideChoice,
    /// Index into [`TIME_CONTROLS`].
    pub time: usize,
    /// Whether the next game counts.
    pub rated: bool,
    /// Level of the opponent in the next game.
    pub level: u8,
    /// Colours of the board.
    pub board: BoardTheme,
    /// Drawings of the pieces.
    pub pieces: PieceSet,
    /// Stronger contrasts everywhere.
    pub high_contrast: bool,
    /// Loudness in steps of a tenth, 0 to 10.
    pub volume: u8,
    /// Language of the texts.
    pub language: Language,
    /// Whether moves can be entered during the opponent's turn.
    pub premoves: bool,
    /// Whether dots show where a piece can go.
    pub hints: bool,
    /// Whether letters and digits stand at the board's edge.
    pub coordinates: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            side: SideChoice::White,
            time: 0,
            rated: false,
            level: STRONGEST_LEVEL,
            board: BoardTheme::default(),
            pieces: PieceSet::default(),
            high_contrast: false,
            volume: 6,
            language: Language::of_environment(),
            premoves: true,
            hints: true,
            coordinates: true,
        }
    }
}

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// Side in the next game.
    Side(SideChoice),
    /// Index into [`TIME_CONTROLS`].
    Time(usize),
    /// Whether the next game counts.
    Rated(bool),
    /// Level of the opponent in the next game.
    Level(u8),
    /// Colours of the board.
    Board(BoardTheme),
    /// Drawings of the pieces.
    Pieces(PieceSet),
    /// Stronger contrasts.
    HighContrast(bool),
    /// Loudness, 0 to 10.
    Volume(u8),
    /// Language.
    Language(Language),
    /// Premoves.
    Premoves(bool),
    /// Dots for legal moves.
    Hints(bool),
    /// Letters and digits at the board's edge.
    Coordinates(bool),
}

impl Settings {
    /// Takes a choice.
    pub fn choose(&mut self, setting: Setting) {
        match setting {
            Setting::Side(side) => self.side = side,
            Setting::Time(time) => self.time = time,
            Setting::Rated(rated) => self.rated = rated,
            Setting::Level(level) => self.level = level.clamp(1, STRONGEST_LEVEL),
            Setting::Board(board) => self.board = board,
            Setting::Pieces(pieces) => self.pieces = pieces,
            Setting::HighContrast(on) => self.high_contrast = on,
            Setting::Volume(volume) => self.volume = volume.min(10),
            Setting::Language(language) => self.language = language,
            Setting::Premoves(on) => self.premoves = on,
            Setting::Hints(on) => self.hints = on,
            Setting::Coordinates(on) => self.coordinates = on,
        }
    }

    /// Whether a choice is the one that holds.
    #[must_use]
    pub fn has(&self, setting: Setting) -> bool {
        let mut other = self.clone();
        other.choose(setting);
        other == *self
    }

    /// The clock of the next game.
    #[must_use]
    pub fn time_control(&self) -> Option<TimeControl> {
        let (minutes, seconds) = TIME_CONTROLS.get(self.time).copied().flatten()?;
        Some(TimeControl { initial_ms: minutes * 60_000, increment_ms: seconds * 1_000 })
    }

    /// Reads the settings of a folder. A missing file means the defaults; so does a damaged one, field by field, and
    /// it is kept beside the new one.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let path = file(folder);
        let Ok(text) = std::fs::read_to_string(&path) else { return Self::default() };
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
            Ok(fields) => Self::of_fields(&fields),
            Err(error) => {
                warn!("{}: {error}; the defaults hold", path.display());
                if let Err(error) = std::fs::rename(&path, path.with_extension("damaged")) {
                    warn!("{}: {error}", path.display());
                }
                Self::default()
            }
        }
    }

    /// Takes each field that can be read by itself.
    fn of_fields(fields: &serde_json::Map<String, serde_json::Value>) -> Self {
        let mut settings = Self::default();
        for (name, value) in fields {
            let Ok(serde_json::Value::Object(mut all)) = serde_json::to_value(&settings) else { continue };
            all.insert(name.clone(), value.clone());
            match serde_json::from_value::<Self>(all.into()) {
                Ok(read) => settings = read,
                Err(error) => warn!("the setting {name}: {error}"),
            }
        }
        settings.volume = settings.volume.min(10);
        if settings.time >= TIME_CONTROLS.len() {
            settings.time = 0;
        }
        settings
    }

    /// Writes the settings, whole or not at all.
    ///
    /// # Errors
    ///
    /// Returns the error of the file system.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        files::write(&file(folder), text.as_bytes())
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("settings.json")
}

/// Reads the settings at start and keeps them.
#[derive(Debug)]
pub struct SettingsPlugin;

impl Plugin for SettingsPlugin {
    fn build(&self, app: &mut App) {
        let folder = app.world().resource::<DataFolder>().0.clone();
        app.insert_resource(Settings::load(&folder)).add_systems(Last, keep);
    }
}

fn keep(settings: Res<'_, Settings>, folder: Res<'_, DataFolder>, mut kept: Local<'_, Option<Settings>>) {
    match kept.as_ref() {
        None => *kept = Some(settings.clone()),
        Some(before) if settings.is_changed() && *before != *settings => {
            if let Err(error) = settings.save(&folder.0) {
                warn!("the settings can't be kept: {error}");
            }
            *kept = Some(settings.clone());
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_damage_is_tolerated() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.choose(Setting::Board(BoardTheme::Green));
        settings.choose(Setting::Volume(3));
        settings.choose(Setting::Side(SideChoice::Black));
        settings.save(folder.path()).unwrap();
        assert_eq!(Settings::load(folder.path()), settings);

        let path = file(folder.path());
        for (text, expected) in [
            ("", Settings::default()),
            ("[1, 2", Settings::default()),
            ("\u{0}\u{0}\u{0}", Settings::default()),
            (
                r#"{"volume": "loud", "rated": true, "later": 1}"#,
                Settings { rated: true, ..Settings::default() },
            ),
            (r#"{"time": 999, "volume": 255}"#, Settings { volume: 10, ..Settings::default() }),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Settings::load(folder.path()), expected, "{text}");
        }
        std::fs::write(&path, "damaged").unwrap();
        Settings::load(folder.path()).save(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(path.with_extension("damaged")).unwrap(), "damaged");
        assert_eq!(Settings::load(folder.path()), Settings::default());
    }
}
