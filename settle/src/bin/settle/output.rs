//! What the commands print, and how they fail.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use settle::{AccountError, ChainError, Receipt};

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// A contract refuses: exit code 1.
    Rejected(String),
    /// Arguments or files are not usable, or no node answers: exit code 2.
    Misuse(String),
}

/// What a command gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Largest JSON file read.
const MAX_JSON_BYTES: usize = 8 << 20;

impl Failure {
    /// Prints one line.
    pub fn report(&self) -> ExitCode {
        let (code, word, message) = match self {
            Self::Rejected(message) => (1, "rejected: ", message),
            Self::Misuse(message) => (2, "", message),
        };
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        // There is no one left to tell if stderr is closed.
        drop(writeln!(std::io::stderr(), "settle: {word}{line}"));
        ExitCode::from(code)
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Rejected(_) => Self::Rejected(error.to_string()),
            _ => Self::Misuse(error.to_string()),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        misuse(error)
    }
}

/// Exit code 1 with an error's text.
#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as `map_err` does")]
pub fn rejected(error: impl ToString) -> Failure {
    Failure::Rejected(error.to_string())
}

/// Exit code 2 with an error's text.
#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as `map_err` does")]
pub fn misuse(error: impl ToString) -> Failure {
    Failure::Misuse(error.to_string())
}

/// Prints to stdout. A reader that has gone away (`| head`) is no error.
pub fn emit(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(misuse(format!("stdout can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints the JSON object or the lines.
pub fn emit_either(json: bool, object: &Value, lines: &str) -> Outcome {
    if json { emit(&object.to_string()) } else { emit(lines) }
}

/// Prints what a transaction did; `facts` go into the object beside the receipt.
pub fn emit_receipt(json: bool, what: &str, receipt: &Receipt, facts: Value) -> Outcome {
    let mut object = json!(receipt);
    if let (Some(object), Value::Object(facts)) = (object.as_object_mut(), facts) {
        object.extend(facts);
    }
    let Receipt { transaction, block, gas_used, calldata_bytes, .. } = receipt;
    let lines = format!(
        "{what}\ntransaction {transaction}\nblock {block}, {gas_used} gas, {calldata_bytes} bytes of calldata"
    );
    emit_either(json, &object, &lines)
}

/// Reads a file of limited size.
pub fn read_file(path: &Path, limit: usize) -> Outcome<Vec<u8>> {
    let io = |error: std::io::Error| misuse(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > limit {
        return Err(misuse(format!("{}: longer than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a JSON file (docs/settlement.md, "Files").
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Outcome<T> {
    serde_json::from_slice(&read_file(path, MAX_JSON_BYTES)?)
        .map_err(|error| misuse(format!("{}: {error}", path.display())))
}

/// Writes a JSON file: whole or not at all.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Outcome {
    let io = |error: std::io::Error| misuse(format!("{}: {error}", path.display()));
    let text = serde_json::to_string_pretty(value).map_err(misuse)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}
