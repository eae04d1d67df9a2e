//! Games in PGN, standard chess only. Reading is strict: whatever is not understood is an error and never skipped, since
//! a move left out would be a move left unverified.

use std::borrow::Cow;

use protocol::record::{GameRecord, RecordError, START_FEN};
use protocol::shakmaty::{Position, san::SanPlus};
use thiserror::Error;

/// Longest PGN text read, in bytes.
pub const MAX_PGN_BYTES: usize = 1 << 20;
const ROSTER: [(&str, &str); 7] = [
    ("Event", "?"),
    ("Site", "?"),
    ("Date", "????.??.??"),
    ("Round", "-"),
    ("White", "?"),
    ("Black", "?"),
    ("Result", "*"),
];
const RESULTS: [&str; 4] = ["1-0", "0-1", "1/2-1/2", "*"];

/// Tags of a game: name and value, in order.
pub type Tags = Vec<(String, String)>;

/// One game.
#[derive(Clone, Debug)]
pub struct Game {
    /// Tags as read.
    pub tags: Tags,
    /// Start position and moves.
    pub record: GameRecord,
}

/// Why a text is not one game of standard chess.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PgnError {
    /// Over [`MAX_PGN_BYTES`].
    #[error("the PGN has {0} bytes, at most {MAX_PGN_BYTES} are read")]
    TooLong(usize),
    /// There are no tags and no moves.
    #[error("the PGN holds no game")]
    Empty,
    /// Something follows the result or a second tag section.
    #[error("the PGN holds more than one game")]
    SecondGame,
    /// A malformed tag line.
    #[error("line {0} of the PGN: malformed tag")]
    Tag(usize),
    /// A tag occurs twice.
    #[error("the PGN's tag {0} occurs twice")]
    DuplicateTag(String),
    /// A variant of chess.
    #[error("the PGN's variant is {0:?}, only standard chess is supported")]
    Variant(String),
    /// A comment or variation does not end.
    #[error("a comment or variation of the PGN does not end")]
    Unterminated,
    /// Neither move nor number nor result.
    #[error("the PGN's text {0:?} after {1} half-moves is neither a move nor a result")]
    Token(String, usize),
    /// A move that is not legal.
    #[error("the PGN's move {san} after {ply} half-moves is not legal")]
    Illegal {
        /// The move.
        san: String,
        /// Half-moves before it.
        ply: usize,
    },
    /// The start position is not usable or the game is too long.
    #[error("the PGN: {0}")]
    Record(#[from] RecordError),
}

/// The value of a tag.
#[must_use]
pub fn tag<'a>(tags: &'a [(String, String)], name: &str) -> Option<&'a str> {
    tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Writes a game: the seven standard tags first, then the others, `SetUp` and `FEN` where the start is not the usual one.
#[must_use]
pub fn write(tags: &[(String, String)], record: &GameRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Control characters would end the line; there is no escape for them.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        text.extend(["[", name, " \"", &value, "\"]\n"]);
    };
    let result = tag(tags, "Result").filter(|result| RESULTS.contains(result)).unwrap_or("*");
    for (name, unknown) in ROSTER {
        line(name, if name == "Result" { result } else { tag(tags, name).unwrap_or(unknown) });
    }
    let named_by_us =
        |name: &str| ROSTER.iter().any(|(key, _)| *key == name) || ["FEN", "SetUp"].contains(&name);
    for (name, value) in tags {
        if !named_by_us(name) && is_tag_name(name) {
            line(name, value);
        }
    }
    if record.start_fen() != START_FEN {
        line("SetUp", "1");
        line("FEN", record.start_fen());
    }
    text.push('\n');

    let mut column = 0;
    let mut word = |word: &str| {
        if column > 0 && column + 1 + word.len() > 79 {
            text.push('\n');
            column = 0;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    };
    for (ply, &mv) in record.moves().iter().enumerate() {
        let Some(position) = record.position_at(ply) else { break };
        let white = position.turn().is_white();
        if white || ply == 0 {
            let number = position.fullmoves();
            word(&format!("{number}{}", if white { "." } else { "..." }));
        }
        word(&SanPlus::from_move(position.clone(), mv).to_string());
    }
    word(result);
    text.push('\n');
    text
}

fn is_tag_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `Name "value"]`, the opening bracket taken; gives the tag and what follows it.
fn read_tag(text: &str) -> Option<((String, String), &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let (name, text) = text.split_at(text.find([' ', '\t', '"'])?);
    let text = text.trim_start_matches([' ', '\t']).strip_prefix('"')?;
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '\n' | '\r' => return None,
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                let rest = text[at + 1..].trim_start_matches([' ', '\t']).strip_prefix(']')?;
                return is_tag_name(name).then(|| ((name.to_owned(), value), rest));
            }
            _ => value.push(c),
        }
    }
    None
}

/// Reads exactly one game.
///
/// # Errors
///
/// Returns [`PgnError`] naming the first thing that is wrong.
pub fn read(bytes: &[u8]) -> Result<Game, PgnError> {
    if bytes.len() > MAX_PGN_BYTES {
        return Err(PgnError::TooLong(bytes.len()));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // PGN's own character set is Latin-1.
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    };
    let all = text.trim_start_matches('\u{feff}');
    let mut rest = all.trim_start();
    let mut tags = Tags::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let line = 1 + all[..all.len() - inner.len()].matches('\n').count();
        let (tag_read, after) = read_tag(inner).ok_or(PgnError::Tag(line))?;
        if tag(&tags, &tag_read.0).is_some() {
            return Err(PgnError::DuplicateTag(tag_read.0));
        }
        tags.push(tag_read);
        rest = after.trim_start();
    }
    if tags.is_empty() && rest.is_empty() {
        return Err(PgnError::Empty);
    }
    if let Some(variant) = tag(&tags, "Variant")
        && !["standard", "chess", "from position"].contains(&variant.to_ascii_lowercase().as_str())
    {
        return Err(PgnError::Variant(variant.to_owned()));
    }
    let mut record = match tag(&tags, "FEN") {
        Some(fen) => GameRecord::from_fen(fen)?,
        None => GameRecord::default(),
    };
    read_moves(rest, &mut record)?;
    Ok(Game { tags, record })
}

fn read_moves(mut rest: &str, record: &mut GameRecord) -> Result<(), PgnError> {
    let mut depth = 0usize;
    let mut ended = false;
    let mut line_start = true;
    while let Some(c) = rest.chars().next() {
        let at_line_start = std::mem::replace(&mut line_start, c == '\n');
        let after = &rest[c.len_utf8()..];
        rest = match c {
            _ if c.is_whitespace() => after,
            '{' => after.split_once('}').ok_or(PgnError::Unterminated)?.1,
            ';' => after.find('\n').map_or("", |at| &after[at..]),
            '%' if at_line_start => after.find('\n').map_or("", |at| &after[at..]),
            '(' => {
                depth += 1;
                after
            }
            ')' if depth > 0 => {
                depth -= 1;
                after
            }
            '[' if depth == 0 => return Err(PgnError::SecondGame),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "{}();[]".contains(c));
                let (token, after) = rest.split_at(end.unwrap_or(rest.len()).max(c.len_utf8()));
                if depth == 0 {
                    read_token(token, record, &mut ended)?;
                }
                after
            }
        };
    }
    if depth == 0 { Ok(()) } else { Err(PgnError::Unterminated) }
}

/// A move number, a move, both in one, an annotation or a result.
fn read_token(token: &str, record: &mut GameRecord, ended: &mut bool) -> Result<(), PgnError> {
    let ply = record.ply();
    let unknown = || PgnError::Token(token.chars().take(20).collect(), ply);
    if token.strip_prefix('$').is_some_and(|nag| !nag.is_empty() && nag.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(());
    }
    if *ended {
        return Err(PgnError::SecondGame);
    }
    if RESULTS.contains(&token) {
        *ended = true;
        return Ok(());
    }
    let unnumbered = token.trim_start_matches(|c: char| c.is_ascii_digit());
    let san = match unnumbered.strip_prefix('.') {
        Some(dotted) => dotted.trim_start_matches('.'),
        None if unnumbered.is_empty() => "",
        None => token,
    };
    let san = san.trim_end_matches(['!', '?']);
    if san.is_empty() {
        return Ok(());
    }
    let castling = san.replace('0', "O");
    let parsed = SanPlus::from_ascii(if san.starts_with("0-0") { &castling } else { san }.as_bytes())
        .map_err(|_| unknown())?;
    let mv = parsed
        .san
        .to_move(record.position())
        .map_err(|_| PgnError::Illegal { san: san.chars().take(20).collect(), ply })?;
    Ok(record.play(mv)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(text: &str) -> Result<Vec<String>, PgnError> {
        read(text.as_bytes()).map(|game| game.record.uci_moves())
    }

    #[test]
    fn what_is_written_is_read() {
        let fen = "r3k2r/1P6/8/8/8/8/8/R3K2R b KQkq - 3 9";
        let record = GameRecord::replay(fen, ["e8g8", "b7a8q", "f8a8", "e1c1"]).unwrap();
        let tags = vec![("White".to_owned(), "a \"b\" \\ c".to_owned()), ("Result".into(), "0-1".into())];
        let text = write(&tags, &record);
        let game = read(text.as_bytes()).unwrap();
        assert_eq!(game.record.uci_moves(), record.uci_moves());
        assert_eq!(game.record.start_fen(), fen);
        assert_eq!(tag(&game.tags, "White"), Some("a \"b\" \\ c"));
        assert_eq!(write(&game.tags, &game.record), text);
    }

    #[test]
    fn reads_what_others_write() {
        let text = "[Event \"x\"]\r\n\r\n1.e4! {best (by test)} e5 (1... c5 2. Nf3 (2. c3)) 2. Nf3 $1 ; rest\r\n2... Nc6\n% skip\n3. Bb5 Nf6 4. 0-0 *\n";
        assert_eq!(moves(text).unwrap(), ["e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "g8f6", "e1g1"]);
    }

    #[test]
    fn nothing_is_skipped_silently() {
        assert_eq!(moves(""), Err(PgnError::Empty));
        assert_eq!(moves("1. e4 zz e5"), Err(PgnError::Token("zz".into(), 1)));
        assert_eq!(moves("1. e4 e4"), Err(PgnError::Illegal { san: "e4".into(), ply: 1 }));
        assert_eq!(moves("1. e4 * 1. d4 *"), Err(PgnError::SecondGame));
        assert_eq!(moves("[A \"1\"]\n\n1. e4\n\n[A \"2\"]\n\n1. e4"), Err(PgnError::SecondGame));
        assert_eq!(moves("1. e4 {"), Err(PgnError::Unterminated));
        assert_eq!(moves("[A \"1\""), Err(PgnError::Tag(1)));
        assert_eq!(moves("[Variant \"Atomic\"]\n1. e4"), Err(PgnError::Variant("Atomic".into())));
        assert!(matches!(moves("[FEN \"x\"]\n"), Err(PgnError::Record(_))));
        let endless = format!("[FEN \"{START_FEN}\"]").replace("0 1\"", "0 4294967295\"");
        assert!(matches!(moves(&endless), Err(PgnError::Record(_))));
    }
}
