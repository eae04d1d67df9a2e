//! The contract `Settlement` as player and operator use it (docs/settlement.md).

use alloy::eips::BlockId;
use alloy::primitives::aliases::{U40, U80};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::{SolCall, SolEvent, SolEventInterface};
pub use settlement::dispute::Claim;
use settlement::game_file::{Presentation, StakedGame};
use settlement::position::PositionWords;
use settlement::signature::Signature;
use settlement::signed::{SignedOffer, SignedState};
use settlement::typed_data::{Domain, Hash, Offer, Outcome, Side, State, repetition_keys};

use crate::account::Account;
use crate::bindings::settlement::Settlement as abi;
use crate::rpc::{ChainError, Receipt, Rpc};

/// A settlement contract, as one account sees it.
#[derive(Clone, Debug)]
pub struct Chain {
    rpc: Rpc,
    contract: Address,
    rules: Address,
    router: Address,
    account: Option<Account>,
}

/// Life of a game on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Nobody took the offer.
    None,
    /// It is being played.
    Open,
    /// It is over.
    Final,
}

/// What the side that did not present the state on chain is up against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pending {
    /// Nothing.
    Nothing,
    /// It has to move.
    Move,
    /// It can only show a later state, or else the game ends like this.
    End(Outcome),
}

/// What the contract knows of a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameStatus {
    /// Its life.
    pub life: Life,
    /// The player's part of every seed.
    pub nonce: [u8; 16],
    /// What is pending.
    pub pending: Pending,
    /// Last time to answer it, in seconds since 1970; 0 if nothing is pending.
    pub deadline: u64,
    /// Who presented it.
    pub presented_by: Side,
    /// Ply of the last state on chain.
    pub turn: u32,
    /// Whether it went to dispute.
    pub disputed: bool,
    /// Whether the player, the operator has lost its bond to a refutation.
    pub bond_lost: [bool; 2],
}

/// The last state of a game on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// The state.
    pub state: State,
    /// The operator's seed element, if it got there by an answer of the operator's.
    pub seed_element: Option<Hash>,
}

/// Something that happened to a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The game.
    pub game_id: Hash,
    /// Number of the block.
    pub block: u64,
    /// What.
    pub kind: EventKind,
}

/// What happened to a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The player took the offer.
    Opened {
        /// Whose offer.
        operator: Address,
        /// Who took it.
        player: Address,
        /// The player's part of every seed.
        nonce: [u8; 16],
    },
    /// The operator took its offer back.
    Revoked,
    /// A side challenged the other, or claimed an end.
    Presented {
        /// The state on chain now.
        state: State,
        /// What the other side is up against.
        pending: Pending,
        /// Who presented it.
        by: Side,
        /// Last time to answer, in seconds since 1970.
        deadline: u64,
    },
    /// The challenged side moved.
    Answered {
        /// The state on chain now.
        state: State,
        /// The move ([`settlement::position::move_word`]).
        move_word: u16,
        /// The operator's seed element; zeros if the player moved.
        seed_element: Hash,
    },
    /// What was pending is thrown out.
    Refuted {
        /// Ply of the state that threw it out.
        ply: u32,
        /// Whose it was.
        of: Side,
    },
    /// The game is over.
    Finished(Outcome),
}

fn side(player: bool) -> Side {
    if player { Side::Player } else { Side::Operator }
}

fn outcome(number: u8) -> Option<Outcome> {
    [Outcome::PlayerWins, Outcome::OperatorWins, Outcome::Draw].get(usize::from(number)).copied()
}

fn pending(number: u8) -> Option<Pending> {
    match number {
        0 => Some(Pending::Nothing),
        1 => Some(Pending::Move),
        _ => outcome(number - 2).map(Pending::End),
    }
}

fn offer_words(offer: &Offer) -> abi::Offer {
    abi::Offer {
        operator: offer.operator.into(),
        player: offer.player.into(),
        modelDigest: offer.model_digest.into(),
        seedHead: offer.seed_head.into(),
        playerStake: offer.player_stake,
        operatorStake: offer.operator_stake,
        bond: offer.bond,
        responseSeconds: offer.response_seconds,
        expiry: U40::saturating_from(offer.expiry),
        level: offer.level,
        playerIsWhite: offer.player_is_white,
        salt: offer.salt.into(),
    }
}

fn state_words(state: &State) -> abi::State {
    abi::State {
        gameId: state.game_id.into(),
        board: U256::from_be_bytes(state.position.board),
        meta: U80::from_be_bytes(state.position.meta),
        history: state.history.into(),
    }
}

fn state_of(words: &abi::State) -> State {
    State {
        game_id: words.gameId.0,
        position: PositionWords { board: words.board.to_be_bytes(), meta: words.meta.to_be_bytes() },
        history: words.history.0,
    }
}

fn bytes_of(signature: Option<&Signature>) -> Bytes {
    signature.map_or_else(Bytes::new, |signature| Bytes::copy_from_slice(signature))
}

fn evidence(seed_element: Option<Hash>, proof: Vec<u8>) -> abi::Evidence {
    abi::Evidence { seedElement: seed_element.unwrap_or_default().into(), proof: proof.into() }
}

fn event_of(log: &Log) -> Option<Event> {
    use abi::SettlementEvents as E;
    let decoded = abi::SettlementEvents::decode_log(&log.inner).ok()?.data;
    let (game_id, kind) = match decoded {
        E::Opened(e) => {
            let kind =
                EventKind::Opened { operator: e.operator, player: e.player, nonce: e.nonce.to_be_bytes() };
            (e.gameId, kind)
        }
        E::Revoked(e) => (e.gameId, EventKind::Revoked),
        E::Presented(e) => {
            let kind = EventKind::Presented {
                state: state_of(&e.state),
                pending: pending(e.pending)?,
                by: side(e.byPlayer),
                deadline: e.deadline.to(),
            };
            (e.gameId, kind)
        }
        E::Answered(e) => {
            let kind = EventKind::Answered {
                state: state_of(&e.state),
                move_word: e.r#move,
                seed_element: e.seedElement.0,
            };
            (e.gameId, kind)
        }
        E::Refuted(e) => (e.gameId, EventKind::Refuted { ply: e.ply.saturating_to(), of: side(e.byPlayer) }),
        E::Finished(e) => (e.gameId, EventKind::Finished(outcome(e.outcome)?)),
        E::Deposited(_) | E::Withdrawn(_) => return None,
    };
    Some(Event { game_id: game_id.0, block: log.block_number.unwrap_or_default(), kind })
}

impl Chain {
    /// Finds a settlement contract on a node's chain. Without an account it can only be looked at.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if there is no such contract there.
    pub async fn connect(rpc: Rpc, contract: Address, account: Option<Account>) -> Result<Self, ChainError> {
        rpc.require_contract("settlement contract", contract).await?;
        let mut chain = Self { rpc, contract, rules: Address::ZERO, router: Address::ZERO, account };
        chain.rules = chain.read(abi::rulesCall {}).await?;
        chain.router = chain.read(abi::routerCall {}).await?;
        Ok(chain)
    }

    /// The node.
    #[must_use]
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// What offers, states and results are signed for.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.rpc.chain_id(), contract: self.contract.into_array() }
    }

    /// The router that has proofs verified.
    #[must_use]
    pub fn router(&self) -> Address {
        self.router
    }

    /// The contract `Settlement`.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.contract
    }

    /// The rules of chess.
    #[must_use]
    pub fn rules(&self) -> Address {
        self.rules
    }

    /// The account that signs.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::NoAccount`] if there is none.
    pub fn account(&self) -> Result<&Account, ChainError> {
        self.account.as_ref().ok_or(ChainError::NoAccount)
    }

    async fn read<C: SolCall>(&self, call: C) -> Result<C::Return, ChainError> {
        self.read_at(BlockId::latest(), call).await
    }

    async fn read_at<C: SolCall>(&self, block: BlockId, call: C) -> Result<C::Return, ChainError> {
        let from = self.account.as_ref().map(Account::address);
        let data = self.rpc.call_at(block, from, self.contract, call.abi_encode().into()).await?;
        C::abi_decode_returns(&data).map_err(|_| ChainError::Malformed(self.contract))
    }

    async fn write<C: SolCall>(&self, call: C, value: u128) -> Result<Receipt, ChainError> {
        let data = call.abi_encode().into();
        self.rpc.send(self.account()?, Some(self.contract), U256::from(value), data).await
    }

    /// The offer's words, if it is for this contract.
    fn here(&self, offer: &SignedOffer) -> Result<abi::Offer, ChainError> {
        if offer.domain == self.domain() {
            Ok(offer_words(&offer.offer))
        } else {
            let Domain { chain_id, contract } = offer.domain;
            Err(ChainError::OtherDomain { contract: contract.into(), chain_id })
        }
    }

    // ------------------------------------------------------------ money

    /// Wei that an account can withdraw, or stake as an operator.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives none.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.read(abi::balancesCall { account }).await
    }

    /// Pays into the account's balance in the contract.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if it does not get there.
    pub async fn deposit(&self, wei: u128) -> Result<Receipt, ChainError> {
        self.write(abi::depositCall {}, wei).await
    }

    /// Pays out of the account's balance in the contract.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it holds less.
    pub async fn withdraw(&self, wei: U256, to: Address) -> Result<Receipt, ChainError> {
        self.write(abi::withdrawCall { amount: wei, to }, 0).await
    }

    // ------------------------------------------------------------ beginning and end in peace

    /// Takes an offer, as its player. `nonce`: random, chosen after the offer was seen, and kept before this is called.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the game does not begin.
    pub async fn open(&self, offer: &SignedOffer, nonce: [u8; 16]) -> Result<Receipt, ChainError> {
        let call = abi::openCall {
            offer: self.here(offer)?,
            signature: bytes_of(Some(&offer.signature)),
            nonce: u128::from_be_bytes(nonce),
        };
        let value = offer.offer.player_stake.saturating_add(offer.offer.bond);
        self.write(call, value).await
    }

    /// Takes an offer back, as its operator.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it was taken.
    pub async fn revoke(&self, offer: &SignedOffer) -> Result<Receipt, ChainError> {
        self.write(abi::revokeCall { offer: self.here(offer)? }, 0).await
    }

    /// Ends a game as agreed. Needed: the signature of the loser, of both for a draw; the caller's own is not.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if a signature is missing.
    pub async fn settle(
        &self,
        offer: &SignedOffer,
        outcome: Outcome,
        player: Option<&Signature>,
        operator: Option<&Signature>,
    ) -> Result<Receipt, ChainError> {
        let call = abi::settleCall {
            offer: self.here(offer)?,
            outcome: outcome as u8,
            playerSignature: bytes_of(player),
            operatorSignature: bytes_of(operator),
        };
        self.write(call, 0).await
    }

    // ------------------------------------------------------------ dispute

    /// The bond that a side has to put up anew with its next presentation: none unless it lost its first to a refutation.
    async fn bond_due(&self, offer: &SignedOffer) -> Result<u128, ChainError> {
        let own = offer.offer.side(&self.account()?.address().into_array());
        let status = self.status(&offer.game_id()).await?;
        let lost = own.is_some_and(|own| status.bond_lost[usize::from(own == Side::Operator)]);
        Ok(if lost { offer.offer.bond } else { 0 })
    }

    /// Makes the other side move on chain ([`StakedGame::challenge`]). `proof`: for the operator's move.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if the contract does not take it.
    pub async fn challenge(
        &self,
        offer: &SignedOffer,
        presented: &Presentation,
        proof: Vec<u8>,
    ) -> Result<Receipt, ChainError> {
        let call = abi::challengeCall {
            offer: self.here(offer)?,
            base: state_words(&presented.base),
            signature: bytes_of(presented.signature.as_ref()),
            r#move: presented.move_word,
            evidence: evidence(presented.seed_element, proof),
        };
        let bond = self.bond_due(offer).await?;
        self.write(call, bond).await
    }

    /// Answers a challenge with a move from the state on chain. The operator adds its seed element and proof.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if the move is not legal, not proven, or too late.
    pub async fn respond(
        &self,
        offer: &SignedOffer,
        on_chain: &State,
        move_word: u16,
        seed_element: Option<Hash>,
        proof: Vec<u8>,
    ) -> Result<Receipt, ChainError> {
        let call = abi::respondCall {
            offer: self.here(offer)?,
            state: state_words(on_chain),
            r#move: move_word,
            evidence: evidence(seed_element, proof),
        };
        self.write(call, 0).await
    }

    /// Throws out what is pending with a later state that its presenter has signed. Anyone may.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it is not later.
    pub async fn refute(&self, offer: &SignedOffer, later: &SignedState) -> Result<Receipt, ChainError> {
        let call = abi::refuteCall {
            offer: self.here(offer)?,
            state: state_words(&later.state),
            signature: bytes_of(Some(&later.signature)),
        };
        self.write(call, 0).await
    }

    /// Claims that the game is over at the end of `game` ([`StakedGame::claim`]).
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it is not.
    pub async fn claim_end(
        &self,
        game: &StakedGame,
        presented: &Presentation,
        proof: Vec<u8>,
        claim: Claim,
    ) -> Result<Receipt, ChainError> {
        let offer = game.offer();
        let positions = match claim {
            Claim::Threefold => repetition_keys(game.record()).into_iter().map(B256::from).collect(),
            _ => Vec::new(),
        };
        let call = abi::claimEndCall {
            offer: self.here(offer)?,
            base: state_words(&presented.base),
            signature: bytes_of(presented.signature.as_ref()),
            r#move: presented.move_word,
            evidence: evidence(presented.seed_element, proof),
            claim: claim as u8,
            positions,
        };
        let bond = self.bond_due(offer).await?;
        self.write(call, bond).await
    }

    /// Ends a game whose pending challenge or claim nobody answered in time. Anyone may.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if there is still time.
    pub async fn claim_timeout(&self, offer: &SignedOffer) -> Result<Receipt, ChainError> {
        self.write(abi::claimTimeoutCall { offer: self.here(offer)? }, 0).await
    }

    /// Gives both sides their stakes back after the model's verifier was stopped.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Rejected`] if it works.
    pub async fn refund_stopped(&self, offer: &SignedOffer) -> Result<Receipt, ChainError> {
        self.write(abi::refundStoppedCall { offer: self.here(offer)? }, 0).await
    }

    // ------------------------------------------------------------ looking

    /// What the contract knows of a game.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives nothing.
    pub async fn status(&self, game_id: &Hash) -> Result<GameStatus, ChainError> {
        self.status_at(BlockId::latest(), game_id).await
    }

    pub(crate) async fn status_at(&self, block: BlockId, game_id: &Hash) -> Result<GameStatus, ChainError> {
        let game = self.read_at(block, abi::gamesCall { gameId: game_id.into() }).await?;
        let malformed = || ChainError::Malformed(self.contract);
        let life = [Life::None, Life::Open, Life::Final].get(usize::from(game.status)).copied();
        Ok(GameStatus {
            life: life.ok_or_else(malformed)?,
            nonce: game.nonce.to_be_bytes(),
            pending: pending(game.pending).ok_or_else(malformed)?,
            deadline: game.deadline.to(),
            presented_by: side(game.presentedByPlayer),
            turn: game.turn.into(),
            disputed: game.disputed,
            bond_lost: [game.playerBondLost, game.operatorBondLost],
        })
    }

    fn events_of(&self, game_id: &Hash) -> Filter {
        Filter::new().address(self.contract).topic1(B256::from(*game_id))
    }

    /// The state of a game that is on chain, from the log of whoever put it there.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError::Malformed`] if the log does not hold what the contract has.
    pub async fn state_on_chain(&self, game_id: &Hash) -> Result<Option<OnChain>, ChainError> {
        let (block, _) = self.rpc.latest_block().await?;
        self.state_at(block, game_id).await
    }

    /// The contract's hash and the log as of one block: a transaction between two looks would have them differ.
    pub(crate) async fn state_at(&self, block: u64, game_id: &Hash) -> Result<Option<OnChain>, ChainError> {
        let hash = self.read_at(block.into(), abi::stateOnChainCall { gameId: game_id.into() }).await?;
        if hash.is_zero() {
            return Ok(None);
        }
        let signatures = vec![abi::Presented::SIGNATURE_HASH, abi::Answered::SIGNATURE_HASH];
        let log = self.rpc.last_log(&self.events_of(game_id).event_signature(signatures), block).await?;
        let on_chain = log.as_ref().and_then(event_of).and_then(|event| match event.kind {
            EventKind::Presented { state, .. } => Some(OnChain { state, seed_element: None }),
            EventKind::Answered { state, seed_element, .. } => Some(OnChain {
                state,
                seed_element: Some(seed_element).filter(|element| *element != [0; 32]),
            }),
            _ => None,
        });
        match on_chain {
            Some(on_chain) if on_chain.state.hash() == hash.0 => Ok(Some(on_chain)),
            _ => Err(ChainError::Malformed(self.contract)),
        }
    }

    /// How a game ended, if it did: `None` for one that was revoked.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives no logs.
    pub async fn outcome(&self, game_id: &Hash) -> Result<Option<Outcome>, ChainError> {
        let (block, _) = self.rpc.latest_block().await?;
        self.outcome_at(block, game_id).await
    }

    pub(crate) async fn outcome_at(&self, block: u64, game_id: &Hash) -> Result<Option<Outcome>, ChainError> {
        let filter = self.events_of(game_id).event_signature(abi::Finished::SIGNATURE_HASH);
        Ok(self.rpc.last_log(&filter, block).await?.as_ref().and_then(event_of).and_then(|event| match event
            .kind
        {
            EventKind::Finished(outcome) => Some(outcome),
            _ => None,
        }))
    }

    /// What happened to all games from a block on, oldest first, and the block to go on from: kept, it survives a restart.
    ///
    /// # Errors
    ///
    /// Returns [`ChainError`] if the node gives no logs.
    pub async fn events(&self, from_block: u64) -> Result<(Vec<Event>, u64), ChainError> {
        let (logs, next) = self.rpc.logs(&Filter::new().address(self.contract), from_block).await?;
        Ok((logs.iter().filter_map(event_of).collect(), next))
    }
}
