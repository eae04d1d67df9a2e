//! Servers that lie: each lie has its name on the screen, play stops, and the evidence holds what the server said.

use crate::common::{Client, GAME};
use engine_circuit::sampling::SeedChain;
use game::{
    net::NetEvent,
    play::{
        PlayerAction,
        state::{Blocked, Link, Offence},
    },
    screens::Overlay,
    settings::Setting,
};
use protocol::{
    ClientMessage, ClockReading, EndReason, GameRecord, GameSeeds, GameTerms, Hex32, Outcome, ProofMode,
    ServerMessage, Side, SideChoice, TimeControl, record::START_FEN, shakmaty::Square,
};

fn assert_caught(client: &mut Client, offence: Offence) {
    client.frames(2);
    let alarm = client.play().state.alarm.clone().unwrap_or_else(|| panic!("{offence:?} was not noticed"));
    assert_eq!(alarm.offence, offence, "{}", alarm.reason);
    assert_eq!(client.overlay(), Overlay::Alarm);
    assert_eq!(client.play().state.blocked().filter(|_| client.play().state.game.is_some()), {
        client.play().state.game.as_ref().map(|_| Blocked::Alarm)
    });
    let folder = alarm.evidence.unwrap();
    let heard = std::fs::read_to_string(std::path::Path::new(&folder).join("server-messages.jsonl")).unwrap();
    let last = heard.lines().last().unwrap();
    assert!(last.starts_with(r#"{"type":""#), "{last}");
}

/// Asks for a game as White at the usual position and answers with another.
fn answered(side: Side, fen: &str, moves: &[&str], terms: GameTerms) -> Client {
    let mut client = Client::scripted();
    client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::White)));
    client.click_button(&PlayerAction::Start);
    client.sent();
    let record = GameRecord::replay(fen, moves.iter().copied()).unwrap();
    client.say(ServerMessage::game(GAME, side, &record, None, terms, Vec::new(), None));
    client
}

#[test]
fn another_game_than_the_one_asked_for() {
    let terms = GameTerms::default();
    let control = TimeControl { initial_ms: 1_000, increment_ms: 0 };
    let position = "4k3/8/8/8/8/8/4q3/4K2R w K - 0 1";
    for (side, fen, moves, terms) in [
        (Side::Black, START_FEN, vec![], terms),
        (Side::White, position, vec![], terms),
        (Side::White, START_FEN, vec!["f2f3", "e7e5"], terms),
        (Side::White, START_FEN, vec![], GameTerms { rated: true, ..terms }),
        (Side::White, START_FEN, vec![], GameTerms { level: 3, ..terms }),
        (Side::White, START_FEN, vec![], GameTerms { time_control: Some(control), ..terms }),
    ] {
        assert_caught(&mut answered(side, fen, &moves, terms), Offence::OtherGame);
    }
    // What was asked for is no lie.
    assert_eq!(answered(Side::White, START_FEN, &[], terms).play().state.alarm, None);
}

#[test]
fn evidence_holds_no_key() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    let mut message =
        ServerMessage::game(GAME, Side::White, &record, None, GameTerms::default(), Vec::new(), None);
    if let ServerMessage::Game { player_key, .. } = &mut message {
        *player_key = Some(Hex32([0xab; 32]));
    }
    client.say(message);
    client.frames(2);
    let folder = client.play().state.alarm.clone().expect("another history").evidence.unwrap();
    let heard = std::fs::read_to_string(std::path::Path::new(&folder).join("server-messages.jsonl")).unwrap();
    assert!(heard.contains("c7c5"), "{heard}");
    assert!(!heard.contains(&"ab".repeat(32)), "whoever is shown the evidence could play on: {heard}");
}

#[test]
fn moves_that_were_not_asked_back() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.say(ServerMessage::TakenBack { game_id: GAME, ply: 0 });
    assert_caught(&mut client, Offence::TookBack);
}

#[test]
fn a_history_that_changes() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    let record = GameRecord::replay(START_FEN, ["e2e4", "c7c5"]).unwrap();
    client.say(ServerMessage::game(GAME, Side::White, &record, None, GameTerms::default(), Vec::new(), None));
    assert_caught(&mut client, Offence::OtherHistory);

    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.bot_plays(0, "e2e4");
    assert_caught(&mut client, Offence::OutOfTurn);

    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4"]);
    client.bot_plays(1, "e7e6e5");
    assert_caught(&mut client, Offence::IllegalMove);
}

/// A game of the server's message, with these moves.
fn told(client: &mut Client, moves: &[&str]) {
    let record = GameRecord::replay(START_FEN, moves.iter().copied()).unwrap();
    client.say(ServerMessage::game(GAME, Side::White, &record, None, GameTerms::default(), Vec::new(), None));
}

/// A server can't make moves for the player: neither behind those played here nor in place of one it has not confirmed.
#[test]
fn moves_that_the_player_has_not_made() {
    for (moves, ply) in [
        (vec!["e2e4", "e7e5", "g1f3"], 2),
        (vec!["e2e4", "e7e5", "g1f3", "b8c6"], 2),
        (vec!["d2d4"], 0),
        (vec!["d2d4", "d7d5"], 0),
    ] {
        let mut client = Client::scripted();
        client.begin(Side::White, START_FEN, &[]);
        client.drag(Square::E2, Square::E4);
        told(&mut client, &moves);
        assert_caught(&mut client, Offence::OtherHistory);
        assert_eq!(client.play().state.alarm.as_ref().unwrap().ply, ply);
        assert_eq!(client.moves(), ["e2e4"], "the board shows what was played here");
    }
    // What it may say: the move and its own answer, at once or after the move has got lost.
    for moves in [&["e2e4", "e7e5"][..], &["e2e4"], &[]] {
        let mut client = Client::scripted();
        client.begin(Side::White, START_FEN, &[]);
        client.drag(Square::E2, Square::E4);
        told(&mut client, moves);
        assert_eq!(client.play().state.alarm, None);
        assert!(client.moves().starts_with(&["e2e4".to_owned()]));
    }
}

/// The client's own record is on the disk before the server hears of a move, so that it still counts after a crash; what a server adds to
/// it is a lie then as before, and as often as the client is started.
#[test]
fn moves_that_the_player_has_not_made_before_a_crash() {
    let begun = || {
        let mut client = Client::scripted();
        client.begin(Side::White, START_FEN, &[]);
        client.drag(Square::E2, Square::E4);
        client
    };
    // Killed with the move just sent, or just before: the server has it, with or without an answer, or has not.
    for moves in [&["e2e4", "e7e5"][..], &["e2e4"], &[]] {
        let mut client = Client::scripted_in(begun().close());
        told(&mut client, moves);
        assert_eq!(client.play().state.alarm, None);
        assert_eq!(client.moves(), moves);
    }
    let mut folder = begun().close();
    for _ in 0..2 {
        let mut client = Client::scripted_in(folder);
        told(&mut client, &["e2e4", "e7e5", "g1f3", "b8c6"]);
        assert_caught(&mut client, Offence::OtherHistory);
        folder = client.close();
    }
    // A game that is asked for after that is another.
    let mut client = Client::scripted_in(folder);
    client.begin(Side::White, START_FEN, &[]);
    assert_eq!(client.play().state.alarm, None);
}

#[test]
fn ends_that_are_none() {
    for (winner, reason) in [
        (Some(Side::Black), EndReason::Checkmate),
        (None, EndReason::Stalemate),
        (None, EndReason::Threefold),
        // The player has not resigned and has no clock.
        (Some(Side::Black), EndReason::Resignation),
        (Some(Side::Black), EndReason::Timeout),
    ] {
        let mut client = Client::scripted();
        client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
        client.end(Outcome { winner, reason });
        assert_caught(&mut client, Offence::WrongEnd);
    }
}

#[test]
fn a_clock_that_takes_time() {
    let clock = |white_ms| ClockReading { white_ms, black_ms: 300_000, running: Some(Side::White) };
    let mut client = Client::scripted();
    client.begin_clocked(3, clock(300_000));
    client.clock(clock(297_000));
    assert_eq!(client.play().state.alarm, None);
    client.clock(clock(200_000));
    assert_caught(&mut client, Offence::WrongClock);
    client.assert_text("The server's clock takes time from you");

    // A flag that can't have fallen.
    let mut client = Client::scripted();
    client.begin_clocked(3, clock(300_000));
    client.end(Outcome { winner: Some(Side::Black), reason: EndReason::Timeout });
    assert_caught(&mut client, Offence::WrongEnd);
}

#[test]
fn a_game_that_is_not_the_one_this_client_has_kept() {
    for (moves, caught) in [
        (vec!["e2e4", "e7e5", "g1f3", "b8c6"], Some(Offence::OtherHistory)),
        (vec!["e2e4", "e7e5"], None),
        (vec!["e2e4", "c7c5"], Some(Offence::OtherGame)),
        (vec!["d2d4"], Some(Offence::OtherGame)),
        (vec![], Some(Offence::OtherGame)),
    ] {
        let mut client = Client::scripted();
        client.begin(Side::White, START_FEN, &[]);
        client.drag(Square::E2, Square::E4);
        client.accept(0);
        client.bot_plays(1, "e7e5");
        let folder = client.close();
        let mut client = Client::scripted_in(folder);
        assert!(matches!(client.sent()[..], [ClientMessage::Resume { game_id: GAME, .. }]));
        let record = GameRecord::replay(START_FEN, moves.iter().copied()).unwrap();
        client.say(ServerMessage::game(
            GAME,
            Side::White,
            &record,
            None,
            GameTerms::default(),
            Vec::new(),
            None,
        ));
        if let Some(offence) = caught {
            assert_caught(&mut client, offence);
        } else {
            assert_eq!(client.play().state.alarm, None);
            assert_eq!(client.moves(), moves);
        }
    }
}

#[test]
fn a_server_that_goes_is_slow_or_says_no() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.tell(NetEvent::Broken { reason: "the server closed: restarting".into() });
    client.assert_text("Connection lost, trying again. Nothing is lost.");
    client.welcome(ProofMode::Gkr);
    assert_eq!(client.play().state.link, Link::Online);
    assert!(matches!(client.sent()[..], [ClientMessage::Resume { .. }]));
    client.tell(NetEvent::Failed { reason: "the server speaks version 9".into() });
    client.assert_text("No opponent: the server speaks version 9");

    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.say(ServerMessage::ProverStatus { ready: false, progress: 0.0, failed: Some("disk full".into()) });
    client.assert_text("The prover of the server has failed: disk full");
    client.say(ServerMessage::Error {
        code: protocol::ErrorCode::Busy,
        message: "the game has too much to do".into(),
        game_id: Some(GAME),
    });
    assert!(client.play().state.resync_at_s.is_some());
}

/// A server of a game at a level must keep to the chain and to the nonce that the client chose.
#[test]
fn seeds_that_were_not_fixed_before() {
    let chain = SeedChain::new([7; 32], 9);
    let head = Hex32(chain.head());
    let begin = |nonce: Option<Hex32>, seeds: bool| {
        let mut client = Client::scripted();
        client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::White)));
        client.click_button(&PlayerAction::Choose(Setting::Level(3)));
        client.click_button(&PlayerAction::Start);
        client.sent();
        let terms = GameTerms { level: 3, ..GameTerms::default() };
        let seeds = seeds.then(|| GameSeeds { head, nonce, elements: Vec::new() });
        let record = GameRecord::default();
        client.say(ServerMessage::game(GAME, Side::White, &record, None, terms, Vec::new(), seeds));
        client
    };
    assert_caught(&mut begin(Some(Hex32([1; 32])), true), Offence::WrongSeed);
    assert_caught(&mut begin(None, false), Offence::WrongSeed);
    for element in [None, chain.element(2).map(Hex32), Some(Hex32([1; 32]))] {
        let mut client = begin(None, true);
        let sent = client.sent();
        assert!(matches!(sent[..], [ClientMessage::Nonce { game_id: GAME, .. }]), "{sent:?}");
        client.click(Square::E2);
        client.click(Square::E4);
        client.accept(0);
        let (uci, infer_ms) = ("e7e5".to_owned(), 1.0);
        client.say(ServerMessage::BotMove {
            game_id: GAME,
            ply: 1,
            uci,
            infer_ms,
            seed_element: element,
            signature: None,
        });
        assert_caught(&mut client, Offence::WrongSeed);
    }
    let mut client = begin(None, true);
    client.click(Square::E2);
    client.click(Square::E4);
    client.accept(0);
    let seed_element = chain.element(1).map(Hex32);
    let (uci, infer_ms) = ("e7e5".to_owned(), 1.0);
    client.say(ServerMessage::BotMove {
        game_id: GAME,
        ply: 1,
        uci,
        infer_ms,
        seed_element,
        signature: None,
    });
    assert_eq!(client.play().state.alarm, None);
    assert_eq!(client.moves().len(), 2);
}
