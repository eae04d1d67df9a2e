//! What every decoder must hold on any input. Each target panics where one doesn't. libFuzzer drives them (`scripts/fuzz.sh`), and
//! the test `tests/fuzz.rs` of engine-circuit, on the same seeds with some thousand mutations.

use std::sync::OnceLock;

use engine_circuit::bundle::{Bundle, pgn};
use engine_circuit::encode::{legal_indices, legal_move, policy_index};
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::{Digest, Model, Profile, Prover, Statement, VerifyingKey, evaluate, verify, weights};
use protocol::messages::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES};
use protocol::record::START_FEN;
use protocol::shakmaty::{Color, Position};
use protocol::{
    ClientMessage, GameId, GameRecord, GameSeeds, GameTerms, Hex32, HexBytes, Outcome, ProofFrame,
    ServerMessage, SettledOutcome, Side, SideChoice, StakesWish, Wei,
};

/// What a server sends; the chain's proofs take too long to make here.
const PROFILE: Profile = Profile::Live;

/// A target: its name, what it does with an input, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All targets.
#[must_use]
pub fn targets() -> [Target; 8] {
    [
        ("proof", proof, proof_seeds),
        ("model", model, model_seeds),
        ("verifying_key", verifying_key, verifying_key_seeds),
        ("client_message", client_message, client_message_seeds),
        ("server_message", server_message, server_message_seeds),
        ("position", position, position_seeds),
        ("pgn", pgn, pgn_seeds),
        ("bundle", bundle, bundle_seeds),
    ]
}

/// Writes a target's seeds into the folder that the environment names, one file each.
pub fn write_seeds(name: &str) {
    let Some(folder) = std::env::var_os("FAIRMATE_FUZZ_SEEDS").map(std::path::PathBuf::from) else { return };
    for (_, _, seeds) in targets().into_iter().filter(|target| target.0 == name) {
        for (number, seed) in seeds().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}

/// A tiny network, a game of it against itself, and proofs of its first moves.
struct Fixture {
    model: Vec<u8>,
    network: Vec<u8>,
    key: VerifyingKey,
    record: GameRecord,
    /// One of a move, one of two.
    proofs: Vec<(Statement, Vec<u8>)>,
    bundle: Vec<u8>,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let network = QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 7).unwrap();
        let bytes = network.to_bytes();
        let model = weights::commit(network, &|_| {});
        let prover = Prover::in_memory(model.into()).unwrap();
        let mut record = GameRecord::default();
        for _ in 0..4 {
            record.play(evaluate(prover.model(), &record).unwrap().best).unwrap();
        }
        let game = [3; 32];
        let proofs: Vec<(Statement, Vec<u8>)> = [
            Statement::single(game, &record.truncated(0), record.moves()[0]).unwrap(),
            Statement::game(game, &record, Color::White).unwrap(),
        ]
        .into_iter()
        .map(|statement| {
            let proof = prover.prove(&statement, PROFILE).unwrap().proof;
            (statement, proof)
        })
        .collect();
        let of_side = [0, 2].map(|ply| {
            let mv = record.moves()[ply];
            let statement = Statement::single(game, &record.truncated(ply), mv).unwrap();
            (u32::try_from(ply).unwrap(), prover.prove(&statement, PROFILE).unwrap().proof)
        });
        let digest = prover.model().digest();
        let bundle = Bundle::new(&record, &[], digest, game, Color::White, of_side.into());
        Fixture {
            model: prover.model().to_bytes(),
            network: bytes,
            key: prover.model().verifying_key(),
            record,
            proofs,
            bundle: bundle.write().unwrap(),
        }
    })
}

/// Applies edits to bytes: each six bytes of `edits` are an offset (four) and what to combine with the byte there (a way, a
/// value). The ways: xor, replace, cut here, insert.
fn edited(bytes: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for edit in edits.chunks_exact(6) {
        let [a, b, c, d, way, value] = [edit[0], edit[1], edit[2], edit[3], edit[4], edit[5]];
        if bytes.is_empty() {
            break;
        }
        let at = u32::from_be_bytes([a, b, c, d]) as usize % bytes.len();
        match way % 4 {
            0 => bytes[at] ^= value,
            1 => bytes[at] = value,
            2 => bytes.truncate(at),
            _ => bytes.insert(at, value),
        }
    }
    bytes
}

/// Either the input itself, or edits of one of `originals`, as its first byte says.
fn raw_or_edited(data: &[u8], originals: &[&[u8]]) -> Vec<u8> {
    match data.split_first() {
        None => Vec::new(),
        Some((0, raw)) => raw.to_vec(),
        Some((which, edits)) => edited(originals[usize::from(*which) % originals.len()], edits),
    }
}

fn edit_seeds(originals: usize) -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![], vec![0], vec![0; 100]];
    for which in 1..=u8::try_from(originals).unwrap() {
        seeds.push(vec![which]);
        for edit in [[0, 0, 0, 40, 0, 1], [0, 0, 9, 9, 1, 255], [0, 0, 1, 0, 2, 0], [0, 0, 0, 7, 3, 9]] {
            seeds.push([&[which], edit.as_slice()].concat());
        }
    }
    seeds
}

/// A proof that is not the honest one is rejected; nothing makes the verifier panic.
pub fn proof(data: &[u8]) {
    let Fixture { key, proofs, .. } = fixture();
    let [(one, one_proof), (two, two_proof)] = &proofs[..] else { unreachable!() };
    let bytes = raw_or_edited(data, &[one_proof, two_proof]);
    for (statement, honest) in [(one, one_proof), (two, two_proof)] {
        assert_eq!(verify(key, statement, PROFILE, &bytes).is_ok(), &bytes == honest);
    }
}

fn proof_seeds() -> Vec<Vec<u8>> {
    edit_seeds(2)
}

/// What is read is written again to the byte.
pub fn model(data: &[u8]) {
    let Fixture { model, network, .. } = fixture();
    let bytes = raw_or_edited(data, &[model, network]);
    if let Ok(model) = Model::from_bytes(&bytes) {
        assert_eq!(model.to_bytes(), bytes);
    }
    if let Ok(network) = QuantisedNetwork::from_bytes(&bytes) {
        assert_eq!(network.to_bytes(), bytes);
        // Whatever is loaded can be evaluated: no overflow, whatever the weights.
        let record = GameRecord::default();
        let model = Model::from_parts(network, [0; 32], Default::default());
        assert!(evaluate(&model, &record).is_some());
    }
}

fn model_seeds() -> Vec<Vec<u8>> {
    edit_seeds(2)
}

/// A key that is read is written again to the byte, and no proof of another key verifies under it.
pub fn verifying_key(data: &[u8]) {
    let Fixture { key, proofs, .. } = fixture();
    let original = key.to_bytes();
    let bytes = raw_or_edited(data, &[&original]);
    if let Ok(read) = VerifyingKey::from_bytes(&bytes) {
        assert_eq!(read.to_bytes(), bytes);
        for (statement, proof) in proofs {
            assert_eq!(verify(&read, statement, PROFILE, proof).is_ok(), read == *key);
        }
    }
    if let Ok(text) = std::str::from_utf8(&bytes)
        && let Some(digest) = Digest::from_hex(text)
    {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
}

fn verifying_key_seeds() -> Vec<Vec<u8>> {
    let mut seeds = edit_seeds(1);
    seeds.push([&[0], fixture().key.to_bytes().as_slice()].concat());
    seeds.push([&[0], fixture().key.digest().to_string().as_bytes()].concat());
    // Found by libFuzzer: a sign was taken for a digit.
    seeds.push([&[0], "+5".repeat(32).as_bytes()].concat());
    seeds
}

/// A message that is read is within its limits and survives the wire.
pub fn client_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = ClientMessage::decode(text) {
        assert!(text.len() <= MAX_CLIENT_MESSAGE_BYTES);
        // Escapes may make it longer than it came.
        if let Ok(again) = message.encode() {
            assert_eq!(ClientMessage::decode(&again), Ok(message));
        }
    }
}

fn client_message_seeds() -> Vec<Vec<u8>> {
    let game_id = GameId([0xa7; 32]);
    [
        ClientMessage::NewGame {
            human_side: SideChoice::Random,
            start_fen: Some(START_FEN.into()),
            terms: GameTerms::default(),
        },
        ClientMessage::Resume { game_id, have_proofs: vec![1, 3, 5], key: Some(Hex32([8; 32])) },
        ClientMessage::Move { game_id, ply: 6, uci: "e7e8q".into(), signature: Some(HexBytes([8; 65])) },
        ClientMessage::NewStakedGame {
            human_side: SideChoice::White,
            level: 4,
            stakes: StakesWish {
                chain_id: 31_337,
                settlement: HexBytes([1; 20]),
                player: HexBytes([2; 20]),
                stake: Wei(5),
            },
        },
        ClientMessage::StakesOpened { game_id, nonce: HexBytes([3; 16]) },
        ClientMessage::SignResult { game_id, outcome: SettledOutcome::Draw, signature: HexBytes([4; 65]) },
        ClientMessage::Nonce { game_id, nonce: Hex32([9; 32]) },
        ClientMessage::Resign { game_id },
        ClientMessage::RequestProof { game_id, ply: 7 },
        ClientMessage::Ping,
    ]
    .iter()
    .map(|message| message.encode().unwrap().into_bytes())
    .collect()
}

/// The same for what a server sends, text and binary.
pub fn server_message(data: &[u8]) {
    if let Ok(frame) = ProofFrame::decode(data) {
        assert_eq!(frame.encode().unwrap(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = ServerMessage::decode(text) {
        assert!(text.len() <= MAX_SERVER_MESSAGE_BYTES);
        if let Ok(again) = message.encode() {
            // Floats that JSON can't hold become null, so compare what is read from the second writing on.
            if let Ok(read) = ServerMessage::decode(&again) {
                assert_eq!(read.encode().unwrap(), again);
            }
        }
    }
}

fn server_message_seeds() -> Vec<Vec<u8>> {
    let game_id = GameId([7; 32]);
    let outcome = Outcome::resignation(Side::White);
    let mut seeds: Vec<Vec<u8>> = [
        ServerMessage::game(
            game_id,
            Side::White,
            &fixture().record,
            Some(outcome),
            GameTerms { level: 3, ..GameTerms::default() },
            vec![1],
            Some(GameSeeds {
                head: Hex32([1; 32]),
                nonce: Some(Hex32([2; 32])),
                elements: vec![Hex32([3; 32])],
            }),
        ),
        ServerMessage::MoveAccepted { game_id, ply: 0 },
        ServerMessage::PlayerMove { game_id, ply: 2, uci: "g1f3".into() },
        ServerMessage::StakesOpened { game_id, nonce: HexBytes([3; 16]) },
        ServerMessage::ResultSigned { game_id, outcome: SettledOutcome::Draw, signature: HexBytes([4; 65]) },
        ServerMessage::ProofReady { game_id, ply: 1, prove_ms: 200, bytes: 180_000 },
        ServerMessage::ProverStatus { ready: false, progress: 0.5, failed: Some("disk full".into()) },
        ServerMessage::GameOver { game_id, outcome },
        ServerMessage::Pong,
    ]
    .iter()
    .map(|message| message.encode().unwrap().into_bytes())
    .collect();
    seeds.push(ProofFrame { game_id, ply: 1, proof: vec![5; 40] }.encode().unwrap());
    seeds
}

/// A FEN in the first line, moves in UCI notation in the rest. What is read is a game every part of the project can work with.
pub fn position(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (fen, moves) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(mut record) = GameRecord::from_fen(fen) else { return };
    let normal = GameRecord::from_fen(record.start_fen()).unwrap();
    assert_eq!(normal.start_fen(), record.start_fen(), "the normal form is one");
    for uci in moves.split_whitespace().take(64) {
        if record.play_uci(uci).is_err() {
            break;
        }
    }
    let moves = record.uci_moves();
    let replayed = GameRecord::replay(record.start_fen(), moves.iter().map(String::as_str)).unwrap();
    assert_eq!(replayed.position(), record.position());
    let position = record.position();
    let indices = legal_indices(position);
    let legal = position.legal_moves();
    assert!(indices.len() == legal.len() && indices.is_sorted_by(|a, b| a < b));
    let first = Statement::single(
        [0; 32],
        &record,
        legal.first().copied().unwrap_or_else(|| {
            // No legal move: nothing can be stated, not even a move that is legal elsewhere.
            GameRecord::default().position().legal_moves()[0]
        }),
    );
    assert_eq!(first.is_ok(), !legal.is_empty());
    for mv in legal {
        assert_eq!(legal_move(position, policy_index(mv, position.turn())), Some(mv));
    }
    let text = pgn::write(&[], &record);
    let read = pgn::read(text.as_bytes()).unwrap();
    assert_eq!(read.record.uci_moves(), moves, "{text}");
}

fn position_seeds() -> Vec<Vec<u8>> {
    [
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1\ne2e4 c7c5 g1f3",
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1\ne1g1 e8c8",
        "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1\ne2e4 f4e3",
        "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1\ng2g1q b7b8n",
        "4k3/8/8/8/8/8/8/4K2R w K - 99 300\n",
        "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A game that is read is written so that the same game is read again.
pub fn pgn(data: &[u8]) {
    if let Ok(game) = pgn::read(data) {
        let text = pgn::write(&game.tags, &game.record);
        let again = pgn::read(text.as_bytes()).unwrap();
        assert_eq!(again.record.start_fen(), game.record.start_fen());
        assert_eq!(again.record.uci_moves(), game.record.uci_moves());
        assert_eq!(pgn::write(&again.tags, &again.record), text);
    }
}

fn pgn_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"[Event \"x\"]\r\n\r\n1.e4! {best (by test)} e5 (1... c5 2. Nf3 (2. c3)) 2. Nf3 $1 ; rest\r\n2... Nc6\n% skip\n3. Bb5 Nf6 4. 0-0 *\n".to_vec(),
        b"[FEN \"r3k2r/1P6/8/8/8/8/8/R3K2R b KQkq - 3 9\"]\n[SetUp \"1\"]\n\n9... O-O 10. bxa8=Q Rxa8 11. O-O-O 1/2-1/2\n".to_vec(),
        b"[White \"a \\\"b\\\" \\\\ c\"]\n\n1. d4 d5 2. c4 *".to_vec(),
    ];
    seeds.push(pgn::write(&[], &fixture().record).into_bytes());
    seeds
}

/// A bundle that is read is written so that the same bundle is read again, and one whose proofs verify holds the honest ones.
pub fn bundle(data: &[u8]) {
    let Fixture { bundle, key, .. } = fixture();
    let bytes = raw_or_edited(data, &[bundle]);
    if let Ok(read) = Bundle::read(&bytes) {
        let written = read.write().unwrap();
        let again = Bundle::read(&written).unwrap();
        assert_eq!(again.write().unwrap(), written);
        if read.verify(key).is_ok() {
            let honest = Bundle::read(bundle).unwrap();
            assert_eq!(read.digest(), honest.digest());
            assert_eq!((read.game_id(), read.side()), (honest.game_id(), honest.side()));
            assert_eq!(read.proofs(), honest.proofs());
        }
    }
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    let mut seeds = edit_seeds(1);
    seeds.push([&[0], fixture().bundle.as_slice()].concat());
    seeds
}
