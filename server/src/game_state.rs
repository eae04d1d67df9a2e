//! The state of a game as its events tell it. No I/O: the same code runs when something happens and when a stored
//! game is read again.

use crate::engine::Sampling;
use crate::{
    clock::{self, ClockStamp, ServerTime},
    store::Event,
};
use engine_circuit::{
    Level,
    sampling::{SeedChain, ply_seed},
};
use protocol::{
    ClockReading, FREE_PLIES, GameRecord, GameSeeds, GameTerms, Hex32, MAX_UNPROVEN, Outcome, RecordError,
    SettledOutcome, Side, WireSignature, record::MAX_PLIES, shakmaty::Position,
};
use settlement::{
    game_file::{GameFile, SignedMove},
    position::PositionWords,
    signed::{SignedOffer, SignedResult},
    typed_data::{self, State},
};
use std::{collections::BTreeSet, sync::Arc};

/// A game.
#[derive(Clone, Debug)]
pub(crate) struct GameState {
    pub(crate) record: GameRecord,
    pub(crate) human_side: Side,
    pub(crate) model_digest: String,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) terms: GameTerms,
    /// The clock after the last event that moved it.
    pub(crate) clock: Option<ClockStamp>,
    /// Plies whose proofs are stored.
    pub(crate) proofs: BTreeSet<u32>,
    /// Time of the inference, for each move in the record; `None` for the human's.
    infer_ms: Vec<Option<f32>>,
    /// Seeds, below the strongest level.
    seeds: Option<Seeds>,
    pub(crate) stakes: Option<StakesState>,
    /// What its player shows; without one, whoever knows the game plays.
    pub(crate) player_key: Option<Hex32>,
}

/// What was signed in a game for stakes.
#[derive(Clone, Debug)]
pub(crate) struct StakesState {
    pub(crate) offer: Box<SignedOffer>,
    /// The state after the last move.
    pub(crate) latest: State,
    /// The mover's, on the state after each move; none if it came over the chain.
    pub(crate) signatures: Vec<Option<WireSignature>>,
    pub(crate) results: Vec<SignedResult>,
    /// Whether nothing is left to do on chain.
    pub(crate) settled: bool,
}

impl StakesState {
    fn new(offer: &SignedOffer) -> Self {
        Self {
            offer: Box::new(offer.clone()),
            latest: State::of(offer.game_id(), &GameRecord::default()),
            signatures: Vec::new(),
            results: Vec::new(),
            settled: false,
        }
    }

    /// The result that a side has signed.
    pub(crate) fn result_of(&self, side: typed_data::Side) -> Option<&SignedResult> {
        self.results.iter().find(|result| result.by == side)
    }
}

/// A game's seed chain and the client's nonce.
#[derive(Clone, Debug)]
struct Seeds {
    chain: Arc<SeedChain>,
    nonce: Option<Hex32>,
}

/// Elements of a game's chain: as many as the network can have moves.
pub(crate) const CHAIN_LENGTH: usize = MAX_PLIES;

impl GameState {
    /// The state after stored events; `None` without any.
    pub(crate) fn replay(events: &[Event]) -> Result<Option<Self>, String> {
        let Some((first, rest)) = events.split_first() else { return Ok(None) };
        let Event::Created {
            human_side,
            start_fen,
            model_digest,
            at_unix_ms,
            terms,
            seed_secret,
            stakes,
            player_key,
        } = first
        else {
            return Err("its first event is not its creation".into());
        };
        let mut state = Self {
            record: GameRecord::from_fen(start_fen).map_err(|error| error.to_string())?,
            human_side: *human_side,
            model_digest: model_digest.clone(),
            outcome: None,
            terms: *terms,
            clock: terms
                .time_control
                .map(|control| ClockStamp { reading: ClockReading::start(control), at_unix_ms: *at_unix_ms }),
            proofs: BTreeSet::new(),
            infer_ms: Vec::new(),
            seeds: seed_secret
                .map(|secret| Seeds { chain: Arc::new(SeedChain::new(secret.0, CHAIN_LENGTH)), nonce: None }),
            stakes: stakes.as_deref().map(StakesState::new),
            player_key: *player_key,
        };
        if Level::new(terms.level).is_none_or(|level| level.is_random() != state.seeds.is_some()) {
            return Err("its level and its seeds don't fit".into());
        }
        for event in rest {
            state.apply(event)?;
        }
        Ok(Some(state))
    }

    /// Takes one more event in.
    pub(crate) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Created { .. } => return Err("it was created twice".into()),
            Event::Nonce { nonce } => match &mut self.seeds {
                Some(seeds @ Seeds { nonce: None, .. }) => seeds.nonce = Some(*nonce),
                _ => return Err("a nonce that it has no use for".into()),
            },
            Event::Move { ply, uci, infer_ms, clock, signature } => {
                if *ply != self.ply() {
                    return Err(format!("a move at ply {ply} follows {} half-moves", self.ply()));
                }
                self.record.play_uci(uci).map_err(|error| error.to_string())?;
                self.infer_ms.push(*infer_ms);
                self.clock = clock.or(self.clock);
                if let Some(stakes) = &mut self.stakes {
                    stakes.latest = stakes.latest.after(PositionWords::of(&self.record));
                    stakes.signatures.push(*signature);
                }
            }
            Event::TakenBack { .. } if self.stakes.is_some() => {
                return Err("a move of a game for stakes was taken back".into());
            }
            Event::TakenBack { ply, clock } => {
                let Ok(length) = usize::try_from(*ply) else { return Err("a ply is out of range".into()) };
                self.record = self.record.truncated(length);
                self.infer_ms.truncate(length);
                self.proofs.retain(|proven| proven < ply);
                self.clock = clock.or(self.clock);
            }
            Event::Proof { ply, clock, .. } => {
                self.proofs.insert(*ply);
                self.clock = clock.or(self.clock);
            }
            Event::Resigned { .. } => {}
            Event::Ended { outcome, clock } => {
                self.outcome = Some(*outcome);
                self.clock = clock.or(self.clock);
            }
            Event::ResultSigned { .. } | Event::Settled => {
                let Some(stakes) = &mut self.stakes else {
                    return Err("it has no stakes and was settled".into());
                };
                match event {
                    Event::ResultSigned { result } => stakes.results.push(result.as_ref().clone()),
                    _ => stakes.settled = true,
                }
            }
        }
        Ok(())
    }

    /// The events of a move: itself, and the end of the game if it ends it.
    pub(crate) fn events_of_move(
        &self,
        uci: &str,
        infer_ms: Option<f32>,
        signature: Option<WireSignature>,
    ) -> Result<Vec<Event>, RecordError> {
        let mut record = self.record.clone();
        let mv = record.play_uci(uci)?;
        let mut events =
            vec![Event::Move { ply: self.ply(), uci: GameRecord::uci(mv), infer_ms, clock: None, signature }];
        events.extend(Outcome::of(&record).map(|outcome| Event::Ended { outcome, clock: None }));
        Ok(events)
    }

    /// Whose time runs: nobody's at the first moves, after the end, and while the human waits for proofs.
    fn running(&self, proving: bool) -> Option<Side> {
        let waits = proving && self.missing_proofs().count() > MAX_UNPROVEN;
        let side = self.turn();
        let free = self.ply() < FREE_PLIES || self.outcome.is_some() || (side == self.human_side && waits);
        (!free).then_some(side)
    }

    /// The clock of the state that follows this one, if it has to be stored.
    pub(crate) fn next_clock(&self, next: &Self, proving: bool, time: &ServerTime) -> Option<ClockStamp> {
        let (control, stamp) = self.terms.time_control.zip(self.clock)?;
        let at_unix_ms = time.now_ms();
        let reading = clock::next(
            time.read(&stamp, at_unix_ms),
            control,
            next.ply() > self.ply(),
            next.running(proving),
        );
        let same = reading.running == stamp.reading.running && next.ply() == self.ply();
        (!same).then_some(ClockStamp { reading, at_unix_ms })
    }

    /// The clock now.
    pub(crate) fn clock_now(&self, time: &ServerTime) -> Option<ClockReading> {
        self.clock.map(|stamp| time.read(&stamp, time.now_ms()))
    }

    /// Half-moves played.
    pub(crate) fn ply(&self) -> u32 {
        // A record holds at most `MAX_PLIES`.
        u32::try_from(self.record.ply()).unwrap_or(u32::MAX)
    }

    /// The side to move.
    pub(crate) fn turn(&self) -> Side {
        self.record.position().turn().into()
    }

    /// Whether the network is to move, and can: its seed needs the client's nonce.
    pub(crate) fn is_bot_turn(&self) -> bool {
        let waits = self.seeds.as_ref().is_some_and(|seeds| seeds.nonce.is_none());
        self.outcome.is_none() && self.turn() != self.human_side && !waits
    }

    /// Number of the network's moves before a ply.
    fn bot_moves_before(&self, ply: u32) -> usize {
        (0..ply).filter(|ply| self.is_bot_ply(*ply)).count()
    }

    /// The chain's element of the network's move at a ply.
    pub(crate) fn seed_element(&self, ply: u32) -> Option<Hex32> {
        self.seeds.as_ref()?.chain.element(self.bot_moves_before(ply) + 1).map(Hex32)
    }

    /// How the network's move at a ply is chosen; `None` before the client's nonce is known.
    pub(crate) fn sampling(&self, ply: u32) -> Option<Sampling> {
        let Some(seeds) = &self.seeds else { return Some(Sampling::default()) };
        let element = self.seed_element(ply)?;
        let game_ply = self.record.truncated(usize::try_from(ply).ok()?).game_ply();
        let seed = ply_seed(&seeds.nonce?.0, &element.0, game_ply);
        Some(Sampling { level: Level::new(self.terms.level)?, seed })
    }

    /// What may be known of the seeds.
    pub(crate) fn public_seeds(&self) -> Option<GameSeeds> {
        let seeds = self.seeds.as_ref()?;
        let revealed = self.bot_moves_before(self.ply());
        Some(GameSeeds {
            head: Hex32(seeds.chain.head()),
            nonce: seeds.nonce,
            elements: (1..=revealed).filter_map(|number| seeds.chain.element(number)).map(Hex32).collect(),
        })
    }

    /// The move played at a ply, in UCI notation, with its inference time if it is the network's.
    pub(crate) fn played(&self, ply: u32) -> Option<(String, Option<f32>)> {
        let ply = usize::try_from(ply).ok()?;
        let mv = *self.record.moves().get(ply)?;
        Some((GameRecord::uci(mv), self.infer_ms.get(ply).copied().flatten()))
    }

    /// Whether the move at a ply was played, by the network.
    pub(crate) fn is_bot_ply(&self, ply: u32) -> bool {
        let Ok(index) = usize::try_from(ply) else { return false };
        ply < self.ply()
            && self
                .record
                .position_at(index)
                .is_some_and(|position| Side::from(position.turn()) != self.human_side)
    }

    /// Plies of the network's moves without a stored proof, oldest first.
    pub(crate) fn missing_proofs(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.ply()).filter(|ply| self.is_bot_ply(*ply) && !self.proofs.contains(ply))
    }

    /// The state that a move leads to, in a game for stakes.
    pub(crate) fn state_after(&self, uci: &str) -> Option<Result<State, RecordError>> {
        let stakes = self.stakes.as_ref()?;
        let mut record = self.record.clone();
        Some(record.play_uci(uci).map(|_| stakes.latest.after(PositionWords::of(&record))))
    }

    /// What the outcome means for the stakes, once there is one.
    pub(crate) fn stakes_outcome(&self) -> Option<typed_data::Outcome> {
        self.outcome.map(|outcome| SettledOutcome::of(outcome, self.human_side).into())
    }

    /// The nonce with which a game for stakes was opened.
    pub(crate) fn stakes_nonce(&self) -> Option<[u8; 16]> {
        let Hex32(nonce) = self.seeds.as_ref()?.nonce?;
        nonce.last_chunk::<16>().copied()
    }

    /// Everything that was signed in a game for stakes, once it is open.
    pub(crate) fn game_file(&self) -> Option<GameFile> {
        let stakes = self.stakes.as_ref()?;
        let nonce = self.stakes_nonce()?;
        let moves = (0..self.ply()).zip(self.record.uci_moves()).zip(&stakes.signatures);
        let moves = moves.map(|((ply, uci), signature)| SignedMove {
            uci,
            signature: signature.map(|signature| signature.0),
            seed_element: self.seed_element(ply).filter(|_| self.is_bot_ply(ply)).map(|element| element.0),
        });
        let offer = stakes.offer.as_ref().clone();
        Some(GameFile { offer, nonce, moves: moves.collect(), results: stakes.results.clone() })
    }

    /// Whether a server that starts has something to do for this game.
    pub(crate) fn needs_work(&self) -> bool {
        self.is_bot_turn() || self.missing_proofs().next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::EndReason;

    fn created(human_side: Side) -> Event {
        Event::Created {
            human_side,
            start_fen: protocol::record::START_FEN.into(),
            model_digest: String::new(),
            at_unix_ms: 0,
            terms: GameTerms::default(),
            seed_secret: None,
            stakes: None,
            player_key: None,
        }
    }

    fn play(state: &mut GameState, uci: &str) {
        for event in state.events_of_move(uci, None, None).unwrap() {
            state.apply(&event).unwrap();
        }
    }

    #[test]
    fn knows_what_is_to_be_done() {
        let mut state = GameState::replay(&[created(Side::White)]).unwrap().unwrap();
        assert!(!state.needs_work());
        play(&mut state, "e2e4");
        assert!(state.is_bot_turn() && state.needs_work());
        play(&mut state, "e7e5");
        assert!(!state.is_bot_turn() && state.needs_work());
        assert_eq!(state.missing_proofs().collect::<Vec<_>>(), [1]);
        state.apply(&Event::Proof { ply: 1, prove_ms: 0, bytes: 0, clock: None }).unwrap();
        assert!(!state.needs_work());
        assert!(state.is_bot_ply(1) && !state.is_bot_ply(0) && !state.is_bot_ply(3));
        let state = GameState::replay(&[created(Side::Black)]).unwrap().unwrap();
        assert!(state.is_bot_turn());
    }

    #[test]
    fn the_mating_move_ends_the_game() {
        let mut state = GameState::replay(&[created(Side::White)]).unwrap().unwrap();
        for uci in ["f2f3", "e7e5", "g2g4", "d8h4"] {
            play(&mut state, uci);
        }
        let outcome = Outcome { winner: Some(Side::Black), reason: EndReason::Checkmate };
        assert_eq!(state.outcome, Some(outcome));
        assert!(!state.is_bot_turn());
        assert_eq!(state.missing_proofs().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn the_humans_clock_stands_while_proofs_are_missing() {
        let control = protocol::TimeControl { initial_ms: 60_000, increment_ms: 0 };
        let mut first = created(Side::White);
        if let Event::Created { terms, .. } = &mut first {
            terms.time_control = Some(control);
        }
        let mut state = GameState::replay(&[first]).unwrap().unwrap();
        assert_eq!(state.running(true), None);
        for (uci, running) in [
            ("g1f3", None),
            ("g8f6", Some(Side::White)),
            ("f3g1", Some(Side::Black)),
            ("f6g8", Some(Side::White)),
            ("b1c3", Some(Side::Black)),
            ("b8c6", Some(Side::White)),
            ("c3b1", Some(Side::Black)),
            ("c6b8", None),
        ] {
            play(&mut state, uci);
            assert_eq!(state.running(true), running, "{uci}");
        }
        assert_eq!(state.running(false), Some(Side::White));
        state.apply(&Event::Proof { ply: 1, prove_ms: 0, bytes: 0, clock: None }).unwrap();
        assert_eq!(state.running(true), Some(Side::White));
    }

    /// The network does not move before it has the nonce, and each element is public only with its move.
    #[test]
    fn seeds_come_from_chain_and_nonce() {
        let mut first = created(Side::Black);
        if let Event::Created { terms, seed_secret, .. } = &mut first {
            (terms.level, *seed_secret) = (3, Some(Hex32([9; 32])));
        }
        let mut state = GameState::replay(&[first.clone()]).unwrap().unwrap();
        assert!(!state.is_bot_turn() && state.sampling(0).is_none());
        let seeds = state.public_seeds().unwrap();
        assert_eq!((seeds.nonce, seeds.elements.len()), (None, 0));
        state.apply(&Event::Nonce { nonce: Hex32([1; 32]) }).unwrap();
        assert!(state.is_bot_turn());
        assert!(state.apply(&Event::Nonce { nonce: Hex32([2; 32]) }).is_err());
        for uci in ["e2e4", "e7e5", "g1f3", "g8f6"] {
            play(&mut state, uci);
        }
        let seeds = state.public_seeds().unwrap();
        assert_eq!(seeds.elements.len(), 2);
        assert!(engine_circuit::sampling::follows(&seeds.head.0, &seeds.elements[0].0));
        assert!(engine_circuit::sampling::follows(&seeds.elements[0].0, &seeds.elements[1].0));
        let sampling = state.sampling(2).unwrap();
        assert_eq!(sampling.level, Level::new(3).unwrap());
        assert_eq!(sampling.seed, ply_seed(&[1; 32], &seeds.elements[1].0, 2));
        let mut strongest = created(Side::White);
        assert_eq!(
            GameState::replay(&[strongest.clone()]).unwrap().unwrap().sampling(1),
            Some(Sampling::default())
        );
        if let Event::Created { terms, .. } = &mut strongest {
            terms.level = 3;
        }
        assert!(GameState::replay(&[strongest]).is_err(), "a level without seeds");
        assert_eq!(protocol::STRONGEST_LEVEL, Level::STRONGEST.number());
    }

    #[test]
    fn what_is_taken_back_is_gone() {
        let mut state = GameState::replay(&[created(Side::White)]).unwrap().unwrap();
        for uci in ["e2e4", "e7e5", "d2d4", "e5d4"] {
            play(&mut state, uci);
        }
        state.apply(&Event::Proof { ply: 1, prove_ms: 0, bytes: 0, clock: None }).unwrap();
        state.apply(&Event::Proof { ply: 3, prove_ms: 0, bytes: 0, clock: None }).unwrap();
        state.apply(&Event::TakenBack { ply: 2, clock: None }).unwrap();
        assert_eq!(state.record.uci_moves(), ["e2e4", "e7e5"]);
        assert_eq!(state.proofs.iter().copied().collect::<Vec<_>>(), [1]);
        play(&mut state, "g1f3");
        assert_eq!(state.played(2), Some(("g1f3".into(), None)));
    }

    #[test]
    fn refuses_events_that_contradict_each_other() {
        assert!(GameState::replay(&[]).unwrap().is_none());
        let mv = |ply, uci: &str| Event::Move {
            ply,
            uci: uci.into(),
            infer_ms: None,
            clock: None,
            signature: None,
        };
        assert!(GameState::replay(&[mv(0, "e2e4")]).is_err());
        for events in [vec![mv(1, "e2e4")], vec![mv(0, "e2e5")], vec![created(Side::White)]] {
            let all: Vec<Event> = std::iter::once(created(Side::White)).chain(events).collect();
            assert!(GameState::replay(&all).is_err());
        }
    }
}
