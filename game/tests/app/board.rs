//! The board by mouse and keyboard, the server's part read from a script.

use crate::common::Client;
use bevy::{
    input::{ButtonState, mouse::MouseButton},
    math::Vec2,
    prelude::{ComputedNode, ImageNode, InheritedVisibility, KeyCode},
    ui::UiGlobalTransform,
};
use game::{
    networks::Networks,
    play::PlayerAction,
    screens::Overlay,
    settings::Setting,
    theme::art::{Art, Sign},
};
use protocol::{
    ClientMessage, EndReason, GameTerms, Outcome, ProofMode, Side, SideChoice,
    record::START_FEN,
    shakmaty::{Role, Square},
};

fn sent_moves(client: &mut Client) -> Vec<String> {
    client
        .sent()
        .into_iter()
        .filter_map(|message| match message {
            ClientMessage::Move { uci, .. } => Some(uci),
            _ => None,
        })
        .collect()
}

#[test]
fn plays_by_clicks_and_by_drag() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.assert_text("Your move (White)");
    client.click(Square::E2);
    assert_eq!(client.hand().hand.selected, Some(Square::E2));
    client.click(Square::E4);
    assert_eq!(client.moves(), ["e2e4"]);
    assert_eq!(sent_moves(&mut client), ["e2e4"]);
    client.assert_text("The network thinks (Black)");
    // Not the player's turn: nothing moves.
    client.drag(Square::D2, Square::D4);
    client.drag(Square::E7, Square::E5);
    assert_eq!(client.moves(), ["e2e4"]);
    client.accept(0);
    client.bot_plays(1, "e7e5");
    client.drag(Square::G1, Square::F3);
    assert_eq!(client.moves(), ["e2e4", "e7e5", "g1f3"]);
    assert_eq!(sent_moves(&mut client), ["g1f3"]);
    client.assert_text("Nf3");
}

#[test]
fn an_illegal_drop_returns_and_so_does_one_outside() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E5);
    assert!(client.moves().is_empty());
    assert_eq!(client.hand().hand, game::board::state::Hand::default());
    client.drag_to(Square::E2, Vec2::new(1100.0, 300.0));
    assert!(client.moves().is_empty());
    assert_eq!(client.hand().hand, game::board::state::Hand::default());
}

#[test]
fn escape_and_right_click_let_go() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.click(Square::E2);
    client.key(KeyCode::Escape);
    assert_eq!(client.hand().hand.selected, None);
    client.click(Square::E2);
    client.mouse(MouseButton::Right, ButtonState::Pressed);
    client.mouse(MouseButton::Right, ButtonState::Released);
    assert_eq!(client.hand().hand.selected, None);
    // A second click on the piece takes the selection back.
    client.click(Square::E2);
    client.click(Square::E2);
    assert_eq!(client.hand().hand.selected, None);
}

#[test]
fn flips_by_key_and_shows_black_below_for_black() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    assert!(!client.layout().flipped);
    client.key(KeyCode::KeyF);
    client.frames(2);
    assert!(client.layout().flipped);
    client.drag(Square::D2, Square::D4);
    assert_eq!(client.moves(), ["d2d4"]);
    client.click_button(&PlayerAction::Flip);
    client.frames(2);
    assert!(!client.layout().flipped);

    let mut client = Client::scripted();
    client.begin(Side::Black, START_FEN, &["e2e4"]);
    client.frames(2);
    assert!(client.layout().flipped);
    client.drag(Square::C7, Square::C5);
    assert_eq!(client.moves(), ["e2e4", "c7c5"]);
}

#[test]
fn promotion_picker_offers_four_pieces_on_the_file() {
    let fen = "8/4P1k1/8/8/8/8/8/4K3 w - - 0 1";
    for (square, role) in [
        (Square::E8, Role::Queen),
        (Square::E7, Role::Knight),
        (Square::E6, Role::Rook),
        (Square::E5, Role::Bishop),
    ] {
        let mut client = Client::scripted();
        client.begin(Side::White, fen, &[]);
        client.drag(Square::E7, Square::E8);
        assert!(client.moves().is_empty());
        assert_eq!(client.hand().hand.promotion, Some((Square::E7, Square::E8)));
        client.click(square);
        assert_eq!(client.moves(), [format!("e7e8{}", role.char())]);
    }
    let mut client = Client::scripted();
    client.begin(Side::White, fen, &[]);
    client.click(Square::E7);
    client.click(Square::E8);
    client.click(Square::A3);
    assert_eq!(client.hand().hand.promotion, None);
    assert!(client.moves().is_empty());
}

#[test]
fn castles_onto_the_rook_and_captures_en_passant() {
    let mut client = Client::scripted();
    client.begin(Side::White, "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", &[]);
    client.drag(Square::E1, Square::H1);
    assert_eq!(client.moves(), ["e1g1"]);

    let mut client = Client::scripted();
    client.begin(Side::White, "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", &[]);
    client.drag(Square::E5, Square::D6);
    assert_eq!(client.moves(), ["e5d6"]);
}

#[test]
fn earlier_positions_are_shown_and_left_again() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.key(KeyCode::ArrowLeft);
    assert_eq!(client.play().state.game.as_ref().unwrap().shown_ply(), 1);
    client.drag(Square::G1, Square::F3);
    assert_eq!(client.moves().len(), 2);
    client.key(KeyCode::Home);
    assert_eq!(client.play().state.game.as_ref().unwrap().shown_ply(), 0);
    client.key(KeyCode::End);
    client.drag(Square::G1, Square::F3);
    assert_eq!(client.moves().len(), 3);
    client.click_button(&PlayerAction::ShowPly(1));
    assert_eq!(client.play().state.game.as_ref().unwrap().shown_ply(), 1);
}

#[test]
fn resigns_after_asking() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.click_button(&PlayerAction::AskResign);
    assert_eq!(client.overlay(), Overlay::ConfirmResign);
    client.click_button(&PlayerAction::Close);
    assert_eq!(client.overlay(), Overlay::None);
    assert!(client.sent().is_empty());
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    assert!(matches!(client.sent()[..], [ClientMessage::Resign { .. }]));
    client.end(Outcome::resignation(Side::White));
    assert_eq!(client.overlay(), Overlay::GameOver);
    client.assert_text("The network won");
    client.click_button(&PlayerAction::Rematch);
    let terms = GameTerms::default();
    let wanted = ClientMessage::NewGame { human_side: SideChoice::Black, start_fen: None, terms };
    assert_eq!(client.sent(), [wanted]);
}

#[test]
fn fools_mate_ends_the_game() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::F2, Square::F3);
    client.accept(0);
    client.bot_plays(1, "e7e5");
    client.drag(Square::G2, Square::G4);
    client.accept(2);
    client.bot_plays(3, "d8h4");
    client.end(Outcome { winner: Some(Side::Black), reason: EndReason::Checkmate });
    assert_eq!(client.overlay(), Overlay::GameOver);
    client.assert_text("by checkmate");
    client.assert_text("0 of 2 moves");
    client.click_button(&PlayerAction::Close);
    client.drag(Square::A2, Square::A3);
    assert_eq!(client.moves().len(), 4);
}

#[test]
fn a_wrong_end_an_illegal_move_and_a_rewritten_history_stop_the_game() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.end(Outcome { winner: Some(Side::Black), reason: EndReason::Checkmate });
    assert_eq!(client.overlay(), Overlay::Alarm);

    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.drag(Square::E2, Square::E4);
    client.bot_plays(1, "e7e4");
    assert_eq!(client.overlay(), Overlay::Alarm);
    client.assert_text("illegal move");

    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.bot_plays(1, "c7c5");
    assert_eq!(client.overlay(), Overlay::Alarm);
}

#[test]
fn a_lost_connection_loses_nothing() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.tell(game::net::NetEvent::Broken { reason: "cable".into() });
    client.assert_text("Connection lost");
    client.drag(Square::E2, Square::E4);
    client.sent();
    client.welcome(ProofMode::Gkr);
    assert!(matches!(client.sent()[..], [ClientMessage::Resume { .. }]));
    // The server has not seen the move: it is sent again.
    let record = protocol::GameRecord::default();
    client.say(protocol::ServerMessage::game(
        crate::common::GAME,
        Side::White,
        &record,
        None,
        GameTerms::default(),
        Vec::new(),
        None,
    ));
    assert_eq!(sent_moves(&mut client), ["e2e4"]);
    assert_eq!(client.moves(), ["e2e4"]);
}

#[test]
fn press_and_release_within_one_frame_count() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &[]);
    client.hasty_click(client.layout().centre_of(Square::E2));
    assert!(!client.hand().hand.dragging);
    client.hasty_click(client.layout().centre_of(Square::E4));
    assert_eq!(client.moves(), ["e2e4"]);
    // The pointer is there before: a tap.
    let resign = client.button_at(&PlayerAction::AskResign);
    client.move_to(resign);
    client.hasty_click(resign);
    assert_eq!(client.overlay(), Overlay::ConfirmResign);
}

#[test]
fn a_king_in_check_glows_and_no_other_square() {
    let glowing = |client: &mut Client| {
        let glow = client.app.world().resource::<Art>().sign(Sign::Glow);
        let layout = client.layout();
        let world = client.app.world_mut();
        let mut images =
            world.query::<(&ImageNode, &InheritedVisibility, &UiGlobalTransform, &ComputedNode)>();
        images
            .iter(world)
            .filter(|(image, visible, ..)| image.image == glow && visible.get())
            .filter_map(|(.., transform, node)| {
                layout.square_at(transform.affine().translation * node.inverse_scale_factor())
            })
            .collect::<Vec<Square>>()
    };
    let mut client = Client::scripted();
    client.begin(Side::White, "4k3/8/8/8/8/8/8/r3K3 w - - 0 1", &[]);
    assert_eq!(glowing(&mut client), [Square::E1]);
    client.assert_text("Your move (White, check)");
    client.drag(Square::E1, Square::E2);
    client.frames(2);
    assert_eq!(glowing(&mut client), []);
}

#[test]
fn levels_say_how_strong_they_are() {
    let mut client = Client::scripted();
    let networks = client.app.world().resource::<Networks>().clone();
    let digest = *crate::common::model().digest().as_bytes();
    let network = networks.get(&digest).unwrap().clone();
    let texts = game::i18n::Texts::default();
    for level in [1, 5, 8] {
        client.click_button(&PlayerAction::Choose(Setting::Level(level)));
        client.frames(2);
        let text = game::networks::level_text(&texts, Some(&network), level);
        client.assert_text(&text);
        // The chip says it shortly.
        let short = game::networks::short_strength(&texts, Some(&network), level).unwrap();
        assert!(client.texts().contains(&short));
    }
    client.assert_text(&network.name);
    client.assert_text("docs/models/");
    client.begin(Side::White, START_FEN, &[]);
    let level = game::networks::level_text(&texts, Some(&network), 8);
    client.assert_text(&format!("{}, {level}", network.name));
}
