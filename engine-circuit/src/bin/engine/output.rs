//! What the commands print, and how they fail.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use engine_circuit::{Profile, VerifyingKey};

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Proof, game or model is not good: exit code 1.
    Rejected(String),
    /// Arguments or files are not usable: exit code 2.
    Misuse(String),
}

/// What a command gives.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The reason.
    pub fn message(&self) -> &str {
        match self {
            Self::Rejected(message) | Self::Misuse(message) => message,
        }
    }

    /// Prints one line.
    pub fn report(&self) -> ExitCode {
        let (code, word, message) = match self {
            Self::Rejected(message) => (1, "rejected: ", message),
            Self::Misuse(message) => (2, "", message),
        };
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        // There is no one left to tell if stderr is closed.
        drop(writeln!(std::io::stderr(), "engine: {word}{line}"));
        ExitCode::from(code)
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
pub fn emit_either(json: bool, object: &serde_json::Value, lines: &str) -> Outcome {
    if json { emit(&object.to_string()) } else { emit(lines) }
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

/// Writes a file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).map_err(|error| misuse(format!("{}: {error}", path.display())))
}

/// Three decimals are enough for milliseconds.
pub fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Largest resident memory of this process so far.
pub fn peak_rss_mib() -> f64 {
    let kib = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
        })
    });
    rounded(kib.unwrap_or(0.0) / 1024.0)
}

/// Composed soundness of a proof of so many moves.
pub fn security_bits(key: &VerifyingKey, num_moves: usize, profile: Profile) -> f64 {
    rounded(engine_circuit::security::composed_bits(key, num_moves, profile))
}

/// A bar on stderr if that is a terminal.
pub struct Bar {
    label: Option<&'static str>,
    shown: AtomicU32,
}

impl Bar {
    /// A bar; silent with `--json` or without a terminal.
    pub fn new(label: &'static str, json: bool) -> Self {
        let label = (!json && std::io::stderr().is_terminal()).then_some(label);
        Self { label, shown: AtomicU32::new(u32::MAX) }
    }

    /// Shows the part done, 0 to 1.
    pub fn set(&self, done: f32) {
        const WIDTH: usize = 30;
        let Some(label) = self.label else { return };
        let percent = (done.clamp(0.0, 1.0) * 100.0) as u32;
        if self.shown.swap(percent, Ordering::Relaxed) != percent {
            let full = percent as usize * WIDTH / 100;
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
            drop(write!(std::io::stderr(), "\r{label} [{bar}] {percent:3} %"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.label.is_some() && *self.shown.get_mut() != u32::MAX {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
