//! High contrast: the client's colours exchanged for stronger ones, on whatever is on the screen.

use super::colour;
use crate::settings::Settings;
use bevy::prelude::*;

/// A colour and its stronger partner. No two partners are equal, so that the way back is found.
const PAIRS: [(Color, Color); 12] = [
    (colour::BACKGROUND, Color::srgb(0.0, 0.0, 0.0)),
    (colour::PANEL, Color::srgb(0.03, 0.03, 0.04)),
    (colour::RAISED, Color::srgb(0.13, 0.13, 0.16)),
    (colour::HOVER, Color::srgb(0.25, 0.25, 0.33)),
    (colour::LINE, Color::srgb(0.78, 0.8, 0.84)),
    (colour::TEXT, Color::srgb(1.0, 1.0, 1.0)),
    (colour::MUTED, Color::srgb(0.86, 0.88, 0.92)),
    (colour::ACCENT, Color::srgb(0.1, 0.36, 0.86)),
    (colour::GOOD, Color::srgb(0.45, 1.0, 0.5)),
    (colour::WORK, Color::srgb(0.62, 0.82, 1.0)),
    (colour::WARN, Color::srgb(1.0, 0.83, 0.3)),
    (colour::BAD, Color::srgb(1.0, 0.58, 0.58)),
];

/// A colour as it is drawn. Transparency stays.
#[must_use]
pub fn drawn(colour: Color, strong: bool) -> Color {
    let [red, green, blue, alpha] = colour.to_srgba().to_f32_array();
    let same = |other: Color| {
        let [r, g, b, _] = other.to_srgba().to_f32_array();
        (r - red).abs() + (g - green).abs() + (b - blue).abs() < 1e-3
    };
    for (usual, stronger) in PAIRS {
        let (from, to) = if strong { (usual, stronger) } else { (stronger, usual) };
        if same(from) {
            return to.with_alpha(alpha);
        }
    }
    colour
}

/// Exchanges colours.
pub(super) fn exchange(
    settings: Res<'_, Settings>,
    mut was_strong: Local<'_, bool>,
    mut clear: ResMut<'_, ClearColor>,
    mut texts: Query<'_, '_, &mut TextColor>,
    mut backgrounds: Query<'_, '_, &mut BackgroundColor>,
    mut borders: Query<'_, '_, &mut BorderColor>,
) {
    let strong = settings.high_contrast;
    let turned = *was_strong != strong;
    *was_strong = strong;
    if !strong && !turned {
        return;
    }
    clear.0 = drawn(clear.0, strong);
    for mut text in &mut texts {
        if turned || text.is_changed() {
            let colour = drawn(text.0, strong);
            text.set_if_neq(TextColor(colour));
        }
    }
    for mut background in &mut backgrounds {
        if turned || background.is_changed() {
            let colour = drawn(background.0, strong);
            background.set_if_neq(BackgroundColor(colour));
        }
    }
    for mut border in &mut borders {
        if turned || border.is_changed() {
            let colour = drawn(border.top, strong);
            border.set_if_neq(BorderColor::all(colour));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_finds_its_way_back_and_text_can_be_read() {
        let luminance = |colour: Color| {
            let [red, green, blue, _] = colour.to_linear().to_f32_array();
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        for (usual, stronger) in PAIRS {
            assert_eq!(drawn(usual, true), stronger);
            assert_eq!(drawn(stronger, false), usual);
            let faint = usual.with_alpha(0.3);
            assert!((drawn(faint, true).alpha() - 0.3).abs() < 1e-6);
        }
        // WCAG's contrast, 7:1 for the highest grade.
        for text in [colour::TEXT, colour::MUTED, colour::GOOD, colour::WARN, colour::BAD, colour::WORK] {
            let ratio =
                (luminance(drawn(text, true)) + 0.05) / (luminance(drawn(colour::RAISED, true)) + 0.05);
            assert!(ratio >= 7.0, "{text:?}: {ratio}");
        }
    }
}
