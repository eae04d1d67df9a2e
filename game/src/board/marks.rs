//! Arrows and circles over the board: the player's own, and after a game the network's policy.

use super::{BoardHand, layout::BoardLayout};
use crate::{Step, analysis::Analysis, play::Play, theme::art};
use bevy::prelude::*;
use protocol::shakmaty::Square;

/// The player's own arrows and circles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// From and to; a circle where they are the same.
    pub drawn: Vec<(Square, Square)>,
    /// Where the mark being drawn begins.
    pub begin: Option<Square>,
}

impl Marks {
    /// Ends the mark being drawn. The same mark again goes away.
    pub fn finish(&mut self, end: Option<Square>) {
        let Some((begin, end)) = self.begin.take().zip(end) else { return };
        let before = self.drawn.len();
        self.drawn.retain(|mark| *mark != (begin, end));
        if self.drawn.len() == before {
            self.drawn.push((begin, end));
        }
    }

    /// Removes all marks.
    pub fn clear(&mut self) {
        self.drawn.clear();
        self.begin = None;
    }
}

/// The picture with all marks, as large as the board.
#[derive(Component, Debug)]
pub struct MarksImage;

/// An arrow of the network's policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyArrow {
    /// From and to.
    pub squares: (Square, Square),
    /// Probability, 0 to 1.
    pub probability: f32,
}

/// Draws marks.
#[derive(Debug)]
pub struct MarksPlugin;

impl Plugin for MarksPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, (forget, draw).chain().in_set(Step::Draw));
    }
}

/// A new position has no marks.
fn forget(play: Res<'_, Play>, mut hand: ResMut<'_, BoardHand>, mut shown: Local<'_, Option<usize>>) {
    let now = play.state.game.as_ref().map(|game| game.shown_ply());
    if *shown != now {
        *shown = now;
        if !hand.marks.drawn.is_empty() {
            hand.marks.clear();
        }
    }
}

/// What was drawn last.
type DrawnMarks = (Vec<(Square, Square)>, Vec<PolicyArrow>, BoardLayout);

#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn draw(
    play: Res<'_, Play>,
    hand: Res<'_, BoardHand>,
    layout: Res<'_, BoardLayout>,
    analysis: Res<'_, Analysis>,
    mut drawn: Local<'_, Option<DrawnMarks>>,
    image: Single<'_, '_, (&mut ImageNode, &mut Visibility), With<MarksImage>>,
    window: Option<Single<'_, '_, &Window, With<bevy::window::PrimaryWindow>>>,
    mut images: ResMut<'_, Assets<Image>>,
) {
    let wanted = (hand.marks.drawn.clone(), analysis.arrows(&play.state), *layout);
    if drawn.as_ref() == Some(&wanted) {
        return;
    }
    let (mut node, mut visibility) = image.into_inner();
    if wanted.0.is_empty() && wanted.1.is_empty() {
        visibility.set_if_neq(Visibility::Hidden);
    } else {
        let scale = window.map_or(1.0, |window| window.scale_factor());
        let size = (layout.side() * scale).round().max(8.0) as u32;
        if let Some(picture) = art::image(&svg(&wanted.0, &wanted.1, &layout), size) {
            node.image = images.add(picture);
            visibility.set_if_neq(Visibility::Inherited);
        }
    }
    *drawn = Some(wanted);
}

/// All marks on a canvas of eight by eight squares of 100.
fn svg(own: &[(Square, Square)], policy: &[PolicyArrow], layout: &BoardLayout) -> String {
    let mut content = String::new();
    for arrow in policy {
        let width = 7.0 + 17.0 * arrow.probability;
        content += &arrow_svg(arrow.squares, width, "#2b6fd6", 0.35 + 0.5 * arrow.probability, layout);
    }
    for &(from, to) in own {
        if from == to {
            let Vec2 { x, y } = centre(from, layout);
            content += &format!(
                r##"<circle cx="{x}" cy="{y}" r="44" fill="none" stroke="#1c8a34" stroke-opacity="0.85" stroke-width="8"/>"##
            );
        } else {
            content += &arrow_svg((from, to), 16.0, "#1c8a34", 0.8, layout);
        }
    }
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800">{content}</svg>"#)
}

fn centre(square: Square, layout: &BoardLayout) -> Vec2 {
    let (column, row) = layout.cell_of(square);
    Vec2::new(column as f32 + 0.5, row as f32 + 0.5) * 100.0
}

fn arrow_svg(
    (from, to): (Square, Square),
    width: f32,
    colour: &str,
    opacity: f32,
    layout: &BoardLayout,
) -> String {
    let (start, end) = (centre(from, layout), centre(to, layout));
    let along = (end - start).normalize_or_zero();
    let across = along.perp();
    let head = 2.4 * width;
    let neck = end - along * head;
    let begin = start + along * 22.0;
    let points = [
        begin + across * width / 2.0,
        neck + across * width / 2.0,
        neck + across * width * 1.3,
        end,
        neck - across * width * 1.3,
        neck - across * width / 2.0,
        begin - across * width / 2.0,
    ];
    let path: Vec<String> = points.iter().map(|point| format!("{:.1},{:.1}", point.x, point.y)).collect();
    format!(r#"<polygon points="{}" fill="{colour}" fill-opacity="{opacity:.2}"/>"#, path.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_twice_is_gone() {
        let mut marks = Marks::default();
        for expected in [vec![(Square::E2, Square::E4)], vec![]] {
            marks.begin = Some(Square::E2);
            marks.finish(Some(Square::E4));
            assert_eq!(marks.drawn, expected);
        }
        marks.begin = Some(Square::E2);
        marks.finish(None);
        assert_eq!(marks, Marks::default());
    }

    #[test]
    fn marks_have_ink() {
        let arrow = PolicyArrow { squares: (Square::G1, Square::F3), probability: 0.7 };
        let text =
            svg(&[(Square::E2, Square::E4), (Square::A1, Square::A1)], &[arrow], &BoardLayout::default());
        let pixels = art::rasterise(&text, 160).unwrap();
        let inked = |square: Square| {
            let at = (centre(square, &BoardLayout::default()) / 5.0).as_uvec2();
            // The ring of a circle lies 44 from its middle.
            let at = if square == Square::A1 { UVec2::new(at.x + 9, at.y) } else { at };
            pixels[((at.y * 160 + at.x) * 4 + 3) as usize] > 40
        };
        assert!(inked(Square::E3) && inked(Square::A1));
        assert!(!inked(Square::H8));
    }
}
