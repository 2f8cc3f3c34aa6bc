//! Max-pooling.
//!
//! The first maximum of a window wins a tie. A NaN wins over every number (the first NaN, if there are several), so it
//! reaches the output. A window that lies wholly in the padding gives −∞ and passes no gradient on.

use super::Geometry;
use crate::chunks;

/// The arg-max of a window without any pixel of the picture.
const NOTHING: u32 = u32::MAX;

/// y = the maximum of each window; `argmax`, as long as y, receives its tap ky · columns + kx.
pub fn forward(geometry: &Geometry, x: &[f32], y: &mut [f32], argmax: Option<&mut [u32]>) {
    geometry.pictures(x.len(), y.len());
    let (row_len, cost) = (geometry.output_row_len(), geometry.output_row_cost());
    let halving = geometry.is_halving();
    let Some(argmax) = argmax else {
        return chunks::over(row_len, cost, y, |rows, y| {
            for (row, y) in rows.zip(y.chunks_exact_mut(row_len)) {
                let (x, row) = geometry.picture_and_row(x, row);
                if halving { halving_row(geometry, x, row, y) } else { pool_row(geometry, x, row, y) }
            }
        });
    };
    assert_eq!(argmax.len(), y.len(), "output and arg-max differ in length");
    chunks::over_two(row_len, cost, (y, argmax), |rows, y, argmax| {
        let parts = y.chunks_exact_mut(row_len).zip(argmax.chunks_exact_mut(row_len));
        for (row, (y, argmax)) in rows.zip(parts) {
            let (x, row) = geometry.picture_and_row(x, row);
            if halving {
                halving_row_with_argmax(geometry, x, row, y, argmax);
            } else {
                pool_row_with_argmax(geometry, x, row, y, argmax);
            }
        }
    });
}

/// Whether a later `value` takes the place of `best`: when it is larger, or the first NaN.
#[inline(always)]
fn wins(value: f32, best: f32) -> bool {
    (value > best) | (value.is_nan() & !best.is_nan())
}

fn pool_row(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32]) {
    let channels = geometry.channels;
    y.fill(f32::NEG_INFINITY);
    for (column, y) in y.chunks_exact_mut(channels).enumerate() {
        geometry.taps(row, column, |_, start| {
            for (y, &x) in y.iter_mut().zip(&x[start..][..channels]) {
                *y = if wins(x, *y) { x } else { *y };
            }
        });
    }
}

fn pool_row_with_argmax(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32], argmax: &mut [u32]) {
    let channels = geometry.channels;
    y.fill(f32::NEG_INFINITY);
    argmax.fill(NOTHING);
    let pixels = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
    for (column, (y, argmax)) in pixels.enumerate() {
        let mut is_first = true;
        geometry.taps(row, column, |tap, start| {
            let x = &x[start..][..channels];
            if is_first {
                // It wins even with −∞.
                y.copy_from_slice(x);
                argmax.fill(tap);
                is_first = false;
                return;
            }
            for ((y, argmax), &x) in y.iter_mut().zip(&mut *argmax).zip(x) {
                (*y, *argmax) = if wins(x, *y) { (x, tap) } else { (*y, *argmax) };
            }
        });
    }
}

fn halving_row(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32]) {
    for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
        let [a, b, c, d] = geometry.halving_taps(x, row, column);
        for ((((y, &a), &b), &c), &d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *y = [b, c, d].into_iter().fold(a, |best, value| if wins(value, best) { value } else { best });
        }
    }
}

fn halving_row_with_argmax(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32], argmax: &mut [u32]) {
    let channels = geometry.channels;
    let pixels = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
    for (column, (y, argmax)) in pixels.enumerate() {
        let [a, b, c, d] = geometry.halving_taps(x, row, column);
        for (((((y, argmax), &a), &b), &c), &d) in y.iter_mut().zip(argmax).zip(a).zip(b).zip(c).zip(d) {
            let mut best = (a, 0);
            for (value, tap) in [(b, 1), (c, 2), (d, 3)] {
                best = if wins(value, best.0) { (value, tap) } else { best };
            }
            (*y, *argmax) = best;
        }
    }
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
            for ((dx, &dy), &argmax) in dx[start..][..channels].iter_mut().zip(dy).zip(argmax) {
                *dx += if argmax == tap { dy } else { 0.0 };
            }
        });
    }
}

/// The gradient of one picture for the 2×2 window with stride 2: every pixel is written once.
fn halving_gradient(geometry: &Geometry, dy: &[f32], argmax: &[u32], dx: &mut [f32]) {
    let [rows, columns, channels] = geometry.output();
    for (y, dx) in dx.chunks_exact_mut(geometry.width * channels).enumerate() {
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
            halving_gradient_pixels(first_tap, dy, argmax, dx.split_at_mut(channels));
        }
    }
}

/// The two neighbouring pixels of dx that are taps `first_tap` and `first_tap` + 1 of a window. Not inlined, because the
/// compiler makes vectors of this loop only where it sees from the arguments that nothing overlaps.
#[inline(never)]
fn halving_gradient_pixels(
    first_tap: u32,
    dy: &[f32],
    argmax: &[u32],
    (left, right): (&mut [f32], &mut [f32]),
) {
    for (((left, right), &dy), &argmax) in left.iter_mut().zip(right).zip(dy).zip(argmax) {
        *left = if argmax == first_tap { dy } else { 0.0 };
        *right = if argmax == first_tap + 1 { dy } else { 0.0 };
    }
}
