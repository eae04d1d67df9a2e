//! A game for stakes between two known keys.

use protocol::GameRecord;

use crate::game_file::{GameFile, SignedMove};
use crate::signature::Key;
use crate::signed::{SignedOffer, SignedState};
use crate::typed_data::{Domain, Hash, Offer, State};

pub(crate) fn key(byte: u8) -> Key {
    Key::new(&[byte; 32]).unwrap()
}

pub(crate) fn player() -> Key {
    key(1)
}

pub(crate) fn operator() -> Key {
    key(2)
}

/// Of the operator's seed chain, for its move of that number; 0 is the head.
pub(crate) fn element(number: usize) -> Hash {
    (number..100).fold([0xbb; 32], |element, _| crate::keccak256(&element))
}

/// The player has White.
pub(crate) fn offer() -> SignedOffer {
    let offer = Offer {
        operator: operator().address(),
        player: player().address(),
        model_digest: [0xaa; 32],
        seed_head: element(0),
        player_stake: 1_000_000_000_000_000_000,
        operator_stake: 2_000_000_000_000_000_000,
        bond: 100,
        response_seconds: 600,
        expiry: 1_800_000_000,
        level: 4,
        player_is_white: true,
        salt: [5; 32],
    };
    SignedOffer::sign(Domain { chain_id: 31_337, contract: [6; 20] }, offer, &operator()).unwrap()
}

/// Every move signed by its side, the operator's with their elements.
pub(crate) fn game_file(moves: &[&str]) -> GameFile {
    let offer = offer();
    let mut record = GameRecord::default();
    let signed = moves.iter().enumerate().map(|(number, uci)| {
        record.play_uci(uci).unwrap();
        let mover = if number % 2 == 0 { player() } else { operator() };
        let state = State::of(offer.game_id(), &record);
        let signed = SignedState::sign(&offer.domain, &offer.offer, state, &mover).unwrap();
        let seed_element = (number % 2 == 1).then(|| element(number / 2 + 1));
        SignedMove { uci: (*uci).to_owned(), signature: Some(signed.signature), seed_element }
    });
    let moves = signed.collect();
    GameFile { offer, nonce: [7; 16], moves, results: Vec::new() }
}
