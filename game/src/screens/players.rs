//! The two players: name, captured material, clock with its low-time sign.

use crate::{
    Step,
    board::BoardHand,
    i18n::Texts,
    play::{
        Play,
        game::Game,
        material::{self, Captured},
        notation,
    },
    settings::Settings,
    theme::{
        self, Weight,
        art::{Art, PieceSet, Sign},
        colour,
    },
};
use bevy::{prelude::*, window::RequestRedraw};
use protocol::{
    Side,
    shakmaty::{Color as Colour, Piece, Role},
};

/// Below this share of the first minute or of the game's time, the clock shows the low-time sign.
const LOW_TIME_MS: u32 = 20_000;

/// The bar of the player shown above or below the board.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerBar {
    /// The one below the list of moves.
    pub below: bool,
}

/// Draws the bars.
#[derive(Debug)]
pub struct PlayersPlugin;

impl Plugin for PlayersPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, draw_bars.in_set(Step::Draw));
    }
}

/// Spawns an empty bar.
pub(super) fn spawn_bar(panel: &mut ChildSpawnerCommands<'_>, below: bool) {
    panel.spawn((
        Name::new(if below { "player below" } else { "player above" }),
        PlayerBar { below },
        Node {
            height: px(46),
            flex_shrink: 0.0,
            padding: UiRect::horizontal(px(14)),
            column_gap: px(8),
            align_items: AlignItems::Center,
            border_radius: BorderRadius::all(px(10)),
            ..default()
        },
        BackgroundColor(colour::PANEL),
    ));
}

/// A bar as it is drawn.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    name: String,
    white: bool,
    captured: Vec<Role>,
    lead: i32,
    clock: Option<Clock>,
    pieces: PieceSet,
}

/// A clock as it is drawn.
#[derive(Clone, Debug, PartialEq)]
struct Clock {
    text: String,
    running: bool,
    low: bool,
}

/// Whether little time is left.
#[must_use]
pub fn is_low(game: &Game, left_ms: u32) -> bool {
    let initial_ms = game.terms.time_control.map_or(0, |control| control.initial_ms);
    left_ms < LOW_TIME_MS.min(initial_ms / 5)
}

fn bar(play: &Play, texts: &Texts, settings: &Settings, side: Colour, now_s: f64) -> Bar {
    let game = play.state.game.as_ref();
    let human = game.map_or(Colour::White, |game| game.human);
    let material = game.map_or_else(Captured::default, |game| {
        let at = |ply| game.record.position_at(ply);
        at(0)
            .zip(at(game.shown_ply()))
            .map_or_else(Captured::default, |(start, now)| material::captured(start, now))
    });
    let (captured, lead) = match side {
        Colour::White => (material.black, material.white_lead),
        Colour::Black => (material.white, -material.white_lead),
    };
    let clock = game.and_then(|game| {
        let reading = game.clock_now(now_s)?;
        let side = Side::from(side);
        let left_ms = reading.left_ms(side);
        let running = reading.running == Some(side) && game.outcome.is_none();
        Some(Clock { text: notation::clock_text(left_ms), running, low: is_low(game, left_ms) })
    });
    Bar {
        name: texts.get(match game {
            Some(game) if game.watched && side == human => "player-watched",
            _ if side == human => "player-you",
            _ => "player-network",
        }),
        white: side == Colour::White,
        captured,
        lead,
        clock,
        pieces: settings.pieces,
    }
}

#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn draw_bars(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    texts: Res<'_, Texts>,
    settings: Res<'_, Settings>,
    time: Res<'_, Time<Real>>,
    art: Res<'_, Art>,
    bars: Query<'_, '_, (Entity, &PlayerBar)>,
    mut drawn: Local<'_, [Option<Bar>; 2]>,
    mut redraw: MessageWriter<'_, RequestRedraw>,
    mut commands: Commands<'_, '_>,
) {
    let now_s = time.elapsed_secs_f64();
    let human = play.state.game.as_ref().map_or(Colour::White, |game| game.human);
    let lower = if hand.flipped { human.other() } else { human };
    for (entity, place) in &bars {
        let side = if place.below { lower } else { lower.other() };
        let bar = bar(&play, &texts, &settings, side, now_s);
        let before = &mut drawn[usize::from(place.below)];
        if before.as_ref() != Some(&bar) {
            commands.entity(entity).despawn_children().with_children(|node| spawn_content(node, &bar, &art));
            *before = Some(bar);
            redraw.write(RequestRedraw);
        }
    }
}

fn spawn_content(node: &mut ChildSpawnerCommands<'_>, bar: &Bar, art: &Art) {
    node.spawn((
        Node {
            width: px(14),
            height: px(14),
            border: UiRect::all(px(2)),
            border_radius: BorderRadius::MAX,
            ..default()
        },
        BackgroundColor(if bar.white { Color::WHITE } else { Color::BLACK }),
        BorderColor::all(Color::srgb(0.55, 0.58, 0.64)),
    ));
    node.spawn(theme::label(bar.name.clone(), 14.5, Weight::SemiBold, colour::TEXT));
    node.spawn(Node { flex_grow: 1.0, align_items: AlignItems::Center, ..default() }).with_children(|row| {
        let color = if bar.white { Colour::Black } else { Colour::White };
        if !bar.captured.is_empty() {
            // Dark pieces need something lighter behind them.
            let strip = Node {
                height: px(22),
                padding: UiRect::horizontal(px(4)),
                align_items: AlignItems::Center,
                border_radius: BorderRadius::all(px(5)),
                ..default()
            };
            row.spawn((strip, BackgroundColor(colour::MUTED.with_alpha(0.5)))).with_children(|strip| {
                let mut last = None;
                for &role in &bar.captured {
                    let gap = if last == Some(role) { -9.0 } else { 1.0 };
                    last = Some(role);
                    strip.spawn((
                        Node { width: px(18), height: px(18), margin: UiRect::left(px(gap)), ..default() },
                        ImageNode::new(art.piece(Piece { color, role })),
                        Pickable::IGNORE,
                    ));
                }
            });
        }
        if bar.lead > 0 {
            row.spawn(Node { margin: UiRect::left(px(6)), ..default() }).with_child(theme::label(
                format!("+{}", bar.lead),
                12.0,
                Weight::SemiBold,
                colour::MUTED,
            ));
        }
    });
    let Some(clock) = &bar.clock else { return };
    let background = match (clock.running, clock.low) {
        (_, true) => colour::BAD_DEEP,
        (true, false) => colour::ACCENT,
        (false, false) => colour::RAISED,
    };
    node.spawn((
        Node {
            height: px(32),
            padding: UiRect::horizontal(px(10)),
            column_gap: px(6),
            align_items: AlignItems::Center,
            border: UiRect::all(px(if clock.running { 2.0 } else { 0.0 })),
            border_radius: BorderRadius::all(px(7)),
            ..default()
        },
        BackgroundColor(background),
        BorderColor::all(colour::TEXT),
    ))
    .with_children(|face| {
        if clock.low {
            face.spawn((
                Node { width: px(15), height: px(15), ..default() },
                ImageNode::new(art.sign(Sign::Hourglass)),
                Pickable::IGNORE,
            ));
        }
        face.spawn(theme::label(clock.text.clone(), 19.0, Weight::SemiBold, colour::TEXT));
    });
}
