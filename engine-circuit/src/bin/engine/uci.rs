//! `engine uci`: a network as a UCI engine. It never searches, so `go` is answered at once; `go infinite` and `go ponder` hold
//! the move back until `stop` or `ponderhit`. Proofs are made behind the moves and never delay one.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use clap::Args;
use engine_circuit::sampling::ply_seed;
use engine_circuit::transcript::keccak256;
use engine_circuit::{Evaluation, Level, Model, Seed, Statement, evaluate};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::{Move, Position as _};
use serde_json::json;

use crate::cache::CachedProver;
use crate::output::{Outcome, emit, misuse};
use crate::position::{ModelFile, load_model, start};
use crate::ratings::{self, Ratings};

/// Most lines of `MultiPV`: no position has more legal moves.
const MAX_MULTI_PV: usize = 256;
/// `P(win) = 1 / (1 + exp(-(cp - CENTRE) / WIDTH))`, `P(loss)` with `-cp`: the curve of the value's training target
/// (`training/wdl.py`).
const WDL_CENTRE: f64 = 165.8;
/// In centipawns.
const WDL_WIDTH: f64 = 263.7;
/// Temperature of the policy's training target in units of win probability (`training/records.py`): a difference of logits
/// times this is what the network expects a move to lose.
const LABEL_TEMPERATURE: f64 = 0.03;
/// Largest score printed, in centipawns.
const MAX_SCORE: f64 = 2000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ProofMode {
    /// Moves only
    Off,
    /// A proof of each move, written behind it
    Gkr,
}

/// Speaks UCI on standard input and output. Proofs go to a new folder per game below --proof-dir, each beside a .json with
/// what `engine verify` needs; they are complete once they are there, and all of them are before the program ends.
#[derive(Args)]
pub struct Uci {
    #[command(flatten)]
    model: ModelFile,
    /// Whether moves are proven
    #[arg(long, value_enum, default_value_t = ProofMode::Off)]
    proof_mode: ProofMode,
    /// Folder of the proofs
    #[arg(long, value_name = "DIR", default_value = "proofs")]
    proof_dir: PathBuf,
}

impl Uci {
    pub fn run(self) -> Outcome {
        let path = self.model.path.clone();
        let mut session = Session {
            model: Lazy::Loading(std::thread::spawn(move || load_model(&path))),
            prover: (self.proof_mode == ProofMode::Gkr)
                .then(|| Proofs::start(&self.model.path, self.proof_dir)),
            options: Options::new(ratings::of(&self.model.path)),
            game: start(START_FEN).map_err(|_| String::new()),
            game_seed: fresh_seed(),
            held: None,
        };
        let mut line = Vec::new();
        let mut stdin = std::io::stdin().lock();
        loop {
            line.clear();
            let length = stdin.read_until(b'\n', &mut line);
            if !matches!(length, Ok(1..)) || !session.command(&String::from_utf8_lossy(&line))? {
                break;
            }
        }
        session.prover.map_or(Ok(()), Proofs::finish)
    }
}

/// A seed that nobody foresees, from the hasher keys of the standard library, which come from the system.
fn fresh_seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    let words: Vec<u8> = (0u8..4).flat_map(|n| RandomState::new().hash_one(n).to_be_bytes()).collect();
    keccak256(&words)
}

/// The model while it is read: `uciok` does not wait for it.
enum Lazy {
    Loading(JoinHandle<Outcome<Model>>),
    Ready(Box<Model>),
    Failed,
}

impl Lazy {
    fn get(&mut self) -> Outcome<&Model> {
        if let Self::Loading(_) = self
            && let Self::Loading(thread) = std::mem::replace(self, Self::Failed)
        {
            let model = thread.join().map_err(|_| misuse("the model can't be loaded"))??;
            *self = Self::Ready(Box::new(model));
        }
        match self {
            Self::Ready(model) => Ok(model),
            _ => Err(misuse("the model can't be loaded")),
        }
    }
}

struct Options {
    multi_pv: usize,
    level: Level,
    /// The game's seed, instead of a fresh one.
    seed: Option<Seed>,
    show_wdl: bool,
    /// Measured Elo of the levels, if it is known.
    ratings: Option<Ratings>,
    limit_strength: bool,
    elo: i32,
}

impl Options {
    fn new(ratings: Option<Ratings>) -> Self {
        let elo = ratings.as_ref().map_or(0, |ratings| ratings.range().1);
        Self {
            multi_pv: 1,
            level: Level::STRONGEST,
            seed: None,
            show_wdl: false,
            ratings,
            limit_strength: false,
            elo,
        }
    }

    /// The declarations that answer `uci`.
    fn declarations(&self) -> String {
        let strongest = Level::STRONGEST;
        let mut text = format!(
            "option name MultiPV type spin default 1 min 1 max {MAX_MULTI_PV}\n\
             option name Ponder type check default false\n\
             option name Level type spin default {strongest} min 1 max {strongest}\n\
             option name Seed type string default <empty>\n\
             option name UCI_ShowWDL type check default false"
        );
        if let Some(ratings) = &self.ratings {
            let (low, high) = ratings.range();
            text += "\noption name UCI_LimitStrength type check default false";
            text += &format!("\noption name UCI_Elo type spin default {high} min {low} max {high}");
        }
        text
    }

    /// Sets an option; the reason if the value is none.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("{value:?} is no value of {name}");
        let range = self.ratings.as_ref().map(Ratings::range);
        match (name.to_ascii_lowercase().as_str(), range) {
            ("multipv", _) => {
                let lines = value.parse().ok().filter(|lines| (1..=MAX_MULTI_PV).contains(lines));
                self.multi_pv = lines.ok_or_else(wrong)?;
            }
            ("level", _) => self.level = value.parse().ok().and_then(Level::new).ok_or_else(wrong)?,
            ("seed", _) if value.is_empty() || value == "<empty>" => self.seed = None,
            ("seed", _) => {
                let mut seed = Seed::default();
                hex::decode_to_slice(value, &mut seed).map_err(|_| wrong())?;
                self.seed = Some(seed);
            }
            ("uci_showwdl", _) => self.show_wdl = value.parse().map_err(|_| wrong())?,
            ("uci_limitstrength", Some(_)) => self.limit_strength = value.parse().map_err(|_| wrong())?,
            ("uci_elo", Some((low, high))) => {
                let elo = value.parse().ok().filter(|elo| (low..=high).contains(elo));
                self.elo = elo.ok_or_else(wrong)?;
            }
            ("ponder", _) => {}
            _ => return Err(format!("there is no option {name:?}")),
        }
        Ok(())
    }

    /// The level to play at: under `UCI_LimitStrength` the one whose Elo is nearest to `UCI_Elo`.
    fn level(&self) -> Level {
        let limited = self.ratings.as_ref().filter(|_| self.limit_strength);
        limited.map_or(self.level, |ratings| ratings.nearest(self.elo))
    }
}

struct Session {
    model: Lazy,
    prover: Option<Proofs>,
    options: Options,
    /// The position, or why the last one given is none.
    game: Result<GameRecord, String>,
    game_seed: Seed,
    /// The answer of `go infinite` and `go ponder`.
    held: Option<String>,
}

impl Session {
    /// Handles a line; `false` for `quit`. Words before a known command are passed over, as the protocol says.
    fn command(&mut self, line: &str) -> Outcome<bool> {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            let rest: Vec<&str> = words.clone().collect();
            match word {
                "uci" => {
                    let version = env!("CARGO_PKG_VERSION");
                    emit(&format!(
                        "id name Fairmate {version}\nid author the Fairmate authors\n{}\nuciok",
                        self.options.declarations()
                    ))?;
                }
                "isready" => {
                    self.model.get()?;
                    emit("readyok")?;
                }
                "setoption" => {
                    if let Err(reason) = self.set_option(&rest) {
                        emit(&format!("info string {reason}"))?;
                    }
                }
                "ucinewgame" => {
                    self.game_seed = fresh_seed();
                    if let Some(prover) = &mut self.prover {
                        prover.folder = None;
                    }
                }
                "position" => self.game = position(&rest),
                "go" => self.go(&rest)?,
                "stop" | "ponderhit" => {
                    if let Some(answer) = self.held.take() {
                        emit(&answer)?;
                    }
                }
                "quit" => return Ok(false),
                "debug" | "register" => {}
                _ => continue,
            }
            return Ok(true);
        }
        Ok(true)
    }

    /// `name` words `value` words: both may have spaces.
    fn set_option(&mut self, words: &[&str]) -> Result<(), String> {
        let Some((&"name", words)) = words.split_first() else {
            return Err("setoption needs a name".to_owned());
        };
        let split = words.iter().position(|&word| word == "value").unwrap_or(words.len());
        let (name, value) = words.split_at(split);
        self.options.set(&name.join(" "), &value.iter().skip(1).copied().collect::<Vec<_>>().join(" "))
    }

    fn go(&mut self, words: &[&str]) -> Outcome {
        let begun = Instant::now();
        self.held = None;
        let record = match &self.game {
            Ok(record) => record,
            Err(reason) => return emit(&format!("info string {reason}\nbestmove (none)")),
        };
        let model = self.model.get()?;
        let Some(mut evaluation) = evaluate(model, record) else {
            let score = if record.position().is_check() { "mate 0" } else { "cp 0" };
            return emit(&format!("info depth 0 score {score}\nbestmove (none)"));
        };
        let top = evaluation.policy.first().map_or(1.0, |entry| entry.probability);
        let among = search_moves(words, record);
        let narrowed = !among.is_empty();
        if narrowed {
            evaluation.policy.retain(|entry| among.contains(&entry.mv));
        }
        let (level, seed) = (self.options.level(), self.options.seed.unwrap_or(self.game_seed));
        let seed = ply_seed(&seed, &[0; 32], record.game_ply());
        let chosen = evaluation.choose(level, &seed);

        let mut lines = vec![format!("info string model {}", model.digest())];
        if let Some(prover) = &mut self.prover {
            lines.extend(prover.failures().map(|failure| format!("info string no proof: {failure}")));
            lines.push(if narrowed {
                "info string no proof: the move is the best of those in searchmoves, not of all".to_owned()
            } else {
                match prover.order(model, record, chosen, level, seed) {
                    Ok(path) => format!("info string proof {}", path.display()),
                    Err(reason) => format!("info string no proof: {reason}"),
                }
            });
        }
        lines.extend(variations(&evaluation, top, chosen, &self.options, begun));
        let answer = format!("bestmove {}", GameRecord::uci(chosen));
        if words.iter().any(|&word| word == "infinite" || word == "ponder") {
            self.held = Some(answer);
        } else {
            lines.push(answer);
        }
        emit(&lines.join("\n"))
    }
}

/// `startpos` or `fen ...`, then `moves ...`.
fn position(words: &[&str]) -> Result<GameRecord, String> {
    let split = words.iter().position(|&word| word == "moves").unwrap_or(words.len());
    let (place, moves) = words.split_at(split);
    let fen = match place {
        ["startpos"] => START_FEN.to_owned(),
        ["fen", fen @ ..] if !fen.is_empty() => fen.join(" "),
        _ => return Err("position needs startpos or fen".to_owned()),
    };
    GameRecord::replay(&fen, moves.iter().skip(1).copied()).map_err(|error| error.to_string())
}

/// The legal ones of `searchmoves`.
fn search_moves(words: &[&str], record: &GameRecord) -> Vec<Move> {
    let listed = words.iter().skip_while(|&&word| word != "searchmoves").skip(1);
    let legal = record.position().legal_moves();
    listed.filter_map(|&uci| legal.iter().find(|&&mv| GameRecord::uci(mv) == uci)).copied().collect()
}

/// Score that a position with this expected result has on the training target's curve, in centipawns.
fn centipawns(expected: f64) -> i32 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let expectation = |cp: f64| {
        0.5 + 0.5 * (sigmoid((cp - WDL_CENTRE) / WDL_WIDTH) - sigmoid((-cp - WDL_CENTRE) / WDL_WIDTH))
    };
    let (mut low, mut high) = (-MAX_SCORE, MAX_SCORE);
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        if expectation(middle) < expected {
            low = middle;
        } else {
            high = middle;
        }
    }
    high.round() as i32
}

/// Lines of `info` in policy order, the move played first (at the strongest level it is the first anyway). The position's
/// value is the score of the move with the probability `top`, the policy's best; another's is lower by what its policy says
/// it loses.
fn variations(
    evaluation: &Evaluation,
    top: f64,
    chosen: Move,
    options: &Options,
    begun: Instant,
) -> Vec<String> {
    let [win, draw, loss] = evaluation.value_probabilities;
    let mut entries: Vec<_> = evaluation.policy.iter().collect();
    entries.sort_by_key(|entry| entry.mv != chosen);
    let wdl = if options.show_wdl {
        let (win, loss) = ((1e3 * win).round(), (1e3 * loss).round());
        format!(" wdl {win} {} {loss}", 1e3 - win - loss)
    } else {
        String::new()
    };
    let time = begun.elapsed().as_millis();
    let line = |(number, entry): (usize, &&engine_circuit::PolicyEntry)| {
        let score = centipawns(win + 0.5 * draw + LABEL_TEMPERATURE * (entry.probability / top).ln());
        let (number, uci) = (number + 1, &entry.uci);
        format!("info depth 1 seldepth 1 multipv {number} score cp {score}{wdl} nodes 1 time {time} pv {uci}")
    };
    entries.iter().take(options.multi_pv).enumerate().map(line).collect()
}

/// A proof to be made.
struct Order {
    statement: Statement,
    /// File, and what `engine verify` needs beside it.
    path: PathBuf,
    facts: serde_json::Value,
}

/// The prover's thread and where its proofs go.
struct Proofs {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
    failures: Receiver<String>,
    /// All proofs' folder.
    root: PathBuf,
    /// This game's, made with its first proof.
    folder: Option<PathBuf>,
    failed: Option<String>,
}

impl Proofs {
    fn start(model_path: &Path, root: PathBuf) -> Self {
        let (orders, incoming) = channel::<Order>();
        let (report, failures) = channel();
        let model_path = model_path.to_owned();
        let thread = std::thread::spawn(move || {
            let opened =
                load_model(&model_path).and_then(|model| CachedProver::open(&model_path, model, true));
            let mut prover = opened.map_err(|failure| failure.message().to_owned());
            for order in incoming {
                let made =
                    prover.as_mut().map_err(|reason| reason.clone()).and_then(|prover| make(prover, &order));
                if let Err(reason) = made {
                    drop(report.send(format!("{}: {reason}", order.path.display())));
                }
            }
        });
        Self { orders, thread, failures, root, folder: None, failed: None }
    }

    /// Orders the proof of a move; its file's name.
    fn order(
        &mut self,
        model: &Model,
        record: &GameRecord,
        chosen: Move,
        level: Level,
        seed: Seed,
    ) -> Result<PathBuf, String> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(new_folder(&self.root)?),
        };
        let uci = GameRecord::uci(chosen);
        let path = folder.join(format!("{:04}-{uci}.proof", record.game_ply()));
        let seeds = if level.is_random() { vec![seed] } else { Vec::new() };
        let statement = Statement::single([0; 32], record, chosen)
            .and_then(|statement| statement.at_level(level, &seeds))
            .map_err(|error| error.to_string())?;
        let facts = json!({
            "digest": model.digest().to_string(),
            "fen": record.start_fen(),
            "moves": record.uci_moves().join(" "),
            "move": uci,
            "level": level.number(),
            "seed": seeds.first().map(hex::encode),
        });
        let order = Order { statement, path: path.clone(), facts };
        self.orders.send(order).map_err(|_| "the prover has stopped".to_owned())?;
        Ok(path)
    }

    /// What went wrong since the last time.
    fn failures(&mut self) -> std::vec::IntoIter<String> {
        let new: Vec<String> = self.failures.try_iter().collect();
        self.failed = new.last().cloned().or_else(|| self.failed.take());
        new.into_iter()
    }

    /// Waits for the proofs ordered; an error if any could not be made.
    fn finish(mut self) -> Outcome {
        drop(self.orders);
        self.thread.join().map_err(|_| misuse("the prover has stopped"))?;
        let last = self.failures.try_iter().last().or(self.failed.take());
        last.map_or(Ok(()), |reason| Err(misuse(format!("no proof: {reason}"))))
    }
}

/// The first `game-NNNN` that is not there yet; other engines may be at work in the same folder.
fn new_folder(root: &Path) -> Result<PathBuf, String> {
    let named = |error: std::io::Error| format!("{}: {error}", root.display());
    std::fs::create_dir_all(root).map_err(named)?;
    for number in 1.. {
        let folder = root.join(format!("game-{number:04}"));
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(named(error)),
            Ok(()) => return Ok(folder),
        }
    }
    Err(format!("{}: full", root.display()))
}

/// Proves, then writes both files, the proof last and under its name only when it is whole.
fn make(prover: &mut CachedProver, order: &Order) -> Result<(), String> {
    let proved = prover
        .prove(&order.statement, engine_circuit::Profile::Live)
        .map_err(|failure| failure.message().to_owned())?;
    let proof = proved.map_err(|error| error.to_string())?.proof;
    let partial = order.path.with_extension("partial");
    std::fs::write(order.path.with_extension("json"), format!("{}\n", order.facts))
        .and_then(|()| std::fs::write(&partial, proof))
        .and_then(|()| std::fs::rename(&partial, &order.path))
        .map_err(|error| error.to_string())
}
