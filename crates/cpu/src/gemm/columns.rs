//! The loop under kernel gradients: the transpose of a gathered matrix times a matrix with as many rows.

use super::Gathered;
use super::rows::{Rows, for_each_tile, load_some, store_some};
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
}

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
        for first in (0..self.columns).step_by(width) {
            let filled = width.min(self.columns - first);
            // Whole vectors are read, so the last columns are copied to where zeros follow them.
            let mut padded = None;
            let (d, step) = if filled == width {
                (&self.d[first..], self.columns)
            } else {
                let padded = padded.insert(Buffer::<f32>::zeros(rows * width));
                for (to, from) in padded.chunks_exact_mut(width).zip(self.d.chunks_exact(self.columns)) {
                    to[..filled].copy_from_slice(&from[first..]);
                }
                (&padded[..], width)
            };
            let mut tiles = AccumulateTiles {
                a: self.a,
                start: self.range.start,
                d,
                step,
                c: &mut self.c[first..],
                stride: self.columns,
                filled,
            };
            for_each_tile::<S, _, ROWS, VECTORS>(simd, self.range.clone(), &mut tiles);
        }
    }
}

struct AccumulateTiles<'a> {
    a: Gathered<'a>,
    start: usize,
    d: &'a [f32],
    step: usize,
    c: &'a mut [f32],
    stride: usize,
    filled: usize,
}

impl Rows for AccumulateTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let at = |row: usize| (first - self.start + row) * self.stride;
        let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            let c = &self.c[at(row)..at(row) + self.filled];
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = load_some(simd, c, v * S::LANES);
            }
        }
        let mut offsets = [0; ROWS];
        offsets.copy_from_slice(&self.a.offsets()[first..first + ROWS]);
        let sums = transposed_product(simd, &self.a, &offsets, self.d, self.step, sums);
        for (row, sums) in sums.into_iter().enumerate() {
            let c = &mut self.c[at(row)..at(row) + self.filled];
            for (v, sum) in sums.into_iter().enumerate() {
                store_some(simd, sum, c, v * S::LANES);
            }
        }
    }
}

/// Adds to `sums`, row by row of `a`, the columns of `a` at `offsets` times `VECTORS` vectors of the rows of `d`, which
/// are `step` numbers apart.
#[inline(always)]
fn transposed_product<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &Gathered<'_>,
    offsets: &[u32; ROWS],
    d: &[f32],
    step: usize,
    mut sums: [[S::Vector; VECTORS]; ROWS],
) -> [[S::Vector; VECTORS]; ROWS] {
    let Some(last) = a.bases().len().checked_sub(1) else { return sums };
    let d = &d[..last * step + VECTORS * S::LANES];
    let mut d = d.as_ptr();
    for &base in a.bases() {
        // SAFETY: `d` has a row of `VECTORS` vectors for each base, and a gathered matrix may be read at each of its
        // bases plus each of its offsets.
        unsafe {
            let row = a.start().add(base as usize);
            let mut vectors = [simd.splat(0.0); VECTORS];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = simd.load_at(d.add(v * S::LANES));
            }
            // After the last row this points beyond `d`, where nothing is read.
            d = d.wrapping_add(step);
            for (&offset, sums) in offsets.iter().zip(&mut sums) {
                let number = simd.splat(*row.add(offset as usize));
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = simd.multiply_add(number, vector, *sum);
                }
            }
        }
    }
    sums
}
