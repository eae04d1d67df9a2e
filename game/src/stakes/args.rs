//! The part of the command line that is about stakes.

use super::{Seat, Seats};
use clap::Args;
use settle::devnet::Description;
use std::path::{Path, PathBuf};

/// Games for stakes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Games for stakes")]
pub struct StakesArgs {
    /// Play for test stakes on a running `settle devnet`, whose folder this is [default: devnet]; the server in this program is the operator.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "devnet", conflicts_with_all = ["rpc", "server", "watch", "no_proofs"])]
    pub devnet: Option<PathBuf>,
    /// Node of the chain, as http://HOST:PORT; for a server (--server) that plays for stakes there.
    #[arg(long, value_name = "URL", requires_all = ["settlement", "key_file", "server"])]
    pub rpc: Option<String>,
    /// Address of the contract Settlement.
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    pub settlement: Option<String>,
    /// The player's encrypted key (`settle key new` makes one).
    #[arg(long, value_name = "FILE", requires = "rpc")]
    pub key_file: Option<PathBuf>,
    /// File whose first line is the key's pass phrase [default: asked for on the terminal, or a line of stdin].
    #[arg(long, value_name = "FILE", requires = "rpc")]
    pub password_file: Option<PathBuf>,
}

impl StakesArgs {
    /// Takes the seats.
    ///
    /// # Errors
    ///
    /// Returns a line for the user.
    pub fn seats(&self) -> Result<Seats, String> {
        if let Some(folder) = &self.devnet {
            return devnet(folder);
        }
        let (Some(rpc), Some(settlement), Some(key)) = (&self.rpc, &self.settlement, &self.key_file) else {
            return Ok(Seats::default());
        };
        let mut address = [0; 20];
        hex::decode_to_slice(settlement.trim_start_matches("0x"), &mut address)
            .map_err(|_| format!("--settlement {settlement}: not an address"))?;
        let pass_phrase = settle::read_pass_phrase(self.password_file.as_deref(), "Pass phrase: ")
            .map_err(|error| error.to_string())?;
        let player = Seat::take(rpc, address, key, &pass_phrase)?;
        Ok(Seats { player: Some(player), operator: None })
    }
}

/// The seats of player and operator of a devnet.
fn devnet(folder: &Path) -> Result<Seats, String> {
    let file = folder.join("devnet.json");
    let text = std::fs::read(&file)
        .map_err(|error| format!("--devnet {}: {error}; start one with `settle devnet`", file.display()))?;
    let description: Description = serde_json::from_slice(&text)
        .map_err(|error| format!("{} is no description of a devnet: {error}", file.display()))?;
    let pass_phrase = description.pass_phrase().map_err(|error| error.to_string())?;
    let seat = |key: &Path| {
        let settlement = description.contracts.settlement.into_array();
        Seat::take(&description.rpc, settlement, key, &pass_phrase)
            .map_err(|error| format!("--devnet {}: {error}", folder.display()))
    };
    Ok(Seats {
        player: Some(seat(&description.player.key_file)?),
        operator: Some(seat(&description.operator.key_file)?),
    })
}
