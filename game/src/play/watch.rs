//! Games that somebody else plays: the link to one, and what is heard of it. Whoever watches checks every proof like the player.

use super::{
    game::{Game, Offence},
    seeds::Seeds,
    state::{Effect, PlayState},
};
use protocol::{ClientMessage, GameId, GameRecord, Hex32};

/// Where a game can be watched: `fairmate://HOST:PORT/GAME`, below the strongest level `fairmate://HOST:PORT/GAME-SEEDS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchLink {
    /// The server, as `ws://HOST:PORT`.
    pub address: String,
    /// The game.
    pub game: GameId,
    /// The seeds of its moves, by the word of the player and not of the server ([`Seeds::fingerprint`](super::seeds::Seeds::fingerprint)).
    pub seeds: Option<Hex32>,
}

impl std::fmt::Display for WatchLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.address.strip_prefix("ws://").unwrap_or(&self.address);
        write!(f, "fairmate://{}/{}", place.trim_end_matches('/'), self.game)?;
        self.seeds.map_or(Ok(()), |seeds| write!(f, "-{}", hex::encode(seeds.0)))
    }
}

impl std::str::FromStr for WatchLink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "{text}: expected fairmate://HOST:PORT/GAME or fairmate://HOST:PORT/GAME-SEEDS, with 64 hex digits each"
            )
        };
        let place = text.strip_prefix("fairmate://").or(text.strip_prefix("ws://")).ok_or_else(expected)?;
        let (host, game) =
            place.rsplit_once('/').filter(|(host, _)| !host.is_empty()).ok_or_else(expected)?;
        let (game, seeds) = game.split_once('-').map_or((game, None), |(game, seeds)| (game, Some(seeds)));
        let seeds = seeds.map(|seeds| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(seeds, &mut bytes).map(|()| Hex32(bytes))
        });
        let game = game.parse().map_err(|_| expected())?;
        Ok(Self { address: format!("ws://{host}"), game, seeds: seeds.transpose().map_err(|_| expected())? })
    }
}

/// Asks for a game: with a key as its player, without to watch.
pub(super) fn follow(game_id: GameId, have_proofs: Vec<u32>, key: Option<Hex32>) -> Vec<Effect> {
    vec![Effect::Send(ClientMessage::Resume { game_id, have_proofs, key })]
}

/// Asks for a game once more.
pub(super) fn follow_again(game: &Game) -> Vec<Effect> {
    follow(game.id, game.proofs.keys().copied().collect(), game.key)
}

impl PlayState {
    /// The link to the game on the board; `None` if there is none or its server is in this program.
    #[must_use]
    pub fn watch_link(&self) -> Option<WatchLink> {
        let game = self.game.as_ref().filter(|game| !game.review)?;
        // Whoever watches passes on what the link said, not what the server says.
        let own = game.seeds.as_ref().filter(|_| !game.watched).map(Seeds::fingerprint);
        let seeds = if game.watched { self.link_seeds } else { own };
        Some(WatchLink { address: self.address.clone()?, game: game.id, seeds })
    }

    /// A move of the player whom this client watches.
    pub(super) fn player_move(&mut self, id: GameId, ply: u32, uci: &str) -> Vec<Effect> {
        let Some(game) = self.game.as_mut().filter(|game| game.id == id && game.watched) else {
            return Vec::new();
        };
        let at = ply as usize;
        if at > game.record.ply() {
            return follow_again(game);
        }
        if let Some(&mv) = game.record.moves().get(at) {
            if GameRecord::uci(mv) == uci {
                return Vec::new();
            }
            let reason = format!("it now says {uci} at half-move {ply}");
            return self.raise(ply, Offence::OtherHistory, reason);
        }
        if game.is_bot_ply(ply) {
            return self.raise(ply, Offence::OutOfTurn, format!("the player is said to have played {uci}"));
        }
        if let Err(error) = game.record.play_uci(uci) {
            return self.raise(ply, Offence::IllegalMove, error.to_string());
        }
        game.confirmed = game.record.ply();
        vec![Effect::Moved]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_they_are_written() {
        let game = GameId([0xab; 32]);
        let link = WatchLink { address: "ws://example.org:9000".into(), game, seeds: None };
        let seeds = Some(Hex32([0xcd; 32]));
        let named = WatchLink { seeds, ..link.clone() };
        let long = format!("fairmate://example.org:9000/{game}-{}", "cd".repeat(32));
        assert_eq!((named.to_string(), long.parse()), (long.clone(), Ok(named)));
        let text = format!("fairmate://example.org:9000/{game}");
        assert_eq!(link.to_string(), text);
        assert_eq!(text.parse(), Ok(link.clone()));
        assert_eq!(format!("ws://example.org:9000/{game}").parse(), Ok(link));
        let slash = WatchLink { address: "ws://example.org:9000/".into(), game, seeds: None };
        assert_eq!(slash.to_string(), text);
        for wrong in
            ["", "fairmate://", "fairmate://host", "fairmate:///00", "http://host/00", "fairmate://host/00"]
        {
            assert!(wrong.parse::<WatchLink>().is_err(), "{wrong}");
        }
        assert!(format!("fairmate:///{game}").parse::<WatchLink>().is_err());
        for wrong in ["-", "-cd", "-xy"] {
            assert!(format!("{text}{wrong}").parse::<WatchLink>().is_err(), "{wrong}");
        }
    }
}
