//! Moves, results and games as text.

use super::state::{Badge, Game};
use protocol::{
    EndReason, GameRecord, Outcome, Side,
    shakmaty::{Color, san::SanPlus},
};

/// All moves of a record in SAN.
#[must_use]
pub fn san_moves(record: &GameRecord) -> Vec<String> {
    record
        .moves()
        .iter()
        .enumerate()
        .filter_map(|(ply, &mv)| Some(SanPlus::from_move(record.position_at(ply)?.clone(), mv).to_string()))
        .collect()
}

/// The result as PGN writes it.
#[must_use]
pub fn pgn_result(outcome: Option<Outcome>) -> &'static str {
    match outcome.map(|outcome| outcome.winner) {
        None => "*",
        Some(None) => "1/2-1/2",
        Some(Some(Side::White)) => "1-0",
        Some(Some(Side::Black)) => "0-1",
    }
}

/// Why a game ended, in words.
#[must_use]
pub fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Checkmate => "by checkmate",
        EndReason::Stalemate => "by stalemate",
        EndReason::InsufficientMaterial => "by insufficient material",
        EndReason::Threefold => "by threefold repetition",
        EndReason::Fivefold => "by fivefold repetition",
        EndReason::FiftyMoves => "by the fifty-move rule",
        EndReason::SeventyFiveMoves => "by the seventy-five-move rule",
        EndReason::Resignation => "by resignation",
        EndReason::LengthLimit => "by the length limit",
    }
}

/// The result from the player's side.
#[must_use]
pub fn result_for(human: Color, outcome: Outcome) -> &'static str {
    match outcome.winner {
        None => "Draw",
        Some(winner) if Color::from(winner) == human => "You won",
        Some(_) => "The network won",
    }
}

/// A digest cut for people.
#[must_use]
pub fn short_digest(digest: &[u8; 32]) -> String {
    let text = hex::encode(digest);
    format!("{}…{}", &text[..8], &text[60..])
}

/// The badge in words.
#[must_use]
pub fn badge_text(badge: &Badge) -> String {
    match badge {
        Badge::Proving { .. } => "proving…".into(),
        Badge::Checking => "checking…".into(),
        Badge::Verified { verify_ms } if *verify_ms < 9.95 => format!("verified {verify_ms:.1} ms"),
        Badge::Verified { verify_ms } => format!("verified {verify_ms:.0} ms"),
        Badge::Invalid { .. } => "INVALID".into(),
        Badge::NotChecked { .. } => "not checked".into(),
    }
}

/// The tags of the game's PGN.
#[must_use]
pub fn pgn_tags(game: &Game) -> Vec<(String, String)> {
    let (white, black) = match game.human {
        Color::White => ("Player", "Fairmate"),
        Color::Black => ("Fairmate", "Player"),
    };
    [
        ("Event", "Fairmate game"),
        ("Site", "?"),
        ("Date", "????.??.??"),
        ("Round", "-"),
        ("White", white),
        ("Black", black),
        ("Result", pgn_result(game.outcome)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The game as PGN.
#[must_use]
pub fn pgn(game: &Game) -> String {
    let mut tags = pgn_tags(game);
    tags.push(("GameId".to_owned(), game.id.to_string()));
    engine_circuit::bundle::pgn::write(&tags, &game.record)
}
