//! What the contracts say when they refuse, as sentences. A custom error that is new in an artefact does not compile here until it has one.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{Panic, Revert, SolError, SolInterface};

use crate::amount::ether;
use crate::bindings::chess_rules::ChessRules::ChessRulesErrors;
use crate::bindings::game_verifier::GameVerifier::GameVerifierErrors;
use crate::bindings::move_verifier::MoveVerifier::MoveVerifierErrors;
use crate::bindings::opening_verifier::OpeningVerifier::OpeningVerifierErrors;
use crate::bindings::proven_moves::ProvenMoves::ProvenMovesErrors;
use crate::bindings::settlement::Settlement::SettlementErrors;
use crate::bindings::verifier_router::VerifierRouter::VerifierRouterErrors;

/// A contract's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Name of the custom error; empty if it has none.
    pub name: String,
    /// What it means, in one sentence without a full stop.
    pub sentence: String,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.sentence),
            name => write!(f, "{} ({name})", self.sentence),
        }
    }
}

impl Rejection {
    /// Reads what a call reverted with.
    #[must_use]
    pub fn decode(data: &Bytes) -> Self {
        // The settlement's and the router's `WrongStatus` share a selector; the settlement knows three states of life.
        let of_router = VerifierRouterErrors::abi_decode(data).ok().filter(|error| match error {
            VerifierRouterErrors::WrongStatus(error) => error.status > LAST_STATUS,
            _ => true,
        });
        None.or_else(|| of_router.map(|error| router(&error)))
            .or_else(|| SettlementErrors::abi_decode(data).ok().map(|error| settlement(&error)))
            .or_else(|| MoveVerifierErrors::abi_decode(data).ok().map(|error| verifier(&error)))
            .or_else(|| OpeningVerifierErrors::abi_decode(data).ok().map(|error| opening(&error)))
            .or_else(|| ChessRulesErrors::abi_decode(data).ok().map(|error| rules(&error)))
            .or_else(|| GameVerifierErrors::abi_decode(data).ok().map(|error| games(&error)))
            .or_else(|| ProvenMovesErrors::abi_decode(data).ok().map(|error| tokens(&error)))
            .or_else(|| Revert::abi_decode(data).ok().map(|error| plain(error.reason)))
            .or_else(|| {
                Panic::abi_decode(data).ok().map(|error| plain(format!("the contract failed: {error}")))
            })
            .unwrap_or_else(|| match data.len() {
                0 => plain("the contract refused without a reason, or the transaction ran out of gas"),
                _ => plain(format!("the contract refused with {data}, which none of ours says")),
            })
    }
}

/// `Settlement.Status.Final`.
const LAST_STATUS: u8 = 2;

fn plain(sentence: impl Into<String>) -> Rejection {
    Rejection { name: String::new(), sentence: sentence.into() }
}

fn named(name: &str, sentence: impl Into<String>) -> Rejection {
    Rejection { name: name.to_owned(), sentence: sentence.into() }
}

/// The first bytes of a hash: enough to recognise it.
fn short(hash: &B256) -> String {
    format!("0x{}..", hex::encode(&hash[..4]))
}

fn account(address: &Address) -> String {
    address.to_string()
}

fn pending_text(pending: u8) -> &'static str {
    match pending {
        0 => "nothing",
        1 => "a challenge that has to be answered with a move",
        2 => "the claim that the player has won",
        3 => "the claim that the operator has won",
        4 => "the claim of a draw",
        _ => "something unknown",
    }
}

fn settlement(error: &SettlementErrors) -> Rejection {
    use SettlementErrors as E;
    match error {
        E::AnswerPending(e) => named(
            "AnswerPending",
            format!("{} is pending and has to be answered first", pending_text(e.pending)),
        ),
        E::ClaimNotTrue(e) => named(
            "ClaimNotTrue",
            match e.claim {
                0 => "the rules do not end the game in this position",
                1 => {
                    "the position has not stood three times, or the keys are not those of the signed history"
                }
                2 => "fifty moves without capture or pawn move are not over",
                _ => "the game has begun, so it can't be called off",
            },
        ),
        E::DeadlineAhead(e) => {
            named("DeadlineAhead", format!("the other side still has time to answer, until {}", e.deadline))
        }
        E::DeadlinePassed(e) => {
            named("DeadlinePassed", format!("the time to answer was over at {}", e.deadline))
        }
        E::InsufficientBalance(e) => named(
            "InsufficientBalance",
            format!(
                "{} holds {} in the contract, {} are needed",
                account(&e.account),
                ether(e.held),
                ether(e.needed)
            ),
        ),
        E::InvalidSignature(e) => {
            named("InvalidSignature", format!("the signature is not that of {}", account(&e.signer)))
        }
        E::ModelNotActive(e) => named(
            "ModelNotActive",
            format!(
                "no game may begin with model {}: it has no verifier, or is frozen or stopped",
                short(&e.modelDigest)
            ),
        ),
        E::ModelNotStopped(e) => {
            named("ModelNotStopped", format!("the verifier of model {} still works", short(&e.modelDigest)))
        }
        E::NotLater(_) => named(
            "NotLater",
            "the state does not show that the pending one is stale: it has to be signed by the side that presented, and later or another of that ply",
        ),
        E::NotTheStateOnChain(e) => named(
            "NotTheStateOnChain",
            format!("the state (hash {}) is not the one on chain", short(&e.stateHash)),
        ),
        E::NothingPending(e) => named(
            "NothingPending",
            format!("there is nothing that this would answer; pending is {}", pending_text(e.pending)),
        ),
        E::OfferExpired(e) => named("OfferExpired", format!("the offer could be taken until {}", e.expiry)),
        E::StaleState(e) => named(
            "StaleState",
            format!("the state of ply {} is too old, at least {} is needed", e.ply, e.least),
        ),
        E::TransferFailed(e) => {
            named("TransferFailed", format!("{} did not take the money", account(&e.account)))
        }
        E::UnacceptableOffer(_) => named(
            "UnacceptableOffer",
            "the contract takes no such offer: levels 1 to 7, 60 seconds to 30 days to answer, two different accounts",
        ),
        E::UnfoundedState(_) => named(
            "UnfoundedState",
            "the state is of another game, or neither the first position, nor on chain, nor signed by the other side",
        ),
        E::WithdrawalToNobody(_) => named("WithdrawalToNobody", "money sent to nobody would be lost"),
        E::WrongCaller(e) => {
            named("WrongCaller", format!("{} may not do this, or not now", account(&e.caller)))
        }
        E::WrongSeedElement(e) => named(
            "WrongSeedElement",
            format!("the seed element is not number {} of the chain whose head is in the offer", e.number),
        ),
        E::WrongStatus(e) => named(
            "WrongStatus",
            match e.status {
                0 => format!("game {} has not begun", short(&e.gameId)),
                1 => format!("game {} has begun already", short(&e.gameId)),
                _ => format!("game {} is over", short(&e.gameId)),
            },
        ),
        E::WrongTurn(_) => named("WrongTurn", "it is not this side's turn in that position"),
        E::WrongValue(e) => named(
            "WrongValue",
            format!("exactly {} have to be sent along, not {}", ether(e.expected), ether(e.actual)),
        ),
    }
}

fn router(error: &VerifierRouterErrors) -> Rejection {
    use VerifierRouterErrors as E;
    match error {
        E::AlreadyRegistered(e) => {
            named("AlreadyRegistered", format!("model {} has a verifier already", short(&e.modelDigest)))
        }
        E::MalformedStatement(e) => {
            named("MalformedStatement", format!("{} bytes are no statement", e.length))
        }
        E::NotAttested(e) => named(
            "NotAttested",
            format!(
                "there is no proof, and nobody has attested the statement (hash {})",
                short(&e.statementHash)
            ),
        ),
        E::NotNextOwner(e) => {
            named("NotNextOwner", format!("{} is not named as the next owner", account(&e.caller)))
        }
        E::NotOwner(e) => named("NotOwner", format!("{} does not own the router", account(&e.caller))),
        E::UnknownModel(e) => {
            named("UnknownModel", format!("model {} has no verifier here", short(&e.modelDigest)))
        }
        E::WrongStatus(e) => named(
            "WrongStatus",
            match e.status {
                3 => format!(
                    "the verifier of model {} was stopped: none of its proofs count",
                    short(&e.modelDigest)
                ),
                _ => format!("model {} is not active", short(&e.modelDigest)),
            },
        ),
    }
}

fn proof(name: &str, what: &str) -> Rejection {
    named(name, format!("the proof does not verify: {what}"))
}

/// What a verifier passes on from the contract that verifies openings; errors that both have are the verifier's.
fn opening(error: &OpeningVerifierErrors) -> Rejection {
    use OpeningVerifierErrors as E;
    let at = |offset: U256| format!("at byte {offset}");
    match error {
        E::Grinding(e) => proof("Grinding", &format!("the proof of work is missing {}", at(e.offset))),
        E::LastWord(_) => proof("LastWord", "a row of the last word does not fold to the table sent"),
        E::NonCanonical(e) => {
            proof("NonCanonical", &format!("a number is not below the modulus {}", at(e.offset)))
        }
        E::Root(e) => proof("Root", &format!("the rows of word {} do not lead to its root", e.word)),
        E::TableRoot(e) => {
            proof("TableRoot", &format!("the rows of table {} do not lead to its root", e.table))
        }
        E::Truncated(e) => proof("Truncated", &format!("it ends {}", at(e.offset))),
    }
}

fn verifier(error: &MoveVerifierErrors) -> Rejection {
    use MoveVerifierErrors as E;
    let at = |offset: U256| format!("at byte {offset}");
    match error {
        E::Denominator(_) => proof("Denominator", "the lookups' denominators do not follow from the columns"),
        E::FinalClaim(_) => proof("FinalClaim", "the opening's last claim is false"),
        E::IllegalMove(e) => {
            named("IllegalMove", format!("move {} of the statement is not in its own list", e.number))
        }
        E::Level(e) => proof("Level", &format!("level {} of the lookup tree does not follow", e.level)),
        E::MalformedStatement(e) => {
            named("MalformedStatement", format!("these are not the bytes of a statement, {}", at(e.offset)))
        }
        E::NonCanonical(e) => {
            proof("NonCanonical", &format!("a number is not below the modulus {}", at(e.offset)))
        }
        E::Numerator(_) => proof("Numerator", "the lookups' numerators do not follow from the columns"),
        E::OtherFormat(_) => {
            named("OtherFormat", "the verifying key is of another format than this contract's, or too large")
        }
        E::OtherModel(e) => {
            named("OtherModel", format!("the statement is about another model, {}", short(&e.digest)))
        }
        E::RootDenominator(_) => proof("RootDenominator", "the lookups' common denominator is zero"),
        E::RootNumerator(_) => proof("RootNumerator", "the lookups do not balance"),
        E::Source(_) => proof("Source", "the layers' inputs are not the activations and the position"),
        E::Trailing(e) => proof("Trailing", &format!("{} bytes follow its end", e.count)),
        E::Truncated(e) => proof("Truncated", &format!("it ends {}", at(e.offset))),
        E::UnsupportedNumMoves(e) => named(
            "UnsupportedNumMoves",
            format!("the verifier has no sizes for {} moves in one proof", e.numMoves),
        ),
        E::Weights(_) => proof("Weights", "the accumulators are not the weights times the inputs"),
    }
}

fn illegal(word: u16) -> Rejection {
    let mv = settlement::position::move_text(word);
    named("IllegalMove", format!("{mv} is not legal in that position"))
}

fn rules(error: &ChessRulesErrors) -> Rejection {
    match error {
        ChessRulesErrors::IllegalMove(e) => illegal(e.r#move),
    }
}

fn games(error: &GameVerifierErrors) -> Rejection {
    use GameVerifierErrors as E;
    match error {
        E::IllegalMove(e) => illegal(e.r#move),
        E::MalformedContenders(e) => named(
            "MalformedContenders",
            format!("{} bytes are not one list of contenders for each of the network's moves", e.length),
        ),
        E::MalformedMoves(e) => named(
            "MalformedMoves",
            format!("{} bytes are no list of moves with one of the network's", e.length),
        ),
        E::UnacceptableLevel(e) => {
            named("UnacceptableLevel", format!("there is no level {}, or it has no seeds", e.level))
        }
        E::WrongSeedElement(e) => named(
            "WrongSeedElement",
            format!("the seed element leads to head {}, which is not the game's", short(&e.head)),
        ),
    }
}

fn tokens(error: &ProvenMovesErrors) -> Rejection {
    use ProvenMovesErrors as E;
    match error {
        E::AlreadyMinted(_) => named("AlreadyMinted", "this question's token is somebody's already"),
        E::InvalidReceiver(e) => {
            named("InvalidReceiver", format!("{} can't hold tokens", account(&e.account)))
        }
        E::NotAuthorised(e) => {
            named("NotAuthorised", format!("{} may not do this with the token", account(&e.caller)))
        }
        E::NotProven(_) => named("NotProven", "the move is not proven to be the network's answer"),
        E::UnknownToken(_) => named("UnknownToken", "nobody has this token"),
        E::WrongOwner(e) => {
            named("WrongOwner", format!("the token does not belong to {}", account(&e.account)))
        }
        E::WrongTokenId(_) => named("WrongTokenId", "the token's id is not the hash of its prompt"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bindings::chess_rules::ChessRules;
    use crate::bindings::move_verifier::MoveVerifier;
    use crate::bindings::proven_games::ProvenGames::ProvenGamesErrors;
    use crate::bindings::settlement::Settlement;
    use crate::bindings::verifier_router::VerifierRouter;

    fn encoded(error: &impl SolError) -> Rejection {
        Rejection::decode(&error.abi_encode().into())
    }

    #[test]
    fn a_refusal_is_a_sentence() {
        let hash = B256::repeat_byte(0xab);
        let over = encoded(&Settlement::WrongStatus { gameId: hash, status: 2 });
        assert_eq!(over.to_string(), "game 0xabababab.. is over (WrongStatus)");
        let stopped = encoded(&VerifierRouter::WrongStatus { modelDigest: hash, status: 3 });
        assert!(stopped.sentence.contains("was stopped"), "{stopped}");
        let poor = encoded(&Settlement::InsufficientBalance {
            account: Address::ZERO,
            needed: U256::from(1_500_000_000_000_000_000_u64),
            held: U256::ZERO,
        });
        assert!(poor.sentence.ends_with("holds 0 ETH in the contract, 1.5 ETH are needed"), "{poor}");
        assert_eq!(encoded(&Revert { reason: "no".to_owned() }).to_string(), "no");
        assert!(encoded(&Panic { code: U256::from(0x11) }).sentence.starts_with("the contract failed"));
        assert!(Rejection::decode(&Bytes::new()).sentence.contains("without a reason"));
        let unknown = Rejection::decode(&Bytes::from_static(&[1, 2, 3, 4]));
        assert_eq!((unknown.name.as_str(), unknown.sentence.contains("0x01020304")), ("", true));
    }

    #[test]
    fn tokens_of_moves_and_games_refuse_alike() {
        assert_eq!(ProvenGamesErrors::SELECTORS, ProvenMovesErrors::SELECTORS);
    }

    /// Which contract speaks is known by the selector alone, but for these; only `WrongStatus` does not mean the same in both.
    #[test]
    fn selectors_that_contracts_share() {
        let mut contracts = BTreeMap::<[u8; 4], Vec<&str>>::new();
        let all: [&[[u8; 4]]; 7] = [
            SettlementErrors::SELECTORS,
            VerifierRouterErrors::SELECTORS,
            MoveVerifierErrors::SELECTORS,
            OpeningVerifierErrors::SELECTORS,
            ChessRulesErrors::SELECTORS,
            GameVerifierErrors::SELECTORS,
            ProvenMovesErrors::SELECTORS,
        ];
        let names = ["settlement", "router", "verifier", "opening", "rules", "games", "tokens"];
        for (selectors, name) in all.iter().zip(names) {
            selectors.iter().for_each(|selector| contracts.entry(*selector).or_default().push(name));
        }
        let shared: Vec<_> = contracts.iter().filter(|(_, names)| names.len() > 1).collect();
        let status = <Settlement::WrongStatus as SolError>::SELECTOR;
        let malformed = <VerifierRouter::MalformedStatement as SolError>::SELECTOR;
        let truncated = <MoveVerifier::Truncated as SolError>::SELECTOR;
        let non_canonical = <MoveVerifier::NonCanonical as SolError>::SELECTOR;
        let illegal = <ChessRules::IllegalMove as SolError>::SELECTOR;
        let mut expected = [
            (illegal, vec!["rules", "games"]),
            (status, vec!["settlement", "router"]),
            (malformed, vec!["router", "verifier"]),
            (truncated, vec!["verifier", "opening"]),
            (non_canonical, vec!["verifier", "opening"]),
        ];
        expected.sort();
        assert_eq!(shared, expected.iter().map(|(selector, names)| (selector, names)).collect::<Vec<_>>());
    }
}
