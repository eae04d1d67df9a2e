//! The contracts' committed artefacts (`contracts/artifacts`, written by `contracts/tools/artifacts`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revm::primitives::{Bytes, keccak256};
use serde::Deserialize;
use thiserror::Error;

/// A compiled contract.
#[derive(Clone, Debug, Deserialize)]
pub struct Artefact {
    /// Keccak-256 in hex of every source it was compiled from, by its path inside `contracts`.
    pub sources: BTreeMap<String, String>,
    /// Functions and errors, as the compiler describes them.
    pub abi: Vec<serde_json::Value>,
    /// Creation code in hex, `0x` in front.
    bytecode: String,
    /// Code on chain in hex, `0x` in front.
    #[serde(rename = "deployedBytecode")]
    deployed_bytecode: String,
}

/// Why an artefact can't be used.
#[derive(Debug, Error)]
pub enum ArtefactError {
    /// A file can't be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no artefact.
    #[error("{path}: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Bytecode isn't hex, or holds places for libraries.
    #[error("bytecode is not hex: {0}")]
    Bytecode(#[from] hex::FromHexError),
    /// A source changed after the artefact was written.
    #[error("{0} changed since the artefact was written: run contracts/tools/artifacts")]
    Stale(String),
}

/// The folder `contracts`.
#[must_use]
pub fn contracts_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts")
}

/// Names of all committed artefacts, sorted.
///
/// # Errors
///
/// Returns [`ArtefactError::Unreadable`] if the folder can't be read.
pub fn names() -> Result<Vec<String>, ArtefactError> {
    let folder = contracts_folder().join("artifacts");
    let unreadable = |source| ArtefactError::Unreadable { path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".json") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

impl Artefact {
    /// Reads the artefact of a contract and compares its sources with those in the tree.
    ///
    /// # Errors
    ///
    /// Returns [`ArtefactError::Stale`] if a source changed since, another variant for a file that can't be used.
    pub fn load(name: &str) -> Result<Self, ArtefactError> {
        let path = contracts_folder().join("artifacts").join(format!("{name}.json"));
        let text = std::fs::read(&path)
            .map_err(|source| ArtefactError::Unreadable { path: path.clone(), source })?;
        let artefact: Self =
            serde_json::from_slice(&text).map_err(|source| ArtefactError::Malformed { path, source })?;
        for (source_name, hash) in &artefact.sources {
            let path = contracts_folder().join(source_name);
            let source = std::fs::read(&path).map_err(|source| ArtefactError::Unreadable { path, source })?;
            if format!("{}", keccak256(&source)) != *hash {
                return Err(ArtefactError::Stale(source_name.clone()));
            }
        }
        Ok(artefact)
    }

    /// The contract's custom errors by their first four bytes.
    #[must_use]
    pub fn error_names(&self) -> BTreeMap<Vec<u8>, String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.abi.iter().filter(|entry| entry["type"] == "error");
        errors
            .map(|error| {
                let inputs = error["inputs"].as_array().into_iter().flatten();
                let types: Vec<String> = inputs.map(|input| text(&input["type"])).collect();
                let name = text(&error["name"]);
                (keccak256(format!("{name}({})", types.join(",")))[..4].to_vec(), name)
            })
            .collect()
    }

    /// Creation code.
    ///
    /// # Errors
    ///
    /// Returns [`ArtefactError::Bytecode`] if it isn't hex.
    pub fn bytecode(&self) -> Result<Bytes, ArtefactError> {
        Ok(hex::decode(self.bytecode.trim_start_matches("0x"))?.into())
    }

    /// Code on chain.
    ///
    /// # Errors
    ///
    /// Returns [`ArtefactError::Bytecode`] if it isn't hex.
    pub fn deployed_bytecode(&self) -> Result<Bytes, ArtefactError> {
        Ok(hex::decode(self.deployed_bytecode.trim_start_matches("0x"))?.into())
    }
}
