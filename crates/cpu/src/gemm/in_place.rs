//! Products with a large right-hand matrix that is read where it lies, once: few rows of `a` are not worth a copy of it.

use super::rows::{Finish, Rows, WIDEST, for_each_tile, load_tile, product, store_tile};
use super::{Gathered, counting};
use crate::activation::Activation;
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Kernel, Simd, Tile, isa};
use std::ops::Range;

/// Up to this many rows of `a`, `b` goes straight through the registers; with more, a copy of a block of it is worthwhile.
/// Both are bound by memory: 1×25088×4096 reads 25 GB/s on two threads (Zen 3).
const FEW_ROWS: usize = 4;

/// Rows of `b` that pass by together where rows are few: as many factors of a row of `a` stay in registers.
const DEPTH: usize = 8;

/// Columns that a thread takes at a time: of few rows many, so that `b` is read in long pieces.
const COLUMNS: usize = 128;
const COLUMNS_FOR_FEW_ROWS: usize = 1024;

/// Rows of `b` in a block of `COLUMNS` columns: it fills half of the first-level cache.
const BLOCK_DEPTH: usize = 32;

/// `c = activation(a · b + bias)`, `a` `[m, k]`, `b` `[k, n]` row by row. The same bits as with a packed `b`.
pub(super) fn multiply(
    [m, k, n]: [usize; 3],
    b: &[f32],
    a: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    c: &mut [f32],
) {
    let most = if m <= FEW_ROWS { COLUMNS_FOR_FEW_ROWS } else { COLUMNS };
    let share = n.div_ceil(parallel::threads()).next_multiple_of(WIDEST);
    let columns = most.min(share);
    let tile = Tile::new(isa(), columns);
    let bases = counting(m, k);
    let mut sums = Buffer::recycled(m * n);
    parallel::for_each_chunk(&mut sums, m * columns, |index, sums| {
        sums.fill(0.0);
        let first = index * columns;
        let range = first..n.min(first + columns);
        if m <= FEW_ROWS {
            tile.run(Stream { a, b, k, n, columns: range.clone(), sums });
        } else {
            tile.run(Blocks { a, bases: &bases, b, k, n, columns: range.clone(), sums });
        }
        tile.run(FinishRows { sums, columns: range, bias, activation });
    });
    for (index, sums) in sums.chunks(m * columns).enumerate() {
        let filled = sums.len() / m;
        for (sums, c) in sums.chunks_exact(filled).zip(c.chunks_exact_mut(n)) {
            c[index * columns..][..filled].copy_from_slice(sums);
        }
    }
}

/// Adds to `sums`, one row after the other, `a` times some columns of `b`, block by block of `b`.
struct Blocks<'a> {
    a: &'a [f32],
    bases: &'a [u32],
    b: &'a [f32],
    k: usize,
    n: usize,
    columns: Range<usize>,
    sums: &'a mut [f32],
}

impl Kernel for Blocks<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Blocks { a, bases, b, k, n, columns, sums } = self;
        let (width, panel_width) = (columns.len(), VECTORS * S::LANES);
        let panels = width.div_ceil(panel_width);
        let offsets = counting(BLOCK_DEPTH, 1);
        // Zeros stay where the last panel has no columns.
        let mut block = Buffer::zeros(panels * BLOCK_DEPTH * panel_width);
        for first in (0..k).step_by(BLOCK_DEPTH) {
            let depth = BLOCK_DEPTH.min(k - first);
            for row in 0..depth {
                let from = &b[(first + row) * n..][columns.clone()];
                for (panel, from) in from.chunks(panel_width).enumerate() {
                    let to = &mut block[(panel * BLOCK_DEPTH + row) * panel_width..][..panel_width];
                    if from.len() == panel_width {
                        for v in 0..VECTORS {
                            simd.store(simd.load(&from[v * S::LANES..]), &mut to[v * S::LANES..]);
                        }
                    } else {
                        to[..from.len()].copy_from_slice(from);
                    }
                }
            }
            let a = Gathered::new(&a[first..], bases, &offsets[..depth]);
            for panel in 0..panels {
                let mut tiles = BlockTiles {
                    a,
                    b: &block[panel * BLOCK_DEPTH * panel_width..],
                    sums: &mut sums[panel * panel_width..],
                    stride: width,
                    filled: panel_width.min(width - panel * panel_width),
                };
                for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..bases.len(), &mut tiles);
            }
        }
    }
}

struct BlockTiles<'a> {
    a: Gathered<'a>,
    b: &'a [f32],
    sums: &'a mut [f32],
    stride: usize,
    filled: usize,
}

impl Rows for BlockTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let mut starts = [first * self.stride; ROWS];
        for (row, start) in starts.iter_mut().enumerate() {
            *start += row * self.stride;
        }
        let sums = load_tile::<S, ROWS, VECTORS>(simd, self.sums, &starts, self.filled);
        let sums = product(simd, &self.a, first, self.b, sums);
        store_tile(simd, &sums, self.sums, &starts, self.filled);
    }
}

/// Adds to `sums`, one row after the other, `a` times some columns of `b`.
struct Stream<'a> {
    a: &'a [f32],
    b: &'a [f32],
    k: usize,
    n: usize,
    columns: Range<usize>,
    sums: &'a mut [f32],
}

impl Kernel for Stream<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Stream { a, b, k, n, columns, sums } = self;
        let whole = k / DEPTH * DEPTH;
        for first in (0..whole).step_by(DEPTH) {
            add_rows::<S, DEPTH>(simd, a, &b[first * n..], k, n, first, &columns, sums);
        }
        for first in whole..k {
            add_rows::<S, 1>(simd, a, &b[first * n..], k, n, first, &columns, sums);
        }
    }
}

/// Adds the products with `COUNT` rows of `b`, to each sum in order.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the matrices and their sizes")]
fn add_rows<S: Simd, const COUNT: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    k: usize,
    n: usize,
    first: usize,
    columns: &Range<usize>,
    sums: &mut [f32],
) {
    let width = columns.len();
    let mut rows = [b; COUNT];
    for (j, row) in rows.iter_mut().enumerate() {
        *row = &b[j * n + columns.start..][..width];
    }
    for (a, sums) in a.chunks_exact(k).zip(sums.chunks_exact_mut(width)) {
        let mut factors = [simd.splat(0.0); COUNT];
        for (factor, &a) in factors.iter_mut().zip(&a[first..]) {
            *factor = simd.splat(a);
        }
        let whole = width / S::LANES * S::LANES;
        for column in (0..whole).step_by(S::LANES) {
            let mut sum = simd.load(&sums[column..]);
            for (factor, row) in factors.iter().zip(&rows) {
                // SAFETY: each row has `width` numbers, and a vector from `column` on ends within them.
                let b = unsafe { simd.load_at(row.as_ptr().add(column)) };
                sum = simd.multiply_add(*factor, b, sum);
            }
            simd.store(sum, &mut sums[column..]);
        }
        if whole < width {
            let mut rest = [0.0; WIDEST];
            let left = width - whole;
            rest[..left].copy_from_slice(&sums[whole..]);
            let mut sum = simd.load(&rest);
            for (factor, row) in factors.iter().zip(&rows) {
                rest[..left].copy_from_slice(&row[whole..]);
                sum = simd.multiply_add(*factor, simd.load(&rest), sum);
            }
            simd.store(sum, &mut rest);
            sums[whole..].copy_from_slice(&rest[..left]);
        }
    }
}

/// Bias and activation of finished sums.
struct FinishRows<'a> {
    sums: &'a mut [f32],
    columns: Range<usize>,
    bias: Option<&'a [f32]>,
    activation: Activation,
}

impl Kernel for FinishRows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = self.columns.len();
        let epilogue = Epilogue::new(self.bias, self.activation);
        for first in (0..width).step_by(S::LANES) {
            let finish = Finish::new(&epilogue, self.columns.start + first);
            let filled = S::LANES.min(width - first);
            for row in self.sums.chunks_exact_mut(width) {
                let row = &mut row[first..first + filled];
                let mut padded = [0.0; WIDEST];
                padded[..filled].copy_from_slice(row);
                let value = finish.activated(simd, finish.linear(simd, 0, simd.load(&padded)));
                simd.store(value, &mut padded);
                row.copy_from_slice(&padded[..filled]);
            }
        }
    }
}

/// `c = d · bᵀ`, `d` `[m, n]`, `b` `[k, n]` row by row, `c` `[m, k]`. Each number is a sum of as many chains as a vector has
/// lanes, added at the end.
pub(super) fn multiply_transposed([m, n, k]: [usize; 3], b: &[f32], d: &[f32], c: &mut [f32]) {
    const BLOCK: usize = 64;
    let tile = Tile::new(isa(), n);
    // One row of `b` after the other, all of `d` with each; threads write their rows of the transpose of `c`.
    let mut transposed = Buffer::recycled(k * m);
    parallel::for_each_chunk(&mut transposed, BLOCK * m, |index, c| {
        let rows = index * BLOCK..index * BLOCK + c.len() / m;
        tile.run(Dots { b: &b[rows.start * n..rows.end * n], d, n, m, c });
    });
    for (row, from) in transposed.chunks_exact(m).enumerate() {
        c[row..].iter_mut().step_by(k).zip(from).for_each(|(c, from)| *c = *from);
    }
}

struct Dots<'a> {
    b: &'a [f32],
    d: &'a [f32],
    n: usize,
    m: usize,
    /// `[rows of b, m]`.
    c: &'a mut [f32],
}

/// Rows of `b` and of `d` whose products are summed at a time: twelve sums and seven vectors.
const DOT_ROWS: usize = 4;
const DOT_PICTURES: usize = 3;

impl Kernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Dots { b, d, n, m, c } = self;
        for (b, c) in b.chunks(DOT_ROWS * n).zip(c.chunks_mut(DOT_ROWS * m)) {
            let whole = b.len() == DOT_ROWS * n;
            for first in (0..m).step_by(DOT_PICTURES) {
                let pictures = DOT_PICTURES.min(m - first);
                let d = &d[first * n..][..pictures * n];
                if whole && pictures == DOT_PICTURES {
                    dots::<S, DOT_ROWS, DOT_PICTURES>(simd, b, d, n, m, &mut c[first..]);
                } else {
                    for (row, b) in b.chunks_exact(n).enumerate() {
                        for (picture, d) in d.chunks_exact(n).enumerate() {
                            dots::<S, 1, 1>(simd, b, d, n, m, &mut c[row * m + first + picture..]);
                        }
                    }
                }
            }
        }
    }
}

/// `c[row · m + picture] = b[row] · d[picture]`.
#[inline(always)]
fn dots<S: Simd, const BS: usize, const DS: usize>(
    simd: S,
    b: &[f32],
    d: &[f32],
    n: usize,
    m: usize,
    c: &mut [f32],
) {
    let (b, d) = (&b[..BS * n], &d[..DS * n]);
    let whole = n / S::LANES * S::LANES;
    let mut sums = [[simd.splat(0.0); DS]; BS];
    for place in (0..whole).step_by(S::LANES) {
        let mut vectors = [simd.splat(0.0); DS];
        for (picture, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: `d` has `DS` rows of `n` numbers, and a vector from `place` on ends within a row.
            *vector = unsafe { simd.load_at(d.as_ptr().add(picture * n + place)) };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `b` has `BS` rows of `n` numbers, and a vector from `place` on ends within a row.
            let weights = unsafe { simd.load_at(b.as_ptr().add(row * n + place)) };
            for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                *sum = simd.multiply_add(weights, vector, *sum);
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        for (picture, sum) in sums.into_iter().enumerate() {
            let mut sum = simd.sum(sum);
            for place in whole..n {
                sum += b[row * n + place] * d[picture * n + place];
            }
            c[row * m + picture] = sum;
        }
    }
}
