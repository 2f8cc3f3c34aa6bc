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

/// Tiles whose products are held at once, where weights are read by all threads together.
const MOST_TOGETHER: usize = 54;

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

/// The tiles of neighbouring blocks.
pub(super) fn tiles(blocks: &[Values]) -> Range<usize> {
    match blocks {
        [first, .., last] => first.tiles.start..last.tiles.end,
        [block] => block.tiles.clone(),
        [] => 0..0,
    }
}

/// How many of these blocks, whose first is the largest, are multiplied together, so that weights are read seldom and the
/// products of all points stay in the cache.
pub(super) fn together(blocks: &[Values]) -> usize {
    blocks.first().map_or(1, |block| MOST_TOGETHER / block.tiles.len()).max(1)
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

/// Products of some tiles with some panels of weights: point after point a row per tile.
pub(super) struct Products {
    numbers: Buffer<f32>,
    step: usize,
    width: usize,
}

impl Products {
    /// The values of `blocks`, one after the other, times some panels of weights at every point.
    pub(super) fn new(blocks: &[Values], u: &Group<'_>) -> Products {
        let tiles: usize = blocks.iter().map(|block| block.tiles.len()).sum();
        let width = u.panels * u.tile.width();
        let step = tiles * width + GAP;
        let mut products = Products { numbers: Buffer::recycled(POINTS * step), step, width };
        let rows: Vec<_> =
            blocks.iter().map(|block| Gathered::new(&block.numbers, &block.bases, &block.offsets)).collect();
        u.tile.run(Times { blocks, rows: &rows, u, products: &mut products });
        products
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
    blocks: &'a [Values],
    rows: &'a [Gathered<'a>],
    u: &'a Group<'a>,
    products: &'a mut Products,
}

impl Kernel for Times<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let (step, stride) = (self.products.step, self.products.width);
        for (point, to) in self.products.numbers.chunks_exact_mut(step).enumerate() {
            for panel in 0..self.u.panels {
                let weights = self.u.panel(panel);
                let b = &weights[point * weights.len() / POINTS..][..weights.len() / POINTS];
                let mut first = panel * width;
                // All blocks while the panel of this point is near.
                for (block, rows) in self.blocks.iter().zip(self.rows) {
                    let a = rows.over(&block.numbers[point * block.step()..]);
                    let mut tiles = TimesTiles { a, b, to: &mut to[first..], stride };
                    for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..a.rows(), &mut tiles);
                    first += a.rows() * stride;
                }
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
