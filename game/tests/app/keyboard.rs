//! Play by keyboard: typed moves, the square cursor, shortcuts.

use crate::common::Client;
use bevy::{a11y::AccessibilityNode, input_focus::InputFocus, prelude::KeyCode};
use game::{play::PlayerAction, screens::Overlay, settings::Setting};
use protocol::{Side, record::START_FEN, shakmaty::Square};

#[test]
fn moves_are_typed() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.type_text("/Nf3");
    client.assert_text("Move: Nf3_");
    assert!(!client.layout().flipped, "the F of a move turned the board");
    client.key(KeyCode::Enter);
    assert_eq!(client.moves(), ["g1f3"]);
    client.bot_plays(1, "e7e5");
    // What is no move stays, to be mended.
    client.type_text("/e5");
    client.key(KeyCode::Enter);
    assert_eq!(client.moves().len(), 2);
    client.key(KeyCode::Backspace);
    client.type_text("4");
    client.key(KeyCode::Enter);
    assert_eq!(client.moves().last().unwrap(), "e2e4");
    client.bot_plays(3, "d7d6");
    client.type_text("/f1c4");
    client.key(KeyCode::Escape);
    assert_eq!(client.hand().typing, None);
    client.type_text("/f1c4");
    client.key(KeyCode::Enter);
    assert_eq!(client.moves().last().unwrap(), "f1c4");
}

#[test]
fn the_cursors_square_has_the_focus() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    let focused = |client: &mut Client| {
        client.frames(2);
        let world = client.app.world();
        let entity = world.resource::<InputFocus>().get()?;
        Some(
            world
                .get::<AccessibilityNode>(entity)
                .expect("the focus is on something spoken")
                .label()?
                .to_owned(),
        )
    };
    // The window has no node: while it has the focus, nothing is told to screen readers.
    assert_eq!(focused(&mut client), None);
    client.key(KeyCode::Space);
    assert_eq!(focused(&mut client).as_deref(), Some("e2 white pawn"));
    client.key(KeyCode::ArrowDown);
    assert_eq!(focused(&mut client).as_deref(), Some("e1 white king"));
    client.key(KeyCode::Escape);
    assert_eq!(focused(&mut client), None);
}

#[test]
fn a_cursor_takes_and_drops() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.key(KeyCode::Space);
    assert_eq!(client.hand().cursor, Some(Square::E2));
    client.key(KeyCode::ArrowLeft);
    client.key(KeyCode::Space);
    assert_eq!(client.hand().hand.selected, Some(Square::D2));
    client.key(KeyCode::ArrowUp);
    client.key(KeyCode::ArrowUp);
    client.key(KeyCode::Enter);
    assert_eq!(client.moves(), ["d2d4"]);
    client.key(KeyCode::Escape);
    assert_eq!(client.hand().cursor, None);

    // A promotion by keyboard: the picker lies along the file.
    let mut client = Client::scripted();
    client.begin(Side::White, "8/4P1k1/8/8/8/8/8/4K3 w - - 0 1", &[]);
    client.key(KeyCode::Space);
    for _ in 0..5 {
        client.key(KeyCode::ArrowUp);
    }
    client.key(KeyCode::Enter);
    client.key(KeyCode::ArrowUp);
    client.key(KeyCode::Enter);
    assert_eq!(client.hand().hand.promotion, Some((Square::E7, Square::E8)));
    client.key(KeyCode::ArrowDown);
    client.key(KeyCode::Enter);
    assert_eq!(client.moves(), ["e7e8n"]);
}

#[test]
fn the_list_of_keys_opens_and_closes() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.type_text("?");
    client.frames(2);
    assert_eq!(client.overlay(), Overlay::Help);
    client.assert_text("turn the board");
    client.key(KeyCode::Escape);
    assert_eq!(client.overlay(), Overlay::None);
    client.click_button(&PlayerAction::ShowHelp);
    assert_eq!(client.overlay(), Overlay::Help);
}

#[test]
fn the_wheel_and_the_arrows_turn_the_pages() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5", "g1f3", "b8c6"]);
    client.scroll(Square::E4, 1.0);
    assert_eq!(client.game().shown_ply(), 3);
    client.scroll(Square::E4, -1.0);
    assert_eq!(client.game().shown_ply(), 4);
    client.key(KeyCode::ArrowUp);
    assert_eq!(client.game().shown_ply(), 0);
    client.key(KeyCode::ArrowDown);
    assert_eq!(client.game().shown_ply(), 4);
}

#[test]
fn shortcuts_do_what_the_list_says() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    for (key, overlay) in [
        (KeyCode::KeyS, Overlay::Settings),
        (KeyCode::KeyN, Overlay::Start),
        (KeyCode::KeyP, Overlay::ProofCard),
        (KeyCode::F1, Overlay::Help),
    ] {
        client.key(key);
        client.frames(2);
        assert_eq!(client.overlay(), overlay);
        client.key(KeyCode::Escape);
        assert_eq!(client.overlay(), Overlay::None);
    }
    client.key(KeyCode::KeyM);
    assert!(client.settings().has(Setting::Volume(0)));
    client.control(KeyCode::KeyC);
    assert_eq!(client.clipboard(), "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2");
    client.control(KeyCode::KeyG);
    assert!(client.clipboard().contains("1. e4 e5"), "{}", client.clipboard());
    client.control(KeyCode::KeyO);
    client.frames(2);
    assert_eq!(client.overlay(), Overlay::Files);
}
