//! An account's key: in memory never printed, on disk encrypted (Web3 Secret Storage, version 3).

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use settlement::signature::{Key, SignatureError};
use thiserror::Error;
use tokio::sync::Mutex;

/// Longest line of a pass phrase, in bytes.
const MAX_PASS_PHRASE_BYTES: u64 = 4_096;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key lies there already.
    #[error("{0} exists already; a key is not overwritten")]
    Exists(PathBuf),
    /// The file is no key store of version 3.
    #[error("{path} is not an encrypted key (Web3 Secret Storage, version 3): {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nobody gave one.
    #[error("no pass phrase: {0}")]
    NoPassPhrase(String),
    /// The pass phrase does not decrypt it.
    #[error("{0}: wrong pass phrase")]
    WrongPassPhrase(PathBuf),
    /// The bytes are no private key.
    #[error(transparent)]
    Key(#[from] SignatureError),
}

/// An account that can sign. Clones share it, so that its transactions are numbered one after the other.
#[derive(Clone)]
pub struct Account(Arc<Inner>);

struct Inner {
    wallet: EthereumWallet,
    key: Key,
    address: Address,
    numbering: Mutex<()>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.0.address)
    }
}

impl Account {
    /// An account from its private key.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Key`] for the few values that are none.
    pub fn new(secret: &[u8; 32]) -> Result<Self, AccountError> {
        let key = Key::new(secret)?;
        let signer = PrivateKeySigner::from_slice(secret).map_err(|_| SignatureError::InvalidKey)?;
        let address = signer.address();
        Ok(Self(Arc::new(Inner {
            wallet: EthereumWallet::new(signer),
            key,
            address,
            numbering: Mutex::default(),
        })))
    }

    /// A new random account.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Key`] if the random bytes are no key, which does not happen.
    pub fn random() -> Result<(Self, [u8; 32]), AccountError> {
        let secret: [u8; 32] = rand::random();
        Ok((Self::new(&secret)?, secret))
    }

    /// Reads an encrypted key.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError`] if the file is none or the pass phrase is wrong.
    pub fn from_file(path: &Path, pass_phrase: &str) -> Result<Self, AccountError> {
        check_form(path)?;
        let signer = PrivateKeySigner::decrypt_keystore(path, pass_phrase).map_err(|error| {
            let reason = error.to_string();
            if reason.to_lowercase().contains("mac mismatch") {
                AccountError::WrongPassPhrase(path.to_owned())
            } else {
                AccountError::Malformed { path: path.to_owned(), reason }
            }
        })?;
        Self::new(&signer.to_bytes().0)
    }

    /// The account's address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address
    }

    /// The key that signs offers, states and results.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// What signs transactions.
    pub(crate) fn wallet(&self) -> &EthereumWallet {
        &self.0.wallet
    }

    /// Held from reading the account's next nonce until the transaction is handed over.
    pub(crate) async fn numbering(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.numbering.lock().await
    }
}

/// A pass phrase: the first line of a file. Without one it is asked for on the terminal; where standard input is none, it is its next line.
///
/// # Errors
///
/// Returns [`AccountError::Io`] if the file can't be read, [`AccountError::NoPassPhrase`] if nobody answers.
pub fn read_pass_phrase(file: Option<&Path>, prompt: &str) -> Result<String, AccountError> {
    let none = |error: std::io::Error| AccountError::NoPassPhrase(error.to_string());
    if let Some(path) = file {
        let io = |source| AccountError::Io { path: path.to_owned(), source };
        return Ok(first_line(BufReader::new(File::open(path).map_err(io)?))
            .map_err(io)?
            .unwrap_or_default());
    }
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map_err(none);
    }
    first_line(std::io::stdin().lock()).map_err(none)?.ok_or_else(|| {
        AccountError::NoPassPhrase("standard input has ended and is no terminal; give --password-file".into())
    })
}

/// A line without its end; `None` if there is none. No more is read than that.
fn first_line(source: impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    source.take(MAX_PASS_PHRASE_BYTES).read_line(&mut line)?;
    if line.len() as u64 == MAX_PASS_PHRASE_BYTES {
        return Err(std::io::Error::other(format!("a line of {MAX_PASS_PHRASE_BYTES} bytes or more")));
    }
    Ok((!line.is_empty()).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Makes a new key and writes it, encrypted, readable by its owner alone.
///
/// # Errors
///
/// Returns [`AccountError`] if the file exists or can't be written.
pub fn create_key_file(path: &Path, pass_phrase: &str) -> Result<Account, AccountError> {
    let io = |source| AccountError::Io { path: path.to_owned(), source };
    if path.exists() {
        return Err(AccountError::Exists(path.to_owned()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (account, secret) = Account::random()?;
    // Encrypted in a folder of its own first (mode 0700); the final file has its mode from the beginning.
    let hidden = tempfile::Builder::new().prefix(".key").tempdir_in(folder).map_err(io)?;
    let malformed = |reason: String| AccountError::Malformed { path: path.to_owned(), reason };
    PrivateKeySigner::encrypt_keystore(
        hidden.path(),
        &mut alloy::signers::k256::elliptic_curve::rand_core::OsRng,
        secret,
        pass_phrase,
        Some("key"),
    )
    .map_err(|error| malformed(error.to_string()))?;
    let text = std::fs::read(hidden.path().join("key")).map_err(io)?;
    let mut value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    value["address"] = hex::encode(account.address()).into();
    let mut file = tempfile::NamedTempFile::new_in(hidden.path()).map_err(io)?;
    file.write_all(format!("{value}\n").as_bytes()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => AccountError::Exists(path.to_owned()),
        _ => io(error.error),
    })?;
    Ok(account)
}

/// The address of an encrypted key, without its pass phrase.
///
/// # Errors
///
/// Returns [`AccountError`] if the file is no encrypted key, or names no address.
pub fn address_of_key_file(path: &Path) -> Result<Address, AccountError> {
    let value = check_form(path)?;
    let address = value.get("address").and_then(serde_json::Value::as_str).map(str::parse);
    match address {
        Some(Ok(address)) => Ok(address),
        _ => Err(AccountError::Malformed { path: path.to_owned(), reason: "it names no address".to_owned() }),
    }
}

fn check_form(path: &Path) -> Result<serde_json::Value, AccountError> {
    const MAX_BYTES: u64 = 64 << 10;
    let io = |source| AccountError::Io { path: path.to_owned(), source };
    let malformed =
        |reason: &str| AccountError::Malformed { path: path.to_owned(), reason: reason.to_owned() };
    if std::fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        return Err(malformed("it is too long"));
    }
    let text = std::fs::read(path).map_err(io)?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| malformed("it is not JSON"))?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(3) => Ok(value),
        _ => Err(malformed("its version is not 3")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_encrypted_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("player.key");
        let account = create_key_file(&path, "a pass phrase").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(address_of_key_file(&path).unwrap(), account.address());
        let read = Account::from_file(&path, "a pass phrase").unwrap();
        assert_eq!(read.address(), account.address());
        assert_eq!(read.key().address(), account.address().into_array());
        assert!(matches!(Account::from_file(&path, "another"), Err(AccountError::WrongPassPhrase(_))));
        assert!(matches!(create_key_file(&path, "x"), Err(AccountError::Exists(_))));
        assert_eq!(Account::from_file(&path, "a pass phrase").unwrap().address(), account.address());
    }

    #[test]
    fn a_secret_is_in_no_text() {
        let secret = [0x5a; 32];
        let account = Account::new(&secret).unwrap();
        let text = format!("{account:?} {:?}", account.key());
        assert!(text.contains(&account.address().to_string()));
        assert!(!text.to_lowercase().contains("5a5a5a"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        drop(create_key_file(&path, "p").unwrap());
        let secret = PrivateKeySigner::decrypt_keystore(&path, "p").unwrap().to_bytes();
        assert!(!std::fs::read_to_string(&path).unwrap().contains(&hex::encode(secret)));
    }

    #[test]
    fn a_pass_phrase_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phrase");
        assert!(matches!(read_pass_phrase(Some(&path), ""), Err(AccountError::Io { .. })));
        let long = "x".repeat(4_095);
        for (text, phrase) in [
            ("a pass phrase \n", "a pass phrase "),
            ("no end", "no end"),
            ("first\r\nsecond\n", "first"),
            ("\n", ""),
            ("", ""),
            (&long, &long),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_pass_phrase(Some(&path), "").unwrap(), phrase);
        }
        for wrong in [[b'x'; 4_096].as_slice(), b"\xff\n"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(read_pass_phrase(Some(&path), ""), Err(AccountError::Io { .. })));
        }
        let mut lines = b"one\ntwo\n".as_slice();
        let mut next = || first_line(&mut lines).unwrap();
        assert_eq!((next(), next(), next()), (Some("one".into()), Some("two".into()), None));
    }

    #[test]
    fn what_is_no_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(Account::from_file(&path, ""), Err(AccountError::Io { .. })));
        for text in ["", "{}", "{\"version\": 2}", "{\"version\": 3}", "0x0101"] {
            std::fs::write(&path, text).unwrap();
            let error = Account::from_file(&path, "").unwrap_err();
            assert!(matches!(error, AccountError::Malformed { .. }), "{text}: {error}");
        }
        assert!(Account::new(&[0; 32]).is_err());
        assert!(Account::new(&[0xff; 32]).is_err());
    }
}
