//! Saved games on the board: pasted, opened, looked at move by move, with the network's policy.

use crate::common::{Client, GAME, model, prove};
use bevy::{
    a11y::AccessibilityNode,
    input::{ButtonState, mouse::MouseButton},
    prelude::{ComputedNode, KeyCode, Vec2, With},
    ui::UiGlobalTransform,
};
use game::{
    analysis::Analysis,
    files,
    play::{
        PlayerAction,
        state::{Badge, Blocked},
    },
    screens::{Overlay, curve::CurveField},
    settings::Setting,
};
use protocol::{ClientMessage, GameRecord, Outcome, Side, SideChoice, record::START_FEN, shakmaty::Square};
use std::path::PathBuf;

/// A game of two proven moves, saved.
fn saved_game(client: &mut Client) -> PathBuf {
    client.begin(Side::White, START_FEN, &[]);
    let mut record = GameRecord::default();
    for (ply, (from, to)) in [(Square::E2, Square::E4), (Square::G1, Square::F3)].into_iter().enumerate() {
        let ply = 2 * u32::try_from(ply).unwrap();
        client.drag(from, to);
        client.accept(ply);
        record.play_uci(client.moves().last().unwrap()).unwrap();
        let (uci, proof) = prove(&record);
        record.play_uci(&uci).unwrap();
        client.bot_plays(ply + 1, &uci);
        client.bring_proof(ply + 1, proof);
        client.wait_for("the check", 60, |client| matches!(client.badge(ply + 1), Badge::Verified { .. }));
    }
    client.click_button(&PlayerAction::Save);
    client.assert_text("Saved to");
    std::fs::read_dir(client.folder.path().join("bundles")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_saved_game_is_opened_checked_and_read_move_by_move() {
    let mut client = Client::scripted();
    let path = saved_game(&mut client);
    let moves = client.moves();
    let folder = client.close();
    // Another run of the client; the server knows nothing of it.
    std::fs::write(folder.path().join("current-game"), "").unwrap();
    let mut client = Client::scripted_in(folder);
    client.click_button(&PlayerAction::ShowFiles);
    assert_eq!(client.overlay(), Overlay::Files);
    client.click_button(&PlayerAction::Open(path));
    assert_eq!(client.overlay(), Overlay::None);
    assert_eq!(client.moves(), moves);
    assert_eq!(client.play().state.blocked(), Some(Blocked::Review));
    client.wait_for("both checks", 60, |client| client.game().verified_count() == (2, 2));
    client.frames(2);
    client.assert_text("2/2 verified");
    client.assert_text("Saved game: position 0 of 4");
    for shown in 1..=4 {
        client.key(KeyCode::ArrowRight);
        assert_eq!(client.game().shown_ply(), shown);
    }
    client.key(KeyCode::KeyP);
    client.assert_text("highest of the");
    client.key(KeyCode::Escape);
    // Nothing is played in it, nothing is sent.
    client.drag(Square::D2, Square::D4);
    assert_eq!(client.moves(), moves);
    assert!(client.sent().is_empty());
    client.click_button(&PlayerAction::LeaveReview);
    assert_eq!(client.overlay(), Overlay::Start);
}

#[test]
fn a_damaged_proof_in_a_file_is_invalid_and_no_alarm() {
    let mut client = Client::scripted();
    let path = saved_game(&mut client);
    let bytes = std::fs::read(&path).unwrap();
    let bundle = engine_circuit::bundle::Bundle::read(&bytes).unwrap();
    let mut proofs = bundle.proofs().clone();
    let proof = proofs.get_mut(&1).unwrap();
    let middle = proof.len() / 2;
    proof[middle] ^= 1;
    let damaged = engine_circuit::bundle::Bundle::new(
        bundle.record(),
        bundle.tags(),
        bundle.digest(),
        bundle.game_id(),
        bundle.side(),
        proofs,
    );
    std::fs::write(&path, damaged.write().unwrap()).unwrap();
    client.control(KeyCode::KeyO);
    client.frames(2);
    client.click_button(&PlayerAction::Open(path));
    client.wait_for("the checks", 60, |client| matches!(client.badge(1), Badge::Invalid { .. }));
    client.wait_for("the checks", 60, |client| matches!(client.badge(3), Badge::Verified { .. }));
    client.assert_text("INVALID");
    assert_eq!(client.play().state.alarm, None);
    // The game that was going on is still there.
    client.sent();
    client.click_button(&PlayerAction::LeaveReview);
    assert_eq!(client.game().id, GAME);
    assert!(!client.game().review);
    assert!(matches!(client.sent()[..], [ClientMessage::Resume { game_id: GAME, .. }]));
}

#[test]
fn files_that_are_none_are_refused_with_a_line() {
    let mut client = Client::scripted();
    let path = client.folder.path().join("x.fairmate");
    std::fs::write(&path, b"no archive").unwrap();
    for path in [path, PathBuf::from("/nonexistent.fairmate")] {
        client.app.world_mut().write_message(PlayerAction::Open(path));
        client.frames(3);
        client.assert_text("Not opened");
        assert!(client.play().state.game.is_none());
    }
}

#[test]
fn positions_and_games_are_pasted() {
    let fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1";
    let mut client = Client::scripted();
    client.copy(fen);
    client.control(KeyCode::KeyV);
    client.frames(2);
    client.assert_text(fen);
    client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::White)));
    client.click_button(&PlayerAction::Start);
    assert!(
        matches!(&client.sent()[..], [ClientMessage::NewGame { start_fen: Some(sent), .. }] if sent == fen)
    );

    let mut client = Client::scripted();
    client.copy("[Event \"x\"]\n\n1. e4 e5 2. Nf3 Nc6 1-0");
    client.control(KeyCode::KeyV);
    client.frames(2);
    assert_eq!(client.moves(), ["e2e4", "e7e5", "g1f3", "b8c6"]);
    assert_eq!(client.overlay(), Overlay::None);
    client.copy("what is this");
    client.control(KeyCode::KeyV);
    client.assert_text("Not pasted");
}

#[test]
fn the_policy_is_shown_after_a_game_and_never_before() {
    let mut client = Client::scripted();
    client.begin(Side::White, START_FEN, &["e2e4", "e7e5"]);
    client.frames(20);
    let policy =
        |client: &Client| client.app.world().resource::<Analysis>().policy(&client.play().state).cloned();
    assert_eq!(policy(&client), None);
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    client.end(Outcome::resignation(Side::White));
    client.key(KeyCode::Escape);
    client.key(KeyCode::ArrowLeft);
    client.wait_for("the policy", 60, |client| policy(client).is_some());
    client.frames(3);
    let entries = policy(&client).unwrap().unwrap();
    let best =
        engine_circuit::evaluate(&model(), &GameRecord::replay(START_FEN, ["e2e4"]).unwrap()).unwrap().best;
    assert_eq!(entries[0].squares, GameRecord::king_move_squares(best));
    assert!((entries.iter().map(|entry| entry.probability).sum::<f32>() - 1.0).abs() < 1e-3);
    client.assert_text("What the network thinks here");
    client.assert_text(&format!("{:.1} %", 100.0 * entries[0].probability));
    assert!(!client.app.world().resource::<Analysis>().arrows(&client.play().state).is_empty());
    assert!(files::default_model().is_ok());
}

/// Middle and size of the field of the value curve on the screen.
fn field(client: &mut Client) -> Option<(Vec2, Vec2)> {
    let world = client.app.world_mut();
    let mut fields = world.query_filtered::<(&UiGlobalTransform, &ComputedNode), With<CurveField>>();
    let (transform, node) = fields.iter(world).next()?;
    Some((
        transform.affine().translation * node.inverse_scale_factor(),
        node.size() * node.inverse_scale_factor(),
    ))
}

#[test]
fn the_value_curve_is_shown_after_a_game_and_leads_to_its_positions() {
    let mut client = Client::scripted();
    let moves = ["e2e4", "e7e5", "g1f3", "b8c6"];
    client.begin(Side::White, START_FEN, &moves);
    client.frames(20);
    assert!(client.app.world().resource::<Analysis>().curve(&client.play().state).is_none());
    assert_eq!(field(&mut client), None);
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    client.end(Outcome::resignation(Side::White));
    client.key(KeyCode::Escape);
    client.wait_for("the curve", 60, |client| field(client).is_some_and(|(_, size)| size.x > 100.0));
    client.frames(3);
    let curve =
        client.app.world().resource::<Analysis>().curve(&client.play().state).cloned().unwrap().unwrap();
    assert_eq!(curve.len(), moves.len() + 1);
    // After an odd number of half-moves Black is to move, and the network speaks of Black's chances.
    for (ply, expected) in curve.iter().enumerate() {
        let record = GameRecord::replay(START_FEN, moves[..ply].iter().copied()).unwrap();
        let [win, draw, loss] = engine_circuit::evaluate(&model(), &record).unwrap().value_probabilities;
        let white = if ply % 2 == 0 { win } else { loss };
        let expected = expected.unwrap();
        assert!(
            (f64::from(expected.white) - white).abs() < 1e-6
                && (f64::from(expected.draw) - draw).abs() < 1e-6
        );
    }
    client.assert_text("network's own estimate");
    let percent = (100.0 * curve[4].unwrap().white).round();
    client.assert_text(&format!("2… Nc6: White wins {percent} %"));
    client.wait_for("the policy", 60, |client| {
        client.app.world().resource::<Analysis>().policy(&client.play().state).is_some()
    });
    client.frames(3);
    let (middle, size) = field(&mut client).unwrap();
    // It stays where it is while the network is asked about another position.
    let at = |share: f32| middle + Vec2::new((share - 0.5) * size.x, 0.0);
    // The pointer names a position, a click shows it.
    client.move_to(at(0.3));
    client.frames(2);
    client.assert_text("1. e4: White wins");
    assert_eq!(client.game().shown_ply(), 4);
    client.click_at(at(0.3));
    assert_eq!(client.game().shown_ply(), 1);
    client.click_at(at(0.05));
    assert_eq!(client.game().shown_ply(), 0);
    client.click_at(at(0.95));
    assert_eq!(client.game().shown_ply(), 4);
    // A drag goes through the game.
    client.move_to(at(0.9));
    client.mouse(MouseButton::Left, ButtonState::Pressed);
    client.move_to(at(0.5));
    client.frames(1);
    assert_eq!(client.game().shown_ply(), 2);
    client.mouse(MouseButton::Left, ButtonState::Released);
    client.move_to(Vec2::new(300.0, 300.0));
    client.frames(3);
    client.assert_text("1… e5: White wins");
    let world = client.app.world_mut();
    let mut spoken = world.query_filtered::<&AccessibilityNode, With<CurveField>>();
    let label = spoken.single(world).unwrap().label().unwrap().to_owned();
    assert!(label.contains("own estimate") && label.contains("1… e5: White wins"), "{label}");
}
