//! The whole client without a window: real picking, injected input; and once in a real window.
//!
//! One program for all tests: linking Bevy once takes less than linking it for each file.

mod board;
mod common;
mod embedded;
mod keyboard;
mod lying;
mod play;
mod proofs;
mod review;
mod spoken;
#[cfg(feature = "stakes")]
mod stakes;
#[cfg(feature = "stakes")]
mod stakes_ends;
mod watch;
mod window;
