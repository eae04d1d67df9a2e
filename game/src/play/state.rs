//! The state of the client's game, without Bevy and without I/O: what the server said, what the player did, what the
//! verifier found.

mod review;

pub use super::game::{Alarm, Badge, Game, Link, LocalClock, Offence, Opponent, ProofFacts, Trust};
use super::{
    seeds::Seeds,
    watch::{follow, follow_again},
};
pub use protocol::MAX_UNPROVEN;
use protocol::{
    ClientMessage, ClockReading, EndReason, GameId, GameRecord, GameTerms, Hex32, Outcome, ProofMode,
    ServerMessage, Side, SideChoice,
    shakmaty::{Move, Position, Role, Square},
};
use std::collections::VecDeque;

/// Seconds before the client asks for the whole game again after a refusal.
const RESYNC_PAUSE_S: f64 = 1.0;

/// Milliseconds by which the server's clock may be behind the client's before the client calls it wrong: messages take
/// time.
pub const CLOCK_TOLERANCE_MS: u32 = 5_000;

/// Messages of the server that are kept for evidence, and the bytes kept of each.
const HEARD: (usize, usize) = (200, 4 << 10);

/// Seconds without a proof after which a move counts as not checked.
pub const PROOF_TIMEOUT_S: f64 = 120.0;

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
    /// The game was opened from a file.
    Review,
    /// Somebody else plays.
    Watching,
    /// The game for stakes is not open on chain yet.
    Opening,
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
    /// Moves were played or taken back.
    Moved,
    /// The game has ended.
    GameEnded,
    /// An offer was not taken: there is no game.
    OfferRefused,
    /// A line for the player.
    Notice(Notice),
}

/// A line for the player.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A text of the client, by its id.
    Text(&'static str),
    /// A text of the client with one part.
    With(&'static str, String),
    /// In the server's words.
    Server(String),
}

/// The game the player asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Side of the human.
    pub side: SideChoice,
    /// Start position, if not the usual one.
    pub start_fen: Option<String>,
    /// What is to be agreed.
    pub terms: GameTerms,
    /// What it is played for.
    pub stakes: Option<protocol::StakesWish>,
}

/// A game that an earlier run of the client left unfinished.
#[derive(Clone, Debug)]
pub struct EarlierGame {
    /// The game.
    pub id: GameId,
    /// Digest of the network that played it.
    pub digest: [u8; 32],
    /// Side of the human.
    pub human: Side,
    /// The client's record of it.
    pub record: GameRecord,
    /// Its seeds, below the strongest level.
    pub seeds: Option<Seeds>,
    /// What shows the server that this client is its player.
    pub key: Option<Hex32>,
    /// Whether it is played for stakes.
    pub staked: bool,
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
    /// The game that the server has been asked for, or will be once there is a connection.
    pub wanted: Option<Wish>,
    /// Where new games start, if not at the usual position.
    pub start_fen: Option<String>,
    /// A game that goes on while one from a file is on the board.
    pub aside: Option<Box<Game>>,
    /// The last messages of the server as they came, for evidence.
    pub heard: VecDeque<String>,
    /// A game of an earlier run of the client, to be taken up if its network still plays.
    pub earlier: Option<EarlierGame>,
    /// A game of somebody else that this client follows.
    pub watching: Option<GameId>,
    /// What the link says of its seeds ([`Seeds::fingerprint`]).
    pub link_seeds: Option<Hex32>,
    /// Where the server is, if it is not in this program.
    pub address: Option<String>,
    /// Where and as whom this client plays for stakes, if it does.
    pub table: Option<super::staked::Table>,
    /// When to ask the server for the whole game again, in seconds of the client's clock.
    pub resync_at_s: Option<f64>,
}

impl PlayState {
    /// Why the player can't move now; `None` if they can.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        let Some(game) = &self.game else { return Some(Blocked::NoGame) };
        if game.review {
            Some(Blocked::Review)
        } else if game.watched {
            Some(Blocked::Watching)
        } else if self.alarm.is_some() {
            Some(Blocked::Alarm)
        } else if game.is_over() || game.resigning {
            Some(Blocked::Over)
        } else if game.is_opening() {
            Some(Blocked::Opening)
        } else if game.browsed.is_some() {
            Some(Blocked::Browsing)
        } else if game.record.position().turn() != game.human {
            Some(Blocked::NotYourTurn)
        } else if self.proves() && game.unchecked() > if game.stakes.is_some() { 0 } else { MAX_UNPROVEN } {
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
        game.premove = None;
        let ply = u32::try_from(ply).unwrap_or(u32::MAX);
        // On the disk before the server hears of it: what the server then says of it is known again after a crash.
        vec![
            Effect::Moved,
            Effect::Send(ClientMessage::Move {
                game_id: game.id,
                ply,
                uci: GameRecord::uci(mv),
                signature: None,
            }),
        ]
    }

    /// Keeps a move for the player's next turn, or lets go of it. Returns whether one is kept.
    pub fn set_premove(&mut self, premove: Option<(Square, Square)>) -> bool {
        let waits = self.blocked() == Some(Blocked::NotYourTurn);
        let Some(game) = &mut self.game else { return false };
        game.premove = premove.filter(|_| waits);
        game.premove.is_some()
    }

    /// Plays the move kept for this turn, if it is legal now. A pawn becomes a queen.
    fn play_premove(&mut self) -> Vec<Effect> {
        if self.blocked().is_some() {
            return Vec::new();
        }
        let Some(game) = &mut self.game else { return Vec::new() };
        let Some(squares) = game.premove.take() else { return Vec::new() };
        let mv = game.record.position().legal_moves().into_iter().find(|&mv| {
            GameRecord::king_move_squares(mv) == squares
                && mv.promotion().is_none_or(|role| role == Role::Queen)
        });
        mv.map_or_else(Vec::new, |mv| self.play(mv))
    }

    /// Asks for the player's last move back.
    pub fn take_back(&mut self) -> Vec<Effect> {
        let Some(game) = self.game.as_mut().filter(|game| game.is_played_here() && !game.is_over()) else {
            return Vec::new();
        };
        if game.terms.rated {
            return vec![Effect::Notice(Notice::Text("notice-rated-no-takeback"))];
        }
        let Some(ply) = game.takeback_target() else { return Vec::new() };
        game.taking_back = Some(ply);
        vec![Effect::Send(ClientMessage::TakeBack { game_id: game.id, ply })]
    }

    /// Claims a draw where there is one to claim, else offers one.
    pub fn draw(&mut self) -> Vec<Effect> {
        let Some(game) = self.game.as_ref().filter(|game| game.is_played_here() && !game.is_over()) else {
            return Vec::new();
        };
        let game_id = game.id;
        if self.no_draw_offer() {
            return vec![Effect::Notice(Notice::Text("notice-no-draw-offer"))];
        }
        vec![Effect::Send(match protocol::claimable_draw(&game.record) {
            Some(_) => ClientMessage::ClaimDraw { game_id },
            None => ClientMessage::OfferDraw { game_id },
        })]
    }

    /// Resigns the game.
    pub fn resign(&mut self) -> Vec<Effect> {
        match &mut self.game {
            Some(game) if game.outcome.is_none() && game.is_played_here() => {
                game.resigning = true;
                game.premove = None;
                vec![Effect::Send(ClientMessage::Resign { game_id: game.id })]
            }
            _ => Vec::new(),
        }
    }

    /// Asks for a new game, at once or as soon as there is a connection.
    pub fn new_game(&mut self, side: SideChoice, terms: GameTerms) -> Vec<Effect> {
        self.ask(Wish { side, start_fen: self.start_fen.clone(), terms, stakes: None })
    }

    pub(super) fn ask(&mut self, wish: Wish) -> Vec<Effect> {
        let message = wish.message();
        self.wanted = Some(wish);
        self.watching = None;
        if self.link == Link::Online { vec![Effect::Send(message)] } else { Vec::new() }
    }

    /// Keeps a message of the server as it came.
    pub fn hear(&mut self, raw: &str) {
        let end = (0..=raw.len().min(HEARD.1)).rev().find(|&at| raw.is_char_boundary(at)).unwrap_or(0);
        self.heard.push_back(raw[..end].to_owned());
        if self.heard.len() > HEARD.0 {
            self.heard.pop_front();
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
        trust: impl Fn(&[u8; 32], &[u8]) -> Trust,
        now_s: f64,
    ) -> Vec<Effect> {
        match message {
            ServerMessage::Welcome {
                model_digest,
                verifying_key,
                proof_mode,
                prover_ready,
                prover_progress,
                ..
            } => {
                let game = self.game.as_ref().filter(|game| !game.review && game.outcome.is_none());
                let changed = game.is_some_and(|game| game.digest != model_digest);
                let trust = match trust(&model_digest, &verifying_key) {
                    Trust::Mismatch => Trust::Mismatch,
                    _ if changed => Trust::Changed,
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
                if trust == Trust::Mismatch {
                    let reason =
                        format!("it claims the digest {}", super::notation::hex_digest(&model_digest));
                    return self.raise(0, Offence::WrongKey, reason);
                }
                self.take_up()
            }
            message @ ServerMessage::Game { .. } => self.adopt(message, now_s),
            ServerMessage::Clock { game_id, clock } => self.clock(game_id, clock, now_s),
            ServerMessage::TakenBack { game_id, ply } => self.taken_back(game_id, ply),
            ServerMessage::PlayerMove { game_id, ply, uci } => self.player_move(game_id, ply, &uci),
            ServerMessage::MoveAccepted { game_id, ply } => {
                if let Some(game) = self.game_of(game_id) {
                    game.confirmed = game.confirmed.max(ply as usize + 1);
                }
                Vec::new()
            }
            ServerMessage::BotMove { game_id, ply, uci, infer_ms, seed_element, .. } => {
                if let Some(game) = self.game_of(game_id) {
                    game.facts.entry(ply).or_default().infer_ms = Some(infer_ms.max(0.0) as u32);
                }
                self.bot_move(game_id, ply, &uci, seed_element, now_s)
            }
            ServerMessage::ProofReady { game_id, ply, prove_ms, .. } => {
                if let Some(game) = self.game_of(game_id) {
                    game.facts.entry(ply).or_default().prove_ms = Some(prove_ms);
                }
                Vec::new()
            }
            ServerMessage::Proving { .. } | ServerMessage::Pong => Vec::new(),
            ServerMessage::StakesOpened { game_id, .. } => self.stakes_opened(game_id),
            // The chain's thread hears these.
            ServerMessage::MoveOnChain { .. } | ServerMessage::ResultSigned { .. } => Vec::new(),
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
            ServerMessage::DrawDeclined { .. } => vec![Effect::Notice(Notice::Text("notice-draw-declined"))],
            ServerMessage::GameOver { game_id, outcome } => self.game_over(game_id, outcome, now_s),
            ServerMessage::Error { code, message, game_id } => self.refused(code, message, game_id, now_s),
        }
    }

    /// After a welcome: takes the game up again, or starts the one that was wanted.
    fn take_up(&mut self) -> Vec<Effect> {
        if let Some(wish) = &self.wanted {
            return vec![Effect::Send(wish.message())];
        }
        let digest = self.opponent.as_ref().map(|opponent| opponent.digest);
        match &self.game {
            None => match (self.watching, &self.earlier) {
                (Some(game_id), _) => follow(game_id, Vec::new(), None),
                (None, Some(earlier)) if Some(earlier.digest) == digest => {
                    follow(earlier.id, Vec::new(), earlier.key)
                }
                _ => Vec::new(),
            },
            Some(game) if game.review => Vec::new(),
            Some(game) if game.outcome.is_none() || game.proofs.len() < game.badges.len() => {
                follow_again(game)
            }
            _ => Vec::new(),
        }
    }

    fn game_of(&mut self, id: GameId) -> Option<&mut Game> {
        self.game.as_mut().filter(|game| game.id == id)
    }

    pub(super) fn raise(&mut self, ply: u32, offence: Offence, reason: String) -> Vec<Effect> {
        if self.alarm.is_some() {
            return Vec::new();
        }
        self.alarm = Some(Alarm { ply, offence, reason, evidence: None });
        vec![Effect::Raise]
    }

    /// Badges of a server that proves nothing say so at once; nothing is asked of it.
    pub(super) fn set_unprovable(&mut self) {
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

    pub(super) fn bot_move(
        &mut self,
        id: GameId,
        ply: u32,
        uci: &str,
        seed_element: Option<Hex32>,
        now_s: f64,
    ) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let at = ply as usize;
        if at < game.record.ply() {
            if GameRecord::uci(game.record.moves()[at]) == uci && game.is_bot_ply(ply) {
                return Vec::new();
            }
            let reason = format!("it now says {uci} at half-move {ply}");
            return self.raise(ply, Offence::OtherHistory, reason);
        }
        let unknown_nonce = game.watched && game.seeds.is_none() && seed_element.is_some();
        if at > game.record.ply() || unknown_nonce {
            return follow_again(game);
        }
        if game.record.position().turn() == game.human || game.outcome.is_some() {
            return self.raise(ply, Offence::OutOfTurn, format!("it played {uci}"));
        }
        let number = game.bot_moves_before(ply);
        // A move that the contract has checked may be told without its element: the next one's leads back to it.
        let may_lack = game.stakes.as_ref().is_some_and(|stakes| stakes.on_chain.contains(&ply));
        if let Some(seeds) = game.seeds.as_mut().filter(|_| seed_element.is_some() || !may_lack)
            && let Err(reason) = seeds.take(number, seed_element)
        {
            return self.raise(ply, Offence::WrongSeed, reason);
        }
        if let Err(error) = game.record.play_uci(uci) {
            return self.raise(ply, Offence::IllegalMove, error.to_string());
        }
        game.confirmed = game.record.ply();
        game.browsed = None;
        game.badges.insert(ply, Badge::Proving { since_s: now_s });
        self.set_unprovable();
        let mut effects = vec![Effect::Moved];
        effects.extend(self.play_premove());
        effects
    }

    /// The server's clock came.
    fn clock(&mut self, id: GameId, reading: ClockReading, now_s: f64) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let human = game.human_side();
        let expected = game.clock_now(now_s);
        game.clock = Some(LocalClock { reading, at_s: now_s });
        let ply = u32::try_from(game.record.ply()).unwrap_or(u32::MAX);
        let left_ms = reading.left_ms(human);
        match expected.map(|expected| expected.left_ms(human)) {
            Some(expected_ms)
                if left_ms.saturating_add(CLOCK_TOLERANCE_MS) < expected_ms && game.is_played_here() =>
            {
                let reason =
                    format!("{expected_ms} ms were left on the player's clock, it says {left_ms} ms");
                self.raise(ply, Offence::WrongClock, reason)
            }
            _ => Vec::new(),
        }
    }

    fn taken_back(&mut self, id: GameId, ply: u32) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        let at = ply as usize;
        if game.taking_back != Some(ply) && (!game.watched || game.terms.rated) {
            if at == game.record.ply() {
                return Vec::new();
            }
            let reason = format!("it cut the game to {ply} half-moves");
            return self.raise(ply, Offence::TookBack, reason);
        }
        game.taking_back = None;
        game.cut(ply);
        vec![Effect::Moved, Effect::Notice(Notice::Text("notice-taken-back"))]
    }

    pub(super) fn game_over(&mut self, id: GameId, outcome: Outcome, now_s: f64) -> Vec<Effect> {
        let Some(game) = self.game_of(id) else { return Vec::new() };
        if game.outcome.is_some() {
            return Vec::new();
        }
        let forced = Outcome::of(&game.record);
        let claimed = matches!(outcome.reason, EndReason::Threefold | EndReason::FiftyMoves)
            && outcome.winner.is_none()
            && protocol::claimable_draw(&game.record).is_some();
        let resigned = outcome.reason == EndReason::Resignation
            && (game.watched || game.resigning || outcome.winner == Some(game.human_side()));
        // Whoever watches can't look at the chain; the player looks itself, and waits until it sees the same.
        let seen = game.stakes.as_ref().map(|stakes| stakes.settled.is_some());
        if seen == Some(false) && outcome.reason == EndReason::OnChain {
            return Vec::new();
        }
        let settled = (game.watched || seen == Some(true)) && outcome.reason == EndReason::OnChain;
        let flagged = game.terms.time_control.is_some()
            && [Side::White, Side::Black].into_iter().any(|side| {
                let left_ms = game.clock_now(now_s).map_or(0, |clock| clock.left_ms(side));
                let lost = Outcome::timeout(&game.record, side) == outcome;
                lost && (side != game.human_side() || left_ms < CLOCK_TOLERANCE_MS)
            });
        let believable = match forced {
            Some(forced) => forced == outcome || claimed,
            None => claimed || resigned || flagged || settled,
        };
        let ply = u32::try_from(game.record.ply()).unwrap_or(u32::MAX);
        if !believable {
            let reason = format!("it says {:?}, and the position does not", outcome.reason);
            return self.raise(ply, Offence::WrongEnd, reason);
        }
        game.outcome = Some(outcome);
        (game.premove, game.taking_back) = (None, None);
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
        if id.is_none() {
            // The only request without a game is the one for a new game.
            self.wanted = None;
        }
        let in_vain = matches!(code, Code::UnknownGame | Code::Busy | Code::NoStakes);
        if in_vain && self.game.is_none() && self.watching.is_some() {
            self.link = Link::Failed { reason: message };
            return Vec::new();
        }
        if code == Code::UnknownGame && self.game.is_none() {
            self.earlier = None;
            return Vec::new();
        }
        if code == Code::WrongKey && self.game.is_none() {
            self.earlier = None;
        }
        if let Some(game) = id.and_then(|id| self.game_of(id)) {
            let unplayed =
                [Code::IllegalMove, Code::WrongPly, Code::NotYourTurn, Code::OnlyWatching, Code::GameOver];
            if unplayed.contains(&code) {
                // Take the move back; the server's record will say what counts.
                game.record = game.record.truncated(game.confirmed);
            }
            if code == Code::NoTakeback {
                game.taking_back = None;
            }
            if !matches!(code, Code::NoProof | Code::NoTakeback | Code::NoDraw) {
                self.resync_at_s = Some(now_s + RESYNC_PAUSE_S);
            }
        }
        vec![Effect::Notice(Notice::Server(message))]
    }

    /// A proof came. `pinned` says whether the key of the game's network is known to this client.
    pub fn proof_arrived(&mut self, id: GameId, ply: u32, proof: Vec<u8>, pinned: bool) -> Vec<Effect> {
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

    /// The verifier came to a result about the move that stood at `ply` in a generation of the game.
    pub fn verified(
        &mut self,
        (id, generation): (GameId, u32),
        ply: u32,
        result: Result<(), String>,
        verify_ms: f32,
    ) -> Vec<Effect> {
        let Some(game) = self.game_of(id).filter(|game| game.generation == generation) else {
            return Vec::new();
        };
        let review = game.review;
        let Some(badge) = game.badges.get_mut(&ply) else { return Vec::new() };
        match result {
            Ok(()) => {
                *badge = Badge::Verified { verify_ms };
                self.play_premove()
            }
            Err(reason) => {
                *badge = Badge::Invalid { reason: reason.clone() };
                if review {
                    return vec![Effect::Notice(Notice::With("notice-review-invalid", reason))];
                }
                self.raise(ply, Offence::InvalidProof, reason)
            }
        }
    }

    /// Time passes: proofs that are overdue count as not checked, refused messages lead to a fresh start.
    pub fn tick(&mut self, now_s: f64) -> Vec<Effect> {
        let prover_ready = self.opponent.as_ref().is_some_and(|opponent| opponent.prover_ready);
        let failed = self.opponent.as_ref().and_then(|opponent| opponent.prover_failed.clone());
        let Some(game) = self.game.as_mut().filter(|game| !game.review) else { return Vec::new() };
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
            return follow_again(game);
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::shakmaty::Color;

    #[test]
    fn a_move_is_kept_before_the_server_hears_of_it() {
        let game = Game::new(GameId([7; 32]), Color::White, [1; 32], GameRecord::default());
        let mut state = PlayState { game: Some(game), ..PlayState::default() };
        let mv = Position::legal_moves(GameRecord::default().position())[0];
        let effects = state.play(mv);
        assert!(
            matches!(effects[..], [Effect::Moved, Effect::Send(ClientMessage::Move { ply: 0, .. })]),
            "{effects:?}"
        );
    }
}
