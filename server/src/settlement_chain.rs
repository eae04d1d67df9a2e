//! The chain behind a node's JSON-RPC: the contract as crate `settle` talks to it, with the operator's account.

use crate::chain::{Account, Chain, ChainError};
use futures_util::future::BoxFuture;
use settlement::{
    dispute::{Act, OnChain},
    game_file::StakedGame,
    signature::Address,
    signed::SignedOffer,
    typed_data::Domain,
};

fn failed(error: &settle::ChainError) -> ChainError {
    ChainError(error.to_string())
}

impl Chain for settle::Chain {
    fn domain(&self) -> Domain {
        Self::domain(self)
    }

    fn account(&self, account: Address) -> BoxFuture<'_, Result<Account, ChainError>> {
        Box::pin(async move {
            let balance = self.balance(account.into()).await.map_err(|error| failed(&error))?;
            let (_, now) = self.rpc().latest_block().await.map_err(|error| failed(&error))?;
            // More than a u128 of wei there is not.
            Ok(Account { balance: u128::try_from(balance).unwrap_or(u128::MAX), now })
        })
    }

    fn look<'a>(&'a self, offer: &'a SignedOffer) -> BoxFuture<'a, Result<OnChain, ChainError>> {
        Box::pin(async move { Self::look(self, offer).await.map_err(|error| failed(&error)) })
    }

    fn act<'a>(
        &'a self,
        game: &'a StakedGame,
        act: &'a Act,
        proof: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async move {
            let receipt = Self::act(self, game, act, proof).await.map_err(|error| failed(&error))?;
            tracing::info!(transaction = %receipt.transaction, gas = receipt.gas_used, "in a block");
            Ok(())
        })
    }
}
