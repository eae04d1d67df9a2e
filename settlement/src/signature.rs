//! Accounts and their signatures, as `ecrecover` reads them: `r`, `s`, `v`.

use k256::ecdsa::{RecoveryId, Signature as EcdsaSignature, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::keccak256;

/// An account's address.
pub type Address = [u8; 20];

/// `r || s || v`, `s` in its lower half, `v` 27 or 28.
pub type Signature = [u8; 65];

/// Why a key or signature is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Zero, or not below the curve's order.
    #[error("not a private key")]
    InvalidKey,
    /// No account signs like this.
    #[error("not a signature")]
    Malformed,
    /// Of the two `s` that sign the same this is the higher; the contracts refuse it.
    #[error("the signature's s is in the upper half")]
    HighS,
    /// Somebody else's, or of something else.
    #[error("the signature is not of account 0x{}", hex(expected))]
    OtherSigner {
        /// Whose it has to be.
        expected: Address,
    },
}

/// An account's private key. Neither printed nor serialised.
#[derive(Clone)]
pub struct Key(SigningKey);

impl Key {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError::InvalidKey`] for the few values that are none.
    pub fn new(secret: &[u8; 32]) -> Result<Self, SignatureError> {
        SigningKey::from_slice(secret).map(Self).map_err(|_| SignatureError::InvalidKey)
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        address(self.0.verifying_key())
    }

    /// Signs a digest (`typed_data`).
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError::Malformed`] if the curve's arithmetic finds no signature, which does not happen to a hash.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<Signature, SignatureError> {
        let (signature, recovery) =
            self.0.sign_prehash_recoverable(digest).map_err(|_| SignatureError::Malformed)?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        Ok(bytes)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Whose signature on a digest it is.
///
/// # Errors
///
/// Returns [`SignatureError`] if it is none that the contracts take.
pub fn signer(digest: &[u8; 32], signature: &Signature) -> Result<Address, SignatureError> {
    let parsed = EcdsaSignature::from_slice(&signature[..64]).map_err(|_| SignatureError::Malformed)?;
    if parsed.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    let recovery = signature[64].checked_sub(27).filter(|&id| id < 2).and_then(RecoveryId::from_byte);
    let key = VerifyingKey::recover_from_prehash(digest, &parsed, recovery.ok_or(SignatureError::Malformed)?)
        .map_err(|_| SignatureError::Malformed)?;
    Ok(address(&key))
}

/// Checks that a signature on a digest is an account's.
///
/// # Errors
///
/// Returns [`SignatureError::OtherSigner`] if it is another's, the other variants if it is none.
pub fn check(expected: &Address, digest: &[u8; 32], signature: &Signature) -> Result<(), SignatureError> {
    if signer(digest, signature)? == *expected {
        Ok(())
    } else {
        Err(SignatureError::OtherSigner { expected: *expected })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn address(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    let hash = keccak256(&point.as_bytes()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_gives_its_signer() {
        let key = Key::new(&[7; 32]).unwrap();
        let digest = keccak256(b"a game");
        let signature = key.sign(&digest).unwrap();
        assert_eq!(signer(&digest, &signature), Ok(key.address()));
        assert_ne!(signer(&keccak256(b"another"), &signature), Ok(key.address()));
        assert_eq!(check(&key.address(), &digest, &signature), Ok(()));
        let error = check(&[7; 20], &digest, &signature).unwrap_err();
        assert_eq!(error.to_string(), format!("the signature is not of account 0x{}", "07".repeat(20)));
        for byte in 0..65 {
            let mut changed = signature;
            changed[byte] ^= 1;
            assert_ne!(signer(&digest, &changed), Ok(key.address()), "byte {byte}");
            assert!(check(&key.address(), &digest, &changed).is_err(), "byte {byte}");
        }
    }

    /// The known address of private key 1.
    #[test]
    fn an_address_is_ethereums() {
        let mut secret = [0; 32];
        secret[31] = 1;
        let hex: String =
            Key::new(&secret).unwrap().address().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "7e5f4552091a69125d5dfcb7b8c2659029395bdf");
        assert_eq!(Key::new(&[0; 32]).unwrap_err(), SignatureError::InvalidKey);
        assert_eq!(format!("{:?}", Key::new(&secret).unwrap()), "Key(..)");
    }
}
