//! The operator's moves: which one the network plays, and what has to be proven about it on chain.

use engine_circuit::sampling::{SeedError, SeedRecord, ply_seed};
use engine_circuit::{Level, Seed, Statement, StatementError};
use protocol::shakmaty::Color;
use settlement::game_file::StakedGame;
use settlement::typed_data::{Hash, Side};
use thiserror::Error;

/// Why there is nothing to prove.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The game's last move is not the operator's.
    #[error("the game does not end with a move of the operator")]
    NotTheOperators,
    /// Its seed element is unknown.
    #[error("the seed element of the operator's move is missing")]
    NoSeedElement,
    /// The offer names a level that there is not.
    #[error("the offer names level {0}, which there is not")]
    Level(u8),
    /// The position has no move.
    #[error("the game is over: there is no move")]
    NoMove,
    /// The move makes no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The seed elements are not those of the operator's chain.
    #[error(transparent)]
    Seeds(#[from] SeedError),
    /// There is no proof of it.
    #[cfg(feature = "prover")]
    #[error(transparent)]
    Prove(#[from] engine_circuit::ProveError),
    /// The model is another than the offer's.
    #[cfg(feature = "prover")]
    #[error("the offer names model {expected}, this is {actual}")]
    OtherModel {
        /// The offer's, in hexadecimal digits.
        expected: String,
        /// The one at hand.
        actual: String,
    },
}

fn level(game: &StakedGame) -> Result<Level, ProofError> {
    let number = game.offer().offer.level;
    Level::new(number).ok_or(ProofError::Level(number))
}

/// The seed of the operator's next move, from its element.
#[must_use]
pub fn next_seed(game: &StakedGame, seed_element: &Hash) -> Seed {
    ply_seed(&nonce(game), seed_element, game.record().ply() as u32)
}

/// The player's nonce in 32 bytes.
pub(crate) fn nonce(game: &StakedGame) -> [u8; 32] {
    let mut nonce = [0; 32];
    nonce[16..].copy_from_slice(&game.file().nonce);
    nonce
}

/// What the contract has verified of a game's last move, the operator's.
///
/// # Errors
///
/// Returns [`ProofError`] if the last move is not one of the operator's with its seed element.
pub fn statement(game: &StakedGame) -> Result<Statement, ProofError> {
    let (Some(&mv), Some(last)) = (game.record().moves().last(), game.file().moves.last()) else {
        return Err(ProofError::NotTheOperators);
    };
    if game.to_move() != Side::Player {
        return Err(ProofError::NotTheOperators);
    }
    let element = last.seed_element.ok_or(ProofError::NoSeedElement)?;
    let before = game.truncated(game.record().ply() - 1);
    let seed = next_seed(&before, &element);
    let statement = Statement::single(game.offer().game_id(), before.record(), mv)?;
    Ok(statement.at_level(level(game)?, &[seed])?)
}

/// All of the operator's moves in a game, for one proof of them all. The elements of the seed chain are checked.
///
/// # Errors
///
/// Returns [`ProofError`] if the operator has no moves, or the elements are not those of its chain.
pub fn game_statement(game: &StakedGame) -> Result<Statement, ProofError> {
    let side = game.color(Side::Operator);
    let (mut elements, mut plies) = (Vec::new(), Vec::new());
    for (ply, mv) in game.file().moves.iter().enumerate() {
        if Color::from_white(ply % 2 == 0) == side {
            elements.push(mv.seed_element.ok_or(ProofError::NoSeedElement)?);
            plies.push(ply as u32);
        }
    }
    let level = level(game)?;
    let seeds = SeedRecord { level, head: game.offer().offer.seed_head, nonce: nonce(game), elements }
        .seeds(&plies)?;
    let statement = Statement::game(game.offer().game_id(), game.record(), side)?;
    Ok(statement.at_level(level, &seeds)?)
}

/// The network's move in a game's last position, in UCI notation.
///
/// # Errors
///
/// Returns [`ProofError`] if the game is over or the model another.
#[cfg(feature = "prover")]
pub fn networks_move(
    model: &engine_circuit::Model,
    game: &StakedGame,
    seed_element: &Hash,
) -> Result<String, ProofError> {
    check_model(model, game)?;
    let evaluation = engine_circuit::evaluate(model, game.record()).ok_or(ProofError::NoMove)?;
    let mv = evaluation.choose(level(game)?, &next_seed(game, seed_element));
    Ok(protocol::GameRecord::uci(mv))
}

/// Proves a game's last move, the operator's, for the chain. Seconds, and 0.7 GiB for the shipped model.
///
/// # Errors
///
/// Returns [`ProofError::Prove`] if it is not the network's.
#[cfg(feature = "prover")]
pub fn prove(prover: &engine_circuit::Prover, game: &StakedGame) -> Result<Vec<u8>, ProofError> {
    check_model(prover.model(), game)?;
    Ok(prover.prove_checked(&statement(game)?, engine_circuit::Profile::Chain)?.proof)
}

#[cfg(feature = "prover")]
fn check_model(model: &engine_circuit::Model, game: &StakedGame) -> Result<(), ProofError> {
    let (expected, actual) = (game.offer().offer.model_digest, model.digest());
    if actual.as_bytes() == &expected {
        return Ok(());
    }
    Err(ProofError::OtherModel { expected: hex::encode(expected), actual: actual.to_string() })
}
