//! Sockets that follow a game: those of its player, which have shown its key, and those that watch. Whoever watches hears of moves,
//! clocks, proofs, revealed seeds and the end; never of what was signed in a game for stakes, and never of the key.

use super::{Command, GameTask};
use crate::outbound::{Client, Outbound, Refusal};
use protocol::{ErrorCode, Hex32, ServerMessage};
use std::collections::BTreeSet;

/// A socket that follows a game.
pub(super) struct Follower {
    pub(super) client: Client,
    /// Whether it has shown that it is the game's player.
    pub(super) plays: bool,
}

impl GameTask {
    /// Whether a command comes from a socket that may give it; else whom to refuse, and why.
    pub(super) fn may<'a>(&self, command: &'a Command) -> Result<(), (&'a Client, Refusal)> {
        let (client, takes_player) = match command {
            // From this server itself, or checked where it is obeyed.
            Command::Attach { .. }
            | Command::Detach { .. }
            | Command::Seen { .. }
            | Command::MoveOnChain { .. } => return Ok(()),
            Command::RequestProof { client, .. } => (client, false),
            Command::Move { client, .. }
            | Command::Nonce { client, .. }
            | Command::Resign { client }
            | Command::OfferDraw { client }
            | Command::ClaimDraw { client }
            | Command::TakeBack { client, .. }
            | Command::StakesOpened { client, .. }
            | Command::SignResult { client, .. } => (client, true),
        };
        match self.followers.get(&client.number) {
            Some(follower) if follower.plays || !takes_player => Ok(()),
            Some(_) => {
                let message = "this socket watches the game; only its player may do that";
                Err((client, Refusal::new(ErrorCode::OnlyWatching, message)))
            }
            None => {
                let message = "this socket doesn't follow that game; resume it first";
                Err((client, Refusal::new(ErrorCode::UnknownGame, message)))
            }
        }
    }

    /// Has a socket follow the game: as its player with the key, to watch without.
    pub(super) fn attach(
        &mut self,
        client: Client,
        have_proofs: &[u32],
        key: Option<Hex32>,
    ) -> Result<(), (Client, Refusal)> {
        let plays = match (self.state.player_key, key) {
            (None, _) => true,
            (Some(own), Some(shown)) if own == shown => true,
            (Some(_), None) => false,
            (Some(_), Some(_)) => {
                let message =
                    "that is not the key of this game's player; without a key the game can be watched";
                return Err((client, Refusal::new(ErrorCode::WrongKey, message)));
            }
        };
        let others = self.followers.iter().filter(|(number, _)| **number != client.number);
        let watching = others.filter(|(_, follower)| !follower.plays).count();
        if !plays && watching >= self.games.limits.max_watchers_per_game {
            let message = "as many watch this game as this server allows; try again later";
            return Err((client, Refusal::new(ErrorCode::Busy, message)));
        }
        self.tell_everything(&client, have_proofs, plays);
        self.followers.insert(client.number, Follower { client, plays });
        Ok(())
    }

    fn tell_everything(&self, client: &Client, have_proofs: &[u32], plays: bool) {
        let state = &self.state;
        let mut message = ServerMessage::game(
            self.game_id,
            state.human_side,
            &state.record,
            state.outcome,
            state.terms,
            state.proofs.iter().copied().collect(),
            state.public_seeds(),
        );
        if let (ServerMessage::Game { stakes, player_key, .. }, true) = (&mut message, plays) {
            *stakes = self.public_stakes();
            *player_key = state.player_key;
        }
        client.tell(message);
        if let Some(clock) = self.clock_message() {
            client.tell(clock);
        }
        let have: BTreeSet<u32> = have_proofs.iter().copied().collect();
        let plies: Vec<u32> = state.proofs.difference(&have).copied().collect();
        if !plies.is_empty() {
            client.send(Outbound::Proofs { game_id: self.game_id, plies });
        }
        if let Some(ply) = self.in_flight {
            client.tell(ServerMessage::Proving { game_id: self.game_id, ply, queue: 0 });
        }
        for ply in state.missing_proofs().filter(|ply| self.has_failed(*ply)) {
            client.tell(self.proof_failed(ply));
        }
    }

    /// Tells everybody, in the form that whoever watches may hear.
    pub(super) fn broadcast(&self, message: &ServerMessage) {
        let watched = for_watchers(message);
        for Follower { client, plays } in self.followers.values() {
            let heard = if *plays { Some(message) } else { watched.as_ref() };
            if let Some(heard) = heard {
                client.tell(heard.clone());
            }
        }
    }

    /// Tells that a move of the human is stored: the player that it counts, the others what it is.
    pub(super) fn broadcast_player_move(&self, ply: u32) {
        let game_id = self.game_id;
        let Some((uci, _)) = self.state.played(ply) else { return };
        for Follower { client, plays } in self.followers.values() {
            client.tell(if *plays {
                ServerMessage::MoveAccepted { game_id, ply }
            } else {
                ServerMessage::PlayerMove { game_id, ply, uci: uci.clone() }
            });
        }
    }

    pub(super) fn broadcast_proof(&self, ply: u32) {
        for Follower { client, .. } in self.followers.values() {
            client.send(Outbound::Proofs { game_id: self.game_id, plies: vec![ply] });
        }
    }

    pub(super) fn broadcast_refusal(&self, refusal: &Refusal) {
        for Follower { client, .. } in self.followers.values() {
            client.refuse(Some(self.game_id), refusal);
        }
    }
}

/// A message of a game as those hear it who watch; `None` if they don't. Exhaustive, so that a new message is thought about here.
fn for_watchers(message: &ServerMessage) -> Option<ServerMessage> {
    match message {
        ServerMessage::BotMove { game_id, ply, uci, infer_ms, seed_element, signature: _ } => {
            Some(ServerMessage::BotMove {
                game_id: *game_id,
                ply: *ply,
                uci: uci.clone(),
                infer_ms: *infer_ms,
                seed_element: *seed_element,
                signature: None,
            })
        }
        ServerMessage::MoveOnChain { game_id, ply, uci } => {
            Some(ServerMessage::PlayerMove { game_id: *game_id, ply: *ply, uci: uci.clone() })
        }
        // The nonce comes with the state, once whoever watches needs it for a move.
        ServerMessage::StakesOpened { .. }
        | ServerMessage::ResultSigned { .. }
        | ServerMessage::MoveAccepted { .. }
        | ServerMessage::DrawDeclined { .. }
        // Not for a whole game, or told to each socket by itself.
        | ServerMessage::Welcome { .. }
        | ServerMessage::Game { .. }
        | ServerMessage::Pong => None,
        ServerMessage::PlayerMove { .. }
        | ServerMessage::Clock { .. }
        | ServerMessage::TakenBack { .. }
        | ServerMessage::Proving { .. }
        | ServerMessage::ProofReady { .. }
        | ServerMessage::ProofFailed { .. }
        | ServerMessage::ProverStatus { .. }
        | ServerMessage::GameOver { .. }
        | ServerMessage::Error { .. } => Some(message.clone()),
    }
}
