//! The state of the client's game, without Bevy and without I/O: what the server said, what the player did, what the
//! verifier found.

use protocol::{
    ClientMessage, EndReason, GameId, GameRecord, Outcome, ProofMode, ServerMessage, Side,
    shakmaty::{Color, Move, Position},
};
use std::collections::BTreeMap;

/// Moves of the opponent that may wait for their check before the player has to wait too.
pub const MAX_UNPROVEN: usize = 3;

/// Seconds before the client asks for the whole game again after a refusal.
const RESYNC_PAUSE_S: f64 = 1.0;

/// Seconds without a proof after which a move counts as not checked.
pub const PROOF_TIMEOUT_S: f64 = 120.0;

/// Where the check of one move of the opponent stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Badge {
    /// The proof hasn't come yet.
    Proving {
        /// When the wait began, in seconds of the client's clock; the wait for the prover itself is not counted.
        since_s: f64,
    },
    /// The client's verifier is at it.
    Checking,
    /// The client's verifier accepted the proof.
    Verified {
        /// How long that took, in milliseconds.
        verify_ms: f32,
    },
    /// The client's verifier rejected the proof.
    Invalid {
        /// The reason of the verifier.
        reason: String,
    },
    /// There was nothing to check, or no key to check with: not the same as bad.
    NotChecked {
        /// Why.
        reason: String,
    },
}

/// What is known about the network of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Opponent {
    /// Digest, as the server claims it.
    pub digest: [u8; 32],
    /// Whether this client has the key of that digest pinned.
    pub trust: Trust,
    /// Whether the server proves its moves.
    pub proof_mode: ProofMode,
    /// Whether the prover is ready.
    pub prover_ready: bool,
    /// How far the prover is with getting ready, 0 to 1.
    pub prover_progress: f32,
    /// Why the prover will never be ready.
    pub prover_failed: Option<String>,
}

/// What the client thinks of the digest that the server claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The key is pinned in this client.
    Pinned,
    /// The client has keys, and this is none of them.
    Unknown,
    /// The server has changed its network during the session.
    Changed,
}

/// State of the connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Link {
    /// No connection yet.
    #[default]
    Connecting,
    /// Hello and welcome are exchanged.
    Online,
    /// The connection broke; another try comes by itself.
    Broken {
        /// Why.
        reason: String,
    },
    /// It won't get better by itself.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Something that stops the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Half-moves before the move it is about.
    pub ply: u32,
    /// One line: what happened.
    pub title: String,
    /// The reason in the words of the part that found it.
    pub reason: String,
    /// Where the evidence was saved, once it was.
    pub evidence: Option<String>,
}

/// One game.
#[derive(Clone, Debug)]
pub struct Game {
    /// Name of the game, part of every statement.
    pub id: GameId,
    /// Side of the human.
    pub human: Color,
    /// The client's own record: every statement is built from it.
    pub record: GameRecord,
    /// How the game ended.
    pub outcome: Option<Outcome>,
    /// The check of each of the opponent's moves, by ply.
    pub badges: BTreeMap<u32, Badge>,
    /// Proofs as they came, by ply.
    pub proofs: BTreeMap<u32, Vec<u8>>,
    /// Half-moves that the server has confirmed.
    pub confirmed: usize,
    /// The player has resigned and waits for the server to say so.
    pub resigning: bool,
    /// Position shown instead of the current one, in half-moves.
    pub browsed: Option<usize>,
}

impl Game {
    /// A game at its start.
    #[must_use]
    pub fn new(id: GameId, human: Color, record: GameRecord) -> Self {
        Self {
            id,
            human,
            confirmed: record.ply(),
            record,
            outcome: None,
            badges: BTreeMap::new(),
            proofs: BTreeMap::new(),
            resigning: false,
            browsed: None,
        }
    }

    /// Whether the move at `ply` is the opponent's.
    #[must_use]
    pub fn is_bot_ply(&self, ply: u32) -> bool {
        self.record.position_at(ply as usize).is_some_and(|position| position.turn() != self.human)
    }

    /// Half-moves that the board shows.
    #[must_use]
    pub fn shown_ply(&self) -> usize {
        self.browsed.unwrap_or(self.record.ply()).min(self.record.ply())
    }

    /// Verified moves and all moves of the opponent.
    #[must_use]
    pub fn verified_count(&self) -> (usize, usize) {
        let verified = self.badges.values().filter(|badge| matches!(badge, Badge::Verified { .. })).count();
        (verified, self.badges.len())
    }

    /// Moves of the opponent without a good check.
    #[must_use]
    pub fn unproven(&self) -> usize {
        let (verified, all) = self.verified_count();
        all - verified
    }

    fn own_unconfirmed(&self) -> Option<(u32, String)> {
        let ply = self.record.ply();
        (ply > self.confirmed && ply > 0).then(|| {
            let mv = self.record.moves()[ply - 1];
            (u32::try_from(ply - 1).unwrap_or(u32::MAX), GameRecord::uci(mv))
        })
    }
}

/// Why the player can't move now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// No game yet.
    NoGame,
    /// A proof was invalid or the server cheated.
    Alarm,
    /// The game has ended.
    Over,
    /// It is the opponent's turn.
    NotYourTurn,
    /// An earlier position is shown.
    Browsing,
    /// More than [`MAX_UNPROVEN`] moves lack a check.
    Unproven,
}

/// What the state wants done after a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this to the server.
    Send(ClientMessage),
    /// Check the proof of the move at this ply.
    Verify {
        /// Half-moves before the move.
        ply: u32,
    },
    /// Show and save what stopped the game.
    Raise,
    /// A new game stands on the board.
    GameStarted,
    /// The game has ended.
    GameEnded,
    /// A line for the player.
    Notice(String),
}

/// A game that an earlier run of the client left unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierGame {
    /// The game.
    pub id: GameId,
    /// Digest of the network that played it.
    pub digest: [u8; 32],
}

/// Everything the client knows.
#[derive(Clone, Debug, Default)]
pub struct PlayState {
    /// The connection.
    pub link: Link,
    /// The network of the server.
    pub opponent: Option<Opponent>,
    /// The game.
    pub game: Option<Game>,
    /// What stopped the game.
    pub alarm: Option<Alarm>,
    /// The game wanted while there is no connection.
    pub wanted: Option<protocol::SideChoice>,
    /// Where new games start, if not at the usual position.
    pub start_fen: Option<String>,
    /// A game of an earlier run of the client, to be taken up if its network still plays.
    pub earlier: Option<EarlierGame>,
    /// When to ask the server for the whole game again, in seconds of the client's clock.
    pub resync_at_s: Option<f64>,
}

impl PlayState {
    /// Why the player can't move now; `None` if they can.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        let Some(game) = &self.game else { return Some(Blocked::NoGame) };
        if self.alarm.is_some() {
            Some(Blocked::Alarm)
        } else if game.outcome.is_some() || Outcome::of(&game.record).is_some() {
            Some(Blocked::Over)
        } else if game.browsed.is_some() {
            Some(Blocked::Browsing)
        } else if game.record.position().turn() != game.human {
            Some(Blocked::NotYourTurn)
        } else if self.proves() && game.unproven() > MAX_UNPROVEN {
            Some(Blocked::Unproven)
        } else {
            None
        }
    }

    fn proves(&self) -> bool {
        self.opponent.as_ref().is_none_or(|opponent| opponent.proof_mode == ProofMode::Gkr)
    }

    /// Plays a move of the human.
    pub fn play(&mut self, mv: Move) -> Vec<Effect> {
        if self.blocked().is_some() {
            return Vec::new();
        }
        let Some(game) = &mut self.game else { return Vec::new() };
        let ply = game.record.ply();
        if game.record.play(mv).is_err() {
            return Vec::new();
        }
        let ply = u32::try_from(ply).unwrap_or(u32::MAX);
        vec![Effect::Send(ClientMessage::Move { game_id: game.id, ply, uci: GameRecord::uci(mv) })]
    }

    /// Resigns the game.
    pub fn resign(&mut self) -> Vec<Effect> {
        match &mut self.game {
            Some(game) if game.outcome.is_none() => {
                game.resigning = true;
                vec![Effect::Send(ClientMessage::Resign { game_id: game.id })]
            }
            _ => Vec::new(),
        }
    }

    /// Asks for a new game, at once or as soon as there is a connection.
    pub fn new_game(&mut self, human_side: protocol::SideChoice) -> Vec<Effect> {
        self.wanted = Some(human_side);
        if self.link == Link::Online {
            vec![Effect::Send(ClientMessage::NewGame { human_side, start_fen: self.start_fen.clone() })]
        } else {
            Vec::new()
        }
    }

    /// The connection changed.
    pub fn link_changed(&mut self, link: Link) {
        self.link = link;
    }

    /// Hears a message of the server.
    pub fn receive(
        &mut self,
        message: ServerMessage,
        trust: impl Fn(&[u8; 32]) -> Trust,
        now_s: f64,
    ) -> Vec<Effect> {
        match message {
            ServerMessage::Welcome { model_digest, proof_mode, prover_ready, prover_progress, .. } => {
                let before = self.opponent.as_ref().map(|opponent| opponent.digest);
                let changed = before.is_some_and(|digest| digest != model_digest);
                let trust = match trust(&model_digest) {
                    _ if changed && self.game.is_some() => Trust::Changed,
                    trust => trust,
                };
                self.opponent = Some(Opponent {
                    digest: model_digest,
                    trust,
                    proof_mode,
                    prover_ready,
                    prover_progress,
                    prover_failed: None,
                });
                self.link = Link::Online;
                self.take_up()
            }
            ServerMessage::Game { game_id, human_side, start_fen, moves, outcome, proof_plies } => {
                self.adopt(game_id, human_side, &start_fen, &moves, outcome, &proof_plies, now_s)
            }
            ServerMessage::MoveAccepted { game_id, ply } => {
                if let Some(game) = self.game_of(game_id) {
                    game.confirmed = game.confirmed.max(ply as usize + 1);
                }
                Vec::new()
            }
            ServerMessage::BotMove { game_id, ply, uci, .. } => self.bot_move(game_id, ply, &uci, now_s),
            ServerMessage::Proving { .. } | ServerMessage::ProofReady { .. } | ServerMessage::Pong => {
                Vec::new()
            }
            ServerMessage::ProofFailed { game_id, ply, reason } => {
                let Some(game) = self.game_of(game_id) else { return Vec::new() };
                if let Some(badge @ Badge::Proving { .. }) = game.badges.get_mut(&ply) {
                    *badge = Badge::NotChecked { reason };
                }
                Vec::new()
            }
            ServerMessage::ProverStatus { ready, progress, failed } => {
                if let Some(opponent) = &mut self.opponent {
                    opponent.prover_ready = ready;
                    opponent.prover_progress = progress;
                    opponent.prover_failed = failed;
                }
                Vec::new()
            }
            ServerMessage::DrawDeclined { .. } => vec![Effect::Notice("Draw declined.".into())],
            ServerMessage::GameOver { game_id, outcome } => self.game_over(game_id, outcome),
            ServerMessage::Error { code, message, game_id } => self.refused(code, message, game_id, now_s),
        }
    }

    /// After a welcome: takes the game up again, or starts the one that was wanted.
    fn take_up(&mut self) -> Vec<Effect> {
        if let Some(human_side) = self.wanted {
            return vec![Effect::Send(ClientMessage::NewGame {
                human_side,
                start_fen: self.start_fen.clone(),
            })];
        }
        let digest = self.opponent.as_ref().map(|opponent| opponent.digest);
        match &self.game {
            None => match self.earlier {
                Some(earlier) if Some(earlier.digest) == digest => {
                    vec![Effect::Send(ClientMessage::Resume { game_id: earlier.id, have_proofs: Vec::new() })]
                }
                _ => Vec::new(),
            },
            Some(game) if game.outcome.is_none() || game.proofs.len() < game.badges.len() => {
                vec![Effect::Send(ClientMessage::Resume {
                    game_id: game.id,
                    have_proofs: game.proofs.keys().copied().collect(),
                })]
            }
            _ => Vec::new(),
        }
    }

    fn game_of(&mut self, id: GameId) -> Option<&mut Game> {
        self.game.as_mut().filter(|game| game.id == id)
    }

    fn raise(&mut self, ply: u32, title: &str, reason: String) -> Vec<Effect> {
        if self.alarm.is_some() {
            return Vec::new();
        }
        self.alarm = Some(Alarm { ply, title: title.to_owned(), reason, evidence: None });
        vec![Effect::Raise]
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one message")]
    fn adopt(
        &mut self,
        id: GameId,
        human: Side,
        start_fen: &str,
        moves: &[String],
        outcome: Option<Outcome>,
        proof_plies: &[u32],
        now_s: f64,
    ) -> Vec<Effect> {
        let record = match GameRecord::replay(start_fen, moves.iter().map(String::as_str)) {
            Ok(record) => record,
            Err(error) => {
                return self.raise(0, "The server sent a game with an illegal move", error.to_string());
            }
        };
        let mut effects = Vec::new();
        let same = self.game.as_ref().is_some_and(|game| game.id == id);
        if !same {
            let earlier = self.earlier.take_if(|earlier| earlier.id == id).is_some();
            if self.wanted.take().is_none() && !earlier {
                return Vec::new();
            }
            self.alarm = None;
            self.game = Some(Game::new(id, human.into(), record));
            effects.push(Effect::GameStarted);
        } else if let Some(game) = &mut self.game {
            let (own, theirs) = (game.record.uci_moves(), record.uci_moves());
            let common = own.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            if record.start_fen() != game.record.start_fen() || human != Side::from(game.human) {
                return self.raise(
                    0,
                    "The server changed the game",
                    "start position or side differ from before".into(),
                );
            }
            if common < own.len() && common < game.confirmed {
                let reason = format!("after {common} half-moves its record differs from what was played");
                return self.raise(
                    u32::try_from(common).unwrap_or(0),
                    "The server changed the history of the game",
                    reason,
                );
            }
            game.confirmed = theirs.len();
            if common == theirs.len() && own.len() == theirs.len() + 1 && outcome.is_none() {
                // Our last move was lost on the way.
                if let Some((ply, uci)) = game.own_unconfirmed() {
                    effects.push(Effect::Send(ClientMessage::Move { game_id: id, ply, uci }));
                }
            } else {
                game.record = record;
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
        if game.resigning && outcome.is_none() {
            effects.push(Effect::Send(ClientMessage::Resign { game_id: id }));
        }
        self.set_unprovable();
        if let Some(outcome) = outcome {
            effects.extend(self.game_over(id, outcome));
        }
        effects
    }

    /// Badges of a server that proves nothing say so at once; nothing is asked of it.
    fn set_unprovable(&mut self) {
        if self.proves() {
            return;
        }
        if let Some(game) = &mut self.game {
            for badge in game.badges.values_mut() {
                if matches!(badge, Badge::Proving { .. }) {
                    *badge = Badge::NotChecked { reason: "this server does not prove its moves".into() };
                }
            }
        }
    }

    fn bot_move(&mut self, id: GameId, ply: u32, uci: &str, now_s: f64) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let at = ply as usize;
        if at < game.record.ply() {
            if GameRecord::uci(game.record.moves()[at]) == uci && game.is_bot_ply(ply) {
                return Vec::new();
            }
            let reason = format!("it now says {uci} at half-move {ply}");
            return self.raise(ply, "The server changed a move it had played", reason);
        }
        if at > game.record.ply() {
            let have_proofs = game.proofs.keys().copied().collect();
            return vec![Effect::Send(ClientMessage::Resume { game_id: id, have_proofs })];
        }
        if game.record.position().turn() == game.human || game.outcome.is_some() {
            return self.raise(ply, "The server moved out of turn", format!("it played {uci}"));
        }
        if let Err(error) = game.record.play_uci(uci) {
            return self.raise(ply, "The server played an illegal move", error.to_string());
        }
        game.confirmed = game.record.ply();
        game.browsed = None;
        game.badges.insert(ply, Badge::Proving { since_s: now_s });
        self.set_unprovable();
        Vec::new()
    }

    fn game_over(&mut self, id: GameId, outcome: Outcome) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        if game.outcome.is_some() {
            return Vec::new();
        }
        let forced = Outcome::of(&game.record);
        let claimed = matches!(outcome.reason, EndReason::Threefold | EndReason::FiftyMoves)
            && outcome.winner.is_none()
            && protocol::claimable_draw(&game.record).is_some();
        let believable = match forced {
            Some(forced) => forced == outcome || claimed,
            None => claimed || outcome.reason == EndReason::Resignation,
        };
        let ply = u32::try_from(game.record.ply()).unwrap_or(u32::MAX);
        if !believable {
            let reason = format!("it says {:?}, and the position does not", outcome.reason);
            return self.raise(ply, "The server ended the game wrongly", reason);
        }
        game.outcome = Some(outcome);
        vec![Effect::GameEnded]
    }

    fn refused(
        &mut self,
        code: protocol::ErrorCode,
        message: String,
        id: Option<GameId>,
        now_s: f64,
    ) -> Vec<Effect> {
        use protocol::ErrorCode as Code;
        if code == Code::UnknownGame && self.game.is_none() {
            self.earlier = None;
            return Vec::new();
        }
        if let Some(game) = id.and_then(|id| self.game_of(id)) {
            if matches!(code, Code::IllegalMove | Code::WrongPly | Code::NotYourTurn | Code::GameOver) {
                // Take the move back; the server's record will say what counts.
                game.record = game.record.truncated(game.confirmed);
            }
            if code != Code::NoProof {
                self.resync_at_s = Some(now_s + RESYNC_PAUSE_S);
            }
        }
        vec![Effect::Notice(message)]
    }

    /// A proof came.
    pub fn proof_arrived(&mut self, id: GameId, ply: u32, proof: Vec<u8>) -> Vec<Effect> {
        let pinned = self.opponent.as_ref().is_some_and(|opponent| opponent.trust == Trust::Pinned);
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let Some(badge) = game.badges.get_mut(&ply) else { return Vec::new() };
        if !matches!(badge, Badge::Proving { .. } | Badge::NotChecked { .. }) {
            return Vec::new();
        }
        game.proofs.insert(ply, proof);
        if pinned {
            *badge = Badge::Checking;
            vec![Effect::Verify { ply }]
        } else {
            *badge = Badge::NotChecked { reason: "its key is not pinned in this client".into() };
            Vec::new()
        }
    }

    /// The verifier came to a result.
    pub fn verified(
        &mut self,
        id: GameId,
        ply: u32,
        result: Result<(), String>,
        verify_ms: f32,
    ) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let Some(badge) = game.badges.get_mut(&ply) else { return Vec::new() };
        match result {
            Ok(()) => {
                *badge = Badge::Verified { verify_ms };
                Vec::new()
            }
            Err(reason) => {
                *badge = Badge::Invalid { reason: reason.clone() };
                self.raise(ply, "The proof of a move is INVALID", reason)
            }
        }
    }

    /// Time passes: proofs that are overdue count as not checked, refused messages lead to a fresh start.
    pub fn tick(&mut self, now_s: f64) -> Vec<Effect> {
        let prover_ready = self.opponent.as_ref().is_some_and(|opponent| opponent.prover_ready);
        let failed = self.opponent.as_ref().and_then(|opponent| opponent.prover_failed.clone());
        let Some(game) = &mut self.game else { return Vec::new() };
        for badge in game.badges.values_mut() {
            let Badge::Proving { since_s } = badge else { continue };
            if let Some(reason) = &failed {
                *badge = Badge::NotChecked { reason: format!("the prover failed: {reason}") };
            } else if !prover_ready {
                *since_s = now_s;
            } else if now_s - *since_s > PROOF_TIMEOUT_S {
                *badge = Badge::NotChecked { reason: format!("no proof within {PROOF_TIMEOUT_S:.0} s") };
            }
        }
        if self.link == Link::Online && self.resync_at_s.take_if(|at_s| now_s > *at_s).is_some() {
            let have_proofs = game.proofs.keys().copied().collect();
            return vec![Effect::Send(ClientMessage::Resume { game_id: game.id, have_proofs })];
        }
        Vec::new()
    }

    /// Shows the position `steps` half-moves further (negative: earlier).
    pub fn browse(&mut self, steps: isize) {
        if let Some(game) = &mut self.game {
            let to = game.shown_ply().saturating_add_signed(steps);
            game.browsed = (to < game.record.ply()).then_some(to);
        }
    }
}
