//! Buttons that turn into a [`PlayerAction`], and their look.

use super::{Weight, colour, font};
use crate::{
    Step,
    i18n::Say,
    play::PlayerAction,
    settings::{Setting, Settings},
};
use accesskit::{Action, Node as SpokenNode, Role};
use bevy::{
    a11y::{AccessibilityNode, ActionRequest},
    picking::{
        events::{Click, Pointer},
        hover::Hovered,
    },
    prelude::*,
};

/// What a button does.
#[derive(Component, Clone, Debug, PartialEq)]
pub struct Does(pub PlayerAction);

/// How much a button asks to be pressed.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The way on.
    Primary,
    /// One of several.
    Plain,
    /// Gives something up.
    Danger,
    /// Shows itself only under the pointer.
    Quiet,
}

impl Tone {
    fn colour(self, hovered: bool) -> Color {
        match (self, hovered) {
            (Self::Primary, false) => colour::ACCENT,
            (Self::Primary, true) => colour::ACCENT_HOVER,
            (Self::Plain, false) => colour::RAISED,
            (Self::Plain | Self::Quiet, true) => colour::HOVER,
            (Self::Danger, false) => colour::BAD.with_alpha(0.85),
            (Self::Danger, true) => colour::BAD,
            (Self::Quiet, false) => Color::NONE,
        }
    }
}

/// A button with a text of the client.
pub fn button(id: &'static str, tone: Tone, action: PlayerAction) -> impl Bundle + use<> {
    let text_colour = if matches!(tone, Tone::Primary | Tone::Danger) { Color::WHITE } else { colour::TEXT };
    (
        Name::new(id),
        Does(action),
        tone,
        Hovered::default(),
        Node {
            height: px(36),
            padding: UiRect::horizontal(px(10)),
            justify_content: JustifyContent::Center,
            align_items: AlignItems::Center,
            border_radius: BorderRadius::all(px(7)),
            flex_grow: 1.0,
            flex_basis: px(0),
            ..default()
        },
        BackgroundColor(tone.colour(false)),
        children![(
            Say(id),
            Text::new(""),
            font(13.5, Weight::SemiBold),
            TextColor(text_colour),
            TextLayout::no_wrap(),
            Pickable::IGNORE
        )],
    )
}

/// A button that shows whether its choice holds: by a frame, not by colour alone.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Choice(pub Setting);

/// A small button that makes a choice; `content` fills it.
pub fn choice(setting: Setting) -> impl Bundle {
    (
        Does(PlayerAction::Choose(setting)),
        Choice(setting),
        Tone::Plain,
        Hovered::default(),
        Node {
            min_height: px(32),
            padding: UiRect::axes(px(10), px(4)),
            column_gap: px(6),
            justify_content: JustifyContent::Center,
            align_items: AlignItems::Center,
            border: UiRect::all(px(2)),
            border_radius: BorderRadius::all(px(7)),
            ..default()
        },
        BackgroundColor(colour::RAISED),
        BorderColor::all(Color::NONE),
    )
}

/// Makes buttons act and shows that the pointer is on them.
#[derive(Debug)]
pub struct WidgetsPlugin;

impl Plugin for WidgetsPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<ActionRequest>()
            .add_observer(act)
            .add_systems(Update, (look, show_choices, spoken_click.in_set(Step::Input)))
            .add_systems(PostUpdate, name_buttons);
    }
}

/// Acts on a click. Not [`bevy::ui_widgets::Button`]: that one loses a press and release within one frame, which a
/// tap on a touchpad can be while frames are slow.
fn act(
    mut click: On<'_, '_, Pointer<Click>>,
    buttons: Query<'_, '_, &Does>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    if let Ok(Does(action)) = buttons.get(click.entity) {
        click.propagate(false);
        if click.event.button == PointerButton::Primary {
            actions.write(action.clone());
        }
    }
}

fn look(mut buttons: Query<'_, '_, (&Tone, &Hovered, &mut BackgroundColor), Changed<Hovered>>) {
    for (tone, hovered, mut background) in &mut buttons {
        background.set_if_neq(BackgroundColor(tone.colour(hovered.get())));
    }
}

fn show_choices(
    settings: Res<'_, Settings>,
    mut choices: Query<'_, '_, (Ref<'_, Choice>, &mut BorderColor)>,
) {
    for (choice, mut border) in &mut choices {
        if settings.is_changed() || choice.is_added() {
            let colour = if settings.has(choice.0) { colour::TEXT } else { Color::NONE };
            border.set_if_neq(BorderColor::all(colour));
        }
    }
}

/// What a screen reader says of a button: its texts.
fn name_buttons(
    buttons: Query<'_, '_, (Entity, Option<&AccessibilityNode>), With<Does>>,
    children: Query<'_, '_, &Children>,
    texts: Query<'_, '_, &Text>,
    changed: Query<'_, '_, (), Changed<Text>>,
    mut commands: Commands<'_, '_>,
) {
    if changed.is_empty() {
        return;
    }
    for (entity, node) in &buttons {
        let words: Vec<&str> = children
            .iter_descendants(entity)
            .filter_map(|child| texts.get(child).ok())
            .map(|text| text.0.as_str())
            .collect();
        let label = words.join(" ");
        if node.is_none_or(|node| node.label() != Some(label.as_str())) {
            let mut node = SpokenNode::new(Role::Button);
            node.set_label(label);
            node.add_action(Action::Click);
            commands.entity(entity).insert(AccessibilityNode(node));
        }
    }
}

/// A click by a screen reader.
fn spoken_click(
    mut requests: MessageReader<'_, '_, ActionRequest>,
    buttons: Query<'_, '_, &Does>,
    mut actions: MessageWriter<'_, PlayerAction>,
) {
    for request in requests.read() {
        let entity = Entity::try_from_bits(request.target_node.0);
        if request.action == Action::Click
            && let Some(Ok(Does(action))) = entity.map(|entity| buttons.get(entity))
        {
            actions.write(action.clone());
        }
    }
}
