//! What screen readers are told: the board as a grid of 64 labelled nodes of which the keyboard's square has the focus, announcements of what
//! happens, the texts of dialogs. Buttons name themselves (`theme::widgets`).

use super::{BoardHand, BoardSurface, Cell, layout::BoardLayout, state};
use crate::{
    Step,
    i18n::Texts,
    play::{Play, notation, state::PlayState},
    screens::{dialogs::Dialog, panel::status_line},
    theme::widgets::Does,
};
use accesskit::{Live, Node as SpokenNode, Role};
use bevy::{
    a11y::AccessibilityNode,
    input_focus::{FocusCause, InputFocus},
    prelude::*,
};
use protocol::shakmaty::{Color as Side, Piece, Role as PieceRole, Square};

/// The node that says what happened last.
#[derive(Component, Debug)]
pub struct Announcer;

/// Labels the board for screen readers.
#[derive(Debug)]
pub struct SpokenPlugin;

impl Plugin for SpokenPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Startup, spawn_announcer)
            .add_systems(Update, (label_squares, announce, focus_square).in_set(Step::Draw))
            .add_systems(PostUpdate, (read_dialogs, hide_pictures));
    }
}

fn spawn_announcer(mut commands: Commands<'_, '_>) {
    let mut node = SpokenNode::new(Role::Status);
    node.set_live(Live::Polite);
    commands.spawn((
        Name::new("announcer"),
        Announcer,
        Node { position_type: PositionType::Absolute, width: px(1), height: px(1), ..default() },
        AccessibilityNode(node),
    ));
}

fn piece_name(texts: &Texts, piece: Piece) -> String {
    let role = texts.get(match piece.role {
        PieceRole::Pawn => "piece-pawn",
        PieceRole::Knight => "piece-knight",
        PieceRole::Bishop => "piece-bishop",
        PieceRole::Rook => "piece-rook",
        PieceRole::Queen => "piece-queen",
        PieceRole::King => "piece-king",
    });
    let id = if piece.color == Side::White { "piece-of-white" } else { "piece-of-black" };
    texts.with(id, &[("piece", role.into())])
}

/// What a screen reader says of a square.
#[must_use]
pub fn square_label(texts: &Texts, scene: &state::Scene, square: Square) -> String {
    let look = scene[square as usize];
    let mut label = format!("{square} ");
    label += &look.piece.map_or_else(|| texts.get("square-empty"), |piece| piece_name(texts, piece));
    for (holds, id) in [
        (look.selected, "square-selected"),
        (look.hint.is_some(), "square-target"),
        (look.last_move, "square-last-move"),
        (look.check, "square-check"),
        (look.premove, "square-premove"),
    ] {
        if holds {
            label += ", ";
            label += &texts.get(id);
        }
    }
    label
}

#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn label_squares(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    texts: Res<'_, Texts>,
    surface: Single<'_, '_, Entity, With<BoardSurface>>,
    cells: Query<'_, '_, (Entity, &Cell)>,
    mut drawn: Local<'_, Option<(state::Scene, bool)>>,
    mut commands: Commands<'_, '_>,
) {
    let scene = state::scene(&play.state, &hand.hand);
    let wanted = (scene, layout.flipped);
    if drawn.as_ref() == Some(&wanted) && !texts.is_changed() {
        return;
    }
    if drawn.is_none() || texts.is_changed() {
        let mut board = SpokenNode::new(Role::Grid);
        board.set_label(texts.get("board-label"));
        board.set_row_count(8);
        board.set_column_count(8);
        commands.entity(*surface).insert(AccessibilityNode(board));
    }
    *drawn = Some(wanted);
    for (entity, cell) in &cells {
        let mut node = SpokenNode::new(Role::GridCell);
        node.set_label(square_label(&texts, &scene, layout.square_of_cell(cell.column, cell.row)));
        node.set_row_index(cell.row as usize);
        node.set_column_index(cell.column as usize);
        commands.entity(entity).insert(AccessibilityNode(node));
    }
}

/// The last move, its badge and whose turn it is.
#[must_use]
pub fn announcement(texts: &Texts, state: &PlayState) -> String {
    let Some(game) = &state.game else { return status_line(texts, state) };
    let last = game.record.ply().checked_sub(1).and_then(|ply| {
        let san = notation::san_at(&game.record, ply)?;
        let badge = u32::try_from(ply).ok().and_then(|ply| game.badges.get(&ply));
        let badge = badge.map(|badge| format!(", {}", notation::badge_text(texts, badge)));
        Some(format!("{} {san}{}. ", notation::move_number(&game.record, ply), badge.unwrap_or_default()))
    });
    last.unwrap_or_default() + &status_line(texts, state)
}

fn announce(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    mut announcer: Single<'_, '_, &mut AccessibilityNode, With<Announcer>>,
    mut said: Local<'_, String>,
) {
    if !play.is_changed() && !texts.is_changed() {
        return;
    }
    let text = announcement(&texts, &play.state);
    if *said != text {
        // Platforms announce a change of a live node's name.
        announcer.set_label(text.clone());
        *said = text;
    }
}

/// The texts of dialogs, as they are now; those on buttons are the buttons' names. Bevy's own label would keep the first.
fn read_dialogs(
    mut texts: Query<'_, '_, (Entity, &Text, Option<&mut AccessibilityNode>), Changed<Text>>,
    parents: Query<'_, '_, &ChildOf>,
    dialogs: Query<'_, '_, (), With<Dialog>>,
    buttons: Query<'_, '_, (), With<Does>>,
    mut commands: Commands<'_, '_>,
) {
    for (entity, text, node) in &mut texts {
        let within = |found: &dyn Fn(Entity) -> bool| parents.iter_ancestors(entity).any(found);
        if !within(&|parent| dialogs.contains(parent)) || within(&|parent| buttons.contains(parent)) {
            continue;
        }
        if let Some(mut node) = node {
            node.set_value(text.0.as_str());
        } else {
            let mut node = SpokenNode::new(Role::Label);
            node.set_value(text.0.as_str());
            commands.entity(entity).try_insert(AccessibilityNode(node));
        }
    }
}

/// Pictures are silent: what they show is said by the square, the button or the line that they belong to. Bevy would offer each as an image
/// without a name, three to a square.
fn hide_pictures(pictures: Query<'_, '_, Entity, Added<ImageNode>>, mut commands: Commands<'_, '_>) {
    for entity in &pictures {
        let mut node = SpokenNode::new(Role::Image);
        node.set_hidden();
        commands.entity(entity).try_insert(AccessibilityNode(node));
    }
}

/// Gives the focus to the square of the keyboard's cursor, so that a screen reader says it. Bevy starts with the focus on the window, which has no node
/// of its own, and tells screen readers nothing as long as it is there.
fn focus_square(
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    cells: Query<'_, '_, (Entity, &Cell)>,
    nodes: Query<'_, '_, (), With<AccessibilityNode>>,
    mut focus: ResMut<'_, InputFocus>,
) {
    let square = hand.cursor.and_then(|cursor| {
        cells.iter().find(|(_, cell)| layout.square_of_cell(cell.column, cell.row) == cursor)
    });
    let now = focus.get();
    match square {
        Some((entity, _)) if now != Some(entity) => focus.set(entity, FocusCause::Navigated),
        Some(_) => {}
        None if now.is_some_and(|entity| cells.contains(entity) || !nodes.contains(entity)) => focus.clear(),
        None => {}
    }
}
