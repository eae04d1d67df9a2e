//! JSON-RPC over HTTP: calls, transactions, logs. A node that is away or overloaded is asked again, with growing pauses, until patience ends.

use std::time::{Duration, Instant};

use alloy::consensus::Transaction as _;
use alloy::eips::{BlockId, Encodable2718};
use alloy::network::{Ethereum, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use alloy::transports::http::{Http, reqwest};
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use thiserror::Error;

use crate::account::Account;
use crate::rejection::Rejection;

/// Gas that a transaction may have at most (EIP-7825).
pub const TRANSACTION_GAS_LIMIT: u64 = 1 << 24;
/// How long a node may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a transaction may take to get into a block.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Blocks whose logs are asked for at once: what public nodes allow.
const LOG_BLOCKS: u64 = 5_000;

/// Why something on chain did not happen.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The contract refuses.
    #[error("{0}")]
    Rejected(Rejection),
    /// No node answers there.
    #[error(
        "no Ethereum node answers at {rpc} ({reason}): start one (`settle devnet` for tests) or check --rpc"
    )]
    Unreachable {
        /// Its address.
        rpc: String,
        /// What the last attempt met.
        reason: String,
    },
    /// The node answers, but not with what was asked for.
    #[error("the node at {rpc} says: {message}")]
    Node {
        /// Its address.
        rpc: String,
        /// What it says.
        message: String,
    },
    /// The address is no URL.
    #[error("{0:?} is not an address of a node: http://HOST:PORT")]
    Url(String),
    /// There is no such contract.
    #[error("there is no {contract} at {address} on chain {chain_id}: is it the right chain?")]
    NoContract {
        /// What should be there.
        contract: &'static str,
        /// Where.
        address: Address,
        /// The chain.
        chain_id: u64,
    },
    /// The offer is for another chain or contract.
    #[error("the offer is for contract {contract} on chain {chain_id}, not for the one here")]
    OtherDomain {
        /// The offer's contract.
        contract: Address,
        /// The offer's chain.
        chain_id: u64,
    },
    /// A transaction is in no block yet.
    #[error("transaction {0} is in no block after {seconds} s; it may still get into one", seconds = BLOCK_TIMEOUT.as_secs())]
    Unconfirmed(B256),
    /// The key holds too little for gas and value.
    #[error("{account} holds too little for gas and value: {message}")]
    Funds {
        /// The account.
        account: Address,
        /// What the node says.
        message: String,
    },
    /// This needs a key.
    #[error("this needs an account's key")]
    NoAccount,
    /// What the contract returned is not what its description says.
    #[error("the contract at {0} answers with something else than its description says")]
    Malformed(Address),
    /// A verifying key that no contract can hold.
    #[error("{0}")]
    Key(String),
}

/// A transaction that is in a block and did what it should.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// Its hash.
    pub transaction: B256,
    /// Number of its block.
    pub block: u64,
    /// Gas it used in all.
    pub gas_used: u64,
    /// Bytes of its calldata.
    pub calldata_bytes: usize,
    /// The contract it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Address>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Rpc {
    provider: RootProvider<Ethereum>,
    url: String,
    patience: Duration,
    chain_id: u64,
}

/// What an attempt met.
enum Failure {
    /// Asking again may help.
    Passing(String),
    /// The contract's refusal.
    Reverted(Bytes),
    /// The node's answer.
    Said(String),
}

fn classify(error: TransportError) -> Failure {
    match error {
        RpcError::ErrorResp(payload) => {
            let data = payload.data.as_ref().and_then(|raw| serde_json::from_str::<Bytes>(raw.get()).ok());
            match data.or_else(|| payload.as_revert_data()) {
                Some(data) if payload.code == 3 || !data.is_empty() => Failure::Reverted(data),
                _ if payload.message.contains("execution reverted") => Failure::Reverted(Bytes::new()),
                _ if payload.is_retry_err() => Failure::Passing(payload.message.to_string()),
                _ => Failure::Said(payload.message.to_string()),
            }
        }
        RpcError::Transport(TransportErrorKind::HttpError(error)) => match error.status {
            429 | 500.. => Failure::Passing(format!("HTTP status {}", error.status)),
            status => Failure::Said(format!("HTTP status {status}")),
        },
        RpcError::Transport(error) => Failure::Passing(innermost(&error)),
        RpcError::DeserError { .. } => Failure::Said("something that is not JSON-RPC".to_owned()),
        error => Failure::Said(error.to_string()),
    }
}

/// The last cause, which says what happened ("connection refused"); a URL that may hold an access key is not in it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Scheme, host and port alone: the rest may hold an access key.
fn public_part(url: &reqwest::Url) -> String {
    format!("{}/", url.origin().ascii_serialization())
}

impl Rpc {
    /// Finds a node and the chain it is on.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Url`] or, after `patience`, [`ChainError::Unreachable`].
    pub async fn connect(url: &str, patience: Duration) -> Result<Self, ChainError> {
        let bad = || ChainError::Url(url.to_owned());
        let parsed: reqwest::Url = url.parse().map_err(|_| bad())?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(bad());
        }
        if parsed.scheme() == "https" && !cfg!(feature = "tls") {
            return Err(ChainError::Node {
                rpc: public_part(&parsed),
                message: "this build speaks http only; build `settle` with --features tls for https"
                    .to_owned(),
            });
        }
        let mut client =
            reqwest::Client::builder().timeout(ANSWER_TIMEOUT).connect_timeout(Duration::from_secs(5));
        if matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|_| bad())?;
        let rpc = public_part(&parsed);
        let provider = RootProvider::new(RpcClient::new(Http::with_client(client, parsed), true));
        let mut node = Self { provider, url: rpc, patience, chain_id: 0 };
        node.chain_id = node.retry(|| node.provider.get_chain_id()).await?;
        Ok(node)
    }

    /// How long a node that does not answer is asked again.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Id of the chain.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Asks until there is an answer or patience ends.
    async fn retry<T, F, A>(&self, attempt: F) -> Result<T, ChainError>
    where
        F: Fn() -> A,
        A: IntoFuture<Output = Result<T, TransportError>>,
    {
        let (start, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match classify(error) {
                Failure::Passing(reason) if start.elapsed() + pause > self.patience => {
                    return Err(ChainError::Unreachable { rpc: self.url.clone(), reason });
                }
                Failure::Passing(_) => tokio::time::sleep(pause).await,
                Failure::Reverted(data) => return Err(ChainError::Rejected(Rejection::decode(&data))),
                Failure::Said(message) => return Err(ChainError::Node { rpc: self.url.clone(), message }),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Wei of an account.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives none.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.retry(|| self.provider.get_balance(account)).await
    }

    /// Number of the latest block and its time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives none.
    pub async fn latest_block(&self) -> Result<(u64, u64), ChainError> {
        let block = self.retry(|| async { self.provider.get_block(BlockId::latest()).await }).await?;
        block.map(|block| (block.header.number, block.header.timestamp)).ok_or_else(|| ChainError::Node {
            rpc: self.url.clone(),
            message: "there is no latest block".to_owned(),
        })
    }

    /// Makes sure that an address has code.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::NoContract`] if it has none.
    pub async fn require_contract(&self, contract: &'static str, address: Address) -> Result<(), ChainError> {
        let code = self.retry(|| async { self.provider.get_code_at(address).await }).await?;
        if code.is_empty() {
            return Err(ChainError::NoContract { contract, address, chain_id: self.chain_id });
        }
        Ok(())
    }

    /// What a call would return, without a transaction.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it would revert.
    pub async fn call(&self, from: Option<Address>, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        self.call_at(BlockId::latest(), from, to, data).await
    }

    /// What a call would have returned after a block.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it would have reverted.
    pub async fn call_at(
        &self,
        block: BlockId,
        from: Option<Address>,
        to: Address,
        data: Bytes,
    ) -> Result<Bytes, ChainError> {
        let mut request = TransactionRequest::default().with_to(to).with_input(data);
        request.from = from;
        self.retry(|| async { self.provider.call(request.clone()).block(block).await }).await
    }

    /// Gas that a call as a transaction would use.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it would revert.
    pub async fn estimate(&self, from: Address, to: Address, data: Bytes) -> Result<u64, ChainError> {
        let request = TransactionRequest::default().with_from(from).with_to(to).with_input(data);
        self.retry(|| async { self.provider.estimate_gas(request.clone()).await }).await
    }

    /// Logs from a block on to the latest, oldest first, and the block after that.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives none.
    pub async fn logs(&self, filter: &Filter, from_block: u64) -> Result<(Vec<Log>, u64), ChainError> {
        let (latest, _) = self.latest_block().await?;
        let (mut logs, mut first) = (Vec::new(), from_block);
        while first <= latest {
            let last = latest.min(first + LOG_BLOCKS - 1);
            let part = filter.clone().from_block(first).to_block(last);
            logs.extend(self.retry(|| self.provider.get_logs(&part)).await?);
            first = last + 1;
        }
        Ok((logs, first.max(from_block)))
    }

    /// The latest log up to a block that passes a filter, if there is one.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives none.
    pub async fn last_log(&self, filter: &Filter, mut last: u64) -> Result<Option<Log>, ChainError> {
        loop {
            let first = last.saturating_sub(LOG_BLOCKS - 1);
            let part = filter.clone().from_block(first).to_block(last);
            let mut logs = self.retry(|| self.provider.get_logs(&part)).await?;
            if let Some(log) = logs.pop() {
                return Ok(Some(log));
            }
            if first == 0 {
                return Ok(None);
            }
            last = first - 1;
        }
    }

    /// Sends a transaction and waits until it is in a block. `to`: none makes a contract of `data`.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if the contract refuses, before or in the block, another variant if the node does.
    pub async fn send(
        &self,
        account: &Account,
        to: Option<Address>,
        value: U256,
        data: Bytes,
    ) -> Result<Receipt, ChainError> {
        let from = account.address();
        let calldata_bytes = data.len();
        let mut request = TransactionRequest::default().with_from(from).with_value(value).with_input(data);
        request.to = Some(to.into());
        request.chain_id = Some(self.chain_id);
        let gas = self
            .retry(|| async { self.provider.estimate_gas(request.clone()).await })
            .await
            .map_err(|error| funds(from, error))?;
        // What the state costs may change until the block: an eighth on top, but not over the cap for it.
        let with_margin = gas + gas / 8;
        request.gas = Some(if gas <= TRANSACTION_GAS_LIMIT {
            with_margin.min(TRANSACTION_GAS_LIMIT)
        } else {
            with_margin
        });
        let fees = self.retry(|| async { self.provider.estimate_eip1559_fees().await }).await?;
        request.max_fee_per_gas = Some(fees.max_fee_per_gas);
        request.max_priority_fee_per_gas = Some(fees.max_priority_fee_per_gas);

        let (hash, number) = {
            let _one_at_a_time = account.numbering().await;
            self.hand_over(account, request.clone()).await.map_err(|error| funds(from, error))?
        };
        request.nonce = Some(number);
        let receipt = self.receipt(hash).await?;
        let block = receipt.block_number.unwrap_or_default();
        if !receipt.status() {
            // The same call on the state before tells why.
            let before = BlockId::number(block.saturating_sub(1));
            let replayed =
                self.retry(|| async { self.provider.call(request.clone()).block(before).await }).await;
            return Err(replayed
                .err()
                .unwrap_or_else(|| ChainError::Rejected(Rejection::decode(&Bytes::new()))));
        }
        Ok(Receipt {
            transaction: hash,
            block,
            gas_used: receipt.gas_used,
            calldata_bytes,
            contract: receipt.contract_address,
        })
    }

    /// Numbers, signs and hands over. Its hash is known before, so a transaction whose hand-over was cut off is not sent twice.
    async fn hand_over(
        &self,
        account: &Account,
        mut request: TransactionRequest,
    ) -> Result<(B256, u64), ChainError> {
        const ATTEMPTS: usize = 3;
        let from = account.address();
        let mut refused = None;
        for _ in 0..ATTEMPTS {
            let number =
                self.retry(|| async { self.provider.get_transaction_count(from).pending().await }).await?;
            request.nonce = Some(number);
            let signed = request.clone().build(account.wallet()).await.map_err(|error| ChainError::Node {
                rpc: self.url.clone(),
                message: format!("the transaction can't be signed: {error}"),
            })?;
            debug_assert_eq!(signed.nonce(), number);
            let (hash, raw) = (*signed.tx_hash(), signed.encoded_2718());
            match self.retry(|| async { self.provider.send_raw_transaction(&raw).await }).await {
                Ok(_) => return Ok((hash, number)),
                // An earlier attempt got through, or somebody else used the number.
                Err(error @ ChainError::Node { .. }) => {
                    let known =
                        self.retry(|| async { self.provider.get_transaction_by_hash(hash).await }).await?;
                    if known.is_some() {
                        return Ok((hash, number));
                    }
                    let text = error.to_string().to_lowercase();
                    if !(text.contains("nonce") || text.contains("underpriced") || text.contains("known")) {
                        return Err(error);
                    }
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(ChainError::NoAccount))
    }

    async fn receipt(&self, hash: B256) -> Result<alloy::rpc::types::TransactionReceipt, ChainError> {
        let (start, mut pause) = (Instant::now(), Duration::from_millis(50));
        while start.elapsed() < BLOCK_TIMEOUT {
            let receipt = self.retry(|| async { self.provider.get_transaction_receipt(hash).await }).await?;
            if let Some(receipt) = receipt {
                return Ok(receipt);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        Err(ChainError::Unconfirmed(hash))
    }

    /// Calls one of the node's own methods, such as those of a devnet.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node refuses.
    pub async fn raw(
        &self,
        method: &'static str,
        parameters: serde_json::Value,
    ) -> Result<serde_json::Value, ChainError> {
        self.retry(|| {
            let (provider, parameters) = (self.provider.clone(), parameters.clone());
            async move { provider.raw_request(method.into(), parameters).await }
        })
        .await
    }
}

/// "Insufficient funds" is about the account, not the node.
fn funds(account: Address, error: ChainError) -> ChainError {
    match error {
        ChainError::Node { message, .. } if message.to_lowercase().contains("insufficient funds") => {
            ChainError::Funds { account, message }
        }
        error => error,
    }
}
