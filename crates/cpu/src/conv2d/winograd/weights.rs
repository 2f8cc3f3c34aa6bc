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
pub(in crate::conv2d) enum Direction {
    /// Over input channels, as the output wants it.
    Forward,
    /// Over output channels, as the gradient of the pictures wants it.
    Transposed,
}

/// A kernel at the 36 points in the order in which the products read it: panels of columns, in a panel point after point,
/// at a point row after row.
#[derive(Debug)]
pub(in crate::conv2d) struct Transformed {
    g: Geometry,
    direction: Direction,
    tile: Tile,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    /// All panels, for many uses.
    Panels(Buffer<f32>),
    /// The kernel as it is; each panel is made where it is used, once per turn.
    Kernel(Buffer<f32>),
}

/// Panels that the products run over together.
pub(super) struct Group<'a> {
    /// The first column, and how many columns there are.
    pub(super) column: usize,
    pub(super) filled: usize,
    pub(super) tile: Tile,
    pub(super) panels: usize,
    numbers: Held<'a>,
}

enum Held<'a> {
    Lent(&'a [f32]),
    Made(Buffer<f32>),
}

impl Group<'_> {
    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let numbers = match &self.numbers {
            Held::Lent(numbers) => numbers,
            Held::Made(numbers) => &numbers[..],
        };
        let len = numbers.len() / self.panels;
        &numbers[panel * len..][..len]
    }
}

impl Transformed {
    /// All panels at once.
    pub(in crate::conv2d) fn new(g: &Geometry, kernel: &[f32], direction: Direction) -> Transformed {
        let mut transformed = Transformed::for_one_use(g, &[], direction);
        let len = transformed.panel_len();
        let mut numbers = Buffer::recycled(transformed.panels() * len);
        parallel::for_each_chunk(&mut numbers, len, |panel, numbers| {
            write_panel(g, kernel, direction, transformed.tile, panel, numbers);
        });
        transformed.numbers = Numbers::Panels(numbers);
        transformed
    }

    /// A copy of the kernel, a quarter of the size, whose panels are made one by one.
    pub(in crate::conv2d) fn for_one_use(g: &Geometry, kernel: &[f32], direction: Direction) -> Transformed {
        let tile = Tile::new(isa(), direction.sizes(g)[1]);
        Transformed { g: *g, direction, tile, numbers: Numbers::Kernel(Buffer::copied(kernel)) }
    }

    /// # Panics
    /// When it was made for another direction or other channels.
    pub(super) fn check(&self, g: &Geometry, direction: Direction) {
        let channels = |g: &Geometry| [g.in_channels, g.out_channels];
        assert_eq!((direction, channels(g)), (self.direction, channels(&self.g)), "a kernel packed so");
    }

    pub(super) fn tile(&self) -> Tile {
        self.tile
    }

    /// Whether every look at a panel makes it.
    pub(super) fn is_for_one_use(&self) -> bool {
        matches!(self.numbers, Numbers::Kernel(_))
    }

    /// Groups of panels: where the values of a block leave the second-level cache, as many as share their way through the
    /// first-level one.
    pub(super) fn groups(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [depth, _] = self.direction.sizes(&self.g);
        let together = if depth > DEEP { WIDEST / self.tile.width() } else { 1 };
        let panels = self.panels();
        (0..panels).step_by(together).map(move |first| first..panels.min(first + together))
    }

    pub(super) fn group(&self, panels: Range<usize>) -> Group<'_> {
        let (tile, len) = (self.tile, self.panel_len());
        let [_, columns] = self.direction.sizes(&self.g);
        let column = panels.start * tile.width();
        let filled = (panels.end * tile.width()).min(columns) - column;
        let numbers = match &self.numbers {
            Numbers::Panels(numbers) => Held::Lent(&numbers[panels.start * len..panels.end * len]),
            Numbers::Kernel(kernel) => {
                let mut numbers = Buffer::recycled(panels.len() * len);
                for (panel, numbers) in panels.clone().zip(numbers.chunks_exact_mut(len)) {
                    write_panel(&self.g, kernel, self.direction, tile, panel, numbers);
                }
                Held::Made(numbers)
            }
        };
        Group { column, filled, tile, panels: panels.len(), numbers }
    }

    /// Bytes of all panels together.
    pub(super) fn bytes(&self) -> usize {
        self.panels() * self.panel_len() * size_of::<f32>()
    }

    fn panels(&self) -> usize {
        self.direction.sizes(&self.g)[1].div_ceil(self.tile.width())
    }

    fn panel_len(&self) -> usize {
        POINTS * self.direction.sizes(&self.g)[0] * self.tile.width()
    }
}

impl Direction {
    /// Rows and columns of the weights at a point.
    fn sizes(self, g: &Geometry) -> [usize; 2] {
        match self {
            Direction::Forward => [g.in_channels, g.out_channels],
            Direction::Transposed => [g.out_channels, g.in_channels],
        }
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
