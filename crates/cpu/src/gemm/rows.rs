//! The loop under forward passes and input gradients: rows of a gathered matrix times a packed panel.

use super::Gathered;
use super::panels::Panels;
use crate::epilogue::Epilogue;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Adds to `sums`, product by product in the order of the columns of `a`, the rows of `a` from `first` on times the
/// rows of `b`, which are `VECTORS` vectors each. Every sum is one chain of multiply-adds, whatever the size of the tile.
#[inline(always)]
pub(crate) fn product<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &Gathered<'_>,
    first: usize,
    b: &[f32],
    mut sums: [[S::Vector; VECTORS]; ROWS],
) -> [[S::Vector; VECTORS]; ROWS] {
    let width = VECTORS * S::LANES;
    let offsets = a.offsets();
    let b = &b[..offsets.len() * width];
    let bases = &a.bases()[first..first + ROWS];
    let mut rows = [a.start(); ROWS];
    for (row, &base) in rows.iter_mut().zip(bases) {
        *row = row.wrapping_add(base as usize);
    }
    let mut b = b.as_ptr();
    for &offset in offsets {
        // SAFETY: `b` has `width` numbers for each offset, and a gathered matrix may be read at each of its bases plus
        // each of its offsets.
        unsafe {
            let mut vectors = [simd.splat(0.0); VECTORS];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = simd.load_at(b.add(v * S::LANES));
            }
            b = b.add(width);
            for (row, sums) in rows.iter().zip(&mut sums) {
                let number = simd.splat(*row.add(offset as usize));
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = simd.multiply_add(number, vector, *sum);
                }
            }
        }
    }
    sums
}

/// What is done with a tile of rows.
pub(crate) trait Rows {
    /// Computes `ROWS` rows from `first` on.
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize);
}

/// Covers `rows` with tiles. What does not fill a tile is shared with the last full one, as a tile of one or two rows
/// has too few chains to keep the multipliers busy.
#[inline(always)]
pub(crate) fn for_each_tile<S: Simd, R: Rows, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    rows: Range<usize>,
    work: &mut R,
) {
    let mut first = rows.start;
    while rows.end - first >= 2 * ROWS || rows.end - first == ROWS {
        work.tile::<S, ROWS, VECTORS>(simd, first);
        first += ROWS;
    }
    while first < rows.end {
        let rest = rows.end - first;
        let count = if rest > ROWS { rest.div_ceil(2) } else { rest };
        // A tile larger than `ROWS` never occurs; saying so keeps it from being compiled.
        match count {
            1 => work.tile::<S, 1, VECTORS>(simd, first),
            2 if ROWS >= 2 => work.tile::<S, 2, VECTORS>(simd, first),
            3 if ROWS >= 3 => work.tile::<S, 3, VECTORS>(simd, first),
            4 if ROWS >= 4 => work.tile::<S, 4, VECTORS>(simd, first),
            5 if ROWS >= 5 => work.tile::<S, 5, VECTORS>(simd, first),
            6 if ROWS >= 6 => work.tile::<S, 6, VECTORS>(simd, first),
            7 if ROWS >= 7 => work.tile::<S, 7, VECTORS>(simd, first),
            8 if ROWS >= 8 => work.tile::<S, 8, VECTORS>(simd, first),
            _ => unreachable!("no tile has {count} rows"),
        }
        first += count;
    }
}

/// `c = epilogue(a · b)` for some panels of `b`.
pub(crate) struct Product<'a> {
    pub(crate) a: Gathered<'a>,
    pub(crate) b: &'a Panels,
    pub(crate) panels: Range<usize>,
    pub(crate) epilogue: &'a Epilogue<'a>,
    /// The columns of `panels`, `stride` numbers from row to row.
    pub(crate) c: &'a mut [f32],
    pub(crate) stride: usize,
}

impl Kernel for Product<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        if self.a.rows() == 0 {
            return;
        }
        for panel in self.panels.clone() {
            let mut tiles = ProductTiles {
                a: self.a,
                b: self.b.panel(panel),
                finish: Finish::new(self.epilogue, panel * width),
                filled: width.min(self.b.columns() - panel * width),
                c: &mut self.c[(panel - self.panels.start) * width..],
                stride: self.stride,
            };
            for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..self.a.rows(), &mut tiles);
        }
    }
}

struct ProductTiles<'a> {
    a: Gathered<'a>,
    b: &'a [f32],
    finish: Finish,
    filled: usize,
    c: &'a mut [f32],
    stride: usize,
}

impl Rows for ProductTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let zero = [[simd.splat(0.0); VECTORS]; ROWS];
        let mut sums = product(simd, &self.a, first, self.b, zero);
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = self.finish.activated(simd, self.finish.linear(simd, v, *sum));
            }
        }
        let mut starts = [first * self.stride; ROWS];
        for (row, start) in starts.iter_mut().enumerate() {
            *start += row * self.stride;
        }
        store_tile(simd, &sums, self.c, &starts, self.filled);
    }
}

/// The widest panel of any tile.
pub(crate) const WIDEST: usize = 64;

/// What follows the sum of products of the columns of a panel: an [`Epilogue`] in pieces that stay in registers.
pub(crate) struct Finish {
    bias: [f32; WIDEST],
    /// Scale and shift, one after the other.
    scale_and_shift: Option<[[f32; WIDEST]; 2]>,
    lowest: f32,
    highest: f32,
}

impl Finish {
    pub(crate) fn new(epilogue: &Epilogue<'_>, first_column: usize) -> Finish {
        let mut bias = [0.0; WIDEST];
        if let Some(from) = epilogue.bias {
            // A bias of −0 becomes 0, so that no sum plus bias is −0: the activation may then come before or after a
            // maximum without any difference in the sign of a zero.
            bias.iter_mut().zip(&from[first_column..]).for_each(|(to, from)| *to = *from + 0.0);
        }
        let scale_and_shift = epilogue.scale_and_shift.map(|arrays| {
            arrays.map(|from| {
                let mut padded = [0.0; WIDEST];
                padded.iter_mut().zip(&from[first_column..]).for_each(|(to, from)| *to = *from);
                padded
            })
        });
        let [lowest, highest] = epilogue.bounds();
        Finish { bias, scale_and_shift, lowest, highest }
    }

    /// Sum plus bias of vector `v` of the panel, scaled and shifted where that is asked for.
    #[inline(always)]
    pub(crate) fn linear<S: Simd>(&self, simd: S, v: usize, sum: S::Vector) -> S::Vector {
        let biased = simd.add(sum, simd.load(&self.bias[v * S::LANES..]));
        match &self.scale_and_shift {
            None => biased,
            Some([scale, shift]) => {
                let place = v * S::LANES;
                simd.multiply_add(biased, simd.load(&scale[place..]), simd.load(&shift[place..]))
            }
        }
    }

    /// The activation. The order of the arguments of `max` and `min` lets NaN through.
    #[inline(always)]
    pub(crate) fn activated<S: Simd>(&self, simd: S, value: S::Vector) -> S::Vector {
        simd.min(simd.splat(self.highest), simd.max(simd.splat(self.lowest), value))
    }
}

/// Loads a tile whose rows start at `starts` and have `filled` numbers; what is missing at their ends is zero.
#[inline(always)]
pub(crate) fn load_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    from: &[f32],
    starts: &[usize; ROWS],
    filled: usize,
) -> [[S::Vector; VECTORS]; ROWS] {
    let width = VECTORS * S::LANES;
    let mut tile = [[simd.splat(0.0); VECTORS]; ROWS];
    if filled == width {
        for (row, &start) in tile.iter_mut().zip(starts) {
            let from = &from[start..][..width];
            for (v, vector) in row.iter_mut().enumerate() {
                *vector = simd.load(&from[v * S::LANES..]);
            }
        }
    } else {
        for (row, &start) in tile.iter_mut().zip(starts) {
            let padded = pad(&from[start..start + filled]);
            for (v, vector) in row.iter_mut().enumerate() {
                *vector = simd.load(&padded[v * S::LANES..]);
            }
        }
    }
    tile
}

/// Stores the first `filled` numbers of each row of a tile, from `starts` on.
#[inline(always)]
pub(crate) fn store_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    tile: &[[S::Vector; VECTORS]; ROWS],
    to: &mut [f32],
    starts: &[usize; ROWS],
    filled: usize,
) {
    let width = VECTORS * S::LANES;
    // Two short loops rather than one with a choice inside: they are unrolled, so that the tile stays in registers.
    if filled == width {
        for (row, &start) in tile.iter().zip(starts) {
            let to = &mut to[start..][..width];
            for (v, &vector) in row.iter().enumerate() {
                simd.store(vector, &mut to[v * S::LANES..]);
            }
        }
    } else {
        let mut whole = [[0.0; WIDEST]; ROWS];
        for (row, whole) in tile.iter().zip(&mut whole) {
            for (v, &vector) in row.iter().enumerate() {
                simd.store(vector, &mut whole[v * S::LANES..]);
            }
        }
        copy_rows(&whole, to, starts, filled);
    }
}

#[cold]
fn copy_rows(rows: &[[f32; WIDEST]], to: &mut [f32], starts: &[usize], filled: usize) {
    for (row, &start) in rows.iter().zip(starts) {
        to[start..start + filled].copy_from_slice(&row[..filled]);
    }
}

/// Loads a row of a tile; what is missing at its end is zero.
#[inline(always)]
pub(crate) fn load_row<S: Simd, const VECTORS: usize>(simd: S, from: &[f32]) -> [S::Vector; VECTORS] {
    let padded;
    let from = if from.len() >= VECTORS * S::LANES {
        from
    } else {
        padded = pad(from);
        &padded
    };
    let mut row = [simd.splat(0.0); VECTORS];
    for (v, vector) in row.iter_mut().enumerate() {
        *vector = simd.load(&from[v * S::LANES..]);
    }
    row
}

#[cold]
fn pad(numbers: &[f32]) -> [f32; WIDEST] {
    let mut padded = [0.0; WIDEST];
    padded[..numbers.len()].copy_from_slice(numbers);
    padded
}

/// Stores as much of a row of a tile as `to` has room for.
#[inline(always)]
pub(crate) fn store_row<S: Simd, const VECTORS: usize>(simd: S, row: [S::Vector; VECTORS], to: &mut [f32]) {
    let width = VECTORS * S::LANES;
    if to.len() >= width {
        for (v, &vector) in row.iter().enumerate() {
            simd.store(vector, &mut to[v * S::LANES..]);
        }
    } else {
        let mut whole = [0.0; WIDEST];
        for (v, &vector) in row.iter().enumerate() {
            simd.store(vector, &mut whole[v * S::LANES..]);
        }
        to.copy_from_slice(&whole[..to.len()]);
    }
}
