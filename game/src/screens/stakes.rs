//! Stakes on the screen: the choice at the start, the line in the panel, the end.

use super::dialogs::row;
use crate::{
    Step,
    i18n::Texts,
    play::{
        Play, PlayerAction,
        game::Game,
        staked::{HIGHEST_LEVEL, Staked, Table},
        state::PlayState,
    },
    settings::Settings,
    theme::{
        self, Weight, colour,
        widgets::{Tone, button},
    },
};
use bevy::prelude::*;
use protocol::{STRONGEST_LEVEL, SettledOutcome};

/// Stakes to choose from, in wei.
const STAKES: [(&str, u128); 3] = [
    ("button-stake-small", 10_000_000_000_000_000),
    ("button-stake-middle", 100_000_000_000_000_000),
    ("button-stake-large", 1_000_000_000_000_000_000),
];

/// A line that says how the stakes stand.
#[derive(Component, Debug)]
pub struct StakesLine;

/// What the player is told before it starts: how stakes work, and what it has.
#[derive(Component, Debug)]
struct MeaningLine;

/// Says which level is played for stakes, where another is chosen.
#[derive(Component, Debug)]
struct LevelLine;

/// The button that takes the money out; there is none while there is no money.
#[derive(Component, Debug)]
struct WithdrawRow;

/// Draws what is about stakes.
#[derive(Debug)]
pub(super) struct StakesScreenPlugin;

impl Plugin for StakesScreenPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, (draw_lines, draw_choice, draw_withdraw).in_set(Step::Draw));
    }
}

/// Wei as ether with at most four digits behind the point, rounded down.
#[must_use]
pub fn ether(wei: u128) -> String {
    let parts = wei / 100_000_000_000_000;
    let text = format!("{}.{:04}", parts / 10_000, parts % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The choices of the start dialog; nothing without a chain.
pub(super) fn spawn_choice(card: &mut ChildSpawnerCommands<'_>, state: &PlayState) {
    if state.table.is_none() {
        return;
    }
    card.spawn(theme::say("start-stakes", 13.0, Weight::SemiBold, colour::MUTED));
    card.spawn((MeaningLine, theme::label("", 12.5, Weight::Regular, colour::MUTED)));
    card.spawn((LevelLine, theme::label("", 12.5, Weight::SemiBold, colour::WARN)));
    card.spawn(row(10.0)).with_children(|row| {
        for (id, stake) in STAKES {
            row.spawn(button(id, Tone::Plain, PlayerAction::StartStaked(stake)));
        }
    });
    spawn_withdraw(card);
}

fn spawn_withdraw(card: &mut ChildSpawnerCommands<'_>) {
    card.spawn((WithdrawRow, Node { display: Display::None, ..row(12.0) })).with_child(button(
        "button-withdraw",
        Tone::Plain,
        PlayerAction::Withdraw,
    ));
}

/// The panel's line.
pub(super) fn spawn_line(card: &mut ChildSpawnerCommands<'_>) {
    card.spawn((StakesLine, theme::label("", 12.5, Weight::SemiBold, colour::WORK)));
}

/// What the result's dialog says of the stakes.
pub(super) fn spawn_end(card: &mut ChildSpawnerCommands<'_>, game: &Game) {
    if game.stakes.is_some() {
        spawn_line(card);
        spawn_withdraw(card);
    }
}

/// How the stakes of a game stand.
#[must_use]
pub fn line(texts: &Texts, game: &Game, stakes: &Staked, table: Option<&Table>) -> String {
    let inside = ether(table.map_or(0, |table| table.withdrawable));
    let deadline = stakes
        .pending
        .map_or_else(String::new, |(_, at)| format!("{:02}:{:02} UTC", at / 3_600 % 24, at / 60 % 60));
    let parts = [
        ("stake", ether(stakes.stake).into()),
        ("recorded", stakes.recorded.into()),
        ("inside", inside.into()),
        ("deadline", deadline.into()),
    ];
    let id = match (stakes.settled, stakes.pending) {
        (Some(Some(SettledOutcome::PlayerWins)), _) => "stakes-won",
        (Some(Some(SettledOutcome::OperatorWins)), _) => "stakes-lost",
        (Some(_), _) => "stakes-drawn",
        (None, Some((true, _))) => "stakes-challenged",
        (None, Some((false, _))) => "stakes-waiting",
        (None, None) if !stakes.opened => "stakes-opening",
        (None, None) if game.is_over() || game.resigning => "stakes-settling",
        (None, None) => "stakes-open",
    };
    texts.with(id, &parts)
}

fn draw_lines(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    mut lines: Query<'_, '_, (&mut Text, &mut Node), With<StakesLine>>,
) {
    let game = play.state.game.as_ref();
    let text =
        game.and_then(|game| Some(line(&texts, game, game.stakes.as_ref()?, play.state.table.as_ref())));
    for (mut shown, mut node) in &mut lines {
        show(&mut node, text.is_some());
        shown.set_if_neq(Text(text.clone().unwrap_or_default()));
    }
}

fn show(node: &mut Mut<'_, Node>, shown: bool) {
    let display = if shown { Display::Flex } else { Display::None };
    if node.display != display {
        node.display = display;
    }
}

type OnlyLevelLine = (With<LevelLine>, Without<MeaningLine>);

/// The lines of the start dialog: money comes and goes while it is open, and the level is chosen in it.
fn draw_choice(
    play: Res<'_, Play>,
    settings: Res<'_, Settings>,
    texts: Res<'_, Texts>,
    mut meanings: Query<'_, '_, &mut Text, With<MeaningLine>>,
    mut levels: Query<'_, '_, (&mut Text, &mut Node), OnlyLevelLine>,
) {
    let Some(table) = &play.state.table else { return };
    let parts = [("held", ether(table.held).into()), ("inside", ether(table.withdrawable).into())];
    for mut meaning in &mut meanings {
        meaning.set_if_neq(Text(texts.with("stakes-meaning", &parts)));
    }
    let parts = [("level", HIGHEST_LEVEL.into()), ("strongest", STRONGEST_LEVEL.into())];
    for (mut level, mut node) in &mut levels {
        show(&mut node, settings.level > HIGHEST_LEVEL);
        level.set_if_neq(Text(texts.with("stakes-level", &parts)));
    }
}

fn draw_withdraw(play: Res<'_, Play>, mut rows: Query<'_, '_, &mut Node, With<WithdrawRow>>) {
    let anything = play.state.table.as_ref().is_some_and(|table| table.withdrawable > 0);
    for mut node in &mut rows {
        show(&mut node, anything);
    }
}
