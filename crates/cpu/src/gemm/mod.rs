//! Products of matrices, row by row in memory: `c[m, n] = a[m, k] · b[k, n]`.
//!
//! Every number of a result is one chain of multiply-adds in a fixed order (of [`multiply_by_transpose`] one chain per lane
//! of a vector), so that it depends neither on the number of rows nor on the number of threads. Plain-loop twin: [`crate::reference::dense`].

mod columns;
mod gathered;
mod in_place;
mod panels;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use columns::{Accumulate, AccumulateTiles, SumRows};
pub(crate) use gathered::Gathered;
pub(crate) use panels::{Panels, side_by_side};
pub(crate) use rows::{
    Finish, Product, Rows, WIDEST, for_each_tile, load_row, load_tile, product, store_row, store_tile,
};

use crate::activation::Activation;
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Isa, Tile, isa};

/// A right-hand matrix `[k, n]` in the order the loops read it; made once per weight value.
#[derive(Debug)]
pub struct PackedMatrix(Right);

#[derive(Debug)]
enum Right {
    Panels(Panels),
    /// For the portable product: as it is, row by row.
    Plain {
        b: Buffer<f32>,
        k: usize,
        n: usize,
    },
}

/// Whether a right-hand matrix `[k, n]` is worth packing: up to this size the copy stays in the second-level cache and
/// serves all rows. A larger one is read where it lies, once ([`multiply_in_place`]): of a dense layer no second copy of
/// the weights exists. 20×6272×512 takes 1.4 ms on two threads; packed 0.9, after a copy of 12.8 MB in every step (Zen 3).
pub fn is_worth_packing(k: usize, n: usize) -> bool {
    k * n * size_of::<f32>() <= SHARED_BYTES
}

/// Packs `b` `[k, n]`.
pub fn pack(k: usize, n: usize, b: &[f32]) -> PackedMatrix {
    assert_eq!(b.len(), k * n, "length of the matrix");
    PackedMatrix(match isa() {
        Isa::Scalar => Right::Plain { b: Buffer::copied(b), k, n },
        Isa::Avx2 | Isa::Avx512 => Right::Panels(Panels::new(k, n, b, |row| row * n, 1)),
    })
}

/// Packs the transpose `[k, n]` of `b` `[n, k]`.
pub fn pack_transposed(k: usize, n: usize, b: &[f32]) -> PackedMatrix {
    assert_eq!(b.len(), k * n, "length of the matrix");
    PackedMatrix(match isa() {
        Isa::Scalar => {
            let mut transposed = Buffer::recycled(k * n);
            for (row, to) in transposed.chunks_exact_mut(n.max(1)).enumerate() {
                to.iter_mut().zip(b[row..].iter().step_by(k)).for_each(|(to, from)| *to = *from);
            }
            Right::Plain { b: transposed, k, n }
        }
        Isa::Avx2 | Isa::Avx512 => Right::Panels(Panels::new(k, n, b, |row| row, k)),
    })
}

/// `c = activation(a · b + bias)` with `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]` and one bias per column.
pub fn multiply(
    m: usize,
    b: &PackedMatrix,
    a: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    c: &mut [f32],
) {
    match &b.0 {
        Right::Panels(b) => by_panels(m, b, a, bias, activation, c),
        Right::Plain { b, k, n } => portable([m, *k, *n], b, a, bias, activation, c),
    }
}

/// Up to this many bytes of `b` are better read by every thread than divided over them, which costs a copy of `c`:
/// it then stays in the second-level cache.
const SHARED_BYTES: usize = 256 << 10;

fn by_panels(m: usize, b: &Panels, a: &[f32], bias: Option<&[f32]>, activation: Activation, c: &mut [f32]) {
    let (k, n) = (b.depth(), b.columns());
    check([m, k, n], a, bias, c);
    if m * n == 0 {
        return;
    }
    let offsets = counting(k, 1);
    let threads = parallel::threads();
    let tile = b.tile();
    let epilogue = &Epilogue::new(bias, activation);
    if threads == 1 || (m >= threads * tile.rows() && k * n * size_of::<f32>() <= SHARED_BYTES) {
        let rows = m.div_ceil(threads).next_multiple_of(tile.rows());
        parallel::for_each_chunk(c, rows * n, |index, c| {
            let m = c.len() / n;
            let bases = counting(m, k);
            let a = Gathered::new(&a[index * rows * k..][..m * k], &bases, &offsets);
            tile.run(Product { a, b, panels: 0..b.count(), epilogue, c, stride: n });
        });
    } else {
        // Threads take panels and write them one after the other; then the columns are put side by side.
        let bases = counting(m, k);
        let a = Gathered::new(a, &bases, &offsets);
        let width = b.width();
        let mut panels = Buffer::recycled(b.count() * m * width);
        parallel::for_each_chunk(&mut panels, m * width, |panel, c| {
            tile.run(Product { a, b, panels: panel..panel + 1, epilogue, c, stride: width });
        });
        side_by_side(&panels, m, width, n, c);
    }
}

/// `c = activation(a · b + bias)` with `a` `[m, k]`, `c` `[m, n]` and `b` `[k, n]` as it lies; the bits of [`multiply`].
pub fn multiply_in_place(
    [m, k, n]: [usize; 3],
    b: &[f32],
    a: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    c: &mut [f32],
) {
    assert_eq!(b.len(), k * n, "length of the matrix");
    match isa() {
        Isa::Scalar => portable([m, k, n], b, a, bias, activation, c),
        Isa::Avx2 | Isa::Avx512 => {
            check([m, k, n], a, bias, c);
            if m * n > 0 {
                in_place::multiply([m, k, n], b, a, bias, activation, c);
            }
        }
    }
}

/// `c = d · bᵀ` with `d` `[m, n]`, `c` `[m, k]` and `b` `[k, n]` as it lies. Each number is a sum of one chain per lane of
/// a vector.
pub fn multiply_by_transpose([m, n, k]: [usize; 3], b: &[f32], d: &[f32], c: &mut [f32]) {
    assert_eq!(b.len(), k * n, "length of the matrix");
    check([m, n, k], d, None, c);
    if m * k == 0 {
        return;
    }
    match isa() {
        Isa::Scalar => strided([m, n, k], b, [1, n], d, c),
        Isa::Avx2 | Isa::Avx512 if n > 0 => in_place::multiply_transposed([m, n, k], b, d, c),
        Isa::Avx2 | Isa::Avx512 => c.fill(0.0),
    }
}

fn portable(
    [m, k, n]: [usize; 3],
    b: &[f32],
    a: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    c: &mut [f32],
) {
    check([m, k, n], a, bias, c);
    if m * n == 0 {
        return;
    }
    strided([m, k, n], b, [n, 1], a, c);
    for c in c.chunks_exact_mut(n) {
        if let Some(bias) = bias {
            c.iter_mut().zip(bias).for_each(|(c, bias)| *c += bias);
        }
        c.iter_mut().for_each(|c| *c = activation.apply(*c));
    }
}

/// `c = a · b` where the numbers of `b` lie `steps` apart along its rows' and its columns' axis.
fn strided([m, k, n]: [usize; 3], b: &[f32], steps: [usize; 2], a: &[f32], c: &mut [f32]) {
    assert_eq!(b.len(), k * n, "length of the matrix");
    let rows = m.div_ceil(parallel::threads());
    let [down, right] = steps.map(|step| step as isize);
    parallel::for_each_chunk(c, rows * n, |index, c| {
        let m = c.len() / n;
        let a = &a[index * rows * k..][..m * k];
        let (along, across) = (k as isize, n as isize);
        // SAFETY: the three slices have m · k, k · n and m · n numbers, and the steps are those of k · n of them, row by row
        // or column by column.
        unsafe {
            let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
            matrixmultiply::sgemm(m, k, n, 1.0, a, along, 1, b, down, right, 0.0, c, across, 1);
        }
    });
}

fn check([m, k, n]: [usize; 3], a: &[f32], bias: Option<&[f32]>, c: &[f32]) {
    assert_eq!([a.len(), c.len()], [m * k, m * n], "lengths of the matrices");
    assert!(bias.is_none_or(|bias| bias.len() == n), "length of the bias");
}

/// Rows of `a` and `d` that are read at a time, so that both stay in the caches while all of `c` is visited.
const BAND: usize = 256;

/// `c = aᵀ · d` with `a` `[m, k]`, `d` `[m, n]`, `c` `[k, n]`: each number one chain over the m rows in order.
pub fn multiply_transposed_left(m: usize, k: usize, n: usize, a: &[f32], d: &[f32], c: &mut [f32]) {
    assert_eq!([a.len(), d.len(), c.len()], [m * k, m * n, k * n], "lengths of the matrices");
    if m * k * n == 0 {
        return c.fill(0.0);
    }
    let tile = Tile::for_sums(isa(), n);
    let offsets = counting(k, 1);
    let rows = k.div_ceil(parallel::threads()).next_multiple_of(tile.rows());
    parallel::for_each_chunk(c, rows * n, |index, c| {
        let range = index * rows..index * rows + c.len() / n;
        for (band, (a, d)) in a.chunks(BAND * k).zip(d.chunks(BAND * n)).enumerate() {
            let bases = counting(d.len() / n, k);
            let a = Gathered::new(a, &bases, &offsets);
            let from_zero = band == 0;
            tile.run(Accumulate { a, range: range.clone(), d, columns: n, c: &mut *c, from_zero });
        }
    });
}

/// 0, `step`, 2 · `step` …
pub(crate) fn counting(count: usize, step: usize) -> Buffer<u32> {
    let last = count.saturating_sub(1) * step;
    assert!(u32::try_from(last).is_ok(), "a matrix of more than 2^32 numbers");
    let mut numbers = Buffer::recycled(count);
    numbers.iter_mut().enumerate().for_each(|(i, number)| *number = (i * step) as u32);
    numbers
}
