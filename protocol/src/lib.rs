//! What client and server share: the record of a game and the messages on the wire. No I/O, no async, no Bevy.

pub mod messages;
pub mod record;

pub use messages::{
    ClientMessage, EndReason, ErrorCode, GameId, MessageError, Outcome, PROTOCOL_VERSION, ProofFrame,
    ProofMode, ServerMessage, Side, SideChoice, claimable_draw,
};
pub use record::{GameRecord, RecordError};
pub use shakmaty;
