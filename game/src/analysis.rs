//! What the network thinks of a position: after a game and in games from files, never while one is played.

use crate::{
    Step,
    board::marks::PolicyArrow,
    files,
    net::{Opponent, Waker},
    play::{Play, game::Game, notation, state::PlayState},
};
use bevy::prelude::*;
use engine_circuit::Model;
use protocol::{
    GameRecord,
    shakmaty::{Color, Position, Square, san::SanPlus},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
};

/// Moves that the table shows.
pub const SHOWN_MOVES: usize = 5;

/// Least probability that gets an arrow.
const LEAST_ARROW: f32 = 0.03;

/// A legal move with its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The move in SAN.
    pub san: String,
    /// From and to.
    pub squares: (Square, Square),
    /// Probability in the network's policy, 0 to 1.
    pub probability: f32,
}

/// Network, start position and moves.
type Place = ([u8; 32], String, Vec<String>);

/// What the network expects of one position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// Probability that White wins, 0 to 1.
    pub white: f32,
    /// Probability of a draw.
    pub draw: f32,
}

impl Expectation {
    /// Points that White can expect, 0 to 1: a draw counts half.
    #[must_use]
    pub fn points(self) -> f32 {
        self.white + self.draw / 2.0
    }
}

/// The network's expectation in each position of a game, the start included; `None` where the rules have decided. An error if
/// the network is not here.
pub type Curve = Result<Vec<Option<Expectation>>, String>;

/// The most likely moves, or why there are none.
type Policy = Result<Vec<Entry>, String>;

struct Job {
    place: Place,
    record: GameRecord,
    kind: Kind,
}

/// What is asked about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The policy at its end.
    Policy,
    /// The value in each of its positions.
    Curve,
}

/// An answer.
enum Found {
    Policy(Policy),
    Curve(Curve),
}

/// What was found so far.
#[derive(Resource)]
pub struct Analysis {
    known: HashMap<Place, Option<Policy>>,
    curves: HashMap<Place, Option<Curve>>,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Analysis({} positions)", self.known.len())
    }
}

#[derive(Resource)]
struct Inbox(Mutex<mpsc::Receiver<(Place, Found)>>);

/// Whether the network may be asked: after a game, never during one.
fn allowed(game: &Game) -> bool {
    (game.is_over() || game.review) && game.digest != [0; 32]
}

fn place_of(game: &Game, record: &GameRecord) -> Place {
    (game.digest, record.start_fen().to_owned(), record.uci_moves())
}

/// The position shown, if it may be analysed.
fn place(game: &Game) -> Option<(Place, GameRecord)> {
    allowed(game).then(|| {
        let record = game.record.truncated(game.shown_ply());
        (place_of(game, &record), record)
    })
}

impl Analysis {
    /// The network's policy in the position shown: `None` while a game is played or the answer is not there yet.
    #[must_use]
    pub fn policy(&self, state: &PlayState) -> Option<&Policy> {
        let (place, _) = place(state.game.as_ref()?)?;
        self.known.get(&place)?.as_ref()
    }

    /// Whether the network may be asked about the position shown and has not answered yet.
    #[must_use]
    pub fn is_pending(&self, state: &PlayState) -> bool {
        state.game.as_ref().is_some_and(allowed) && self.policy(state).is_none()
    }

    /// The network's expectations in the game on the board: `None` while it is played or they are not there yet.
    #[must_use]
    pub fn curve(&self, state: &PlayState) -> Option<&Curve> {
        let game = state.game.as_ref().filter(|game| allowed(game))?;
        self.curves.get(&place_of(game, &game.record))?.as_ref()
    }

    /// The policy's arrows.
    #[must_use]
    pub fn arrows(&self, state: &PlayState) -> Vec<PolicyArrow> {
        let Some(Ok(entries)) = self.policy(state) else { return Vec::new() };
        entries
            .iter()
            .take(SHOWN_MOVES)
            .filter(|entry| entry.probability >= LEAST_ARROW)
            .map(|entry| PolicyArrow { squares: entry.squares, probability: entry.probability })
            .collect()
    }
}

/// Runs the network on a thread of its own.
#[derive(Debug)]
pub struct AnalysisPlugin;

impl Plugin for AnalysisPlugin {
    fn build(&self, app: &mut App) {
        let (jobs, queue) = mpsc::channel();
        let (results, inbox) = mpsc::channel();
        let waker = Waker::of(app.world());
        let own = match app.world().get_resource::<Opponent>() {
            Some(Opponent::Embedded { model, .. }) => Some(model.clone()),
            _ => None,
        };
        app.insert_resource(Analysis { known: HashMap::new(), curves: HashMap::new(), jobs })
            .insert_resource(Inbox(Mutex::new(inbox)))
            .add_systems(Update, hear.in_set(Step::Receive))
            .add_systems(Update, ask.in_set(Step::Apply));
        let spawned = std::thread::Builder::new()
            .name("analysis".into())
            .spawn(move || work(&queue, &results, own.as_deref(), &waker));
        if let Err(error) = spawned {
            error!("can't start the analysis thread: {error}");
        }
    }
}

fn ask(play: Res<'_, Play>, mut analysis: ResMut<'_, Analysis>) {
    if !play.is_changed() {
        return;
    }
    let Some(game) = play.state.game.as_ref() else { return };
    let Some((place, record)) = place(game) else { return };
    let analysis = &mut *analysis;
    if !analysis.known.contains_key(&place) {
        let job = Job { place: place.clone(), record, kind: Kind::Policy };
        if analysis.jobs.send(job).is_ok() {
            analysis.known.insert(place, None);
        }
    }
    let place = place_of(game, &game.record);
    if !analysis.curves.contains_key(&place) {
        let job = Job { place: place.clone(), record: game.record.clone(), kind: Kind::Curve };
        if analysis.jobs.send(job).is_ok() {
            analysis.curves.insert(place, None);
        }
    }
}

fn hear(inbox: Res<'_, Inbox>, mut analysis: ResMut<'_, Analysis>, mut play: ResMut<'_, Play>) {
    let Ok(inbox) = inbox.0.lock() else { return };
    for (place, found) in inbox.try_iter() {
        match found {
            Found::Policy(policy) => drop(analysis.known.insert(place, Some(policy))),
            Found::Curve(curve) => drop(analysis.curves.insert(place, Some(curve))),
        }
        play.set_changed();
    }
}

fn work(
    queue: &mpsc::Receiver<Job>,
    results: &mpsc::Sender<(Place, Found)>,
    own: Option<&Path>,
    waker: &Waker,
) {
    let mut loaded: Option<Model> = None;
    for Job { place, record, kind } in queue {
        if loaded.as_ref().is_none_or(|model| *model.digest().as_bytes() != place.0) {
            loaded = find_model(&place.0, own);
        }
        let model = loaded.as_ref().ok_or_else(|| "the network is not on this computer".to_owned());
        let found = match kind {
            Kind::Policy => Found::Policy(model.map(|model| policy(model, &record))),
            Kind::Curve => Found::Curve(model.map(|model| curve(model, &record))),
        };
        if results.send((place, found)).is_err() {
            return;
        }
        waker.wake();
    }
}

/// The network of a digest, if its file is on this computer. Loading checks the digest.
fn find_model(digest: &[u8; 32], own: Option<&Path>) -> Option<Model> {
    let shipped: Option<PathBuf> =
        files::models_folder().map(|folder| folder.join(format!("{}.model", notation::hex_digest(digest))));
    shipped
        .iter()
        .map(PathBuf::as_path)
        .chain(own)
        .filter(|path| path.is_file())
        .filter_map(|path| Model::load(path).ok())
        .find(|model| model.digest().as_bytes() == digest)
}

fn policy(model: &Model, record: &GameRecord) -> Vec<Entry> {
    let Some(evaluation) = engine_circuit::evaluate(model, record) else { return Vec::new() };
    evaluation
        .policy
        .iter()
        .map(|entry| Entry {
            san: SanPlus::from_move(record.position().clone(), entry.mv).to_string(),
            squares: GameRecord::king_move_squares(entry.mv),
            probability: entry.probability as f32,
        })
        .collect()
}

fn curve(model: &Model, record: &GameRecord) -> Vec<Option<Expectation>> {
    (0..=record.ply())
        .map(|ply| {
            let before = record.truncated(ply);
            let [win, draw, loss] = engine_circuit::evaluate(model, &before)?.value_probabilities;
            let white = if before.position().turn() == Color::White { win } else { loss };
            Some(Expectation { white: white as f32, draw: draw as f32 })
        })
        .collect()
}
