//! Draws the board: squares, pieces, hints, the piece in the hand, the promotion picker, the badge of the last move.

use super::{
    BoardHand, BoardSurface, Cell, Coordinate, CornerBadge, Drawn, GlowOn, HeldPiece, HintOn, PieceOn,
    PromotionPicker, Sliding, board_node,
    layout::BoardLayout,
    state::{self, Hint, PROMOTIONS, SquareLook},
};
use crate::{
    play::Play,
    screens::badge_sign,
    settings::Settings,
    theme::{
        art::{Art, Sign},
        board::{Tint, tinted},
        colour,
    },
};
use bevy::{prelude::*, window::RequestRedraw};
use protocol::shakmaty::{Color as Side, Piece, Square};

fn is_light(cell: Cell) -> bool {
    (cell.column + cell.row).is_multiple_of(2)
}

fn square_colour(cell: Cell, look: &SquareLook, settings: &Settings) -> Color {
    let tint = if look.selected {
        Some(Tint::Selected)
    } else if look.premove {
        Some(Tint::Premove)
    } else if look.last_move {
        Some(Tint::LastMove)
    } else {
        None
    };
    tinted(settings.board.square(is_light(cell), settings.high_contrast), tint)
}

type Looks<'w, 's, T, F = ()> = Query<
    'w,
    's,
    (Entity, &'static T, &'static mut ImageNode, &'static mut Visibility),
    (Without<HeldPiece>, F),
>;

#[allow(clippy::too_many_arguments, clippy::type_complexity, reason = "a system asks for what it draws on")]
pub(super) fn draw_squares(
    settings: Res<'_, Settings>,
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    art: Res<'_, Art>,
    drawn: Option<ResMut<'_, Drawn>>,
    mut cells: Query<'_, '_, (&Cell, &mut BackgroundColor)>,
    mut pieces: Looks<'_, '_, PieceOn, (Without<HintOn>, Without<GlowOn>)>,
    mut hints: Looks<'_, '_, HintOn, (Without<PieceOn>, Without<GlowOn>)>,
    mut glows: Looks<'_, '_, GlowOn, (Without<PieceOn>, Without<HintOn>)>,
    mut coordinates: Query<'_, '_, (&Coordinate, &mut Text, &mut TextColor)>,
    mut commands: Commands<'_, '_>,
) {
    let scene = state::scene(&play.state, &hand.hand);
    let shown = play.state.game.as_ref().map(|game| (game.id, game.shown_ply()));
    if let Some(drawn) = &drawn
        && drawn.scene == scene
        && drawn.layout == *layout
        && drawn.shown == shown
        && drawn.settings == *settings
    {
        return;
    }
    let look = |cell: Cell| scene[layout.square_of_cell(cell.column, cell.row) as usize];
    for (&cell, mut background) in &mut cells {
        background.set_if_neq(BackgroundColor(square_colour(cell, &look(cell), &settings)));
    }
    let show = |image: &mut ImageNode, visibility: &mut Visibility, handle: Option<Handle<Image>>| {
        *visibility = if handle.is_some() { Visibility::Inherited } else { Visibility::Hidden };
        image.image = handle.unwrap_or_default();
    };
    for (_, PieceOn(cell), mut image, mut visibility) in &mut pieces {
        let look = look(*cell);
        image.color = Color::WHITE.with_alpha(if look.faint { 0.35 } else { 1.0 });
        show(&mut image, &mut visibility, look.piece.map(|piece| art.piece(piece)));
    }
    for (_, HintOn(cell), mut image, mut visibility) in &mut hints {
        let sign = look(*cell).hint.filter(|_| settings.hints).map(|hint| match hint {
            Hint::Quiet => Sign::Dot,
            Hint::Capture => Sign::Ring,
        });
        show(&mut image, &mut visibility, sign.map(|sign| art.sign(sign)));
    }
    for (_, GlowOn(cell), mut image, mut visibility) in &mut glows {
        show(&mut image, &mut visibility, look(*cell).check.then(|| art.sign(Sign::Glow)));
    }
    for (Coordinate { cell, file }, mut text, mut text_colour) in &mut coordinates {
        let square = layout.square_of_cell(cell.column, cell.row);
        let letter = if *file { square.file().char() } else { square.rank().char() };
        text.0 = if settings.coordinates { letter.to_string() } else { String::new() };
        text_colour.0 = settings.board.square(!is_light(*cell), settings.high_contrast);
    }
    start_slide(&play, drawn.as_deref(), shown, &layout, &pieces, &mut commands);
    commands.insert_resource(Drawn { scene, layout: *layout, shown, settings: settings.clone() });
}

/// A move by the opponent, or one step of browsing forward, slides; a move by hand is where the hand put it.
fn start_slide<F: bevy::ecs::query::QueryFilter>(
    play: &Play,
    drawn: Option<&Drawn>,
    shown: Option<(protocol::GameId, usize)>,
    layout: &BoardLayout,
    pieces: &Query<'_, '_, (Entity, &'static PieceOn, &'static mut ImageNode, &'static mut Visibility), F>,
    commands: &mut Commands<'_, '_>,
) {
    let (Some(before), Some((id, ply)), Some(game)) =
        (drawn.and_then(|drawn| drawn.shown), shown, &play.state.game)
    else {
        return;
    };
    if before.0 != id || before.1 + 1 != ply || drawn.is_some_and(|drawn| drawn.layout != *layout) {
        return;
    }
    let last = u32::try_from(ply - 1).unwrap_or(u32::MAX);
    if !game.is_bot_ply(last) {
        return;
    }
    let (from, to) = protocol::GameRecord::king_move_squares(game.record.moves()[ply - 1]);
    let offset = layout.centre_of(from) - layout.centre_of(to);
    let (column, row) = layout.cell_of(to);
    for (entity, PieceOn(cell), ..) in pieces {
        if (cell.column, cell.row) == (column, row) {
            commands.entity(entity).insert((Sliding { from: offset, elapsed_s: 0.0 }, GlobalZIndex(5)));
        }
    }
}

/// Seconds that a piece takes to its square.
const SLIDE_S: f32 = 0.16;

pub(super) fn slide(
    time: Res<'_, Time<Real>>,
    mut sliding: Query<'_, '_, (Entity, &mut Sliding, &mut UiTransform)>,
    mut redraw: MessageWriter<'_, RequestRedraw>,
    mut commands: Commands<'_, '_>,
) {
    for (entity, mut sliding, mut transform) in &mut sliding {
        // The first frame after idling carries the idle time: it must not eat the animation.
        sliding.elapsed_s += time.delta_secs().min(0.04);
        let left = 1.0 - (sliding.elapsed_s / SLIDE_S).min(1.0);
        let offset = sliding.from * left * left;
        transform.translation = Val2::px(offset.x, offset.y);
        redraw.write(RequestRedraw);
        if left == 0.0 {
            commands.entity(entity).remove::<(Sliding, GlobalZIndex)>();
        }
    }
}

pub(super) fn draw_held(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    art: Res<'_, Art>,
    held: Single<'_, '_, (&mut Node, &mut ImageNode, &mut Visibility), With<HeldPiece>>,
) {
    let (mut node, mut image, mut visibility) = held.into_inner();
    let Some(piece) = state::held_piece(&play.state, &hand.hand) else {
        visibility.set_if_neq(Visibility::Hidden);
        return;
    };
    let size = layout.tile;
    visibility.set_if_neq(Visibility::Visible);
    let handle = art.piece(piece);
    if image.image != handle {
        image.image = handle;
    }
    let corner = hand.pointer - size / 2.0;
    node.set_if_neq(Node {
        position_type: PositionType::Absolute,
        left: px(corner.x),
        top: px(corner.y),
        width: px(size),
        height: px(size),
        ..default()
    });
}

pub(super) fn draw_picker(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    art: Res<'_, Art>,
    picker: Query<'_, '_, Entity, With<PromotionPicker>>,
    mut shown: Local<'_, Option<(Square, BoardLayout)>>,
    mut commands: Commands<'_, '_>,
) {
    let wanted = hand.hand.promotion.map(|(_, to)| (to, *layout));
    if *shown == wanted {
        return;
    }
    *shown = wanted;
    for entity in &picker {
        commands.entity(entity).despawn();
    }
    let Some((to, layout)) = wanted else { return };
    let side = play.state.game.as_ref().map_or(Side::White, |game| game.human);
    commands.spawn((
        PromotionPicker,
        board_node(&layout),
        BackgroundColor(colour::VEIL),
        GlobalZIndex(9),
        Pickable::IGNORE,
    ));
    for (square, role) in state::promotion_squares(to).into_iter().zip(PROMOTIONS) {
        let corner = layout.centre_of(square) - layout.tile / 2.0;
        commands.spawn((
            PromotionPicker,
            Node {
                position_type: PositionType::Absolute,
                left: px(corner.x),
                top: px(corner.y),
                width: px(layout.tile),
                height: px(layout.tile),
                border: UiRect::all(px(3)),
                border_radius: BorderRadius::MAX,
                ..default()
            },
            BackgroundColor(colour::MUTED),
            BorderColor::all(colour::ACCENT),
            GlobalZIndex(10),
            Pickable::IGNORE,
            children![(
                Node { width: percent(100), height: percent(100), ..default() },
                ImageNode::new(art.piece(Piece { color: side, role })),
                Pickable::IGNORE,
            )],
        ));
    }
}

/// The badge of the last of the opponent's moves up to the position shown, in the corner of the square it went to.
pub(super) fn draw_corner_badge(
    play: Res<'_, Play>,
    layout: Res<'_, BoardLayout>,
    art: Res<'_, Art>,
    badge: Single<'_, '_, (&mut Node, &mut ImageNode, &mut Visibility), With<CornerBadge>>,
) {
    let (mut node, mut image, mut visibility) = badge.into_inner();
    let shown = play.state.game.as_ref().and_then(|game| {
        let ply = game.shown_bot_ply().filter(|&ply| game.shown_ply() <= ply as usize + 2)?;
        let (_, to) = protocol::GameRecord::king_move_squares(game.move_at(ply)?);
        Some((to, game.badges.get(&ply)?))
    });
    let Some((square, badge)) = shown else {
        visibility.set_if_neq(Visibility::Hidden);
        return;
    };
    visibility.set_if_neq(Visibility::Inherited);
    let handle = art.sign(badge_sign(badge).0);
    if image.image != handle {
        image.image = handle;
    }
    let (column, row) = layout.cell_of(square);
    let size = layout.tile * 0.34;
    let corner =
        Vec2::new(column as f32 + 1.0, row as f32) * layout.tile - Vec2::new(size * 0.72, size * 0.28);
    // Nothing is cut at the board's edge.
    let corner = corner.clamp(Vec2::ZERO, Vec2::splat(layout.side() - size));
    node.set_if_neq(Node {
        position_type: PositionType::Absolute,
        left: px(corner.x),
        top: px(corner.y),
        width: px(size),
        height: px(size),
        padding: UiRect::all(px(size * 0.16)),
        border_radius: BorderRadius::MAX,
        ..default()
    });
}

/// The frame of the keyboard's cursor.
pub(super) fn draw_cursor(
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    art: Res<'_, Art>,
    surface: Single<'_, '_, Entity, With<BoardSurface>>,
    cursor: Query<'_, '_, Entity, With<super::CursorFrame>>,
    mut drawn: Local<'_, Option<(Square, BoardLayout)>>,
    mut commands: Commands<'_, '_>,
) {
    let wanted = hand.cursor.map(|square| (square, *layout));
    if *drawn == wanted {
        return;
    }
    *drawn = wanted;
    for entity in &cursor {
        commands.entity(entity).despawn();
    }
    let Some((square, layout)) = wanted else { return };
    let (column, row) = layout.cell_of(square);
    commands.entity(*surface).with_child((
        super::CursorFrame,
        Node {
            position_type: PositionType::Absolute,
            left: percent(12.5 * column as f32),
            top: percent(12.5 * row as f32),
            width: percent(12.5),
            height: percent(12.5),
            ..default()
        },
        ImageNode::new(art.sign(Sign::Frame)),
        Pickable::IGNORE,
    ));
}
