//! Earlier positions, and games from files.

use super::{Effect, Game, Link, PlayState, follow_again};

impl PlayState {
    /// Shows the position `steps` half-moves further (negative: earlier).
    pub fn browse(&mut self, steps: isize) {
        if let Some(game) = &mut self.game {
            let to = game.shown_ply().saturating_add_signed(steps);
            game.browsed = (to < game.record.ply()).then_some(to);
        }
    }

    /// Puts a game from a file on the board; one that is being played goes on behind it.
    pub fn review(&mut self, mut game: Game) -> Vec<Effect> {
        if self.alarm.is_some() {
            return Vec::new();
        }
        game.review = true;
        game.browsed = Some(0);
        let effects = game.proofs.keys().map(|&ply| Effect::Verify { ply }).collect();
        match self.game.replace(game) {
            Some(live) if !live.review => self.aside = Some(Box::new(live)),
            _ => {}
        }
        effects
    }

    /// Puts the game that is being played on the board again.
    pub fn leave_review(&mut self) -> Vec<Effect> {
        if self.game.as_ref().is_none_or(|game| !game.review) {
            return Vec::new();
        }
        self.game = self.aside.take().map(|game| *game);
        match &self.game {
            Some(game) if self.link == Link::Online && game.outcome.is_none() => follow_again(game),
            _ => Vec::new(),
        }
    }
}
