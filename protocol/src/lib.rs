//! What client and server share: the record of a game and the messages on the wire. No I/O, no async, no Bevy.

pub mod clock;
mod hex;
pub mod messages;
pub mod outcome;
pub mod record;
pub mod stakes;

pub use clock::{ClockReading, FREE_PLIES, GameTerms, MAX_UNPROVEN, STRONGEST_LEVEL, TimeControl};
pub use messages::{
    ClientMessage, ErrorCode, GameId, GameSeeds, Hex32, HexBytes, MessageError, PROTOCOL_VERSION, ProofFrame,
    ProofMode, ServerMessage, Side, SideChoice,
};
pub use outcome::{EndReason, Outcome, claimable_draw};
pub use record::{GameRecord, RecordError};
pub use shakmaty;
pub use stakes::{GameStakes, SettledOutcome, StakesOffer, StakesWish, Wei, WireSignature};
