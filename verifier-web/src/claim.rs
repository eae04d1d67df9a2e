//! What somebody says a single proof is about: the command line that checks it, as the client copies it, or a JSON object.

use engine_circuit::{Level, Profile, Seed, Statement, StatementError, Value, shape::MAX_MOVES};
use protocol::{GameRecord, RecordError, record::MAX_PLIES};
use serde::Deserialize;

/// Longest text read, in bytes.
pub const MAX_CLAIM_BYTES: usize = 1 << 20;

/// The inputs of a statement, as text gives them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Start position.
    pub fen: String,
    /// The game's moves in UCI notation, the proven ones among them.
    pub moves: Vec<String>,
    /// Half-moves of `moves` before each proven move, in the order in which the proof has them.
    pub plies: Vec<usize>,
    /// The game's id: 64 hexadecimal digits.
    #[serde(default = "zero_id")]
    pub game_id: String,
    /// Level, 8 without noise.
    #[serde(default = "strongest")]
    pub level: u8,
    /// Seeds of the proven moves, 64 hexadecimal digits each; none at level 8.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Win, draw, loss of the positions, if the proof covers them.
    #[serde(default)]
    pub values: Vec<Value>,
    /// `live` or `chain`.
    #[serde(default = "live")]
    pub profile: String,
    /// Lists of contenders, one a proven move (`docs/proof-format.md` section 3).
    #[serde(default)]
    pub contenders: Option<Vec<Vec<u16>>>,
}

fn zero_id() -> String {
    "0".repeat(64)
}

fn strongest() -> u8 {
    Level::STRONGEST.number()
}

fn live() -> String {
    "live".to_owned()
}

/// Why a text is no claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// Over [`MAX_CLAIM_BYTES`].
    TooLong(usize),
    /// Not the JSON object expected.
    Json(String),
    /// A command line that is not understood.
    Command(String),
    /// The game is not legal.
    Record(RecordError),
    /// A proven move that the game does not have.
    Ply(usize),
    /// A number that is not what its name says.
    Malformed(&'static str),
    /// The moves can't be stated.
    Statement(StatementError),
}

impl std::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(bytes) => {
                write!(f, "the text has {bytes} bytes, at most {MAX_CLAIM_BYTES} are read")
            }
            Self::Json(reason) => write!(f, "the statement's JSON: {reason}"),
            Self::Command(reason) => write!(f, "the command: {reason}"),
            Self::Record(error) => error.fmt(f),
            Self::Ply(ply) => write!(f, "the game has no move after {ply} half-moves"),
            Self::Malformed(what) => f.write_str(what),
            Self::Statement(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClaimError {}

impl From<RecordError> for ClaimError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<StatementError> for ClaimError {
    fn from(error: StatementError) -> Self {
        Self::Statement(error)
    }
}

/// A statement with the game that it is about.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The whole game.
    pub record: GameRecord,
    /// Half-moves before each proven move.
    pub plies: Vec<usize>,
    /// The game's id.
    pub game_id: [u8; 32],
    /// The level.
    pub level: Level,
    /// Seeds, one a proven move below the strongest level.
    pub seeds: Vec<Seed>,
    /// Values, one a proven move or none.
    pub values: Vec<Value>,
    /// Kind of proof.
    pub profile: Profile,
    /// What the proof is about.
    pub statement: Statement,
}

fn hash(text: &str, what: &'static str) -> Result<[u8; 32], ClaimError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ClaimError::Malformed(what))?;
    Ok(bytes)
}

impl Claim {
    /// Reads a claim: JSON if it starts with a brace, else a command line.
    ///
    /// # Errors
    ///
    /// Returns [`ClaimError`] naming what is wrong.
    pub fn read(text: &str) -> Result<Self, ClaimError> {
        if text.len() > MAX_CLAIM_BYTES {
            return Err(ClaimError::TooLong(text.len()));
        }
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| ClaimError::Json(error.to_string()))
        } else {
            from_command(text)
        }
    }

    /// The statement.
    ///
    /// # Errors
    ///
    /// Returns [`ClaimError`] naming what is wrong.
    pub fn state(&self) -> Result<Stated, ClaimError> {
        if self.moves.len() > MAX_PLIES {
            return Err(RecordError::TooLong.into());
        }
        let record = GameRecord::replay(&self.fen, self.moves.iter().map(String::as_str))?;
        let game_id = hash(&self.game_id, "the game's id is not 64 hexadecimal digits")?;
        let level = Level::new(self.level).ok_or(ClaimError::Malformed("the level is not one of 1 to 8"))?;
        let seeds: Vec<Seed> = self
            .seeds
            .iter()
            .map(|seed| hash(seed, "a seed is not 64 hexadecimal digits"))
            .collect::<Result<_, _>>()?;
        let profile = match self.profile.as_str() {
            "live" => Profile::Live,
            "chain" => Profile::Chain,
            _ => return Err(ClaimError::Malformed("the profile is neither live nor chain")),
        };
        if self.plies.len() > MAX_MOVES {
            return Err(StatementError::NumMoves(self.plies.len()).into());
        }
        let parts = self.plies.iter().map(|&ply| {
            let mv = *record.moves().get(ply).ok_or(ClaimError::Ply(ply))?;
            Ok(Statement::single(game_id, &record.truncated(ply), mv)?)
        });
        let parts = parts.collect::<Result<Vec<_>, ClaimError>>()?;
        let mut statement = Statement::batch(game_id, parts)?.at_level(level, &seeds)?;
        if !self.values.is_empty() {
            statement = statement.with_values(&self.values)?;
        }
        if let Some(lists) = &self.contenders {
            statement = statement.with_contenders(lists)?;
        }
        let (plies, values) = (self.plies.clone(), self.values.clone());
        Ok(Stated { record, plies, game_id, level, seeds, values, profile, statement })
    }
}

/// Splits a command line as a shell does: blanks separate, quotes and backslashes protect.
fn words(text: &str) -> Result<Vec<String>, ClaimError> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match chars.next() {
                // The end of a line that goes on.
                Some('\n') | None => {}
                Some(c) => word.get_or_insert_default().push(c),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(ClaimError::Command("a quote does not end".to_owned()));
    }
    words.extend(word);
    Ok(words)
}

/// The command `engine verify` with its flags; what names a file is left out, since the page has its own.
fn from_command(text: &str) -> Result<Claim, ClaimError> {
    let bad = |reason: String| ClaimError::Command(reason);
    let words = words(text)?;
    let flags = words.iter().position(|word| word.starts_with("--") && word.len() > 2).unwrap_or(words.len());
    let (program, flags) = words.split_at(flags);
    match program.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["verify"] | ["engine", "verify"] => {}
        _ => return Err(bad("it is not `engine verify` with its flags".to_owned())),
    }
    let (mut fen, mut moves, mut mv, mut ply) = (None, None, None, None);
    let (mut game_id, mut level, mut seed, mut value, mut profile) = (None, None, None, None, None);
    let mut files = [None, None];
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let (name, attached) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag.as_str(), None),
        };
        let [key_file, proof_file] = &mut files;
        let place = match name {
            "--json" if attached.is_none() => continue,
            "--fen" => &mut fen,
            "--moves" => &mut moves,
            "--move" => &mut mv,
            "--ply" => &mut ply,
            "--game-id" => &mut game_id,
            "--level" => &mut level,
            "--seed" => &mut seed,
            "--value" => &mut value,
            "--profile" => &mut profile,
            "--vk" => key_file,
            "--proof" => proof_file,
            _ => return Err(bad(format!("unknown flag {:?}", flag.chars().take(40).collect::<String>()))),
        };
        let value = attached.or_else(|| flags.next().cloned());
        let value = value.ok_or_else(|| bad(format!("{name} needs a value")))?;
        if place.replace(value).is_some() {
            return Err(bad(format!("{name} is there twice")));
        }
    }
    let need = |part: Option<String>, name: &str| part.ok_or_else(|| bad(format!("{name} is missing")));
    let fen = need(fen, "--fen")?;
    let mut moves: Vec<String> =
        moves.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect();
    let before = moves.len();
    moves.push(need(mv, "--move")?);
    if let Some(ply) = ply {
        let record = GameRecord::replay(&fen, moves.iter().take(before).map(String::as_str))?;
        if ply.parse() != Ok(record.game_ply()) {
            return Err(bad(format!("--ply contradicts the moves, before which are {}", record.game_ply())));
        }
    }
    let level = match level {
        None => strongest(),
        Some(level) => level.parse().map_err(|_| bad("--level is no number".to_owned()))?,
    };
    let values = match value {
        None => Vec::new(),
        Some(value) => {
            let parts: Result<Vec<i32>, _> = value.split(',').map(|part| part.trim().parse()).collect();
            let value = parts.ok().and_then(|parts| Value::try_from(parts).ok());
            vec![value.ok_or_else(|| bad("--value is not WIN,DRAW,LOSS in integers".to_owned()))?]
        }
    };
    Ok(Claim {
        fen,
        moves,
        plies: vec![before],
        game_id: game_id.unwrap_or_else(zero_id),
        level,
        seeds: seed.into_iter().collect(),
        values,
        profile: profile.unwrap_or_else(live),
        contenders: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEN: &str = protocol::record::START_FEN;

    #[test]
    fn the_client_s_command_is_read() {
        let id = "ab".repeat(32);
        let text = format!(
            "engine verify --vk '/a b/it'\\''s.vk' --fen '{FEN}' --moves 'e2e4 e7e5' --game-id {id} --move g1f3 \
             --proof \"x y\" --level 3 --seed {id} --value=-3,4,-5 --ply 2"
        );
        let claim = Claim::read(&text).unwrap();
        assert_eq!(claim.moves, ["e2e4", "e7e5", "g1f3"]);
        assert_eq!((claim.plies.as_slice(), claim.level), ([2].as_slice(), 3));
        assert_eq!(
            (claim.values.as_slice(), claim.seeds.as_slice()),
            ([[-3, 4, -5]].as_slice(), [id].as_slice())
        );
        let stated = claim.state().unwrap();
        assert_eq!((stated.record.ply(), stated.profile), (3, Profile::Live));
        let split = "--fen 'rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1' \\\n --move e2e4 --profile chain";
        assert_eq!(Claim::read(split).unwrap().state().unwrap().profile, Profile::Chain);
    }

    #[test]
    fn json_is_read() {
        let text = format!(r#"{{"fen":"{FEN}","moves":["e2e4","e7e5","g1f3"],"plies":[0,2]}}"#);
        let stated = Claim::read(&text).unwrap().state().unwrap();
        assert_eq!(
            (stated.statement.num_moves(), stated.game_id, stated.level),
            (2, [0; 32], Level::STRONGEST)
        );
    }

    #[test]
    fn whatever_is_not_understood_is_an_error() {
        for (text, reason) in [
            ("", "--fen is missing"),
            ("engine verify-game --fen x --move y", "it is not"),
            ("rm -rf / --fen x", "it is not"),
            ("--fen x --fen y", "twice"),
            ("--fen x --nonsense y", "unknown flag"),
            ("--fen", "needs a value"),
            ("--fen 'x", "quote"),
            ("--fen x --move e2e4 --level high", "--level"),
            ("--fen x --move e2e4 --value 1,2", "--value"),
            ("{\"fen\":1}", "JSON"),
            ("{\"fen\":\"\",\"moves\":[],\"plies\":[],\"more\":0}", "unknown field"),
        ] {
            let error = Claim::read(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let claim = Claim::read(&format!("--fen '{FEN}' --move e2e4")).unwrap();
        let with = |change: &dyn Fn(&mut Claim)| {
            let mut changed = claim.clone();
            change(&mut changed);
            changed.state().unwrap_err().to_string()
        };
        for (error, reason) in [
            (with(&|claim| claim.fen = "x".to_owned()), "FEN"),
            (with(&|claim| claim.moves = vec!["e2e5".to_owned()]), "not a legal move"),
            (with(&|claim| claim.plies = vec![1]), "no move after 1"),
            (with(&|claim| claim.plies = vec![]), "not 0"),
            (with(&|claim| claim.plies = vec![0; MAX_MOVES + 1]), "not 257"),
            (with(&|claim| claim.game_id.truncate(63)), "64 hexadecimal"),
            (with(&|claim| claim.level = 9), "1 to 8"),
            (with(&|claim| claim.level = 1), "needs 1 seeds"),
            (with(&|claim| claim.seeds = vec!["+1".repeat(32)]), "seed"),
            (with(&|claim| claim.values = vec![[0; 3]; 2]), "2 values"),
            (with(&|claim| claim.profile = "deaf".to_owned()), "profile"),
            (with(&|claim| claim.contenders = Some(vec![vec![9, 4]])), "contender"),
        ] {
            assert!(error.contains(reason), "{error} has no {reason}");
        }
        let contradiction = Claim::read(&format!("--fen '{FEN}' --move e2e4 --ply 1")).unwrap_err();
        assert!(contradiction.to_string().contains("contradicts"));
    }
}
