//! Games for (test) stakes: the thread that signs and talks to the chain, and what passes between it and the client.
//!
//! Every message to the server goes through that thread once the client has a seat at a chain: moves leave it signed and stored, never
//! otherwise. It is told of a move of the network's only when this client's verifier has accepted the proof.

#[cfg(feature = "stakes")]
pub mod args;
#[cfg(feature = "stakes")]
mod seat;
#[cfg(feature = "stakes")]
mod worker;

#[cfg(feature = "stakes")]
pub use seat::Seat;

use bevy::prelude::*;

/// Without the feature `stakes` there is nothing to start.
#[cfg(not(feature = "stakes"))]
mod worker {
    pub(super) fn plug_in(_: &mut bevy::prelude::App) {}
}

/// A seat at a chain; none without the feature `stakes`.
#[cfg(not(feature = "stakes"))]
#[derive(Clone, Debug)]
pub enum Seat {}

#[cfg(not(feature = "stakes"))]
impl Seat {
    /// What a server needs to be the operator.
    pub(crate) async fn operator(&self) -> Result<server::Stakes, String> {
        match *self {}
    }
}

/// Who plays for stakes.
#[derive(Resource, Clone, Debug, Default)]
pub struct Seats {
    /// The player of this client.
    pub player: Option<Seat>,
    /// The server in this program.
    pub operator: Option<Seat>,
}

/// Starts the chain's thread if the client has a seat.
#[derive(Debug)]
pub struct StakesPlugin;

impl Plugin for StakesPlugin {
    fn build(&self, app: &mut App) {
        worker::plug_in(app);
    }
}
