//! Kernels at the 36 points, and the way back for their gradients.

use super::DEEP;
use super::points::{self, SIDE, TAPS};
use super::values::POINTS;
use crate::conv2d::Geometry;
use crate::gemm::WIDEST;
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Kernel, Simd, Tile, isa};
use std::ops::Range;

/// Which of the kernel's axes the products run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Over input channels, as the output wants it.
    Forward,
    /// Over output channels, as the gradient of the pictures wants it.
    Transposed,
}

/// A kernel at the 36 points in the order in which the products read it: panels of columns, in a panel point after point,
/// at a point row after row.
#[derive(Debug)]
pub(in crate::conv2d) struct Transformed {
    tile: Tile,
    direction: Direction,
    depth: usize,
    columns: usize,
    numbers: Buffer<f32>,
}

impl Transformed {
    pub(in crate::conv2d) fn forward(g: &Geometry, kernel: &[f32]) -> Transformed {
        Transformed::new(g, kernel, Direction::Forward)
    }

    pub(in crate::conv2d) fn transposed(g: &Geometry, kernel: &[f32]) -> Transformed {
        Transformed::new(g, kernel, Direction::Transposed)
    }

    fn new(g: &Geometry, kernel: &[f32], direction: Direction) -> Transformed {
        let (depth, columns) = match direction {
            Direction::Forward => (g.in_channels, g.out_channels),
            Direction::Transposed => (g.out_channels, g.in_channels),
        };
        let tile = Tile::new(isa(), columns);
        let len = POINTS * depth * tile.width();
        let mut numbers = Buffer::recycled(columns.div_ceil(tile.width()) * len);
        parallel::for_each_chunk(&mut numbers, len, |panel, numbers| {
            write_panel(g, kernel, direction, tile, panel, numbers);
        });
        Transformed { tile, direction, depth, columns, numbers }
    }

    /// # Panics
    /// When it was made for another direction or other channels.
    pub(super) fn check(&self, g: &Geometry, direction: Direction) {
        let expected = match direction {
            Direction::Forward => [g.in_channels, g.out_channels],
            Direction::Transposed => [g.out_channels, g.in_channels],
        };
        assert_eq!((direction, expected), (self.direction, [self.depth, self.columns]), "a kernel packed so");
    }

    pub(super) fn tile(&self) -> Tile {
        self.tile
    }

    pub(super) fn panels(&self) -> usize {
        self.columns.div_ceil(self.tile.width())
    }

    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let len = POINTS * self.depth * self.tile.width();
        &self.numbers[panel * len..][..len]
    }

    /// Panels that the products run over together: where the values of a block leave the second-level cache, as many
    /// as share their way through the first-level one.
    pub(super) fn groups(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let together = if self.depth > DEEP { WIDEST / self.tile.width() } else { 1 };
        let panels = self.panels();
        (0..panels).step_by(together).map(move |first| first..panels.min(first + together))
    }

    /// The first column of some panels, and how many columns there are.
    pub(super) fn filled(&self, panels: &Range<usize>) -> (usize, usize) {
        let first = panels.start * self.tile.width();
        (first, (panels.end * self.tile.width()).min(self.columns) - first)
    }

    pub(super) fn bytes(&self) -> usize {
        self.numbers.len() * size_of::<f32>()
    }
}

/// Transforms the columns of one panel.
fn write_panel(g: &Geometry, kernel: &[f32], direction: Direction, tile: Tile, panel: usize, to: &mut [f32]) {
    let (inputs, outputs) = (g.in_channels, g.out_channels);
    let first = panel * tile.width();
    match direction {
        Direction::Forward => {
            let filled = tile.width().min(outputs - first);
            let taps = &kernel[first..];
            tile.run(TransformKernel { taps, depth: inputs, row: outputs, filled, to });
        }
        Direction::Transposed => {
            let filled = tile.width().min(inputs - first);
            let mut taps = Buffer::recycled(TAPS * TAPS * outputs * filled);
            for (tap, taps) in taps.chunks_exact_mut(outputs * filled).enumerate() {
                for column in 0..filled {
                    let from = &kernel[(tap * inputs + first + column) * outputs..][..outputs];
                    taps[column..].iter_mut().step_by(filled).zip(from).for_each(|(to, from)| *to = *from);
                }
            }
            tile.run(TransformKernel { taps: &taps, depth: outputs, row: filled, filled, to });
        }
    }
}

/// G g Gᵀ for `depth` rows of `filled` columns; `row` numbers from row to row of `taps`, and tap after tap.
struct TransformKernel<'a> {
    taps: &'a [f32],
    depth: usize,
    row: usize,
    filled: usize,
    to: &'a mut [f32],
}

impl Kernel for TransformKernel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let zero = simd.splat(0.0);
        for c in 0..self.depth {
            for v in 0..VECTORS {
                let mut half = [[zero; TAPS]; SIDE];
                if v * S::LANES < self.filled {
                    for column in 0..TAPS {
                        let mut taps = [zero; TAPS];
                        for (row, tap) in taps.iter_mut().enumerate() {
                            let start = ((row * TAPS + column) * self.depth + c) * self.row + v * S::LANES;
                            *tap = simd.load(&self.taps[start..]);
                        }
                        let values = points::kernel(simd, taps);
                        for (half, value) in half.iter_mut().zip(values) {
                            half[column] = value;
                        }
                    }
                }
                for (row, half) in half.into_iter().enumerate() {
                    let values = points::kernel(simd, half);
                    for (column, value) in values.into_iter().enumerate() {
                        let point = row * SIDE + column;
                        let start = (point * self.depth + c) * width + v * S::LANES;
                        simd.store(value, &mut self.to[start..]);
                    }
                }
            }
        }
    }
}

/// `dkernel = Gᵀ dU G` for the rows (input channels) from `first` on: `sums` `[36, rows, columns]`, `taps` nine pieces
/// `[rows, columns]`.
pub(super) fn kernel_gradient(columns: usize, sums: &[f32], first: usize, taps: &mut [&mut [f32]]) {
    Tile::new(isa(), columns).run(TransformGradient { columns, sums, first, taps });
}

struct TransformGradient<'a, 'b> {
    columns: usize,
    sums: &'a [f32],
    first: usize,
    taps: &'a mut [&'b mut [f32]],
}

impl Kernel for TransformGradient<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let zero = simd.splat(0.0);
        let step = self.sums.len() / POINTS;
        let start = self.first * self.columns;
        for place in (0..self.taps[0].len()).step_by(S::LANES) {
            let mut half = [[zero; SIDE]; TAPS];
            for column in 0..SIDE {
                let mut sums = [zero; SIDE];
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.load(&self.sums[(row * SIDE + column) * step + start + place..]);
                }
                let values = points::kernel_transposed(simd, sums);
                for (half, value) in half.iter_mut().zip(values) {
                    half[column] = value;
                }
            }
            for (row, half) in half.into_iter().enumerate() {
                let values = points::kernel_transposed(simd, half);
                for (column, value) in values.into_iter().enumerate() {
                    simd.store(value, &mut self.taps[row * TAPS + column][place..]);
                }
            }
        }
    }
}
