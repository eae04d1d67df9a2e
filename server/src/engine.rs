//! The one place that calls `engine-circuit`; the rest of the server sees two traits, so that its tests can play
//! with a network that costs nothing and a prover that misbehaves.

use engine_circuit::{Level, Model, Profile, Prover, Seed, Statement, VerifyingKey};
use protocol::{GameId, GameRecord, shakmaty::Move};
use std::{path::Path, sync::Arc};

/// How a move is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// The level.
    pub level: Level,
    /// Seed of its noise; of no meaning at the strongest level.
    pub seed: Seed,
}

/// A network that plays and, on request, proves.
pub trait Engine: Send + Sync + 'static {
    /// Digest of the network.
    fn digest(&self) -> [u8; 32];

    /// Canonical bytes of the key its proofs are verified with.
    fn verifying_key(&self) -> Vec<u8>;

    /// The network's move; `None` without a legal one. Takes milliseconds of CPU time.
    fn choose(&self, record: &GameRecord, sampling: Sampling) -> Option<Move>;

    /// Gets ready to prove. May take a minute; calls `progress` with values from 0 to 1 meanwhile.
    ///
    /// # Errors
    ///
    /// Returns [`EngineError`] if it can't, for a person to read.
    fn open_prover(
        &self,
        cache: &Path,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Arc<dyn MoveProver>, EngineError>;
}

/// What is proven of a move.
#[derive(Clone, Debug)]
pub struct MoveClaim {
    /// The game.
    pub game_id: GameId,
    /// The game before the move.
    pub record: GameRecord,
    /// The move.
    pub mv: Move,
    /// How it was chosen.
    pub sampling: Sampling,
    /// For a client, or for a contract.
    pub profile: Profile,
}

/// Proves moves of one network.
pub trait MoveProver: Send + Sync {
    /// Proves a claim.
    ///
    /// # Errors
    ///
    /// Returns [`EngineError`] if it is false, or if proving failed.
    fn prove(&self, claim: &MoveClaim) -> Result<Vec<u8>, EngineError>;

    /// Verifies such a proof as the client will.
    ///
    /// # Errors
    ///
    /// Returns [`EngineError`] for a proof that a client would reject.
    fn verify(&self, claim: &MoveClaim, proof: &[u8]) -> Result<(), EngineError>;
}

/// What went wrong in the engine, for a person to read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

impl EngineError {
    fn of(what: &str, error: &dyn std::error::Error) -> Self {
        Self(format!("{what}: {error}"))
    }
}

/// The network, prover and verifier of `engine-circuit`.
pub struct CircuitEngine {
    model: Arc<Model>,
}

impl CircuitEngine {
    /// An engine that plays `model`.
    #[must_use]
    pub fn new(model: Arc<Model>) -> Self {
        Self { model }
    }
}

impl Engine for CircuitEngine {
    fn digest(&self) -> [u8; 32] {
        *self.model.digest().as_bytes()
    }

    fn verifying_key(&self) -> Vec<u8> {
        self.model.verifying_key().to_bytes()
    }

    fn choose(&self, record: &GameRecord, sampling: Sampling) -> Option<Move> {
        let evaluation = engine_circuit::evaluate(&self.model, record)?;
        Some(evaluation.choose(sampling.level, &sampling.seed))
    }

    fn open_prover(
        &self,
        cache: &Path,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Arc<dyn MoveProver>, EngineError> {
        let prover = Prover::open(Arc::clone(&self.model), cache, progress)
            .map_err(|error| EngineError::of("the prover can't start", &error))?;
        Ok(Arc::new(CircuitProver { prover, key: self.model.verifying_key() }))
    }
}

struct CircuitProver {
    prover: Prover,
    key: VerifyingKey,
}

impl CircuitProver {
    fn statement(claim: &MoveClaim) -> Result<Statement, EngineError> {
        let Sampling { level, seed } = claim.sampling;
        let seeds = if level.is_random() { vec![seed] } else { Vec::new() };
        Statement::single(*claim.game_id.as_bytes(), &claim.record, claim.mv)
            .and_then(|statement| statement.at_level(level, &seeds))
            .map_err(|error| EngineError::of("no statement about this move", &error))
    }
}

impl MoveProver for CircuitProver {
    fn prove(&self, claim: &MoveClaim) -> Result<Vec<u8>, EngineError> {
        let statement = Self::statement(claim)?;
        self.prover
            .prove(&statement, claim.profile)
            .map(|proved| proved.proof)
            .map_err(|error| EngineError::of("proving failed", &error))
    }

    fn verify(&self, claim: &MoveClaim, proof: &[u8]) -> Result<(), EngineError> {
        let statement = Self::statement(claim)?;
        engine_circuit::verify(&self.key, &statement, claim.profile, proof)
            .map_err(|error| EngineError::of("the server's own check rejects the proof", &error))
    }
}
