//! The game that is played: [`state`] is plain, [`PlayPlugin`] feeds it with messages and carries out what it wants done.

pub mod notation;
pub mod state;

use crate::{
    Step,
    board::BoardHand,
    dev_tools::DevOptions,
    files::{self, DataFolder},
    net::{NetEvent, NetSender},
    screens::Overlay,
    verify::{PinnedKeys, VerifyDone, VerifySender},
};
use bevy::prelude::*;
use protocol::{SideChoice, shakmaty::Move};
use state::{Effect, Link, PlayState};

/// The state of the client's game.
#[derive(Resource, Debug, Default)]
pub struct Play {
    /// The state.
    pub state: PlayState,
    /// The last thing worth telling the player, and when it was said.
    pub notice: Option<(String, f64)>,
}

/// What the player wants.
#[derive(Message, Clone, Debug, PartialEq)]
pub enum PlayerAction {
    /// Play a move.
    Move(Move),
    /// Turn the board.
    Flip,
    /// Show another position: so many half-moves further.
    Browse(isize),
    /// Show the position after this many half-moves.
    ShowPly(usize),
    /// Open the dialog for a new game.
    AskNewGame,
    /// Start a game.
    NewGame(SideChoice),
    /// Play again with the other side.
    Rematch,
    /// Ask whether to resign.
    AskResign,
    /// Resign.
    Resign,
    /// Save the game and its proofs.
    Save,
    /// Close the dialog.
    Close,
}

/// Feeds the state of the game.
#[derive(Debug)]
pub struct PlayPlugin;

impl Plugin for PlayPlugin {
    fn build(&self, app: &mut App) {
        let earlier = app.world().get_resource::<DataFolder>().and_then(files::earlier_game);
        app.insert_resource(Play { state: PlayState { earlier, ..PlayState::default() }, notice: None })
            .add_message::<PlayerAction>()
            .configure_sets(Update, (Step::Receive, Step::Input, Step::Apply, Step::Draw).chain())
            .add_systems(
                Update,
                (apply_net, apply_verified, apply_actions, tick).chain().in_set(Step::Apply),
            );
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
                Effect::Notice(text) => play.notice = Some((text, self.now_s())),
            }
        }
    }

    fn verify(&self, play: &mut Play, ply: u32) {
        let Some((game, opponent)) = play.state.game.as_ref().zip(play.state.opponent.as_ref()) else {
            return;
        };
        let (Some(key), Some(proof)) = (self.pinned.get(&opponent.digest), game.proofs.get(&ply)) else {
            return;
        };
        let mut proof = proof.clone();
        if self.dev.tamper == Some(ply)
            && let Some(byte) = proof.last_mut()
        {
            *byte ^= 1;
        }
        self.verifier.check(key, game, ply, proof);
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
            NetEvent::Server(message) => {
                let pinned = outside.pinned.clone();
                play.state.receive(message.as_ref().clone(), |digest| pinned.trust(digest), now_s)
            }
            NetEvent::Proof(frame) => play.state.proof_arrived(frame.game_id, frame.ply, frame.proof.clone()),
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
        let effects = play.state.verified(done.game_id, done.ply, done.result.clone(), done.verify_ms);
        outside.carry_out(&mut play, effects);
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
            PlayerAction::AskNewGame => {
                outside.show(Overlay::NewGame);
                Vec::new()
            }
            PlayerAction::NewGame(side) => {
                let effects = play.state.new_game(*side);
                if effects.is_empty() {
                    outside.show(Overlay::None);
                }
                effects
            }
            PlayerAction::Rematch => {
                use protocol::shakmaty::Color;
                let side = match play.state.game.as_ref().map(|game| game.human) {
                    Some(Color::White) => SideChoice::Black,
                    Some(Color::Black) => SideChoice::White,
                    None => SideChoice::Random,
                };
                play.state.new_game(side)
            }
            PlayerAction::AskResign => {
                if play.state.game.as_ref().is_some_and(|game| game.outcome.is_none())
                    && play.state.alarm.is_none()
                {
                    outside.show(Overlay::ConfirmResign);
                }
                Vec::new()
            }
            PlayerAction::Resign => {
                outside.show(Overlay::None);
                play.state.resign()
            }
            PlayerAction::Save => {
                let text = match files::save_bundle(&outside.folder, &play.state) {
                    Ok(path) => format!("Saved to {}", path.display()),
                    Err(error) => format!("Not saved: {error}"),
                };
                vec![Effect::Notice(text)]
            }
            PlayerAction::Close => {
                outside.show(Overlay::None);
                Vec::new()
            }
        };
        outside.carry_out(&mut play, effects);
    }
}

/// Seconds that a notice stays.
const NOTICE_S: f64 = 12.0;

fn tick(mut play: ResMut<'_, Play>, mut outside: Outside<'_>) {
    let now_s = outside.now_s();
    let before = play.state.game.as_ref().map(|game| game.badges.clone());
    let effects = play.bypass_change_detection().state.tick(now_s);
    if before != play.state.game.as_ref().map(|game| game.badges.clone()) {
        play.set_changed();
    }
    outside.carry_out(&mut play, effects);
    if play.notice.as_ref().is_some_and(|(_, since_s)| now_s - since_s > NOTICE_S) {
        play.notice = None;
    }
}
