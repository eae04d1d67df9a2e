//! Moves, results and games as text.

use super::state::{Badge, Game, Notice, PlayState};
use crate::i18n::Texts;
use protocol::{
    EndReason, GameRecord, Outcome, Side, TimeControl,
    shakmaty::{
        Chess, Color, EnPassantMode, Move, Position,
        fen::Fen,
        san::{San, SanPlus},
    },
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
pub fn end_reason(texts: &Texts, reason: EndReason) -> String {
    texts.get(match reason {
        EndReason::Checkmate => "end-checkmate",
        EndReason::Stalemate => "end-stalemate",
        EndReason::InsufficientMaterial => "end-material",
        EndReason::Threefold => "end-threefold",
        EndReason::Fivefold => "end-fivefold",
        EndReason::FiftyMoves => "end-fifty-moves",
        EndReason::SeventyFiveMoves => "end-seventy-five-moves",
        EndReason::Resignation => "end-resignation",
        EndReason::Timeout => "end-timeout",
        EndReason::LengthLimit => "end-length",
        EndReason::OnChain => "end-on-chain",
    })
}

/// The result as the one before the screen sees it.
#[must_use]
pub fn result_for(texts: &Texts, game: &Game, outcome: Outcome) -> String {
    texts.get(match outcome.winner {
        None => "result-draw",
        Some(winner) if Color::from(winner) == game.human && game.watched => "result-player-won",
        Some(winner) if Color::from(winner) == game.human => "result-won",
        Some(_) => "result-lost",
    })
}

/// The result for people: `1 – 0`.
#[must_use]
pub fn result_figures(outcome: Option<Outcome>) -> String {
    pgn_result(outcome).replace('-', " – ").replace("1/2", "½")
}

/// A digest in hex.
#[must_use]
pub fn hex_digest(digest: &[u8; 32]) -> String {
    hex::encode(digest)
}

/// The position on the board as FEN.
#[must_use]
pub fn shown_fen(state: &PlayState) -> String {
    let start = Chess::default();
    let position = state.game.as_ref().and_then(|game| game.record.position_at(game.shown_ply()));
    Fen::from_position(position.unwrap_or(&start), EnPassantMode::Legal).to_string()
}

/// A move typed as SAN (also without `x`, `+`, `#`, `=`) or UCI, if it is legal and means one move only.
#[must_use]
pub fn typed_move(position: &Chess, text: &str) -> Option<Move> {
    let plain = |text: &str| text.replace(['x', '+', '#', '=', '-'], "").replace('0', "O");
    let typed = plain(text.trim());
    if typed.is_empty() {
        return None;
    }
    let moves = position.legal_moves();
    let find = |equal: &dyn Fn(Move) -> bool| {
        let mut found = moves.iter().copied().filter(|&mv| equal(mv));
        found.next().filter(|_| found.next().is_none())
    };
    let san = |mv: Move| plain(&San::from_move(position, mv).to_string());
    find(&|mv| GameRecord::uci(mv) == typed.to_lowercase())
        .or_else(|| find(&|mv| san(mv) == typed))
        .or_else(|| find(&|mv| san(mv).eq_ignore_ascii_case(&typed)))
}

/// A time left, as clocks show it: `1:05:09`, `4:59`, and with tenths below ten seconds: `0:09.7`.
#[must_use]
pub fn clock_text(left_ms: u32) -> String {
    let (hours, minutes, seconds) = (left_ms / 3_600_000, left_ms / 60_000 % 60, left_ms / 1_000 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else if left_ms < 10_000 {
        format!("{minutes}:{seconds:02}.{}", left_ms / 100 % 10)
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A time control as players write it: `3+2`.
#[must_use]
pub fn time_control_text(texts: &Texts, control: Option<TimeControl>) -> String {
    control.map_or_else(
        || texts.get("time-none"),
        |control| format!("{}+{}", control.initial_ms / 60_000, control.increment_ms / 1_000),
    )
}

/// A digest cut for people.
#[must_use]
pub fn short_digest(digest: &[u8; 32]) -> String {
    let text = hex::encode(digest);
    format!("{}…{}", &text[..8], &text[60..])
}

/// The badge in words.
#[must_use]
pub fn badge_text(texts: &Texts, badge: &Badge) -> String {
    match badge {
        Badge::Proving { .. } => texts.get("badge-proving"),
        Badge::Checking => texts.get("badge-checking"),
        Badge::Verified { verify_ms } => texts.with("badge-verified", &[("ms", ms(*verify_ms).into())]),
        Badge::Invalid { .. } => texts.get("badge-invalid"),
        Badge::NotChecked { .. } => texts.get("badge-not-checked"),
    }
}

/// Milliseconds: one decimal below ten.
#[must_use]
pub fn ms(value: f32) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A notice in words.
#[must_use]
pub fn notice_text(texts: &Texts, notice: &Notice) -> String {
    match notice {
        Notice::Text(id) => texts.get(id),
        Notice::With(id, part) => texts.with(id, &[("part", part.as_str().into())]),
        Notice::Server(text) => text.clone(),
    }
}

/// Number and dots before a move: `3.` or `3…`.
#[must_use]
pub fn move_number(record: &GameRecord, ply: usize) -> String {
    record.position_at(ply).map_or_else(String::new, |position| {
        let dots = if position.turn() == Color::White { "." } else { "…" };
        format!("{}{dots}", position.fullmoves())
    })
}

/// A move in SAN at its place in a record.
#[must_use]
pub fn san_at(record: &GameRecord, ply: usize) -> Option<String> {
    let (position, mv) = (record.position_at(ply)?, record.moves().get(ply)?);
    Some(SanPlus::from_move(position.clone(), *mv).to_string())
}

/// The tags of the game's PGN.
#[must_use]
pub fn pgn_tags(game: &Game) -> Vec<(String, String)> {
    let (white, black) = match game.human {
        Color::White => ("Player", "Fairmate"),
        Color::Black => ("Fairmate", "Player"),
    };
    let mut tags = [
        ("Event", if game.terms.rated { "Fairmate rated game" } else { "Fairmate game" }),
        ("Site", "?"),
        ("Date", "????.??.??"),
        ("Round", "-"),
        ("White", white),
        ("Black", black),
        ("Result", pgn_result(game.outcome)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    if let Some(control) = game.terms.time_control {
        let value = format!("{}+{}", control.initial_ms / 1_000, control.increment_ms / 1_000);
        tags.push(("TimeControl".to_owned(), value));
    }
    if let Some((eco, name)) = super::openings::of(&game.record) {
        tags.extend([("ECO".to_owned(), eco.to_owned()), ("Opening".to_owned(), name)]);
    }
    tags
}

/// The game as PGN.
#[must_use]
pub fn pgn(game: &Game) -> String {
    let mut tags = pgn_tags(game);
    tags.push(("GameId".to_owned(), game.id.to_string()));
    engine_circuit::bundle::pgn::write(&tags, &game.record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_moves_mean_what_they_say() {
        let start = Chess::default();
        for (text, uci) in [
            ("e4", "e2e4"),
            ("Nf3", "g1f3"),
            ("nf3", "g1f3"),
            ("g1f3", "g1f3"),
            ("G1F3", "g1f3"),
            (" e2e4 ", "e2e4"),
        ] {
            assert_eq!(typed_move(&start, text).map(GameRecord::uci).as_deref(), Some(uci), "{text}");
        }
        for text in ["", "e5", "Ke2", "e2e5", "castle", "Nd2"] {
            assert_eq!(typed_move(&start, text), None, "{text}");
        }
        let record = GameRecord::from_fen("r3k2r/1P6/8/8/8/2b5/1B1P4/R3K2R w KQkq - 0 1").unwrap();
        for (text, uci) in [
            ("0-0", "e1g1"),
            ("O-O-O", "e1c1"),
            ("b8=Q", "b7b8q"),
            ("bxa8N", "b7a8n"),
            ("Bxc3", "b2c3"),
            ("bc3", "b2c3"),
        ] {
            assert_eq!(
                typed_move(record.position(), text).map(GameRecord::uci).as_deref(),
                Some(uci),
                "{text}"
            );
        }
        // A promotion without its piece means four moves.
        assert_eq!(typed_move(record.position(), "b8"), None);
    }

    #[test]
    fn clocks_read_as_clocks() {
        assert_eq!(clock_text(3_909_000), "1:05:09");
        assert_eq!(clock_text(299_900), "4:59");
        assert_eq!(clock_text(9_740), "0:09.7");
        assert_eq!(clock_text(0), "0:00.0");
    }
}
