//! How bytes and sums of money stand in JSON.

/// Fixed numbers of bytes: hexadecimal digits, `0x` in front.
pub(crate) mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[u8; N], D::Error> {
        parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    pub(crate) fn parse<const N: usize>(text: &str) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        let digits = text.strip_prefix("0x").ok_or_else(|| format!("{text:?} does not begin with 0x"))?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| format!("{text:?} is not {N} bytes in hex"))?;
        Ok(bytes)
    }
}

/// The same where there may be none: `null`, or the key is missing.
pub(crate) mod optional_bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &Option<[u8; N]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => super::bytes::serialize(bytes, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| super::bytes::parse(&text)).transpose().map_err(D::Error::custom)
    }
}

/// Wei: a decimal number in a string, since JSON's numbers end at `2^53` in many programs.
pub(crate) mod wei {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(wei: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&wei.to_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not a number of wei")))
    }
}
