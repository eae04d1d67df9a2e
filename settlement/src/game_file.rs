//! What one side keeps of a game for stakes: enough to settle or dispute it after a restart (docs/settlement.md, "Files").

use protocol::shakmaty::{Color, Position};
use protocol::{GameRecord, RecordError};
use thiserror::Error;

use crate::keccak256;
use crate::position::{PositionWords, move_word};
use crate::signature::{Signature, SignatureError};
use crate::signed::{SignedOffer, SignedResult, SignedState};
use crate::typed_data::{Hash, Offer, Side, State};

/// Half-moves after which the contract draws a game.
pub const MAX_PLIES: usize = 2_048;

/// A game as it lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct GameFile {
    /// What was agreed.
    pub offer: SignedOffer,
    /// The player's part of every seed: the nonce of `open`.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub nonce: [u8; 16],
    /// The moves in order. One that this side has not verified does not belong here.
    pub moves: Vec<SignedMove>,
    /// What was signed at the end.
    #[cfg_attr(feature = "serde", serde(default))]
    pub results: Vec<SignedResult>,
}

/// A move with what its side sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct SignedMove {
    /// The move in UCI notation.
    pub uci: String,
    /// The mover's, on the state after it; none if the move was made on chain.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::json::optional_bytes"))]
    pub signature: Option<Signature>,
    /// Of the operator's move: the element of its seed chain.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::json::optional_bytes"))]
    pub seed_element: Option<Hash>,
}

/// Why a file is not that of a game.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GameFileError {
    /// The operator has not signed the offer.
    #[error("the offer: {0}")]
    Offer(SignatureError),
    /// A move is not legal.
    #[error("the game: {0}")]
    Record(RecordError),
    /// A side has not signed its move.
    #[error("the state after half-move {ply}: {error}")]
    State {
        /// Half-moves of the game up to this move.
        ply: usize,
        /// What is wrong.
        error: SignatureError,
    },
    /// What was shown with a move is no element of the seed chain that the offer names.
    #[error("half-move {ply}: what is shown as its seed element is not in the offer's seed chain")]
    SeedElement {
        /// Half-moves of the game up to this move.
        ply: usize,
    },
    /// A side has not signed a result.
    #[error("the {by}'s result: {error}")]
    Result {
        /// Whose it says it is.
        by: Side,
        /// What is wrong.
        error: SignatureError,
    },
}

/// The state on chain is none that this game leads to within a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the state on chain (half-move {ply}) does not follow from this game: its file is older or another's"
)]
pub struct Elsewhere {
    /// Half-moves before that state.
    pub ply: u32,
}

/// Why a side has nothing to present on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NothingToPresent {
    /// The other side moved last and is not the one to answer.
    #[error("it is the {0}'s own turn: a challenge needs its move")]
    OwnTurn(Side),
    /// The other side's signature under the state is missing.
    #[error("the {0} has not signed the state that this would begin with")]
    NotSigned(Side),
}

/// Checks what is shown with the move after `before`, in the position of `state`: each element of the operator's chain hashes to the one before it, the first to the
/// head that the offer names. Elements of moves between that were not shown (a challenge on chain names none) are hashes of this one.
fn check_seed_element(
    offer: &Offer,
    before: &[SignedMove],
    state: &State,
    shown: Option<Hash>,
) -> Result<(), GameFileError> {
    let Some(mut element) = shown else { return Ok(()) };
    let wrong = GameFileError::SeedElement { ply: before.len() + 1 };
    if offer.to_move(&state.position) != Side::Operator {
        return Err(wrong);
    }
    for earlier in before.iter().rev().skip(1).step_by(2) {
        element = keccak256(&element);
        if let Some(known) = earlier.seed_element {
            return if element == known { Ok(()) } else { Err(wrong) };
        }
    }
    if keccak256(&element) == offer.seed_head { Ok(()) } else { Err(wrong) }
}

/// A game file whose every move, signature and seed element was checked.
#[derive(Clone, Debug)]
pub struct StakedGame {
    file: GameFile,
    record: GameRecord,
    /// The state at each ply.
    states: Vec<State>,
}

/// What `challenge` and `claimEnd` take: a state that the other side vouches for, and the own move from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// The state to go on from.
    pub base: State,
    /// The other side's signature on it; none for the first position and the state on chain.
    pub signature: Option<Signature>,
    /// The own move as the contracts write it, 0 if there is none.
    pub move_word: u16,
    /// The operator's seed element for that move.
    pub seed_element: Option<Hash>,
    /// Half-moves of the game up to what is presented.
    pub ply: usize,
}

impl GameFile {
    /// Replays the moves and checks every signature and seed element.
    ///
    /// # Errors
    ///
    /// Returns [`GameFileError`] for the first thing that is wrong.
    pub fn check(self) -> Result<StakedGame, GameFileError> {
        self.offer.check().map_err(GameFileError::Offer)?;
        let mut record = GameRecord::default();
        let mut states = vec![State::of(self.offer.game_id(), &record)];
        for (number, mv) in self.moves.iter().enumerate() {
            record.play_uci(&mv.uci).map_err(GameFileError::Record)?;
            let offer = &self.offer.offer;
            check_seed_element(offer, &self.moves[..number], &states[number], mv.seed_element)?;
            let state = states[number].after(PositionWords::of(&record));
            states.push(state);
            if let Some(signature) = mv.signature {
                SignedState { state, signature }
                    .check(&self.offer.domain, offer)
                    .map_err(|error| GameFileError::State { ply: number + 1, error })?;
            }
        }
        for result in &self.results {
            let by = result.by;
            result.check(&self.offer).map_err(|error| GameFileError::Result { by, error })?;
        }
        Ok(StakedGame { file: self, record, states })
    }
}

impl StakedGame {
    /// The file's content.
    #[must_use]
    pub fn file(&self) -> &GameFile {
        &self.file
    }

    /// The offer with its signature.
    #[must_use]
    pub fn offer(&self) -> &SignedOffer {
        &self.file.offer
    }

    /// The moves so far.
    #[must_use]
    pub fn record(&self) -> &GameRecord {
        &self.record
    }

    /// The state after the last move.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.states[self.record.ply()]
    }

    /// The half-moves that lead to a state of this game, if it is one of its.
    #[must_use]
    pub fn ply_of(&self, state: &State) -> Option<usize> {
        self.states.iter().position(|own| own == state)
    }

    /// Side to move after the last move.
    #[must_use]
    pub fn to_move(&self) -> Side {
        self.offer().offer.to_move(&self.state().position)
    }

    /// Which of the operator's moves the next one of its is, 1 first.
    #[must_use]
    pub fn operators_number(&self) -> usize {
        self.record.ply() / 2 + 1
    }

    /// The colour of a side.
    #[must_use]
    pub fn color(&self, side: Side) -> Color {
        Color::from_white((side == Side::Player) == self.offer().offer.player_is_white)
    }

    /// Whether the rules alone have ended the game: mate, stalemate, bare material, seventy-five moves, or the greatest length.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let position = self.record.position();
        position.is_game_over() || position.halfmoves() >= 150 || self.record.ply() >= MAX_PLIES
    }

    /// The same game with one more move, not signed.
    ///
    /// # Errors
    ///
    /// Returns [`GameFileError::Record`] if the move is not legal, [`GameFileError::SeedElement`] if that is not its element.
    pub fn with_move(mut self, uci: &str, seed_element: Option<Hash>) -> Result<Self, GameFileError> {
        check_seed_element(&self.offer().offer, &self.file.moves, self.state(), seed_element)?;
        self.record.play_uci(uci).map_err(GameFileError::Record)?;
        let state = self.states[self.states.len() - 1].after(PositionWords::of(&self.record));
        self.states.push(state);
        self.file.moves.push(SignedMove { uci: uci.to_owned(), signature: None, seed_element });
        Ok(self)
    }

    /// The same game cut to its first `ply` half-moves.
    #[must_use]
    pub fn truncated(&self, ply: usize) -> Self {
        let ply = ply.min(self.record.ply());
        let mut game = self.clone();
        game.file.moves.truncate(ply);
        game.states.truncate(ply + 1);
        game.record = self.record.truncated(ply);
        game
    }

    /// The game as the chain has it: with the move that was made there, if this game does not know it yet. Moves of this game that do not lead to that state
    /// are left out.
    ///
    /// # Errors
    ///
    /// Returns [`Elsewhere`] if no legal move leads to it.
    pub fn follow(&self, on_chain: &State, seed_element: Option<Hash>) -> Result<Self, Elsewhere> {
        if self.ply_of(on_chain).is_some() {
            return Ok(self.clone());
        }
        let ply = on_chain.position.ply();
        let before = (ply as usize).checked_sub(1).filter(|&before| before <= self.record.ply());
        let base = self.truncated(before.ok_or(Elsewhere { ply })?);
        let moves = base.record.position().legal_moves();
        moves
            .iter()
            .filter_map(|&mv| base.clone().with_move(&GameRecord::uci(mv), seed_element).ok())
            .find(|next| next.state() == on_chain)
            .ok_or(Elsewhere { ply })
    }

    /// The latest state that a side has signed: what refutes it when it presents an older one.
    #[must_use]
    pub fn latest_signed_by(&self, side: Side) -> Option<SignedState> {
        (1..self.states.len()).rev().filter(|&ply| self.mover(ply) == side).find_map(|ply| {
            Some(SignedState { state: self.states[ply], signature: self.file.moves[ply - 1].signature? })
        })
    }

    /// What a side challenges the other with: its own last move, from a state that the other vouches for.
    ///
    /// # Errors
    ///
    /// Returns [`NothingToPresent`] if it is the side's own turn, or the other has not signed.
    pub fn challenge(&self, side: Side, on_chain: Option<&State>) -> Result<Presentation, NothingToPresent> {
        if self.to_move() == side {
            return Err(NothingToPresent::OwnTurn(side));
        }
        self.claim(side, on_chain)
    }

    /// What a side presents to claim that the game is over: the last state, reached by its own move or the other's.
    ///
    /// # Errors
    ///
    /// Returns [`NothingToPresent::NotSigned`] if the other side does not vouch for the state before.
    pub fn claim(&self, side: Side, on_chain: Option<&State>) -> Result<Presentation, NothingToPresent> {
        let ply = self.record.ply();
        if on_chain == Some(self.state()) {
            let base = *self.state();
            return Ok(Presentation { base, signature: None, move_word: 0, seed_element: None, ply });
        }
        let own_move = ply > 0 && self.mover(ply) == side;
        let from = if own_move { ply - 1 } else { ply };
        let base = self.states[from];
        let signature = if from == 0 || on_chain == Some(&base) {
            None
        } else {
            let signature = self.file.moves[from - 1].signature;
            Some(signature.ok_or(NothingToPresent::NotSigned(side.other()))?)
        };
        let (mut word, mut seed_element) = (0, None);
        if own_move {
            word = move_word(self.record.moves()[ply - 1]);
            seed_element = self.file.moves[ply - 1].seed_element;
        }
        Ok(Presentation { base, signature, move_word: word, seed_element, ply })
    }

    /// The side's own move after `ply` half-moves, as an answer to a challenge presents it: from the state on chain.
    #[must_use]
    pub fn own_move_from(&self, ply: usize, side: Side) -> Option<Presentation> {
        let (&base, &mv) = (self.states.get(ply)?, self.record.moves().get(ply)?);
        let seed_element = self.file.moves.get(ply)?.seed_element;
        let own = self.mover(ply + 1) == side;
        own.then(|| Presentation {
            base,
            signature: None,
            move_word: move_word(mv),
            seed_element,
            ply: ply + 1,
        })
    }

    /// The side whose move led to a state.
    fn mover(&self, ply: usize) -> Side {
        self.offer().offer.to_move(&self.states[ply].position).other()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{element, game_file, offer, player};
    use crate::typed_data::Outcome;

    #[test]
    fn every_signature_counts() {
        let file = game_file(&["e2e4", "e7e5", "g1f3"]);
        assert_eq!(file.clone().check().unwrap().record().ply(), 3);
        for number in 0..3 {
            let mut changed = file.clone();
            changed.moves[number].signature.as_mut().unwrap()[5] ^= 1;
            let error = changed.check().unwrap_err();
            assert!(matches!(error, GameFileError::State { ply, .. } if ply == number + 1), "{error}");
        }
        let mut changed = file.clone();
        changed.offer.offer.level = 3;
        assert!(matches!(changed.check(), Err(GameFileError::Offer(_))));
        let mut changed = file.clone();
        changed.moves[2].uci = "e2e4".to_owned();
        assert!(matches!(changed.check(), Err(GameFileError::Record(_))));
        let mut changed = file;
        let mut result = SignedResult::sign(&offer(), Outcome::Draw, &player()).unwrap();
        result.by = Side::Operator;
        changed.results.push(result);
        assert!(matches!(changed.check(), Err(GameFileError::Result { by: Side::Operator, .. })));
    }

    #[test]
    fn seed_elements_lead_back_to_the_offers_head() {
        let file = game_file(&["e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6"]);
        assert_eq!(file.moves[5].seed_element, Some(element(3)));
        let shown = |ply: usize, shown: Option<Hash>| {
            let mut changed = file.clone();
            changed.moves[ply - 1].seed_element = shown;
            changed.check().map(|_| ())
        };
        // One that is not shown is the hash of the next.
        assert_eq!((shown(2, None), shown(4, None), shown(6, None)), (Ok(()), Ok(()), Ok(())));
        let mut last_alone = file.clone();
        (last_alone.moves[1].seed_element, last_alone.moves[3].seed_element) = (None, None);
        assert!(last_alone.clone().check().is_ok());
        last_alone.moves[5].seed_element = Some(element(2));
        assert_eq!(last_alone.check().unwrap_err(), GameFileError::SeedElement { ply: 6 });
        for (ply, wrong) in [
            (2, element(0)),
            (2, element(2)),
            (4, element(1)),
            (4, element(3)),
            (6, [9; 32]),
            // The player has none.
            (3, element(2)),
        ] {
            let error = shown(ply, Some(wrong)).unwrap_err();
            assert!(matches!(error, GameFileError::SeedElement { ply: at } if at == ply), "{ply}: {error}");
        }
        let game = game_file(&["e2e4", "e7e5", "g1f3"]).check().unwrap();
        let next = |shown| game.clone().with_move("b8c6", Some(shown)).map(|_| ());
        assert_eq!(next(element(2)), Ok(()));
        assert_eq!(next(element(3)), Err(GameFileError::SeedElement { ply: 4 }));
    }

    #[test]
    fn a_side_presents_what_the_other_signed() {
        let game = game_file(&["e2e4", "e7e5", "g1f3"]).check().unwrap();
        let states: Vec<State> =
            (0..=3).map(|ply| State::of(offer().game_id(), &game.record().truncated(ply))).collect();
        assert_eq!(
            (game.to_move(), game.operators_number(), game.ply_of(&states[2])),
            (Side::Operator, 2, Some(2))
        );

        let presented = game.challenge(Side::Player, None).unwrap();
        assert_eq!((presented.base, presented.ply), (states[2], 3));
        assert_eq!(presented.signature, game.file().moves[1].signature);
        assert_eq!(presented.move_word, move_word(game.record().moves()[2]));
        assert_eq!(game.challenge(Side::Player, Some(&states[2])).unwrap().signature, None);
        assert_eq!(game.challenge(Side::Operator, None), Err(NothingToPresent::OwnTurn(Side::Operator)));

        let claimed = game.claim(Side::Operator, None).unwrap();
        assert_eq!((claimed.base, claimed.move_word), (states[3], 0));
        assert_eq!(claimed.signature, game.file().moves[2].signature);

        let answered = game.clone().with_move("b8c6", Some(element(2))).unwrap();
        let presented = answered.challenge(Side::Operator, None).unwrap();
        assert_eq!((presented.base, presented.seed_element), (states[3], Some(element(2))));
        // The answer is not signed: the player can't go on from it, only from the chain.
        let unsigned = answered.clone().with_move("f1b5", None).unwrap();
        assert_eq!(unsigned.challenge(Side::Player, None), Err(NothingToPresent::NotSigned(Side::Operator)));
        assert!(unsigned.challenge(Side::Player, Some(answered.state())).is_ok());

        assert_eq!(game.latest_signed_by(Side::Player).unwrap().state, states[3]);
        assert_eq!(answered.latest_signed_by(Side::Operator).unwrap().state, states[2]);
        assert_eq!(game_file(&[]).check().unwrap().latest_signed_by(Side::Player), None);
        let first = game_file(&[]).check().unwrap().claim(Side::Player, None).unwrap();
        assert_eq!((first.base, first.signature, first.move_word), (states[0], None, 0));
    }

    #[test]
    fn a_move_on_chain_is_taken_over() {
        let game = game_file(&["e2e4", "e7e5", "g1f3"]).check().unwrap();
        assert_eq!(game.follow(game.state(), None).unwrap().record().ply(), 3);
        let answered = game.clone().with_move("b8c6", Some(element(2))).unwrap();
        let followed = game.follow(answered.state(), Some(element(2))).unwrap();
        assert_eq!(followed.file(), answered.file());
        // Another line from an earlier state: the moves after it are gone.
        let other = game.truncated(1).with_move("c7c5", None).unwrap();
        assert_eq!(game.follow(other.state(), None).unwrap().file(), other.file());
        let far = answered.with_move("f1b5", None).unwrap();
        assert_eq!(game.follow(far.state(), None).unwrap_err(), Elsewhere { ply: 5 });
        let mut strange = *game.state();
        strange.history[0] ^= 1;
        assert_eq!(game.follow(&strange, None).unwrap_err(), Elsewhere { ply: 3 });
    }

    #[test]
    fn the_rules_end_a_game() {
        assert!(!game_file(&["f2f3", "e7e5", "g2g4"]).check().unwrap().is_over());
        assert!(game_file(&["f2f3", "e7e5", "g2g4", "d8h4"]).check().unwrap().is_over());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_file_reads_back_and_takes_nothing_else() {
        use crate::testing::{key, operator};

        let mut file = game_file(&["e2e4", "e7e5", "g1f3"]);
        file.moves[2].signature = None;
        file.results.push(SignedResult::sign(&file.offer, Outcome::PlayerWins, &operator()).unwrap());
        let value = serde_json::to_value(&file).unwrap();
        assert_eq!(value["offer"]["offer"]["operator"], format!("0x{}", hex::encode(key(2).address())));
        assert_eq!(value["offer"]["offer"]["player_stake"], "1000000000000000000");
        assert_eq!(value["results"][0]["outcome"], "player-wins");
        assert_eq!(value["results"][0]["by"], "operator");
        assert_eq!(serde_json::from_value::<GameFile>(value.clone()).unwrap(), file);

        let mut short = value.clone();
        short["moves"][2].as_object_mut().unwrap().retain(|name, _| name == "uci");
        short.as_object_mut().unwrap().remove("results");
        let read: GameFile = serde_json::from_value(short).unwrap();
        assert_eq!((read.moves, read.results.len()), (file.moves, 0));

        let changes: [(&str, serde_json::Value); 6] = [
            ("/nonce", "00000000000000000000000000000000".into()),
            ("/nonce", "0x00".into()),
            ("/offer/offer/bond", 5.into()),
            ("/offer/offer/bond", "0x5".into()),
            ("/offer/domain/contract", "0xzz00000000000000000000000000000000000000".into()),
            ("/results/0/outcome", "nobody".into()),
        ];
        for (place, wrong) in changes {
            let mut changed = value.clone();
            *changed.pointer_mut(place).unwrap() = wrong;
            assert!(serde_json::from_value::<GameFile>(changed).is_err(), "{place}");
        }
        let mut unknown = value;
        unknown["offer"]["surprise"] = 1.into();
        assert!(serde_json::from_value::<GameFile>(unknown).is_err());
    }
}
