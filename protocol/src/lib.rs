//! What client and server share: the record of a game and the messages on the wire. No I/O, no async, no Bevy.

pub mod record;

pub use record::{GameRecord, RecordError};
pub use shakmaty;
