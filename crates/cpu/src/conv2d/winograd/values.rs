//! What lies between the transforms: values of a block of tiles at the 36 points, and their products with weights.

use super::points::SIDE;
use super::weights::Group;
use crate::gemm::{AccumulateTiles, Gathered, Rows, counting, for_each_tile, product};
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile};
use std::ops::Range;

/// Points of a tile.
pub(super) const POINTS: usize = SIDE * SIDE;

/// Numbers between the points, so that 36 stores one point apart do not fall into the same set of the cache.
const GAP: usize = 16;

/// The values of some tiles at all points: point after point a matrix of a row per tile and a column per channel.
///
/// The columns lie in panels of `width`, tile after tile within a panel, as the loop of a kernel's gradient reads them.
pub(super) struct Values {
    pub(super) tiles: Range<usize>,
    pub(super) channels: usize,
    width: usize,
    /// Where the rows and the columns of a point's matrix lie.
    bases: Buffer<u32>,
    offsets: Buffer<u32>,
    numbers: Buffer<f32>,
}

impl Values {
    /// Room for the values of `tiles`, to be written by a transform.
    pub(super) fn new(tiles: Range<usize>, channels: usize, width: usize) -> Values {
        let numbers = Buffer::recycled(POINTS * (tiles.len() * channels.next_multiple_of(width) + GAP));
        let mut offsets = counting(channels, 1);
        for (channel, offset) in offsets.iter_mut().enumerate() {
            *offset = place(tiles.len(), width, 0, channel) as u32;
        }
        Values { bases: counting(tiles.len(), width), offsets, tiles, channels, width, numbers }
    }

    /// From one point to the next.
    pub(super) fn step(&self) -> usize {
        self.numbers.len() / POINTS
    }

    /// Where the vector of tile `row` of the block that starts with `channel` lies.
    #[inline(always)]
    pub(super) fn place(&self, row: usize, channel: usize) -> usize {
        place(self.tiles.len(), self.width, row, channel)
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }

    /// At every point the values times some panels of weights; `products` is overwritten.
    pub(super) fn times(&self, u: &Group<'_>, products: &mut Products) {
        products.width = u.panels * u.tile.width();
        products.step = self.tiles.len() * products.width + GAP;
        let a = Gathered::new(&self.numbers, &self.bases, &self.offsets);
        u.tile.run(Times { a, from: &self.numbers, step: self.step(), u, products });
    }

    /// Adds, at each of `points`, the transpose of the values times `others` to `sums`, which holds those points only. Each
    /// number goes on as one chain over the tiles in order.
    pub(super) fn accumulate(
        &self,
        tile: Tile,
        others: &Values,
        points: Range<usize>,
        from_zero: bool,
        sums: &mut [f32],
    ) {
        tile.run(AccumulateProducts {
            a: Gathered::new(&self.numbers, &self.bases, &self.offsets),
            from: &self.numbers,
            step: self.step(),
            d: others,
            points,
            from_zero,
            sums,
        });
    }
}

/// Where a number of tile `row` lies in panels of `width` channels, `tiles` tiles each.
#[inline(always)]
fn place(tiles: usize, width: usize, row: usize, channel: usize) -> usize {
    (channel / width * tiles + row) * width + channel % width
}

/// From one point to the next in the sums over tiles of a kernel's gradient.
pub(super) fn sums_step(in_channels: usize, out_channels: usize) -> usize {
    in_channels * out_channels + GAP
}

/// Products of a block of tiles with a panel of weights: point after point a row per tile.
pub(super) struct Products {
    numbers: Buffer<f32>,
    step: usize,
    width: usize,
}

impl Products {
    /// Room for `tiles` tiles and `columns` columns.
    pub(super) fn new(tiles: usize, columns: usize) -> Products {
        let step = tiles * columns + GAP;
        Products { numbers: Buffer::recycled(POINTS * step), step, width: columns }
    }

    pub(super) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// From one point to the next.
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// From one tile to the next.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

struct Times<'a> {
    a: Gathered<'a>,
    from: &'a [f32],
    step: usize,
    u: &'a Group<'a>,
    products: &'a mut Products,
}

impl Kernel for Times<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let weights = self.a.offsets().len() * width;
        for point in 0..POINTS {
            let a = self.a.over(&self.from[point * self.step..]);
            for panel in 0..self.u.panels {
                let mut tiles = TimesTiles {
                    a,
                    b: &self.u.panel(panel)[point * weights..][..weights],
                    to: &mut self.products.numbers[point * self.products.step + panel * width..],
                    stride: self.products.width,
                };
                for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..self.a.rows(), &mut tiles);
            }
        }
    }
}

struct TimesTiles<'a> {
    a: Gathered<'a>,
    b: &'a [f32],
    to: &'a mut [f32],
    stride: usize,
}

impl Rows for TimesTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let sums = product(simd, &self.a, first, self.b, [[simd.splat(0.0); VECTORS]; ROWS]);
        for (row, sums) in sums.into_iter().enumerate() {
            let to = &mut self.to[(first + row) * self.stride..][..VECTORS * S::LANES];
            for (v, sum) in sums.into_iter().enumerate() {
                simd.store(sum, &mut to[v * S::LANES..]);
            }
        }
    }
}

struct AccumulateProducts<'a> {
    a: Gathered<'a>,
    from: &'a [f32],
    step: usize,
    d: &'a Values,
    points: Range<usize>,
    from_zero: bool,
    sums: &'a mut [f32],
}

impl Kernel for AccumulateProducts<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let (rows, columns) = (self.a.offsets().len(), self.d.channels);
        assert_eq!(self.d.width, VECTORS * S::LANES, "panels as wide as the tile");
        let panel = self.d.tiles.len() * self.d.width;
        let each = sums_step(rows, columns);
        for (point, sums) in self.points.zip(self.sums.chunks_exact_mut(each)) {
            for first in (0..columns).step_by(self.d.width) {
                let start = point * self.d.step() + first / self.d.width * panel;
                let mut tiles = AccumulateTiles {
                    a: self.a.over(&self.from[point * self.step..]),
                    start: 0,
                    d: &self.d.numbers[start..][..panel],
                    c: &mut sums[first..],
                    stride: columns,
                    filled: self.d.width.min(columns - first),
                    from_zero: self.from_zero,
                };
                for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..rows, &mut tiles);
            }
        }
    }
}
