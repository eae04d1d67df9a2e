//! The polynomial commitment: WHIR (eprint 2024/1586) over Keccak-256 trees, commit / open / verify.

pub mod merkle;
#[cfg(feature = "prover")]
mod open;
pub mod schedule;
mod verify;
#[cfg(feature = "prover")]
mod word;

pub use schedule::{Openings, Profile, Schedule, TableShape, WordShape};
pub use verify::{OpeningClaim, OpeningError, verify_opening};

#[cfg(feature = "prover")]
pub use open::{ClaimGroup, High, KeptHigh, Opened, open};
#[cfg(feature = "prover")]
pub use word::{Bytes, Word, encode_base, encode_base_into};
