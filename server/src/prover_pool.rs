//! The threads that prove, off the async ones: the prover gets ready in the background, jobs wait in a bounded
//! queue, every proof is verified before it is handed back.

use crate::{
    config::Limits,
    engine::{Engine, EngineError, MoveClaim, MoveProver},
    metrics::Metrics,
};
use protocol::{ServerMessage, messages::MAX_PROOF_BYTES};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex,
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
    jobs: mpsc::Sender<Job>,
    state: watch::Receiver<ProverState>,
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Mutex<mpsc::Receiver<Job>>,
    state: watch::Sender<ProverState>,
    /// Its queue's length tells jobs how many are before them.
    metrics: Metrics,
    stop: AtomicBool,
}

impl ProverPool {
    /// Starts the pool; the prover gets ready on its first thread.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        cache: PathBuf,
        limits: &Limits,
        metrics: Metrics,
    ) -> std::io::Result<Self> {
        let (jobs, receiver) = mpsc::channel(limits.proof_queue.max(1));
        let workers = limits.proof_workers;
        let (state_sender, state) = watch::channel(ProverState::default());
        let shared = Arc::new(Shared {
            jobs: Mutex::new(receiver),
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
        Ok(Self { jobs, state, shared })
    }

    /// Queues a job. Returns the number of jobs before it, or `None` if the queue is full.
    pub(crate) fn submit(&self, job: Job) -> Option<u32> {
        let before = self.shared.metrics.proof_queue.inc();
        if self.jobs.try_send(job).is_err() {
            self.shared.metrics.proof_queue.dec();
            return None;
        }
        Some(u32::try_from(before).unwrap_or_default())
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
    loop {
        // A poisoned lock guards nothing but the queue, which is whole.
        let job = shared.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
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
