//! An account at a chain's settlement contract.

use crate::play::staked::Table;
use server::{Stakes, StakesLimits};
use settle::{Account, Chain, Rpc};
use std::{path::Path, sync::Arc, time::Duration};

/// Longest wait for a node that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// An account at a chain's settlement contract. A clone is the same account.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Where the node answers.
    pub rpc: String,
    /// Address of the contract.
    pub settlement: [u8; 20],
    /// The account.
    pub account: Account,
    /// What is known of it, since the look at the chain when the seat was taken.
    pub table: Table,
}

impl Seat {
    /// Takes a seat, with an encrypted key.
    ///
    /// # Errors
    ///
    /// Returns a line for the user: no node, no contract, a wrong pass phrase.
    pub fn take(rpc: &str, settlement: [u8; 20], key: &Path, pass_phrase: &str) -> Result<Self, String> {
        let account = Account::from_file(key, pass_phrase).map_err(|error| error.to_string())?;
        let player = account.address().into_array();
        let table = Table { chain_id: 0, settlement, player, held: 0, withdrawable: 0 };
        let mut seat = Self { rpc: rpc.to_owned(), settlement, account, table };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no network: {error}"))?;
        runtime.block_on(async {
            let chain = seat.chain().await?;
            seat.table.chain_id = chain.domain().chain_id;
            let (held, withdrawable) = money(&chain, &seat.account).await?;
            (seat.table.held, seat.table.withdrawable) = (held, withdrawable);
            Ok::<_, String>(())
        })?;
        Ok(seat)
    }

    /// The contract, through a connection of the runtime that this runs in.
    ///
    /// # Errors
    ///
    /// Returns a line for the user.
    pub async fn chain(&self) -> Result<Chain, String> {
        let rpc = Rpc::connect(&self.rpc, PATIENCE).await.map_err(|error| error.to_string())?;
        Chain::connect(rpc, self.settlement.into(), Some(self.account.clone()))
            .await
            .map_err(|error| error.to_string())
    }

    /// What a server needs to be the operator.
    pub(crate) async fn operator(&self) -> Result<Stakes, String> {
        let limits = StakesLimits { poll: Duration::from_millis(500), ..StakesLimits::default() };
        let key = Arc::new(self.account.key().clone());
        Ok(Stakes { key, chain: Arc::new(self.chain().await?), limits })
    }
}

/// What an account holds itself, and what it can withdraw, in wei.
pub(super) async fn money(chain: &Chain, account: &Account) -> Result<(u128, u128), String> {
    let held = chain.rpc().balance(account.address()).await.map_err(|error| error.to_string())?;
    let inside = chain.balance(account.address()).await.map_err(|error| error.to_string())?;
    // More than a u128 of wei there is not.
    Ok((u128::try_from(held).unwrap_or(u128::MAX), u128::try_from(inside).unwrap_or(u128::MAX)))
}
