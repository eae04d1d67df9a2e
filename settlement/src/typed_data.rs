//! EIP-712: what is signed, hash for hash as `contracts/src/types/Game.sol` computes it.

use protocol::GameRecord;

use crate::keccak256;
use crate::position::PositionWords;
use crate::signature::Address;

/// A 32-byte hash.
pub type Hash = [u8; 32];

/// The contract that signatures are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Domain {
    /// Id of its chain.
    pub chain_id: u64,
    /// Address of `Settlement`.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub contract: Address,
}

/// What an operator offers one player. Its digest is the game's id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Offer {
    /// Whose deposit holds the operator's stake.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub operator: Address,
    /// The only account that can take the offer.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub player: Address,
    /// The network that plays.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub model_digest: Hash,
    /// Element 0 of the operator's seed chain.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub seed_head: Hash,
    /// Wei.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::wei"))]
    pub player_stake: u128,
    /// Wei.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::wei"))]
    pub operator_stake: u128,
    /// Wei on top of each stake.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::wei"))]
    pub bond: u128,
    /// Time to answer on chain.
    pub response_seconds: u32,
    /// Last time, in seconds since 1970, at which the offer can be taken; below `2^40`.
    pub expiry: u64,
    /// 1 to 7.
    pub level: u8,
    /// Whether the player has the first move.
    pub player_is_white: bool,
    /// Makes two offers differ.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub salt: Hash,
}

/// A position of a game, signed by the side that moved to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct State {
    /// The game.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub game_id: Hash,
    /// The position.
    pub position: PositionWords,
    /// Hash chain of the positions since the last capture or pawn move, this one included.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::bytes"))]
    pub history: Hash,
}

/// How a game ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Outcome {
    /// The player takes both stakes.
    PlayerWins = 0,
    /// The operator takes both stakes.
    OperatorWins = 1,
    /// Each takes its own.
    Draw = 2,
}

/// One of the two who play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Side {
    /// Who took the offer.
    Player,
    /// Who runs the network.
    Operator,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Player => Self::Operator,
            Self::Operator => Self::Player,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Player => "player",
            Self::Operator => "operator",
        })
    }
}

const DOMAIN_TYPE: &[u8] =
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const OFFER_TYPE: &[u8] = b"Offer(address operator,address player,bytes32 modelDigest,bytes32 seedHead,uint128 playerStake,uint128 operatorStake,uint128 bond,uint32 responseSeconds,uint40 expiry,uint8 level,bool playerIsWhite,bytes32 salt)";
const STATE_TYPE: &[u8] = b"State(bytes32 gameId,uint256 board,uint80 meta,bytes32 history)";
const RESULT_TYPE: &[u8] = b"Result(bytes32 gameId,uint8 outcome)";

/// A number or address as a word: right-aligned.
fn word(bytes: &[u8]) -> Hash {
    let mut word = [0; 32];
    word[32 - bytes.len()..].copy_from_slice(bytes);
    word
}

impl Domain {
    /// The domain's separator.
    #[must_use]
    pub fn separator(&self) -> Hash {
        keccak256(
            &[
                keccak256(DOMAIN_TYPE),
                keccak256(b"Fairmate Settlement"),
                keccak256(b"1"),
                word(&self.chain_id.to_be_bytes()),
                word(&self.contract),
            ]
            .concat(),
        )
    }

    fn digest(&self, struct_hash: Hash) -> Hash {
        keccak256(&[b"\x19\x01".as_slice(), &self.separator(), &struct_hash].concat())
    }

    /// What the operator signs of an offer: the game's id.
    #[must_use]
    pub fn game_id(&self, offer: &Offer) -> Hash {
        self.digest(keccak256(&[keccak256(OFFER_TYPE).as_slice(), &offer.words().concat()].concat()))
    }

    /// What a side signs after its move.
    #[must_use]
    pub fn state_digest(&self, state: &State) -> Hash {
        self.digest(state.hash())
    }

    /// What a side signs to agree to a result.
    #[must_use]
    pub fn result_digest(&self, game_id: &Hash, outcome: Outcome) -> Hash {
        self.digest(keccak256(&[keccak256(RESULT_TYPE), *game_id, word(&[outcome as u8])].concat()))
    }
}

impl Offer {
    /// The offer's fields in order, one word each: its ABI encoding.
    #[must_use]
    pub fn words(&self) -> [Hash; 12] {
        [
            word(&self.operator),
            word(&self.player),
            self.model_digest,
            self.seed_head,
            word(&self.player_stake.to_be_bytes()),
            word(&self.operator_stake.to_be_bytes()),
            word(&self.bond.to_be_bytes()),
            word(&self.response_seconds.to_be_bytes()),
            word(&self.expiry.to_be_bytes()),
            word(&[self.level]),
            word(&[u8::from(self.player_is_white)]),
            self.salt,
        ]
    }
}

impl Offer {
    /// The account of a side.
    #[must_use]
    pub fn account(&self, side: Side) -> Address {
        match side {
            Side::Player => self.player,
            Side::Operator => self.operator,
        }
    }

    /// The side of an account, if it is one of the two.
    #[must_use]
    pub fn side(&self, account: &Address) -> Option<Side> {
        [Side::Player, Side::Operator].into_iter().find(|&side| self.account(side) == *account)
    }

    /// The side that moves in a position.
    #[must_use]
    pub fn to_move(&self, position: &PositionWords) -> Side {
        if position.white_to_move() == self.player_is_white { Side::Player } else { Side::Operator }
    }
}

impl State {
    /// The state at the end of a record of a game from the usual first position.
    #[must_use]
    pub fn of(game_id: Hash, record: &GameRecord) -> Self {
        let mut history = Hash::default();
        let mut position = PositionWords::of(&GameRecord::default());
        for ply in 0..=record.ply() {
            position = PositionWords::of(&record.truncated(ply));
            history = history_after(&history, &position);
        }
        Self { game_id, position, history }
    }

    /// The state after this one's side to move has moved to `position`.
    #[must_use]
    pub fn after(&self, position: PositionWords) -> Self {
        Self { game_id: self.game_id, position, history: history_after(&self.history, &position) }
    }

    /// The state's fields in order, one word each: its ABI encoding.
    #[must_use]
    pub fn words(&self) -> [Hash; 4] {
        [self.game_id, self.position.board, word(&self.position.meta), self.history]
    }

    /// Its hash without the domain: what the contract keeps of the state on chain.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keccak256(&[keccak256(STATE_TYPE).as_slice(), &self.words().concat()].concat())
    }
}

/// The hash chain after a position; it starts anew where nothing before can occur again.
#[must_use]
pub fn history_after(history: &Hash, position: &PositionWords) -> Hash {
    let before = if position.halfmoves() == 0 { &Hash::default() } else { history };
    keccak256(&[*before, position.key()].concat())
}

/// The keys that prove a repetition at the end of a record: those since the last capture or pawn move.
#[must_use]
pub fn repetition_keys(record: &GameRecord) -> Vec<Hash> {
    let first = record.ply().saturating_sub(usize::from(PositionWords::of(record).halfmoves()));
    (first..=record.ply()).map(|ply| PositionWords::of(&record.truncated(ply)).key()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(moves: &[&str]) -> GameRecord {
        let mut record = GameRecord::default();
        for uci in moves {
            record.play_uci(uci).unwrap();
        }
        record
    }

    #[test]
    fn a_state_follows_from_the_one_before() {
        let moves = ["e2e4", "e7e5", "g1f3", "b8c6", "f3g1", "c6b8", "g1f3"];
        let mut state = State::of([1; 32], &GameRecord::default());
        for number in 1..=moves.len() {
            let record = play(&moves[..number]);
            state = state.after(PositionWords::of(&record));
            assert_eq!(state, State::of([1; 32], &record));
            let chained = repetition_keys(&record)
                .iter()
                .fold(Hash::default(), |history, key| keccak256(&[history, *key].concat()));
            assert_eq!(chained, state.history);
        }
        assert_eq!(repetition_keys(&play(&moves)).len(), 6);
    }

    #[test]
    fn a_digest_depends_on_everything() {
        let domain = Domain { chain_id: 1, contract: [2; 20] };
        let state = State::of([1; 32], &GameRecord::default());
        let digest = domain.state_digest(&state);
        assert_ne!(digest, Domain { chain_id: 2, ..domain }.state_digest(&state));
        assert_ne!(digest, Domain { contract: [3; 20], ..domain }.state_digest(&state));
        assert_ne!(digest, domain.state_digest(&State { game_id: [2; 32], ..state }));
        assert_ne!(digest, domain.state_digest(&State { history: [0; 32], ..state }));
        assert_ne!(digest, domain.state_digest(&State::of([1; 32], &play(&["e2e4"]))));
        assert_ne!(
            domain.result_digest(&[1; 32], Outcome::Draw),
            domain.result_digest(&[1; 32], Outcome::PlayerWins)
        );
    }
}
