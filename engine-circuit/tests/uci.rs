//! `engine uci` as a chess program meets it: the real process, its pipes, nothing outside the protocol.
#![cfg(feature = "cli")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use engine_circuit::{Model, evaluate};
use protocol::GameRecord;
use protocol::record::START_FEN;
use serde_json::Value;
use tempfile::TempDir;

const SEED: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn engine(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("xdg")).stdin(Stdio::null());
    command
}

/// A folder with a small model.
fn world() -> &'static Path {
    static WORLD: OnceLock<TempDir> = OnceLock::new();
    WORLD
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let arguments = "model new --channels 16 --blocks 1 --seed 7 --out a.model".split(' ');
            assert!(engine(folder.path()).args(arguments).output().unwrap().status.success());
            folder
        })
        .path()
}

struct Uci {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Uci {
    fn start(folder: &Path, model: &str, more: &[&str]) -> Self {
        let mut child = engine(folder)
            .args(["uci", "--model", model])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    fn send(&mut self, lines: &str) {
        writeln!(self.stdin, "{lines}").unwrap();
    }

    /// Lines up to the one that starts with a word, each of them one of the protocol's.
    fn until(&mut self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the end before {word}: {lines:?}");
            let line = line.trim_end().to_owned();
            let first = line.split(' ').next().unwrap().to_owned();
            let known = ["id", "option", "uciok", "readyok", "info", "bestmove"];
            assert!(known.contains(&first.as_str()), "{line}");
            lines.push(line);
            if first == word {
                return lines;
            }
        }
    }

    /// Sends and reads up to the move.
    fn go(&mut self, commands: &str) -> Vec<String> {
        self.send(commands);
        self.until("bestmove")
    }

    /// Exit code and the lines of stderr; nothing more may come on stdout.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        drop(self.stdin);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        let output = self.child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr.lines().map(str::to_owned).collect())
    }
}

fn evaluation(moves: &str) -> (Model, engine_circuit::Evaluation) {
    let model = Model::load(&world().join("a.model")).unwrap();
    let record = GameRecord::replay(START_FEN, moves.split_whitespace()).unwrap();
    let evaluation = evaluate(&model, &record).unwrap();
    (model, evaluation)
}

#[test]
fn answers_uci_at_once_and_fails_in_one_line_when_the_model_is_none() {
    let mut uci = Uci::start(world(), "missing.model", &[]);
    uci.send("uci");
    let lines = uci.until("uciok");
    assert!(lines[0].starts_with("id name Fairmate "), "{lines:?}");
    assert!(lines.contains(&"option name MultiPV type spin default 1 min 1 max 256".to_owned()));
    uci.send("isready");
    let (code, stderr) = uci.end();
    assert_eq!((code, stderr.len()), (Some(2), 1), "{stderr:?}");
    assert!(stderr[0].contains("missing.model"), "{stderr:?}");
}

#[test]
fn plays_the_networks_move_and_names_the_model() {
    let (model, evaluation) = evaluation("e2e4 c7c5");
    let mut uci = Uci::start(world(), "a.model", &[]);
    uci.send("uci\nisready\nucinewgame");
    uci.until("readyok");
    let lines = uci.go("position startpos moves e2e4 c7c5\ngo wtime 1000 btime 1000");
    assert_eq!(lines[0], format!("info string model {}", model.digest()));
    assert_eq!(lines[2..], [format!("bestmove {}", GameRecord::uci(evaluation.best))]);
    assert!(lines[1].starts_with("info depth 1 seldepth 1 multipv 1 score cp "), "{lines:?}");

    // The same position by FEN has no last move, which the network sees; an unknown first word is passed over.
    let lines = uci.go(&format!("joho position fen {START_FEN} moves e2e4 c7c5\ngo nodes 1"));
    assert_eq!(lines[2..], [format!("bestmove {}", GameRecord::uci(evaluation.best))]);

    let lines = uci.go("setoption name MultiPV value 5\nsetoption name UCI_ShowWDL value true\ngo depth 9");
    let moves: Vec<&str> = lines[1..6].iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    let policy: Vec<&str> = evaluation.policy[..5].iter().map(|entry| entry.uci.as_str()).collect();
    assert_eq!(moves, policy);
    let scores: Vec<i32> = lines[1..6]
        .iter()
        .map(|line| line.split(' ').skip_while(|&word| word != "cp").nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let wdl: Vec<f64> = lines[1]
        .split(' ')
        .skip_while(|&word| word != "wdl")
        .skip(1)
        .take(3)
        .map(|number| number.parse().unwrap())
        .collect();
    for (promille, probability) in wdl.iter().zip(evaluation.value_probabilities) {
        assert!((promille - 1e3 * probability).abs() <= 1.0, "{wdl:?}");
    }
    let worst = &evaluation.policy.last().unwrap().uci;
    let lines = uci.go(&format!("go searchmoves {worst} e1e8"));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[2], format!("bestmove {worst}"));
    uci.send("quit");
    assert_eq!(uci.end(), (Some(0), Vec::new()));
}

#[test]
fn holds_the_move_back_until_stop_and_ponderhit() {
    let mut uci = Uci::start(world(), "a.model", &[]);
    for (go, release) in [("go infinite", "stop"), ("go ponder wtime 1 btime 1", "ponderhit")] {
        uci.send(&format!("position startpos\n{go}\nisready"));
        let lines = uci.until("readyok");
        assert!(lines.iter().all(|line| !line.starts_with("bestmove")), "{lines:?}");
        uci.send(release);
        assert_eq!(uci.until("bestmove").len(), 1);
    }
    // Nothing is held any more: a second release says nothing.
    uci.send("stop\nponderhit\nisready");
    assert_eq!(uci.until("readyok").len(), 1);
    assert_eq!(uci.end(), (Some(0), Vec::new()));
}

#[test]
fn says_what_it_can_not_do() {
    let mut uci = Uci::start(world(), "a.model", &[]);
    let mated = "fen 7k/5QQ1/8/8/8/8/8/K7 b - - 0 1";
    assert_eq!(uci.go(&format!("position {mated}\ngo")), ["info depth 0 score mate 0", "bestmove (none)"]);
    let stalemate = "fen 7k/5Q2/8/8/8/8/8/K7 b - - 0 1";
    assert_eq!(uci.go(&format!("position {stalemate}\ngo")), ["info depth 0 score cp 0", "bestmove (none)"]);
    for position in ["startpos moves e2e5", "fen nonsense", "", "fen"] {
        let lines = uci.go(&format!("position {position}\ngo"));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("info string ") && lines[1] == "bestmove (none)", "{lines:?}");
    }
    for option in
        ["name Hash value 16", "name MultiPV value 0", "name Level value 9", "name Seed value 1", "MultiPV"]
    {
        uci.send(&format!("setoption {option}\nisready"));
        let lines = uci.until("readyok");
        assert!(lines.len() == 2 && lines[0].starts_with("info string "), "{option}: {lines:?}");
    }
    uci.send("setoption name Seed value <empty>\nsetoption name Level value 8\n\n\nsetoption name Ponder value true\nisready");
    assert_eq!(uci.until("readyok").len(), 1);
    assert_eq!(uci.go("position startpos\ngo").len(), 3);
    assert_eq!(uci.end(), (Some(0), Vec::new()));
}

#[test]
fn levels_draw_by_the_seed() {
    let play = |options: &str| {
        let mut uci = Uci::start(world(), "a.model", &[]);
        uci.send(options);
        let mut moves: Vec<String> = Vec::new();
        for _ in 0..6 {
            let lines = uci.go(&format!("position startpos moves {}\ngo", moves.join(" ")));
            moves.push(lines.last().unwrap().replace("bestmove ", ""));
        }
        moves
    };
    let drawn = play(&format!("setoption name Level value 1\nsetoption name Seed value {SEED}"));
    assert_eq!(drawn, play(&format!("setoption name level value 1\nsetoption name SEED value {SEED}")));
    assert_ne!(drawn, play("setoption name Level value 8"));
    assert_ne!(drawn, play("setoption name Level value 1"), "without a seed each game has its own");
}

#[test]
fn strength_is_limited_by_the_measured_elo_of_the_levels() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::copy(world().join("a.model"), at.join("a.model")).unwrap();
    let index = "[[model]]\ndigest = \"a\"\nlevel_elo = [100, 200, 300, 400, 500, 600, 700, 800]\n";
    std::fs::write(at.join("index.toml"), index).unwrap();
    let play = |options: &str| {
        let mut uci = Uci::start(at, "a.model", &[]);
        uci.send("uci");
        let declared = uci.until("uciok");
        assert!(declared.contains(&"option name UCI_Elo type spin default 800 min 100 max 800".to_owned()));
        uci.go(&format!("{options}\nsetoption name Seed value {SEED}\nposition startpos\ngo")).pop().unwrap()
    };
    let limit = "setoption name UCI_LimitStrength value true\nsetoption name UCI_Elo value";
    let level = "setoption name Level value";
    // At the seed's draw these levels play different moves.
    let (first, strongest) = (play(&format!("{level} 1")), play(&format!("{level} 8")));
    assert_ne!(first, strongest);
    assert_eq!(play(&format!("{limit} 140")), first);
    assert_eq!(play(&format!("{limit} 800")), strongest);
    assert_eq!(play("setoption name UCI_Elo value 100"), strongest, "without UCI_LimitStrength");

    let mut uci = Uci::start(world(), "a.model", &[]);
    uci.send("uci\nsetoption name UCI_Elo value 800");
    assert!(uci.until("uciok").iter().all(|line| !line.contains("UCI_Elo")), "no measurement, no Elo");
    uci.send("isready");
    assert!(uci.until("readyok")[0].starts_with("info string "));
}

/// Everything that `engine verify` is told comes from the file beside the proof.
fn verify(proof: &Path) -> bool {
    let facts: Value = serde_json::from_slice(&std::fs::read(proof.with_extension("json")).unwrap()).unwrap();
    let text = |key: &str| facts[key].as_str().unwrap();
    let level = facts["level"].to_string();
    let mut command = engine(world());
    command.args(["verify", "--vk", "a.vk", "--fen", text("fen"), "--moves", text("moves")]);
    command.args(["--move", text("move"), "--level", &level, "--proof"]).arg(proof);
    if let Some(seed) = facts["seed"].as_str() {
        command.args(["--seed", seed]);
    }
    command.output().unwrap().status.success()
}

#[test]
fn proves_the_moves_behind_them() {
    let mut uci = Uci::start(world(), "a.model", &["--proof-mode", "gkr", "--proof-dir", "proofs"]);
    let mut proofs = Vec::new();
    let mut play = |uci: &mut Uci, commands: &str| {
        let lines = uci.go(commands);
        let path = lines.iter().find_map(|line| line.strip_prefix("info string proof "));
        proofs.extend(path.map(|path| world().join(path)));
        lines
    };
    play(&mut uci, "position startpos\ngo");
    play(&mut uci, "ucinewgame\nposition startpos moves e2e4\ngo");
    play(&mut uci, &format!("setoption name Level value 2\nsetoption name Seed value {SEED}\ngo"));
    let lines = play(&mut uci, "go searchmoves a7a6");
    assert!(lines.iter().any(|line| line.starts_with("info string no proof: ")), "{lines:?}");
    uci.send("quit");
    assert_eq!(uci.end(), (Some(0), Vec::new()));

    let folders: Vec<PathBuf> = proofs.iter().map(|proof| proof.parent().unwrap().to_owned()).collect();
    assert_eq!(proofs.len(), 3);
    assert!(folders[0] != folders[1] && folders[1] == folders[2], "{folders:?}");
    for proof in &proofs {
        assert!(verify(proof), "{}", proof.display());
    }
    // The file beside the second proof doesn't fit the first.
    std::fs::copy(proofs[1].with_extension("json"), proofs[0].with_extension("json")).unwrap();
    assert!(!verify(&proofs[0]));
}

#[test]
fn a_proof_that_can_not_be_written_is_reported() {
    std::fs::write(world().join("file"), "").unwrap();
    let mut uci = Uci::start(world(), "a.model", &["--proof-mode", "gkr", "--proof-dir", "file/below"]);
    let lines = uci.go("position startpos\ngo");
    assert!(lines.iter().any(|line| line.starts_with("info string no proof: ")), "{lines:?}");
    assert_eq!(uci.end().0, Some(0));
}
