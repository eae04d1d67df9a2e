//! Games for stakes (docs/settlement.md): the operator's key, what it offers, and the chain as the server sees it. The rest of the server
//! knows no more of a chain than the trait here; `settle`'s library is behind it with the feature `chain`.

use futures_util::future::BoxFuture;
use protocol::{ErrorCode, GameId, StakesWish};
use settlement::{
    dispute::{Act, OnChain},
    game_file::StakedGame,
    signature::{Address, Key},
    signed::SignedOffer,
    typed_data::{Domain, Offer},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

use crate::outbound::Refusal;

/// A chain with a contract `Settlement`, and an account on it that sends transactions.
pub trait Chain: Send + Sync + 'static {
    /// Chain and contract that signatures are for.
    fn domain(&self) -> Domain;

    /// What an account has in the contract and may stake, in wei, and the time of the last block, in seconds since 1970.
    fn account(&self, account: Address) -> BoxFuture<'_, Result<Account, ChainError>>;

    /// What the contract holds of a game.
    fn look<'a>(&'a self, offer: &'a SignedOffer) -> BoxFuture<'a, Result<OnChain, ChainError>>;

    /// Sends a transaction and waits until it is in a block. `proof` is of the side's own move in it.
    fn act<'a>(
        &'a self,
        game: &'a StakedGame,
        act: &'a Act,
        proof: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<(), ChainError>>;
}

/// What the contract holds of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Wei that no game holds.
    pub balance: u128,
    /// Time of the last block, in seconds since 1970.
    pub now: u64,
}

/// Why the chain gave no answer or took no transaction, for a person to read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChainError(pub String);

/// What a server needs to play for stakes.
#[derive(Clone)]
pub struct Stakes {
    /// The operator's key.
    pub key: Arc<Key>,
    /// The chain, where transactions come from the same account.
    pub chain: Arc<dyn Chain>,
    /// What is offered.
    pub limits: StakesLimits,
}

/// What an operator offers, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakesLimits {
    /// Highest stake of one game, in wei.
    pub max_stake: u128,
    /// What each side adds to its stake, in wei; has to cover the gas of a proof on chain.
    pub bond: u128,
    /// Time to answer on chain, in seconds; the contract takes 60 to 30 days.
    pub response_seconds: u32,
    /// Time in which an offer can be taken, in seconds.
    pub offer_seconds: u32,
    /// Offers that nobody has taken yet, at a time.
    pub max_offers: usize,
    /// The same for one player.
    pub max_offers_per_player: usize,
    /// Pause between two looks at the chain.
    pub poll: Duration,
    /// A player who is to move, or to sign a result, and does nothing for this long is challenged on chain.
    pub patience: Duration,
}

impl Default for StakesLimits {
    fn default() -> Self {
        const ETHER: u128 = 1_000_000_000_000_000_000;
        Self {
            max_stake: ETHER,
            bond: ETHER / 50,
            response_seconds: 30 * 60,
            offer_seconds: 10 * 60,
            max_offers: 64,
            max_offers_per_player: 4,
            poll: Duration::from_secs(4),
            patience: Duration::from_secs(60 * 60),
        }
    }
}

/// The stakes of a running server.
pub(crate) struct Operator {
    pub(crate) stakes: Stakes,
    pub(crate) domain: Domain,
    /// Wakes the watch over the chain before its next look is due.
    pub(crate) wake: Notify,
    offers: Mutex<Offers>,
}

/// The offers that nobody has taken yet: who may, and until when.
#[derive(Default)]
pub(crate) struct Offers(HashMap<GameId, (Address, u64)>);

impl Offers {
    /// An offer waits for its player until it expires.
    pub(crate) fn wait(&mut self, game_id: GameId, offer: &Offer) {
        self.0.insert(game_id, (offer.player, offer.expiry));
    }

    /// An offer waits no more.
    pub(crate) fn taken(&mut self, game_id: GameId) {
        self.0.remove(&game_id);
    }

    /// Whether one more may be made to a player at a time, in seconds since 1970.
    fn check_room(&mut self, player: Address, now: u64, limits: &StakesLimits) -> Result<(), Refusal> {
        self.0.retain(|_, (_, expiry)| *expiry >= now);
        let refuse = |message| Err(Refusal::new(ErrorCode::Busy, message));
        if self.0.values().filter(|(of, _)| *of == player).count() >= limits.max_offers_per_player {
            return refuse("this player has offers that are not taken; take one, or wait until they expire");
        }
        if self.0.len() >= limits.max_offers {
            return refuse("too many offers wait for their players; try again in a few minutes");
        }
        Ok(())
    }
}

impl Operator {
    pub(crate) fn new(stakes: Stakes) -> Self {
        let domain = stakes.chain.domain();
        Self { stakes, domain, wake: Notify::new(), offers: Mutex::default() }
    }

    /// The offers that wait; a poisoned lock guards nothing but the table, which is whole.
    pub(crate) fn offers(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this server can go on with a game.
    pub(crate) fn knows(&self, offer: &SignedOffer) -> bool {
        offer.domain == self.domain && offer.offer.operator == self.stakes.key.address()
    }

    /// The offer that answers a wish, from now on among those that wait.
    pub(crate) async fn offer(
        &self,
        wish: &StakesWish,
        level: u8,
        player_is_white: bool,
        model_digest: [u8; 32],
        seed_head: [u8; 32],
    ) -> Result<SignedOffer, Refusal> {
        let refuse = |message: String| Refusal::new(ErrorCode::NoStakes, message);
        let Stakes { key, chain, limits } = &self.stakes;
        let domain = Domain { chain_id: wish.chain_id, contract: wish.settlement.0 };
        if domain != self.domain {
            let Domain { chain_id, contract } = self.domain;
            let contract = hex::encode(contract);
            return Err(refuse(format!(
                "this server plays for stakes on chain {chain_id}, contract 0x{contract}"
            )));
        }
        let stake = wish.stake.0;
        if stake > limits.max_stake {
            return Err(refuse(format!("the highest stake here is {} wei", limits.max_stake)));
        }
        let operator = key.address();
        if wish.player.0 == operator {
            return Err(refuse("the operator doesn't play against itself".into()));
        }
        let account = chain.account(operator).await.map_err(|error| {
            tracing::warn!("no offer: {error}");
            refuse("this server can't reach its chain at the moment; try again later".into())
        })?;
        if stake.checked_add(limits.bond).is_none_or(|needed| needed > account.balance) {
            return Err(refuse("the operator's deposit doesn't cover this stake".into()));
        }
        let now = account.now.max(crate::clock::unix_ms() / 1_000);
        let offer = Offer {
            operator,
            player: wish.player.0,
            model_digest,
            seed_head,
            player_stake: stake,
            operator_stake: stake,
            bond: limits.bond,
            response_seconds: limits.response_seconds,
            expiry: now + u64::from(limits.offer_seconds),
            level,
            player_is_white,
            salt: rand::random(),
        };
        let signed = SignedOffer::sign(self.domain, offer, key).map_err(|error| Refusal::internal(&error))?;
        let mut offers = self.offers();
        offers.check_room(signed.offer.player, now, limits)?;
        offers.wait(GameId(signed.game_id()), &signed.offer);
        Ok(signed)
    }
}
