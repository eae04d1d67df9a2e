//! Sums of money as people write them.

use alloy::primitives::U256;
use alloy::primitives::utils::{format_ether, parse_ether};

/// Wei as ether, without zeros behind.
#[must_use]
pub fn ether(wei: U256) -> String {
    let text = format_ether(wei);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} ETH")
}

/// Reads `1.5` (ether) or `300wei`.
///
/// # Errors
///
/// Returns a sentence that says what is wrong.
pub fn parse(text: &str) -> Result<u128, String> {
    let wei = match text.strip_suffix("wei") {
        Some(wei) => wei.trim().parse().ok(),
        None => Some(text.trim_end_matches("ETH").trim())
            .filter(|text| text.starts_with(|first: char| first.is_ascii_digit()))
            .and_then(|text| parse_ether(text).ok())
            .and_then(|wei| wei.try_into().ok()),
    };
    wei.ok_or_else(|| format!("{text:?} is no sum: give ether as 1.5, or wei as 300wei"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_read_and_print() {
        for (text, wei, printed) in [
            ("1.5", 1_500_000_000_000_000_000, "1.5 ETH"),
            ("20", 20_000_000_000_000_000_000, "20 ETH"),
            ("20 ETH", 20_000_000_000_000_000_000, "20 ETH"),
            ("300wei", 300, "0.0000000000000003 ETH"),
            ("0", 0, "0 ETH"),
        ] {
            assert_eq!(parse(text), Ok(wei));
            assert_eq!(ether(U256::from(wei)), printed);
        }
        for text in ["", "-1", "1,5", "1e3", "0x10", "wei", "-3wei", "99999999999999999999999999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
