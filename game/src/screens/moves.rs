//! The list of moves with the opponent's badges, and after a game the network's policy.

use super::badge_sign;
use crate::{
    Step,
    analysis::{Analysis, SHOWN_MOVES},
    i18n::Texts,
    play::{Play, PlayerAction, game::Badge, notation, state::PlayState},
    theme::{self, Weight, art::Art, colour, font, widgets::Does},
};
use bevy::{picking::hover::Hovered, prelude::*, ui_widgets::ScrollArea};
use protocol::shakmaty::{Color as Side, Position};

/// The list of moves.
#[derive(Component, Debug)]
pub struct MoveList;

/// The badge of the opponent's move at a ply.
#[derive(Component, Clone, Copy, Debug)]
pub struct BadgeOf(pub u32);

/// The table of the network's policy.
#[derive(Component, Debug)]
pub struct PolicyTable;

/// Draws the list.
#[derive(Debug)]
pub struct MovesPlugin;

impl Plugin for MovesPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, (draw_moves, draw_policy).in_set(Step::Draw));
    }
}

/// Spawns list and table into the panel's card.
pub(super) fn spawn_list(card: &mut ChildSpawnerCommands<'_>) {
    card.spawn((
        Name::new("moves"),
        MoveList,
        ScrollArea,
        Node {
            flex_direction: FlexDirection::Column,
            flex_grow: 1.0,
            flex_basis: px(0),
            min_height: px(2.0 * ROW_HEIGHT),
            padding: UiRect::vertical(px(6)),
            overflow: Overflow::scroll_y(),
            ..default()
        },
    ));
    super::curve::spawn_curve(card);
    card.spawn((
        Name::new("policy"),
        PolicyTable,
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            min_height: px(SHOWN_MOVES as f32 * (POLICY_ROW + 3.0) + 34.0),
            padding: UiRect::axes(px(14), px(8)),
            row_gap: px(3),
            border: UiRect::top(px(1)),
            display: Display::None,
            ..default()
        },
        BorderColor::all(colour::LINE),
    ));
}

/// Height of a row of the policy table in logical pixels.
const POLICY_ROW: f32 = 18.0;

/// One row of the policy table.
#[derive(Clone, Debug, PartialEq)]
struct PolicyRow {
    san: String,
    probability: f32,
    played: bool,
}

fn policy_rows(state: &PlayState, analysis: &Analysis) -> Option<Result<Vec<PolicyRow>, String>> {
    let game = state.game.as_ref()?;
    let next = notation::san_at(&game.record, game.shown_ply());
    Some(analysis.policy(state)?.as_ref().map_err(Clone::clone).map(|entries| {
        entries
            .iter()
            .take(SHOWN_MOVES)
            .map(|entry| PolicyRow {
                san: entry.san.clone(),
                probability: entry.probability,
                played: next.as_ref() == Some(&entry.san),
            })
            .collect()
    }))
}

#[allow(clippy::type_complexity, reason = "what was drawn last")]
fn draw_policy(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    analysis: Res<'_, Analysis>,
    mut drawn: Local<'_, Option<Result<Vec<PolicyRow>, String>>>,
    table: Single<'_, '_, (Entity, &mut Node), With<PolicyTable>>,
    mut commands: Commands<'_, '_>,
) {
    // Until the answer is there, the last one stays: what lies above it would jump.
    if drawn.is_some() && analysis.is_pending(&play.state) {
        return;
    }
    let rows = policy_rows(&play.state, &analysis);
    if *drawn == rows && !texts.is_changed() {
        return;
    }
    drawn.clone_from(&rows);
    let (table, mut node) = table.into_inner();
    node.display = if rows.is_some() { Display::Flex } else { Display::None };
    commands.entity(table).despawn_children().with_children(|table| {
        let title = texts.get("policy-title");
        table.spawn(theme::label(title, 12.0, Weight::SemiBold, colour::MUTED));
        match rows {
            None => {}
            Some(Err(_)) => {
                let text = texts.get("policy-no-model");
                table.spawn(theme::label(text, 12.0, Weight::Regular, colour::MUTED));
            }
            Some(Ok(rows)) => {
                for row in rows {
                    spawn_policy_row(table, &row);
                }
            }
        }
    });
}

fn spawn_policy_row(table: &mut ChildSpawnerCommands<'_>, row: &PolicyRow) {
    table
        .spawn((
            Node { height: px(POLICY_ROW), align_items: AlignItems::Center, ..default() },
            Pickable::IGNORE,
        ))
        .with_children(|line| {
            let san = if row.played { format!("→ {}", row.san) } else { row.san.clone() };
            line.spawn(Node { width: px(86), ..default() }).with_child(theme::label(
                san,
                13.0,
                Weight::SemiBold,
                colour::TEXT,
            ));
            line.spawn((
                Node { width: px(160), height: px(9), border_radius: BorderRadius::all(px(4)), ..default() },
                BackgroundColor(colour::RAISED),
            ))
            .with_child((
                Node {
                    width: percent(100.0 * row.probability),
                    height: percent(100),
                    border_radius: BorderRadius::all(px(4)),
                    ..default()
                },
                BackgroundColor(colour::ACCENT),
            ));
            line.spawn(Node { margin: UiRect::left(px(10)), ..default() }).with_child(theme::label(
                format!("{:.1} %", 100.0 * row.probability),
                12.0,
                Weight::Regular,
                colour::MUTED,
            ));
        });
}

/// One half of a row of the move list.
#[derive(Clone, Debug, PartialEq)]
struct MoveCell {
    ply: usize,
    san: String,
    badge: Option<Badge>,
    shown: bool,
}

/// The move list as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rows {
    first_number: usize,
    black_first: bool,
    human_white: bool,
    cells: Vec<MoveCell>,
}

fn rows(state: &PlayState) -> Rows {
    let Some(game) = &state.game else { return Rows::default() };
    let start = game.record.position_at(0);
    let shown = game.shown_ply();
    let cells = notation::san_moves(&game.record).into_iter().enumerate().map(|(ply, san)| MoveCell {
        ply,
        san,
        badge: u32::try_from(ply).ok().and_then(|ply| game.badges.get(&ply)).map(quantised),
        shown: ply + 1 == shown,
    });
    Rows {
        first_number: start.map_or(1, |position| position.fullmoves().get() as usize),
        black_first: start.is_some_and(|position| position.turn() == Side::Black),
        human_white: game.human == Side::White,
        cells: cells.collect(),
    }
}

/// A badge without what is not drawn, so that the list is not drawn anew for it.
fn quantised(badge: &Badge) -> Badge {
    match badge {
        Badge::Proving { .. } => Badge::Proving { since_s: 0.0 },
        other => other.clone(),
    }
}

fn draw_moves(
    play: Res<'_, Play>,
    art: Res<'_, Art>,
    texts: Res<'_, Texts>,
    mut drawn: Local<'_, Rows>,
    list: Single<'_, '_, (Entity, &mut ScrollPosition), With<MoveList>>,
    mut commands: Commands<'_, '_>,
) {
    if !play.is_changed() && !texts.is_changed() {
        return;
    }
    let rows = rows(&play.state);
    if *drawn == rows && !texts.is_changed() {
        return;
    }
    let (list, mut scroll) = list.into_inner();
    let longer = rows.cells.len() > drawn.cells.len();
    let turned =
        rows.cells.iter().position(|cell| cell.shown) != drawn.cells.iter().position(|cell| cell.shown);
    commands.entity(list).despawn_children().with_children(|list| {
        let offset = usize::from(rows.black_first);
        let count = (rows.cells.len() + offset).div_ceil(2);
        for row in 0..count {
            let cell = |side: usize| (row * 2 + side).checked_sub(offset).and_then(|at| rows.cells.get(at));
            spawn_row(list, rows.first_number + row, [cell(0), cell(1)], rows.human_white, (&art, &texts));
        }
    });
    if longer {
        // Clamped to the end of the list by the layout.
        scroll.0.y = 1e6;
    } else if turned {
        let row = rows.cells.iter().position(|cell| cell.shown).unwrap_or(0) / 2;
        let top = row as f32 * ROW_HEIGHT;
        // The row shown stays in sight, whatever the height of the list.
        scroll.0.y = scroll.0.y.clamp((top - 3.0 * ROW_HEIGHT).max(0.0), top);
    }
    *drawn = rows;
}

/// Height of a row in logical pixels.
const ROW_HEIGHT: f32 = 30.0;

fn spawn_row(
    list: &mut ChildSpawnerCommands<'_>,
    number: usize,
    cells: [Option<&MoveCell>; 2],
    human_white: bool,
    look: (&Art, &Texts),
) {
    list.spawn((
        Node { height: px(ROW_HEIGHT), flex_shrink: 0.0, padding: UiRect::horizontal(px(8)), ..default() },
        Pickable::IGNORE,
    ))
    .with_children(|row| {
        row.spawn((Node { width: px(36), align_items: AlignItems::Center, ..default() }, Pickable::IGNORE))
            .with_child(theme::label(format!("{number}."), 13.0, Weight::Regular, colour::MUTED));
        for (side, cell) in cells.into_iter().enumerate() {
            let is_human = (side == 0) == human_white;
            let width = if is_human { px(92) } else { auto() };
            let grow = if is_human { 0.0 } else { 1.0 };
            let node = Node {
                width,
                flex_grow: grow,
                height: percent(100),
                padding: UiRect::horizontal(px(8)),
                align_items: AlignItems::Center,
                justify_content: JustifyContent::SpaceBetween,
                border_radius: BorderRadius::all(px(6)),
                ..default()
            };
            let Some(cell) = cell else {
                row.spawn((node, Pickable::IGNORE));
                continue;
            };
            let background = if cell.shown { colour::HOVER } else { Color::NONE };
            row.spawn((node, Does(PlayerAction::ShowPly(cell.ply + 1)), BackgroundColor(background)))
                .with_children(|node| {
                    node.spawn((
                        Text::new(cell.san.clone()),
                        font(14.5, Weight::SemiBold),
                        TextColor(colour::TEXT),
                        TextLayout::no_wrap(),
                        Pickable::IGNORE,
                    ));
                    if let Some(badge) = &cell.badge {
                        spawn_badge(node, u32::try_from(cell.ply).unwrap_or(u32::MAX), badge, look);
                    }
                });
        }
    });
}

fn spawn_badge(cell: &mut ChildSpawnerCommands<'_>, ply: u32, badge: &Badge, (art, texts): (&Art, &Texts)) {
    let (sign, tone) = badge_sign(badge);
    cell.spawn((
        BadgeOf(ply),
        Does(PlayerAction::ShowProof(Some(ply))),
        Hovered::default(),
        Node {
            height: px(20),
            padding: UiRect::horizontal(px(8)),
            column_gap: px(5),
            align_items: AlignItems::Center,
            flex_shrink: 0.0,
            border_radius: BorderRadius::MAX,
            ..default()
        },
        BackgroundColor(tone.with_alpha(0.14)),
    ))
    .with_children(|pill| {
        pill.spawn((
            Text::new(notation::badge_text(texts, badge)),
            font(11.5, Weight::SemiBold),
            TextColor(tone),
            TextLayout::no_wrap(),
            Pickable::IGNORE,
        ));
        pill.spawn((
            Node { width: px(11), height: px(11), ..default() },
            ImageNode::new(art.sign(sign)),
            Pickable::IGNORE,
        ));
    });
}
