//! Round trips, limits, and decoders that see anything.

use super::*;
use crate::{
    EndReason, TimeControl, Wei, claimable_draw,
    hex::from_hex,
    stakes::{OFFER_BYTES, SignedOutcome, StakesOffer},
};
use proptest::prelude::*;

fn seeds() -> GameSeeds {
    GameSeeds { head: Hex32([1; 32]), nonce: Some(Hex32([2; 32])), elements: vec![Hex32([3; 32])] }
}

fn terms() -> GameTerms {
    GameTerms {
        time_control: Some(TimeControl { initial_ms: 180_000, increment_ms: 2_000 }),
        rated: true,
        level: 3,
    }
}

fn client_messages() -> Vec<ClientMessage> {
    let game_id = GameId([0xa7; 32]);
    vec![
        ClientMessage::Hello { version: PROTOCOL_VERSION, client: "game 0.1.0".into() },
        ClientMessage::NewGame {
            human_side: SideChoice::Random,
            start_fen: None,
            terms: GameTerms::default(),
        },
        ClientMessage::NewGame {
            human_side: SideChoice::Black,
            start_fen: Some(START_FEN.into()),
            terms: terms(),
        },
        ClientMessage::Resume { game_id, have_proofs: vec![1, 3, 5], key: None },
        ClientMessage::Resume { game_id, have_proofs: vec![], key: Some(Hex32([8; 32])) },
        ClientMessage::Move { game_id, ply: 6, uci: "e7e8q".into(), signature: None },
        ClientMessage::Move { game_id, ply: 6, uci: "e7e8q".into(), signature: Some(HexBytes([8; 65])) },
        ClientMessage::NewStakedGame {
            human_side: SideChoice::White,
            level: 4,
            stakes: StakesWish {
                chain_id: 31_337,
                settlement: HexBytes([1; 20]),
                player: HexBytes([2; 20]),
                stake: Wei(u128::MAX),
            },
        },
        ClientMessage::StakesOpened { game_id, nonce: HexBytes([3; 16]) },
        ClientMessage::SignResult {
            game_id,
            outcome: SettledOutcome::OperatorWins,
            signature: HexBytes([4; 65]),
        },
        ClientMessage::Nonce { game_id, nonce: Hex32([9; 32]) },
        ClientMessage::Resign { game_id },
        ClientMessage::OfferDraw { game_id },
        ClientMessage::ClaimDraw { game_id },
        ClientMessage::TakeBack { game_id, ply: 6 },
        ClientMessage::RequestProof { game_id, ply: 7 },
        ClientMessage::Ping,
    ]
}

fn server_messages() -> Vec<ServerMessage> {
    let game_id = GameId([0x07; 32]);
    let outcome = Outcome { winner: Some(Side::Black), reason: EndReason::Checkmate };
    vec![
        ServerMessage::Welcome {
            version: PROTOCOL_VERSION,
            server: "server 0.1.0".into(),
            model_digest: [9; 32],
            verifying_key: vec![0, 1, 254, 255],
            proof_mode: ProofMode::Gkr,
            prover_ready: false,
            prover_progress: 0.25,
        },
        ServerMessage::game(
            game_id,
            Side::White,
            &GameRecord::default(),
            Some(outcome),
            terms(),
            vec![1],
            Some(seeds()),
        ),
        staked_game(&GameRecord::default(), vec![Some(HexBytes([5; 65])), None]),
        ServerMessage::PlayerMove { game_id, ply: 0, uci: "e2e4".into() },
        ServerMessage::MoveAccepted { game_id, ply: 0 },
        ServerMessage::BotMove {
            game_id,
            ply: 1,
            uci: "e7e5".into(),
            infer_ms: 1.5,
            seed_element: Some(Hex32([7; 32])),
            signature: Some(HexBytes([6; 65])),
        },
        ServerMessage::StakesOpened { game_id, nonce: HexBytes([3; 16]) },
        ServerMessage::MoveOnChain { game_id, ply: 2, uci: "g1f3".into() },
        ServerMessage::ResultSigned { game_id, outcome: SettledOutcome::Draw, signature: HexBytes([4; 65]) },
        ServerMessage::Clock {
            game_id,
            clock: ClockReading { white_ms: 1, black_ms: 60_000, running: Some(Side::White) },
        },
        ServerMessage::TakenBack { game_id, ply: 2 },
        ServerMessage::Proving { game_id, ply: 1, queue: 2 },
        ServerMessage::ProofReady { game_id, ply: 1, prove_ms: 200, bytes: 180_000 },
        ServerMessage::ProofFailed { game_id, ply: 1, reason: "no".into() },
        ServerMessage::ProverStatus { ready: true, progress: 1.0, failed: None },
        ServerMessage::ProverStatus { ready: false, progress: 0.5, failed: Some("disk full".into()) },
        ServerMessage::DrawDeclined { game_id },
        ServerMessage::GameOver { game_id, outcome },
        ServerMessage::Error { code: ErrorCode::IllegalMove, message: "no".into(), game_id: Some(game_id) },
        ServerMessage::Pong,
    ]
}

fn staked_game(record: &GameRecord, signatures: Vec<Option<WireSignature>>) -> ServerMessage {
    let plies = (0..2 * signatures.len() as u32).collect();
    let seeds = GameSeeds { elements: vec![Hex32([0xff; 32]); signatures.len()], ..seeds() };
    let mut message =
        ServerMessage::game(GameId([7; 32]), Side::White, record, None, terms(), plies, Some(seeds));
    if let ServerMessage::Game { stakes, player_key, .. } = &mut message {
        *player_key = Some(Hex32([8; 32]));
        let offer = StakesOffer {
            chain_id: u64::MAX,
            settlement: HexBytes([1; 20]),
            offer: HexBytes([2; OFFER_BYTES]),
            signature: HexBytes([3; 65]),
        };
        let result = SignedOutcome { outcome: SettledOutcome::PlayerWins, signature: HexBytes([4; 65]) };
        *stakes = Some(Box::new(GameStakes { offer, signatures, result: Some(result) }));
    }
    message
}

#[test]
fn every_message_survives_the_wire() {
    for message in client_messages() {
        assert_eq!(ClientMessage::decode(&message.encode().unwrap()), Ok(message));
    }
    for message in server_messages() {
        assert_eq!(ServerMessage::decode(&message.encode().unwrap()), Ok(message));
    }
}

#[test]
fn the_wire_reads_as_documented() {
    let game_id = GameId([0x0f; 32]);
    let message = ClientMessage::Move { game_id, ply: 3, uci: "e2e4".into(), signature: None };
    let hex = "0f".repeat(32);
    assert_eq!(
        message.encode().unwrap(),
        format!(r#"{{"type":"move","game_id":"{hex}","ply":3,"uci":"e2e4"}}"#)
    );
    assert_eq!(game_id.to_string(), hex);
    assert_eq!(hex.to_uppercase().parse(), Ok(game_id));
    let bytes = ProofFrame { game_id, ply: 0x0102, proof: vec![5, 6] }.encode().unwrap();
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[1..33], [0x0f; 32]);
    assert_eq!(bytes[33..], [0, 0, 1, 2, 5, 6]);
}

#[test]
fn refuses_what_is_too_large_before_parsing() {
    let spaces = " ".repeat(MAX_CLIENT_MESSAGE_BYTES + 1);
    assert!(matches!(ClientMessage::decode(&spaces), Err(MessageError::TooLarge { .. })));
    let spaces = " ".repeat(MAX_SERVER_MESSAGE_BYTES + 1);
    assert!(matches!(ServerMessage::decode(&spaces), Err(MessageError::TooLarge { .. })));
    let frame = ProofFrame { game_id: GameId([0; 32]), ply: 0, proof: vec![0; MAX_PROOF_BYTES + 1] };
    assert!(matches!(frame.encode(), Err(MessageError::TooLarge { .. })));
    assert!(matches!(
        ProofFrame::decode(&vec![1; MAX_PROOF_FRAME_BYTES + 1]),
        Err(MessageError::TooLarge { .. })
    ));
    let frame = ProofFrame { proof: vec![0; MAX_PROOF_BYTES], ..frame };
    assert_eq!(ProofFrame::decode(&frame.encode().unwrap()), Ok(frame));
}

#[test]
fn refuses_fields_outside_their_limits() {
    let game_id = GameId([0; 32]);
    for (message, name) in [
        (ClientMessage::Hello { version: 1, client: "x".repeat(MAX_CLIENT_NAME_BYTES + 1) }, "client"),
        (
            ClientMessage::NewGame {
                human_side: SideChoice::White,
                start_fen: Some("8".repeat(MAX_FEN_BYTES + 1)),
                terms: GameTerms::default(),
            },
            "start_fen",
        ),
        (ClientMessage::Resume { game_id, have_proofs: vec![0; MAX_PLIES + 1], key: None }, "have_proofs"),
        (ClientMessage::Move { game_id, ply: 0, uci: "e2e4qq".into(), signature: None }, "uci"),
    ] {
        let error = ClientMessage::decode(&serde_json::to_string(&message).unwrap()).unwrap_err();
        assert!(matches!(error, MessageError::Field { field, .. } if field == name), "{error}");
        assert_eq!(message.encode(), Err(error));
    }
}

#[test]
fn the_longest_messages_fit() {
    let plies: Vec<u32> = (0..2_048).collect();
    let key = Some(Hex32([0xff; 32]));
    ClientMessage::Resume { game_id: GameId([0; 32]), have_proofs: plies.clone(), key }.encode().unwrap();
    let game = ServerMessage::Game {
        game_id: GameId([0; 32]),
        human_side: Side::White,
        start_fen: START_FEN.into(),
        moves: vec!["e7e8q".into(); MAX_PLIES],
        outcome: None,
        terms: terms(),
        proof_plies: plies,
        seeds: Some(GameSeeds { elements: vec![Hex32([0xff; 32]); MAX_PLIES / 2 + 1], ..seeds() }),
        stakes: None,
        player_key: key,
    };
    game.encode().unwrap();
    let mut staked = staked_game(&GameRecord::default(), vec![Some(HexBytes([5; 65])); MAX_PLIES / 2 + 1]);
    if let ServerMessage::Game { moves, .. } = &mut staked {
        *moves = vec!["e7e8q".into(); MAX_PLIES];
    }
    staked.encode().unwrap();
}

#[test]
fn refuses_what_is_no_message() {
    let (id, long_id) = ("00".repeat(32), "00".repeat(33));
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"type":"dance"}"#,
        r#"{"type":"hello","version":1}"#,
        r#"{"type":"hello","version":-1,"client":"x"}"#,
        r#"{"type":"hello","version":1,"client":"x","extra":0}"#,
        r#"{"type":"resign","game_id":"00"}"#,
        r#"{"type":"resign","game_id":"zz"}"#,
        &format!(r#"{{"type":"resign","game_id":"{long_id}"}}"#),
        &format!(r#"{{"type":"move","game_id":"{id}","ply":1,"uci":"e2e4","signature":"00"}}"#),
        &format!(
            r#"{{"type":"sign_result","game_id":"{id}","outcome":"nobody","signature":"{}"}}"#,
            "00".repeat(65)
        ),
        &format!(r#"{{"type":"resume","game_id":"{id}","key":"00"}}"#),
        &format!(r#"{{"type":"stakes_opened","game_id":"{id}","nonce":"{id}"}}"#),
        &"[".repeat(10_000),
    ] {
        assert!(matches!(ClientMessage::decode(text), Err(MessageError::Json(_))), "{text}");
    }
}

#[test]
fn refuses_binary_frames_of_wrong_shape() {
    let bytes = ProofFrame { game_id: GameId([3; 32]), ply: 9, proof: Vec::new() }.encode().unwrap();
    for length in 0..PROOF_HEADER_BYTES {
        let error = ProofFrame::decode(&bytes[..length]);
        assert_eq!(error, Err(MessageError::Truncated { bytes: length }));
    }
    assert!(ProofFrame::decode(&bytes).is_ok());
    assert_eq!(ProofFrame::decode(&[0; 64]), Err(MessageError::UnknownKind(0)));
}

#[test]
fn ends_of_games() {
    let of = |fen: &str, moves: &str| {
        let record = GameRecord::replay(fen, moves.split_whitespace()).unwrap();
        (Outcome::of(&record).map(|outcome| (outcome.winner, outcome.reason)), claimable_draw(&record))
    };
    assert_eq!(of(START_FEN, ""), (None, None));
    let mate = Some((Some(Side::Black), EndReason::Checkmate));
    assert_eq!(of(START_FEN, "f2f3 e7e5 g2g4 d8h4").0, mate);
    assert_eq!(of("k7/2Q5/1K6/8/8/8/8/8 b - - 0 1", "").0, Some((None, EndReason::Stalemate)));
    assert_eq!(of("k7/8/1K6/8/8/8/8/8 b - - 0 1", "").0, Some((None, EndReason::InsufficientMaterial)));
    assert_eq!(of("k7/8/8/8/8/8/8/KR6 w - - 99 80", "b1b2"), (None, Some(EndReason::FiftyMoves)));
    assert_eq!(of("k7/8/8/8/8/8/8/KR6 w - - 149 90", "b1b2").0, Some((None, EndReason::SeventyFiveMoves)));
    let shuffle = "g1f3 g8f6 f3g1 f6g8 ";
    assert_eq!(of(START_FEN, &shuffle.repeat(2)), (None, Some(EndReason::Threefold)));
    assert_eq!(of(START_FEN, &shuffle.repeat(4)).0, Some((None, EndReason::Fivefold)));
}

proptest! {
    #[test]
    fn decoders_never_panic(text in ".*", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ClientMessage::decode(&text).is_err());
        prop_assert!(ServerMessage::decode(&text).is_err());
        if let Ok(frame) = ProofFrame::decode(&bytes) {
            prop_assert_eq!(frame.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn damaged_messages_never_panic(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let texts: Vec<String> = client_messages().iter().map(|message| message.encode().unwrap())
            .chain(server_messages().iter().map(|message| message.encode().unwrap())).collect();
        let mut text = texts[pick.index(texts.len())].clone().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(message) = ClientMessage::decode(&text) {
            prop_assert_eq!(ClientMessage::decode(&message.encode().unwrap()), Ok(message));
        }
        if let Ok(message) = ServerMessage::decode(&text) {
            prop_assert_eq!(ServerMessage::decode(&message.encode().unwrap()), Ok(message));
        }
    }

    #[test]
    fn proof_frames_survive_the_wire(id in any::<[u8; 32]>(), ply in any::<u32>(), proof in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let frame = ProofFrame { game_id: GameId(id), ply, proof };
        prop_assert_eq!(ProofFrame::decode(&frame.encode().unwrap()), Ok(frame));
    }

    #[test]
    fn hex_survives(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(from_hex(&to_hex(&bytes)), Ok(bytes));
    }
}
