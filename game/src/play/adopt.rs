//! The whole state of a game, as the server sends it: compared with what this client knows, then taken over.

use super::{
    game::{Badge, Game, Offence},
    seeds::Seeds,
    staked::Staked,
    state::{Effect, PlayState},
};
use engine_circuit::Level;
use protocol::{
    ClientMessage, GameRecord, GameSeeds, GameTerms, Hex32, STRONGEST_LEVEL, ServerMessage, Side, SideChoice,
    record::START_FEN, shakmaty::Position,
};

/// The first half-move in the server's record, from `from` on, that is the player's. What this client has not played, the player has not.
fn foreign(human: Side, record: &GameRecord, from: usize) -> Option<(u32, String)> {
    let players =
        |&at: &usize| record.position_at(at).is_some_and(|position| Side::from(position.turn()) == human);
    let at = (from..record.ply()).find(players)?;
    let mv = GameRecord::uci(*record.moves().get(at)?);
    Some((
        u32::try_from(at).ok()?,
        format!("{mv} at half-move {at} would be yours, and was not played in this client"),
    ))
}

impl PlayState {
    /// What is wrong with a game that is not the one on the board, if anything, and at which half-move.
    fn strange(&self, human: Side, record: &GameRecord, terms: GameTerms) -> Option<(u32, Offence, String)> {
        let other = |reason: String| Some((0, Offence::OtherGame, reason));
        if let Some(wish) = &self.wanted {
            let fen = GameRecord::from_fen(wish.start_fen.as_deref().unwrap_or(START_FEN));
            let side = match wish.side {
                SideChoice::White => Some(Side::White),
                SideChoice::Black => Some(Side::Black),
                SideChoice::Random => None,
            };
            let first = record.position_at(0).map(Position::turn);
            // The network may have begun.
            let played = usize::from(first.is_some_and(|turn| Side::from(turn) != human));
            return if side.is_some_and(|side| side != human) {
                other(format!("the side asked for was {:?}", wish.side))
            } else if fen.is_ok_and(|fen| fen.start_fen() != record.start_fen()) {
                other("it starts at another position than the one asked for".into())
            } else if terms != wish.terms {
                other("its clock or its kind is not what was asked for".into())
            } else if record.ply() > played {
                other("moves were played in it already".into())
            } else {
                None
            };
        }
        let earlier = self.earlier.as_ref()?;
        let own = earlier.record.uci_moves();
        let theirs = record.uci_moves();
        let common = own.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        // The last move may not have reached the server.
        let kept = common == own.len() || (common == theirs.len() && own.len() == common + 1);
        let same = earlier.human == human && earlier.record.start_fen() == record.start_fen();
        if !same || !kept {
            return other("it is not the game this client has kept".into());
        }
        // Its record was on the disk before the server heard of a move (`Effect::Moved`).
        let (ply, reason) = foreign(human, record, own.len()).filter(|_| !earlier.staked)?;
        Some((ply, Offence::OtherHistory, reason))
    }

    pub(super) fn adopt(&mut self, message: ServerMessage, now_s: f64) -> Vec<Effect> {
        let ServerMessage::Game {
            game_id: id,
            human_side: human,
            start_fen,
            moves,
            outcome,
            terms,
            proof_plies,
            seeds,
            player_key,
            stakes,
            ..
        } = message
        else {
            return Vec::new();
        };
        let record = match GameRecord::replay(&start_fen, moves.iter().map(String::as_str)) {
            Ok(record) => record,
            Err(error) => return self.raise(0, Offence::IllegalGame, error.to_string()),
        };
        let mut effects = Vec::new();
        let same = self.game.as_ref().is_some_and(|game| game.id == id);
        if !same {
            let watched = self.watching == Some(id);
            let earlier = self.earlier.as_ref().is_some_and(|earlier| earlier.id == id);
            if self.wanted.is_none() && !earlier && !watched {
                return Vec::new();
            }
            let strange = if watched { None } else { self.strange(human, &record, terms) };
            self.alarm = None;
            self.aside = None;
            let wanted = !watched && self.wanted.take().is_some();
            let earlier = if watched { None } else { self.earlier.take() };
            let (key, earlier) = earlier.map_or((None, None), |earlier| (earlier.key, earlier.seeds));
            let digest = self.opponent.as_ref().map_or([0; 32], |opponent| opponent.digest);
            let mut game = Game::new(id, human.into(), digest, record);
            game.terms = terms;
            (game.watched, game.key) = (watched, player_key.or(key));
            game.seeds = match (&seeds, Level::new(terms.level)) {
                // The contract's nonces have 16 bytes.
                (Some(said), Some(level)) if wanted && stakes.is_some() => {
                    let mut nonce = [0; 32];
                    nonce[16..].copy_from_slice(&rand::random::<[u8; 16]>());
                    Some(Seeds::known(level, said.head, Hex32(nonce)))
                }
                (Some(said), Some(level)) if wanted => Some(Seeds::fresh(level, said.head)),
                _ => earlier,
            };
            game.stakes = stakes.as_ref().map(|_| Staked::default());
            self.game = Some(game);
            effects.push(Effect::GameStarted);
            if let Some((ply, offence, reason)) = strange {
                effects.extend(self.raise(ply, offence, reason));
                return effects;
            }
        } else if let Some(game) = &mut self.game {
            let (own, theirs) = (game.record.uci_moves(), record.uci_moves());
            let common = own.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            if record.start_fen() != game.record.start_fen()
                || human != Side::from(game.human)
                || terms != game.terms
            {
                let reason = "start position, side or terms differ from before".into();
                return self.raise(0, Offence::OtherGame, reason);
            }
            let asked = game.taking_back.is_some_and(|ply| common == ply as usize && theirs.len() == common);
            if game.watched && common < own.len() && !game.terms.rated {
                // The player took moves back while this client was away.
                game.cut(u32::try_from(common).unwrap_or(0));
                effects.push(Effect::Moved);
            } else if asked {
                game.cut(u32::try_from(common).unwrap_or(0));
                game.taking_back = None;
                effects.push(Effect::Moved);
            } else if common < own.len() && common < game.confirmed {
                let reason = format!("after {common} half-moves its record differs from what was played");
                return self.raise(u32::try_from(common).unwrap_or(0), Offence::OtherHistory, reason);
            } else if game.is_played_here()
                && game.stakes.is_none()
                && let Some((ply, reason)) = foreign(human, &record, common)
            {
                return self.raise(ply, Offence::OtherHistory, reason);
            }
            game.confirmed = theirs.len();
            let ahead = common == theirs.len() && game.record.ply() == theirs.len() + 1;
            if ahead && outcome.is_none() && !game.watched {
                // Our last move was lost on the way.
                if let Some((ply, uci)) = game.own_unconfirmed() {
                    effects.push(Effect::Send(ClientMessage::Move {
                        game_id: id,
                        ply,
                        uci,
                        signature: None,
                    }));
                }
            } else {
                game.record = record;
                effects.push(Effect::Moved);
            }
        }
        let opened = seeds.as_ref().is_some_and(|seeds| seeds.nonce.is_some());
        if let Some(staked) = self.game.as_mut().and_then(|game| game.stakes.as_mut()) {
            staked.opened |= opened;
        }
        match self.agree_on_seeds(seeds.as_ref()) {
            Ok(nonce) => effects.extend(nonce),
            Err(reason) => {
                effects.extend(self.raise(0, Offence::WrongSeed, reason));
                return effects;
            }
        }
        let Some(game) = &mut self.game else { return effects };
        for ply in 0..u32::try_from(game.record.ply()).unwrap_or(0) {
            if game.is_bot_ply(ply) && !game.badges.contains_key(&ply) {
                game.badges.insert(ply, Badge::Proving { since_s: now_s });
            }
        }
        for (&ply, badge) in &game.badges {
            let open = matches!(badge, Badge::Proving { .. } | Badge::NotChecked { .. });
            if open && !game.proofs.contains_key(&ply) && !proof_plies.contains(&ply) {
                effects.push(Effect::Send(ClientMessage::RequestProof { game_id: id, ply }));
            }
        }
        if let Some(ply) = game.taking_back.filter(|_| outcome.is_none()) {
            effects.push(Effect::Send(ClientMessage::TakeBack { game_id: id, ply }));
        }
        if game.resigning && outcome.is_none() {
            effects.push(Effect::Send(ClientMessage::Resign { game_id: id }));
        }
        self.set_unprovable();
        if let Some(outcome) = outcome {
            effects.extend(self.game_over(id, outcome, now_s));
        }
        effects
    }

    /// Compares what the server says of the seeds with what this client knows; the nonce is sent if the server lacks it.
    fn agree_on_seeds(&mut self, said: Option<&GameSeeds>) -> Result<Option<Effect>, String> {
        let Some(game) = &mut self.game else { return Ok(None) };
        let confirmed = u32::try_from(game.confirmed).unwrap_or(u32::MAX);
        let moves = game.bot_moves_before(confirmed);
        if game.watched && said.is_none() && self.link_seeds.is_some() {
            return Err("the link names seeds, and it shows none".into());
        }
        if let (true, Some(said), Some(level)) = (game.watched, said, Level::new(game.terms.level)) {
            // The player chose the nonce. Whoever watches takes the first that is said, if it is the link's, and no other after it.
            if game.seeds.is_none()
                && let Some(nonce) = said.nonce
            {
                let seeds = Seeds::known(level, said.head, nonce);
                if self.link_seeds.is_some_and(|link| link != seeds.fingerprint()) {
                    return Err("its seeds are not those that the link names".into());
                }
                game.seeds = Some(seeds);
            }
            if game.seeds.is_none() && moves == 0 {
                return Ok(None);
            }
        }
        match (&mut game.seeds, said) {
            (None, None) if game.terms.level == STRONGEST_LEVEL => Ok(None),
            (Some(seeds), Some(said)) if seeds.level().number() == game.terms.level => {
                let lacks_it = seeds.agree(said, moves)? && !game.watched && game.stakes.is_none();
                let nonce = ClientMessage::Nonce { game_id: game.id, nonce: seeds.nonce() };
                Ok(lacks_it.then_some(Effect::Send(nonce)))
            }
            _ => Err("its seeds do not fit the level that was agreed".into()),
        }
    }
}
