//! Everything about "this move is the argmax of that committed network on this position": network, reference inference,
//! circuit, prover (feature `prover`) and verifier. `docs/network.md` and `docs/proof-format.md` are the specifications.

#[cfg(feature = "allocator")]
pub mod allocator;
pub mod argument;
#[cfg(feature = "bundle")]
pub mod bundle;
pub mod chain;
pub mod channel;
pub mod commitment;
#[cfg(feature = "prover")]
pub mod dishonest;
pub mod encode;
pub mod evaluation;
pub mod field;
pub mod infer;
pub mod model;
pub mod poly;
#[cfg(feature = "prover")]
pub mod prove;
pub mod sampling;
pub mod security;
pub mod shape;
pub mod statement;
pub mod sumcheck;
pub mod transcript;
pub mod verify;
#[cfg(feature = "prover")]
pub mod weights;
#[cfg(feature = "prover")]
pub mod witness;

pub use commitment::Profile;
pub use evaluation::{Evaluation, PolicyEntry, evaluate};
pub use model::{Digest, Model, ModelError, VerifyingKey};
#[cfg(feature = "prover")]
pub use prove::{ProveError, Proved, Prover, ProverError, StageTimes};
pub use sampling::{Level, Seed};
pub use statement::{Statement, StatementError, Value};
pub use verify::{VerifyError, verify};
