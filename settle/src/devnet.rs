//! A chain of one's own for tests and play: anvil with everything deployed, an operator with a deposit and a player with money.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy::primitives::{Address, U256};
use engine_circuit::VerifyingKey;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::account::{Account, AccountError, create_key_file, read_pass_phrase};
use crate::chain::Chain;
use crate::deploy::{Deployment, deploy};
use crate::rpc::{ChainError, Rpc};

/// What everybody on the devnet begins with, in wei.
const MONEY: u128 = 10_000 * 1_000_000_000_000_000_000;
/// What the operator deposits, in wei.
const DEPOSIT: u128 = 1_000 * 1_000_000_000_000_000_000;
/// How long anvil may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest proofs that the verifier takes, in moves.
const MAX_PROOF_MOVES: usize = 64;
/// Chain id of local chains.
const CHAIN_ID: u64 = 31_337;

/// Why there is no devnet.
#[derive(Debug, Error)]
pub enum DevnetError {
    /// anvil is not there.
    #[error(
        "anvil is not installed: run contracts/tools/set-up in Fairmate's folder, or put anvil in the PATH"
    )]
    NotInstalled,
    /// It does not start.
    #[error("anvil does not start: {0}")]
    NotStarted(String),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder's description is none.
    #[error("{path} is no description of a devnet: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A key.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A running anvil; it ends with this value.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    port: u16,
}

/// Where anvil is, if it is installed: `contracts/tools/set-up`'s in the source tree, or one in the `PATH`.
#[must_use]
pub fn anvil_program() -> Option<PathBuf> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let installed = tree.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(installed)
        .chain(std::env::split_paths(&path).map(|folder| folder.join("anvil")))
        .find(|program| program.is_file())
}

impl Anvil {
    /// Starts anvil under Osaka's rules with the transaction cap. `port` 0 takes a free one. `state` is read if it exists, and written at the end.
    ///
    /// # Errors
    ///
    /// Returns [`DevnetError`] if it is not installed or does not start.
    pub fn start(port: u16, state: Option<&Path>) -> Result<Self, DevnetError> {
        let mut command = Command::new(anvil_program().ok_or(DevnetError::NotInstalled)?);
        command
            .args(["--hardfork", "osaka", "--enable-tx-gas-limit", "--accounts", "1"])
            .args(["--port", &port.to_string(), "--chain-id", &CHAIN_ID.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(state) = state {
            command.arg("--state").arg(state);
        }
        let not_started = |error: std::io::Error| DevnetError::NotStarted(error.to_string());
        let mut child = command.spawn().map_err(not_started)?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let mut anvil = Self { child, port };
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            for line in
                stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
            {
                // Enough to say why it does not start; what it says later nobody reads.
                if text.len() < 2_000 {
                    text.push_str(&line);
                    text.push(' ');
                }
            }
            text
        });
        let mut lines =
            BufReader::new(stdout.ok_or_else(|| DevnetError::NotStarted("no output".into()))?).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Listening on ")?.rsplit_once(':')?.1.trim().parse().ok());
        let Some(port) = listening else {
            drop(anvil.child.wait());
            let text = complaints.join().unwrap_or_default();
            return Err(DevnetError::NotStarted(text.split_whitespace().collect::<Vec<_>>().join(" ")));
        };
        anvil.port = port;
        // Anvil stops if nobody reads what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(anvil)
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as its own signal does, so that it writes its state.
    pub fn stop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                // It may have ended in between.
                kill_process(pid, Signal::TERM).ok();
            }
            for _ in 0..200 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One of the devnet's accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevnetAccount {
    /// Its address.
    pub address: Address,
    /// Its encrypted key.
    pub key_file: PathBuf,
}

/// What lies in a devnet's `devnet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Where the node answers.
    pub rpc: String,
    /// Where the contracts are.
    pub contracts: Deployment,
    /// Who runs the network, with a deposit.
    pub operator: DevnetAccount,
    /// Who plays against it.
    pub player: DevnetAccount,
    /// The pass phrase of both keys: they are worth nothing.
    pub password_file: PathBuf,
}

/// A running devnet.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    description: Description,
    file: PathBuf,
}

impl Devnet {
    /// Starts anvil with the state and keys of a folder, and deploys what is missing for a model.
    ///
    /// # Errors
    ///
    /// Returns [`DevnetError`] if something does not start or can't be written.
    pub async fn start(folder: &Path, port: u16, key: &VerifyingKey) -> Result<Self, DevnetError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DevnetError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let folder = folder.canonicalize().map_err(io(folder))?;
        let password_file = folder.join("password");
        let pass_phrase = pass_phrase(&password_file).map_err(io(&password_file))?;
        let account = |name: &str| {
            let key_file = folder.join(format!("{name}.key"));
            let account = match key_file.exists() {
                true => Account::from_file(&key_file, &pass_phrase)?,
                false => create_key_file(&key_file, &pass_phrase)?,
            };
            Ok::<_, AccountError>((DevnetAccount { address: account.address(), key_file }, account))
        };
        let (operator, operators_account) = account("operator")?;
        let (player, _) = account("player")?;

        let file = folder.join("devnet.json");
        let before = read_description(&file)?;
        let anvil = Anvil::start(port, Some(&folder.join("anvil-state.json")))?;
        let rpc = Rpc::connect(&anvil.url(), PATIENCE).await?;
        let same_model = before.filter(|before| before.contracts.model_digest == key.digest().to_string());
        let contracts = match same_model {
            Some(Description { contracts, .. })
                if rpc.require_contract("settlement contract", contracts.settlement).await.is_ok() =>
            {
                contracts
            }
            _ => {
                for account in [operator.address, player.address] {
                    rpc.raw("anvil_setBalance", json!([account, U256::from(MONEY)])).await?;
                }
                let contracts = deploy(&rpc, &operators_account, key, MAX_PROOF_MOVES).await?;
                let chain = Chain::connect(rpc, contracts.settlement, Some(operators_account)).await?;
                chain.deposit(DEPOSIT).await?;
                contracts
            }
        };
        let description = Description { rpc: anvil.url(), contracts, operator, player, password_file };
        let text = serde_json::to_string_pretty(&description)
            .map_err(|source| DevnetError::Malformed { path: file.clone(), source })?;
        std::fs::write(&file, text + "\n").map_err(io(&file))?;
        Ok(Self { anvil, description, file })
    }

    /// What the file says.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The node.
    pub fn anvil(&mut self) -> &mut Anvil {
        &mut self.anvil
    }
}

impl Description {
    /// The pass phrase of the keys.
    ///
    /// # Errors
    ///
    /// Returns [`DevnetError::Account`] if its file can't be read.
    pub fn pass_phrase(&self) -> Result<String, DevnetError> {
        Ok(read_pass_phrase(Some(&self.password_file), "")?)
    }
}

fn read_description(file: &Path) -> Result<Option<Description>, DevnetError> {
    match std::fs::read(file) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| DevnetError::Malformed { path: file.to_owned(), source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DevnetError::Io { path: file.to_owned(), source }),
    }
}

/// Reads the folder's pass phrase, or makes one.
fn pass_phrase(path: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let pass_phrase = hex::encode(rand::random::<[u8; 16]>());
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(pass_phrase.as_bytes())?;
            Ok(pass_phrase)
        }
        Err(error) => Err(error),
    }
}
