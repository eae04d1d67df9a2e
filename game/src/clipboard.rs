//! The clipboard: positions, games, digests and commands go out, positions and games come in.

use crate::{files, play::game::Game};
use bevy::prelude::*;
use protocol::GameRecord;
use std::sync::{Mutex, PoisonError};

/// What was in the clipboard.
#[derive(Debug)]
pub enum Pasted {
    /// A position, in normal form.
    Fen(String),
    /// A game to look at.
    Game(Box<Game>),
}

/// The system's clipboard; where there is none, one of the client's own.
#[derive(Resource, Default)]
pub struct Clipboard(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    system: Option<arboard::Clipboard>,
    /// What the client itself copied last.
    own: String,
    /// Tests and machines without a screen don't ask the system.
    own_only: bool,
}

impl Clipboard {
    /// A clipboard that no other program sees.
    #[must_use]
    pub fn own_only() -> Self {
        Self(Mutex::new(Inner { own_only: true, ..Inner::default() }))
    }

    /// Puts a text into the clipboard.
    pub fn copy(&self, text: String) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.own.clone_from(&text);
        if let Some(system) = inner.system()
            && let Err(error) = system.set_text(text)
        {
            warn!("the system's clipboard: {error}");
        }
    }

    /// The text in the clipboard.
    #[must_use]
    pub fn text(&self) -> String {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let system = inner.system().and_then(|system| system.get_text().ok());
        system.unwrap_or_else(|| inner.own.clone())
    }

    /// The position or game in the clipboard.
    ///
    /// # Errors
    ///
    /// Returns a line for the user.
    pub fn paste(&self) -> Result<Pasted, String> {
        read(&self.text())
    }
}

impl Inner {
    fn system(&mut self) -> Option<&mut arboard::Clipboard> {
        if self.system.is_none() && !self.own_only {
            // Kept open: on X11 the copied text lives as long as its owner.
            self.system = arboard::Clipboard::new().ok();
        }
        self.system.as_mut()
    }
}

fn read(text: &str) -> Result<Pasted, String> {
    let text = text.trim();
    if let Ok(record) = GameRecord::from_fen(text) {
        return Ok(Pasted::Fen(record.start_fen().to_owned()));
    }
    if text.is_empty() {
        return Err("the clipboard is empty".into());
    }
    files::game_of_pgn(text).map(|game| Pasted::Game(Box::new(game)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_games_are_told_apart() {
        let clipboard = Clipboard::own_only();
        assert!(clipboard.paste().is_err());
        clipboard.copy(" 8/8/8/8/8/4k3/4p3/4K3 w - - 0 1\n".into());
        assert!(
            matches!(clipboard.paste(), Ok(Pasted::Fen(fen)) if fen.starts_with("8/8/8/8/8/4k3/4p3/4K3 w"))
        );
        clipboard.copy("1. e4 e5 2. Nf3 *".into());
        assert!(matches!(clipboard.paste(), Ok(Pasted::Game(game)) if game.record.ply() == 3));
        clipboard.copy("1. e5".into());
        assert!(clipboard.paste().is_err());
    }
}
