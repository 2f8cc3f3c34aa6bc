//! Which pixels belong to which tile.

use super::points::OUTPUTS;
use std::ops::Range;

/// The tiles of 4×4 outputs that cover pictures of `rows` × `columns` outputs, numbered row by row, picture by picture.
/// Those at the lower and right edge may hang over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Tiles one below the other.
    pub(super) down: usize,
    /// Tiles side by side.
    pub(super) across: usize,
}

/// Where a tile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) picture: usize,
    /// The first row and column of its outputs.
    pub(super) row: usize,
    pub(super) column: usize,
    /// How many of its rows and columns lie in the picture.
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Grid {
    pub(super) fn new([rows, columns]: [usize; 2]) -> Grid {
        Grid { rows, columns, down: rows.div_ceil(OUTPUTS), across: columns.div_ceil(OUTPUTS) }
    }

    /// Tiles of one picture.
    pub(super) fn tiles(&self) -> usize {
        self.down * self.across
    }

    /// Where tile `tile` lies.
    #[inline(always)]
    pub(super) fn place(&self, tile: usize) -> Place {
        let (line, column) = (tile / self.across, tile % self.across * OUTPUTS);
        let (picture, row) = (line / self.down, line % self.down * OUTPUTS);
        let height = OUTPUTS.min(self.rows - row);
        let width = OUTPUTS.min(self.columns - column);
        Place { picture, row, column, height, width }
    }
}

/// Cuts `tiles` into as few ranges of at most `most` as possible, of nearly equal size, each but the last a multiple of
/// `multiple`, so that the rows of the tiles in registers are used.
pub(super) fn blocks(
    tiles: Range<usize>,
    most: usize,
    multiple: usize,
) -> impl Iterator<Item = Range<usize>> {
    let count = tiles.len().div_ceil(most.max(1)).max(1);
    let each = tiles.len().div_ceil(count).next_multiple_of(multiple);
    let (start, end) = (tiles.start, tiles.end);
    (start..end).step_by(each.max(1)).map(move |first| first..end.min(first + each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_output_once() {
        for (rows, columns) in [(1, 1), (4, 4), (5, 9), (11, 2), (13, 13)] {
            let grid = Grid::new([rows, columns]);
            let mut seen = vec![0; 3 * rows * columns];
            for place in (0..3 * grid.tiles()).map(|tile| grid.place(tile)) {
                for row in place.row..place.row + place.height {
                    for column in place.column..place.column + place.width {
                        seen[(place.picture * rows + row) * columns + column] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{rows} × {columns}");
        }
    }

    #[test]
    fn blocks_follow_one_another_and_keep_to_the_most() {
        for (tiles, most, multiple) in
            [(0..0, 24, 6), (0..72, 48, 6), (5..106, 24, 6), (0..8, 48, 6), (0..5, 3, 1)]
        {
            let blocks: Vec<_> = blocks(tiles.clone(), most, multiple).collect();
            assert!(blocks.iter().flat_map(Clone::clone).eq(tiles.clone()));
            assert!(blocks.iter().all(|block| block.len() <= most.next_multiple_of(multiple)));
            assert!(blocks.iter().rev().skip(1).all(|block| block.len() % multiple == 0));
        }
    }
}
