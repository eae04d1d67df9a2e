//! Offers and results between the messages of `protocol` and the types here.

use protocol::{HexBytes, SettledOutcome, StakesOffer, stakes::OFFER_BYTES};
use thiserror::Error;

use crate::signed::SignedOffer;
use crate::typed_data::{Domain, Offer, Outcome};

/// A word of an offer's encoding holds more than its field can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("word {word} of the offer is out of range")]
pub struct OfferError {
    /// Number of the word, 0 first.
    pub word: usize,
}

impl Offer {
    /// The offer of an ABI encoding ([`Offer::words`]).
    ///
    /// # Errors
    ///
    /// Returns [`OfferError`] for a word that stands for no value of its field, so that every offer has one encoding.
    pub fn from_bytes(bytes: &[u8; OFFER_BYTES]) -> Result<Self, OfferError> {
        let mut words = bytes.as_chunks::<32>().0.iter().enumerate();
        let mut next = || words.next().map_or((0, [0; 32]), |(number, word)| (number, *word));
        Ok(Self {
            operator: narrow(next())?,
            player: narrow(next())?,
            model_digest: next().1,
            seed_head: next().1,
            player_stake: u128::from_be_bytes(narrow(next())?),
            operator_stake: u128::from_be_bytes(narrow(next())?),
            bond: u128::from_be_bytes(narrow(next())?),
            response_seconds: u32::from_be_bytes(narrow(next())?),
            expiry: {
                let [a, b, c, d, e] = narrow(next())?;
                u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
            },
            level: u8::from_be_bytes(narrow(next())?),
            player_is_white: {
                let (number, word) = next();
                match narrow((number, word))? {
                    [0] => false,
                    [1] => true,
                    [_] => return Err(OfferError { word: number }),
                }
            },
            salt: next().1,
        })
    }
}

/// The last `N` bytes of a word whose others are zero.
fn narrow<const N: usize>((number, word): (usize, [u8; 32])) -> Result<[u8; N], OfferError> {
    let (zeros, value) = word.split_at(32 - N);
    match value.try_into() {
        Ok(value) if zeros.iter().all(|&byte| byte == 0) => Ok(value),
        _ => Err(OfferError { word: number }),
    }
}

impl From<&SignedOffer> for StakesOffer {
    fn from(signed: &SignedOffer) -> Self {
        let mut offer = [0; OFFER_BYTES];
        for (place, word) in offer.chunks_exact_mut(32).zip(signed.offer.words()) {
            place.copy_from_slice(&word);
        }
        Self {
            chain_id: signed.domain.chain_id,
            settlement: HexBytes(signed.domain.contract),
            offer: HexBytes(offer),
            signature: HexBytes(signed.signature),
        }
    }
}

/// The signature is not checked here: [`SignedOffer::check`].
impl TryFrom<&StakesOffer> for SignedOffer {
    type Error = OfferError;

    fn try_from(wire: &StakesOffer) -> Result<Self, OfferError> {
        Ok(Self {
            domain: Domain { chain_id: wire.chain_id, contract: wire.settlement.0 },
            offer: Offer::from_bytes(&wire.offer.0)?,
            signature: wire.signature.0,
        })
    }
}

impl From<Outcome> for SettledOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::PlayerWins => Self::PlayerWins,
            Outcome::OperatorWins => Self::OperatorWins,
            Outcome::Draw => Self::Draw,
        }
    }
}

impl From<SettledOutcome> for Outcome {
    fn from(outcome: SettledOutcome) -> Self {
        match outcome {
            SettledOutcome::PlayerWins => Self::PlayerWins,
            SettledOutcome::OperatorWins => Self::OperatorWins,
            SettledOutcome::Draw => Self::Draw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::offer;

    #[test]
    fn an_offer_survives_the_wire() {
        let signed = offer();
        let wire = StakesOffer::from(&signed);
        assert_eq!(SignedOffer::try_from(&wire), Ok(signed));
    }

    #[test]
    fn an_offer_has_one_encoding() {
        let wire = StakesOffer::from(&offer());
        let widths = [20, 20, 32, 32, 16, 16, 16, 4, 5, 1, 1, 32];
        for (word, width) in widths.into_iter().enumerate().filter(|(_, width)| *width < 32) {
            let mut changed = wire.clone();
            changed.offer.0[32 * word + 31 - width] ^= 1;
            assert_eq!(SignedOffer::try_from(&changed), Err(OfferError { word }));
        }
        let mut changed = wire;
        changed.offer.0[32 * 11 - 1] = 2;
        assert_eq!(SignedOffer::try_from(&changed), Err(OfferError { word: 10 }));
    }
}
