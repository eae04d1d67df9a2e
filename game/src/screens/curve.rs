//! The value curve: what the network itself expects in each position of a game that is over. A click or a drag on it shows the
//! position, the pointer names it.

use crate::{
    Step,
    analysis::{Analysis, Expectation},
    i18n::Texts,
    play::{Play, PlayerAction, notation},
    theme::{self, Weight, colour},
};
use accesskit::{Node as SpokenNode, Role};
use bevy::{
    a11y::AccessibilityNode,
    picking::events::{Click, Drag, Move, Out, Pointer},
    prelude::*,
    ui::UiGlobalTransform,
};
use protocol::GameRecord;

/// Columns drawn at most; in a longer game a column stands for several positions.
const MAX_COLUMNS: usize = 240;

/// Height of the curve in logical pixels.
const HEIGHT: f32 = 56.0;

/// The curve with its heading and labels.
#[derive(Component, Debug)]
pub struct CurveCard;

/// The field with the columns, which the pointer acts on.
#[derive(Component, Debug)]
pub struct CurveField;

/// The line that says what is expected in one position.
#[derive(Component, Debug)]
struct CurveLine;

/// The stroke at the position shown.
#[derive(Component, Debug)]
struct CurveMarker;

/// The position under the pointer, in half-moves.
#[derive(Resource, Debug, Default)]
struct Pointed(Option<usize>);

/// Draws the curve.
#[derive(Debug)]
pub(super) struct CurvePlugin;

impl Plugin for CurvePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Pointed>()
            .add_observer(clicked)
            .add_observer(dragged)
            .add_observer(pointed)
            .add_observer(left)
            .add_systems(Update, (draw, draw_line).chain().in_set(Step::Draw));
    }
}

/// Spawns the place of the curve in the panel's card.
pub(super) fn spawn_curve(card: &mut ChildSpawnerCommands<'_>) {
    card.spawn((
        Name::new("value curve"),
        CurveCard,
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            padding: UiRect::axes(px(14), px(8)),
            row_gap: px(3),
            border: UiRect::top(px(1)),
            display: Display::None,
            ..default()
        },
        BorderColor::all(colour::LINE),
    ));
}

/// Points of the columns, each White's expected points, and the number of half-moves on the whole axis.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    points: Vec<Option<f32>>,
    plies: usize,
}

fn columns(curve: &[Option<Expectation>]) -> Columns {
    let count = curve.len().min(MAX_COLUMNS);
    let points = (0..count).map(|column| curve[column * curve.len() / count].map(Expectation::points));
    Columns { points: points.collect(), plies: curve.len() }
}

fn draw(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    analysis: Res<'_, Analysis>,
    mut drawn: Local<'_, Option<Columns>>,
    card: Single<'_, '_, (Entity, &mut Node), With<CurveCard>>,
    mut commands: Commands<'_, '_>,
) {
    let found = analysis.curve(&play.state).and_then(|curve| curve.as_ref().ok());
    // A curve of one point says nothing.
    let wanted = found.filter(|curve| curve.len() > 1).map(|curve| columns(curve));
    if *drawn == wanted && !texts.is_changed() {
        return;
    }
    let (card, mut node) = card.into_inner();
    node.display = if wanted.is_some() { Display::Flex } else { Display::None };
    let last = play.state.game.as_ref().map_or_else(String::new, |game| {
        notation::move_number(&game.record, game.record.ply().saturating_sub(1))
    });
    commands.entity(card).despawn_children().with_children(|card| {
        if let Some(columns) = &wanted {
            card.spawn(theme::say("value-title", 12.0, Weight::SemiBold, colour::MUTED));
            spawn_field(card, columns);
            spawn_axis(card, &last);
            card.spawn((CurveLine, theme::label("", 12.0, Weight::Regular, colour::TEXT)));
        }
    });
    *drawn = wanted;
}

/// Width of the labels on the left in logical pixels.
const LABELS: f32 = 42.0;

fn spawn_field(card: &mut ChildSpawnerCommands<'_>, columns: &Columns) {
    let count = columns.points.len() as f32;
    card.spawn((Node { height: px(HEIGHT), flex_shrink: 0.0, ..default() }, Pickable::IGNORE)).with_children(
        |row| {
            row.spawn((
                Node {
                    width: px(LABELS),
                    flex_shrink: 0.0,
                    flex_direction: FlexDirection::Column,
                    justify_content: JustifyContent::SpaceBetween,
                    ..default()
                },
                Pickable::IGNORE,
            ))
            .with_children(|labels| {
                for text in ["100 %", "50 %", "0 %"] {
                    labels.spawn(theme::label(text, 10.5, Weight::Regular, colour::MUTED));
                }
            });
            row.spawn((
                Name::new("value field"),
                CurveField,
                Node { flex_grow: 1.0, overflow: Overflow::clip(), ..default() },
                BackgroundColor(colour::RAISED),
            ))
            .with_children(|field| {
                for (at, points) in columns.points.iter().enumerate() {
                    let Some(points) = points else { continue };
                    field.spawn((
                        Node {
                            position_type: PositionType::Absolute,
                            left: percent(100.0 * at as f32 / count),
                            width: percent(100.0 / count),
                            bottom: px(0),
                            height: percent(100.0 * points),
                            ..default()
                        },
                        BackgroundColor(colour::MUTED),
                        Pickable::IGNORE,
                    ));
                }
                field.spawn((
                    Node {
                        position_type: PositionType::Absolute,
                        top: percent(50),
                        width: percent(100),
                        height: px(1),
                        ..default()
                    },
                    BackgroundColor(colour::BACKGROUND),
                    Pickable::IGNORE,
                ));
                field.spawn((
                    CurveMarker,
                    Node {
                        position_type: PositionType::Absolute,
                        top: px(0),
                        height: percent(100),
                        width: px(5),
                        border: UiRect::horizontal(px(1.5)),
                        ..default()
                    },
                    // Light between dark edges: seen on both sides of the curve.
                    BackgroundColor(colour::TEXT),
                    BorderColor::all(colour::BACKGROUND),
                    Pickable::IGNORE,
                ));
            });
        },
    );
}

/// The axis of the moves: from the start to the number of the last one.
fn spawn_axis(card: &mut ChildSpawnerCommands<'_>, last: &str) {
    card.spawn((
        Node {
            padding: UiRect::left(px(LABELS)),
            justify_content: JustifyContent::SpaceBetween,
            flex_shrink: 0.0,
            ..default()
        },
        Pickable::IGNORE,
    ))
    .with_children(|axis| {
        axis.spawn(theme::say("value-start", 10.5, Weight::Regular, colour::MUTED));
        axis.spawn(theme::label(last, 10.5, Weight::Regular, colour::MUTED));
    });
}

/// What is expected after so many half-moves, in words.
#[must_use]
pub fn line(texts: &Texts, record: &GameRecord, curve: &[Option<Expectation>], ply: usize) -> String {
    let place = match ply.checked_sub(1) {
        None => texts.get("value-start"),
        Some(last) => {
            let san = notation::san_at(record, last).unwrap_or_default();
            format!("{} {san}", notation::move_number(record, last))
        }
    };
    let Some(expected) = curve.get(ply).copied().flatten() else {
        return texts.with("value-decided", &[("place", place.into())]);
    };
    let percent = |share: f32| f64::from((100.0 * share).round()).into();
    let parts = [
        ("place", place.into()),
        ("white", percent(expected.white)),
        ("draw", percent(expected.draw)),
        ("black", percent((1.0 - expected.white - expected.draw).max(0.0))),
    ];
    texts.with("value-line", &parts)
}

/// The line under the curve and the stroke follow the pointer or the position shown.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn draw_line(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    analysis: Res<'_, Analysis>,
    pointed: Res<'_, Pointed>,
    mut lines: Query<'_, '_, &mut Text, With<CurveLine>>,
    mut markers: Query<'_, '_, &mut Node, With<CurveMarker>>,
    fields: Query<'_, '_, (Entity, Option<&AccessibilityNode>), With<CurveField>>,
    mut commands: Commands<'_, '_>,
) {
    let Some(game) = &play.state.game else { return };
    let Some(Ok(curve)) = analysis.curve(&play.state) else { return };
    let shown = game.shown_ply();
    let ply = pointed.0.unwrap_or(shown);
    let said = line(&texts, &game.record, curve, ply);
    for mut text in &mut lines {
        text.set_if_neq(Text(said.clone()));
    }
    let left = percent(100.0 * (shown as f32 + 0.5) / curve.len().max(1) as f32);
    for mut node in &mut markers {
        if node.left != left {
            node.left = left;
            node.margin = UiRect::left(px(-2.5));
        }
    }
    let label = format!("{}. {}", texts.get("value-title"), line(&texts, &game.record, curve, shown));
    for (field, spoken) in &fields {
        if spoken.is_none_or(|spoken| spoken.label() != Some(label.as_str())) {
            let mut node = SpokenNode::new(Role::Figure);
            node.set_label(label.clone());
            commands.entity(field).insert(AccessibilityNode(node));
        }
    }
}

type Fields<'w, 's> = Query<'w, 's, (&'static UiGlobalTransform, &'static ComputedNode), With<CurveField>>;

/// The position at a place of the window, if the field is there.
fn ply_at(fields: &Fields<'_, '_>, field: Entity, x: f32, play: &Play) -> Option<usize> {
    let (transform, node) = fields.get(field).ok()?;
    let game = play.state.game.as_ref()?;
    let (middle, width) = (transform.affine().translation.x, node.size().x.max(1.0));
    let share = ((x / node.inverse_scale_factor() - middle) / width + 0.5).clamp(0.0, 0.999_99);
    Some((share * (game.record.ply() + 1) as f32) as usize)
}

fn clicked(
    click: On<'_, '_, Pointer<Click>>,
    fields: Fields<'_, '_>,
    play: Res<'_, Play>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if let Some(ply) = ply_at(&fields, click.entity, click.pointer_location.position.x, &play) {
        actions.write(PlayerAction::ShowPly(ply));
    }
}

fn dragged(
    drag: On<'_, '_, Pointer<Drag>>,
    fields: Fields<'_, '_>,
    play: Res<'_, Play>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if let Some(ply) = ply_at(&fields, drag.entity, drag.pointer_location.position.x, &play) {
        actions.write(PlayerAction::ShowPly(ply));
    }
}

fn pointed(
    over: On<'_, '_, Pointer<Move>>,
    fields: Fields<'_, '_>,
    play: Res<'_, Play>,
    mut pointed: ResMut<'_, Pointed>,
) {
    if let Some(ply) = ply_at(&fields, over.entity, over.pointer_location.position.x, &play) {
        pointed.0 = Some(ply);
    }
}

fn left(
    out: On<'_, '_, Pointer<Out>>,
    fields: Query<'_, '_, (), With<CurveField>>,
    mut pointed: ResMut<'_, Pointed>,
) {
    if fields.contains(out.entity) {
        pointed.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_games_are_drawn_in_few_columns() {
        let expectation = |white| Some(Expectation { white, draw: 0.0 });
        let curve: Vec<_> = (0..1_000).map(|ply| expectation(ply as f32 / 1_000.0)).collect();
        let drawn = columns(&curve);
        assert_eq!((drawn.points.len(), drawn.plies), (MAX_COLUMNS, 1_000));
        assert_eq!(drawn.points[0], Some(0.0));
        assert!(drawn.points[MAX_COLUMNS - 1].is_some_and(|last| last > 0.99));
        let short = columns(&curve[..3]);
        assert_eq!(short.points.len(), 3);
    }

    #[test]
    fn the_line_says_place_and_chances() {
        let texts = Texts::default();
        let record = GameRecord::replay(protocol::record::START_FEN, ["e2e4", "e7e5"]).unwrap();
        let curve = [Some(Expectation { white: 0.5, draw: 0.3 }), None, None];
        assert_eq!(line(&texts, &record, &curve, 0), "Start: White wins 50 %, draw 30 %, Black wins 20 %");
        assert_eq!(line(&texts, &record, &curve, 2), "1… e5: decided by the rules");
    }
}
