//! `settle open`, `status`, `settle`: games without dispute.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use settle::amount::ether;
use settle::chain::{GameStatus, Life, Pending};
use settlement::game_file::{GameFile, StakedGame};
use settlement::signed::SignedOffer;
use settlement::typed_data::{Outcome as GameOutcome, Side};

use crate::arguments::{Game, KeyFile, Node, Seat, chain_of, hash_text, side_of};
use crate::output::{Outcome, emit_either, emit_receipt, misuse, read_json, rejected, write_json};

#[derive(Args)]
pub struct Open {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    key: KeyFile,
    /// The operator's signed offer (docs/settlement.md, "Files")
    #[arg(long, value_name = "FILE")]
    offer: PathBuf,
    /// The game's file to write, before anything is sent; if it is there already, from an attempt that was cut off, the game is opened with its nonce
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    game: Game,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Settle {
    #[command(flatten)]
    seat: Seat,
    /// How it ended; if not given, what the other side signed. To name the other side's win is to resign
    #[arg(long, value_enum, value_name = "OUTCOME")]
    outcome: Option<Ending>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ending {
    /// The player takes both stakes
    PlayerWins,
    /// The operator takes both stakes
    OperatorWins,
    /// Each takes its own
    Draw,
}

impl From<Ending> for GameOutcome {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::PlayerWins => Self::PlayerWins,
            Ending::OperatorWins => Self::OperatorWins,
            Ending::Draw => Self::Draw,
        }
    }
}

/// An outcome in words.
pub fn outcome_text(outcome: GameOutcome) -> &'static str {
    match outcome {
        GameOutcome::PlayerWins => "the player wins",
        GameOutcome::OperatorWins => "the operator wins",
        GameOutcome::Draw => "a draw",
    }
}

impl Open {
    pub async fn run(self) -> Outcome {
        let offer: SignedOffer = read_json(&self.offer)?;
        offer.check().map_err(|error| misuse(format!("{}: {error}", self.offer.display())))?;
        let account = self.key.account()?;
        if account.address().into_array() != offer.offer.player {
            return Err(misuse(format!("the offer is not for {}", account.address())));
        }
        let file = if self.out.exists() {
            let file: GameFile = read_json(&self.out)?;
            if file.offer != offer || !file.moves.is_empty() {
                return Err(misuse(format!("{} is another game's file", self.out.display())));
            }
            file
        } else {
            GameFile { offer, nonce: rand::random(), moves: Vec::new(), results: Vec::new() }
        };
        write_json(&self.out, &file)?;
        let game = file.check().map_err(misuse)?;
        let chain = chain_of(&self.node, &game, Some(account)).await?;
        let id = game.offer().game_id();
        let receipt = chain.open(game.offer(), game.file().nonce).await?;
        let what = format!("game {} is open\n{}", hash_text(&id), self.out.display());
        emit_receipt(self.json, &what, &receipt, json!({ "game_id": hash_text(&id) }))
    }
}

impl Status {
    pub async fn run(self) -> Outcome {
        let game = self.game.read()?;
        let chain = chain_of(&self.node, &game, None).await?;
        let id = game.offer().game_id();
        let status = chain.status(&id).await?;
        let (mut object, mut lines) = describe(&game, &status);
        if status.life == Life::Final {
            let outcome = chain.outcome(&id).await?;
            object["outcome"] = json!(outcome);
            lines += &format!("\n{}", outcome.map_or("it was revoked", outcome_text));
        }
        if status.pending != Pending::Nothing {
            let (_, now) = chain.rpc().latest_block().await?;
            object["seconds_left"] = json!(status.deadline.saturating_sub(now));
            lines += &format!("\n{} s left", status.deadline.saturating_sub(now));
        }
        if let Some(on_chain) = chain.state_on_chain(&id).await? {
            object["on_chain"] = json!(on_chain.state);
            let known = match game.follow(&on_chain.state, on_chain.seed_element) {
                Ok(followed) if followed.record().ply() > game.record().ply() => {
                    let mv = followed.record().uci_moves().pop().unwrap_or_default();
                    object["new_move"] = json!(mv);
                    format!("; its last move, {mv}, is not in the file")
                }
                Ok(_) => String::new(),
                Err(error) => format!("; {error}"),
            };
            lines += &format!("\nstate on chain: half-move {}{known}", on_chain.state.position.ply());
        }
        emit_either(self.json, &object, &lines)
    }
}

fn describe(game: &StakedGame, status: &GameStatus) -> (Value, String) {
    let offer = &game.offer().offer;
    let id = hash_text(&game.offer().game_id());
    let object = json!({
        "game_id": id,
        "life": status.life,
        "pending": status.pending,
        "presented_by": status.presented_by,
        "deadline": status.deadline,
        "turn": status.turn,
        "disputed": status.disputed,
        "plies_in_file": game.record().ply(),
    });
    let wei = |wei: u128| ether(alloy::primitives::U256::from(wei));
    let mut lines = format!(
        "game {id}\n{}; stakes {} (player), {} (operator), bond {}",
        match status.life {
            Life::None => "not begun",
            Life::Open => "open",
            Life::Final => "over",
        },
        wei(offer.player_stake),
        wei(offer.operator_stake),
        wei(offer.bond)
    );
    let other = status.presented_by.other();
    match status.pending {
        Pending::Nothing => {}
        Pending::Move => {
            lines += &format!("\nthe {} challenged: the {other} has to move on chain", status.presented_by);
        }
        Pending::End(outcome) => {
            lines += &format!("\nthe {} claims: {}", status.presented_by, outcome_text(outcome));
        }
    }
    (object, lines)
}

impl Settle {
    pub async fn run(self) -> Outcome {
        let (game, account) = self.seat.game_and_account()?;
        let own = side_of(&game, &account)?;
        let results = &game.file().results;
        let others = results.iter().rev().find(|result| result.by == own.other());
        let outcome = match (self.outcome, others) {
            (Some(outcome), _) => outcome.into(),
            (None, Some(result)) => result.outcome,
            (None, None) => {
                return Err(misuse(format!(
                    "the {} has signed no result in {}: give --outcome to resign, or `settle claim`",
                    own.other(),
                    self.seat.game.path().display()
                )));
            }
        };
        let signature = |side: Side| {
            results
                .iter()
                .find(|result| result.by == side && result.outcome == outcome)
                .map(|result| &result.signature)
        };
        let needs_other = match outcome {
            GameOutcome::PlayerWins => own == Side::Player,
            GameOutcome::OperatorWins => own == Side::Operator,
            GameOutcome::Draw => true,
        };
        if needs_other && signature(own.other()).is_none() {
            return Err(rejected(format!("the {} has not signed that this is how it ended", own.other())));
        }
        let chain = self.seat.chain(&game, account).await?;
        let receipt =
            chain.settle(game.offer(), outcome, signature(Side::Player), signature(Side::Operator)).await?;
        let what = format!("settled: {}", outcome_text(outcome));
        emit_receipt(self.seat.json, &what, &receipt, json!({ "outcome": outcome }))
    }
}
