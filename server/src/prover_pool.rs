//! The threads that prove, off the async ones: the prover gets ready in the background, jobs wait in a bounded
//! queue, every proof is verified before it is handed back. A proof for the chain, on which a stake depends, comes before all others
//! and is never turned away.

use crate::{
    config::Limits,
    engine::{Engine, EngineError, MoveClaim, MoveProver},
    metrics::Metrics,
};
use protocol::{ServerMessage, messages::MAX_PROOF_BYTES};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// One proof to make.
pub(crate) struct Job {
    pub(crate) ply: u32,
    pub(crate) claim: MoveClaim,
    /// Where the result goes. Its length is bounded by the jobs its owner has in the pool.
    pub(crate) done: mpsc::UnboundedSender<Done>,
}

/// The result of a [`Job`].
pub(crate) struct Done {
    pub(crate) ply: u32,
    pub(crate) result: Result<Proved, Failed>,
}

/// A proof that the server's own verifier accepts.
pub(crate) struct Proved {
    pub(crate) proof: Vec<u8>,
    pub(crate) prove_ms: u32,
}

/// Why there is no proof.
pub(crate) enum Failed {
    /// It was tried.
    Try {
        reason: String,
        /// Whether another try is pointless because there is no prover.
        for_good: bool,
    },
    /// The server shuts down; it is tried after the next start.
    Stopped,
}

/// How far the prover is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProverState {
    pub(crate) ready: bool,
    pub(crate) progress: f32,
    pub(crate) failed: Option<String>,
}

impl ProverState {
    /// As clients are told.
    pub(crate) fn message(&self) -> ServerMessage {
        ServerMessage::ProverStatus {
            ready: self.ready,
            progress: self.progress,
            failed: self.failed.clone(),
        }
    }
}

/// The pool. Its threads end when it is dropped, after the proofs they are at.
pub(crate) struct ProverPool {
    /// Jobs that may wait, those for the chain not counted.
    room: usize,
    state: watch::Receiver<ProverState>,
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something changed in the queue.
    changed: Condvar,
    state: watch::Sender<ProverState>,
    /// Its queue's length tells jobs how many are before them.
    metrics: Metrics,
    stop: AtomicBool,
}

#[derive(Default)]
struct Queue {
    for_chain: VecDeque<Job>,
    jobs: VecDeque<Job>,
    /// Nothing more comes.
    closed: bool,
}

impl Shared {
    /// The queue; a poisoned lock guards nothing but it, and it is whole between any two statements.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, waited for; `None` once the queue is closed and empty.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            let next = queue.for_chain.pop_front().or_else(|| queue.jobs.pop_front());
            if next.is_some() || queue.closed {
                return next;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ProverPool {
    /// Starts the pool; the prover gets ready on its first thread.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        cache: PathBuf,
        limits: &Limits,
        metrics: Metrics,
    ) -> std::io::Result<Self> {
        let workers = limits.proof_workers;
        let (state_sender, state) = watch::channel(ProverState::default());
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            state: state_sender,
            metrics,
            stop: AtomicBool::new(false),
        });
        let first = Arc::clone(&shared);
        std::thread::Builder::new().name("prover".into()).spawn(move || {
            let opened = open(engine.as_ref(), &cache, &first);
            drop(engine);
            if let Ok(prover) = &opened {
                for number in 1..workers {
                    let (shared, prover) = (Arc::clone(&first), Arc::clone(prover));
                    let thread = std::thread::Builder::new().name(format!("prover-{number}"));
                    if let Err(error) = thread.spawn(move || work(&shared, &Ok(prover))) {
                        tracing::warn!("only {number} threads prove: {error}");
                        break;
                    }
                }
            }
            work(&first, &opened);
        })?;
        Ok(Self { room: limits.proof_queue.max(1), state, shared })
    }

    /// Queues a job. Returns the number of jobs before it, or `None` if the queue is full.
    pub(crate) fn submit(&self, job: Job) -> Option<u32> {
        let mut queue = self.shared.queue();
        if queue.jobs.len() >= self.room {
            return None;
        }
        queue.jobs.push_back(job);
        let before = self.shared.metrics.proof_queue.inc();
        drop(queue);
        self.shared.changed.notify_one();
        Some(u32::try_from(before).unwrap_or_default())
    }

    /// Queues a job for the chain before all that are not.
    pub(crate) fn submit_for_chain(&self, job: Job) {
        self.shared.queue().for_chain.push_back(job);
        self.shared.metrics.proof_queue.inc();
        self.shared.changed.notify_one();
    }

    /// Proofs being made are finished, jobs that wait come back as [`Failed::Stopped`].
    pub(crate) fn finish(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// How far the prover is, now and later.
    pub(crate) fn state(&self) -> watch::Receiver<ProverState> {
        self.state.clone()
    }
}

impl Drop for ProverPool {
    fn drop(&mut self) {
        self.finish();
        self.shared.queue().closed = true;
        self.shared.changed.notify_all();
    }
}

fn open(
    engine: &dyn Engine,
    cache: &std::path::Path,
    shared: &Shared,
) -> Result<Arc<dyn MoveProver>, String> {
    let started = Instant::now();
    let progress = |value: f32| {
        if value.is_finite() {
            shared.state.send_if_modified(|state| {
                let worth_telling = value >= state.progress + 0.01;
                if worth_telling {
                    state.progress = value.min(1.0);
                }
                worth_telling
            });
        }
    };
    let opened = catch_unwind(AssertUnwindSafe(|| engine.open_prover(cache, &progress)))
        .unwrap_or_else(|_| Err(EngineError("the prover crashed while it got ready".into())));
    match opened {
        Ok(prover) => {
            tracing::info!(ms = millis(started.elapsed()), "the prover is ready");
            shared.metrics.prover_ready.set(1);
            shared.state.send_replace(ProverState { ready: true, progress: 1.0, failed: None });
            Ok(prover)
        }
        Err(EngineError(reason)) => {
            tracing::error!("no prover: {reason}");
            shared.state.send_modify(|state| state.failed = Some(reason.clone()));
            Err(reason)
        }
    }
}

fn work(shared: &Shared, prover: &Result<Arc<dyn MoveProver>, String>) {
    while let Some(job) = shared.next() {
        let result = match prover {
            _ if shared.stop.load(Ordering::Relaxed) => Err(Failed::Stopped),
            Ok(prover) => prove(prover.as_ref(), &job, &shared.metrics),
            Err(reason) => Err(Failed::Try { reason: reason.clone(), for_good: true }),
        };
        shared.metrics.proof_queue.dec();
        // A game that doesn't wait any more has nothing to lose: its proof is made again when it is needed.
        drop(job.done.send(Done { ply: job.ply, result }));
    }
}

fn prove(prover: &dyn MoveProver, job: &Job, metrics: &Metrics) -> Result<Proved, Failed> {
    let started = Instant::now();
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let proof = prover.prove(&job.claim)?;
        let prove_time = started.elapsed();
        if proof.len() > MAX_PROOF_BYTES {
            return Err(EngineError(format!("the proof has {} bytes, more than is sent", proof.len())));
        }
        prover.verify(&job.claim, &proof)?;
        metrics.proof_made(prove_time, started.elapsed() - prove_time, proof.len());
        Ok(Proved { proof, prove_ms: millis(prove_time) })
    }))
    .unwrap_or_else(|_| Err(EngineError("the prover crashed".into())));
    match checked {
        Ok(proved) => {
            tracing::info!(
                game = %job.claim.game_id,
                ply = job.ply,
                prove_ms = proved.prove_ms,
                total_ms = millis(started.elapsed()),
                bytes = proved.proof.len(),
                "proved"
            );
            Ok(proved)
        }
        Err(EngineError(reason)) => {
            metrics.proof_failed();
            tracing::error!(game = %job.claim.game_id, ply = job.ply, "no proof: {reason}");
            Err(Failed::Try { reason, for_good: false })
        }
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Sampling;
    use engine_circuit::Profile;
    use protocol::{GameId, GameRecord};

    /// Begins a proof with each message on its channel, and notes the game it is of.
    struct Stepped {
        steps: Mutex<std::sync::mpsc::Receiver<()>>,
        games: Arc<Mutex<Vec<u8>>>,
    }

    impl MoveProver for Stepped {
        fn prove(&self, claim: &MoveClaim) -> Result<Vec<u8>, EngineError> {
            self.games.lock().unwrap().push(claim.game_id.0[0]);
            self.steps.lock().unwrap().recv().unwrap();
            Ok(vec![1])
        }

        fn verify(&self, _: &MoveClaim, _: &[u8]) -> Result<(), EngineError> {
            Ok(())
        }
    }

    struct Ready(Mutex<Option<Stepped>>);

    impl Engine for Ready {
        fn digest(&self) -> [u8; 32] {
            [0; 32]
        }

        fn verifying_key(&self) -> Vec<u8> {
            Vec::new()
        }

        fn choose(&self, _: &GameRecord, _: Sampling) -> Option<protocol::shakmaty::Move> {
            None
        }

        fn open_prover(
            &self,
            _: &std::path::Path,
            _: &(dyn Fn(f32) + Sync),
        ) -> Result<Arc<dyn MoveProver>, EngineError> {
            Ok(Arc::new(self.0.lock().unwrap().take().unwrap()))
        }
    }

    #[test]
    fn a_proof_for_the_chain_comes_first_and_is_never_turned_away() {
        let (step, steps) = std::sync::mpsc::channel();
        let games = Arc::default();
        let prover = Stepped { steps: Mutex::new(steps), games: Arc::clone(&games) };
        let limits = Limits { proof_queue: 2, proof_workers: 1, ..Limits::default() };
        let engine = Arc::new(Ready(Mutex::new(Some(prover))));
        let pool = ProverPool::start(engine, PathBuf::new(), &limits, Metrics::new()).unwrap();
        let (done, mut results) = mpsc::unbounded_channel();
        let job = |game: u8| {
            let record = GameRecord::default();
            let mv = protocol::shakmaty::Position::legal_moves(record.position())[0];
            let (game_id, sampling) = (GameId([game; 32]), Sampling::default());
            Job {
                ply: 0,
                claim: MoveClaim { game_id, record, mv, sampling, profile: Profile::Live },
                done: done.clone(),
            }
        };
        assert_eq!(pool.submit(job(1)), Some(0));
        while games.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!((pool.submit(job(2)), pool.submit(job(3))), (Some(1), Some(2)));
        assert_eq!(pool.submit(job(4)), None, "the queue is full");
        pool.submit_for_chain(job(5));
        pool.submit_for_chain(job(6));
        for _ in 0..5 {
            step.send(()).unwrap();
            assert!(results.blocking_recv().unwrap().result.is_ok());
        }
        assert_eq!(*games.lock().unwrap(), [1, 5, 6, 2, 3]);
    }
}
