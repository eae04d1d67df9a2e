//! What a live game does about its stakes: it signs the network's moves and the results that the server agrees to, checks what the player
//! signs, and learns what happens on chain. Signatures are stored with what they are on, in one step, before they are sent; no move is
//! taken back: so no two states of one ply are ever signed, whenever the server is killed.

use super::GameTask;
use crate::{
    outbound::{Client, Refusal},
    store::{Event, StoreError},
};
use protocol::{
    EndReason, ErrorCode, GameStakes, Hex32, HexBytes, Outcome, ServerMessage, SettledOutcome, Side,
    WireSignature, claimable_draw, stakes::SignedOutcome,
};
use settlement::{
    dispute::{Life, OnChain},
    signed::{SignedResult, SignedState},
    typed_data,
};

fn cannot_sign(reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("can't sign: {reason}"))
}

impl GameTask {
    /// The operator's signature on the state after a move of the network's; `None` without stakes.
    pub(super) fn sign_move(&self, uci: &str) -> Result<Option<WireSignature>, StoreError> {
        let (Some(stakes), Some(operator)) = (&self.state.stakes, &self.games.operator) else {
            return Ok(None);
        };
        let Some(state) = self.state.state_after(uci) else { return Ok(None) };
        let state = state.map_err(|error| cannot_sign(&error))?;
        let (domain, offer) = (&stakes.offer.domain, &stakes.offer.offer);
        let signed = SignedState::sign(domain, offer, state, &operator.stakes.key)
            .map_err(|error| cannot_sign(&error))?;
        Ok(Some(HexBytes(signed.signature)))
    }

    /// Checks what the player signed with its move. Nothing is built on a move without it.
    pub(super) fn check_signature(&self, uci: &str, signature: Option<WireSignature>) -> Result<(), Refusal> {
        let refuse = |message: String| Err(Refusal::new(ErrorCode::BadSignature, message));
        match (&self.state.stakes, signature) {
            (None, None) => Ok(()),
            (None, Some(_)) => refuse("a game without stakes takes no signatures".into()),
            (Some(_), _) if self.state.stakes_nonce().is_none() => {
                Err(Refusal::new(ErrorCode::NotOpened, "the game is not open on chain yet"))
            }
            (Some(_), None) => refuse("a move in a game for stakes comes with a signature".into()),
            (Some(stakes), Some(signature)) => {
                let Some(Ok(state)) = self.state.state_after(uci) else {
                    return Err(Refusal::new(ErrorCode::IllegalMove, "the move is not legal"));
                };
                let signed = SignedState { state, signature: signature.0 };
                match signed.check(&stakes.offer.domain, &stakes.offer.offer) {
                    Ok(()) => Ok(()),
                    Err(error) => refuse(format!("the state after the move: {error}")),
                }
            }
        }
    }

    /// The mover's signature on the state after the move at a ply.
    pub(super) fn signature_at(&self, ply: u32) -> Option<WireSignature> {
        let signatures = &self.state.stakes.as_ref()?.signatures;
        signatures.get(usize::try_from(ply).ok()?).copied().flatten()
    }

    /// What the server has signed of the game.
    pub(super) fn public_stakes(&self) -> Option<Box<GameStakes>> {
        let stakes = self.state.stakes.as_ref()?;
        let own = (0..self.state.ply()).filter(|ply| self.state.is_bot_ply(*ply));
        Some(Box::new(GameStakes {
            offer: stakes.offer.as_ref().into(),
            signatures: own.map(|ply| self.signature_at(ply)).collect(),
            result: stakes.result_of(typed_data::Side::Operator).map(signed_outcome),
        }))
    }

    /// The result that an end of the game has the operator sign: a loss or a draw. What ended on chain needs none.
    pub(super) fn result_to_sign(&self, next: &super::GameState) -> Result<Option<Event>, StoreError> {
        let (Some(stakes), Some(operator)) = (&next.stakes, &self.games.operator) else { return Ok(None) };
        let agreed = next.stakes_outcome().filter(|outcome| *outcome != typed_data::Outcome::OperatorWins);
        let Some(outcome) = agreed else { return Ok(None) };
        if stakes.settled || stakes.result_of(typed_data::Side::Operator).is_some() {
            return Ok(None);
        }
        let result = SignedResult::sign(&stakes.offer, outcome, &operator.stakes.key);
        Ok(Some(Event::ResultSigned { result: Box::new(result.map_err(|error| cannot_sign(&error))?) }))
    }

    /// Tells what the operator has signed at the end.
    pub(super) fn broadcast_result(&self) {
        let result =
            self.state.stakes.as_ref().and_then(|stakes| stakes.result_of(typed_data::Side::Operator));
        if let Some(SignedOutcome { outcome, signature }) = result.map(signed_outcome) {
            self.broadcast(&ServerMessage::ResultSigned { game_id: self.game_id, outcome, signature });
        }
    }

    pub(super) async fn resign(&mut self) -> Result<(), Refusal> {
        if self.state.stakes.is_some() {
            let message = "giving up a game for stakes takes a signature on the result";
            return Err(Refusal::new(ErrorCode::BadSignature, message));
        }
        let side = self.state.human_side;
        self.end(Outcome::resignation(side), Some(Event::Resigned { side })).await
    }

    /// The player says that it has opened the game.
    pub(super) fn stakes_opened(&self, client: &Client, nonce: HexBytes<16>) -> Result<(), Refusal> {
        let (Some(_), Some(operator)) = (&self.state.stakes, &self.games.operator) else {
            return Err(Refusal::new(ErrorCode::NoStakes, "the game has no stakes"));
        };
        match self.state.stakes_nonce() {
            None => operator.wake.notify_one(),
            Some(known) if known == nonce.0 => {
                client.tell(ServerMessage::StakesOpened { game_id: self.game_id, nonce });
            }
            Some(_) => {
                return Err(Refusal::new(ErrorCode::WrongNonce, "the game was opened with another nonce"));
            }
        }
        Ok(())
    }

    /// The player signs a result: that the game has come to, its resignation, or a draw that it may claim.
    pub(super) async fn result_signed(
        &mut self,
        client: &Client,
        outcome: SettledOutcome,
        signature: WireSignature,
    ) -> Result<(), Refusal> {
        let Some(stakes) = &self.state.stakes else {
            return Err(Refusal::new(ErrorCode::NoStakes, "the game has no stakes"));
        };
        if self.state.stakes_nonce().is_none() {
            return Err(Refusal::new(ErrorCode::NotOpened, "the game is not open on chain yet"));
        }
        let by = typed_data::Side::Player;
        let outcome = typed_data::Outcome::from(outcome);
        let game_id = self.game_id.0;
        let result = Box::new(SignedResult { game_id, outcome, by, signature: signature.0 });
        if let Err(error) = result.check(&stakes.offer) {
            return Err(Refusal::new(ErrorCode::BadSignature, format!("the result: {error}")));
        }
        let known = stakes.result_of(by).is_some();
        let wrong = |message: &str| Err(Refusal::new(ErrorCode::WrongResult, message));
        let signed = Event::ResultSigned { result };
        let side = self.state.human_side;
        let ended = |outcome| Event::Ended { outcome, clock: None };
        let events = match (self.state.stakes_outcome(), outcome) {
            (Some(actual), said) if actual != said => return wrong("the game ended otherwise"),
            (Some(_), _) if known => Vec::new(),
            (Some(_), _) => vec![signed],
            (None, typed_data::Outcome::PlayerWins) => return wrong("the game is not over"),
            (None, typed_data::Outcome::OperatorWins) => {
                vec![signed, Event::Resigned { side }, ended(Outcome::resignation(side))]
            }
            (None, typed_data::Outcome::Draw) => match claimable_draw(&self.state.record) {
                Some(reason) => vec![signed, ended(Outcome { winner: None, reason })],
                None => return Err(Refusal::new(ErrorCode::NoDraw, "there is no draw to claim here")),
            },
        };
        if events.is_empty() {
            if let Some(outcome) = self.state.outcome {
                client.tell(ServerMessage::GameOver { game_id: self.game_id, outcome });
            }
            return Ok(());
        }
        self.commit(events, None).await.map_err(|error| Refusal::internal(&error))?;
        self.broadcast_end();
        if let Some(operator) = &self.games.operator {
            operator.wake.notify_one();
        }
        Ok(())
    }

    /// Learns what the contract holds: the nonce that the player opened the game with, or that it is over.
    pub(super) async fn seen(&mut self, chain: &OnChain) -> Result<(), StoreError> {
        let Some(stakes) = &self.state.stakes else { return Ok(()) };
        if stakes.settled {
            return Ok(());
        }
        match chain.life {
            Life::Unopened if chain.now > stakes.offer.offer.expiry => {
                self.commit(vec![Event::Settled], None).await
            }
            Life::Unopened => Ok(()),
            Life::Open { nonce } if self.state.stakes_nonce().is_none() => {
                let mut extended = [0; 32];
                extended[16..].copy_from_slice(&nonce);
                self.commit(vec![Event::Nonce { nonce: Hex32(extended) }], None).await?;
                tracing::info!(game = %self.game_id, "opened on chain");
                self.broadcast(&ServerMessage::StakesOpened {
                    game_id: self.game_id,
                    nonce: HexBytes(nonce),
                });
                Ok(())
            }
            Life::Open { .. } => Ok(()),
            Life::Final { outcome } => {
                let mut events = vec![Event::Settled];
                if let (None, Some(outcome)) = (self.state.outcome, outcome) {
                    let outcome = Outcome { winner: self.winner(outcome), reason: EndReason::OnChain };
                    events.push(Event::Ended { outcome, clock: None });
                }
                let ends = events.len() > 1;
                self.commit(events, None).await?;
                tracing::info!(game = %self.game_id, ?outcome, "over on chain");
                if ends {
                    self.broadcast_end();
                }
                Ok(())
            }
        }
    }

    fn winner(&self, outcome: typed_data::Outcome) -> Option<Side> {
        match outcome {
            typed_data::Outcome::PlayerWins => Some(self.state.human_side),
            typed_data::Outcome::OperatorWins => Some(self.state.human_side.opponent()),
            typed_data::Outcome::Draw => None,
        }
    }

    /// The player has moved on chain. One that has meanwhile moved here, too, is held to that.
    pub(super) async fn move_on_chain(&mut self, ply: u32, uci: &str) -> Result<(), StoreError> {
        let turn = self.state.outcome.is_none() && self.state.turn() == self.state.human_side;
        if self.state.stakes_nonce().is_none() || !turn || ply != self.state.ply() {
            return Ok(());
        }
        let events = self
            .state
            .events_of_move(uci, None, None)
            .map_err(|error| StoreError::Damaged(format!("a move on chain: {error}")))?;
        self.commit(events, None).await?;
        self.broadcast(&ServerMessage::MoveOnChain { game_id: self.game_id, ply, uci: uci.to_owned() });
        self.broadcast_end();
        Ok(())
    }
}

fn signed_outcome(result: &SignedResult) -> SignedOutcome {
    SignedOutcome { outcome: result.outcome.into(), signature: HexBytes(result.signature) }
}
