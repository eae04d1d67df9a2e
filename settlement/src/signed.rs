//! Offers, states and results with the signatures on them: what goes over the wire and into files.

use crate::signature::{Key, Signature, SignatureError, check};
use crate::typed_data::{Domain, Hash, Offer, Outcome, Side, State};

/// An offer, the contract it is for, and the operator's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct SignedOffer {
    /// Chain and contract.
    pub domain: Domain,
    /// The offer.
    pub offer: Offer,
    /// The operator's, on the game's id.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub signature: Signature,
}

/// A state and the signature of the side that moved to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct SignedState {
    /// The state.
    pub state: State,
    /// The mover's.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub signature: Signature,
}

/// A result and the signature of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct SignedResult {
    /// The game.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub game_id: Hash,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose signature it is.
    pub by: Side,
    /// The signature.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub signature: Signature,
}

impl SignedOffer {
    /// Signs an offer with the operator's key.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError::OtherSigner`] if the key is not that of the offer's operator.
    pub fn sign(domain: Domain, offer: Offer, key: &Key) -> Result<Self, SignatureError> {
        if key.address() != offer.operator {
            return Err(SignatureError::OtherSigner { expected: offer.operator });
        }
        let signature = key.sign(&domain.game_id(&offer))?;
        Ok(Self { domain, offer, signature })
    }

    /// The game's id.
    #[must_use]
    pub fn game_id(&self) -> Hash {
        self.domain.game_id(&self.offer)
    }

    /// Checks the signature of an operator with a key of its own. One of a contract account (ERC-1271) only the chain can check.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError`] if it is not the operator's.
    pub fn check(&self) -> Result<(), SignatureError> {
        check(&self.offer.operator, &self.game_id(), &self.signature)
    }
}

impl SignedState {
    /// Signs the state after one's own move.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError::OtherSigner`] if it is another side's move that led to it.
    pub fn sign(domain: &Domain, offer: &Offer, state: State, key: &Key) -> Result<Self, SignatureError> {
        let mover = offer.account(offer.to_move(&state.position).other());
        if key.address() != mover {
            return Err(SignatureError::OtherSigner { expected: mover });
        }
        Ok(Self { state, signature: key.sign(&domain.state_digest(&state))? })
    }

    /// Checks that the side which moved to the state has signed it. That it is the state of the right game and position is for the caller: it
    /// compares with the state it computed itself ([`State::after`]).
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError`] if it has not.
    pub fn check(&self, domain: &Domain, offer: &Offer) -> Result<(), SignatureError> {
        let mover = offer.account(offer.to_move(&self.state.position).other());
        check(&mover, &domain.state_digest(&self.state), &self.signature)
    }
}

impl SignedResult {
    /// Signs a result for one's own side.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError::OtherSigner`] if the key is neither side's.
    pub fn sign(offer: &SignedOffer, outcome: Outcome, key: &Key) -> Result<Self, SignatureError> {
        let side = offer.offer.side(&key.address());
        let by = side.ok_or(SignatureError::OtherSigner { expected: offer.offer.player })?;
        let game_id = offer.game_id();
        let signature = key.sign(&offer.domain.result_digest(&game_id, outcome))?;
        Ok(Self { game_id, outcome, by, signature })
    }

    /// Checks that the side it names has signed this result of this game.
    ///
    /// # Errors
    ///
    /// Returns [`SignatureError`] if it has not, or the result is another game's.
    pub fn check(&self, offer: &SignedOffer) -> Result<(), SignatureError> {
        let digest = offer.domain.result_digest(&offer.game_id(), self.outcome);
        let expected = offer.offer.account(self.by);
        if self.game_id != offer.game_id() {
            return Err(SignatureError::OtherSigner { expected });
        }
        check(&expected, &digest, &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use protocol::GameRecord;

    use super::*;
    use crate::testing::{offer, operator, player};

    #[test]
    fn only_the_operator_signs_an_offer() {
        let signed = offer();
        assert_eq!(signed.check(), Ok(()));
        let expected = operator().address();
        let refused = SignedOffer::sign(signed.domain, signed.offer.clone(), &player());
        assert_eq!(refused, Err(SignatureError::OtherSigner { expected }));
        let mut dearer = signed.clone();
        dearer.offer.player_stake += 1;
        assert_eq!(dearer.check(), Err(SignatureError::OtherSigner { expected }));
        let mut elsewhere = signed;
        elsewhere.domain.chain_id += 1;
        assert_eq!(elsewhere.check(), Err(SignatureError::OtherSigner { expected }));
    }

    #[test]
    fn only_the_mover_signs_a_state() {
        let signed_offer = offer();
        let SignedOffer { domain, offer, .. } = &signed_offer;
        let mut record = GameRecord::default();
        for (uci, mover, other) in [("e2e4", player(), operator()), ("e7e5", operator(), player())] {
            record.play_uci(uci).unwrap();
            let state = State::of(signed_offer.game_id(), &record);
            let expected = mover.address();
            assert_eq!(
                SignedState::sign(domain, offer, state, &other),
                Err(SignatureError::OtherSigner { expected })
            );
            let signed = SignedState::sign(domain, offer, state, &mover).unwrap();
            assert_eq!(signed.check(domain, offer), Ok(()));
            let forged = SignedState {
                signature: other.sign(&domain.state_digest(&state)).unwrap(),
                ..signed.clone()
            };
            assert_eq!(forged.check(domain, offer), Err(SignatureError::OtherSigner { expected }));
            let mut moved = signed;
            moved.state.history[0] ^= 1;
            assert!(moved.check(domain, offer).is_err());
        }
    }

    #[test]
    fn a_result_is_one_sides_of_one_game() {
        let signed_offer = offer();
        let result = SignedResult::sign(&signed_offer, Outcome::Draw, &player()).unwrap();
        assert_eq!((result.by, result.check(&signed_offer)), (Side::Player, Ok(())));
        let changes: [fn(&mut SignedResult); 3] = [
            |result| result.by = Side::Operator,
            |result| result.outcome = Outcome::OperatorWins,
            |result| result.game_id[31] ^= 1,
        ];
        for change in changes {
            let mut changed = result.clone();
            change(&mut changed);
            assert!(changed.check(&signed_offer).is_err(), "{changed:?}");
        }
        assert!(SignedResult::sign(&signed_offer, Outcome::Draw, &Key::new(&[3; 32]).unwrap()).is_err());
    }
}
