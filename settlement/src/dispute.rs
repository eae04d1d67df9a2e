//! What a side of a game for stakes does on chain, given its own file of the game and what the contract holds (docs/settlement.md section 3).
//! No network here: whoever holds the keys looks at the chain, asks [`next_act`], and sends the transaction.

use protocol::GameRecord;
use protocol::shakmaty::{Move, Position};

use crate::game_file::{Presentation, StakedGame};
use crate::position::PositionWords;
use crate::signature::Signature;
use crate::signed::SignedState;
use crate::typed_data::{Hash, Outcome, Side, State};

/// What the contract holds of a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// How far the game has come there.
    pub life: Life,
    /// Time of the last block, in seconds since 1970.
    pub now: u64,
    /// What waits for an answer.
    pub pending: Option<Pending>,
    /// Ply of the last state on chain.
    pub turn: u32,
    /// The last state on chain, if the game went to dispute.
    pub state: Option<State>,
    /// Seed element of the move that led to that state, if the operator made it on chain.
    pub seed_element: Option<Hash>,
}

/// How far a game has come on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The offer was not taken.
    Unopened,
    /// It runs.
    Open {
        /// The player's part of every seed.
        nonce: [u8; 16],
    },
    /// It is over.
    Final {
        /// How it ended; none if the offer was taken back.
        outcome: Option<Outcome>,
    },
}

/// What waits for an answer on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Who put it there.
    pub by: Side,
    /// What the other side has to do.
    pub awaited: Awaited,
    /// Last time to answer, in seconds since 1970.
    pub deadline: u64,
}

/// What the other side has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Move, or lose.
    Move,
    /// Show that it is stale, or the game ends like this.
    End(Outcome),
}

/// Why a game is over, as the contract counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Mate, stalemate, bare material, seventy-five moves, the greatest length.
    Rules = 0,
    /// The position stands for the third time.
    Threefold = 1,
    /// Fifty moves of each side without capture or pawn move.
    FiftyMoves = 2,
    /// The claimant has not moved yet and wants its stake back.
    NotStarted = 3,
}

/// A transaction. What it presents of the operator's own moves needs a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ends the game as both agree.
    Settle {
        /// How.
        outcome: Outcome,
        /// The player's signature on it, if there is one.
        player: Option<Signature>,
        /// The operator's.
        operator: Option<Signature>,
    },
    /// Makes the other side move.
    Challenge(Presentation),
    /// Claims that the game is over.
    ClaimEnd {
        /// The last state.
        presentation: Presentation,
        /// Why.
        claim: Claim,
    },
    /// Answers a challenge with a move from the state on chain.
    Respond(Presentation),
    /// Throws out what is pending: its presenter has signed this state.
    Refute(SignedState),
    /// Ends a game whose pending thing nobody answered.
    ClaimTimeout,
}

impl Act {
    /// The move in it that is the acting side's own, by the half-moves before it: an operator has to prove that one.
    #[must_use]
    pub fn own_move(&self) -> Option<usize> {
        match self {
            Self::Challenge(shown) | Self::Respond(shown) | Self::ClaimEnd { presentation: shown, .. } => {
                (shown.move_word != 0).then(|| shown.ply.saturating_sub(1))
            }
            Self::Settle { .. } | Self::Refute(_) | Self::ClaimTimeout => None,
        }
    }
}

/// The side's next transaction, if it has to send one now. `silent` says that nothing came from the other side for longer than this side
/// waits.
#[must_use]
pub fn next_act(game: &StakedGame, chain: &OnChain, side: Side, silent: bool) -> Option<Act> {
    let Life::Open { .. } = chain.life else { return None };
    if let Some(act) = settle(game, side) {
        return Some(act);
    }
    match &chain.pending {
        Some(pending) if chain.now > pending.deadline => {
            // Only the presenter of a challenge gains by its end; a claimed end is the same for both.
            let gains = pending.by == side || matches!(pending.awaited, Awaited::End(_));
            gains.then_some(Act::ClaimTimeout)
        }
        Some(pending) if pending.by == side => None,
        Some(pending) => refute(game, chain, side).or_else(|| match pending.awaited {
            Awaited::Move => respond(game, chain, side),
            Awaited::End(_) => None,
        }),
        None if silent => {
            let presented = claim_end(game, chain, side)
                .or_else(|| game.challenge(side, chain.state.as_ref()).ok().map(Act::Challenge));
            presented.filter(|_| is_new(game, chain))
        }
        None => None,
    }
}

/// The other side's move on chain that the file lacks. None while a state refutes what was presented: a side that went on elsewhere is not
/// followed.
#[must_use]
pub fn unseen_move(game: &StakedGame, chain: &OnChain, side: Side) -> Option<Move> {
    let state = chain.state.as_ref().filter(|_| matches!(chain.life, Life::Open { .. }))?;
    let theirs = game.to_move() == side.other() && game.ply_of(state).is_none();
    if !theirs || chain.pending.is_some() && refute(game, chain, side).is_some() {
        return None;
    }
    let record = game.record();
    record.position().legal_moves().into_iter().find(|&mv| {
        let mut after: GameRecord = record.clone();
        after.play(mv).is_ok() && game.state().after(PositionWords::of(&after)) == *state
    })
}

/// What is agreed: the loser's signature for a win, both for a draw; a side doesn't need its own.
fn settle(game: &StakedGame, side: Side) -> Option<Act> {
    let results = &game.file().results;
    let signed = |by: Side, outcome: Outcome| {
        results
            .iter()
            .find(|result| result.by == by && result.outcome == outcome)
            .map(|result| result.signature)
    };
    let won = match side {
        Side::Player => Outcome::PlayerWins,
        Side::Operator => Outcome::OperatorWins,
    };
    [won, Outcome::Draw].into_iter().find_map(|outcome| {
        let theirs = signed(side.other(), outcome)?;
        let (player, operator) = match side {
            Side::Player => (None, Some(theirs)),
            Side::Operator => (Some(theirs), None),
        };
        Some(Act::Settle { outcome, player, operator })
    })
}

/// A state that the other side has signed beside or after the one it presented.
fn refute(game: &StakedGame, chain: &OnChain, side: Side) -> Option<Act> {
    let signed = game.latest_signed_by(side.other())?;
    let ply = signed.state.position.ply();
    (ply >= chain.turn && Some(&signed.state) != chain.state.as_ref()).then_some(Act::Refute(signed))
}

/// The move that the side has made from the state on chain.
fn respond(game: &StakedGame, chain: &OnChain, side: Side) -> Option<Act> {
    let ply = game.ply_of(chain.state.as_ref()?)?;
    game.own_move_from(ply, side).map(Act::Respond)
}

/// Whether the contract takes the file's last state: something later than what is on chain, or that itself, or the first one.
fn is_new(game: &StakedGame, chain: &OnChain) -> bool {
    let ply = game.state().position.ply();
    ply > chain.turn
        || chain.state.as_ref() == Some(game.state())
        || (chain.turn == 0 && chain.state.is_none())
}

/// The end of the game at the file's last position: by the rules, unless that is a loss of one's own; as a draw that may be claimed and that the
/// side has signed; for want of a first move of the other side.
fn claim_end(game: &StakedGame, chain: &OnChain, side: Side) -> Option<Act> {
    let record = game.record();
    let draws = game.file().results.iter().any(|result| result.by == side && result.outcome == Outcome::Draw);
    let claim = if game.is_over() {
        let lost = record.position().is_checkmate() && game.to_move() == side;
        (!lost).then_some(Claim::Rules)?
    } else if draws && record.occurrences() >= 3 {
        Claim::Threefold
    } else if draws && record.position().halfmoves() >= 100 {
        Claim::FiftyMoves
    } else if record.ply() == 0 && chain.turn == 0 && game.to_move() == side.other() {
        Claim::NotStarted
    } else {
        return None;
    };
    let presentation = game.claim(side, chain.state.as_ref()).ok()?;
    Some(Act::ClaimEnd { presentation, claim })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game_file::GameFile;
    use crate::signed::SignedResult;
    use crate::testing::{game_file, operator, player};

    const RUNNING: OnChain = OnChain {
        life: Life::Open { nonce: [7; 16] },
        now: 1_000,
        pending: None,
        turn: 0,
        state: None,
        seed_element: None,
    };

    fn checked(file: GameFile) -> StakedGame {
        file.check().unwrap()
    }

    fn game(moves: &[&str]) -> StakedGame {
        checked(game_file(moves))
    }

    /// The state of `shown` is pending.
    fn pending(by: Side, awaited: Awaited, shown: &StakedGame) -> OnChain {
        let turn = shown.state().position.ply();
        let pending = Some(Pending { by, awaited, deadline: 2_000 });
        OnChain { pending, turn, state: Some(*shown.state()), ..RUNNING }
    }

    fn late(chain: &OnChain) -> OnChain {
        OnChain { now: 2_001, ..chain.clone() }
    }

    const SIDES: [Side; 2] = [Side::Player, Side::Operator];

    #[test]
    fn nothing_is_sent_while_the_game_goes_its_way() {
        for side in SIDES {
            for moves in [&["e2e4", "e7e5", "g1f3"][..], &["e2e4", "e7e5"], &[]] {
                assert_eq!(next_act(&game(moves), &RUNNING, side, false), None);
                for life in [Life::Unopened, Life::Final { outcome: None }] {
                    assert_eq!(next_act(&game(moves), &OnChain { life, ..RUNNING }, side, true), None);
                }
            }
        }
    }

    #[test]
    fn a_silent_side_is_challenged_when_it_is_its_turn() {
        let open = game(&["e2e4", "e7e5", "g1f3"]);
        let act = next_act(&open, &RUNNING, Side::Player, true).unwrap();
        assert_eq!(act, Act::Challenge(open.challenge(Side::Player, None).unwrap()));
        assert_eq!(act.own_move(), Some(2));
        assert_eq!(next_act(&open, &RUNNING, Side::Operator, true), None);
        // On chain is a later state, or this one.
        let turn = 4;
        assert_eq!(next_act(&open, &OnChain { turn, ..RUNNING }, Side::Player, true), None);
        let answered = OnChain { turn: 3, state: Some(*open.state()), ..RUNNING };
        let Some(Act::Challenge(shown)) = next_act(&open, &answered, Side::Player, true) else { panic!() };
        assert_eq!((shown.base, shown.move_word, shown.signature), (*open.state(), 0, None));
        assert_eq!(Act::Challenge(shown).own_move(), None);
        // Nobody has moved: no win in that.
        let first = next_act(&game(&[]), &RUNNING, Side::Operator, true);
        assert!(matches!(first, Some(Act::ClaimEnd { claim: Claim::NotStarted, .. })));
        assert_eq!(next_act(&game(&[]), &RUNNING, Side::Player, true), None);
    }

    #[test]
    fn a_challenge_is_answered_with_the_move_that_was_made() {
        let shown = game(&["e2e4", "e7e5", "g1f3"]);
        let chain = pending(Side::Player, Awaited::Move, &shown);
        assert_eq!(next_act(&shown, &chain, Side::Operator, false), None, "no move yet");
        let known = game(&["e2e4", "e7e5", "g1f3", "b8c6"]);
        let act = next_act(&known, &chain, Side::Operator, false).unwrap();
        let Act::Respond(answer) = &act else { panic!("{act:?}") };
        assert_eq!((answer.base, answer.ply, act.own_move()), (*shown.state(), 4, Some(3)));
        assert_eq!(next_act(&known, &chain, Side::Player, true), None, "its own challenge");
        // Too late for it.
        assert_eq!(next_act(&known, &late(&chain), Side::Operator, false), None);
        assert_eq!(next_act(&known, &late(&chain), Side::Player, false), Some(Act::ClaimTimeout));
    }

    #[test]
    fn what_is_stale_is_refuted() {
        let known = game(&["e2e4", "e7e5", "g1f3", "b8c6", "f1b5"]);
        let old = pending(Side::Player, Awaited::Move, &game(&["e2e4", "e7e5", "g1f3"]));
        let latest = known.latest_signed_by(Side::Player).unwrap();
        assert_eq!(next_act(&known, &old, Side::Operator, false), Some(Act::Refute(latest.clone())));
        // Another move than the one it signed.
        let other = game(&["e2e4", "e7e5", "g1f3", "b8c6", "f1c4"]);
        let beside = pending(Side::Player, Awaited::Move, &other);
        assert_eq!(next_act(&known, &beside, Side::Operator, false), Some(Act::Refute(latest.clone())));
        assert_eq!(unseen_move(&known, &beside, Side::Operator), None);
        let ended = pending(Side::Player, Awaited::End(Outcome::PlayerWins), &game(&["e2e4"]));
        assert_eq!(next_act(&known, &ended, Side::Operator, false), Some(Act::Refute(latest)));
        // What it signed last is not.
        let newest = pending(Side::Player, Awaited::End(Outcome::Draw), &known);
        assert_eq!(next_act(&known, &newest, Side::Operator, false), None);
        assert_eq!(next_act(&known, &late(&newest), Side::Operator, false), Some(Act::ClaimTimeout));
    }

    #[test]
    fn moves_on_chain_are_seen() {
        let known = game(&["e2e4", "e7e5"]);
        let ahead = game(&["e2e4", "e7e5", "g1f3"]);
        let mv = ahead.record().moves()[2];
        let chain = pending(Side::Player, Awaited::Move, &ahead);
        assert_eq!(unseen_move(&known, &chain, Side::Operator), Some(mv));
        assert_eq!(unseen_move(&ahead, &chain, Side::Operator), None, "known");
        assert_eq!(unseen_move(&known, &chain, Side::Player), None, "its own");
        let answered = OnChain { pending: None, ..chain.clone() };
        assert_eq!(unseen_move(&known, &answered, Side::Operator), Some(mv));
        assert_eq!(unseen_move(&game(&[]), &chain, Side::Operator), None, "two moves on");
        let over = OnChain { life: Life::Final { outcome: None }, ..chain };
        assert_eq!(unseen_move(&known, &over, Side::Operator), None);
    }

    #[test]
    fn what_both_agree_on_is_settled() {
        let moves = ["f2f3", "e7e5", "g2g4", "d8h4"];
        let mut file = game_file(&moves);
        assert_eq!(next_act(&checked(file.clone()), &RUNNING, Side::Operator, false), None);
        let result = SignedResult::sign(&file.offer, Outcome::OperatorWins, &player()).unwrap();
        let player_signature = Some(result.signature);
        file.results.push(result);
        let settle = Act::Settle { outcome: Outcome::OperatorWins, player: player_signature, operator: None };
        assert_eq!(next_act(&checked(file.clone()), &RUNNING, Side::Operator, false), Some(settle));
        assert_eq!(next_act(&checked(file), &RUNNING, Side::Player, true), None, "its own loss");
        let mut file = game_file(&[]);
        file.results.push(SignedResult::sign(&file.offer, Outcome::Draw, &operator()).unwrap());
        let signature = Some(file.results[0].signature);
        let settle = Act::Settle { outcome: Outcome::Draw, player: None, operator: signature };
        assert_eq!(next_act(&checked(file.clone()), &RUNNING, Side::Player, false), Some(settle));
        assert!(!matches!(
            next_act(&checked(file), &RUNNING, Side::Operator, true),
            Some(Act::Settle { .. })
        ));
    }

    #[test]
    fn a_silent_loser_is_beaten_on_chain() {
        let mated = game(&["f2f3", "e7e5", "g2g4", "d8h4"]);
        assert_eq!(next_act(&mated, &RUNNING, Side::Operator, false), None);
        let act = next_act(&mated, &RUNNING, Side::Operator, true).unwrap();
        assert!(
            matches!(&act, Act::ClaimEnd { claim: Claim::Rules, presentation, .. } if presentation.ply == 4)
        );
        assert_eq!(act.own_move(), Some(3));
        assert_eq!(next_act(&mated, &RUNNING, Side::Player, true), None);
        // A repetition is claimed by whoever has agreed to the draw.
        let shuffled = ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6", "f3g1", "f6g8"];
        let mut file = game_file(&shuffled);
        assert!(matches!(
            next_act(&checked(file.clone()), &RUNNING, Side::Operator, true),
            Some(Act::Challenge(_))
        ));
        file.results.push(SignedResult::sign(&file.offer, Outcome::Draw, &operator()).unwrap());
        let act = next_act(&checked(file), &RUNNING, Side::Operator, true).unwrap();
        assert!(
            matches!(&act, Act::ClaimEnd { claim: Claim::Threefold, presentation } if presentation.ply == 8),
            "{act:?}"
        );
    }
}
