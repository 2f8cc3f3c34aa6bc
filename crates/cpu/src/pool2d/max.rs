//! Max-pooling.
//!
//! The first maximum of a window wins a tie. A NaN wins over every number (the first NaN, if there are several), so it
//! reaches the output. A window that lies wholly in the padding gives −∞ and passes no gradient on.

use super::Geometry;
use crate::{chunks, parallel};

/// The arg-max of a window without any pixel of the picture.
const NOTHING: u32 = u32::MAX;

/// y = the maximum of each window; `argmax`, as long as y, receives its tap ky · columns + kx.
pub fn forward(geometry: &Geometry, x: &[f32], y: &mut [f32], argmax: Option<&mut [u32]>) {
    geometry.pictures(x.len(), y.len());
    let [_, columns, channels] = geometry.output();
    let row_len = columns * channels;
    // A row of output touches the rows of input under it.
    let cost = row_len + geometry.window.size[0] * geometry.width * channels;
    let Some(argmax) = argmax else {
        return chunks::over(row_len, cost, y, |rows, y| {
            for (row, y) in rows.zip(y.chunks_exact_mut(row_len)) {
                pool_row(geometry, x, row, y, None);
            }
        });
    };
    assert_eq!(argmax.len(), y.len(), "output and arg-max differ in length");
    let rows = y.chunks_exact_mut(row_len.max(1)).zip(argmax.chunks_exact_mut(row_len.max(1)));
    if chunks::is_small(cost * y_rows(geometry, x.len())) {
        return rows.enumerate().for_each(|(row, (y, argmax))| pool_row(geometry, x, row, y, Some(argmax)));
    }
    let mut rows: Vec<_> = rows.collect();
    let per_chunk = chunks::units_per_chunk(cost);
    parallel::for_each_chunk(&mut rows, per_chunk, |index, rows| {
        for (offset, (y, argmax)) in rows.iter_mut().enumerate() {
            pool_row(geometry, x, index * per_chunk + offset, y, Some(argmax));
        }
    });
}

/// The rows of output of all pictures.
fn y_rows(geometry: &Geometry, input: usize) -> usize {
    input.checked_div(geometry.input_len()).unwrap_or(0) * geometry.output()[0]
}

/// Pools row `row` of the output, counted through all pictures.
fn pool_row(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32], argmax: Option<&mut [u32]>) {
    let [rows, _, channels] = geometry.output();
    let (picture, row) = (row / rows, row % rows);
    let x = &x[picture * geometry.input_len()..][..geometry.input_len()];
    match argmax {
        Some(argmax) if geometry.is_halving() => {
            let pixels = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
            for (column, (y, argmax)) in pixels.enumerate() {
                let [a, b, c, d] = halving_taps(geometry, x, row, column);
                for (((((y, argmax), &a), &b), &c), &d) in
                    y.iter_mut().zip(argmax).zip(a).zip(b).zip(c).zip(d)
                {
                    let mut best = (a, 0);
                    for (value, tap) in [(b, 1), (c, 2), (d, 3)] {
                        best = if wins(value, best.0) { (value, tap) } else { best };
                    }
                    (*y, *argmax) = best;
                }
            }
        }
        None if geometry.is_halving() => {
            for (column, y) in y.chunks_exact_mut(channels).enumerate() {
                let [a, b, c, d] = halving_taps(geometry, x, row, column);
                for ((((y, &a), &b), &c), &d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *y = [b, c, d]
                        .into_iter()
                        .fold(a, |best, value| if wins(value, best) { value } else { best });
                }
            }
        }
        Some(argmax) => {
            argmax.fill(NOTHING);
            y.fill(f32::NEG_INFINITY);
            let pixels = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
            for (column, (y, argmax)) in pixels.enumerate() {
                geometry.taps(row, column, |tap, start| {
                    for ((y, argmax), &x) in y.iter_mut().zip(&mut *argmax).zip(&x[start..]) {
                        // The first tap wins even with −∞.
                        let wins = wins(x, *y) | (*argmax == NOTHING);
                        *y = if wins { x } else { *y };
                        *argmax = if wins { tap } else { *argmax };
                    }
                });
            }
        }
        None => {
            y.fill(f32::NEG_INFINITY);
            for (column, y) in y.chunks_exact_mut(channels).enumerate() {
                geometry.taps(row, column, |_, start| {
                    for (y, &x) in y.iter_mut().zip(&x[start..]) {
                        *y = if wins(x, *y) { x } else { *y };
                    }
                });
            }
        }
    }
}

/// Whether a later `value` takes the place of `best`: when it is larger, or the first NaN.
#[inline(always)]
fn wins(value: f32, best: f32) -> bool {
    (value > best) | (value.is_nan() & !best.is_nan())
}

/// The four pixels under an output pixel of the 2×2 window with stride 2.
fn halving_taps<'x>(geometry: &Geometry, x: &'x [f32], row: usize, column: usize) -> [&'x [f32]; 4] {
    let channels = geometry.channels;
    let start = (2 * row * geometry.width + 2 * column) * channels;
    let (a, b) = x[start..][..2 * channels].split_at(channels);
    let (c, d) = x[start + geometry.width * channels..][..2 * channels].split_at(channels);
    [a, b, c, d]
}

/// dx = each gradient at the pixel that won its window, added up where windows overlap, and 0 elsewhere.
pub fn gradient(geometry: &Geometry, dy: &[f32], argmax: &[u32], dx: &mut [f32]) {
    geometry.pictures(dx.len(), dy.len());
    assert_eq!(argmax.len(), dy.len(), "gradient and arg-max differ in length");
    let (input, output) = (geometry.input_len(), geometry.output_len());
    chunks::over(input, input + 2 * output, dx, |pictures, dx| {
        for (picture, dx) in pictures.zip(dx.chunks_exact_mut(input)) {
            let range = picture * output..(picture + 1) * output;
            if geometry.is_halving() {
                halving_gradient(geometry, &dy[range.clone()], &argmax[range], dx);
            } else {
                scatter(geometry, &dy[range.clone()], &argmax[range], dx);
            }
        }
    });
}

/// The gradient of one picture, any window.
fn scatter(geometry: &Geometry, dy: &[f32], argmax: &[u32], dx: &mut [f32]) {
    let [_, columns, channels] = geometry.output();
    dx.fill(0.0);
    let pixels = dy.chunks_exact(channels).zip(argmax.chunks_exact(channels));
    for (pixel, (dy, argmax)) in pixels.enumerate() {
        geometry.taps(pixel / columns, pixel % columns, |tap, start| {
            for ((dx, &dy), &argmax) in dx[start..].iter_mut().zip(dy).zip(argmax) {
                *dx += if argmax == tap { dy } else { 0.0 };
            }
        });
    }
}

/// The gradient of one picture for the 2×2 window with stride 2: every pixel is written once.
fn halving_gradient(geometry: &Geometry, dy: &[f32], argmax: &[u32], dx: &mut [f32]) {
    let [rows, columns, channels] = geometry.output();
    let row_len = geometry.width * channels;
    for (y, dx) in dx.chunks_exact_mut(row_len).enumerate() {
        if y / 2 == rows {
            dx.fill(0.0);
            continue;
        }
        let start = y / 2 * columns * channels;
        let first_tap = (y % 2 * 2) as u32;
        let (inside, outside) = dx.split_at_mut(2 * columns * channels);
        outside.fill(0.0);
        let pixels = dy[start..].chunks_exact(channels).zip(argmax[start..].chunks_exact(channels));
        for (dx, (dy, argmax)) in inside.chunks_exact_mut(2 * channels).zip(pixels) {
            let (left, right) = dx.split_at_mut(channels);
            for (((left, right), &dy), &argmax) in left.iter_mut().zip(right).zip(dy).zip(argmax) {
                *left = if argmax == first_tap { dy } else { 0.0 };
                *right = if argmax == first_tap + 1 { dy } else { 0.0 };
            }
        }
    }
}
