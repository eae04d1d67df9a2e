//! The client's own drawings: pieces, move hints and badge signs, as vector paths that are rasterised for the size at hand.

use bevy::{
    asset::RenderAssetUsages,
    prelude::*,
    render::render_resource::{Extent3d, TextureDimension, TextureFormat},
};
use protocol::shakmaty::{Color as Side, Piece, Role};
use resvg::{tiny_skia, usvg};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A set of drawings for the pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PieceSet {
    /// Rounded, with light and shade.
    #[default]
    Classic,
    /// Flat and angular, with strong contrasts.
    Bold,
}

impl PieceSet {
    /// All sets.
    pub const ALL: [Self; 2] = [Self::Classic, Self::Bold];

    /// Id of the text that names it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Classic => "pieces-classic",
            Self::Bold => "pieces-bold",
        }
    }
}

/// Body, inner lines and dots of each piece on a canvas of 100 by 100, from pawn to king as [`Role::ALL`] counts them.
type Outlines = [[&'static str; 3]; 6];

/// Flat and angular.
const BOLD: Outlines = [
    // Pawn
    [
        "M50 20 a14 14 0 0 1 9 24.7 L66 50 H60 L66 74 H74 V90 H26 V74 H34 L40 50 H34 L41 44.7 A14 14 0 0 1 50 20 Z",
        "M36 74 H64",
        "",
    ],
    // Knight
    [
        "M34 8 L46 18 H58 L76 34 L80 60 V74 H84 V90 H24 V74 L32 66 L46 50 L32 54 L22 64 L12 56 L22 38 L34 22 Z",
        "M32 74 H80 M60 28 L70 42 L72 62",
        "M38 28 h7 v7 h-7 Z",
    ],
    // Bishop
    [
        "M50 8 L56 16 L72 42 L62 60 L66 74 H78 V90 H22 V74 H34 L38 60 L28 42 L44 16 Z",
        "M38 60 H62 M35 74 H65 M60 28 L51 43",
        "",
    ],
    // Rook
    [
        "M24 14 H38 V24 H44 V14 H56 V24 H62 V14 H76 V38 L66 44 V68 L76 74 V90 H24 V74 L34 68 V44 L24 38 Z",
        "M35 44 H65 M35 69 H65",
        "",
    ],
    // Queen
    [
        "M10 24 L28 48 L30 16 L42 44 L50 10 L58 44 L70 16 L72 48 L90 24 L78 66 V74 H80 V90 H20 V74 H22 V66 Z",
        "M23 66 H77 M23 75 H77",
        "",
    ],
    // King
    [
        "M45 4 H55 V13 H64 V22 H55 V32 H84 L80 58 L74 66 V74 H80 V90 H20 V74 H26 V66 L20 58 L16 32 H45 V22 H36 V13 H45 Z",
        "M50 34 V62 M27 66 H73 M27 75 H73",
        "",
    ],
];

/// Rounded.
const CLASSIC: Outlines = [
    // Pawn
    [
        "M50 17 A12.5 12.5 0 0 1 59.8 37.2 Q65.5 40 66 47 H59 Q60 63 70 71 Q76 76 76 84 V89 H24 V84 Q24 76 30 71 Q40 63 41 47 H34 Q34.5 40 40.2 37.2 A12.5 12.5 0 0 1 50 17 Z",
        "M41 47 H59 M31 78 Q50 72 69 78",
        "",
    ],
    // Knight
    [
        "M25 89 V85 Q25 80 30 78 C31 66 42 61 45 51 C40 56 35 56 30 59 Q25 65 20 63 Q14 61 15 54 C17 46 23 41 26 33 C28 27 32 23 37 20 L36 9 L46 17 Q50 15 53 10 L56 18 C74 24 83 42 80 78 Q84 80 84 85 V89 Z",
        "M30 78 H80 M58 24 C69 32 73 48 71 70 M45 51 Q51 47 51 39",
        "M37 32.5 a2.8 2.8 0 1 0 0.01 0 Z M21.5 53.5 a1.7 1.7 0 1 0 0.01 0 Z",
    ],
    // Bishop
    [
        "M50 8 A6 6 0 0 1 53.6 18.8 C66 29 71 41 66 52 Q64 57 61 60 L64 71 Q79 73 80 84 V89 H20 V84 Q21 73 36 71 L39 60 Q36 57 34 52 C29 41 34 29 46.4 18.8 A6 6 0 0 1 50 8 Z",
        "M39 60 H61 M36 71 H64 M59 29 L50.5 42",
        "",
    ],
    // Rook
    [
        "M25 16 H37 V24 H44 V16 H56 V24 H63 V16 H75 V34 L66 42 L68 68 L75 75 V81 H79 V89 H21 V81 H25 V75 L32 68 L34 42 L25 34 Z",
        "M34 42 H66 M32 68 H68 M25 81 H75",
        "",
    ],
    // Queen
    [
        "M13 31 L28 53 L31 26 L42.5 50 L50 21 L57.5 50 L69 26 L72 53 L87 31 L77 67 Q75 71 78 76 Q80 80 80 84 V89 H20 V84 Q20 80 22 76 Q25 71 23 67 Z M13 21 a5 5 0 1 0 0.01 0 Z M31 15.5 a5 5 0 1 0 0.01 0 Z M50 10.5 a5.2 5.2 0 1 0 0.01 0 Z M69 15.5 a5 5 0 1 0 0.01 0 Z M87 21 a5 5 0 1 0 0.01 0 Z",
        "M24 67 Q50 58 76 67 M23 78 Q50 70 77 78",
        "",
    ],
    // King
    [
        "M46.5 7 H53.5 V13 H60 V20 H53.5 V31 C61 24 76 26 82 36 C88 47 82 58 76 66 L77 76 Q80 80 80 84 V89 H20 V84 Q20 80 23 76 L24 66 C18 58 12 47 18 36 C24 26 39 24 46.5 31 V20 H40 V13 H46.5 Z",
        "M50 34 V61 M24 66 Q50 57 76 66 M23 77 Q50 69 77 77",
        "",
    ],
];

/// The drawing of a piece as an SVG document.
#[must_use]
pub fn piece_svg(set: PieceSet, piece: Piece) -> String {
    let outlines = match set {
        PieceSet::Classic => &CLASSIC,
        PieceSet::Bold => &BOLD,
    };
    let [body, lines, dots] = outlines[piece.role as usize - 1];
    let (top, bottom, edge, inner, width) = match (set, piece.color) {
        (PieceSet::Classic, Side::White) => ("#ffffff", "#e6e1d6", "#34312e", "#5a554f", 3.4),
        (PieceSet::Classic, Side::Black) => ("#55565c", "#35363b", "#131417", "#c9ccd3", 3.4),
        (PieceSet::Bold, Side::White) => ("#ffffff", "#ffffff", "#000000", "#000000", 5.0),
        (PieceSet::Bold, Side::Black) => ("#101114", "#101114", "#f4f4f4", "#f4f4f4", 3.0),
    };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/></linearGradient></defs>
<path d="{body}" fill="url(#g)" stroke="{edge}" stroke-width="{width}" stroke-linejoin="round"/>
<path d="{lines}" fill="none" stroke="{inner}" stroke-width="2.4" stroke-linecap="round"/>
<path d="{dots}" fill="{inner}" stroke="none"/></svg>"##
    )
}

/// Signs that are drawn rather than written, so that no font has to have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A legal move to an empty square.
    Dot,
    /// A legal capture.
    Ring,
    /// The king is in check.
    Glow,
    /// Verified: a tick.
    Tick,
    /// Invalid: a cross in an octagon.
    Cross,
    /// Not checked: a question mark.
    Question,
    /// Being proven: an open ring.
    Work,
    /// Being checked: a magnifying glass.
    Glass,
    /// Little time is left: an hourglass.
    Hourglass,
    /// The square of the keyboard's cursor: a frame.
    Frame,
}

impl Sign {
    const ALL: [Self; 10] = [
        Self::Dot,
        Self::Ring,
        Self::Glow,
        Self::Tick,
        Self::Cross,
        Self::Question,
        Self::Work,
        Self::Glass,
        Self::Hourglass,
        Self::Frame,
    ];

    fn svg(self) -> String {
        let content = match self {
            Self::Dot => r##"<circle cx="50" cy="50" r="15" fill="#22314a" fill-opacity="0.34"/>"##,
            Self::Ring => {
                r##"<circle cx="50" cy="50" r="44.5" fill="none" stroke="#22314a" stroke-opacity="0.36" stroke-width="9"/>"##
            }
            Self::Glow => {
                r##"<defs><radialGradient id="r"><stop offset="0" stop-color="#ff2a2a"/><stop offset="0.4" stop-color="#f02222" stop-opacity="0.85"/><stop offset="1" stop-color="#b00000" stop-opacity="0"/></radialGradient></defs><rect width="100" height="100" fill="url(#r)"/>"##
            }
            Self::Tick => {
                r##"<path d="M12 54 L39 80 L88 22" fill="none" stroke="#63c174" stroke-width="17" stroke-linecap="round" stroke-linejoin="round"/>"##
            }
            Self::Cross => {
                r##"<path d="M31 4 H69 L96 31 V69 L69 96 H31 L4 69 V31 Z" fill="#e5575b"/><path d="M31 31 L69 69 M69 31 L31 69" stroke="#ffffff" stroke-width="13" stroke-linecap="round"/>"##
            }
            Self::Question => {
                r##"<path d="M50 4 L97 50 L50 96 L3 50 Z" fill="none" stroke="#e3aa45" stroke-width="8" stroke-linejoin="round"/><path d="M37 40 Q38 27 50 27 Q63 27 63 39 Q63 47 55 50 Q50 53 50 59" fill="none" stroke="#e3aa45" stroke-width="9" stroke-linecap="round"/><circle cx="50" cy="72" r="5.5" fill="#e3aa45"/>"##
            }
            Self::Work => {
                r##"<circle cx="50" cy="50" r="38" fill="none" stroke="#74a9ee" stroke-width="13" stroke-dasharray="160 79" stroke-linecap="round"/>"##
            }
            Self::Glass => {
                r##"<circle cx="41" cy="41" r="29" fill="none" stroke="#74a9ee" stroke-width="13"/><path d="M63 63 L88 88" stroke="#74a9ee" stroke-width="16" stroke-linecap="round"/>"##
            }
            Self::Hourglass => {
                r##"<path d="M18 8 H82 V16 Q82 34 58 50 Q82 66 82 84 V92 H18 V84 Q18 66 42 50 Q18 34 18 16 Z" fill="none" stroke="#ffd0d0" stroke-width="9" stroke-linejoin="round"/><path d="M30 84 Q32 70 50 62 Q68 70 70 84 Z" fill="#ffd0d0"/>"##
            }
            Self::Frame => {
                r##"<rect x="4" y="4" width="92" height="92" rx="6" fill="none" stroke="#ffffff" stroke-width="8"/><rect x="4" y="4" width="92" height="92" rx="6" fill="none" stroke="#1b3fae" stroke-width="4"/>"##
            }
        };
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{content}</svg>"#)
    }
}

/// Draws an SVG document on a square of `size` pixels; `None` if it can't be read.
#[must_use]
pub fn rasterise(svg: &str, size: u32) -> Option<Vec<u8>> {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).ok()?;
    let mut pixmap = tiny_skia::Pixmap::new(size, size)?;
    let scale = size as f32 / tree.size().width();
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    Some(
        pixmap
            .pixels()
            .iter()
            .flat_map(|pixel| {
                let pixel = pixel.demultiply();
                [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
            })
            .collect(),
    )
}

/// An SVG document as an image of `size` by `size` pixels.
pub(crate) fn image(svg: &str, size: u32) -> Option<Image> {
    Some(Image::new(
        Extent3d { width: size, height: size, depth_or_array_layers: 1 },
        TextureDimension::D2,
        rasterise(svg, size)?,
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::default(),
    ))
}

/// Handles of all drawings; the images behind them change with the size of the board.
#[derive(Resource, Debug, Default)]
pub struct Art {
    pieces: HashMap<Piece, Handle<Image>>,
    signs: HashMap<Sign, Handle<Image>>,
    /// Side of a square in physical pixels that the pieces are drawn for, and the set they are of.
    drawn: Option<(u32, PieceSet)>,
}

/// Side of the small signs in physical pixels.
const SIGN_PX: u32 = 48;

impl Art {
    /// The image of a piece.
    #[must_use]
    pub fn piece(&self, piece: Piece) -> Handle<Image> {
        self.pieces.get(&piece).cloned().unwrap_or_default()
    }

    /// The image of a sign.
    #[must_use]
    pub fn sign(&self, sign: Sign) -> Handle<Image> {
        self.signs.get(&sign).cloned().unwrap_or_default()
    }

    /// Draws everything for squares of `tile_px` physical pixels; does nothing if it is drawn so already.
    pub fn draw(&mut self, tile_px: u32, set: PieceSet, images: &mut Assets<Image>) {
        if self.drawn == Some((tile_px, set)) {
            return;
        }
        self.drawn = Some((tile_px, set));
        for color in [Side::White, Side::Black] {
            for role in Role::ALL {
                let piece = Piece { color, role };
                put(self.pieces.entry(piece).or_default(), image(&piece_svg(set, piece), tile_px), images);
            }
        }
        for sign in Sign::ALL {
            let size = if matches!(sign, Sign::Dot | Sign::Ring | Sign::Glow | Sign::Frame) {
                tile_px
            } else {
                SIGN_PX
            };
            put(self.signs.entry(sign).or_default(), image(&sign.svg(), size), images);
        }
    }
}

/// Puts an image behind a handle; a handle without an image gets a new one.
fn put(handle: &mut Handle<Image>, image: Option<Image>, images: &mut Assets<Image>) {
    let Some(image) = image else { return };
    if *handle == Handle::default() || images.insert(handle.id(), image.clone()).is_err() {
        *handle = images.add(image);
    }
}

/// Makes the drawings at start; the board asks for other sizes.
#[derive(Debug)]
pub struct ArtPlugin;

impl Plugin for ArtPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Art>();
    }

    fn finish(&self, app: &mut App) {
        app.world_mut().resource_scope(|world, mut art: Mut<'_, Art>| {
            art.draw(80, PieceSet::default(), &mut world.resource_mut::<Assets<Image>>());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drawing_has_ink() {
        for set in PieceSet::ALL {
            for color in [Side::White, Side::Black] {
                for role in Role::ALL {
                    let pixels = rasterise(&piece_svg(set, Piece { color, role }), 64).unwrap();
                    let inked = pixels.chunks_exact(4).filter(|pixel| pixel[3] > 200).count();
                    assert!((400..3_000).contains(&inked), "{set:?} {color:?} {role:?}: {inked} pixels");
                }
            }
        }
        for sign in Sign::ALL {
            let pixels = rasterise(&sign.svg(), 64).unwrap();
            assert!(pixels.chunks_exact(4).any(|pixel| pixel[3] > 60), "{sign:?}");
        }
    }
}
