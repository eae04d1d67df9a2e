//! The client's own verifier: a thread that checks each proof against the client's own record and a pinned key.

pub mod engine;

use crate::{
    Step,
    net::Waker,
    play::state::{Game, Trust},
};
use bevy::prelude::*;
use engine::Key;
use protocol::{GameId, GameRecord, shakmaty::Move};
use std::{
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::Instant,
};

/// The verifying keys that this client trusts.
#[derive(Resource, Clone, Debug, Default)]
pub struct PinnedKeys(Vec<Arc<Key>>);

impl PinnedKeys {
    /// Pins a key.
    pub fn pin(&mut self, key: Key) {
        if self.get(&key.digest()).is_none() {
            self.0.push(Arc::new(key));
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
        self.pin(Key::from_bytes(&bytes).map_err(say)?);
        Ok(())
    }

    /// The pinned key of a digest.
    #[must_use]
    pub fn get(&self, digest: &[u8; 32]) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.digest() == *digest)
    }

    /// What to think of a server that claims this digest.
    #[must_use]
    pub fn trust(&self, digest: &[u8; 32]) -> Trust {
        if self.get(digest).is_some() { Trust::Pinned } else { Trust::Unknown }
    }
}

/// One proof to check.
struct Job {
    key: Arc<Key>,
    game_id: GameId,
    ply: u32,
    before: GameRecord,
    mv: Move,
    proof: Vec<u8>,
}

/// The verifier's result for one move.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct VerifyDone {
    /// The game.
    pub game_id: GameId,
    /// Half-moves before the move.
    pub ply: u32,
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
    pub fn check(&self, key: &Arc<Key>, game: &Game, ply: u32, proof: Vec<u8>) {
        let Some(&mv) = game.record.moves().get(ply as usize) else { return };
        let job = Job {
            key: Arc::clone(key),
            game_id: game.id,
            ply,
            before: game.record.truncated(ply as usize),
            mv,
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
            engine::verify(&job.key, job.game_id, &job.before, job.mv, &job.proof)
        }));
        let result = checked.unwrap_or_else(|_| Err("the verifier failed on this proof".into()));
        let verify_ms = start.elapsed().as_secs_f32() * 1e3;
        if results.send(VerifyDone { game_id: job.game_id, ply: job.ply, result, verify_ms }).is_err() {
            return;
        }
        waker.wake();
    }
}

fn drain(inbox: Res<'_, VerifyInbox>, mut done: MessageWriter<'_, VerifyDone>) {
    let Ok(inbox) = inbox.0.lock() else { return };
    done.write_batch(inbox.try_iter());
}
