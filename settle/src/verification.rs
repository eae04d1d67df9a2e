//! Proofs verified on chain.

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use engine_circuit::{Digest, Statement};

use crate::account::Account;
use crate::bindings::verifier_router::VerifierRouter;
use crate::rpc::{ChainError, Receipt, Rpc};

/// A statement as a contract takes it: the model's digest in front.
#[must_use]
pub fn statement_bytes(digest: &Digest, statement: &Statement) -> Vec<u8> {
    [digest.as_bytes().as_slice(), &statement.to_bytes()].concat()
}

/// Has a proof of any number of moves verified by the model's verifier, without a transaction.
///
/// # Errors
///
/// Returns [`ChainError::Rejected`] if it does not verify.
pub async fn verify(
    rpc: &Rpc,
    router: Address,
    statement: Vec<u8>,
    proof: Vec<u8>,
) -> Result<(), ChainError> {
    rpc.require_contract("router of verifiers", router).await?;
    let call = VerifierRouter::verifyCall { statement: statement.into(), proof: proof.into() };
    rpc.call(None, router, Bytes::from(call.abi_encode())).await.map(drop)
}

/// The same as a transaction, which leaves nothing behind but its receipt.
///
/// # Errors
///
/// Returns [`ChainError::Rejected`] if it does not verify.
pub async fn verify_in_transaction(
    rpc: &Rpc,
    account: &Account,
    router: Address,
    statement: Vec<u8>,
    proof: Vec<u8>,
) -> Result<Receipt, ChainError> {
    rpc.require_contract("router of verifiers", router).await?;
    let call = VerifierRouter::verifyCall { statement: statement.into(), proof: proof.into() };
    rpc.send(account, Some(router), alloy::primitives::U256::ZERO, call.abi_encode().into()).await
}

/// Has the proof of one move verified in a transaction and its statement remembered, so that later calls need no proof of it.
///
/// # Errors
///
/// Returns [`ChainError::Rejected`] if it does not verify.
pub async fn attest(
    rpc: &Rpc,
    account: &Account,
    router: Address,
    statement: Vec<u8>,
    proof: Vec<u8>,
) -> Result<Receipt, ChainError> {
    rpc.require_contract("router of verifiers", router).await?;
    let call = VerifierRouter::attestCall { statement: statement.into(), proof: proof.into() };
    rpc.send(account, Some(router), alloy::primitives::U256::ZERO, call.abi_encode().into()).await
}
