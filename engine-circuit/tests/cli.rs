//! The binary `engine` as a user meets it: exit codes, JSON keys, one-line reasons.
#![cfg(feature = "cli")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use engine_circuit::bundle::{Bundle, pgn};
use engine_circuit::{Model, Prover, Statement};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::{Color, Position};
use serde_json::Value;
use tempfile::TempDir;

const GAME_ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn engine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("xdg"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs and expects an exit code; gives stdout. Failures have one line on stderr and nothing on stdout.
fn run(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = engine(folder, arguments);
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    if code == 0 {
        assert_eq!(stderr, "", "{arguments:?}");
    } else {
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert_eq!(stderr.starts_with("engine: rejected: "), code == 1, "{stderr}");
        assert_eq!(stdout, "");
    }
    if code == 0 { stdout } else { stderr }
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let text = run(folder, 0, &arguments);
    assert_eq!(text.lines().count(), 1);
    serde_json::from_str(&text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A folder with two models, one proof after 1. e4, and a game with its proof, made once.
fn world() -> &'static Path {
    static WORLD: OnceLock<TempDir> = OnceLock::new();
    WORLD
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path();
            for (seed, out) in [("7", "a.model"), ("8", "b.model")] {
                run(
                    at,
                    0,
                    &["model", "new", "--channels", "16", "--blocks", "1", "--seed", seed, "--out", out],
                );
            }
            run(
                at,
                0,
                &[
                    "prove",
                    "--model",
                    "a.model",
                    "--fen",
                    START_FEN,
                    "--moves",
                    "e2e4",
                    "--game-id",
                    GAME_ID,
                    "--ply",
                    "1",
                    "--out",
                    "p",
                ],
            );
            run(
                at,
                0,
                &[
                    "selfplay",
                    "--model",
                    "a.model",
                    "--opening",
                    "d2d4",
                    "--seed",
                    "3",
                    "--max-plies",
                    "9",
                    "--side",
                    "black",
                    "--out",
                    "g.pgn",
                ],
            );
            run(
                at,
                0,
                &[
                    "prove-game",
                    "--model",
                    "a.model",
                    "--pgn",
                    "g.pgn",
                    "--side",
                    "black",
                    "--game-id",
                    GAME_ID,
                    "--out",
                    "g.proof",
                ],
            );
            folder
        })
        .path()
}

fn own_move() -> String {
    let value = json(world(), &["eval", "--model", "a.model", "--fen", START_FEN, "--moves", "e2e4"]);
    value["move"].as_str().unwrap().to_owned()
}

/// Verifies the world's proof with some arguments replaced.
fn verify(code: i32, changes: &[(&str, &str)]) -> String {
    let own = own_move();
    let mut arguments = BTreeMap::from([
        ("--vk", "a.vk"),
        ("--fen", START_FEN),
        ("--moves", "e2e4"),
        ("--game-id", GAME_ID),
        ("--ply", "1"),
        ("--move", own.as_str()),
        ("--proof", "p"),
    ]);
    for &(name, value) in changes {
        if value.is_empty() {
            arguments.remove(name)
        } else {
            arguments.insert(name, value)
        };
    }
    let list: Vec<&str> =
        std::iter::once("verify").chain(arguments.iter().flat_map(|(name, value)| [*name, *value])).collect();
    run(world(), code, &list)
}

#[test]
fn models_are_made_shown_and_checked() {
    let info = json(world(), &["model", "info", "a.model"]);
    assert_eq!(keys(&info), ["blocks", "channels", "digest", "macs", "parameters"]);
    assert_eq!((info["channels"].as_u64(), info["blocks"].as_u64()), (Some(16), Some(1)));
    assert_eq!(info["macs"].as_u64(), Some((16 * (20 + 16 + 16) * 9 + 76 * 16) * 64));
    run(world(), 0, &["model", "check", "a.model"]);
    let key = std::fs::read(world().join("a.vk")).unwrap();
    std::fs::copy(world().join("a.model"), world().join("c.model")).unwrap();
    run(world(), 0, &["model", "vk", "c.model"]);
    assert_eq!(std::fs::read(world().join("c.vk")).unwrap(), key);
}

#[test]
fn a_quantised_network_becomes_the_same_model() {
    let model = Model::load(&world().join("a.model")).unwrap();
    std::fs::write(world().join("q.quant"), model.network().to_bytes()).unwrap();
    let made = json(world(), &["model", "import", "q.quant", "--out", "q.model"]);
    assert_eq!(made["digest"].as_str(), Some(model.digest().to_string().as_str()));
    assert_eq!(std::fs::read(world().join("q.model")).unwrap(), model.to_bytes());
    assert!(world().join("q.vk").exists());
    run(world(), 2, &["model", "import", "a.vk", "--out", "x.model"]);
    run(world(), 2, &["model", "import", "q.quant", "--out", "x.vk"]);
}

#[test]
fn a_damaged_or_forged_model_does_not_pass_the_check() {
    let bytes = std::fs::read(world().join("a.model")).unwrap();
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    std::fs::write(world().join("damaged.model"), &damaged).unwrap();
    run(world(), 1, &["model", "check", "damaged.model"]);
    run(world(), 2, &["model", "info", "damaged.model"]);
    run(world(), 2, &["eval", "--model", "damaged.model", "--fen", START_FEN]);
    // Consistent with itself, but with the commitment of nothing.
    let model = Model::load(&world().join("a.model")).unwrap();
    let value = engine_circuit::model::weights_point(&[5; 32]);
    let forged = Model::from_parts(model.network().clone(), [5; 32], value);
    std::fs::write(world().join("forged.model"), forged.to_bytes()).unwrap();
    run(world(), 0, &["model", "info", "forged.model"]);
    run(world(), 1, &["model", "check", "forged.model"]);
    run(world(), 2, &["prove", "--model", "forged.model", "--fen", START_FEN, "--out", "x"]);
}

#[test]
fn evaluation_lists_the_legal_moves() {
    let value = json(world(), &["eval", "--model", "a.model", "--fen", START_FEN, "--moves", "e2e4 e7e5"]);
    assert_eq!(keys(&value), ["move", "policy", "value"]);
    assert_eq!(keys(&value["value"]), ["draw", "loss", "raw", "win"]);
    let policy = value["policy"].as_array().unwrap();
    assert_eq!(policy.len(), 29);
    assert_eq!(keys(&policy[0]), ["logit", "probability", "uci"]);
    assert_eq!(policy[0]["uci"], value["move"]);
    let total: f64 = policy.iter().map(|entry| entry["probability"].as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-9);
}

#[test]
fn a_proof_is_made_and_verified() {
    let proved = json(world(), &["prove", "--model", "a.model", "--fen", START_FEN, "--out", "p2"]);
    assert_eq!(
        keys(&proved),
        ["digest", "infer_ms", "move", "peak_rss_mib", "proof_bytes", "prove_ms", "security_bits"]
    );
    assert!(proved["security_bits"].as_f64().unwrap() >= 100.0);
    assert!(proved["peak_rss_mib"].as_f64().unwrap() > 1.0);
    let mv = proved["move"].as_str().unwrap();
    let verified =
        json(world(), &["verify", "--vk", "a.vk", "--fen", START_FEN, "--move", mv, "--proof", "p2"]);
    assert_eq!(keys(&verified), ["verify_ms"]);
    assert_eq!(std::fs::metadata(world().join("p2")).unwrap().len(), proved["proof_bytes"].as_u64().unwrap());
    verify(0, &[]);
}

/// At full work: some seconds a proof.
#[test]
fn the_chains_profile_is_named_on_both_sides() {
    let place = ["--fen", START_FEN, "--moves", "e2e4"];
    let prove =
        [&["prove", "--model", "a.model", "--profile", "chain", "--out", "c.proof"], place.as_slice()];
    let proved = json(world(), &prove.concat());
    assert!(proved["security_bits"].as_f64().unwrap() >= 100.0);
    let live = std::fs::metadata(world().join("p")).unwrap().len();
    assert!(proved["proof_bytes"].as_u64().unwrap() < live * 2 / 3);
    let mv = proved["move"].as_str().unwrap();
    let verify = ["verify", "--vk", "a.vk", "--move", mv, "--proof", "c.proof"];
    let verify = [verify.as_slice(), &place].concat();
    run(world(), 0, &[verify.as_slice(), &["--profile", "chain"]].concat());
    run(world(), 1, &[verify.as_slice(), &["--profile", "live"]].concat());
    run(world(), 1, &verify);
    run(world(), 2, &[verify.as_slice(), &["--profile", "other"]].concat());
    let game = ["--side", "black", "--pgn", "g.pgn"];
    let prove = ["prove-game", "--model", "a.model", "--profile", "chain", "--out", "cg.proof"];
    run(world(), 0, &[prove.as_slice(), &game].concat());
    let verify = ["verify-game", "--vk", "a.vk", "--proof", "cg.proof"];
    run(world(), 0, &[verify.as_slice(), &game, &["--profile", "chain"]].concat());
    run(world(), 1, &[verify.as_slice(), &game].concat());
    run(world(), 2, &["verify-game", "--vk", "a.vk", "--bundle", "missing", "--profile", "chain"]);
}

#[test]
fn levels_and_values_are_part_of_the_statement() {
    let seed = "5a".repeat(32);
    let place = ["--fen", START_FEN, "--moves", "e2e4"];
    let at = |rest: &[&'static str]| [place.as_slice(), &["--model", "a.model"], rest].concat();
    let level = ["--level", "1", "--seed", &seed];
    let drawn = json(world(), &[&["eval"], at(&[]).as_slice(), &level].concat());
    let proved = json(world(), &[&["prove"], at(&["--value", "--out", "p3"]).as_slice(), &level].concat());
    assert_eq!(proved["move"], drawn["move"]);
    assert_eq!(proved["value"], drawn["value"]["raw"]);
    let value: Vec<String> = proved["value"].as_array().unwrap().iter().map(Value::to_string).collect();
    let value = value.join(",");
    let mv = proved["move"].as_str().unwrap();
    let check = |code: i32, level: &[&str], value: &[&str]| {
        let base = ["verify", "--vk", "a.vk", "--move", mv, "--proof", "p3"];
        run(world(), code, &[base.as_slice(), &place, level, value].concat())
    };
    check(0, &level, &["--value", &value]);
    check(1, &level, &[]);
    check(1, &level, &["--value", "1,2,3"]);
    check(1, &["--level", "2", "--seed", &seed], &["--value", &value]);
    check(1, &["--level", "1", "--seed", &"5b".repeat(32)], &["--value", &value]);
    check(1, &[], &["--value", &value]);
    check(2, &["--level", "1"], &["--value", &value]);
    check(2, &["--level", "9"], &["--value", &value]);
    check(2, &["--seed", &seed], &["--value", &value]);
    check(2, &level, &["--value", "1,2"]);
}

#[test]
fn a_game_at_a_level_is_proven_with_its_seeds() {
    let folder = world();
    let own = ["--model", "a.model", "--side", "white", "--level", "2"];
    let play = ["selfplay", "--max-plies", "6", "--out", "l.pgn", "--seeds-out", "l.seeds"];
    run(folder, 0, &[play.as_slice(), &own].concat());
    let seeds = std::fs::read_to_string(folder.join("l.seeds")).unwrap();
    assert_eq!(seeds.lines().count(), 3);
    let prove = ["prove-game", "--pgn", "l.pgn", "--seeds", "l.seeds", "--out", "l.proof"];
    run(folder, 0, &[prove.as_slice(), &own].concat());
    let verify = |code, rest: &[&str]| {
        let base = ["verify-game", "--vk", "a.vk", "--pgn", "l.pgn", "--side", "white", "--proof", "l.proof"];
        run(folder, code, &[base.as_slice(), rest].concat())
    };
    verify(0, &["--level", "2", "--seeds", "l.seeds"]);
    verify(1, &["--level", "3", "--seeds", "l.seeds"]);
    verify(1, &[]);
    std::fs::write(
        folder.join("m.seeds"),
        seeds.lines().rev().collect::<Vec<_>>().join(
            "
",
        ),
    )
    .unwrap();
    verify(1, &["--level", "2", "--seeds", "m.seeds"]);
    std::fs::write(
        folder.join("n.seeds"),
        "12
",
    )
    .unwrap();
    verify(2, &["--level", "2", "--seeds", "n.seeds"]);
    verify(2, &["--level", "2"]);
    let both = ["selfplay", "--model", "a.model", "--level", "2", "--out", "x.pgn", "--seeds-out", "x.seeds"];
    run(folder, 2, &both);
}

#[test]
fn every_other_statement_is_rejected() {
    let own = own_move();
    let other = if own == "a7a6" { "h7h6" } else { "a7a6" };
    verify(1, &[("--move", other)]);
    verify(1, &[("--move", "a2a3")]);
    verify(1, &[("--game-id", "")]);
    verify(1, &[("--vk", "b.vk")]);
    verify(1, &[("--moves", "d2d4"), ("--move", &own)]);
    // The same board without the last move, and at another move number.
    let after = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
    verify(1, &[("--fen", after), ("--moves", "")]);
    verify(1, &[("--fen", &START_FEN.replace("0 1", "0 2")), ("--ply", "3")]);
    verify(1, &[("--fen", &START_FEN.replace("KQkq", "KQk"))]);
    let reason = verify(2, &[("--ply", "2")]);
    assert!(reason.contains("--ply 2") && reason.contains(" 1 half-moves"), "{reason}");
}

#[test]
fn damaged_proofs_are_rejected() {
    let proof = std::fs::read(world().join("p")).unwrap();
    let try_proof = |name: &str, bytes: &[u8]| {
        std::fs::write(world().join(name), bytes).unwrap();
        verify(1, &[("--proof", name)]);
    };
    for at in [0, 40, proof.len() / 2, proof.len() - 1] {
        let mut flipped = proof.clone();
        flipped[at] ^= 1;
        try_proof("flipped", &flipped);
    }
    try_proof("cut", &proof[..proof.len() - 1]);
    try_proof("empty", &[]);
    try_proof("long", &[proof.as_slice(), &[0]].concat());
}

#[test]
fn misuse_is_told_apart() {
    let after_mate = "f2f3 e7e5 g2g4 d8h4";
    for arguments in [
        vec![],
        vec!["nonsense"],
        vec!["eval", "--model", "a.model"],
        vec!["eval", "--model", "missing.model", "--fen", START_FEN],
        vec!["eval", "--model", "a.model", "--fen", "nonsense"],
        vec!["eval", "--model", "a.model", "--fen", START_FEN, "--moves", "e2e5"],
        vec!["eval", "--model", "a.model", "--fen", START_FEN, "--moves", after_mate],
        vec!["eval", "--model", "a.vk", "--fen", START_FEN],
        vec!["prove", "--model", "a.model", "--fen", START_FEN, "--moves", after_mate, "--out", "x"],
        vec!["prove", "--model", "a.model", "--fen", START_FEN, "--game-id", "12", "--out", "x"],
        vec!["prove", "--model", "a.model", "--fen", START_FEN, "--ply", "1", "--out", "x"],
        vec!["prove", "--model", "a.model", "--fen", START_FEN, "--out", "no/folder/x"],
        vec!["model", "new", "--channels", "15", "--blocks", "1", "--seed", "1", "--out", "x.model"],
        vec!["model", "new", "--channels", "384", "--blocks", "24", "--seed", "1", "--out", "x.model"],
        vec!["verify-game", "--vk", "a.vk"],
        vec!["verify-game", "--vk", "a.vk", "--pgn", "g.pgn", "--proof", "g.proof"],
        vec!["verify-game", "--vk", "a.vk", "--pgn", "a.vk", "--side", "white", "--proof", "g.proof"],
        vec!["bench", "--model", "a.model", "--positions", "0"],
        vec!["bench", "--model", "a.model", "--positions", "missing"],
    ] {
        run(world(), 2, &arguments);
    }
    let far = START_FEN.replace("0 1", "0 4294967295");
    run(world(), 2, &["eval", "--model", "a.model", "--fen", &far]);
    verify(2, &[("--vk", "a.model")]);
    verify(2, &[("--vk", "p")]);
    verify(2, &[("--move", "nonsense")]);
    verify(2, &[("--proof", "missing")]);
    run(world(), 0, &["--help"]);
    run(world(), 0, &["prove", "--help"]);
}

#[test]
fn only_the_networks_own_move_is_proven() {
    let own = own_move();
    let other = if own == "a7a6" { "h7h6" } else { "a7a6" };
    let base = ["prove", "--model", "a.model", "--fen", START_FEN, "--moves", "e2e4", "--out", "m", "--move"];
    run(world(), 0, &[base.as_slice(), &[&own]].concat());
    assert!(run(world(), 1, &[base.as_slice(), &[other]].concat()).contains(&own));
}

#[test]
fn a_game_is_proven_and_verified() {
    let base = ["verify-game", "--vk", "a.vk", "--pgn", "g.pgn", "--side", "black", "--game-id", GAME_ID];
    let verified = json(world(), &[base.as_slice(), &["--proof", "g.proof"]].concat());
    assert_eq!(keys(&verified), ["moves", "verify_ms"]);
    assert_eq!(verified["moves"].as_u64(), Some(5));
    run(world(), 1, &[base.as_slice(), &["--proof", "p"]].concat());
    run(
        world(),
        1,
        &[
            "verify-game",
            "--vk",
            "b.vk",
            "--pgn",
            "g.pgn",
            "--side",
            "black",
            "--game-id",
            GAME_ID,
            "--proof",
            "g.proof",
        ],
    );
    run(
        world(),
        1,
        &["verify-game", "--vk", "a.vk", "--pgn", "g.pgn", "--side", "black", "--proof", "g.proof"],
    );
    run(
        world(),
        1,
        &[
            "verify-game",
            "--vk",
            "a.vk",
            "--pgn",
            "g.pgn",
            "--side",
            "white",
            "--game-id",
            GAME_ID,
            "--proof",
            "g.proof",
        ],
    );
    // The random side's moves are not the network's; nor are they for the other network.
    for (model, side) in [("a.model", "white"), ("b.model", "black")] {
        let reason = run(
            world(),
            1,
            &["prove-game", "--model", model, "--pgn", "g.pgn", "--side", side, "--out", "x"],
        );
        assert!(reason.contains("ply ") && reason.contains("the network plays"), "{reason}");
    }
}

/// The world's game with one proof a move.
fn bundle() -> Bundle {
    let model = Model::load(&world().join("a.model")).unwrap();
    let digest = model.digest();
    let game = pgn::read(&std::fs::read(world().join("g.pgn")).unwrap()).unwrap();
    let prover = Prover::in_memory(Arc::new(model)).unwrap();
    let proofs =
        (0..game.record.ply()).filter(|&ply| game.record.position_at(ply).unwrap().turn().is_black());
    let proofs = proofs.map(|ply| {
        let statement =
            Statement::single([7; 32], &game.record.truncated(ply), game.record.moves()[ply]).unwrap();
        (ply as u32, prover.prove(&statement, engine_circuit::Profile::Live).unwrap().proof)
    });
    Bundle::new(&game.record, &game.tags, digest, [7; 32], Color::Black, proofs.collect())
}

#[test]
fn a_bundle_is_verified_and_a_changed_one_is_not() {
    let good = bundle();
    let write = |name: &str, bundle: &Bundle| {
        std::fs::write(world().join(name), bundle.write().unwrap()).unwrap();
    };
    let check =
        |code: i32, vk: &str, name: &str| run(world(), code, &["verify-game", "--vk", vk, "--bundle", name]);
    write("good.bundle", &good);
    check(0, "a.vk", "good.bundle");
    run(world(), 0, &["verify-game", "--vk", "a.vk", "--bundle", "good.bundle", "--side", "black"]);
    run(world(), 1, &["verify-game", "--vk", "a.vk", "--bundle", "good.bundle", "--side", "white"]);
    run(world(), 1, &["verify-game", "--vk", "a.vk", "--bundle", "good.bundle", "--game-id", GAME_ID]);
    assert!(check(1, "b.vk", "good.bundle").contains("model"));

    let remade = |record: &GameRecord, id: [u8; 32], proofs: BTreeMap<u32, Vec<u8>>| {
        Bundle::new(record, good.tags(), good.digest(), id, good.side(), proofs)
    };
    let mut missing = good.proofs().clone();
    let last = missing.pop_last().unwrap();
    write("bad.bundle", &remade(good.record(), [7; 32], missing.clone()));
    assert!(check(1, "a.vk", "bad.bundle").contains(&format!("ply {}", last.0)));
    write("bad.bundle", &remade(good.record(), [8; 32], good.proofs().clone()));
    check(1, "a.vk", "bad.bundle");
    let mut extra = good.proofs().clone();
    extra.insert(last.0 + 1, last.1.clone());
    write("bad.bundle", &remade(good.record(), [7; 32], extra));
    check(1, "a.vk", "bad.bundle");
    let mut flipped = good.proofs().clone();
    flipped.values_mut().next().unwrap()[50] ^= 1;
    write("bad.bundle", &remade(good.record(), [7; 32], flipped));
    check(1, "a.vk", "bad.bundle");
    let mut other = good.record().truncated(last.0 as usize);
    let played = good.record().moves()[last.0 as usize];
    let change = other.position().legal_moves().iter().copied().find(|&mv| mv != played).unwrap();
    other.play(change).unwrap();
    write("bad.bundle", &remade(&other, [7; 32], good.proofs().clone()));
    check(1, "a.vk", "bad.bundle");

    let bytes = good.write().unwrap();
    std::fs::write(world().join("bad.bundle"), &bytes[..bytes.len() - 1]).unwrap();
    check(1, "a.vk", "bad.bundle");
    std::fs::write(world().join("bad.bundle"), b"").unwrap();
    check(1, "a.vk", "bad.bundle");
    check(2, "a.vk", "missing.bundle");
}

#[test]
fn the_benchmark_reports_its_keys() {
    std::fs::write(world().join("fens"), format!("{START_FEN}\n\n{START_FEN}\n")).unwrap();
    for (positions, batch) in [("3", "1"), ("fens", "3")] {
        let bench =
            json(world(), &["bench", "--model", "a.model", "--positions", positions, "--batch", batch]);
        assert_eq!(
            keys(&bench),
            [
                "batch",
                "infer_ms_p50",
                "peak_rss_mib",
                "proof_bytes",
                "prove_ms_p50",
                "prove_ms_p95",
                "stages",
                "verify_ms_p50"
            ]
        );
        assert_eq!(keys(&bench["stages"]), ["LogUp", "commit", "convolutions", "openings", "witness"]);
        assert!(bench["prove_ms_p50"].as_f64().unwrap() > 0.0);
    }
    run(world(), 0, &["bench", "--model", "a.model", "--positions", "1"]);
}

/// A fresh folder with the world's model.
fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(world().join("a.model"), folder.path().join("a.model")).unwrap();
    let cache = folder.path().join("a.cache");
    (folder, cache)
}

#[test]
fn a_damaged_cache_is_built_again() {
    let (folder, cache) = fresh();
    let prove = || run(folder.path(), 0, &["prove", "--model", "a.model", "--fen", START_FEN, "--out", "p"]);
    prove();
    let good = std::fs::read(&cache).unwrap();
    type Damage = (&'static str, fn(&mut Vec<u8>));
    let damage: [Damage; 5] = [
        ("all bytes", |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0xff)),
        ("all but the header and the root", |bytes| bytes[128..].iter_mut().for_each(|byte| *byte ^= 0xff)),
        ("the rows", |bytes| {
            let half = bytes.len() / 2;
            bytes[half..].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x11);
        }),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", Vec::clear),
    ];
    for (name, damage) in damage {
        let mut bytes = good.clone();
        damage(&mut bytes);
        // A new file, as the old one may be mapped.
        std::fs::remove_file(&cache).unwrap();
        std::fs::write(&cache, bytes).unwrap();
        prove();
        assert!(std::fs::read(&cache).unwrap() == good, "{name}");
    }
    // A cache of another model.
    std::fs::copy(world().join("b.model"), folder.path().join("a.model")).unwrap();
    prove();
    assert!(std::fs::read(&cache).unwrap() != good);
}

#[test]
fn the_cache_goes_elsewhere_if_it_cannot_lie_beside_the_model() {
    let (folder, cache) = fresh();
    // A folder of that name can't be replaced by a file, whoever runs the test.
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("occupied"), b"").unwrap();
    run(folder.path(), 0, &["prove", "--model", "a.model", "--fen", START_FEN, "--out", "p"]);
    assert_eq!(std::fs::read_dir(folder.path().join("xdg/fairmate")).unwrap().count(), 1);
}

#[test]
fn a_closed_pipe_is_no_error() {
    for arguments in [vec!["--help"], vec!["eval", "--model", "a.model", "--fen", START_FEN]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .current_dir(world())
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), b"".as_slice()),
            "{arguments:?}"
        );
    }
}

#[test]
fn selfplay_ends_by_the_rules_and_starts_after_its_opening() {
    let out = json(
        world(),
        &[
            "selfplay",
            "--model",
            "a.model",
            "--opening",
            "e2e4",
            "--random-plies",
            "3",
            "--seed",
            "5",
            "--max-plies",
            "200",
            "--out",
            "s.pgn",
        ],
    );
    let game = pgn::read(&std::fs::read(world().join("s.pgn")).unwrap()).unwrap();
    assert_eq!(game.record.ply() as u64, out["plies"].as_u64().unwrap());
    assert_eq!(pgn::tag(&game.tags, "Result"), out["result"].as_str());
    assert!(pgn::tag(&game.tags, "FEN").is_some());
    assert_eq!(out["result"] == "*", game.record.ply() == 200);
}

#[test]
fn a_contracts_key_is_written() {
    let at = world();
    let value = json(at, &["export-verifier", "--vk", "a.vk", "--max-moves", "2", "--out", "contract"]);
    assert_eq!(keys(&value), ["bytes", "max_moves", "model"]);
    assert_eq!(std::fs::metadata(at.join("contract")).unwrap().len(), value["bytes"].as_u64().unwrap());
    for moves in ["0", "256", "257"] {
        run(at, 2, &["export-verifier", "--vk", "a.vk", "--max-moves", moves, "--out", "none"]);
    }
}
