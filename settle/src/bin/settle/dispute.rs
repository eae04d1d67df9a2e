//! `settle challenge`, `respond`, `refute`, `claim`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use settle::Chain;
use settle::chain::{Claim as ChainClaim, OnChain, Pending};
use settlement::game_file::{GameFileError, StakedGame};
use settlement::signed::SignedState;
use settlement::typed_data::Side;

use crate::arguments::{Evidence, Seat, side_of};
use crate::output::{Failure, Outcome, emit_receipt, misuse, read_json, rejected, write_json};

#[derive(Args)]
pub struct Challenge {
    #[command(flatten)]
    seat: Seat,
    /// The own move, if it is the own turn; it is added to the file
    #[arg(long = "move", value_name = "UCI")]
    mv: Option<String>,
    #[command(flatten)]
    evidence: Evidence,
}

#[derive(Args)]
pub struct Respond {
    #[command(flatten)]
    seat: Seat,
    /// The own move, if the file does not have it yet; the operator's is the network's if --model is given. It is added to the file
    #[arg(long = "move", value_name = "UCI")]
    mv: Option<String>,
    #[command(flatten)]
    evidence: Evidence,
}

#[derive(Args)]
pub struct Refute {
    #[command(flatten)]
    seat: Seat,
    /// A later state that the presenter has signed, if the file does not have it (docs/settlement.md, "Files")
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

#[derive(Args)]
pub struct Claim {
    #[command(flatten)]
    seat: Seat,
    /// Why the game is over
    #[arg(long, value_enum, value_name = "REASON")]
    reason: Reason,
    #[command(flatten)]
    evidence: Evidence,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reason {
    /// The other side has not answered in time
    Timeout,
    /// Mate, stalemate, bare material, seventy-five moves, or the greatest length
    Rules,
    /// The position stands for the third time
    Threefold,
    /// Fifty moves of each side without capture or pawn move
    FiftyMoves,
    /// The claimant has not moved yet
    NotStarted,
    /// The model's verifier was stopped
    Stopped,
}

/// What a dispute needs: the contract, the game as the chain has it, the own side.
struct Table {
    chain: Chain,
    game: StakedGame,
    own: Side,
    on_chain: Option<OnChain>,
}

impl Table {
    async fn new(seat: &Seat) -> Outcome<Self> {
        let (game, account) = seat.game_and_account()?;
        let own = side_of(&game, &account)?;
        let chain = seat.chain(&game, account).await?;
        let on_chain = chain.state_on_chain(&game.offer().game_id()).await?;
        let game = match &on_chain {
            // A state that a longer game has passed stays where it is in it.
            Some(on_chain) => game.follow(&on_chain.state, on_chain.seed_element).map_err(misuse)?,
            None => game,
        };
        Ok(Self { chain, game, own, on_chain })
    }

    /// The proof that goes along with what this side presents.
    fn proof(&self, evidence: &Evidence, move_word: u16) -> Outcome<Vec<u8>> {
        if self.own == Side::Operator && move_word != 0 { evidence.proof(&self.game) } else { Ok(Vec::new()) }
    }
}

fn not_a_move(error: GameFileError) -> Failure {
    match error {
        GameFileError::Record(error) => rejected(error),
        error @ GameFileError::SeedElement { .. } => rejected(error),
        error => misuse(error),
    }
}

impl Challenge {
    pub async fn run(self) -> Outcome {
        let mut table = Table::new(&self.seat).await?;
        if let Some(uci) = &self.mv {
            table.game = table.game.with_move(uci, self.evidence.seed_element()).map_err(not_a_move)?;
        }
        let state = table.on_chain.map(|on_chain| on_chain.state);
        let presented = table.game.challenge(table.own, state.as_ref()).map_err(misuse)?;
        let proof = table.proof(&self.evidence, presented.move_word)?;
        let receipt = table.chain.challenge(table.game.offer(), &presented, proof).await?;
        write_json(self.seat.game.path(), table.game.file())?;
        let deadline = table.chain.status(&table.game.offer().game_id()).await?.deadline;
        let what = format!(
            "challenged with half-move {}: the {} has until {deadline} (seconds since 1970) to answer",
            presented.ply,
            table.own.other()
        );
        emit_receipt(self.seat.json, &what, &receipt, json!({ "ply": presented.ply, "deadline": deadline }))
    }
}

impl Respond {
    pub async fn run(self) -> Outcome {
        let table = Table::new(&self.seat).await?;
        let Some(OnChain { state, .. }) = table.on_chain else {
            return Err(rejected("there is no challenge: no state of the game is on chain"));
        };
        let ply = table.game.ply_of(&state).unwrap_or_default();
        let before = table.game.truncated(ply);
        let given = self.evidence.seed_element();
        // A move that was sent already is the one to answer with: two states of one ply would refute each other.
        let (uci, element) = match (table.game.file().moves.get(ply), &self.mv) {
            (Some(sent), Some(uci)) if sent.uci != *uci => {
                return Err(misuse(format!("the file has {} as the answer, not {uci}", sent.uci)));
            }
            (Some(sent), _) => (sent.uci.clone(), sent.seed_element.or(given)),
            (None, Some(uci)) => (uci.clone(), given),
            (None, None) => match (self.evidence.model()?, given) {
                (Some(model), Some(element)) if table.own == Side::Operator => {
                    (settle::proof::networks_move(&model, &before, &element).map_err(misuse)?, given)
                }
                _ => {
                    return Err(misuse(
                        "there is no answer in the file: give --move, or --model and --seed-element",
                    ));
                }
            },
        };
        let game = before.with_move(&uci, element).map_err(not_a_move)?;
        let word = game.record().moves().last().map_or(0, |&mv| settlement::position::move_word(mv));
        let proof = if table.own == Side::Operator { self.evidence.proof(&game)? } else { Vec::new() };
        let receipt = table.chain.respond(game.offer(), &state, word, element, proof).await?;
        if table.game.record().ply() <= ply {
            write_json(self.seat.game.path(), game.file())?;
        }
        emit_receipt(self.seat.json, &format!("answered with {uci}"), &receipt, json!({ "move": uci }))
    }
}

impl Refute {
    pub async fn run(self) -> Outcome {
        let (game, account) = self.seat.game_and_account()?;
        let chain = self.seat.chain(&game, account).await?;
        let status = chain.status(&game.offer().game_id()).await?;
        if status.pending == Pending::Nothing {
            return Err(rejected("nothing is pending that could be refuted"));
        }
        let later = match &self.state {
            Some(path) => read_json::<SignedState>(path)?,
            None => game.latest_signed_by(status.presented_by).ok_or_else(|| {
                rejected(format!("the file has no state that the {} has signed", status.presented_by))
            })?,
        };
        let receipt = chain.refute(game.offer(), &later).await?;
        let ply = later.state.position.ply();
        let what = format!("refuted: the {} has signed half-move {ply}", status.presented_by);
        emit_receipt(self.seat.json, &what, &receipt, json!({ "ply": ply, "of": status.presented_by }))
    }
}

impl Claim {
    pub async fn run(self) -> Outcome {
        let claim = match self.reason {
            Reason::Timeout | Reason::Stopped => return self.without_state().await,
            Reason::Rules => ChainClaim::Rules,
            Reason::Threefold => ChainClaim::Threefold,
            Reason::FiftyMoves => ChainClaim::FiftyMoves,
            Reason::NotStarted => ChainClaim::NotStarted,
        };
        let table = Table::new(&self.seat).await?;
        let state = table.on_chain.map(|on_chain| on_chain.state);
        let presented = table.game.claim(table.own, state.as_ref()).map_err(misuse)?;
        let proof = table.proof(&self.evidence, presented.move_word)?;
        let receipt = table.chain.claim_end(&table.game, &presented, proof, claim).await?;
        let what = match table.chain.outcome(&table.game.offer().game_id()).await? {
            Some(outcome) => format!("the game is over: {}", crate::peace::outcome_text(outcome)),
            None => "claimed: it ends so unless the other side refutes it in time".to_owned(),
        };
        emit_receipt(self.seat.json, &what, &receipt, json!({ "ply": presented.ply }))
    }

    async fn without_state(self) -> Outcome {
        let (game, account) = self.seat.game_and_account()?;
        let chain = self.seat.chain(&game, account).await?;
        let receipt = match self.reason {
            Reason::Stopped => chain.refund_stopped(game.offer()).await?,
            _ => chain.claim_timeout(game.offer()).await?,
        };
        let outcome = chain.outcome(&game.offer().game_id()).await?;
        let what = format!("the game is over: {}", outcome.map_or("revoked", crate::peace::outcome_text));
        emit_receipt(self.seat.json, &what, &receipt, json!({ "outcome": outcome }))
    }
}
