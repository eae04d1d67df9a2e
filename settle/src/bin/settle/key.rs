//! `settle key`: encrypted keys.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use settle::account::{address_of_key_file, create_key_file, read_pass_phrase};

use crate::output::{Outcome, emit_either, misuse};

#[derive(Subcommand)]
pub enum Command {
    /// Make a new key, encrypted with a pass phrase, readable by its owner alone
    New(New),
    /// Show the address of a key, without its pass phrase
    Address(Show),
}

#[derive(Args)]
pub struct New {
    /// File to write; one that exists is not overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File whose first line is the pass phrase [default: asked for on the terminal, twice, or two lines of stdin]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// Encrypted key
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    pub fn run(self) -> Outcome {
        match self {
            Self::New(New { out, password_file, json }) => {
                let first = read_pass_phrase(password_file.as_deref(), "New pass phrase: ")?;
                if first.is_empty() {
                    return Err(misuse("the pass phrase is empty"));
                }
                if password_file.is_none() && read_pass_phrase(None, "Once more: ")? != first {
                    return Err(misuse("the two pass phrases differ"));
                }
                let address = create_key_file(&out, &first)?.address();
                let object = json!({ "address": address, "key_file": out });
                emit_either(json, &object, &format!("{}\naddress {address}", out.display()))
            }
            Self::Address(Show { path, json }) => {
                let address = address_of_key_file(&path)?;
                emit_either(json, &json!({ "address": address }), &address.to_string())
            }
        }
    }
}
