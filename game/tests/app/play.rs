//! What players expect: start screen, clocks, draws, takeback, premoves, marks, settings, languages, sounds.

use crate::common::{Client, GAME};
use bevy::{
    a11y::AccessibilityNode,
    input::{ButtonState, mouse::MouseButton},
    prelude::*,
};
use game::{
    board::{Cell, marks::MarksImage},
    i18n::Language,
    play::{Play, PlayerAction, game::Badge},
    screens::Overlay,
    settings::{Setting, Settings},
    sound::Sound,
    theme::{art::PieceSet, board::BoardTheme},
};
use protocol::{
    ClientMessage, ClockReading, EndReason, GameTerms, Outcome, ServerMessage, Side, SideChoice, TimeControl,
    record::START_FEN, shakmaty::Square,
};

#[test]
fn the_start_screen_asks_for_what_was_chosen() {
    let mut client = Client::scripted();
    assert_eq!(client.overlay(), Overlay::Start);
    client.assert_text("proves every move it makes");
    // Once in the panel and once on the start screen.
    let pinned = client.texts().iter().filter(|text| text.contains("pinned in this client")).count();
    assert_eq!(pinned, 2);
    for setting in [
        Setting::Side(SideChoice::Black),
        Setting::Time(2),
        Setting::Rated(true),
        Setting::Board(BoardTheme::Wood),
        Setting::Pieces(PieceSet::Bold),
    ] {
        client.click_button(&PlayerAction::Choose(setting));
        assert!(client.settings().has(setting), "{setting:?}");
    }
    client.click_button(&PlayerAction::Start);
    let terms = GameTerms {
        time_control: Some(TimeControl { initial_ms: 180_000, increment_ms: 2_000 }),
        rated: true,
        ..GameTerms::default()
    };
    let wanted = ClientMessage::NewGame { human_side: SideChoice::Black, start_fen: None, terms };
    assert_eq!(client.sent(), [wanted]);
    // The next client finds the choices again.
    let folder = client.close();
    let client = Client::scripted_in(folder);
    assert!(client.settings().has(Setting::Board(BoardTheme::Wood)));
    assert!(client.settings().has(Setting::Time(2)));
    assert!(client.settings().has(Setting::Pieces(PieceSet::Bold)));
}

#[test]
fn clocks_run_and_warn() {
    let mut client = Client::scripted();
    let clock = ClockReading { white_ms: 65_000, black_ms: 61_000, running: None };
    client.begin_clocked(3, clock);
    client.drag(Square::E2, Square::E4);
    client.accept(0);
    client.clock(clock);
    client.assert_text("1:05");
    client.assert_text("1:01");
    client.bot_plays(1, "e7e5");
    client.clock(ClockReading { white_ms: 62_500, running: Some(Side::White), ..clock });
    client.wait_for("the clock to run", 20, |client| client.texts().iter().any(|text| text == "1:01"));
    client.wait_for("the clock to run on", 20, |client| client.texts().iter().any(|text| text == "1:00"));
    // Little time: tenths, a sign and a sound.
    client.clock(ClockReading { white_ms: 60_500, running: Some(Side::White), ..clock });
    client.say(ServerMessage::Clock {
        game_id: GAME,
        clock: ClockReading { white_ms: 59_900, running: Some(Side::White), ..clock },
    });
    for white_ms in [55_000, 50_500, 46_000, 41_500, 37_000, 32_500, 28_000, 23_500, 19_500] {
        client.clock(ClockReading { white_ms, running: Some(Side::White), ..clock });
    }
    client.assert_text("0:19");
    for white_ms in [15_000, 10_500, 8_000] {
        client.clock(ClockReading { white_ms, running: Some(Side::White), ..clock });
    }
    assert!(client.texts().iter().any(|text| text.starts_with("0:07.") || text.starts_with("0:08.")));
    client.clock(ClockReading { white_ms: 4_000, running: Some(Side::White), ..clock });
    client.end(Outcome { winner: Some(Side::Black), reason: EndReason::Timeout });
    assert_eq!(client.overlay(), Overlay::GameOver);
    client.assert_text("on time");
}

#[test]
fn moves_are_taken_back_when_the_server_says_so() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    client.accept(0);
    client.bot_plays(1, "e7e5");
    client.drag(Square::D1, Square::H5);
    client.accept(2);
    client.bot_plays(3, "g8f6");
    client.sent();
    client.click_button(&PlayerAction::TakeBack);
    assert_eq!(client.sent(), [ClientMessage::TakeBack { game_id: GAME, ply: 2 }]);
    assert_eq!(client.moves().len(), 4);
    client.say(ServerMessage::TakenBack { game_id: GAME, ply: 2 });
    assert_eq!(client.moves(), ["e2e4", "e7e5"]);
    assert_eq!(client.play().state.alarm, None);
    client.control(KeyCode::KeyZ);
    assert_eq!(client.sent(), [ClientMessage::TakeBack { game_id: GAME, ply: 0 }]);
    client.say(ServerMessage::TakenBack { game_id: GAME, ply: 0 });
    assert!(client.moves().is_empty());
    assert!(client.game().badges.is_empty());

    // A check that began before does not count for the move that stands there now.
    client.drag(Square::D2, Square::D4);
    client.accept(0);
    client.bot_plays(1, "d7d5");
    let generation = client.game().generation;
    assert_eq!(generation, 2);
    let state = &mut client.app.world_mut().resource_mut::<Play>().state;
    state.verified((GAME, generation - 1), 1, Ok(()), 1.0);
    assert!(matches!(client.badge(1), Badge::Proving { .. }));
    let state = &mut client.app.world_mut().resource_mut::<Play>().state;
    state.verified((GAME, generation), 1, Ok(()), 1.0);
    assert!(matches!(client.badge(1), Badge::Verified { .. }));

    // A rated game has no such button.
    let mut client = Client::scripted();
    client.click_button(&PlayerAction::Choose(Setting::Rated(true)));
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    assert!(!client.has_button(&PlayerAction::TakeBack));
    client.control(KeyCode::KeyZ);
    assert!(client.sent().is_empty());
    client.assert_text("no move is taken back");
}

#[test]
fn draws_are_offered_and_claimed_after_asking() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.click_button(&PlayerAction::AskDraw);
    assert_eq!(client.overlay(), Overlay::ConfirmDraw);
    assert!(client.sent().is_empty());
    client.click_button(&PlayerAction::Draw);
    assert_eq!(client.sent(), [ClientMessage::OfferDraw { game_id: GAME }]);
    client.say(ServerMessage::DrawDeclined { game_id: GAME });
    client.assert_text("declines the draw");

    let shuffle = ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6", "f3g1", "f6g8"];
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &shuffle);
    client.click_button(&PlayerAction::AskDraw);
    client.assert_text("Claim a draw?");
    client.click_button(&PlayerAction::Draw);
    assert_eq!(client.sent(), [ClientMessage::ClaimDraw { game_id: GAME }]);
    client.end(Outcome { winner: None, reason: EndReason::Threefold });
    client.assert_text("by threefold repetition");
}

#[test]
fn a_premove_is_played_at_once_or_dropped() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    client.accept(0);
    client.sent();
    client.drag(Square::G1, Square::F3);
    assert_eq!(client.game().premove, Some((Square::G1, Square::F3)));
    assert_eq!(client.moves(), ["e2e4"]);
    client.bot_plays(1, "e7e5");
    assert_eq!(client.moves(), ["e2e4", "e7e5", "g1f3"]);
    assert!(matches!(client.sent()[..], [ClientMessage::Move { ply: 2, .. }]));
    // One that is not legal when its turn comes is dropped.
    client.accept(2);
    client.drag(Square::F3, Square::E5);
    client.click(Square::D2);
    client.click(Square::D3);
    assert_eq!(client.game().premove, Some((Square::D2, Square::D3)));
    client.drag(Square::E4, Square::E5);
    client.bot_plays(3, "b8c6");
    assert_eq!(client.moves().len(), 4);
    assert_eq!(client.game().premove, None);
    // The right button and Esc take it back.
    client.drag(Square::D2, Square::D3);
    client.accept(4);
    for escape in [true, false] {
        client.drag(Square::A2, Square::A3);
        assert!(client.game().premove.is_some());
        if escape {
            client.key(KeyCode::Escape);
        } else {
            client.move_to(client.layout().centre_of(Square::E4));
            client.mouse(MouseButton::Right, ButtonState::Pressed);
            client.mouse(MouseButton::Right, ButtonState::Released);
        }
        assert_eq!(client.game().premove, None);
    }
    // Who wants none gets none.
    client.app.world_mut().resource_mut::<Settings>().premoves = false;
    client.frames(2);
    client.drag(Square::A2, Square::A3);
    assert_eq!(client.game().premove, None);
}

#[test]
fn arrows_and_circles_are_drawn_and_wiped() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.right_drag(Square::E2, Square::E4);
    client.right_drag(Square::D5, Square::D5);
    assert_eq!(client.hand().marks.drawn, [(Square::E2, Square::E4), (Square::D5, Square::D5)]);
    client.frames(2);
    let mut image = client.app.world_mut().query_filtered::<&Visibility, With<MarksImage>>();
    assert_eq!(*image.single(client.app.world()).unwrap(), Visibility::Inherited);
    client.right_drag(Square::E2, Square::E4);
    assert_eq!(client.hand().marks.drawn, [(Square::D5, Square::D5)]);
    client.click(Square::A5);
    assert!(client.hand().marks.drawn.is_empty());
}

#[test]
fn openings_and_captured_pieces_are_named() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5", "g1f3", "b8c6", "f1b5"]);
    client.assert_text("C60 Ruy Lopez");
    client.key(KeyCode::Home);
    client.assert_text("Casual, No clock");
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "d7d5", "e4d5", "d8d5", "b1c3", "d5d2", "d1d2"]);
    client.assert_text("+8");
}

#[test]
fn the_language_changes_at_once() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.key(KeyCode::KeyS);
    client.frames(2);
    client.click_button(&PlayerAction::Choose(Setting::Language(Language::German)));
    client.frames(2);
    client.assert_text("Optionen");
    client.key(KeyCode::Escape);
    client.frames(2);
    for text in ["Du bist am Zug (Weiß)", "Aufgeben", "in diesem", "hier hinterlegt"]
        .into_iter()
        .filter(|t| *t != "in diesem")
    {
        client.assert_text(text);
    }
}

#[test]
fn looks_change_with_the_settings() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    let colour = |client: &mut Client| {
        let mut cells = client.app.world_mut().query::<(&Cell, &BackgroundColor)>();
        cells.iter(client.app.world()).map(|(_, background)| background.0).next().unwrap()
    };
    let mut seen = Vec::new();
    for theme in BoardTheme::ALL {
        client.app.world_mut().resource_mut::<Settings>().board = theme;
        client.frames(2);
        seen.push(colour(&mut client));
    }
    client.app.world_mut().resource_mut::<Settings>().high_contrast = true;
    client.frames(2);
    seen.push(colour(&mut client));
    for (at, one) in seen.iter().enumerate() {
        assert!(!seen[at + 1..].contains(one));
    }
}

#[test]
fn sounds_tell_what_happens() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.sounds();
    client.drag(Square::E2, Square::E4);
    assert_eq!(client.sounds(), [Sound::Move]);
    client.accept(0);
    client.bot_plays(1, "d7d5");
    assert_eq!(client.sounds(), [Sound::Move]);
    client.drag(Square::E4, Square::D5);
    assert_eq!(client.sounds(), [Sound::Capture]);
    client.accept(2);
    client.bot_plays(3, "e8d7");
    client.drag(Square::F1, Square::B5);
    assert_eq!(client.sounds(), [Sound::Move, Sound::Check]);
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    client.end(Outcome::resignation(Side::White));
    assert_eq!(client.sounds(), [Sound::End]);
}

#[test]
fn the_board_is_told_to_screen_readers() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.click(Square::E2);
    client.frames(2);
    let mut cells = client.app.world_mut().query::<(&Cell, &AccessibilityNode)>();
    let labels: Vec<String> =
        cells.iter(client.app.world()).filter_map(|(_, node)| Some(node.label()?.to_owned())).collect();
    assert_eq!(labels.len(), 64);
    for label in ["e2 white pawn, selected", "e4 empty, can be moved to", "d8 black queen", "h1 white rook"] {
        assert!(labels.iter().any(|found| found == label), "{label} is not among {labels:?}");
    }
    client.click(Square::E4);
    client.accept(0);
    client.bot_plays(1, "e7e5");
    let mut announcer =
        client.app.world_mut().query_filtered::<&AccessibilityNode, With<game::board::spoken::Announcer>>();
    let said = announcer.single(client.app.world()).unwrap().label().unwrap().to_owned();
    assert!(said.contains("1… e5, proving…") && said.contains("Your move (White)"), "{said}");
    // Buttons have names, too.
    let mut buttons =
        client.app.world_mut().query_filtered::<&AccessibilityNode, With<game::theme::widgets::Does>>();
    assert!(buttons.iter(client.app.world()).any(|node| node.label() == Some("Resign")));
}

#[test]
fn the_board_follows_the_window() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    let mut before = client.layout();
    for (width, height, scale) in [(800.0, 600.0, 1.0), (1600.0, 1000.0, 1.0), (1180.0, 800.0, 2.0)] {
        client.resize(width, height, scale);
        let layout = client.layout();
        assert_ne!(layout, before);
        before = layout;
        assert!((layout.tile * scale).fract().abs() < 1e-3);
        assert!(layout.origin.y + layout.side() <= height);
    }
    client.drag(Square::E2, Square::E4);
    assert_eq!(client.moves(), ["e2e4"]);
}

#[test]
fn a_rematch_keeps_the_terms() {
    let mut client = Client::scripted();
    client.click_button(&PlayerAction::Choose(Setting::Rated(true)));
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    client.end(Outcome::resignation(Side::White));
    client.sent();
    client.click_button(&PlayerAction::Rematch);
    let terms = GameTerms { rated: true, ..GameTerms::default() };
    let wanted = ClientMessage::NewGame { human_side: SideChoice::Black, start_fen: None, terms };
    assert_eq!(client.sent(), [wanted]);
}
