//! Dialogs over the board: new game, resignation, result, alarm.

use super::Overlay;
use crate::{
    Step,
    play::{Play, PlayerAction, notation, state::Game},
    theme::{
        self, Weight,
        art::{Art, Sign},
        colour,
        widgets::{Tone, button},
    },
};
use bevy::prelude::*;
use protocol::{
    SideChoice,
    shakmaty::{Color as Side, Piece, Role},
};

/// A dialog, its veil included.
#[derive(Component, Debug)]
pub(super) struct Dialog;

/// The line of the result that says how much is verified.
#[derive(Component, Debug)]
struct Verdict;

/// Spawns and removes the dialogs.
#[derive(Debug)]
pub(super) struct DialogsPlugin;

impl Plugin for DialogsPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(OnEnter(Overlay::NewGame), new_game)
            .add_systems(OnEnter(Overlay::ConfirmResign), confirm_resign)
            .add_systems(OnEnter(Overlay::GameOver), game_over)
            .add_systems(OnEnter(Overlay::Alarm), alarm)
            .add_systems(Update, (escape.in_set(Step::Input), refresh_verdict.in_set(Step::Draw)));
    }
}

fn escape(
    keys: Res<'_, ButtonInput<KeyCode>>,
    overlay: Res<'_, State<Overlay>>,
    play: Res<'_, Play>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    let closable = match overlay.get() {
        Overlay::None | Overlay::Alarm => false,
        Overlay::NewGame => play.state.game.is_some(),
        Overlay::ConfirmResign | Overlay::GameOver => true,
    };
    if closable && keys.just_pressed(KeyCode::Escape) {
        actions.write(PlayerAction::Close);
    }
}

/// Spawns the veil and the card; `content` fills the card.
fn dialog(
    commands: &mut Commands<'_, '_>,
    overlay: Overlay,
    border: Color,
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
                Node {
                    width: px(440),
                    max_width: percent(92),
                    padding: UiRect::all(px(28)),
                    border: UiRect::all(px(1)),
                    border_radius: BorderRadius::all(px(14)),
                    flex_direction: FlexDirection::Column,
                    row_gap: px(16),
                    ..default()
                },
                BackgroundColor(colour::PANEL),
                BorderColor::all(border),
                BoxShadow::new(Color::BLACK.with_alpha(0.5), px(0), px(10), px(0), px(40)),
            ))
            .with_children(content);
        });
}

fn row(gap: f32) -> Node {
    Node { column_gap: px(gap), align_items: AlignItems::Center, ..default() }
}

fn new_game(mut commands: Commands<'_, '_>, play: Res<'_, Play>, art: Res<'_, Art>) {
    let first = play.state.game.is_none();
    dialog(&mut commands, Overlay::NewGame, colour::LINE, |card| {
        let title = if first { "Fairmate" } else { "New game" };
        card.spawn(theme::label(title, 26.0, Weight::SemiBold, colour::TEXT));
        let text = "Play a neural network that proves every move it makes. Your computer checks each proof: the move is \
                    exactly the choice of the published network, never of anyone else.";
        card.spawn(theme::label(text, 14.0, Weight::Regular, colour::MUTED));
        card.spawn(theme::label("Choose your side", 14.0, Weight::SemiBold, colour::TEXT));
        card.spawn(row(12.0)).with_children(|row| {
            for (text, choice, pieces) in [
                ("White", SideChoice::White, vec![Side::White]),
                ("Random", SideChoice::Random, vec![Side::White, Side::Black]),
                ("Black", SideChoice::Black, vec![Side::Black]),
            ] {
                side_button(row, text, choice, &pieces, &art);
            }
        });
        if !first {
            card.spawn(row(0.0)).with_child(button("Cancel", Tone::Plain, PlayerAction::Close));
        }
    });
}

fn side_button(
    row: &mut ChildSpawnerCommands<'_>,
    text: &str,
    choice: SideChoice,
    kings: &[Side],
    art: &Art,
) {
    use crate::theme::widgets::Does;
    use bevy::picking::hover::Hovered;
    row.spawn((
        Name::new(text.to_owned()),
        Does(PlayerAction::NewGame(choice)),
        Tone::Plain,
        Hovered::default(),
        Node {
            flex_grow: 1.0,
            flex_basis: px(0),
            height: px(116),
            flex_direction: FlexDirection::Column,
            justify_content: JustifyContent::Center,
            align_items: AlignItems::Center,
            row_gap: px(8),
            border_radius: BorderRadius::all(px(10)),
            ..default()
        },
        BackgroundColor(colour::RAISED),
    ))
    .with_children(|button| {
        button.spawn((Node { height: px(58), ..default() }, Pickable::IGNORE)).with_children(|icons| {
            for (at, &color) in kings.iter().enumerate() {
                icons.spawn((
                    Node {
                        width: px(58),
                        height: px(58),
                        margin: UiRect::left(px(if at == 0 { 0.0 } else { -26.0 })),
                        ..default()
                    },
                    ImageNode::new(art.piece(Piece { color, role: Role::King })),
                    Pickable::IGNORE,
                ));
            }
        });
        button.spawn(theme::label(text, 14.0, Weight::SemiBold, colour::TEXT));
    });
}

fn confirm_resign(mut commands: Commands<'_, '_>) {
    dialog(&mut commands, Overlay::ConfirmResign, colour::LINE, |card| {
        card.spawn(theme::label("Resign this game?", 22.0, Weight::SemiBold, colour::TEXT));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("Play on", Tone::Plain, PlayerAction::Close));
            row.spawn(button("Resign", Tone::Danger, PlayerAction::Resign));
        });
    });
}

/// How much of the game is verified, in words.
fn verdict(game: &Game) -> (String, Color) {
    match game.verified_count() {
        (_, 0) => ("The network has not moved.".into(), colour::MUTED),
        (verified, all) if verified == all => {
            (format!("All moves of the network ({all}) were verified on this computer."), colour::GOOD)
        }
        (verified, all) => {
            (format!("{verified} of {all} moves of the network are verified so far."), colour::WARN)
        }
    }
}

/// The last proofs come while the result is shown already.
fn refresh_verdict(
    play: Res<'_, Play>,
    mut texts: Query<'_, '_, (&mut Text, &mut TextColor), With<Verdict>>,
) {
    let Some(game) = play.state.game.as_ref().filter(|_| play.is_changed()) else { return };
    for (mut text, mut text_colour) in &mut texts {
        let (line, tone) = verdict(game);
        text.set_if_neq(Text(line));
        text_colour.set_if_neq(TextColor(tone));
    }
}

fn game_over(mut commands: Commands<'_, '_>, play: Res<'_, Play>) {
    let Some((game, outcome)) = play.state.game.as_ref().and_then(|game| Some((game, game.outcome?))) else {
        return;
    };
    dialog(&mut commands, Overlay::GameOver, colour::LINE, |card| {
        let title = notation::result_for(game.human, outcome);
        card.spawn(theme::label(title, 26.0, Weight::SemiBold, colour::TEXT));
        let result = notation::pgn_result(Some(outcome)).replace('-', " – ").replace("1/2", "½");
        let text = format!("{result}  {}", notation::end_reason(outcome.reason));
        card.spawn(theme::label(text, 15.0, Weight::Regular, colour::MUTED));
        let (text, tone) = verdict(game);
        card.spawn((Verdict, theme::label(text, 14.0, Weight::Regular, tone)));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("Rematch", Tone::Primary, PlayerAction::Rematch));
            row.spawn(button("Save game", Tone::Plain, PlayerAction::Save));
            row.spawn(button("Look at it", Tone::Plain, PlayerAction::Close));
        });
    });
}

fn alarm(mut commands: Commands<'_, '_>, play: Res<'_, Play>, art: Res<'_, Art>) {
    let Some(alarm) = &play.state.alarm else { return };
    let san = play
        .state
        .game
        .as_ref()
        .and_then(|game| notation::san_moves(&game.record).into_iter().nth(alarm.ply as usize));
    dialog(&mut commands, Overlay::Alarm, colour::BAD, |card| {
        card.spawn(row(14.0)).with_children(|row| {
            row.spawn((
                Node { width: px(40), height: px(40), flex_shrink: 0.0, ..default() },
                ImageNode::new(art.sign(Sign::Cross)),
                Pickable::IGNORE,
            ));
            row.spawn(theme::label(alarm.title.clone(), 22.0, Weight::SemiBold, colour::BAD));
        });
        let number = alarm.ply / 2 + 1;
        let dots = if alarm.ply.is_multiple_of(2) { "." } else { "…" };
        let which = san.map_or_else(String::new, |san| format!("Move {number}{dots} {san}. "));
        let text = format!(
            "{which}Play has stopped. What was shown is not what the published network plays here, or it was damaged on the way."
        );
        card.spawn(theme::label(text, 14.0, Weight::Regular, colour::TEXT));
        card.spawn((
            Node { padding: UiRect::all(px(12)), border_radius: BorderRadius::all(px(8)), ..default() },
            BackgroundColor(colour::BAD_DEEP),
        ))
        .with_child(theme::label(
            format!("Reason: {}", alarm.reason),
            13.0,
            Weight::Regular,
            colour::TEXT,
        ));
        let evidence = alarm.evidence.clone().unwrap_or_default();
        card.spawn(theme::label(format!("Evidence: {evidence}"), 12.0, Weight::Regular, colour::MUTED));
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(button("Save game", Tone::Plain, PlayerAction::Save));
            row.spawn(button("New game", Tone::Plain, PlayerAction::AskNewGame));
        });
    });
}
