//! The part of the command line that is about games for stakes.

use clap::Args;
use server::{Stakes, StakesLimits};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Longest wait for a node that does not answer, before a look at the chain counts as failed.
const NODE_PATIENCE: Duration = Duration::from_secs(10);

/// Games for stakes: all of the first three, or none are played.
#[derive(Args)]
#[command(next_help_heading = "Games for stakes")]
pub(crate) struct StakesArgs {
    /// Node of the chain, as http://HOST:PORT.
    #[arg(long, value_name = "URL", requires = "key_file", requires = "settlement")]
    rpc: Option<String>,
    /// The operator's encrypted key (`settle key new` makes one).
    #[arg(long, value_name = "FILE", requires = "rpc")]
    key_file: Option<PathBuf>,
    /// Address of the contract Settlement.
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    settlement: Option<String>,
    /// File whose first line is the key's pass phrase [default: asked for on the terminal, or a line of stdin].
    #[arg(long, value_name = "FILE", requires = "rpc")]
    password_file: Option<PathBuf>,
    /// Highest stake of one game, in wei.
    #[arg(long, value_name = "WEI", default_value_t = StakesLimits::default().max_stake)]
    max_stake: u128,
    /// What each side adds to its stake, in wei; covers the gas of a dispute.
    #[arg(long, value_name = "WEI", default_value_t = StakesLimits::default().bond)]
    bond: u128,
    /// Time to answer on chain, in seconds, 60 to 2592000.
    #[arg(long, value_name = "SECONDS", default_value_t = StakesLimits::default().response_seconds, value_parser = clap::value_parser!(u32).range(60..=2_592_000))]
    response_seconds: u32,
    /// Silence after which a player whose turn it is is challenged on chain, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = StakesLimits::default().patience.as_secs())]
    patience_seconds: u64,
    /// Pause between two looks at the chain, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(10..))]
    poll_ms: u64,
}

impl StakesArgs {
    /// Reads the key and finds the contract; `None` without them.
    pub(crate) async fn connect(&self) -> Result<Option<Stakes>, String> {
        let (Some(url), Some(key_file), Some(address)) = (&self.rpc, &self.key_file, &self.settlement) else {
            return Ok(None);
        };
        let contract = address.parse().map_err(|_| format!("--settlement {address}: not an address"))?;
        let pass_phrase = settle::read_pass_phrase(self.password_file.as_deref(), "Pass phrase: ")
            .map_err(|error| format!("--password-file: {error}"))?;
        let account = settle::Account::from_file(key_file, &pass_phrase)
            .map_err(|error| format!("--key-file: {error}"))?;
        let rpc =
            settle::Rpc::connect(url, NODE_PATIENCE).await.map_err(|error| format!("--rpc: {error}"))?;
        let chain = settle::Chain::connect(rpc, contract, Some(account.clone()))
            .await
            .map_err(|error| format!("--settlement: {error}"))?;
        let operator = account.address();
        let held =
            server::Chain::account(&chain, operator.into_array()).await.map_err(|error| error.to_string())?;
        tracing::info!(%operator, deposit_wei = held.balance, chain = chain.domain().chain_id, "plays for stakes");
        let limits = StakesLimits {
            max_stake: self.max_stake,
            bond: self.bond,
            response_seconds: self.response_seconds,
            patience: Duration::from_secs(self.patience_seconds),
            poll: Duration::from_millis(self.poll_ms),
            ..StakesLimits::default()
        };
        Ok(Some(Stakes { key: Arc::new(account.key().clone()), chain: Arc::new(chain), limits }))
    }
}
