//! The side panel: who plays, status, moves with their badges, buttons.

use super::{moves, players};
use crate::{
    Step,
    board::{
        BoardHand,
        layout::{MARGIN, PANEL_WIDTH},
    },
    i18n::Texts,
    networks::{self, Networks},
    play::{
        Play, PlayerAction, notation, openings,
        state::{Badge, Blocked, Link, PlayState, Trust},
    },
    theme::{
        self, Weight, colour,
        widgets::{Tone, button},
    },
};
use bevy::prelude::*;
use fluent_bundle::FluentValue;
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

/// The line with the level of the game and its strength.
#[derive(Component, Debug)]
pub struct LevelLine;

/// The line that counts verified moves.
#[derive(Component, Debug)]
pub struct CountLine;

/// The line with the name of the opening.
#[derive(Component, Debug)]
pub struct OpeningLine;

/// The line with the move being typed.
#[derive(Component, Debug)]
pub struct TypedLine;

/// The rows of buttons.
#[derive(Component, Debug)]
struct ButtonRows;

/// Draws the side panel.
#[derive(Debug)]
pub struct PanelPlugin;

impl Plugin for PanelPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Startup, spawn_panel).add_systems(
            Update,
            (draw_lines, draw_level, draw_typed, draw_banner, draw_buttons).in_set(Step::Draw),
        );
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
                row_gap: px(8),
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
                card.spawn((LevelLine, theme::label("", 12.5, Weight::Regular, colour::MUTED)));
                super::stakes::spawn_line(card);
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
            players::spawn_bar(panel, false);
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
                        Node {
                            padding: UiRect::new(px(14), px(14), px(8), px(2)),
                            flex_shrink: 0.0,
                            ..default()
                        },
                        Pickable::IGNORE,
                    ))
                    .with_child((OpeningLine, theme::label("", 12.5, Weight::Regular, colour::MUTED)));
                    moves::spawn_list(card);
                    card.spawn((
                        Node {
                            padding: UiRect::axes(px(14), px(10)),
                            border: UiRect::top(px(1)),
                            flex_shrink: 0.0,
                            flex_direction: FlexDirection::Column,
                            ..default()
                        },
                        BorderColor::all(colour::LINE),
                    ))
                    .with_children(|foot| {
                        foot.spawn((StatusLine, theme::label("", 14.0, Weight::SemiBold, colour::TEXT)));
                        foot.spawn((TypedLine, theme::label("", 14.0, Weight::Regular, colour::WORK)));
                    });
                });
            players::spawn_bar(panel, true);
            panel.spawn((
                ButtonRows,
                Node { flex_direction: FlexDirection::Column, row_gap: px(8), flex_shrink: 0.0, ..default() },
            ));
        });
}

/// One row of buttons: text, tone, what it does.
type ButtonRow = Vec<(&'static str, Tone, PlayerAction)>;

fn button_rows(state: &PlayState) -> Vec<ButtonRow> {
    let plain = |id, action| (id, Tone::Plain, action);
    let game = state.game.as_ref();
    let first = match game {
        Some(game) if game.review => {
            let back = if state.aside.is_some() { "button-back-to-game" } else { "button-close-review" };
            vec![
                (back, Tone::Primary, PlayerAction::LeaveReview),
                plain("button-copy-pgn", PlayerAction::CopyPgn),
                plain("button-copy-fen", PlayerAction::CopyFen),
            ]
        }
        Some(game) if !game.is_over() && !game.watched && state.alarm.is_none() => {
            let claim = protocol::claimable_draw(&game.record).is_some();
            let mut row = Vec::new();
            if !game.terms.rated {
                row.push(plain("button-take-back", PlayerAction::TakeBack));
            }
            row.push(plain(if claim { "button-claim-draw" } else { "button-draw" }, PlayerAction::AskDraw));
            row.push(plain("button-resign", PlayerAction::AskResign));
            row
        }
        _ => vec![
            ("button-new-game", Tone::Primary, PlayerAction::AskNewGame),
            plain("button-copy-pgn", PlayerAction::CopyPgn),
            plain("button-copy-fen", PlayerAction::CopyFen),
        ],
    };
    let mut middle = vec![
        plain("button-flip", PlayerAction::Flip),
        plain("button-proof", PlayerAction::ShowProof(None)),
        plain("button-save", PlayerAction::Save),
        plain("button-open", PlayerAction::ShowFiles),
    ];
    if state.watch_link().is_some() {
        middle.push(plain("button-link", PlayerAction::CopyLink));
    }
    let mut last = if state.may_go_to_chain() {
        vec![plain("button-to-chain", PlayerAction::TakeToChain)]
    } else {
        Vec::new()
    };
    last.extend([
        plain("button-settings", PlayerAction::ShowSettings),
        plain("button-help", PlayerAction::ShowHelp),
    ]);
    if first.iter().all(|(_, _, action)| *action != PlayerAction::AskNewGame) {
        last.insert(0, plain("button-menu", PlayerAction::AskNewGame));
    }
    vec![first, middle, last]
}

fn draw_buttons(
    play: Res<'_, Play>,
    rows: Single<'_, '_, Entity, With<ButtonRows>>,
    mut drawn: Local<'_, Vec<ButtonRow>>,
    mut commands: Commands<'_, '_>,
) {
    let wanted = button_rows(&play.state);
    if *drawn == wanted {
        return;
    }
    commands.entity(*rows).despawn_children().with_children(|rows| {
        for row in &wanted {
            rows.spawn(Node { column_gap: px(8), ..default() }).with_children(|node| {
                for (id, tone, action) in row {
                    node.spawn(button(id, *tone, action.clone()));
                }
            });
        }
    });
    *drawn = wanted;
}

/// The status line: whose turn it is, or the result.
#[must_use]
pub fn status_line(texts: &Texts, state: &PlayState) -> String {
    let Some(game) = &state.game else {
        return texts.get(if state.watching.is_some() { "status-awaiting-game" } else { "status-choose" });
    };
    if state.alarm.is_some() && !game.review {
        return texts.get("status-stopped");
    }
    if let Some(outcome) = game.outcome.filter(|_| game.browsed.is_none()) {
        return format!(
            "{}  {} {}",
            notation::result_figures(Some(outcome)),
            notation::result_for(texts, game, outcome),
            notation::end_reason(texts, outcome.reason)
        );
    }
    let position = game.record.position_at(game.shown_ply()).unwrap_or(game.record.position());
    let side = texts.get(if position.turn() == Side::White { "white" } else { "black" });
    let check = if position.is_check() { texts.get("status-check") } else { String::new() };
    let parts: [(&'static str, FluentValue<'_>); 2] = [("side", side.into()), ("check", check.into())];
    match state.blocked() {
        Some(Blocked::Watching) => texts.with("status-watching", &parts),
        Some(Blocked::NotYourTurn) => texts.with("status-network", &parts),
        Some(Blocked::Unproven) => texts.get("status-unproven"),
        Some(Blocked::Opening) => texts.get("status-opening"),
        Some(Blocked::Browsing) => texts.get("status-browsing"),
        Some(Blocked::Alarm) => texts.get("status-stopped"),
        Some(Blocked::Review) => texts
            .with("status-review", &[("shown", game.shown_ply().into()), ("all", game.record.ply().into())]),
        Some(Blocked::NoGame | Blocked::Over) => texts.get("status-over"),
        None => texts.with("status-your-move", &parts),
    }
}

/// The banner, most important first, and its colour.
#[must_use]
pub fn banner(texts: &Texts, play: &Play) -> Option<(String, Color)> {
    let state = &play.state;
    if let Some(alarm) = &state.alarm {
        let unsaved = texts.get("evidence-unsaved");
        let evidence = alarm.evidence.clone().unwrap_or(unsaved);
        let text = format!("{}: {}. {}", texts.get(alarm.offence.text()), alarm.reason, evidence);
        return Some((text, colour::BAD));
    }
    let with = |id: &str, part: &str| texts.with(id, &[("part", part.into())]);
    match &state.link {
        Link::Failed { reason } => return Some((with("banner-failed", reason), colour::BAD)),
        Link::Broken { reason } => return Some((with("banner-broken", reason), colour::WARN)),
        Link::Connecting if state.wanted.is_some() => {
            return Some((texts.get("banner-connecting"), colour::WORK));
        }
        Link::Connecting | Link::Online => {}
    }
    if state.blocked() == Some(Blocked::Unproven) {
        return Some((texts.get("banner-unproven"), colour::WARN));
    }
    if let Some((notice, _)) = &play.notice {
        return Some((notation::notice_text(texts, notice), colour::WORK));
    }
    let opponent = state.opponent.as_ref()?;
    let game = state.game.as_ref();
    if game.is_some_and(|game| game.review) {
        return None;
    }
    match (opponent.trust, opponent.proof_mode) {
        (Trust::Changed, _) => return Some((texts.get("banner-changed"), colour::BAD)),
        (Trust::Mismatch, _) => return Some((texts.get("alarm-wrong-key"), colour::BAD)),
        (_, ProofMode::Off) => return Some((texts.get("banner-no-proofs"), colour::WARN)),
        (Trust::Unknown, ProofMode::Gkr) => return Some((texts.get("banner-unknown-key"), colour::WARN)),
        (Trust::Pinned, ProofMode::Gkr) => {}
    }
    if let Some(reason) = &opponent.prover_failed {
        return Some((with("banner-prover-failed", reason), colour::BAD));
    }
    let overdue = game.and_then(|game| {
        game.badges.values().rev().find_map(|badge| match badge {
            Badge::NotChecked { reason } => Some(with("banner-not-checked", reason)),
            _ => None,
        })
    });
    if let Some(text) = overdue {
        return Some((text, colour::WARN));
    }
    if !opponent.prover_ready {
        let percent = (opponent.prover_progress.clamp(0.0, 1.0) * 100.0).round();
        return Some((
            texts.with("banner-preparing", &[("percent", f64::from(percent).into())]),
            colour::WORK,
        ));
    }
    let waits = game.is_some_and(|game| {
        game.badges
            .values()
            .any(|badge| matches!(badge, Badge::Proving { since_s } if play.now_s - since_s > SLOW_S))
    });
    waits.then(|| (texts.get("banner-slow"), colour::WORK))
}

/// Seconds after which a proof that doesn't come is worth a word.
const SLOW_S: f64 = 15.0;

/// The line about the network, and its colour.
#[must_use]
pub fn digest_line(texts: &Texts, state: &PlayState) -> (String, Color) {
    let Some(opponent) = &state.opponent else { return (texts.get("network-connecting"), colour::MUTED) };
    let digest = notation::short_digest(&opponent.digest);
    let (id, tone) = match opponent.trust {
        Trust::Pinned => ("network-pinned", colour::MUTED),
        Trust::Unknown => ("network-unknown", colour::WARN),
        Trust::Changed => ("network-changed", colour::BAD),
        Trust::Mismatch => ("network-mismatch", colour::BAD),
    };
    (texts.with(id, &[("digest", digest.into())]), tone)
}

/// The network's name, and the level of the game on the board with its strength; empty without a game or with one that
/// names no network.
#[must_use]
pub fn level_line(texts: &Texts, state: &PlayState, networks: &Networks) -> String {
    let Some(game) = state.game.as_ref().filter(|game| game.digest != [0; 32]) else { return String::new() };
    let network = networks.get(&game.digest);
    let level = networks::level_text(texts, network, game.terms.level);
    match network {
        Some(network) => format!("{}, {level}", network.name),
        None => level,
    }
}

fn draw_level(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    networks: Res<'_, Networks>,
    line: Single<'_, '_, (&mut Text, &mut Node), With<LevelLine>>,
) {
    if !play.is_changed() && !texts.is_changed() {
        return;
    }
    let (mut text, mut node) = line.into_inner();
    let line = level_line(&texts, &play.state, &networks);
    node.display = if line.is_empty() { Display::None } else { Display::Flex };
    text.set_if_neq(Text(line));
}

fn opening_line(texts: &Texts, state: &PlayState) -> String {
    let Some(game) = &state.game else { return String::new() };
    let kind = match (game.review, game.terms.rated) {
        (true, _) => texts.get("kind-review"),
        (false, true) => texts.get("kind-rated"),
        (false, false) => texts.get("kind-casual"),
    };
    let shown = game.record.truncated(game.shown_ply());
    match openings::of(&shown) {
        Some((eco, name)) => format!("{eco} {name}"),
        None => format!("{kind}, {}", notation::time_control_text(texts, game.terms.time_control)),
    }
}

/// The move being typed, or how to begin.
fn draw_typed(
    hand: Res<'_, BoardHand>,
    texts: Res<'_, Texts>,
    mut line: Single<'_, '_, &mut Text, With<TypedLine>>,
) {
    let text = match &hand.typing {
        Some(typed) => texts.with("typing", &[("typed", typed.as_str().into())]),
        None => String::new(),
    };
    line.set_if_neq(Text(text));
}

#[allow(clippy::type_complexity, reason = "a query names what it reads")]
fn draw_lines(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    mut lines: Query<
        '_,
        '_,
        (&mut Text, &mut TextColor, Has<StatusLine>, Has<DigestLine>, Has<CountLine>),
        Or<(With<StatusLine>, With<DigestLine>, With<CountLine>, With<OpeningLine>)>,
    >,
) {
    if !play.is_changed() && !texts.is_changed() {
        return;
    }
    for (mut text, mut text_colour, is_status, is_digest, is_count) in &mut lines {
        let (line, tone) = if is_status {
            (status_line(&texts, &play.state), colour::TEXT)
        } else if is_digest {
            digest_line(&texts, &play.state)
        } else if is_count {
            match play.state.game.as_ref().map(crate::play::state::Game::verified_count) {
                Some((verified, all)) if all > 0 => {
                    let tone = if verified == all { colour::GOOD } else { colour::MUTED };
                    let parts = [("verified", verified.into()), ("all", all.into())];
                    (texts.with("verified-count", &parts), tone)
                }
                _ => (String::new(), colour::MUTED),
            }
        } else {
            (opening_line(&texts, &play.state), colour::MUTED)
        };
        text.set_if_neq(Text(line));
        text_colour.set_if_neq(TextColor(tone));
    }
}

fn draw_banner(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    banner_node: Single<'_, '_, (&mut Node, &mut BackgroundColor), With<Banner>>,
    mut text: Single<'_, '_, &mut Text, With<BannerText>>,
) {
    if !play.is_changed() && !texts.is_changed() {
        return;
    }
    let (mut node, mut background) = banner_node.into_inner();
    match banner(&texts, &play) {
        Some((line, tone)) => {
            node.display = Display::Flex;
            text.set_if_neq(Text(line));
            background.set_if_neq(BackgroundColor(tone.with_alpha(0.24)));
        }
        None => node.display = Display::None,
    }
}
