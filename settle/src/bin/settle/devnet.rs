//! `settle devnet`.

use std::path::{Path, PathBuf};

use clap::Args;
use engine_circuit::VerifyingKey;
use serde_json::json;
use settle::devnet;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{load_key, load_model};
use crate::output::{Outcome, emit_either, misuse};

#[derive(Args)]
pub struct Devnet {
    /// Model that plays, or its verifying key; the shipped one if not given
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Port of the node; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8545)]
    port: u16,
    /// Folder for keys, addresses and the chain's state: started there again, the chain goes on
    #[arg(long, value_name = "DIR", default_value = "devnet")]
    state: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn key(model: Option<&Path>) -> Outcome<VerifyingKey> {
    match model {
        Some(path) if path.extension().is_some_and(|extension| extension == "vk") => load_key(path),
        Some(path) => Ok(load_model(path)?.verifying_key()),
        None => load_key(&shipped_key()?),
    }
}

/// The shipped model's key: the one in `assets/models`.
fn shipped_key() -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models");
    let keys = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    keys.filter(|path| path.extension().is_some_and(|extension| extension == "vk"))
        .min()
        .ok_or_else(|| misuse(format!("no model in {}: give --model", folder.display())))
}

impl Devnet {
    pub async fn run(self) -> Outcome {
        let key = key(self.model.as_deref())?;
        let io = |error: std::io::Error| misuse(format!("signals: {error}"));
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt()).map_err(io)?, signal(SignalKind::terminate()).map_err(io)?);
        let mut devnet = tokio::select! {
            devnet = devnet::Devnet::start(&self.state, self.port, &key) => devnet.map_err(misuse)?,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        let description = devnet.description();
        let (rpc, settlement, folder) =
            (&description.rpc, description.contracts.settlement, self.state.display());
        let lines = format!(
            "{}\n\n{}\noperator      {} ({})\nplayer        {} ({})\npass phrase   {}\n\n\
             Running until ctrl-C. Next, in another terminal:\n  \
             settle balance --rpc {rpc} --settlement {settlement} --key-file {folder}/operator.key",
            crate::deploy::lines(&description.contracts),
            devnet.file().display(),
            description.operator.address,
            description.operator.key_file.display(),
            description.player.address,
            description.player.key_file.display(),
            description.password_file.display(),
        );
        emit_either(self.json, &json!(description), &lines)?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {
                    if !devnet.anvil().is_running() {
                        return Err(misuse("anvil has ended"));
                    }
                }
            }
        }
        devnet.anvil().stop();
        Ok(())
    }
}
