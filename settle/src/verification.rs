//! Proofs verified on chain.

use alloy::primitives::aliases::U80;
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use engine_circuit::{Digest, Statement};
use protocol::GameRecord;
use protocol::shakmaty::Color;
use settlement::game_file::StakedGame;
use settlement::position::{PositionWords, move_word};
use settlement::typed_data::Side;

use crate::account::Account;
use crate::bindings::game_verifier::GameVerifier;
use crate::bindings::verifier_router::VerifierRouter;
use crate::proof::{ProofError, nonce};
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
    rpc.send(account, Some(router), U256::ZERO, call.abi_encode().into()).await
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
    rpc.send(account, Some(router), U256::ZERO, call.abi_encode().into()).await
}

/// A whole game as calldata of the contract `GameVerifier`, which replays it and builds the statement itself. `proof`: one of all the operator's moves
/// ([`crate::proof::game_statement`]).
///
/// # Errors
///
/// Returns [`ProofError`] if the operator has no move, or the last one's seed element is missing.
pub fn game_call(game: &StakedGame, proof: Vec<u8>) -> Result<Bytes, ProofError> {
    let side = game.color(Side::Operator);
    let own = game.file().moves.iter().skip(usize::from(side == Color::Black)).step_by(2).next_back();
    let seed_element =
        own.ok_or(ProofError::NotTheOperators)?.seed_element.ok_or(ProofError::NoSeedElement)?;
    let first = PositionWords::of(&GameRecord::default());
    let offer = &game.offer().offer;
    let moves: Vec<u8> = game.record().moves().iter().flat_map(|&mv| move_word(mv).to_be_bytes()).collect();
    let call = GameVerifier::verifyCall {
        game: GameVerifier::ProvenGame {
            modelDigest: offer.model_digest.into(),
            gameId: game.offer().game_id().into(),
            level: offer.level,
            networkIsBlack: side == Color::Black,
            seedHead: offer.seed_head.into(),
            nonce: nonce(game).into(),
            board: U256::from_be_bytes(first.board),
            meta: U80::from_be_bytes(first.meta),
        },
        moves: moves.into(),
        evidence: GameVerifier::GameEvidence {
            seedElement: seed_element.into(),
            contenders: Bytes::new(),
            proof: proof.into(),
        },
    };
    Ok(call.abi_encode().into())
}

/// Has a whole game replayed and its one proof verified by the contract `GameVerifier`: with an account in a transaction, else by a call.
///
/// # Errors
///
/// Returns [`ChainError::Rejected`] if a move is not legal or not proven.
pub async fn verify_game(
    rpc: &Rpc,
    account: Option<&Account>,
    game_verifier: Address,
    call: Bytes,
) -> Result<Option<Receipt>, ChainError> {
    rpc.require_contract("verifier of games", game_verifier).await?;
    match account {
        Some(account) => rpc.send(account, Some(game_verifier), U256::ZERO, call).await.map(Some),
        None => rpc.call(None, game_verifier, call).await.map(|_| None),
    }
}
