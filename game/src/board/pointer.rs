//! The pointer on the board: selecting, dragging, arrows and circles, the wheel.

use super::{BoardHand, layout::BoardLayout, state::Played};
use crate::play::{Play, PlayerAction};
use bevy::{
    picking::events::{Drag, DragEnd, Pointer, Press, Release, Scroll},
    prelude::*,
};

fn act(played: Option<Played>, actions: &mut MessageWriter<'_, PlayerAction>) {
    match played {
        Some(Played::Move(mv)) => drop(actions.write(PlayerAction::Move(mv))),
        Some(Played::Premove(from, to)) => drop(actions.write(PlayerAction::Premove(Some((from, to))))),
        None => {}
    }
}

pub(super) fn on_press(
    press: On<'_, '_, Pointer<Press>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    match press.event.button {
        PointerButton::Primary => {
            hand.pointer = press.pointer_location.position;
            let Some(square) = layout.square_at(hand.pointer) else { return };
            hand.marks.clear();
            hand.cursor = None;
            if has_premove(&play) {
                actions.write(PlayerAction::Premove(None));
            }
            act(hand.hand.press(square, &play.state), &mut actions);
        }
        PointerButton::Secondary => {
            let held = hand.hand.cancel();
            if has_premove(&play) {
                actions.write(PlayerAction::Premove(None));
            } else if !held {
                hand.marks.begin = layout.square_at(press.pointer_location.position);
            }
        }
        PointerButton::Middle => {}
    }
}

pub(super) fn on_drag(drag: On<'_, '_, Pointer<Drag>>, mut hand: ResMut<'_, BoardHand>) {
    if drag.event.button == PointerButton::Primary {
        hand.pointer = drag.pointer_location.position;
    }
}

pub(super) fn on_release(
    release: On<'_, '_, Pointer<Release>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    let square = layout.square_at(release.pointer_location.position);
    match release.event.button {
        PointerButton::Primary => act(hand.hand.release(square, &play.state), &mut actions),
        PointerButton::Secondary => hand.marks.finish(square),
        PointerButton::Middle => {}
    }
}

/// A drag that ends outside the board has no release on it.
pub(super) fn on_drag_end(
    end: On<'_, '_, Pointer<DragEnd>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
) {
    if end.event.button == PointerButton::Primary
        && hand.hand.dragging
        && layout.square_at(end.pointer_location.position).is_none()
    {
        hand.hand.release(None, &play.state);
    }
}

/// Picking sends a release only to what the pointer was on a frame ago: a hasty one is heard here.
pub(super) fn let_go(
    buttons: Res<'_, ButtonInput<MouseButton>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if hand.hand.dragging && !buttons.pressed(MouseButton::Left) {
        let square = layout.square_at(hand.pointer);
        act(hand.hand.release(square, &play.state), &mut actions);
    }
}

fn has_premove(play: &Play) -> bool {
    play.state.game.as_ref().is_some_and(|game| game.premove.is_some())
}

/// The wheel over the board turns the pages of the game.
pub(super) fn on_scroll(scroll: On<'_, '_, Pointer<Scroll>>, mut actions: MessageWriter<'_, PlayerAction>) {
    if scroll.event.y != 0.0 {
        actions.write(PlayerAction::Browse(if scroll.event.y > 0.0 { -1 } else { 1 }));
    }
}
