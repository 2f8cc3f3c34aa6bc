//! The loop under kernel gradients: the transpose of a gathered matrix times a matrix with as many rows.

use super::Gathered;
use super::rows::{Rows, for_each_tile, load_row, load_tile, store_row, store_tile};
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// `c += aᵀ · d`: for each column k of `a` in `range` a row of `c`, one chain over the rows of `a` and `d` in order that
/// goes on from what `c` holds. So a sum may be made in as many pieces as one likes; its bits are the same.
pub(crate) struct Accumulate<'a> {
    pub(crate) a: Gathered<'a>,
    pub(crate) range: Range<usize>,
    /// As many rows as `a`, `columns` each.
    pub(crate) d: &'a [f32],
    pub(crate) columns: usize,
    /// A row of `columns` per number in `range`.
    pub(crate) c: &'a mut [f32],
    /// Whether the sums start from zero, whatever `c` holds.
    pub(crate) from_zero: bool,
}

/// Rows of `c` that all columns of `d` pass by together: of a large `c`, a tile's columns alone would touch every page.
/// A multiple of the rows of every tile. 20×6272×512 takes 2.0 ms instead of 4.7 (Zen 3), 13×13 with 32 → 64 channels the same.
const BLOCK: usize = 96;

impl Kernel for Accumulate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let rows = self.a.rows();
        assert!(self.d.len() >= rows * self.columns, "fewer gradients than windows");
        if rows == 0 {
            return;
        }
        // The columns of a tile are copied together: with all other columns between them they would fall into few sets of
        // the first-level cache and drive each other out.
        let mut copy: Option<Buffer<f32>> = None;
        if self.columns != width {
            let copy = copy.insert(Buffer::recycled(self.columns.div_ceil(width) * rows * width));
            for (panel, copy) in copy.chunks_exact_mut(rows * width).enumerate() {
                let columns = panel * width..self.columns.min((panel + 1) * width);
                for (to, from) in copy.chunks_exact_mut(width).zip(self.d.chunks_exact(self.columns)) {
                    store_row(simd, load_row::<S, VECTORS>(simd, &from[columns.clone()]), to);
                }
            }
        }
        let panels = copy.as_deref().unwrap_or(self.d);
        for start in self.range.clone().step_by(BLOCK) {
            let block = start..self.range.end.min(start + BLOCK);
            for (panel, d) in panels.chunks_exact(rows * width).enumerate() {
                let first = panel * width;
                let mut tiles = AccumulateTiles {
                    a: self.a,
                    start: self.range.start,
                    d,
                    c: &mut self.c[first..],
                    stride: self.columns,
                    filled: width.min(self.columns - first),
                    from_zero: self.from_zero,
                };
                for_each_tile::<S, _, ROWS, VECTORS>(simd, block.clone(), &mut tiles);
            }
        }
    }
}

/// Tiles of rows of `c`, each row a column of `a` from `start` on, over one panel of `d`.
pub(crate) struct AccumulateTiles<'a> {
    pub(crate) a: Gathered<'a>,
    pub(crate) start: usize,
    pub(crate) d: &'a [f32],
    pub(crate) c: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) filled: usize,
    pub(crate) from_zero: bool,
}

impl Rows for AccumulateTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let mut starts = [(first - self.start) * self.stride; ROWS];
        for (row, start) in starts.iter_mut().enumerate() {
            *start += row * self.stride;
        }
        let sums = if self.from_zero {
            [[simd.splat(0.0); VECTORS]; ROWS]
        } else {
            load_tile(simd, self.c, &starts, self.filled)
        };
        let mut offsets = [0; ROWS];
        offsets.copy_from_slice(&self.a.offsets()[first..first + ROWS]);
        let sums = transposed_product(simd, &self.a, &offsets, self.d, sums);
        store_tile(simd, &sums, self.c, &starts, self.filled);
    }
}

/// Adds to `sums`, row by row of `a`, the columns of `a` at `offsets` times the rows of `d`, which are `VECTORS` vectors
/// each.
#[inline(always)]
fn transposed_product<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &Gathered<'_>,
    offsets: &[u32; ROWS],
    d: &[f32],
    mut sums: [[S::Vector; VECTORS]; ROWS],
) -> [[S::Vector; VECTORS]; ROWS] {
    let width = VECTORS * S::LANES;
    let mut d = d[..a.bases().len() * width].as_ptr();
    for &base in a.bases() {
        // SAFETY: `d` has `width` numbers for each base, and a gathered matrix may be read at each of its
        // bases plus each of its offsets.
        unsafe {
            let row = a.start().add(base as usize);
            // What there is more of passes by one after the other, so that everything fits into the registers.
            if ROWS < VECTORS {
                let mut numbers = [simd.splat(0.0); ROWS];
                for (number, &offset) in numbers.iter_mut().zip(offsets) {
                    *number = simd.splat(*row.add(offset as usize));
                }
                for v in 0..VECTORS {
                    let vector = simd.load_at(d.add(v * S::LANES));
                    for (&number, sums) in numbers.iter().zip(&mut sums) {
                        sums[v] = simd.multiply_add(number, vector, sums[v]);
                    }
                }
            } else {
                let mut vectors = [simd.splat(0.0); VECTORS];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = simd.load_at(d.add(v * S::LANES));
                }
                for (&offset, sums) in offsets.iter().zip(&mut sums) {
                    let number = simd.splat(*row.add(offset as usize));
                    for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                        *sum = simd.multiply_add(number, vector, *sum);
                    }
                }
            }
            d = d.add(width);
        }
    }
    sums
}

/// Adds the rows of `d` to `sums`, in order.
pub(crate) struct SumRows<'a> {
    pub(crate) d: &'a [f32],
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for SumRows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(mut self, simd: S) {
        // An addition waits for the one before it, so several vectors are summed at a time.
        let columns = self.sums.len();
        let mut first = 0;
        while first < columns {
            first += match (columns - first).div_ceil(S::LANES) {
                1 => self.vectors::<S, 1>(simd, first),
                2 | 3 => self.vectors::<S, 2>(simd, first),
                _ => self.vectors::<S, 4>(simd, first),
            };
        }
    }
}

impl SumRows<'_> {
    /// Sums `VECTORS` vectors of columns from `first` on, and tells how many columns those are.
    #[inline(always)]
    fn vectors<S: Simd, const VECTORS: usize>(&mut self, simd: S, first: usize) -> usize {
        let columns = self.sums.len();
        let end = columns.min(first + VECTORS * S::LANES);
        let mut sums = load_row::<S, VECTORS>(simd, &self.sums[first..end]);
        for row in self.d.chunks_exact(columns) {
            let row = load_row::<S, VECTORS>(simd, &row[first..end]);
            for (sum, &number) in sums.iter_mut().zip(&row) {
                *sum = simd.add(*sum, number);
            }
        }
        store_row(simd, sums, &mut self.sums[first..end]);
        end - first
    }
}
