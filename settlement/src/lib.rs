//! What player and operator of a game for stakes sign (`docs/settlement.md`), as the contracts in `contracts/` read it: positions in words, typed data
//! (EIP-712), signatures, and the files that keep them. No network here.

pub mod dispute;
pub mod game_file;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "serde")]
pub mod player;
pub mod position;
pub mod signature;
pub mod signed;
#[cfg(test)]
mod testing;
pub mod typed_data;
pub mod wire;

/// Keccak-256.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    use tiny_keccak::Hasher;
    let mut hasher = tiny_keccak::Keccak::v256();
    hasher.update(bytes);
    let mut hash = [0; 32];
    hasher.finalize(&mut hash);
    hash
}
