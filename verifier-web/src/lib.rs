//! The verifier for a browser: the verifying half of `engine-circuit` behind a few exported functions, and the page around it.
//!
//! [`Verifier`] does all the work and is the same natively and in WebAssembly. There `exports` hands it bytes and gives back
//! JSON; the module has no imports, so it can do nothing but compute. Elsewhere `page` puts page, module and pinned keys together
//! into one file, which `server` serves at `/verify` and which works from a disk.

pub mod claim;
#[cfg(target_arch = "wasm32")]
mod exports;
#[cfg(not(target_arch = "wasm32"))]
pub mod page;
pub mod verifier;

pub use claim::{Claim, ClaimError};
pub use verifier::{OpenError, Rejection, Verifier};
