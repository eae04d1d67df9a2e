//! The board: [`state`] is plain, [`BoardPlugin`] draws it and listens to the pointer.

mod draw;
mod keys;
pub mod layout;
pub mod marks;
mod pointer;
pub mod spoken;
pub mod state;

use crate::{
    Step,
    play::Play,
    settings::Settings,
    theme::{self, Weight, art::Art, colour},
};
use bevy::{prelude::*, window::PrimaryWindow};
use layout::BoardLayout;
use marks::Marks;
use protocol::shakmaty::Square;
use state::{Hand, Scene};

/// The hand of the player on the board.
#[derive(Resource, Debug, Default)]
pub struct BoardHand {
    /// What it holds.
    pub hand: Hand,
    /// Where the pointer is, in logical pixels of the window.
    pub pointer: Vec2,
    /// The player turned the board.
    pub flipped: bool,
    /// The square of the keyboard's cursor.
    pub cursor: Option<Square>,
    /// A move being typed.
    pub typing: Option<String>,
    /// The player's own arrows and circles.
    pub marks: Marks,
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

/// The badge of the opponent's last move, on the board.
#[derive(Component, Debug)]
pub struct CornerBadge;

/// The frame around the square of the keyboard's cursor.
#[derive(Component, Debug)]
pub struct CursorFrame;

/// What is drawn now, to draw only what changes.
#[derive(Resource)]
struct Drawn {
    scene: Scene,
    layout: BoardLayout,
    shown: Option<(protocol::GameId, usize)>,
    settings: Settings,
}

/// Draws the board and listens to the pointer.
#[derive(Debug)]
pub struct BoardPlugin;

impl Plugin for BoardPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<BoardHand>()
            .init_resource::<BoardLayout>()
            .add_plugins((marks::MarksPlugin, spoken::SpokenPlugin))
            .add_systems(Startup, spawn_board)
            .add_systems(Update, (keys::typed, keys::keyboard, pointer::let_go).chain().in_set(Step::Input))
            .add_systems(
                Update,
                (
                    fit,
                    draw::draw_squares,
                    draw::draw_held,
                    draw::draw_picker,
                    draw::draw_corner_badge,
                    draw::draw_cursor,
                    draw::slide,
                )
                    .chain()
                    .in_set(Step::Draw),
            );
    }
}

fn spawn_board(mut commands: Commands<'_, '_>, layout: Res<'_, BoardLayout>) {
    // Nothing but nodes is drawn, and those smooth their edges themselves.
    commands.spawn((Camera2d, IsDefaultUiCamera, Msaa::Off));
    let mut surface = commands.spawn((
        Name::new("board"),
        BoardSurface,
        board_node(&layout),
        // No shadow: a software GPU works at each of its pixels in every frame, and on this ground nobody sees it.
        BackgroundColor(colour::LINE),
    ));
    surface
        .observe(pointer::on_press)
        .observe(pointer::on_drag)
        .observe(pointer::on_drag_end)
        .observe(pointer::on_release)
        .observe(pointer::on_scroll);
    surface.with_children(|surface| {
        for row in 0..8 {
            for column in 0..8 {
                spawn_cell(surface, Cell { column, row });
            }
        }
        surface.spawn((
            Name::new("marks"),
            marks::MarksImage,
            Node {
                position_type: PositionType::Absolute,
                width: percent(100),
                height: percent(100),
                ..default()
            },
            ImageNode::default(),
            Pickable::IGNORE,
            Visibility::Hidden,
        ));
        surface.spawn((
            Name::new("badge of the last move"),
            CornerBadge,
            Node::default(),
            ImageNode::default(),
            BackgroundColor(colour::BACKGROUND),
            Pickable::IGNORE,
            Visibility::Hidden,
        ));
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
            BackgroundColor(colour::RAISED),
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
                        theme::label("", 12.0, Weight::SemiBold, colour::MUTED),
                        Node { position_type: PositionType::Absolute, left, right, top, bottom, ..default() },
                    ));
                }
            }
            square.spawn((PieceOn(cell), full(), ImageNode::default(), Pickable::IGNORE, Visibility::Hidden));
            square.spawn((HintOn(cell), full(), ImageNode::default(), Pickable::IGNORE, Visibility::Hidden));
        });
}

/// Keeps the board as large as the window allows, and the drawings sharp.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn fit(
    window: Option<Single<'_, '_, &Window, With<PrimaryWindow>>>,
    play: Res<'_, Play>,
    settings: Res<'_, Settings>,
    mut hand: ResMut<'_, BoardHand>,
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
    }
    if hand.hand.no_premoves == settings.premoves {
        hand.hand.no_premoves = !settings.premoves;
    }
    art.draw((fitted.tile * scale_factor).round().max(8.0) as u32, settings.pieces, &mut images);
}
