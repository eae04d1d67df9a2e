//! What a side of a game sees and does on chain, in the terms of [`settlement::dispute`].

use settlement::dispute::{self, Act, Awaited};
use settlement::game_file::StakedGame;
use settlement::signed::SignedOffer;

use crate::chain::{Chain, Life, Pending};
use crate::rpc::{ChainError, Receipt};

impl Chain {
    /// What the contract holds of a game.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives nothing.
    pub async fn look(&self, offer: &SignedOffer) -> Result<dispute::OnChain, ChainError> {
        let game_id = offer.game_id();
        let status = self.status(&game_id).await?;
        let (_, now) = self.rpc().latest_block().await?;
        let life = match status.life {
            Life::None => dispute::Life::Unopened,
            Life::Open => dispute::Life::Open { nonce: status.nonce },
            Life::Final => dispute::Life::Final { outcome: self.outcome(&game_id).await? },
        };
        let on_chain = match status.life {
            Life::Open if status.disputed => self.state_on_chain(&game_id).await?,
            _ => None,
        };
        let awaited = match status.pending {
            Pending::Nothing => None,
            Pending::Move => Some(Awaited::Move),
            Pending::End(outcome) => Some(Awaited::End(outcome)),
        };
        let (by, deadline) = (status.presented_by, status.deadline);
        Ok(dispute::OnChain {
            life,
            now,
            pending: awaited.map(|awaited| dispute::Pending { by, awaited, deadline }),
            turn: status.turn,
            state: on_chain.map(|on_chain| on_chain.state),
            seed_element: on_chain.and_then(|on_chain| on_chain.seed_element),
        })
    }

    /// Sends a transaction of a game. `proof`: of the operator's own move in it ([`Act::own_move`]).
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if the contract does not take it.
    pub async fn act(
        &self,
        game: &StakedGame,
        act: &Act,
        proof: Option<&[u8]>,
    ) -> Result<Receipt, ChainError> {
        let offer = game.offer();
        let proof = proof.unwrap_or_default().to_vec();
        match act {
            Act::Settle { outcome, player, operator } => {
                self.settle(offer, *outcome, player.as_ref(), operator.as_ref()).await
            }
            Act::Challenge(presented) => self.challenge(offer, presented, proof).await,
            Act::ClaimEnd { presentation, claim } => self.claim_end(game, presentation, proof, *claim).await,
            Act::Respond(answer) => {
                self.respond(offer, &answer.base, answer.move_word, answer.seed_element, proof).await
            }
            Act::Refute(later) => self.refute(offer, later).await,
            Act::ClaimTimeout => self.claim_timeout(offer).await,
        }
    }
}
