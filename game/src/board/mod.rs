//! The board: [`state`] is plain, [`BoardPlugin`] draws it and listens to the pointer.

pub mod layout;
pub mod state;

use crate::{
    Step,
    play::{Play, PlayerAction},
    theme::{
        self, Weight,
        art::{Art, Sign},
        colour,
    },
};
use bevy::{
    picking::events::{Drag, DragEnd, Pointer, Press, Release},
    prelude::*,
    window::{PrimaryWindow, RequestRedraw},
};
use layout::BoardLayout;
use protocol::shakmaty::{Color as Side, Piece, Square};
use state::{Hand, Hint, PROMOTIONS, Scene, SquareLook};

/// The hand of the player on the board.
#[derive(Resource, Debug, Default)]
pub struct BoardHand {
    /// What it holds.
    pub hand: Hand,
    /// Where the pointer is, in logical pixels of the window.
    pub pointer: Vec2,
    /// The player turned the board.
    pub flipped: bool,
}

/// The node that covers the board and takes all pointer events.
#[derive(Component, Debug)]
pub struct BoardSurface;

/// A square, by its place on the screen: column from the left and row from above.
#[derive(Component, Clone, Copy, Debug)]
pub struct Cell {
    column: u32,
    row: u32,
}

/// The piece on a square.
#[derive(Component, Debug)]
struct PieceOn(Cell);

/// The hint on a square, or the glow of a check below the piece.
#[derive(Component, Debug)]
struct HintOn(Cell);

#[derive(Component, Debug)]
struct GlowOn(Cell);

/// File letter or rank digit in the corner of a square.
#[derive(Component, Debug)]
struct Coordinate {
    cell: Cell,
    file: bool,
}

/// The piece that follows the pointer.
#[derive(Component, Debug)]
pub struct HeldPiece;

/// A piece on its way to the square it moved to.
#[derive(Component, Debug)]
struct Sliding {
    from: Vec2,
    elapsed_s: f32,
}

/// The promotion picker.
#[derive(Component, Debug)]
pub struct PromotionPicker;

/// What is drawn now, to draw only what changes.
#[derive(Resource)]
struct Drawn {
    scene: Scene,
    layout: BoardLayout,
    shown: Option<(protocol::GameId, usize)>,
}

/// Draws the board and listens to the pointer.
#[derive(Debug)]
pub struct BoardPlugin;

impl Plugin for BoardPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<BoardHand>()
            .init_resource::<BoardLayout>()
            .add_systems(Startup, spawn_board)
            .add_systems(Update, (keyboard, let_go).in_set(Step::Input))
            .add_systems(
                Update,
                (fit, draw_squares, draw_held, draw_picker, slide).chain().in_set(Step::Draw),
            );
    }
}

fn spawn_board(mut commands: Commands<'_, '_>, layout: Res<'_, BoardLayout>) {
    commands.spawn((Camera2d, IsDefaultUiCamera));
    let mut surface = commands.spawn((
        Name::new("board"),
        BoardSurface,
        board_node(&layout),
        BackgroundColor(colour::SQUARE_DARK),
        BoxShadow::new(Color::BLACK.with_alpha(0.45), px(0), px(4), px(0), px(18)),
    ));
    surface.observe(on_press).observe(on_drag).observe(on_drag_end).observe(on_release);
    surface.with_children(|surface| {
        for row in 0..8 {
            for column in 0..8 {
                spawn_cell(surface, Cell { column, row });
            }
        }
    });
    commands.spawn((
        Name::new("held piece"),
        HeldPiece,
        Node { position_type: PositionType::Absolute, ..default() },
        ImageNode::default(),
        GlobalZIndex(20),
        Pickable::IGNORE,
        Visibility::Hidden,
    ));
}

fn board_node(layout: &BoardLayout) -> Node {
    Node {
        position_type: PositionType::Absolute,
        left: px(layout.origin.x),
        top: px(layout.origin.y),
        width: px(layout.side()),
        height: px(layout.side()),
        ..default()
    }
}

fn spawn_cell(surface: &mut ChildSpawnerCommands<'_>, cell: Cell) {
    let full = || Node {
        position_type: PositionType::Absolute,
        width: percent(100),
        height: percent(100),
        ..default()
    };
    surface
        .spawn((
            cell,
            Node {
                position_type: PositionType::Absolute,
                left: percent(12.5 * cell.column as f32),
                top: percent(12.5 * cell.row as f32),
                width: percent(12.5),
                height: percent(12.5),
                ..default()
            },
            BackgroundColor(colour::SQUARE_LIGHT),
            Pickable::IGNORE,
        ))
        .with_children(|square| {
            square.spawn((GlowOn(cell), full(), ImageNode::default(), Pickable::IGNORE, Visibility::Hidden));
            for file in [true, false] {
                if (file && cell.row == 7) || (!file && cell.column == 7) {
                    let (left, right, top, bottom) =
                        if file { (px(4), auto(), auto(), px(1)) } else { (auto(), px(3), px(2), auto()) };
                    square.spawn((
                        Coordinate { cell, file },
                        theme::label("", 12.0, Weight::SemiBold, colour::SQUARE_DARK),
                        Node { position_type: PositionType::Absolute, left, right, top, bottom, ..default() },
                    ));
                }
            }
            square.spawn((PieceOn(cell), full(), ImageNode::default(), Pickable::IGNORE, Visibility::Hidden));
            square.spawn((HintOn(cell), full(), ImageNode::default(), Pickable::IGNORE, Visibility::Hidden));
        });
}

/// Keeps the board as large as the window allows, and the drawings sharp.
fn fit(
    window: Option<Single<'_, '_, &Window, With<PrimaryWindow>>>,
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    mut layout: ResMut<'_, BoardLayout>,
    mut surface: Single<'_, '_, &mut Node, With<BoardSurface>>,
    mut art: ResMut<'_, Art>,
    mut images: ResMut<'_, Assets<Image>>,
) {
    let Some(window) = window else { return };
    let human = play.state.game.as_ref().map(|game| game.human);
    let flipped = state::orientation(human, hand.flipped);
    let scale_factor = window.scale_factor();
    let fitted = BoardLayout::fit(Vec2::new(window.width(), window.height()), scale_factor, flipped);
    if *layout != fitted {
        *layout = fitted;
        **surface = board_node(&fitted);
        art.resize((fitted.tile * scale_factor).round().max(8.0) as u32, &mut images);
    }
}

fn is_light(cell: Cell) -> bool {
    (cell.column + cell.row).is_multiple_of(2)
}

fn square_colour(cell: Cell, look: &SquareLook) -> Color {
    match (is_light(cell), look.selected, look.last_move) {
        (true, true, _) => colour::SELECTED_LIGHT,
        (false, true, _) => colour::SELECTED_DARK,
        (true, false, true) => colour::LAST_LIGHT,
        (false, false, true) => colour::LAST_DARK,
        (true, false, false) => colour::SQUARE_LIGHT,
        (false, false, false) => colour::SQUARE_DARK,
    }
}

type Looks<'w, 's, T, F = ()> = Query<
    'w,
    's,
    (Entity, &'static T, &'static mut ImageNode, &'static mut Visibility),
    (Without<HeldPiece>, F),
>;

#[allow(clippy::too_many_arguments, clippy::type_complexity, reason = "a system asks for what it draws on")]
fn draw_squares(
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
    {
        return;
    }
    let look = |cell: Cell| scene[layout.square_of_cell(cell.column, cell.row) as usize];
    for (&cell, mut background) in &mut cells {
        background.set_if_neq(BackgroundColor(square_colour(cell, &look(cell))));
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
        let sign = look(*cell).hint.map(|hint| match hint {
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
        text.0 = letter.to_string();
        text_colour.0 = if is_light(*cell) { colour::SQUARE_DARK } else { colour::SQUARE_LIGHT };
    }
    start_slide(&play, drawn.as_deref(), shown, &layout, &pieces, &mut commands);
    commands.insert_resource(Drawn { scene, layout: *layout, shown });
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

fn slide(
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

fn draw_held(
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

fn draw_picker(
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

fn on_press(
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
            if let Some(mv) = hand.hand.press(square, &play.state) {
                actions.write(PlayerAction::Move(mv));
            }
        }
        PointerButton::Secondary | PointerButton::Middle => {
            hand.hand.cancel();
        }
    }
}

fn on_drag(drag: On<'_, '_, Pointer<Drag>>, mut hand: ResMut<'_, BoardHand>) {
    if drag.event.button == PointerButton::Primary {
        hand.pointer = drag.pointer_location.position;
    }
}

fn on_release(
    release: On<'_, '_, Pointer<Release>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if release.event.button == PointerButton::Primary {
        let square = layout.square_at(release.pointer_location.position);
        if let Some(mv) = hand.hand.release(square, &play.state) {
            actions.write(PlayerAction::Move(mv));
        }
    }
}

/// A drag that ends outside the board has no release on it.
fn on_drag_end(
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
fn let_go(
    buttons: Res<'_, ButtonInput<MouseButton>>,
    layout: Res<'_, BoardLayout>,
    play: Res<'_, Play>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if hand.hand.dragging && !buttons.pressed(MouseButton::Left) {
        let square = layout.square_at(hand.pointer);
        if let Some(mv) = hand.hand.release(square, &play.state) {
            actions.write(PlayerAction::Move(mv));
        }
    }
}

fn keyboard(
    keys: Res<'_, ButtonInput<KeyCode>>,
    mut hand: ResMut<'_, BoardHand>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if keys.just_pressed(KeyCode::Escape) {
        hand.hand.cancel();
    }
    if keys.just_pressed(KeyCode::KeyF) {
        actions.write(PlayerAction::Flip);
    }
    for (key, steps) in [
        (KeyCode::ArrowLeft, -1),
        (KeyCode::ArrowRight, 1),
        (KeyCode::Home, isize::MIN),
        (KeyCode::End, isize::MAX),
    ] {
        if keys.just_pressed(key) {
            actions.write(PlayerAction::Browse(steps));
        }
    }
}
