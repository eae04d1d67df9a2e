//! The side panel: who plays, status, moves with their badges, buttons.

use crate::{
    Step,
    board::{
        layout::{MARGIN, PANEL_WIDTH},
        state::blocked_line,
    },
    play::{
        Play, PlayerAction, notation,
        state::{Badge, Blocked, Link, PlayState, Trust},
    },
    theme::{
        self, Weight,
        art::{Art, Sign},
        colour, font,
        widgets::{Does, Tone, button},
    },
};
use bevy::{prelude::*, ui_widgets::ScrollArea};
use protocol::{
    ProofMode,
    shakmaty::{Color as Side, Position},
};

/// The line that says whose turn it is.
#[derive(Component, Debug)]
pub struct StatusLine;

/// The banner for connection, proofs and notices.
#[derive(Component, Debug)]
pub struct Banner;

/// The text of the banner.
#[derive(Component, Debug)]
pub struct BannerText;

/// The line with the digest of the network.
#[derive(Component, Debug)]
pub struct DigestLine;

/// The line that counts verified moves.
#[derive(Component, Debug)]
pub struct CountLine;

/// The list of moves.
#[derive(Component, Debug)]
pub struct MoveList;

/// The badge of the opponent's move at a ply.
#[derive(Component, Clone, Copy, Debug)]
pub struct BadgeOf(pub u32);

/// Draws the side panel.
#[derive(Debug)]
pub struct PanelPlugin;

impl Plugin for PanelPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Startup, spawn_panel)
            .add_systems(Update, (draw_lines, draw_banner, draw_moves).in_set(Step::Draw));
    }
}

fn spawn_panel(mut commands: Commands<'_, '_>) {
    let card = || Node {
        flex_direction: FlexDirection::Column,
        padding: UiRect::all(px(14)),
        row_gap: px(6),
        border_radius: BorderRadius::all(px(10)),
        ..default()
    };
    commands
        .spawn((
            Name::new("panel"),
            Node {
                position_type: PositionType::Absolute,
                right: px(MARGIN),
                top: px(MARGIN),
                bottom: px(MARGIN),
                width: px(PANEL_WIDTH),
                flex_direction: FlexDirection::Column,
                row_gap: px(12),
                ..default()
            },
        ))
        .with_children(|panel| {
            panel.spawn((card(), BackgroundColor(colour::PANEL))).with_children(|card| {
                card.spawn((
                    Node {
                        justify_content: JustifyContent::SpaceBetween,
                        align_items: AlignItems::Center,
                        ..default()
                    },
                    Pickable::IGNORE,
                ))
                .with_children(|row| {
                    row.spawn(theme::label("Fairmate", 20.0, Weight::SemiBold, colour::TEXT));
                    row.spawn((CountLine, theme::label("", 13.0, Weight::SemiBold, colour::MUTED)));
                });
                card.spawn((DigestLine, theme::label("", 12.5, Weight::Regular, colour::MUTED)));
            });
            panel
                .spawn((
                    Banner,
                    Node {
                        padding: UiRect::axes(px(14), px(10)),
                        border_radius: BorderRadius::all(px(10)),
                        display: Display::None,
                        ..default()
                    },
                    BackgroundColor(colour::RAISED),
                ))
                .with_child((BannerText, theme::label("", 13.0, Weight::Regular, colour::TEXT)));
            panel
                .spawn((
                    Node {
                        flex_direction: FlexDirection::Column,
                        flex_grow: 1.0,
                        flex_basis: px(0),
                        min_height: px(0),
                        border_radius: BorderRadius::all(px(10)),
                        overflow: Overflow::clip(),
                        ..default()
                    },
                    BackgroundColor(colour::PANEL),
                ))
                .with_children(|card| {
                    card.spawn((
                        Name::new("moves"),
                        MoveList,
                        ScrollArea,
                        Node {
                            flex_direction: FlexDirection::Column,
                            flex_grow: 1.0,
                            flex_basis: px(0),
                            min_height: px(0),
                            padding: UiRect::vertical(px(6)),
                            overflow: Overflow::scroll_y(),
                            ..default()
                        },
                    ));
                    card.spawn((
                        Node {
                            padding: UiRect::axes(px(14), px(11)),
                            border: UiRect::top(px(1)),
                            flex_shrink: 0.0,
                            ..default()
                        },
                        BorderColor::all(colour::LINE),
                    ))
                    .with_child((StatusLine, theme::label("", 14.0, Weight::SemiBold, colour::TEXT)));
                });
            for buttons in [
                [
                    ("New game", Tone::Primary, PlayerAction::AskNewGame),
                    ("Flip board", Tone::Plain, PlayerAction::Flip),
                ],
                [
                    ("Save game", Tone::Plain, PlayerAction::Save),
                    ("Resign", Tone::Plain, PlayerAction::AskResign),
                ],
            ] {
                panel.spawn(Node { column_gap: px(10), flex_shrink: 0.0, ..default() }).with_children(
                    |row| {
                        for (text, tone, action) in buttons {
                            row.spawn(button(text, tone, action));
                        }
                    },
                );
            }
        });
}

/// The status line: whose turn it is, or the result.
#[must_use]
pub fn status_line(state: &PlayState) -> String {
    let Some(game) = &state.game else { return "Choose a side to begin".into() };
    if state.alarm.is_some() {
        return "Stopped: see the evidence".into();
    }
    if let Some(outcome) = game.outcome {
        let result = notation::pgn_result(Some(outcome)).replace('-', " – ").replace("1/2", "½");
        return format!(
            "{result}  {} {}",
            notation::result_for(game.human, outcome),
            notation::end_reason(outcome.reason)
        );
    }
    let turn = game.record.position().turn();
    let side = if turn == Side::White { "White" } else { "Black" };
    let check = if game.record.position().is_check() { ", check" } else { "" };
    match state.blocked() {
        Some(Blocked::NotYourTurn) => format!("The network thinks ({side}{check})"),
        Some(blocked) => blocked_line(blocked).map_or_else(|| "The game is over".into(), Into::into),
        None => format!("Your move ({side}{check})"),
    }
}

/// The banner, most important first, and its colour.
#[must_use]
pub fn banner(play: &Play) -> Option<(String, Color)> {
    let state = &play.state;
    let alarm = state.alarm.as_ref().map(|alarm| {
        let evidence = alarm.evidence.as_deref().unwrap_or("not saved yet");
        (format!("{}: {}. Evidence: {evidence}", alarm.title, alarm.reason), colour::BAD)
    });
    if alarm.is_some() {
        return alarm;
    }
    match &state.link {
        Link::Failed { reason } => return Some((format!("No opponent: {reason}"), colour::BAD)),
        Link::Broken { reason } => {
            return Some((
                format!("Connection lost, trying again. Nothing is lost. ({reason})"),
                colour::WARN,
            ));
        }
        Link::Connecting if state.wanted.is_some() => return Some(("Connecting…".into(), colour::WORK)),
        Link::Connecting | Link::Online => {}
    }
    if state.blocked() == Some(Blocked::Unproven) {
        let text = "You can't move yet: more than 3 moves of the network are not verified. Wait for the proofs, or resign.";
        return Some((text.into(), colour::WARN));
    }
    if let Some((text, _)) = &play.notice {
        return Some((text.clone(), colour::WORK));
    }
    let opponent = state.opponent.as_ref()?;
    match (opponent.trust, opponent.proof_mode) {
        (Trust::Changed, _) => {
            return Some((
                "The server CHANGED its network during the game. Nothing it plays now can be checked.".into(),
                colour::BAD,
            ));
        }
        (_, ProofMode::Off) => {
            return Some((
                "This server does not prove its moves: an ordinary, unverified game.".into(),
                colour::WARN,
            ));
        }
        (Trust::Unknown, ProofMode::Gkr) => {
            let text = "This network is not pinned here, so its proofs can't be checked. Trust its key with --vk FILE.";
            return Some((text.into(), colour::WARN));
        }
        (Trust::Pinned, ProofMode::Gkr) => {}
    }
    if let Some(reason) = &opponent.prover_failed {
        return Some((format!("The prover of the server has failed: {reason}"), colour::BAD));
    }
    let overdue = state.game.as_ref().and_then(|game| {
        game.badges.values().rev().find_map(|badge| match badge {
            Badge::NotChecked { reason } => Some(format!("A move could NOT be checked: {reason}")),
            _ => None,
        })
    });
    if let Some(text) = overdue {
        return Some((text, colour::WARN));
    }
    if !opponent.prover_ready {
        let percent = (opponent.prover_progress.clamp(0.0, 1.0) * 100.0).round();
        return Some((
            format!("The prover prepares itself ({percent} %). Play on: proofs follow."),
            colour::WORK,
        ));
    }
    None
}

fn digest_line(state: &PlayState) -> (String, Color) {
    let Some(opponent) = &state.opponent else { return ("Opponent: connecting…".into(), colour::MUTED) };
    let digest = notation::short_digest(&opponent.digest);
    match opponent.trust {
        Trust::Pinned => (format!("Network {digest}  pinned in this client"), colour::MUTED),
        Trust::Unknown => (format!("Network {digest}  NOT PINNED"), colour::WARN),
        Trust::Changed => (format!("Network {digest}  CHANGED"), colour::BAD),
    }
}

#[allow(clippy::type_complexity, reason = "a query names what it reads")]
fn draw_lines(
    play: Res<'_, Play>,
    mut lines: Query<
        '_,
        '_,
        (&mut Text, &mut TextColor, Has<StatusLine>, Has<DigestLine>, Has<CountLine>),
        Or<(With<StatusLine>, With<DigestLine>, With<CountLine>)>,
    >,
) {
    if !play.is_changed() {
        return;
    }
    for (mut text, mut text_colour, is_status, is_digest, is_count) in &mut lines {
        let (line, tone) = if is_status {
            (status_line(&play.state), colour::TEXT)
        } else if is_digest {
            digest_line(&play.state)
        } else if is_count {
            match play.state.game.as_ref().map(crate::play::state::Game::verified_count) {
                Some((verified, all)) if all > 0 => {
                    let tone = if verified == all { colour::GOOD } else { colour::MUTED };
                    (format!("{verified}/{all} verified"), tone)
                }
                _ => (String::new(), colour::MUTED),
            }
        } else {
            continue;
        };
        text.set_if_neq(Text(line));
        text_colour.set_if_neq(TextColor(tone));
    }
}

fn draw_banner(
    play: Res<'_, Play>,
    banner_node: Single<'_, '_, (&mut Node, &mut BackgroundColor), With<Banner>>,
    mut text: Single<'_, '_, &mut Text, With<BannerText>>,
) {
    if !play.is_changed() {
        return;
    }
    let (mut node, mut background) = banner_node.into_inner();
    match banner(&play) {
        Some((line, tone)) => {
            node.display = Display::Flex;
            text.set_if_neq(Text(line));
            background.set_if_neq(BackgroundColor(tone.with_alpha(0.24)));
        }
        None => node.display = Display::None,
    }
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
    mut drawn: Local<'_, Rows>,
    list: Single<'_, '_, (Entity, &mut ScrollPosition), With<MoveList>>,
    mut commands: Commands<'_, '_>,
) {
    if !play.is_changed() {
        return;
    }
    let rows = rows(&play.state);
    if *drawn == rows {
        return;
    }
    let (list, mut scroll) = list.into_inner();
    let longer = rows.cells.len() > drawn.cells.len();
    commands.entity(list).despawn_children().with_children(|list| {
        let offset = usize::from(rows.black_first);
        let count = (rows.cells.len() + offset).div_ceil(2);
        for row in 0..count {
            let cell = |side: usize| (row * 2 + side).checked_sub(offset).and_then(|at| rows.cells.get(at));
            spawn_row(list, rows.first_number + row, [cell(0), cell(1)], rows.human_white, &art);
        }
    });
    if longer {
        // Clamped to the end of the list by the layout.
        scroll.0.y = 1e6;
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
    art: &Art,
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
                        spawn_badge(node, u32::try_from(cell.ply).unwrap_or(u32::MAX), badge, art);
                    }
                });
        }
    });
}

fn spawn_badge(cell: &mut ChildSpawnerCommands<'_>, ply: u32, badge: &Badge, art: &Art) {
    let (sign, tone) = match badge {
        Badge::Proving { .. } => (Sign::Work, colour::WORK),
        Badge::Checking => (Sign::Work, colour::WORK),
        Badge::Verified { .. } => (Sign::Tick, colour::GOOD),
        Badge::Invalid { .. } => (Sign::Cross, colour::BAD),
        Badge::NotChecked { .. } => (Sign::Question, colour::WARN),
    };
    cell.spawn((
        BadgeOf(ply),
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
        Pickable::IGNORE,
    ))
    .with_children(|pill| {
        pill.spawn((
            Text::new(notation::badge_text(badge)),
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
