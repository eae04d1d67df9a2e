//! Colours of the board.

use bevy::color::{Color, Mix};
use serde::{Deserialize, Serialize};

/// A pair of colours for the squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardTheme {
    /// Cool blue-grey.
    #[default]
    Blue,
    /// Green and cream.
    Green,
    /// Brown wood.
    Wood,
}

impl BoardTheme {
    /// All boards.
    pub const ALL: [Self; 3] = [Self::Blue, Self::Green, Self::Wood];

    /// Id of the text that names it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Blue => "board-blue",
            Self::Green => "board-green",
            Self::Wood => "board-wood",
        }
    }

    /// Colour of a light or dark square.
    #[must_use]
    pub fn square(self, light: bool, high_contrast: bool) -> Color {
        let hex = match (self, light) {
            _ if high_contrast => {
                if light {
                    0xf4f4f4
                } else {
                    0x5d6a78
                }
            }
            (Self::Blue, true) => 0xe9edf2,
            (Self::Blue, false) => 0x8199b5,
            (Self::Green, true) => 0xeeeed5,
            (Self::Green, false) => 0x7d9a5c,
            (Self::Wood, true) => 0xefdcbc,
            (Self::Wood, false) => 0xb38a64,
        };
        let [_, red, green, blue] = u32::to_be_bytes(hex);
        Color::srgb_u8(red, green, blue)
    }
}

/// What lies over a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// The last move.
    LastMove,
    /// The selected square.
    Selected,
    /// A move kept for the next turn.
    Premove,
}

/// A square's colour under a tint.
#[must_use]
pub fn tinted(square: Color, tint: Option<Tint>) -> Color {
    let (over, share) = match tint {
        None => return square,
        Some(Tint::LastMove) => (Color::srgb_u8(0xe0, 0xd0, 0x30), 0.45),
        Some(Tint::Selected) => (Color::srgb_u8(0x36, 0xb0, 0x50), 0.45),
        Some(Tint::Premove) => (Color::srgb_u8(0x8a, 0x4f, 0xc8), 0.50),
    };
    square.mix(&over, share)
}
