//! What dialogs share, and the short ones: resignation, draw, result, alarm.

use super::Overlay;
use crate::{
    Step,
    i18n::Texts,
    play::{Play, PlayerAction, game::Game, notation},
    theme::{
        self, Weight,
        art::{Art, Sign},
        colour,
        widgets::{Tone, button},
    },
};
use bevy::{prelude::*, ui_widgets::ScrollArea};

/// A dialog, its veil included.
#[derive(Component, Debug)]
pub struct Dialog;

/// The line of the result that says how much is verified.
#[derive(Component, Debug)]
struct Verdict;

/// Spawns and removes the dialogs.
#[derive(Debug)]
pub(super) struct DialogsPlugin;

impl Plugin for DialogsPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(OnEnter(Overlay::ConfirmResign), confirm_resign)
            .add_systems(OnEnter(Overlay::ConfirmDraw), confirm_draw)
            .add_systems(OnEnter(Overlay::GameOver), game_over)
            .add_systems(OnEnter(Overlay::Alarm), alarm)
            .add_systems(Update, (keys.in_set(Step::Input), refresh_verdict.in_set(Step::Draw)));
    }
}

/// Esc closes what can be closed, Enter starts a game.
fn keys(
    keys: Res<'_, ButtonInput<KeyCode>>,
    overlay: Res<'_, State<Overlay>>,
    play: Res<'_, Play>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if keys.just_pressed(KeyCode::Escape) {
        let start = play.state.game.is_none();
        match overlay.get() {
            Overlay::None | Overlay::Alarm => {}
            Overlay::Start if start => {}
            // Before the first game, all ways lead back to the start.
            Overlay::Settings | Overlay::Help | Overlay::Files if start => {
                actions.write(PlayerAction::AskNewGame);
            }
            _ => {
                actions.write(PlayerAction::Close);
            }
        }
    }
    if *overlay.get() == Overlay::Start && keys.any_just_pressed([KeyCode::Enter, KeyCode::NumpadEnter]) {
        actions.write(PlayerAction::Start);
    }
}

/// Spawns the veil and the card; `content` fills the card.
pub(super) fn dialog(
    commands: &mut Commands<'_, '_>,
    overlay: Overlay,
    (width, border): (f32, Color),
    content: impl FnOnce(&mut ChildSpawnerCommands<'_>),
) {
    commands
        .spawn((
            Name::new("dialog"),
            Dialog,
            DespawnOnExit(overlay),
            GlobalZIndex(50),
            Node {
                position_type: PositionType::Absolute,
                width: percent(100),
                height: percent(100),
                justify_content: JustifyContent::Center,
                align_items: AlignItems::Center,
                ..default()
            },
            BackgroundColor(colour::VEIL),
        ))
        .with_children(|veil| {
            veil.spawn((
                ScrollArea,
                Node {
                    width: px(width),
                    max_width: percent(94),
                    max_height: percent(96),
                    padding: UiRect::all(px(24)),
                    border: UiRect::all(px(1)),
                    border_radius: BorderRadius::all(px(14)),
                    flex_direction: FlexDirection::Column,
                    row_gap: px(12),
                    overflow: Overflow::scroll_y(),
                    ..default()
                },
                BackgroundColor(colour::PANEL),
                BorderColor::all(border),
                BoxShadow::new(Color::BLACK.with_alpha(0.5), px(0), px(10), px(0), px(40)),
            ))
            .with_children(content);
        });
}

/// Width of a short dialog in logical pixels.
pub(super) const NARROW: f32 = 440.0;

/// A row whose contents don't shrink below their size.
pub(super) fn row(gap: f32) -> Node {
    Node { column_gap: px(gap), align_items: AlignItems::Center, flex_shrink: 0.0, ..default() }
}

fn confirm_resign(mut commands: Commands<'_, '_>) {
    dialog(&mut commands, Overlay::ConfirmResign, (NARROW, colour::LINE), |card| {
        card.spawn(theme::say("resign-question", 22.0, Weight::SemiBold, colour::TEXT));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("button-play-on", Tone::Plain, PlayerAction::Close));
            row.spawn(button("button-resign", Tone::Danger, PlayerAction::Resign));
        });
    });
}

fn confirm_draw(mut commands: Commands<'_, '_>, play: Res<'_, Play>) {
    let claim = play.state.game.as_ref().and_then(|game| protocol::claimable_draw(&game.record)).is_some();
    let (question, note, yes) = if claim {
        ("claim-question", "claim-note", "button-claim-draw")
    } else {
        ("draw-question", "draw-note", "button-draw")
    };
    dialog(&mut commands, Overlay::ConfirmDraw, (NARROW, colour::LINE), |card| {
        card.spawn(theme::say(question, 22.0, Weight::SemiBold, colour::TEXT));
        card.spawn(theme::say(note, 14.0, Weight::Regular, colour::MUTED));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("button-play-on", Tone::Plain, PlayerAction::Close));
            row.spawn(button(yes, Tone::Primary, PlayerAction::Draw));
        });
    });
}

/// How much of the game is verified, in words.
fn verdict(texts: &Texts, game: &Game) -> (String, Color) {
    let (verified, all) = game.verified_count();
    let parts = [("verified", verified.into()), ("all", all.into())];
    if all == 0 {
        (texts.get("verdict-none"), colour::MUTED)
    } else if verified == all {
        (texts.with("verdict-all", &parts), colour::GOOD)
    } else {
        (texts.with("verdict-some", &parts), colour::WARN)
    }
}

/// The last proofs come while the result is shown already.
fn refresh_verdict(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    mut lines: Query<'_, '_, (&mut Text, &mut TextColor), With<Verdict>>,
) {
    let Some(game) = play.state.game.as_ref().filter(|_| play.is_changed()) else { return };
    for (mut text, mut text_colour) in &mut lines {
        let (line, tone) = verdict(&texts, game);
        text.set_if_neq(Text(line));
        text_colour.set_if_neq(TextColor(tone));
    }
}

fn game_over(mut commands: Commands<'_, '_>, play: Res<'_, Play>, texts: Res<'_, Texts>) {
    let Some((game, outcome)) = play.state.game.as_ref().and_then(|game| Some((game, game.outcome?))) else {
        return;
    };
    dialog(&mut commands, Overlay::GameOver, (NARROW, colour::LINE), |card| {
        let title = notation::result_for(&texts, game, outcome);
        card.spawn(theme::label(title, 26.0, Weight::SemiBold, colour::TEXT));
        let reason = notation::end_reason(&texts, outcome.reason);
        let text = format!("{}  {reason}", notation::result_figures(Some(outcome)));
        card.spawn(theme::label(text, 15.0, Weight::Regular, colour::MUTED));
        let (text, tone) = verdict(&texts, game);
        card.spawn((Verdict, theme::label(text, 14.0, Weight::Regular, tone)));
        super::stakes::spawn_end(card, game);
        card.spawn(row(12.0)).with_children(|row| {
            if game.is_played_here() {
                let staked = play.state.rematch_stake().is_some();
                let id = if staked { "button-rematch-staked" } else { "button-rematch" };
                row.spawn(button(id, Tone::Primary, PlayerAction::Rematch));
            }
            row.spawn(button("button-new-game", Tone::Plain, PlayerAction::AskNewGame));
        });
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("button-save", Tone::Plain, PlayerAction::Save));
            row.spawn(button("button-look", Tone::Plain, PlayerAction::Close));
        });
    });
}

fn alarm(mut commands: Commands<'_, '_>, play: Res<'_, Play>, texts: Res<'_, Texts>, art: Res<'_, Art>) {
    let Some(alarm) = &play.state.alarm else { return };
    let ply = alarm.ply as usize;
    let san = play.state.game.as_ref().and_then(|game| {
        let san = notation::san_at(&game.record, ply)?;
        Some(format!("{} {san}: ", notation::move_number(&game.record, ply)))
    });
    dialog(&mut commands, Overlay::Alarm, (520.0, colour::BAD), |card| {
        card.spawn(row(14.0)).with_children(|row| {
            row.spawn((
                Node { width: px(40), height: px(40), flex_shrink: 0.0, ..default() },
                ImageNode::new(art.sign(Sign::Cross)),
                Pickable::IGNORE,
            ));
            let title = texts.get(alarm.offence.text());
            row.spawn(theme::label(title, 22.0, Weight::SemiBold, colour::BAD));
        });
        let text = format!("{}{}", san.unwrap_or_default(), texts.get("alarm-meaning"));
        card.spawn(theme::label(text, 14.0, Weight::Regular, colour::TEXT));
        card.spawn((
            Node { padding: UiRect::all(px(12)), border_radius: BorderRadius::all(px(8)), ..default() },
            BackgroundColor(colour::BAD_DEEP),
        ))
        .with_child(theme::label(
            texts.with("alarm-reason", &[("part", alarm.reason.as_str().into())]),
            13.0,
            Weight::Regular,
            colour::TEXT,
        ));
        let evidence = alarm.evidence.clone().unwrap_or_default();
        let text = texts.with("alarm-evidence", &[("part", evidence.into())]);
        card.spawn(theme::label(text, 12.0, Weight::Regular, colour::MUTED));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("button-save", Tone::Plain, PlayerAction::Save));
            row.spawn(button("button-new-game", Tone::Plain, PlayerAction::AskNewGame));
        });
    });
}
