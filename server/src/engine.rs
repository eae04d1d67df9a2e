//! The one place that calls `engine-circuit`; the rest of the server sees two traits, so that its tests can play
//! with a network that costs nothing and a prover that misbehaves.

use engine_circuit::{Model, Prover, Statement, VerifyingKey};
use protocol::{GameId, GameRecord, shakmaty::Move};
use std::{path::Path, sync::Arc};

/// A network that plays and, on request, proves.
pub trait Engine: Send + Sync + 'static {
    /// Digest of the network.
    fn digest(&self) -> [u8; 32];

    /// Canonical bytes of the key its proofs are verified with.
    fn verifying_key(&self) -> Vec<u8>;

    /// The network's move; `None` without a legal one. Takes milliseconds of CPU time.
    fn best_move(&self, record: &GameRecord) -> Option<Move>;

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

/// Proves moves of one network.
pub trait MoveProver: Send + Sync {
    /// Proves that `mv` is the network's move in game `game_id` after `record`.
    ///
    /// # Errors
    ///
    /// Returns [`EngineError`] if it isn't, or if proving failed.
    fn prove(&self, game_id: GameId, record: &GameRecord, mv: Move) -> Result<Vec<u8>, EngineError>;

    /// Verifies such a proof as the client will.
    ///
    /// # Errors
    ///
    /// Returns [`EngineError`] for a proof that a client would reject.
    fn verify(&self, game_id: GameId, record: &GameRecord, mv: Move, proof: &[u8])
    -> Result<(), EngineError>;
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

    fn best_move(&self, record: &GameRecord) -> Option<Move> {
        engine_circuit::evaluate(&self.model, record).map(|evaluation| evaluation.best)
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
    fn statement(game_id: GameId, record: &GameRecord, mv: Move) -> Result<Statement, EngineError> {
        Statement::single(*game_id.as_bytes(), record, mv)
            .map_err(|error| EngineError::of("no statement about this move", &error))
    }
}

impl MoveProver for CircuitProver {
    fn prove(&self, game_id: GameId, record: &GameRecord, mv: Move) -> Result<Vec<u8>, EngineError> {
        let statement = Self::statement(game_id, record, mv)?;
        self.prover
            .prove(&statement, engine_circuit::Profile::Live)
            .map(|proved| proved.proof)
            .map_err(|error| EngineError::of("proving failed", &error))
    }

    fn verify(
        &self,
        game_id: GameId,
        record: &GameRecord,
        mv: Move,
        proof: &[u8],
    ) -> Result<(), EngineError> {
        let statement = Self::statement(game_id, record, mv)?;
        engine_circuit::verify(&self.key, &statement, engine_circuit::Profile::Live, proof)
            .map_err(|error| EngineError::of("the server's own check rejects the proof", &error))
    }
}
