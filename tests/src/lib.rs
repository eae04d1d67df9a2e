//! What tests across crates share: the contracts' committed artefacts, an EVM in process, positions as the contracts hold them.
//! Nothing imports this crate.

pub mod artefact;
pub mod chess;
pub mod evm;
pub mod games;
