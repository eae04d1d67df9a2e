//! An EVM in process, with the rules of Osaka: transaction cap 2^24 gas, `CLZ`.

use revm::context::result::{ExecutionResult, HaltReason, Output};
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{MainnetContext, MainnetEvm};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, Bytes, TxKind, U256, keccak256};
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteCommitEvm, ExecuteEvm, MainBuilder};
use thiserror::Error;

use crate::artefact::{Artefact, ArtefactError};

/// Gas limit of every transaction: the cap of EIP-7825.
pub const TRANSACTION_GAS_LIMIT: u64 = 1 << 24;

/// The account that transactions come from unless the caller names another.
pub const DEFAULT_CALLER: Address = Address::repeat_byte(0x11);

/// A chain of one's own.
pub struct Evm {
    inner: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
}

/// What a call returned and cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The returned bytes.
    pub data: Bytes,
    /// Gas of the whole transaction as the receipt has it, base cost and calldata included.
    pub gas_used: u64,
}

/// Why a transaction had no effect.
#[derive(Debug, Error)]
pub enum EvmError {
    /// The contract reverted with these bytes: selector of a custom error, then its arguments.
    #[error("reverted: 0x{}", hex::encode(.0))]
    Reverted(Bytes),
    /// Out of gas, a bad jump and the like.
    #[error("halted: {0:?}")]
    Halted(HaltReason),
    /// The transaction itself is not valid.
    #[error("transaction refused: {0}")]
    Refused(String),
    /// A creation returned no address.
    #[error("nothing was created")]
    NotCreated,
    /// The contract's artefact can't be used.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
}

impl Default for Evm {
    fn default() -> Self {
        Self::new(SpecId::OSAKA)
    }
}

impl Evm {
    /// An empty chain under the rules of a hard fork.
    #[must_use]
    pub fn new(spec: SpecId) -> Self {
        let mut configuration = CfgEnv::new_with_spec(spec);
        configuration.disable_nonce_check = true;
        let context: MainnetContext<_> =
            Context::<BlockEnv, TxEnv, CfgEnv, _, Journal<_>, ()>::new(CacheDB::new(EmptyDB::new()), spec)
                .with_cfg(configuration);
        Self { inner: context.build_mainnet() }
    }

    /// The same accounts under the rules of another hard fork.
    #[must_use]
    pub fn under(self, spec: SpecId) -> Self {
        let mut evm = Self::new(spec);
        evm.inner.ctx.journaled_state.database = self.inner.ctx.journaled_state.database;
        evm
    }

    /// Sets an account's balance in wei.
    pub fn set_balance(&mut self, account: Address, balance: U256) {
        self.inner
            .ctx
            .journaled_state
            .database
            .insert_account_info(account, AccountInfo::from_balance(balance));
    }

    /// Puts code at an address.
    pub fn set_code(&mut self, account: Address, code: Bytes) {
        let info = AccountInfo::from_bytecode(Bytecode::new_raw(code));
        self.inner.ctx.journaled_state.database.insert_account_info(account, info);
    }

    /// Sets the time of the blocks to come, in seconds since 1970.
    pub fn set_time(&mut self, seconds: u64) {
        self.inner.ctx.block.timestamp = U256::from(seconds);
    }

    /// Deploys a contract with the given constructor arguments.
    ///
    /// # Errors
    ///
    /// Returns [`EvmError`] if the artefact can't be used or the constructor fails.
    pub fn deploy(&mut self, artefact: &Artefact, arguments: &[u8]) -> Result<Address, EvmError> {
        let mut code = artefact.bytecode()?.to_vec();
        code.extend_from_slice(arguments);
        let result = self
            .inner
            .transact_commit(transaction(DEFAULT_CALLER, TxKind::Create, U256::ZERO, code.into()))
            .map_err(|error| EvmError::Refused(error.to_string()))?;
        match result {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => Ok(address),
            other => returned(other).and(Err(EvmError::NotCreated)),
        }
    }

    /// Calls a function without keeping its effects.
    ///
    /// # Errors
    ///
    /// Returns [`EvmError`] if the call fails.
    pub fn call(&mut self, contract: Address, data: Vec<u8>) -> Result<Returned, EvmError> {
        let result = self
            .inner
            .transact(transaction(DEFAULT_CALLER, TxKind::Call(contract), U256::ZERO, data.into()))
            .map_err(|error| EvmError::Refused(error.to_string()))?;
        returned(result.result)
    }

    /// Sends a transaction and keeps its effects.
    ///
    /// # Errors
    ///
    /// Returns [`EvmError`] if it fails; then nothing changed.
    pub fn send(
        &mut self,
        caller: Address,
        contract: Address,
        value: U256,
        data: Vec<u8>,
    ) -> Result<Returned, EvmError> {
        let result = self
            .inner
            .transact_commit(transaction(caller, TxKind::Call(contract), value, data.into()))
            .map_err(|error| EvmError::Refused(error.to_string()))?;
        returned(result)
    }
}

fn transaction(caller: Address, kind: TxKind, value: U256, data: Bytes) -> TxEnv {
    TxEnv { caller, kind, value, data, gas_limit: TRANSACTION_GAS_LIMIT, gas_price: 0, ..TxEnv::default() }
}

fn returned(result: ExecutionResult) -> Result<Returned, EvmError> {
    let gas_used = result.tx_gas_used();
    match result {
        ExecutionResult::Success { output, .. } => Ok(Returned { data: output.into_data(), gas_used }),
        ExecutionResult::Revert { output, .. } => Err(EvmError::Reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(EvmError::Halted(reason)),
    }
}

/// Calldata: the selector of a signature such as `play(uint256,uint80,uint16)`, then words.
#[must_use]
pub fn calldata(signature: &str, words: &[U256]) -> Vec<u8> {
    let mut data = keccak256(signature)[..4].to_vec();
    for word in words {
        data.extend_from_slice(&word.to_be_bytes::<32>());
    }
    data
}

/// An argument of a call, after the ABI.
#[derive(Clone, Debug)]
pub enum Argument {
    /// Words that lie in place: a number, an address, a struct of such.
    Static(Vec<[u8; 32]>),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A struct with parts of no fixed length.
    Tuple(Vec<Argument>),
    /// An array of words.
    Array(Vec<[u8; 32]>),
}

impl Argument {
    /// One number.
    #[must_use]
    pub fn number(value: u128) -> Self {
        Self::Static(vec![U256::from(value).to_be_bytes()])
    }

    fn encode(&self) -> Vec<u8> {
        let length = |length: usize| U256::from(length).to_be_bytes::<32>().to_vec();
        match self {
            Self::Static(words) => words.concat(),
            Self::Bytes(bytes) => {
                let padding = vec![0; bytes.len().next_multiple_of(32) - bytes.len()];
                [length(bytes.len()), bytes.clone(), padding].concat()
            }
            Self::Tuple(parts) => encode_all(parts),
            Self::Array(words) => [length(words.len()), words.concat()].concat(),
        }
    }
}

/// Arguments without a selector, as a constructor takes them: heads in order, then the tails of what has no fixed length.
#[must_use]
pub fn encode_all(arguments: &[Argument]) -> Vec<u8> {
    let heads: usize = arguments
        .iter()
        .map(|argument| if let Argument::Static(words) = argument { 32 * words.len() } else { 32 })
        .sum();
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    for argument in arguments {
        if let Argument::Static(words) = argument {
            head.extend(words.concat());
        } else {
            head.extend(U256::from(heads + tail.len()).to_be_bytes::<32>());
            tail.extend(argument.encode());
        }
    }
    [head, tail].concat()
}

/// Calldata of a function of any arguments.
#[must_use]
pub fn calldata_of(signature: &str, arguments: &[Argument]) -> Vec<u8> {
    [keccak256(signature)[..4].to_vec(), encode_all(arguments)].concat()
}

/// A word of returned data; zero past its end.
#[must_use]
pub fn word(data: &[u8], index: usize) -> U256 {
    data.get(32 * index..32 * (index + 1)).map_or(U256::ZERO, U256::from_be_slice)
}

/// The byte string that a function with one return value `bytes` returned; empty if the data isn't one.
#[must_use]
pub fn byte_string(data: &[u8]) -> &[u8] {
    let length = usize::try_from(word(data, 1)).unwrap_or(usize::MAX);
    data.get(64..).and_then(|rest| rest.get(..length)).unwrap_or_default()
}
