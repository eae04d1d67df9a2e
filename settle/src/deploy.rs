//! Putting the contracts on a chain.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use engine_circuit::VerifyingKey;
use engine_circuit::chain::{MAX_KEY_BYTES, verifier_key};
use engine_circuit::shape::MAX_MOVES;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::bindings::chess_rules::ChessRules;
use crate::bindings::game_verifier::GameVerifier;
use crate::bindings::move_verifier::MoveVerifier;
use crate::bindings::opening_verifier::OpeningVerifier;
use crate::bindings::proven_games::ProvenGames;
use crate::bindings::proven_moves::ProvenMoves;
use crate::bindings::settlement::Settlement;
use crate::bindings::verifier_router::VerifierRouter;
use crate::rpc::{ChainError, Receipt, Rpc};

/// Where the contracts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The chain.
    pub chain_id: u64,
    /// The rules of chess.
    pub rules: Address,
    /// Verifiers by model.
    pub router: Address,
    /// The verifier of the model.
    pub verifier: Address,
    /// Games for stakes.
    pub settlement: Address,
    /// Whole games in one transaction.
    pub game_verifier: Address,
    /// Proven moves as tokens.
    pub proven_moves: Address,
    /// Proven games as tokens.
    pub proven_games: Address,
    /// The model's digest, 64 hexadecimal digits.
    pub model_digest: String,
    /// Block from which on events are of interest.
    pub block: u64,
    /// Gas of all transactions together.
    pub gas_used: u64,
}

/// Deploys everything for one model; the account becomes the router's owner. `max_moves`: of one proof that the verifier takes.
///
/// # Errors
///
/// Returns [`ChainError`] for the first transaction that fails, or a key that no contract holds.
pub async fn deploy(
    rpc: &Rpc,
    account: &Account,
    key: &VerifyingKey,
    max_moves: usize,
) -> Result<Deployment, ChainError> {
    let mut transactions = Transactions { rpc, account, block: u64::MAX, gas_used: 0 };
    let key_bytes = constructor_key(key, max_moves)?;
    let owner = account.address();
    let rules = transactions.deploy(&ChessRules::BYTECODE, &[]).await?;
    let router_arguments = VerifierRouter::constructorCall { firstOwner: owner }.abi_encode();
    let router = transactions.deploy(&VerifierRouter::BYTECODE, &router_arguments).await?;
    let openings = transactions.deploy(&OpeningVerifier::BYTECODE, &[]).await?;
    let verifier_arguments = MoveVerifier::constructorCall { key: key_bytes, rules, openings }.abi_encode();
    let verifier = transactions.deploy(&MoveVerifier::BYTECODE, &verifier_arguments).await?;
    let arguments = Settlement::constructorCall { rulesContract: rules, routerContract: router }.abi_encode();
    let settlement = transactions.deploy(&Settlement::BYTECODE, &arguments).await?;
    let arguments =
        ProvenMoves::constructorCall { rulesContract: rules, routerContract: router }.abi_encode();
    let proven_moves = transactions.deploy(&ProvenMoves::BYTECODE, &arguments).await?;
    let arguments = GameVerifier::constructorCall { routerContract: router }.abi_encode();
    let game_verifier = transactions.deploy(&GameVerifier::BYTECODE, &arguments).await?;
    let arguments = ProvenGames::constructorCall { verifier: game_verifier }.abi_encode();
    let proven_games = transactions.deploy(&ProvenGames::BYTECODE, &arguments).await?;
    let register = VerifierRouter::registerCall { verifier }.abi_encode();
    transactions.send(Some(router), register.into()).await?;
    Ok(Deployment {
        chain_id: rpc.chain_id(),
        rules,
        router,
        verifier,
        settlement,
        game_verifier,
        proven_moves,
        proven_games,
        model_digest: key.digest().to_string(),
        block: transactions.block,
        gas_used: transactions.gas_used,
    })
}

/// The argument of the verifier's constructor.
fn constructor_key(key: &VerifyingKey, max_moves: usize) -> Result<Bytes, ChainError> {
    if !(1..=MAX_MOVES).contains(&max_moves) {
        return Err(ChainError::Key(format!("a proof has 1 to {MAX_MOVES} moves, not {max_moves}")));
    }
    let bytes = verifier_key(key, max_moves);
    if bytes.len() > MAX_KEY_BYTES {
        return Err(ChainError::Key(format!(
            "a key for {max_moves} moves has {} bytes, a contract holds {MAX_KEY_BYTES}: take fewer moves",
            bytes.len()
        )));
    }
    Ok(bytes.into())
}

struct Transactions<'a> {
    rpc: &'a Rpc,
    account: &'a Account,
    block: u64,
    gas_used: u64,
}

impl Transactions<'_> {
    async fn send(&mut self, to: Option<Address>, data: Bytes) -> Result<Receipt, ChainError> {
        let receipt = self.rpc.send(self.account, to, U256::ZERO, data).await?;
        self.block = self.block.min(receipt.block);
        self.gas_used += receipt.gas_used;
        Ok(receipt)
    }

    async fn deploy(&mut self, code: &Bytes, arguments: &[u8]) -> Result<Address, ChainError> {
        let receipt = self.send(None, [code.as_ref(), arguments].concat().into()).await?;
        receipt.contract.ok_or(ChainError::Unconfirmed(receipt.transaction))
    }
}
