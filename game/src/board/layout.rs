//! Where the board lies in the window, and which square a position in the window is.

use bevy::prelude::*;
use protocol::shakmaty::{File, Rank, Square};

/// Width of the side panel in logical pixels.
pub const PANEL_WIDTH: f32 = 372.0;

/// Space around board and panel in logical pixels.
pub const MARGIN: f32 = 18.0;

/// Smallest board that is drawn, in logical pixels.
const MIN_SIDE: f32 = 160.0;

/// Place and size of the board, in logical pixels of the window.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct BoardLayout {
    /// Upper left corner.
    pub origin: Vec2,
    /// Side of one square.
    pub tile: f32,
    /// Whether Black is below.
    pub flipped: bool,
}

impl Default for BoardLayout {
    fn default() -> Self {
        Self::fit(Vec2::new(1180.0, 800.0), 1.0, false)
    }
}

impl BoardLayout {
    /// The board as large as a window of this size allows, every square a whole number of physical pixels.
    #[must_use]
    pub fn fit(window: Vec2, scale_factor: f32, flipped: bool) -> Self {
        let room = Vec2::new(window.x - PANEL_WIDTH - 3.0 * MARGIN, window.y - 2.0 * MARGIN);
        let side = room.min_element().max(MIN_SIDE);
        let tile = (side * scale_factor / 8.0).floor() / scale_factor;
        let side = 8.0 * tile;
        let left = MARGIN + ((room.x - side) / 2.0).max(0.0);
        let top = ((window.y - side) / 2.0).max(MARGIN);
        let whole = |value: f32| (value * scale_factor).round() / scale_factor;
        Self { origin: Vec2::new(whole(left), whole(top)), tile, flipped }
    }

    /// Side of the board.
    #[must_use]
    pub fn side(&self) -> f32 {
        8.0 * self.tile
    }

    /// The square at a position in the window, `None` outside the board.
    #[must_use]
    pub fn square_at(&self, position: Vec2) -> Option<Square> {
        let cell = ((position - self.origin) / self.tile).floor();
        let inside = cell.cmpge(Vec2::ZERO).all() && cell.cmplt(Vec2::splat(8.0)).all();
        inside.then(|| self.square_of_cell(cell.x as u32, cell.y as u32))
    }

    /// The square drawn in a column (from the left) and row (from above), both below 8.
    #[must_use]
    pub fn square_of_cell(&self, column: u32, row: u32) -> Square {
        let (file, rank) =
            if self.flipped { (7 - (column & 7), row & 7) } else { (column & 7, 7 - (row & 7)) };
        Square::from_coords(File::new(file), Rank::new(rank))
    }

    /// Column and row in which a square is drawn.
    #[must_use]
    pub fn cell_of(&self, square: Square) -> (u32, u32) {
        let (file, rank) = (u32::from(square.file()), u32::from(square.rank()));
        if self.flipped { (7 - file, rank) } else { (file, 7 - rank) }
    }

    /// Middle of a square in the window.
    #[must_use]
    pub fn centre_of(&self, square: Square) -> Vec2 {
        let (column, row) = self.cell_of(square);
        self.origin + Vec2::new(column as f32 + 0.5, row as f32 + 0.5) * self.tile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_and_positions_agree() {
        for flipped in [false, true] {
            for (window, scale) in [(Vec2::new(1180.0, 800.0), 1.0), (Vec2::new(901.0, 641.0), 1.5)] {
                let layout = BoardLayout::fit(window, scale, flipped);
                for square in Square::ALL {
                    assert_eq!(layout.square_at(layout.centre_of(square)), Some(square));
                }
                assert_eq!(layout.square_at(layout.origin - 1.0), None);
                assert_eq!(layout.square_at(layout.origin + layout.side() + 1.0), None);
                assert!((layout.tile * scale).fract() < 1e-3);
            }
        }
        let layout = BoardLayout::default();
        assert_eq!(layout.square_of_cell(0, 7), Square::A1);
    }
}
