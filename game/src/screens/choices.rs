//! The longer dialogs of choices: start of a game, settings, keys, saved games.

use super::{
    Overlay,
    dialogs::{dialog, row},
    panel::digest_line,
};
use crate::{
    files::{self, DataFolder},
    i18n::{Language, Texts},
    networks::{self, Network, Networks},
    play::{Play, PlayerAction, notation},
    settings::{Setting, Settings, TIME_CONTROLS},
    theme::{
        self, Weight,
        art::{Art, PieceSet, image, piece_svg},
        board::BoardTheme,
        colour,
        widgets::{Tone, button, choice},
    },
};
use bevy::prelude::*;
use protocol::{
    STRONGEST_LEVEL, SideChoice, TimeControl,
    shakmaty::{Color as Side, Piece, Role},
};

/// Width of these dialogs in logical pixels.
const WIDE: f32 = 560.0;

/// Saved games that are listed.
const LISTED: usize = 8;

/// The text that says how loud sounds are.
#[derive(Component, Debug)]
struct VolumeLine;

/// The text that says how strong the chosen level is, and who measured it.
#[derive(Component, Debug)]
struct StrengthLine;

/// Spawns these dialogs.
#[derive(Debug)]
pub(super) struct ChoicesPlugin;

impl Plugin for ChoicesPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(OnEnter(Overlay::Start), start)
            .add_systems(OnEnter(Overlay::Settings), settings_dialog)
            .add_systems(OnEnter(Overlay::Help), help)
            .add_systems(OnEnter(Overlay::Files), saved_games)
            .add_systems(
                Update,
                (volume_line, again_when_known, strength_line).chain().in_set(crate::Step::Draw),
            );
    }
}

/// The start shows the network's name, which comes a moment later, and a start position, which may be pasted.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn again_when_known(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    overlay: Res<'_, State<Overlay>>,
    mut shown: Local<'_, Option<(String, Option<String>)>>,
    dialogs: Query<'_, '_, Entity, With<super::dialogs::Dialog>>,
    networks: Res<'_, Networks>,
    art: Res<'_, Art>,
    mut images: ResMut<'_, Assets<Image>>,
    mut commands: Commands<'_, '_>,
) {
    if *overlay.get() != Overlay::Start {
        *shown = None;
        return;
    }
    let now = (digest_line(&texts, &play.state).0, play.state.start_fen.clone());
    // Also at the first look: the name may have come between the dialog's spawning and now.
    if shown.as_ref() != Some(&now) {
        for entity in &dialogs {
            commands.entity(entity).despawn();
        }
        spawn_start(&mut commands, &play, &texts, (&networks, &art), &mut images);
    }
    *shown = Some(now);
}

fn heading(card: &mut ChildSpawnerCommands<'_>, id: &'static str) {
    card.spawn((Node { flex_shrink: 0.0, margin: UiRect::top(px(2)), ..default() }, Pickable::IGNORE))
        .with_child(theme::say(id, 13.0, Weight::SemiBold, colour::MUTED));
}

/// A row of choices with texts.
fn chips(card: &mut ChildSpawnerCommands<'_>, choices: Vec<(String, Setting)>) {
    card.spawn(Node { flex_wrap: FlexWrap::Wrap, row_gap: px(6), ..row(6.0) }).with_children(|row| {
        for (text, setting) in choices {
            row.spawn((Name::new(text.clone()), choice(setting))).with_child(theme::label(
                text,
                13.5,
                Weight::SemiBold,
                colour::TEXT,
            ));
        }
    });
}

fn start(
    mut commands: Commands<'_, '_>,
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    networks: Res<'_, Networks>,
    art: Res<'_, Art>,
    mut images: ResMut<'_, Assets<Image>>,
) {
    spawn_start(&mut commands, &play, &texts, (&networks, &art), &mut images);
}

/// The network that the next game is against, if it is in the index.
fn next_opponent<'a>(play: &Play, networks: &'a Networks) -> Option<&'a Network> {
    networks.get(&play.state.opponent.as_ref()?.digest)
}

/// Levels in one row, each with how strong it is below its number.
fn levels(card: &mut ChildSpawnerCommands<'_>, texts: &Texts, network: Option<&Network>) {
    card.spawn(row(6.0)).with_children(|row| {
        for level in 1..=STRONGEST_LEVEL {
            row.spawn((Name::new(format!("level-{level}")), choice(Setting::Level(level))))
                .insert(Node {
                    flex_grow: 1.0,
                    flex_basis: px(0),
                    min_height: px(40),
                    flex_direction: FlexDirection::Column,
                    justify_content: JustifyContent::Center,
                    align_items: AlignItems::Center,
                    border: UiRect::all(px(2)),
                    border_radius: BorderRadius::all(px(7)),
                    ..default()
                })
                .with_children(|chip| {
                    chip.spawn(theme::label(level.to_string(), 13.5, Weight::SemiBold, colour::TEXT));
                    if let Some(elo) = networks::short_strength(texts, network, level) {
                        chip.spawn(theme::label(elo, 11.0, Weight::Regular, colour::MUTED));
                    }
                });
        }
    });
    card.spawn((StrengthLine, theme::label("", 12.5, Weight::Regular, colour::MUTED)));
}

fn strength_line(
    play: Res<'_, Play>,
    settings: Res<'_, Settings>,
    texts: Res<'_, Texts>,
    networks: Res<'_, Networks>,
    mut lines: Query<'_, '_, &mut Text, With<StrengthLine>>,
) {
    for mut text in &mut lines {
        let network = next_opponent(&play, &networks);
        let level = networks::level_text(&texts, network, settings.level);
        let line = match network.filter(|network| !network.level_elo.is_empty()) {
            Some(network) => {
                let parts = [
                    ("level", level.into()),
                    ("name", network.name.as_str().into()),
                    ("card", network.card().into()),
                ];
                texts.with("level-measured", &parts)
            }
            None => texts.with("level-unmeasured", &[("level", level.into())]),
        };
        text.set_if_neq(Text(line));
    }
}

fn spawn_start(
    commands: &mut Commands<'_, '_>,
    play: &Play,
    texts: &Texts,
    (networks, art): (&Networks, &Art),
    images: &mut Assets<Image>,
) {
    let first = play.state.game.is_none();
    dialog(commands, Overlay::Start, (WIDE, colour::LINE), |card| {
        let title = if first { "start-title-first" } else { "start-title" };
        card.spawn(theme::say(title, 25.0, Weight::SemiBold, colour::TEXT));
        // With stakes to choose there is no room for all: the panel has the digest, the settings have the looks.
        let for_stakes = play.state.table.is_some();
        if !for_stakes {
            card.spawn(theme::say("start-meaning", 13.5, Weight::Regular, colour::MUTED));
        }
        heading(card, "start-side");
        card.spawn(row(10.0)).with_children(|row| {
            for (id, side, kings) in [
                ("white", SideChoice::White, vec![Side::White]),
                ("side-random", SideChoice::Random, vec![Side::White, Side::Black]),
                ("black", SideChoice::Black, vec![Side::Black]),
            ] {
                side_choice(row, id, side, &kings, art);
            }
        });
        heading(card, "start-level");
        levels(card, texts, next_opponent(play, networks));
        heading(card, "start-time");
        let control = |at: usize| {
            TIME_CONTROLS.get(at).copied().flatten().map(|(minutes, seconds)| TimeControl {
                initial_ms: minutes * 60_000,
                increment_ms: seconds * 1_000,
            })
        };
        let times = (0..TIME_CONTROLS.len())
            .map(|at| (notation::time_control_text(texts, control(at)), Setting::Time(at)));
        chips(card, times.collect());
        heading(card, "start-kind");
        chips(
            card,
            vec![
                (texts.get("kind-casual-long"), Setting::Rated(false)),
                (texts.get("kind-rated-long"), Setting::Rated(true)),
            ],
        );
        super::stakes::spawn_choice(card, &play.state);
        if !for_stakes {
            heading(card, "start-looks");
            looks(card, images);
            let (line, tone) = digest_line(texts, &play.state);
            card.spawn(theme::label(line, 12.5, Weight::Regular, tone));
        }
        if let Some(fen) = &play.state.start_fen {
            let text = texts.with("start-position", &[("part", fen.as_str().into())]);
            card.spawn(theme::label(text, 12.5, Weight::Regular, colour::TEXT));
            card.spawn(row(10.0)).with_child(button(
                "button-usual-start",
                Tone::Plain,
                PlayerAction::UsualStart,
            ));
        }
        card.spawn(row(10.0)).with_children(|row| {
            row.spawn(button("button-play", Tone::Primary, PlayerAction::Start));
            if !first {
                row.spawn(button("button-cancel", Tone::Plain, PlayerAction::Close));
            }
        });
        card.spawn(row(10.0)).with_children(|row| {
            row.spawn(button("button-open-long", Tone::Plain, PlayerAction::ShowFiles));
            row.spawn(button("button-paste", Tone::Plain, PlayerAction::Paste));
            row.spawn(button("button-settings", Tone::Plain, PlayerAction::ShowSettings));
            row.spawn(button("button-help", Tone::Plain, PlayerAction::ShowHelp));
        });
    });
}

fn side_choice(
    row: &mut ChildSpawnerCommands<'_>,
    id: &'static str,
    side: SideChoice,
    kings: &[Side],
    art: &Art,
) {
    row.spawn((Name::new(id), choice(Setting::Side(side))))
        .insert(Node {
            flex_grow: 1.0,
            flex_basis: px(0),
            height: px(86),
            flex_direction: FlexDirection::Column,
            justify_content: JustifyContent::Center,
            align_items: AlignItems::Center,
            row_gap: px(4),
            border: UiRect::all(px(2)),
            border_radius: BorderRadius::all(px(10)),
            ..default()
        })
        .with_children(|button| {
            button.spawn((Node { height: px(44), ..default() }, Pickable::IGNORE)).with_children(|icons| {
                for (at, &color) in kings.iter().enumerate() {
                    icons.spawn((
                        Node {
                            width: px(44),
                            height: px(44),
                            margin: UiRect::left(px(if at == 0 { 0.0 } else { -20.0 })),
                            ..default()
                        },
                        ImageNode::new(art.piece(Piece { color, role: Role::King })),
                        Pickable::IGNORE,
                    ));
                }
            });
            button.spawn(theme::say(id, 13.5, Weight::SemiBold, colour::TEXT));
        });
}

/// Side of the small pictures of boards and pieces, in logical pixels.
const SAMPLE: f32 = 30.0;

/// Boards and pieces, as pictures.
fn looks(card: &mut ChildSpawnerCommands<'_>, images: &mut Assets<Image>) {
    card.spawn(Node { flex_wrap: FlexWrap::Wrap, row_gap: px(6), ..row(6.0) }).with_children(|row| {
        for board in BoardTheme::ALL {
            row.spawn((Name::new(board.text()), choice(Setting::Board(board)))).with_children(|chip| {
                chip.spawn((Node { width: px(SAMPLE), height: px(SAMPLE), ..default() }, Pickable::IGNORE))
                    .with_children(|squares| {
                        for light in [true, false] {
                            squares.spawn((
                                Node { width: percent(50), height: percent(100), ..default() },
                                BackgroundColor(board.square(light, false)),
                                Pickable::IGNORE,
                            ));
                        }
                    });
                chip.spawn(theme::say(board.text(), 13.0, Weight::Regular, colour::TEXT));
            });
        }
        for set in PieceSet::ALL {
            let piece = Piece { color: Side::White, role: Role::Knight };
            let picture = image(&piece_svg(set, piece), 64).map(|picture| images.add(picture));
            row.spawn((Name::new(set.text()), choice(Setting::Pieces(set)))).with_children(|chip| {
                chip.spawn((
                    Node { width: px(SAMPLE), height: px(SAMPLE), ..default() },
                    ImageNode::new(picture.unwrap_or_default()),
                    Pickable::IGNORE,
                ));
                chip.spawn(theme::say(set.text(), 13.0, Weight::Regular, colour::TEXT));
            });
        }
    });
}

fn settings_dialog(
    mut commands: Commands<'_, '_>,
    texts: Res<'_, Texts>,
    play: Res<'_, Play>,
    mut images: ResMut<'_, Assets<Image>>,
) {
    let on_off = |set: fn(bool) -> Setting| {
        vec![(texts.get("choice-on"), set(true)), (texts.get("choice-off"), set(false))]
    };
    dialog(&mut commands, Overlay::Settings, (WIDE, colour::LINE), |card| {
        card.spawn(theme::say("settings-title", 22.0, Weight::SemiBold, colour::TEXT));
        heading(card, "start-looks");
        looks(card, &mut images);
        heading(card, "settings-language");
        chips(
            card,
            Language::ALL.map(|language| (language.name().to_owned(), Setting::Language(language))).to_vec(),
        );
        card.spawn((VolumeLine, theme::label("", 13.0, Weight::SemiBold, colour::MUTED)));
        chips(
            card,
            [0_u8, 2, 4, 6, 8, 10].map(|volume| (format!("{volume}"), Setting::Volume(volume))).to_vec(),
        );
        card.spawn(Node { flex_wrap: FlexWrap::Wrap, column_gap: px(28), row_gap: px(10), ..row(28.0) })
            .with_children(|grid| {
                for (id, set) in [
                    ("settings-contrast", Setting::HighContrast as fn(bool) -> Setting),
                    ("settings-premoves", Setting::Premoves),
                    ("settings-hints", Setting::Hints),
                    ("settings-coordinates", Setting::Coordinates),
                ] {
                    grid.spawn(Node { flex_direction: FlexDirection::Column, row_gap: px(6), ..default() })
                        .with_children(|column| {
                            heading(column, id);
                            chips(column, on_off(set));
                        });
                }
            });
        let back = if play.state.game.is_none() { PlayerAction::AskNewGame } else { PlayerAction::Close };
        card.spawn(row(10.0)).with_child(button("button-done", Tone::Primary, back));
    });
}

fn volume_line(
    settings: Res<'_, Settings>,
    texts: Res<'_, Texts>,
    mut lines: Query<'_, '_, &mut Text, With<VolumeLine>>,
) {
    for mut text in &mut lines {
        let line = match settings.volume {
            0 => texts.get("settings-silent"),
            volume => texts.with("settings-volume", &[("volume", (u32::from(volume) * 10).into())]),
        };
        text.set_if_neq(Text(line));
    }
}

/// Keys and what they do.
const KEYS: [(&str, &str); 20] = [
    ("keys-mouse", "help-mouse"),
    ("keys-right", "help-right"),
    ("Esc", "help-cancel"),
    ("/", "help-type"),
    ("keys-space", "help-cursor"),
    ("← →", "help-browse"),
    ("↑ ↓", "help-ends"),
    ("Home, End", "help-ends"),
    ("keys-wheel", "help-browse"),
    ("F", "help-flip"),
    ("P", "help-proof"),
    ("N", "help-new"),
    ("S", "help-settings"),
    ("M", "help-mute"),
    ("Ctrl+Z", "help-take-back"),
    ("Ctrl+S", "help-save"),
    ("Ctrl+O", "help-open"),
    ("Ctrl+C, Ctrl+G", "help-copy"),
    ("Ctrl+V", "help-paste"),
    ("?, F1", "help-help"),
];

fn help(mut commands: Commands<'_, '_>, texts: Res<'_, Texts>, play: Res<'_, Play>) {
    dialog(&mut commands, Overlay::Help, (WIDE, colour::LINE), |card| {
        card.spawn(theme::say("help-title", 22.0, Weight::SemiBold, colour::TEXT));
        card.spawn(Node {
            flex_direction: FlexDirection::Column,
            row_gap: px(4),
            flex_shrink: 0.0,
            ..default()
        })
        .with_children(|table| {
            for (key, meaning) in KEYS {
                table.spawn(row(0.0)).with_children(|line| {
                    // A key without a text of its own is the same in every language.
                    let key = texts.get(key);
                    line.spawn(Node { width: px(170), flex_shrink: 0.0, ..default() })
                        .with_child(theme::label(key, 13.5, Weight::SemiBold, colour::TEXT));
                    line.spawn(Node { flex_shrink: 1.0, ..default() }).with_child(theme::label(
                        texts.get(meaning),
                        13.5,
                        Weight::Regular,
                        colour::MUTED,
                    ));
                });
            }
        });
        let back = if play.state.game.is_none() { PlayerAction::AskNewGame } else { PlayerAction::Close };
        card.spawn(row(10.0)).with_child(button("button-done", Tone::Primary, back));
    });
}

fn saved_games(
    mut commands: Commands<'_, '_>,
    texts: Res<'_, Texts>,
    folder: Res<'_, DataFolder>,
    play: Res<'_, Play>,
) {
    use crate::theme::widgets::Does;
    use bevy::picking::hover::Hovered;
    let paths = files::saved_games(&folder);
    dialog(&mut commands, Overlay::Files, (WIDE, colour::LINE), |card| {
        card.spawn(theme::say("files-title", 22.0, Weight::SemiBold, colour::TEXT));
        card.spawn(theme::say("files-meaning", 13.5, Weight::Regular, colour::MUTED));
        if paths.is_empty() {
            card.spawn(theme::say("files-none", 13.5, Weight::Regular, colour::TEXT));
        }
        for path in paths.into_iter().take(LISTED) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            card.spawn((
                Name::new(name.clone()),
                Does(PlayerAction::Open(path)),
                Tone::Plain,
                Hovered::default(),
                Node {
                    height: px(32),
                    padding: UiRect::horizontal(px(12)),
                    align_items: AlignItems::Center,
                    border_radius: BorderRadius::all(px(7)),
                    flex_shrink: 0.0,
                    ..default()
                },
                BackgroundColor(colour::RAISED),
            ))
            .with_child(theme::label(name, 13.5, Weight::Regular, colour::TEXT));
        }
        let text =
            texts.with("files-folder", &[("part", folder.0.join("bundles").display().to_string().into())]);
        card.spawn(theme::label(text, 12.0, Weight::Regular, colour::MUTED));
        let back = if play.state.game.is_none() { PlayerAction::AskNewGame } else { PlayerAction::Close };
        card.spawn(row(10.0)).with_children(|row| {
            row.spawn(button("button-paste", Tone::Plain, PlayerAction::Paste));
            row.spawn(button("button-cancel", Tone::Plain, back));
        });
    });
}
