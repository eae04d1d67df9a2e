//! The game that is played: [`state`] is plain, [`PlayPlugin`] feeds it with messages and carries out what it wants done.

mod adopt;
pub mod game;
pub mod material;
pub mod notation;
pub mod openings;
pub mod seeds;
pub mod staked;
pub mod state;
pub mod watch;

use crate::{
    Step,
    board::BoardHand,
    clipboard::{Clipboard, Pasted},
    dev_tools::DevOptions,
    files::{self, DataFolder},
    net::{NetEvent, NetSender, Opponent},
    screens::{Overlay, proof_card::ProofCard},
    settings::{Setting, Settings},
    verify::{PinnedKeys, Purpose, VerifyDone, VerifySender, engine},
};
use bevy::prelude::*;
use protocol::{
    GameTerms,
    shakmaty::{Move, Square},
};
use state::{Effect, Link, Notice, PlayState};
use std::path::PathBuf;

/// The state of the client's game.
#[derive(Resource, Debug, Default)]
pub struct Play {
    /// The state.
    pub state: PlayState,
    /// The last thing worth telling the player, and when it was said.
    pub notice: Option<(Notice, f64)>,
    /// The client's clock at the last look, in seconds.
    pub now_s: f64,
}

/// What the player wants.
#[derive(Message, Clone, Debug, PartialEq)]
pub enum PlayerAction {
    /// Play a move.
    Move(Move),
    /// Keep a move for the next turn, or let go of it.
    Premove(Option<(Square, Square)>),
    /// Turn the board.
    Flip,
    /// Show another position: so many half-moves further.
    Browse(isize),
    /// Show the position after this many half-moves.
    ShowPly(usize),
    /// Open the dialog for a new game.
    AskNewGame,
    /// Change a setting.
    Choose(Setting),
    /// Start a game as the settings say.
    Start,
    /// Start a game for a stake in wei.
    StartStaked(u128),
    /// Send to the chain what the server does not answer.
    TakeToChain,
    /// Take the money out of the contract.
    Withdraw,
    /// Play again with the other side, and for the same stake.
    Rematch,
    /// Ask whether to resign.
    AskResign,
    /// Resign.
    Resign,
    /// Ask whether to offer or claim a draw.
    AskDraw,
    /// Offer or claim a draw.
    Draw,
    /// Take the last move back.
    TakeBack,
    /// Save the game and its proofs.
    Save,
    /// Show the games that can be opened.
    ShowFiles,
    /// Open a saved game.
    Open(PathBuf),
    /// Put the game that is being played on the board again.
    LeaveReview,
    /// Show the settings.
    ShowSettings,
    /// Show the list of keys.
    ShowHelp,
    /// Show what is known about the check of the move at a ply; of the last one without a ply.
    ShowProof(Option<u32>),
    /// Check a proof once more.
    VerifyAgain(u32),
    /// Damage a copy of a proof and see it rejected.
    Tamper(u32),
    /// Save a proof.
    SaveProof(u32),
    /// Copy the command that checks a proof.
    CopyCommand(u32),
    /// Copy the digest of the network.
    CopyDigest,
    /// Copy the position shown as FEN.
    CopyFen,
    /// Copy the game as PGN.
    CopyPgn,
    /// Copy the link by which others watch the game.
    CopyLink,
    /// Take a position or a game from the clipboard.
    Paste,
    /// Start from the usual position again.
    UsualStart,
    /// Close the dialog.
    Close,
}

/// Feeds the state of the game.
#[derive(Debug)]
pub struct PlayPlugin;

impl Plugin for PlayPlugin {
    fn build(&self, app: &mut App) {
        let earlier = app.world().get_resource::<DataFolder>().and_then(files::earlier_game);
        let mut state = PlayState { earlier, ..PlayState::default() };
        match app.world().get_resource::<Opponent>() {
            Some(Opponent::Watched(link)) => {
                state.watching = Some(link.game);
                (state.link_seeds, state.address) = (link.seeds, Some(link.address.clone()));
            }
            Some(Opponent::Remote(address)) => state.address = Some(address.clone()),
            _ => {}
        }
        app.insert_resource(Play { state, ..Play::default() })
            .add_systems(Startup, close_start_for_watchers)
            .add_message::<PlayerAction>()
            .add_message::<staked::StakesEvent>()
            .configure_sets(Update, (Step::Receive, Step::Input, Step::Apply, Step::Draw).chain())
            .add_systems(
                Update,
                (apply_net, apply_verified, apply_stakes, apply_dropped, apply_actions, tick)
                    .chain()
                    .in_set(Step::Apply),
            );
    }
}

/// Whoever came to watch chooses no game.
fn close_start_for_watchers(play: Res<'_, Play>, mut overlay: ResMut<'_, NextState<Overlay>>) {
    if play.state.watching.is_some() {
        overlay.set(Overlay::None);
    }
}

/// What carrying out an effect needs.
#[derive(bevy::ecs::system::SystemParam)]
struct Outside<'w> {
    net: Res<'w, NetSender>,
    verifier: Res<'w, VerifySender>,
    pinned: Res<'w, PinnedKeys>,
    folder: Res<'w, DataFolder>,
    dev: Res<'w, DevOptions>,
    overlay: ResMut<'w, NextState<Overlay>>,
    hand: ResMut<'w, BoardHand>,
    card: ResMut<'w, ProofCard>,
    settings: ResMut<'w, Settings>,
    clipboard: Res<'w, Clipboard>,
    time: Res<'w, Time<Real>>,
}

impl Outside<'_> {
    fn now_s(&self) -> f64 {
        self.time.elapsed_secs_f64()
    }

    fn show(&mut self, overlay: Overlay) {
        NextState::set_if_neq(&mut self.overlay, overlay);
    }

    fn carry_out(&mut self, play: &mut ResMut<'_, Play>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.net.send(message),
                Effect::Verify { ply } => self.verify(play, ply),
                Effect::Raise => self.raise(play),
                Effect::Moved => files::remember_game(&self.folder, &play.state),
                Effect::GameStarted => {
                    files::remember_game(&self.folder, &play.state);
                    self.hand.hand.cancel();
                    self.hand.flipped = false;
                    self.show(Overlay::None);
                }
                Effect::GameEnded => {
                    files::remember_game(&self.folder, &play.state);
                    self.hand.hand.cancel();
                    if play.state.alarm.is_none() {
                        self.show(Overlay::GameOver);
                    }
                }
                Effect::OfferRefused => {
                    files::remember_game(&self.folder, &play.state);
                    self.show(Overlay::Start);
                }
                Effect::Notice(notice) => play.notice = Some((notice, self.now_s())),
            }
        }
    }

    fn verify(&self, play: &mut Play, ply: u32) {
        let Some(game) = &mut play.state.game else { return };
        let Some(proof) = game.proofs.get(&ply) else { return };
        let Some(key) = self.pinned.get(&game.digest) else {
            let reason = "its key is not pinned in this client".into();
            game.badges.insert(ply, state::Badge::NotChecked { reason });
            return;
        };
        let mut proof = proof.clone();
        if self.dev.tamper == Some(ply)
            && let Some(byte) = proof.last_mut()
        {
            *byte ^= 1;
        }
        game.badges.insert(ply, state::Badge::Checking);
        self.verifier.check(key, game, ply, proof, Purpose::Play);
    }

    /// Checks the proof on the card once more, or a damaged copy of it.
    fn check_on_card(&self, play: &Play, ply: u32, damage: bool) {
        let Some(game) = &play.state.game else { return };
        let (Some(key), Some(proof)) = (self.pinned.get(&game.digest), game.proofs.get(&ply)) else { return };
        let mut proof = proof.clone();
        if !damage {
            self.verifier.check(key, game, ply, proof, Purpose::Again);
            return;
        }
        // Any place will do; the middle is as good as another and the same each time.
        let at = proof.len() / 2;
        if let Some(byte) = proof.get_mut(at) {
            *byte ^= 1;
            self.verifier.check(key, game, ply, proof, Purpose::Tamper { at });
        }
    }

    fn copy(&self, text: String) -> Vec<Effect> {
        self.clipboard.copy(text);
        vec![Effect::Notice(Notice::Text("notice-copied"))]
    }

    /// Takes a FEN as the start of the next game, a PGN as a game to look at.
    fn paste(&mut self, play: &mut Play) -> Vec<Effect> {
        match self.clipboard.paste() {
            Ok(Pasted::Fen(fen)) => {
                play.state.start_fen = Some(fen);
                self.show(Overlay::Start);
                vec![Effect::Notice(Notice::Text("notice-pasted-fen"))]
            }
            Ok(Pasted::Game(game)) => {
                self.hand.hand.cancel();
                self.hand.flipped = false;
                self.show(Overlay::None);
                play.state.review(*game)
            }
            Err(error) => vec![Effect::Notice(Notice::With("notice-not-pasted", error))],
        }
    }

    fn open(&mut self, play: &mut Play, path: &std::path::Path) -> Vec<Effect> {
        match files::open(path) {
            Ok(game) => {
                self.hand.hand.cancel();
                self.hand.flipped = false;
                self.show(Overlay::None);
                play.state.review(game)
            }
            Err(error) => vec![Effect::Notice(Notice::With("notice-not-opened", error))],
        }
    }

    fn raise(&mut self, play: &mut Play) {
        self.hand.hand.cancel();
        self.show(Overlay::Alarm);
        let saved = files::save_evidence(&self.folder, &play.state);
        if let Some(alarm) = &mut play.state.alarm {
            alarm.evidence = Some(match saved {
                Ok(path) => path.display().to_string(),
                Err(error) => format!("could not be saved: {error}"),
            });
        }
    }
}

fn apply_net(
    mut events: MessageReader<'_, '_, NetEvent>,
    mut play: ResMut<'_, Play>,
    mut outside: Outside<'_>,
) {
    for event in events.read() {
        let now_s = outside.now_s();
        let effects = match event {
            NetEvent::Server { message, raw } => {
                let pinned = outside.pinned.clone();
                play.state.hear(raw);
                let trust = |digest: &[u8; 32], key: &[u8]| pinned.trust(digest, key);
                play.state.receive(message.as_ref().clone(), trust, now_s)
            }
            NetEvent::Proof(frame) => {
                let game = play.state.game.as_ref();
                let pinned = game.is_some_and(|game| outside.pinned.get(&game.digest).is_some());
                play.state.proof_arrived(frame.game_id, frame.ply, frame.proof.clone(), pinned)
            }
            NetEvent::Broken { reason } => {
                play.state.link_changed(Link::Broken { reason: reason.clone() });
                Vec::new()
            }
            NetEvent::Failed { reason } => {
                play.state.link_changed(Link::Failed { reason: reason.clone() });
                Vec::new()
            }
        };
        outside.carry_out(&mut play, effects);
    }
}

fn apply_verified(
    mut results: MessageReader<'_, '_, VerifyDone>,
    mut play: ResMut<'_, Play>,
    mut outside: Outside<'_>,
) {
    for done in results.read() {
        if done.purpose != Purpose::Play {
            outside.card.hear(done);
            continue;
        }
        let of = (done.game_id, done.generation);
        let effects = play.state.verified(of, done.ply, done.result.clone(), done.verify_ms);
        outside.carry_out(&mut play, effects);
    }
}

fn apply_stakes(
    mut events: MessageReader<'_, '_, staked::StakesEvent>,
    mut play: ResMut<'_, Play>,
    mut outside: Outside<'_>,
) {
    for event in events.read() {
        let effects = play.state.hear_of_stakes(event, outside.now_s());
        outside.carry_out(&mut play, effects);
    }
}

/// A file dropped on the window is opened.
fn apply_dropped(
    mut dropped: MessageReader<'_, '_, FileDragAndDrop>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    for event in dropped.read() {
        if let FileDragAndDrop::DroppedFile { path_buf, .. } = event {
            actions.write(PlayerAction::Open(path_buf.clone()));
        }
    }
}

fn apply_actions(
    mut actions: MessageReader<'_, '_, PlayerAction>,
    mut play: ResMut<'_, Play>,
    mut outside: Outside<'_>,
) {
    for action in actions.read() {
        let effects = match action {
            PlayerAction::Move(mv) => play.state.play(*mv),
            PlayerAction::Flip => {
                outside.hand.flipped = !outside.hand.flipped;
                outside.hand.hand.cancel();
                Vec::new()
            }
            PlayerAction::Browse(steps) => {
                outside.hand.hand.cancel();
                play.state.browse(*steps);
                Vec::new()
            }
            PlayerAction::ShowPly(ply) => {
                outside.hand.hand.cancel();
                if let Some(game) = &mut play.state.game {
                    game.browsed = (*ply < game.record.ply()).then_some(*ply);
                }
                Vec::new()
            }
            PlayerAction::Premove(premove) => {
                play.state.set_premove(*premove);
                Vec::new()
            }
            PlayerAction::AskNewGame => {
                outside.show(Overlay::Start);
                Vec::new()
            }
            PlayerAction::Choose(setting) => {
                outside.settings.choose(*setting);
                Vec::new()
            }
            PlayerAction::Start => {
                let terms = GameTerms {
                    time_control: outside.settings.time_control(),
                    rated: outside.settings.rated,
                    level: outside.settings.level,
                };
                let effects = play.state.new_game(outside.settings.side, terms);
                if effects.is_empty() {
                    outside.show(Overlay::None);
                }
                effects
            }
            PlayerAction::StartStaked(stake) => {
                let effects =
                    play.state.new_staked_game(outside.settings.side, outside.settings.level, *stake);
                if effects.is_empty() {
                    outside.show(Overlay::None);
                }
                effects
            }
            // The chain's thread hears these.
            PlayerAction::TakeToChain | PlayerAction::Withdraw => Vec::new(),
            PlayerAction::Rematch => play.state.rematch(),
            PlayerAction::AskResign | PlayerAction::AskDraw => {
                let running =
                    play.state.game.as_ref().is_some_and(|game| game.is_played_here() && !game.is_over());
                if running && play.state.alarm.is_none() {
                    let resign = *action == PlayerAction::AskResign;
                    outside.show(if resign { Overlay::ConfirmResign } else { Overlay::ConfirmDraw });
                }
                Vec::new()
            }
            PlayerAction::Resign => {
                outside.show(Overlay::None);
                play.state.resign()
            }
            PlayerAction::Draw => {
                outside.show(Overlay::None);
                play.state.draw()
            }
            PlayerAction::TakeBack => {
                outside.hand.hand.cancel();
                play.state.take_back()
            }
            PlayerAction::Save => {
                let saved = files::save_bundle(&outside.folder, &play.state);
                vec![saved_notice(saved)]
            }
            PlayerAction::ShowFiles => {
                outside.show(Overlay::Files);
                Vec::new()
            }
            PlayerAction::Open(path) => outside.open(&mut play, path),
            PlayerAction::LeaveReview => {
                outside.hand.hand.cancel();
                let effects = play.state.leave_review();
                if play.state.game.is_none() {
                    outside.show(Overlay::Start);
                }
                effects
            }
            PlayerAction::ShowSettings => {
                outside.show(Overlay::Settings);
                Vec::new()
            }
            PlayerAction::ShowHelp => {
                outside.show(Overlay::Help);
                Vec::new()
            }
            PlayerAction::ShowProof(ply) => {
                let game = play.state.game.as_ref();
                if let Some(ply) = ply.or_else(|| game.and_then(state::Game::shown_bot_ply)) {
                    outside.card.turn_to(ply);
                    outside.show(Overlay::ProofCard);
                }
                Vec::new()
            }
            PlayerAction::VerifyAgain(ply) | PlayerAction::Tamper(ply) => {
                outside.card.begin();
                outside.check_on_card(&play, *ply, matches!(action, PlayerAction::Tamper(_)));
                Vec::new()
            }
            PlayerAction::SaveProof(ply) => {
                let saved = files::save_proof(&outside.folder, &play.state, *ply);
                vec![saved_notice(saved)]
            }
            PlayerAction::CopyCommand(ply) => {
                match files::save_proof(&outside.folder, &play.state, *ply).and_then(|path| {
                    let game = play.state.game.as_ref().ok_or("there is no game")?;
                    engine::recheck_command(game, outside.pinned.path(&game.digest), *ply, &path)
                }) {
                    Ok(command) => outside.copy(command),
                    Err(error) => vec![Effect::Notice(Notice::With("notice-not-saved", error))],
                }
            }
            PlayerAction::CopyDigest => {
                let game = play.state.game.as_ref().map(|game| game.digest);
                let digest = game.or(play.state.opponent.as_ref().map(|opponent| opponent.digest));
                digest.map_or_else(Vec::new, |digest| outside.copy(notation::hex_digest(&digest)))
            }
            PlayerAction::CopyFen => outside.copy(notation::shown_fen(&play.state)),
            PlayerAction::CopyPgn => match &play.state.game {
                Some(game) => outside.copy(notation::pgn(game)),
                None => Vec::new(),
            },
            PlayerAction::CopyLink => match play.state.watch_link() {
                Some(link) => {
                    outside.clipboard.copy(link.to_string());
                    vec![Effect::Notice(Notice::Text("notice-link-copied"))]
                }
                None => Vec::new(),
            },
            PlayerAction::Paste => outside.paste(&mut play),
            PlayerAction::UsualStart => {
                play.state.start_fen = None;
                Vec::new()
            }
            PlayerAction::Close => {
                outside.show(Overlay::None);
                Vec::new()
            }
        };
        outside.carry_out(&mut play, effects);
    }
}

fn saved_notice(saved: Result<PathBuf, String>) -> Effect {
    Effect::Notice(match saved {
        Ok(path) => Notice::With("notice-saved", path.display().to_string()),
        Err(error) => Notice::With("notice-not-saved", error),
    })
}

/// Seconds that a notice stays.
const NOTICE_S: f64 = 12.0;

fn tick(mut play: ResMut<'_, Play>, mut outside: Outside<'_>) {
    let now_s = outside.now_s();
    let before = play.state.game.as_ref().map(|game| game.badges.clone());
    // Once in a while the lines that speak of time are looked at again.
    if now_s - play.now_s > 5.0 {
        play.now_s = now_s;
    }
    let effects = play.bypass_change_detection().state.tick(now_s);
    if before != play.state.game.as_ref().map(|game| game.badges.clone()) {
        play.set_changed();
    }
    outside.carry_out(&mut play, effects);
    if play.notice.as_ref().is_some_and(|(_, since_s)| now_s - since_s > NOTICE_S) {
        play.notice = None;
    }
}
