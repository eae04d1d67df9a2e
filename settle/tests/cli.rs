//! The command `settle` as its users run it: keys, misuse, and a game for stakes on a devnet from offer to dispute.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::{BOND, RESPONSE_SECONDS, STAKE, model, model_path};
use engine_circuit::sampling::SeedChain;
use serde_json::{Value, json};
use settle::account::create_key_file;
use settle::devnet::Description;
use settle::{Account, proof};
use settlement::game_file::{GameFile, SignedMove};
use settlement::signed::{SignedOffer, SignedState};
use settlement::typed_data::{Domain, Offer};

fn settle(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_settle"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The object that a command with `--json` prints when all is well.
fn object(folder: &Path, arguments: &[&str]) -> Value {
    let output = settle(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The one line on stderr of a command that ends with this code.
fn failure(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = settle(folder, arguments);
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(output.stdout.is_empty() && line.starts_with("settle: "), "{line}");
    line
}

#[test]
fn keys_are_made_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("phrase"), "a pass phrase\n").unwrap();
    let made = object(folder, &["key", "new", "--out", "my.key", "--password-file", "phrase"]);
    let shown = object(folder, &["key", "address", "my.key"]);
    assert_eq!(made["address"], shown["address"]);
    let account = Account::from_file(&folder.join("my.key"), "a pass phrase").unwrap();
    assert_eq!(shown["address"], json!(account.address()));
    let line = failure(folder, &["key", "new", "--out", "my.key", "--password-file", "phrase"], 2);
    assert!(line.contains("my.key") && line.contains("exists"), "{line}");
    let line = failure(folder, &["key", "new", "--out", "other.key"], 2);
    assert!(line.contains("--password-file"), "{line}");
    assert!(!folder.join("other.key").exists());
    std::fs::write(folder.join("empty"), "\n").unwrap();
    failure(folder, &["key", "new", "--out", "other.key", "--password-file", "empty"], 2);
    failure(folder, &["key", "address", "phrase"], 2);
}

#[test]
fn misuse_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    create_key_file(&folder.join("my.key"), "right").unwrap();
    std::fs::write(folder.join("phrase"), "wrong").unwrap();
    failure(folder, &[], 2);
    failure(folder, &["frobnicate"], 2);
    let key = ["--key-file", "my.key", "--password-file", "phrase"];
    let vk = model_path().with_extension("vk");
    let deploy = ["deploy", "--rpc", "http://127.0.0.1:1", "--patience", "0", "--vk", vk.to_str().unwrap()];
    let line = failure(folder, &[deploy.as_slice(), &key].concat(), 2);
    assert!(line.contains("wrong pass phrase"), "{line}");
    std::fs::write(folder.join("phrase"), "right").unwrap();
    // Nothing listens on port 1.
    let line = failure(folder, &[deploy.as_slice(), &key].concat(), 2);
    assert!(
        line.contains("no Ethereum node answers at http://127.0.0.1:1/") && line.contains("settle devnet"),
        "{line}"
    );
    for (rpc, expected) in [
        ("nowhere", "not an address"),
        ("ftp://127.0.0.1", "not an address"),
        #[cfg(not(feature = "tls"))]
        ("https://node.example/a-secret-access-key", "--features tls"),
    ] {
        let line = failure(
            folder,
            &[["deploy", "--vk", vk.to_str().unwrap(), "--rpc", rpc].as_slice(), &key].concat(),
            2,
        );
        assert!(line.contains(expected) && !line.contains("a-secret-access-key"), "{line}");
    }
    for (content, expected) in [("{", "EOF"), ("{\"offer\": 1}", "SignedOffer"), ("[]", "invalid")] {
        std::fs::write(folder.join("game.json"), content).unwrap();
        let line = failure(folder, &["status", "--rpc", "http://127.0.0.1:1", "--game", "game.json"], 2);
        assert!(line.contains("game.json") && line.contains(expected), "{line}");
    }
}

/// `settle devnet`; killed with its anvil when a test ends early.
struct Devnet {
    child: Child,
    description: Description,
}

impl Devnet {
    fn start(folder: &Path, port: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_settle"))
            .args(["devnet", "--port", port, "--state", "net", "--json", "--model"])
            .arg(model_path())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { description: serde_json::from_str(&line).unwrap(), child }
    }

    /// SIGTERM, as a service manager sends it.
    fn stop(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(Command::new("kill").arg(self.child.id().to_string()).status());
            drop(self.child.wait());
        }
    }
}

#[test]
fn without_anvil_the_devnet_says_how_to_get_it() {
    if settle::devnet::anvil_program().is_none() {
        let folder = tempfile::tempdir().unwrap();
        let line = failure(folder.path(), &["devnet"], 2);
        assert!(line.contains("contracts/tools/set-up"), "{line}");
    }
}

/// The offers and moves are the library's, everything on chain is the command's.
#[test]
fn a_dispute_on_a_devnet() {
    if !common::anvil_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The prover's cache goes beside the model.
    let model_file = folder.join("shipped.model");
    std::fs::copy(model_path(), &model_file).unwrap();
    let devnet = Devnet::start(folder, "0");
    let net = devnet.description.clone();
    let rpc = net.rpc.as_str();
    let contract = net.contracts.settlement.to_string();
    let phrase = net.pass_phrase().unwrap();
    let operator = Account::from_file(&net.operator.key_file, &phrase).unwrap();
    let player = Account::from_file(&net.player.key_file, &phrase).unwrap();
    let with = |name: &str, file: &str| {
        let key = format!("net/{name}.key");
        ["--rpc", rpc, "--key-file", &key, "--password-file", "net/password", "--game", file]
            .map(str::to_owned)
            .to_vec()
    };
    let run = |command: &str, name: &str, file: &str, more: &[&str]| -> Vec<String> {
        let more = more.iter().map(|text| (*text).to_owned());
        std::iter::once(command.to_owned()).chain(with(name, file)).chain(more).collect()
    };
    let good =
        |arguments: Vec<String>| object(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let bad = |arguments: Vec<String>| {
        failure(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1)
    };

    let seeds = SeedChain::new([3; 32], 50);
    let offer = Offer {
        operator: operator.address().into_array(),
        player: player.address().into_array(),
        model_digest: *model().digest().as_bytes(),
        seed_head: seeds.head(),
        player_stake: STAKE,
        operator_stake: STAKE,
        bond: BOND,
        response_seconds: RESPONSE_SECONDS,
        expiry: 1 << 39,
        level: 4,
        player_is_white: true,
        salt: [1; 32],
    };
    let domain = Domain { chain_id: net.contracts.chain_id, contract: net.contracts.settlement.into_array() };
    let offer = SignedOffer::sign(domain, offer, operator.key()).unwrap();
    std::fs::write(folder.join("offer.json"), serde_json::to_vec(&offer).unwrap()).unwrap();
    let keys = ["--rpc", rpc, "--key-file", "net/player.key", "--password-file", "net/password"];
    let open = [["open", "--offer", "offer.json", "--out", "player.json"].as_slice(), &keys].concat();
    let opened = object(folder, &open);
    assert_eq!(opened["game_id"], format!("0x{}", hex::encode(offer.game_id())));
    // Opened again by mistake: refused, and the file with its nonce is as it was.
    let before = std::fs::read(folder.join("player.json")).unwrap();
    assert!(failure(folder, &open, 1).contains("has begun already (WrongStatus)"));
    assert_eq!(std::fs::read(folder.join("player.json")).unwrap(), before);

    // e2e4, acknowledged by nobody; the operator is silent.
    let mut file: GameFile = serde_json::from_slice(&before).unwrap();
    let state = *file.clone().check().unwrap().with_move("e2e4", None).unwrap().state();
    let signed = SignedState::sign(&offer.domain, &offer.offer, state, player.key()).unwrap();
    file.moves.push(SignedMove {
        uci: "e2e4".to_owned(),
        signature: Some(signed.signature),
        seed_element: None,
    });
    for name in ["player.json", "operator.json"] {
        std::fs::write(folder.join(name), serde_json::to_vec(&file).unwrap()).unwrap();
    }
    let challenged = good(run("challenge", "player", "player.json", &[]));
    assert_eq!(challenged["ply"], 1);
    let status = object(folder, &["status", "--rpc", rpc, "--game", "player.json"]);
    assert_eq!(
        (&status["life"], &status["pending"], &status["presented_by"]),
        (&json!("open"), &json!("move"), &json!("player"))
    );
    assert!(bad(run("claim", "player", "player.json", &["--reason", "timeout"])).contains("DeadlineAhead"));

    // The devnet ends and starts again: the chain goes on where it was.
    let port = net.rpc.rsplit(':').next().unwrap().to_owned();
    devnet.stop();
    let devnet = Devnet::start(folder, &port);
    assert_eq!(devnet.description, net);

    // The operator answers with what the network plays, and its proof; the answer lands in its file.
    let element = hex::encode(seeds.element(1).unwrap());
    let model_file = model_file.to_str().unwrap();
    let wrong = hex::encode([5; 32]);
    let refused =
        bad(run("respond", "operator", "operator.json", &["--model", model_file, "--seed-element", &wrong]));
    assert!(refused.contains("seed element"), "{refused}");
    let answered = good(run(
        "respond",
        "operator",
        "operator.json",
        &["--model", model_file, "--seed-element", &element],
    ));
    let game: GameFile =
        serde_json::from_slice(&std::fs::read(folder.join("operator.json")).unwrap()).unwrap();
    let own = file.clone().check().unwrap();
    let uci = proof::networks_move(&model(), &own, &seeds.element(1).unwrap()).unwrap();
    assert_eq!((&answered["move"], &game.moves[1].uci), (&json!(uci), &uci));
    assert!(answered["gas_used"].as_u64().unwrap() > 1_000_000, "a proof was verified: {answered}");
    let status = object(folder, &["status", "--rpc", rpc, "--game", "player.json"]);
    assert_eq!((&status["pending"], &status["new_move"]), (&json!("nothing"), &json!(uci)));
    let game_id = format!("0x{}", hex::encode(offer.game_id()));

    // Anybody can have the operator's moves verified, by a call or in a transaction.
    let evidence = common::prove(&game.clone().check().unwrap());
    std::fs::write(folder.join("game.proof"), &evidence).unwrap();
    let vk = model_path().with_extension("vk");
    let verify = |proof: &'static str| {
        let game = ["--game", "operator.json", "--proof", proof, "--vk", vk.to_str().unwrap()];
        [["verify-game", "--rpc", rpc, "--settlement", &contract].as_slice(), &game].concat()
    };
    assert_eq!(object(folder, &verify("game.proof"))["moves"], 1);
    let key = ["--key-file", "net/player.key", "--password-file", "net/password"];
    let sent = object(folder, &[verify("game.proof").as_slice(), &key].concat());
    assert!(sent["gas_used"].as_u64().unwrap() > 1_000_000, "{sent}");
    let games = net.contracts.game_verifier.to_string();
    let mut replay = verify("game.proof");
    replay.splice(3..5, ["--game-verifier", &games]);
    assert_eq!(object(folder, &replay)["plies"], 2);
    std::fs::write(folder.join("short.proof"), &evidence[..1_000]).unwrap();
    assert!(failure(folder, &verify("short.proof"), 1).contains("(Truncated)"));

    // The player goes on from the chain, and the operator resigns.
    let game = own.follow(game.check().unwrap().state(), seeds.element(1)).unwrap();
    let mv =
        protocol::GameRecord::uci(protocol::shakmaty::Position::legal_moves(game.record().position())[0]);
    assert!(bad(run("challenge", "player", "player.json", &["--move", "e4e6"])).contains("e4e6"));
    let challenged = good(run("challenge", "player", "player.json", &["--move", &mv]));
    assert_eq!(challenged["ply"], 3);
    let file: GameFile = serde_json::from_slice(&std::fs::read(folder.join("player.json")).unwrap()).unwrap();
    assert_eq!(file.moves.iter().map(|mv| mv.uci.as_str()).collect::<Vec<_>>(), ["e2e4", &uci, &mv]);
    let settled = good(run("settle", "operator", "operator.json", &["--outcome", "player-wins"]));
    assert_eq!(settled["outcome"], "player-wins");
    let status = object(folder, &["status", "--rpc", rpc, "--game", "player.json"]);
    assert_eq!(
        (&status["life"], &status["outcome"], &status["game_id"]),
        (&json!("final"), &json!("player-wins"), &json!(game_id))
    );

    let money = ["--rpc", rpc, "--settlement", &contract, "--key-file", "net/player.key"];
    let balance = object(folder, &[["balance"].as_slice(), &money].concat());
    assert_eq!(balance["wei_in_contract"], (2 * STAKE + 2 * BOND).to_string());
    let withdraw = [["withdraw", "--password-file", "net/password"].as_slice(), &money].concat();
    assert_eq!(object(folder, &withdraw)["wei"], (2 * STAKE + 2 * BOND).to_string());
    let balance = object(folder, &[["balance"].as_slice(), &money].concat());
    assert_eq!(balance["wei_in_contract"], "0");
    let other = [
        "balance",
        "--rpc",
        rpc,
        "--settlement",
        "0x0000000000000000000000000000000000000001",
        "--key-file",
        "net/player.key",
    ];
    assert!(failure(folder, &other, 2).contains("no settlement contract"));
    devnet.stop();
    let left = std::fs::read(folder.join("net/devnet.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Description>(&left).unwrap(), net);
}
