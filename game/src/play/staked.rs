//! A game for (test) stakes on the board (`docs/settlement.md`): what the chain's thread says of it.

use super::{
    game::{Badge, Game},
    state::{Effect, Notice, PlayState, Wish},
};
use protocol::{
    ClientMessage, EndReason, GameId, GameRecord, GameTerms, Hex32, Outcome, SettledOutcome, Side,
    SideChoice, StakesWish, Wei,
    shakmaty::{Color, Position},
};
use std::collections::BTreeSet;

/// Highest level that is played for stakes: the strongest plays the same moves every time.
pub const HIGHEST_LEVEL: u8 = protocol::STRONGEST_LEVEL - 1;

/// Where and as whom this client plays for stakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Id of the chain.
    pub chain_id: u64,
    /// Address of the contract `Settlement`.
    pub settlement: [u8; 20],
    /// The player's account.
    pub player: [u8; 20],
    /// What the account holds itself, in wei.
    pub held: u128,
    /// What it can withdraw from the contract, in wei.
    pub withdrawable: u128,
}

/// What a game for stakes has beside the moves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staked {
    /// What each side put in, in wei, without the bond.
    pub stake: u128,
    /// What each side added to it, in wei.
    pub bond: u128,
    /// The server and this client have both seen it open on chain.
    pub opened: bool,
    /// Moves of the game's file, each with its mover's signature stored.
    pub recorded: usize,
    /// How it ended on chain; `Some(None)` if nobody took the offer.
    pub settled: Option<Option<SettledOutcome>>,
    /// What is pending on chain: whether the server put it there, and the last time to answer in seconds since 1970.
    pub pending: Option<(bool, u64)>,
    /// The last thing that did not work.
    pub trouble: Option<String>,
    /// Moves of the network that the contract has checked.
    pub on_chain: BTreeSet<u32>,
}

/// What the chain's thread has to tell.
#[derive(bevy::prelude::Message, Clone, Debug, PartialEq)]
pub enum StakesEvent {
    /// What the account and the contract hold for the player, in wei.
    Money {
        /// The account itself.
        held: u128,
        /// In the contract.
        withdrawable: u128,
    },
    /// The offer was not taken: nothing was sent.
    Refused {
        /// The game.
        game: GameId,
        /// Why.
        reason: String,
    },
    /// What is in the game's file and on chain now.
    Stands {
        /// The game.
        game: GameId,
        /// Moves in the file.
        recorded: usize,
        /// As [`Staked::stake`].
        stake: u128,
        /// As [`Staked::bond`].
        bond: u128,
        /// As [`Staked::pending`].
        pending: Option<(bool, u64)>,
    },
    /// The network's move, which the contract has checked.
    Moved {
        /// The game.
        game: GameId,
        /// Half-moves before it.
        ply: u32,
        /// The move.
        uci: String,
        /// Its seed's element.
        element: Option<Hex32>,
    },
    /// The game is over on chain.
    Final {
        /// The game.
        game: GameId,
        /// How.
        outcome: Option<SettledOutcome>,
    },
    /// Something did not work.
    Trouble {
        /// What.
        reason: String,
    },
}

impl Game {
    /// Moves of the network that neither this client nor the contract has checked yet.
    pub(super) fn unchecked(&self) -> usize {
        let on_chain = self.stakes.as_ref().map(|stakes| &stakes.on_chain);
        self.badges
            .iter()
            .filter(|(ply, badge)| {
                !matches!(badge, Badge::Verified { .. }) && !on_chain.is_some_and(|plies| plies.contains(ply))
            })
            .count()
    }

    /// Whether every move of the network is checked.
    #[must_use]
    pub fn is_all_checked(&self) -> bool {
        self.unchecked() == 0
    }

    /// Whether nothing may be played yet because the game is not open on chain.
    pub(super) fn is_opening(&self) -> bool {
        self.stakes.as_ref().is_some_and(|stakes| !stakes.opened)
    }
}

impl PlayState {
    /// Asks for a game for stakes.
    pub fn new_staked_game(&mut self, side: SideChoice, level: u8, stake: u128) -> Vec<Effect> {
        let Some(table) = self.table else { return Vec::new() };
        let stakes = StakesWish {
            chain_id: table.chain_id,
            settlement: protocol::HexBytes(table.settlement),
            player: protocol::HexBytes(table.player),
            stake: Wei(stake),
        };
        let terms = GameTerms { time_control: None, rated: true, level: level.clamp(1, HIGHEST_LEVEL) };
        let wish = Wish { side, start_fen: None, terms, stakes: Some(stakes) };
        self.ask(wish)
    }

    /// The stake that a rematch would be for: that of the game on the board, if this client can still play for one.
    #[must_use]
    pub fn rematch_stake(&self) -> Option<u128> {
        self.table?;
        self.game.as_ref()?.stakes.as_ref().map(|stakes| stakes.stake)
    }

    /// Asks for another game on the terms of this one, with the other side.
    pub fn rematch(&mut self) -> Vec<Effect> {
        let (side, terms) = match &self.game {
            Some(game) if game.human == Color::White => (SideChoice::Black, game.terms),
            Some(game) => (SideChoice::White, game.terms),
            None => (SideChoice::Random, GameTerms::default()),
        };
        match self.rematch_stake() {
            Some(stake) => self.new_staked_game(side, terms.level, stake),
            None => self.new_game(side, terms),
        }
    }

    /// Takes in what the chain's thread says.
    pub fn hear_of_stakes(&mut self, event: &StakesEvent, now_s: f64) -> Vec<Effect> {
        match event {
            StakesEvent::Money { held, withdrawable } => {
                if let Some(table) = &mut self.table {
                    (table.held, table.withdrawable) = (*held, *withdrawable);
                }
                Vec::new()
            }
            StakesEvent::Refused { game, reason } => {
                if self.game.as_ref().is_some_and(|own| own.id == *game) {
                    self.game = None;
                }
                vec![
                    Effect::OfferRefused,
                    Effect::Notice(Notice::With("notice-offer-refused", reason.clone())),
                ]
            }
            StakesEvent::Stands { game, recorded, stake, bond, pending } => {
                if let Some(stakes) = self.stakes_of(*game) {
                    (stakes.stake, stakes.bond) = (*stake, *bond);
                    (stakes.recorded, stakes.pending) = (*recorded, *pending);
                    stakes.trouble = None;
                }
                Vec::new()
            }
            StakesEvent::Moved { game, ply, uci, element } => {
                if let Some(own) = self.game.as_mut().filter(|own| own.id == *game) {
                    // What was played here instead is not what the contract has checked.
                    let other = own.move_at(*ply).is_some_and(|mv| GameRecord::uci(mv) != *uci);
                    if let Some(stakes) = own.stakes.as_mut().filter(|_| !other) {
                        stakes.on_chain.insert(*ply);
                    }
                }
                self.bot_move(*game, *ply, uci, *element, now_s)
            }
            StakesEvent::Final { game, outcome } => {
                let Some(stakes) = self.stakes_of(*game) else { return Vec::new() };
                (stakes.settled, stakes.pending) = (Some(*outcome), None);
                let Some(own) = self.game.as_ref() else { return Vec::new() };
                let winner = match outcome {
                    Some(SettledOutcome::PlayerWins) => Some(own.human_side()),
                    Some(SettledOutcome::OperatorWins) => Some(Side::from(own.human.other())),
                    Some(SettledOutcome::Draw) | None => None,
                };
                // How the game ended on the board is said first, where it has ended there.
                let on_board = Outcome::of(&own.record);
                let resigned = own.resigning && *outcome == Some(SettledOutcome::OperatorWins);
                let reason = if resigned { EndReason::Resignation } else { EndReason::OnChain };
                let end = on_board.filter(|end| end.winner == winner).unwrap_or(Outcome { winner, reason });
                self.game_over(*game, end, now_s)
            }
            StakesEvent::Trouble { reason } => {
                if let Some(stakes) = self.game.as_mut().and_then(|game| game.stakes.as_mut()) {
                    stakes.trouble = Some(reason.clone());
                }
                vec![Effect::Notice(Notice::With("notice-chain-trouble", reason.clone()))]
            }
        }
    }

    fn stakes_of(&mut self, id: GameId) -> Option<&mut Staked> {
        self.game.as_mut().filter(|game| game.id == id)?.stakes.as_mut()
    }

    /// The server says that it has seen the game open on chain.
    pub(super) fn stakes_opened(&mut self, id: GameId) -> Vec<Effect> {
        if let Some(stakes) = self.stakes_of(id) {
            stakes.opened = true;
        }
        vec![Effect::Moved]
    }

    /// In a game for stakes there is a draw to claim, or none.
    pub(super) fn no_draw_offer(&self) -> bool {
        self.game
            .as_ref()
            .is_some_and(|game| game.stakes.is_some() && protocol::claimable_draw(&game.record).is_none())
    }

    /// Whether the player may turn to the chain: the server has not answered, or does not sign the result.
    #[must_use]
    pub fn may_go_to_chain(&self) -> bool {
        self.game.as_ref().is_some_and(|game| {
            let waits = game.record.position().turn() != game.human || game.is_over() || self.alarm.is_some();
            game.stakes.as_ref().is_some_and(|stakes| stakes.settled.is_none() && stakes.opened && waits)
        })
    }
}

impl Wish {
    pub(super) fn message(&self) -> ClientMessage {
        match self.stakes {
            Some(stakes) => {
                ClientMessage::NewStakedGame { human_side: self.side, level: self.terms.level, stakes }
            }
            None => ClientMessage::NewGame {
                human_side: self.side,
                start_fen: self.start_fen.clone(),
                terms: self.terms,
            },
        }
    }
}
