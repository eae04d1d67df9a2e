//! Colours, fonts and the few widgets that every screen uses.

pub mod art;
pub mod board;
pub mod contrast;
pub mod widgets;

use crate::i18n::Say;
use bevy::prelude::*;

/// Colours of the client: calm, dark, one accent.
pub mod colour {
    use bevy::color::Color;

    const fn rgb(hex: u32) -> Color {
        let [_, red, green, blue] = hex.to_be_bytes();
        Color::srgb(red as f32 / 255.0, green as f32 / 255.0, blue as f32 / 255.0)
    }

    /// Behind everything.
    pub const BACKGROUND: Color = rgb(0x16181d);
    /// The side panel and dialogs.
    pub const PANEL: Color = rgb(0x22252d);
    /// Lines and cards inside a panel.
    pub const RAISED: Color = rgb(0x2b2f39);
    /// A raised thing under the pointer.
    pub const HOVER: Color = rgb(0x383e4b);
    /// Thin lines.
    pub const LINE: Color = rgb(0x343945);
    /// Text.
    pub const TEXT: Color = rgb(0xdfe3ea);
    /// Text of less weight.
    pub const MUTED: Color = rgb(0x949dac);
    /// The button to press.
    pub const ACCENT: Color = rgb(0x3f7fd6);
    /// The button to press, under the pointer.
    pub const ACCENT_HOVER: Color = rgb(0x5292e8);
    /// Verified.
    pub const GOOD: Color = rgb(0x63c174);
    /// Being worked on.
    pub const WORK: Color = rgb(0x74a9ee);
    /// Could not be checked.
    pub const WARN: Color = rgb(0xe3aa45);
    /// Proven wrong, and buttons that give something up.
    pub const BAD: Color = rgb(0xe5575b);
    /// Behind an alarm.
    pub const BAD_DEEP: Color = rgb(0x5c2226);
    /// Dims what lies behind a dialog.
    pub const VEIL: Color = Color::srgba(0.04, 0.05, 0.07, 0.62);
}

/// Weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Running text.
    Regular,
    /// Headings, buttons, moves.
    SemiBold,
}

/// The client's font at a size in logical pixels.
#[must_use]
pub fn font(size_px: f32, weight: Weight) -> TextFont {
    // The faces are told apart by family name: the subsets carry no typographic family.
    let family = match weight {
        Weight::Regular => "Inter",
        Weight::SemiBold => "Inter Semi Bold",
    };
    TextFont { font: family.into(), font_size: FontSize::Px(size_px), ..default() }
}

/// Text that pointers pass through.
pub fn label(text: impl Into<String>, size_px: f32, weight: Weight, colour: Color) -> impl Bundle {
    (Text::new(text), font(size_px, weight), TextColor(colour), Pickable::IGNORE)
}

/// A text of the client in the player's language.
pub fn say(id: &'static str, size_px: f32, weight: Weight, colour: Color) -> impl Bundle {
    (Say(id), label("", size_px, weight, colour))
}

/// Registers the fonts, the art and the look of buttons.
#[derive(Debug)]
pub struct ThemePlugin;

/// Keeps the fonts loaded.
#[derive(Resource)]
struct Fonts {
    _handles: [Handle<Font>; 2],
}

impl Plugin for ThemePlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(ClearColor(colour::BACKGROUND))
            .add_plugins((art::ArtPlugin, widgets::WidgetsPlugin))
            .add_systems(PostUpdate, contrast::exchange.before(bevy::ui::UiSystems::Content));
    }

    fn finish(&self, app: &mut App) {
        let mut fonts = app.world_mut().resource_mut::<Assets<Font>>();
        let mut add = |bytes: &[u8]| fonts.add(Font::from_bytes(bytes.to_vec()));
        let handles = [
            add(include_bytes!("../../assets/fonts/Inter-Regular-subset.otf")),
            add(include_bytes!("../../assets/fonts/Inter-SemiBold-subset.otf")),
        ];
        app.insert_resource(Fonts { _handles: handles });
    }
}
