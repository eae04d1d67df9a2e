//! `engine model`: make, inspect and check model files.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use engine_circuit::encode::{HEAD_PLANES, NUM_SQUARES};
use engine_circuit::model::{KERNEL, NetworkShape, QuantisedNetwork};
use engine_circuit::{Model, ModelError, VerifyingKey, weights};
use serde_json::json;

use crate::output::{Bar, Outcome, emit_either, misuse, read_file, rejected, write_file};
use crate::position::{load_model, named};

/// Largest network file read: over twice the largest there is.
const MAX_NETWORK_BYTES: usize = 64 << 20;

#[derive(Subcommand)]
pub enum Command {
    /// Make a model with random weights, for benchmarks and tests; the verifying key goes beside it
    New(New),
    /// Turn a quantised network (`.quant`) into a model: checks it and commits to its weights
    Import(Import),
    /// Show a model's digest and sizes
    Info(File),
    /// Recompute hash, commitment and digest from the weights
    Check(File),
    /// Write a model's verifying key beside it
    Vk(File),
}

#[derive(Args)]
pub struct New {
    /// Channels of the tower, 16 to 384
    #[arg(long, value_name = "C")]
    channels: usize,
    /// Residual blocks, 1 to 24
    #[arg(long, value_name = "B")]
    blocks: usize,
    /// Seed of the random weights
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Import {
    /// Quantised network
    #[arg(value_name = "QUANT")]
    quant: PathBuf,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct File {
    /// Model file
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    pub fn run(self) -> Outcome {
        match self {
            Self::New(new) => {
                let shape = NetworkShape::new(new.channels, new.blocks).map_err(misuse)?;
                check_output(&new.out)?;
                let network = QuantisedNetwork::random(shape, new.seed).map_err(misuse)?;
                write(network, &new.out, new.json)
            }
            Self::Import(import) => {
                check_output(&import.out)?;
                let bytes = read_file(&import.quant, MAX_NETWORK_BYTES)?;
                let network = QuantisedNetwork::from_bytes(&bytes)
                    .map_err(|error| misuse(named(&import.quant, &error)))?;
                write(network, &import.out, import.json)
            }
            Self::Info(file) => file.info(),
            Self::Check(file) => file.check(),
            Self::Vk(file) => {
                check_output(&file.path)?;
                let key = load_model(&file.path)?.verifying_key();
                let path = write_key(&key, &file.path)?;
                let object = json!({ "digest": key.digest().to_string(), "vk": path.to_string_lossy() });
                emit_either(
                    file.json,
                    &object,
                    &format!("{}\nverifying key of {}", path.display(), key.digest()),
                )
            }
        }
    }
}

/// The key and the cache lie beside a model under its name: it can't have one of theirs.
fn check_output(model: &Path) -> Outcome {
    match model.extension().and_then(|extension| extension.to_str()) {
        Some(extension @ ("vk" | "cache")) => Err(misuse(format!(
            "{}: a model's name can't end in .{extension}, that is for the file beside it",
            model.display()
        ))),
        _ => Ok(()),
    }
}

fn write_key(key: &VerifyingKey, model: &Path) -> Outcome<PathBuf> {
    let path = model.with_extension("vk");
    write_file(&path, &key.to_bytes())?;
    Ok(path)
}

fn write(network: QuantisedNetwork, out: &Path, json: bool) -> Outcome {
    let model = {
        let bar = Bar::new("committing to the weights", json);
        weights::commit(network, &|done| bar.set(done))
    };
    write_file(out, &model.to_bytes())?;
    let key = write_key(&model.verifying_key(), out)?;
    let object = json!({
        "digest": model.digest().to_string(),
        "model": out.to_string_lossy(),
        "vk": key.to_string_lossy(),
    });
    let lines = format!("{}\n{}\ndigest {}", out.display(), key.display(), model.digest());
    emit_either(json, &object, &lines)
}

/// Multiplications of one evaluation, those with the zeros around the board included.
fn macs(shape: NetworkShape) -> usize {
    let trunk: usize = (1..=shape.num_layers()).map(|l| shape.channels * shape.inputs(l) * KERNEL).sum();
    (trunk + HEAD_PLANES * shape.channels) * NUM_SQUARES
}

impl File {
    fn info(&self) -> Outcome {
        let model = load_model(&self.path)?;
        let shape = model.network().shape();
        let object = json!({
            "digest": model.digest().to_string(),
            "parameters": shape.parameters(),
            "macs": macs(shape),
            "channels": shape.channels,
            "blocks": shape.blocks,
        });
        let lines = format!(
            "digest      {}\nchannels    {}\nblocks      {}\nparameters  {}\nmacs        {}",
            model.digest(),
            shape.channels,
            shape.blocks,
            shape.parameters(),
            macs(shape)
        );
        emit_either(self.json, &object, &lines)
    }

    fn check(&self) -> Outcome {
        let model = Model::load(&self.path).map_err(|error| match error {
            ModelError::Io { .. } => misuse(error),
            _ => rejected(named(&self.path, &error)),
        })?;
        {
            let bar = Bar::new("recomputing the commitment", self.json);
            weights::check(&model, &|done| bar.set(done))
                .map_err(|error| rejected(named(&self.path, &error)))?;
        }
        let digest = model.digest();
        let object = json!({ "digest": digest.to_string() });
        emit_either(self.json, &object, &format!("good: weights, commitment and digest {digest} agree"))
    }
}
