//! A right-hand matrix in the order the loops read it.

use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Tile, isa};

/// A matrix of `depth` rows cut into panels as wide as a tile; within a panel row after row, the last one padded with
/// zeros.
#[derive(Debug)]
pub(crate) struct Panels {
    tile: Tile,
    depth: usize,
    columns: usize,
    numbers: Buffer<f32>,
}

impl Panels {
    /// Packs a matrix whose number in row k and column j is `numbers[start(k) + j · step]`.
    pub(crate) fn new(
        depth: usize,
        columns: usize,
        numbers: &[f32],
        start: impl Fn(usize) -> usize,
        step: usize,
    ) -> Panels {
        let tile = Tile::new(isa(), columns);
        let width = tile.width();
        let mut packed = Buffer::recycled(columns.div_ceil(width) * depth * width);
        for (panel, packed) in packed.chunks_exact_mut((depth * width).max(1)).enumerate() {
            let first = panel * width;
            let filled = width.min(columns - first);
            for (k, row) in packed.chunks_exact_mut(width).enumerate() {
                let from = &numbers[start(k) + first * step..];
                if step == 1 {
                    row[..filled].copy_from_slice(&from[..filled]);
                } else {
                    row[..filled]
                        .iter_mut()
                        .zip(from.iter().step_by(step))
                        .for_each(|(to, from)| *to = *from);
                }
                row[filled..].fill(0.0);
            }
        }
        Panels { tile, depth, columns, numbers: packed }
    }

    /// The tile for which the matrix was packed; it names the instruction set.
    pub(crate) fn tile(&self) -> Tile {
        self.tile
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns per panel.
    pub(crate) fn width(&self) -> usize {
        self.tile.width()
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.columns.div_ceil(self.width())
    }

    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        let len = self.depth * self.width();
        &self.numbers[panel * len..(panel + 1) * len]
    }
}

/// Puts panels of `width` numbers per row side by side: `stride` numbers per row.
pub(crate) fn side_by_side<T: Copy + Send + Sync>(
    panels: &[T],
    rows: usize,
    width: usize,
    stride: usize,
    to: &mut [T],
) {
    let each = rows.div_ceil(parallel::threads());
    parallel::for_each_chunk(to, each * stride, |index, to| {
        for (row, to) in to.chunks_exact_mut(stride).enumerate() {
            let row = index * each + row;
            for (to, panel) in to.chunks_mut(width).zip(panels.chunks_exact(rows * width)) {
                to.copy_from_slice(&panel[row * width..][..to.len()]);
            }
        }
    });
}
