//! The client's own verifier: a thread that checks each proof against the client's own record and a pinned key.

pub mod engine;

use crate::{
    Step,
    net::Waker,
    play::game::{Game, Trust},
};
use bevy::prelude::*;
use engine::Key;
use engine_circuit::{Level, Seed};
use protocol::{GameId, GameRecord, shakmaty::Move};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Instant,
};

/// The verifying keys that this client trusts.
#[derive(Resource, Clone, Debug, Default)]
pub struct PinnedKeys(Vec<(Arc<Key>, Option<PathBuf>)>);

impl PinnedKeys {
    /// Pins a key.
    pub fn pin(&mut self, key: Key) {
        self.pin_from(key, None);
    }

    fn pin_from(&mut self, key: Key, path: Option<PathBuf>) {
        if self.get(&key.digest()).is_none() {
            self.0.push((Arc::new(key), path));
        }
    }

    /// Reads and pins the key in a file.
    ///
    /// # Errors
    ///
    /// Returns a line for the user.
    pub fn pin_file(&mut self, path: &Path) -> Result<(), String> {
        let say = |error: String| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| say(error.to_string()))?;
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.pin_from(Key::from_bytes(&bytes).map_err(say)?, Some(whole));
        Ok(())
    }

    /// The pinned key of a digest.
    #[must_use]
    pub fn get(&self, digest: &[u8; 32]) -> Option<&Arc<Key>> {
        self.0.iter().map(|(key, _)| key).find(|key| key.digest() == *digest)
    }

    /// The file that a pinned key was read from.
    #[must_use]
    pub fn path(&self, digest: &[u8; 32]) -> Option<&Path> {
        self.0.iter().find(|(key, _)| key.digest() == *digest)?.1.as_deref()
    }

    /// What to think of a server that claims this digest and sends this key. The digest is computed from the key.
    #[must_use]
    pub fn trust(&self, digest: &[u8; 32], key: &[u8]) -> Trust {
        match Key::from_bytes(key) {
            Ok(key) if key.digest() == *digest => match self.get(digest) {
                Some(_) => Trust::Pinned,
                None => Trust::Unknown,
            },
            Ok(_) | Err(_) => Trust::Mismatch,
        }
    }
}

/// What a check is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The move's badge.
    Play,
    /// The player wants to see it again.
    Again,
    /// The player wants to see a damaged copy rejected.
    Tamper {
        /// The byte that was changed.
        at: usize,
    },
}

/// One proof to check.
struct Job {
    purpose: Purpose,
    generation: u32,
    key: Arc<Key>,
    game_id: GameId,
    ply: u32,
    before: GameRecord,
    mv: Move,
    sampling: (Level, Vec<Seed>),
    proof: Vec<u8>,
}

/// The verifier's result for one move.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct VerifyDone {
    /// The game.
    pub game_id: GameId,
    /// Half-moves before the move.
    pub ply: u32,
    /// Generation of the game in which the move stood at that ply.
    pub generation: u32,
    /// What the check was for.
    pub purpose: Purpose,
    /// Accepted, or why not.
    pub result: Result<(), String>,
    /// Time of the check in milliseconds.
    pub verify_ms: f32,
}

/// Hands proofs to the verifier's thread.
#[derive(Resource, Debug)]
pub struct VerifySender(mpsc::Sender<Job>);

impl VerifySender {
    /// Checks the proof of the move at `ply` of the client's own record.
    pub fn check(&self, key: &Arc<Key>, game: &Game, ply: u32, proof: Vec<u8>, purpose: Purpose) {
        let Some(&mv) = game.record.moves().get(ply as usize) else { return };
        let job = Job {
            purpose,
            generation: game.generation,
            key: Arc::clone(key),
            game_id: game.id,
            ply,
            before: game.record.truncated(ply as usize),
            mv,
            sampling: game.sampling(ply),
            proof,
        };
        if self.0.send(job).is_err() {
            error!("the verifier's thread has ended");
        }
    }
}

#[derive(Resource)]
struct VerifyInbox(Mutex<mpsc::Receiver<VerifyDone>>);

/// Starts the verifier's thread and drains its results.
#[derive(Debug)]
pub struct VerifyPlugin;

impl Plugin for VerifyPlugin {
    fn build(&self, app: &mut App) {
        let (jobs, queue) = mpsc::channel();
        let (results, inbox) = mpsc::channel();
        let waker = Waker::of(app.world());
        app.add_message::<VerifyDone>()
            .insert_resource(VerifySender(jobs))
            .insert_resource(VerifyInbox(Mutex::new(inbox)))
            .add_systems(Update, drain.in_set(Step::Receive));
        let spawned =
            std::thread::Builder::new().name("verifier".into()).spawn(move || work(&queue, &results, &waker));
        if let Err(error) = spawned {
            error!("can't start the verifier's thread: {error}");
        }
    }
}

fn work(queue: &mpsc::Receiver<Job>, results: &mpsc::Sender<VerifyDone>, waker: &Waker) {
    for job in queue {
        let start = Instant::now();
        // A verifier that panics has not accepted anything.
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            engine::verify(&job.key, job.game_id, &job.before, job.mv, &job.sampling, &job.proof)
        }));
        let result = checked.unwrap_or_else(|_| Err("the verifier failed on this proof".into()));
        let verify_ms = start.elapsed().as_secs_f32() * 1e3;
        let Job { game_id, ply, generation, purpose, .. } = job;
        if results.send(VerifyDone { game_id, ply, generation, purpose, result, verify_ms }).is_err() {
            return;
        }
        waker.wake();
    }
}

fn drain(inbox: Res<'_, VerifyInbox>, mut done: MessageWriter<'_, VerifyDone>) {
    let Ok(inbox) = inbox.0.lock() else { return };
    done.write_batch(inbox.try_iter());
}
