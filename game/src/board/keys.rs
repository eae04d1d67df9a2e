//! The keyboard: shortcuts, a square cursor, typed moves.

use super::{BoardHand, layout::BoardLayout, state::Played};
use crate::{
    play::{Play, PlayerAction, notation, state::Blocked},
    screens::Overlay,
    settings::{Setting, Settings},
};
use bevy::{
    input::keyboard::{Key, KeyboardInput},
    prelude::*,
};
use protocol::shakmaty::{Color, Square, uci::UciMove};

/// Longest move that is typed.
const MAX_TYPED: usize = 8;

/// Characters: a move being typed, and shortcuts that are characters.
pub(super) fn typed(
    mut inputs: MessageReader<'_, '_, KeyboardInput>,
    keys: Res<'_, ButtonInput<KeyCode>>,
    overlay: Res<'_, State<Overlay>>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    let control = keys.any_pressed([KeyCode::ControlLeft, KeyCode::ControlRight]);
    for input in inputs.read().filter(|input| input.state.is_pressed()) {
        let text = match (&input.text, &input.logical_key) {
            (Some(text), _) => text.as_str(),
            (None, Key::Character(text)) => text.as_str(),
            _ => "",
        };
        if *overlay.get() != Overlay::None {
            if text == "?" && *overlay.get() != Overlay::Alarm {
                actions.write(PlayerAction::ShowHelp);
            }
            continue;
        }
        if hand.typing.is_none() {
            match text {
                "/" => hand.typing = Some(String::new()),
                "?" => drop(actions.write(PlayerAction::ShowHelp)),
                _ => {}
            }
            continue;
        }
        if input.key_code == KeyCode::Enter {
            enter(&play, &mut hand, &mut actions);
        } else if input.key_code == KeyCode::Backspace {
            if let Some(typing) = &mut hand.typing {
                typing.pop();
            }
        } else if !control
            && let Some(typing) = &mut hand.typing
            && typing.len() + text.len() <= MAX_TYPED
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-=+#".contains(c))
        {
            typing.push_str(text);
        }
    }
}

/// Plays what was typed, or keeps it for the next turn. What is no legal move stays, to be mended.
fn enter(play: &Play, hand: &mut BoardHand, actions: &mut MessageWriter<'_, PlayerAction>) {
    let (Some(typed), Some(game)) = (&hand.typing, &play.state.game) else { return };
    let position = game.record.position();
    match play.state.blocked() {
        None => {
            if let Some(mv) = notation::typed_move(position, typed) {
                hand.hand.cancel();
                hand.typing = None;
                actions.write(PlayerAction::Move(mv));
            }
        }
        Some(Blocked::NotYourTurn | Blocked::Unproven) if !hand.hand.no_premoves => {
            if let Ok(UciMove::Normal { from, to, .. }) = typed.to_lowercase().parse() {
                hand.typing = None;
                actions.write(PlayerAction::Premove(Some((from, to))));
            }
        }
        Some(_) => {}
    }
}

/// All other keys.
pub(super) fn keyboard(
    keys: Res<'_, ButtonInput<KeyCode>>,
    overlay: Res<'_, State<Overlay>>,
    layout: Res<'_, BoardLayout>,
    settings: Res<'_, Settings>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if keys.any_pressed([KeyCode::ControlLeft, KeyCode::ControlRight]) {
        for (key, action) in [
            (KeyCode::KeyV, PlayerAction::Paste),
            (KeyCode::KeyC, PlayerAction::CopyFen),
            (KeyCode::KeyG, PlayerAction::CopyPgn),
            (KeyCode::KeyS, PlayerAction::Save),
            (KeyCode::KeyO, PlayerAction::ShowFiles),
            (KeyCode::KeyZ, PlayerAction::TakeBack),
        ] {
            if keys.just_pressed(key) && *overlay.get() != Overlay::Alarm {
                actions.write(action);
            }
        }
        return;
    }
    if *overlay.get() != Overlay::None {
        return;
    }
    if keys.just_pressed(KeyCode::Escape) {
        hand.hand.cancel();
        (hand.cursor, hand.typing) = (None, None);
        hand.marks.clear();
        if play.state.game.as_ref().is_some_and(|game| game.premove.is_some()) {
            actions.write(PlayerAction::Premove(None));
        }
    }
    if hand.typing.is_some() {
        return;
    }
    if hand.cursor.is_some() {
        move_cursor(&keys, &layout, &play, &mut hand, &mut actions);
    } else {
        for (key, steps) in [
            (KeyCode::ArrowLeft, -1),
            (KeyCode::ArrowRight, 1),
            (KeyCode::ArrowUp, isize::MIN),
            (KeyCode::ArrowDown, isize::MAX),
        ] {
            if keys.just_pressed(key) {
                actions.write(PlayerAction::Browse(steps));
            }
        }
        if keys.just_pressed(KeyCode::Space) {
            let human = play.state.game.as_ref().map_or(Color::White, |game| game.human);
            hand.cursor = Some(if human == Color::White { Square::E2 } else { Square::E7 });
        }
    }
    for (key, action) in [
        (KeyCode::Home, PlayerAction::Browse(isize::MIN)),
        (KeyCode::End, PlayerAction::Browse(isize::MAX)),
        (KeyCode::KeyF, PlayerAction::Flip),
        (KeyCode::KeyP, PlayerAction::ShowProof(None)),
        (KeyCode::KeyN, PlayerAction::AskNewGame),
        (KeyCode::KeyS, PlayerAction::ShowSettings),
        (KeyCode::KeyM, PlayerAction::Choose(Setting::Volume(if settings.volume == 0 { 6 } else { 0 }))),
        (KeyCode::F1, PlayerAction::ShowHelp),
    ] {
        if keys.just_pressed(key) {
            actions.write(action);
        }
    }
}

/// Arrows move the cursor as the screen shows it; Space and Enter are a click on its square.
fn move_cursor(
    keys: &ButtonInput<KeyCode>,
    layout: &BoardLayout,
    play: &Play,
    hand: &mut BoardHand,
    actions: &mut MessageWriter<'_, PlayerAction>,
) {
    let Some(square) = hand.cursor else { return };
    let (mut column, mut row) = layout.cell_of(square);
    if keys.just_pressed(KeyCode::ArrowLeft) {
        column = column.saturating_sub(1);
    }
    if keys.just_pressed(KeyCode::ArrowRight) {
        column = (column + 1).min(7);
    }
    if keys.just_pressed(KeyCode::ArrowUp) {
        row = row.saturating_sub(1);
    }
    if keys.just_pressed(KeyCode::ArrowDown) {
        row = (row + 1).min(7);
    }
    let square = layout.square_of_cell(column, row);
    if hand.cursor != Some(square) {
        hand.cursor = Some(square);
    }
    if keys.any_just_pressed([KeyCode::Space, KeyCode::Enter, KeyCode::NumpadEnter]) {
        let pressed = hand.hand.press(square, &play.state);
        match pressed.or_else(|| hand.hand.release(Some(square), &play.state)) {
            Some(Played::Move(mv)) => drop(actions.write(PlayerAction::Move(mv))),
            Some(Played::Premove(from, to)) => drop(actions.write(PlayerAction::Premove(Some((from, to))))),
            None => {}
        }
    }
}
