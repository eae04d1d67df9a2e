//! Games for stakes on Ethereum: what player and operator do on chain (`docs/settlement.md`), over JSON-RPC.
//!
//! [`Chain`] is the contract as one account sees it; everything it takes is in crate `settlement`. A node that is away is asked again until patience ends;
//! what a contract refuses is one sentence ([`Rejection`]). Nothing here prints a key.

pub mod account;
pub mod amount;
pub mod bindings;
pub mod chain;
pub mod deploy;
pub mod devnet;
pub mod proof;
mod rejection;
mod rpc;
mod side;
pub mod verification;

pub use account::{Account, AccountError, read_pass_phrase};
pub use chain::Chain;
pub use deploy::{Deployment, deploy};
pub use rejection::Rejection;
pub use rpc::{ChainError, Receipt, Rpc, TRANSACTION_GAS_LIMIT};
