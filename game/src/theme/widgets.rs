//! Buttons that turn into a [`PlayerAction`], and their look.

use super::{Weight, colour, font};
use crate::play::PlayerAction;
use bevy::{
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

/// A button with a text.
pub fn button(text: &str, tone: Tone, action: PlayerAction) -> impl Bundle + use<> {
    let text_colour = if matches!(tone, Tone::Primary | Tone::Danger) { Color::WHITE } else { colour::TEXT };
    (
        Name::new(text.to_owned()),
        Does(action),
        tone,
        Hovered::default(),
        Node {
            height: px(38),
            padding: UiRect::horizontal(px(14)),
            justify_content: JustifyContent::Center,
            align_items: AlignItems::Center,
            border_radius: BorderRadius::all(px(7)),
            flex_grow: 1.0,
            flex_basis: px(0),
            ..default()
        },
        BackgroundColor(tone.colour(false)),
        children![(Text::new(text), font(14.0, Weight::SemiBold), TextColor(text_colour), Pickable::IGNORE)],
    )
}

/// Makes buttons act and shows that the pointer is on them.
#[derive(Debug)]
pub struct WidgetsPlugin;

impl Plugin for WidgetsPlugin {
    fn build(&self, app: &mut App) {
        app.add_observer(act).add_systems(Update, look);
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
