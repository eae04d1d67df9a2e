//! Games for stakes on the wire (`docs/settlement.md`): what is asked for, offered, and kept of a game. What the bytes mean, and every
//! signature, is the business of crate `settlement`.

use crate::hex::HexBytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes of an offer: twelve words, its ABI encoding.
pub const OFFER_BYTES: usize = 12 * 32;

/// A signature: `r`, `s`, `v`.
pub type WireSignature = HexBytes<65>;

/// An amount of money; a decimal number in a string, since JSON's numbers end at `2^53` in many programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wei(pub u128);

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_string())
    }
}

impl<'de> Deserialize<'de> for Wei {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let wei = if digits { text.parse().ok() } else { None };
        wei.map(Self).ok_or_else(|| D::Error::custom("expected a number of wei in decimal digits"))
    }
}

/// What a player asks an operator for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakesWish {
    /// Id of the chain.
    pub chain_id: u64,
    /// Address of the contract `Settlement` there.
    pub settlement: HexBytes<20>,
    /// The player's account.
    pub player: HexBytes<20>,
    /// What each side puts in, without the bond.
    pub stake: Wei,
}

/// An offer with the operator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakesOffer {
    /// Id of the chain.
    pub chain_id: u64,
    /// Address of the contract `Settlement` there.
    pub settlement: HexBytes<20>,
    /// The offer's ABI encoding.
    pub offer: HexBytes<OFFER_BYTES>,
    /// The operator's, on the game's id.
    pub signature: WireSignature,
}

/// What the operator has signed of a game.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameStakes {
    /// The offer.
    pub offer: StakesOffer,
    /// For each of its moves the signature on the state after it; none for a move made on chain.
    pub signatures: Vec<Option<WireSignature>>,
    /// Its signature on the result, once there is one that it agrees to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<SignedOutcome>,
}

/// A result and a signature on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedOutcome {
    /// The result.
    pub outcome: SettledOutcome,
    /// On it.
    pub signature: WireSignature,
}

/// How a game for stakes ends, as the contract knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettledOutcome {
    /// The player takes both stakes.
    PlayerWins,
    /// The operator takes both stakes.
    OperatorWins,
    /// Each takes its own.
    Draw,
}

impl SettledOutcome {
    /// What the end of a game between `human` and the network means for the stakes.
    #[must_use]
    pub fn of(outcome: crate::Outcome, human: crate::Side) -> Self {
        match outcome.winner {
            Some(winner) if winner == human => Self::PlayerWins,
            Some(_) => Self::OperatorWins,
            None => Self::Draw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wei_are_digits_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Wei>(text).ok();
        assert_eq!(read("\"340282366920938463463374607431768211455\""), Some(Wei(u128::MAX)));
        assert_eq!(serde_json::to_string(&Wei(7)).unwrap(), "\"7\"");
        for wrong in [
            "7",
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "\"1e3\"",
            "\" 1\"",
            "\"340282366920938463463374607431768211456\"",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn stakes_follow_the_board() {
        use crate::{EndReason, Outcome, Side};
        let lost = Outcome { winner: Some(Side::Black), reason: EndReason::Checkmate };
        assert_eq!(SettledOutcome::of(lost, Side::White), SettledOutcome::OperatorWins);
        assert_eq!(SettledOutcome::of(lost, Side::Black), SettledOutcome::PlayerWins);
        let drawn = Outcome { winner: None, reason: EndReason::Stalemate };
        assert_eq!(SettledOutcome::of(drawn, Side::White), SettledOutcome::Draw);
    }
}
