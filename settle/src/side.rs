//! What a side of a game sees and does on chain, in the terms of [`settlement::dispute`].

use std::time::Duration;

use settlement::dispute::{self, Act, Awaited};
use settlement::game_file::StakedGame;
use settlement::signed::SignedOffer;

use crate::chain::{Chain, Life, Pending};
use crate::rpc::{ChainError, Receipt};

/// Looks at a node that takes in a block meanwhile, before what it says counts as wrong.
const LOOKS: u32 = 10;

/// Pause between them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Chain {
    /// What the contract holds of a game after the latest block.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives nothing.
    pub async fn look(&self, offer: &SignedOffer) -> Result<dispute::OnChain, ChainError> {
        let mut tries = 1;
        loop {
            let latest = self.rpc().latest_block().await?;
            match self.look_at(offer, latest).await {
                Err(ChainError::Malformed(_)) if tries < LOOKS => tries += 1,
                seen => return seen,
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// What the contract held of a game after a block, given by its number and its time in seconds since 1970. All of it is of that one block:
    /// transactions come at any moment, and parts of two blocks make a state that there never was.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Malformed`] if the parts don't fit together, as a node may answer that takes in a block meanwhile; another variant if
    /// the node gives nothing.
    pub async fn look_at(
        &self,
        offer: &SignedOffer,
        (block, now): (u64, u64),
    ) -> Result<dispute::OnChain, ChainError> {
        let game_id = offer.game_id();
        let status = self.status_at(block.into(), &game_id).await?;
        let life = match status.life {
            Life::None => dispute::Life::Unopened,
            Life::Open => dispute::Life::Open { nonce: status.nonce },
            Life::Final => dispute::Life::Final { outcome: self.outcome_at(block, &game_id).await? },
        };
        let on_chain = match status.life {
            Life::Open if status.disputed => self.state_at(block, &game_id).await?,
            _ => None,
        };
        let awaited = match status.pending {
            Pending::Nothing => None,
            Pending::Move => Some(Awaited::Move),
            Pending::End(outcome) => Some(Awaited::End(outcome)),
        };
        let fits = on_chain.as_ref().is_none_or(|on_chain| on_chain.state.position.ply() == status.turn);
        if !fits || self.status_at(block.into(), &game_id).await? != status {
            return Err(ChainError::Malformed(self.contract()));
        }
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
