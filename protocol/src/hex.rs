//! Bytes that travel as hexadecimal digits.

use serde::{Deserialize, Serialize};

/// 32 bytes that travel as hexadecimal digits: a nonce, an element of a seed chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hex32(#[serde(with = "hex_array")] pub [u8; 32]);

/// Any other fixed number of bytes that travels as hexadecimal digits: an account, a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HexBytes<const N: usize>(#[serde(with = "hex_array")] pub [u8; N]);

/// Why a text is not the hex of as many bytes as are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexError {
    expected_bytes: Option<usize>,
}

impl std::fmt::Display for HexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.expected_bytes {
            Some(bytes) => write!(f, "expected {} lower- or upper-case hex digits", 2 * bytes),
            None => f.write_str("expected an even number of hex digits"),
        }
    }
}

impl std::error::Error for HexError {}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let error = HexError { expected_bytes: None };
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(error) };
    pairs
        .iter()
        .map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?))
        .collect::<Option<_>>()
        .ok_or(error)
}

/// Serde of a fixed number of bytes as hex.
pub(crate) mod hex_array {
    use super::{HexError, from_hex, to_hex};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn parse<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
        let error = HexError { expected_bytes: Some(N) };
        if text.len() != 2 * N {
            return Err(error);
        }
        from_hex(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(error)
    }

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Serde of bytes as hex.
pub(crate) mod hex_vec {
    use super::{from_hex, to_hex};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        from_hex(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
