//! The command line.

#[cfg(not(feature = "stakes"))]
use crate::stakes::Seats;
use crate::{
    GamePlugin, dev_tools::DevOptions, files, net::Opponent, play::watch::WatchLink, verify::PinnedKeys,
};
use clap::Parser;
use protocol::ProofMode;
use std::path::PathBuf;

/// Play chess against a network that proves its moves; this program checks every proof itself.
#[derive(Parser, Clone, Debug)]
#[command(name = "game", version)]
pub struct Args {
    /// Server to play on, as ws://HOST:PORT; without it the opponent runs in this program.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Watch a game that somebody plays, by its link; every proof is checked here, too.
    #[arg(long, value_name = "LINK", conflicts_with_all = ["server", "model", "no_proofs"])]
    pub watch: Option<String>,
    /// Verifying key to trust, beside those in assets/models.
    #[arg(long, value_name = "FILE")]
    pub vk: Vec<PathBuf>,
    /// Network that plays in this program; the key beside it is trusted.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub model: Option<PathBuf>,
    /// Folder for games, bundles and evidence.
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Don't prove the moves of the opponent in this program.
    #[arg(long, conflicts_with = "server")]
    pub no_proofs: bool,
    /// Start in full screen.
    #[arg(long)]
    pub fullscreen: bool,
    /// Games for stakes.
    #[cfg(feature = "stakes")]
    #[command(flatten)]
    pub stakes: crate::stakes::args::StakesArgs,
    /// Options for developers.
    #[command(flatten)]
    pub dev: DevOptions,
}

impl Args {
    /// What the command line asks for.
    ///
    /// # Errors
    ///
    /// Returns a line for the user.
    pub fn into_plugin(self) -> Result<GamePlugin, String> {
        #[cfg(feature = "stakes")]
        let seats = self.stakes.seats()?;
        #[cfg(not(feature = "stakes"))]
        let seats = Seats::default();
        let mut pinned = PinnedKeys::default();
        for path in files::models_folder().iter().flat_map(|folder| files::with_extension(folder, "vk")) {
            if let Err(error) = pinned.pin_file(&path) {
                bevy::log::warn!("{error}");
            }
        }
        for path in &self.vk {
            pinned.pin_file(path)?;
        }
        let store = self.store.unwrap_or_else(files::usual_data_folder);
        if let Some(link) = self.watch {
            let link = link.parse::<WatchLink>().map_err(|error| format!("--watch {error}"))?;
            return Ok(GamePlugin { opponent: Opponent::Watched(link), pinned, store, dev: self.dev, seats });
        }
        let opponent = match self.server {
            Some(address) if address.starts_with("ws://") => Opponent::Remote(address),
            Some(address) => return Err(format!("--server {address}: expected ws://HOST:PORT")),
            None => {
                let model = match self.model {
                    Some(model) => {
                        if !model.is_file() {
                            return Err(format!("--model {}: no such file", model.display()));
                        }
                        let key = model.with_extension("vk");
                        if key.is_file() {
                            pinned.pin_file(&key)?;
                        }
                        model
                    }
                    None => files::default_model()?,
                };
                let proof_mode = if self.no_proofs { ProofMode::Off } else { ProofMode::Gkr };
                Opponent::Embedded { model, store: store.join("server"), proof_mode }
            }
        };
        Ok(GamePlugin { opponent, pinned, store, dev: self.dev, seats })
    }
}
