//! What lies between the transforms: values of a block of tiles at the 36 points, and their products with weights.

use super::points::SIDE;
use super::weights::Group;
use crate::gemm::{
    Gathered, Rows, counting, for_each_tile, load_tile, product, store_tile, transposed_product,
};
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
    numbers: Buffer<f32>,
}

impl Values {
    /// Room for the values of `tiles`, to be written by a transform.
    pub(super) fn new(tiles: Range<usize>, channels: usize, width: usize) -> Values {
        let numbers = Buffer::recycled(POINTS * (tiles.len() * channels.next_multiple_of(width) + GAP));
        Values { tiles, channels, width, numbers }
    }

    /// From one point to the next.
    pub(super) fn step(&self) -> usize {
        self.numbers.len() / POINTS
    }

    /// Where the vector of tile `row` of the block that starts with `channel` lies.
    #[inline(always)]
    pub(super) fn place(&self, row: usize, channel: usize) -> usize {
        let panel = channel / self.width;
        (panel * self.tiles.len() + row) * self.width + channel % self.width
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }

    fn bases(&self) -> Buffer<u32> {
        counting(self.tiles.len(), self.width)
    }

    fn offsets(&self) -> Buffer<u32> {
        let mut offsets = counting(self.channels, 1);
        offsets.iter_mut().enumerate().for_each(|(c, offset)| *offset = self.place(0, c) as u32);
        offsets
    }

    /// At every point the values times some panels of weights; `products` is overwritten.
    pub(super) fn times(&self, u: &Group<'_>, products: &mut Products) {
        let (bases, offsets) = (self.bases(), self.offsets());
        products.width = u.panels * u.tile.width();
        products.step = self.tiles.len() * products.width + GAP;
        let a = Gathered::new(&self.numbers, &bases, &offsets);
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
        let (bases, offsets) = (self.bases(), self.offsets());
        tile.run(AccumulateProducts {
            a: Gathered::new(&self.numbers, &bases, &offsets),
            from: &self.numbers,
            step: self.step(),
            d: others,
            points,
            from_zero,
            sums,
        });
    }
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
                    d: &self.d.numbers[start..][..panel],
                    sums: &mut sums[first..],
                    stride: columns,
                    filled: self.d.width.min(columns - first),
                    from_zero: self.from_zero,
                };
                for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..rows, &mut tiles);
            }
        }
    }
}

struct AccumulateTiles<'a> {
    a: Gathered<'a>,
    d: &'a [f32],
    sums: &'a mut [f32],
    stride: usize,
    filled: usize,
    from_zero: bool,
}

impl Rows for AccumulateTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let mut starts = [first * self.stride; ROWS];
        for (row, start) in starts.iter_mut().enumerate() {
            *start += row * self.stride;
        }
        let sums = if self.from_zero {
            [[simd.splat(0.0); VECTORS]; ROWS]
        } else {
            load_tile(simd, self.sums, &starts, self.filled)
        };
        let mut offsets = [0; ROWS];
        offsets.copy_from_slice(&self.a.offsets()[first..first + ROWS]);
        let sums = transposed_product(simd, &self.a, &offsets, self.d, sums);
        store_tile(simd, &sums, self.sums, &starts, self.filled);
    }
}
