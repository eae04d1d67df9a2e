//! `settle deploy`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use settle::Deployment;

use crate::arguments::{KeyFile, Node, load_key};
use crate::output::{Outcome, emit_either, write_json};

#[derive(Args)]
pub struct Deploy {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    key: KeyFile,
    /// Verifying key of the model
    #[arg(long, value_name = "VK")]
    vk: PathBuf,
    /// Most moves in a proof that the verifier takes
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_moves: usize,
    /// File to write with all addresses
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Deploy {
    pub async fn run(self) -> Outcome {
        let key = load_key(&self.vk)?;
        let account = self.key.account()?;
        let rpc = self.node.connect().await?;
        let deployment = settle::deploy(&rpc, &account, &key, self.max_moves).await?;
        if let Some(out) = &self.out {
            write_json(out, &deployment)?;
        }
        emit_either(self.json, &json!(deployment), &lines(&deployment))
    }
}

/// The addresses, one a line.
pub fn lines(deployment: &Deployment) -> String {
    let Deployment { chain_id, model_digest, gas_used, .. } = deployment;
    let addresses = [
        ("rules", deployment.rules),
        ("router", deployment.router),
        ("verifier", deployment.verifier),
        ("settlement", deployment.settlement),
        ("game verifier", deployment.game_verifier),
        ("proven moves", deployment.proven_moves),
        ("proven games", deployment.proven_games),
    ];
    let mut lines = format!("chain {chain_id}, model {model_digest}\n");
    for (name, address) in addresses {
        lines += &format!("{name:14}{address}\n");
    }
    lines + &format!("{gas_used} gas in all")
}
