//! `settle balance`, `deposit`, `withdraw`.

use std::path::PathBuf;

use alloy::primitives::{Address, U256};
use clap::Args;
use serde_json::json;
use settle::account::address_of_key_file;
use settle::amount::{ether, parse};

use crate::arguments::{Contract, KeyFile, Node};
use crate::output::{Outcome, emit_either, emit_receipt, misuse};

#[derive(Args)]
pub struct Balance {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    contract: Contract,
    /// Encrypted key of the account; its pass phrase is not needed
    #[arg(long, value_name = "FILE", required_unless_present = "account")]
    key_file: Option<PathBuf>,
    /// Address of the account
    #[arg(long, value_name = "ADDRESS", conflicts_with = "key_file")]
    account: Option<Address>,
    /// Print one JSON object, in wei
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Deposit {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    key: KeyFile,
    /// Ether as 1.5, or wei as 300wei
    #[arg(long, value_name = "SUM", value_parser = parse)]
    amount: u128,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Withdraw {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    key: KeyFile,
    /// Ether as 1.5, or wei as 300wei; everything if not given
    #[arg(long, value_name = "SUM", value_parser = parse)]
    amount: Option<u128>,
    /// Who gets it; the account itself if not given
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Balance {
    pub async fn run(self) -> Outcome {
        let account = match (self.account, &self.key_file) {
            (Some(account), _) => account,
            (None, Some(path)) => address_of_key_file(path)?,
            (None, None) => return Err(misuse("--key-file or --account is missing")),
        };
        let chain = self.contract.connect(&self.node, None).await?;
        let (own, held) = (chain.rpc().balance(account).await?, chain.balance(account).await?);
        let object =
            json!({ "account": account, "wei": own.to_string(), "wei_in_contract": held.to_string() });
        let lines =
            format!("account       {account}\non chain      {}\nin contract   {}", ether(own), ether(held));
        emit_either(self.json, &object, &lines)
    }
}

impl Deposit {
    pub async fn run(self) -> Outcome {
        let account = self.key.account()?;
        let address = account.address();
        let chain = self.contract.connect(&self.node, Some(account)).await?;
        let receipt = chain.deposit(self.amount).await?;
        let held = chain.balance(address).await?;
        let what = format!(
            "deposited {}; {address} holds {} in the contract",
            ether(U256::from(self.amount)),
            ether(held)
        );
        emit_receipt(self.json, &what, &receipt, json!({ "wei_in_contract": held.to_string() }))
    }
}

impl Withdraw {
    pub async fn run(self) -> Outcome {
        let account = self.key.account()?;
        let address = account.address();
        let to = self.to.unwrap_or(address);
        let chain = self.contract.connect(&self.node, Some(account)).await?;
        let amount = match self.amount {
            Some(amount) => U256::from(amount),
            None => chain.balance(address).await?,
        };
        let receipt = chain.withdraw(amount, to).await?;
        emit_receipt(
            self.json,
            &format!("paid {} to {to}", ether(amount)),
            &receipt,
            json!({ "wei": amount.to_string() }),
        )
    }
}
