//! Loops that treat every value alone: sums, rectifiers, the sigmoid, dropout.
//!
//! Plain loops, which the compiler turns into vectors: they run at the speed of memory. Slices of one call have one length.

use crate::{chunks, parallel};
use std::sync::atomic::{AtomicBool, Ordering};

/// y = f(x), cut over threads where it is long.
fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    chunks::over(1, 2, y, |range, y| {
        for (y, &x) in y.iter_mut().zip(&x[range]) {
            *y = f(x);
        }
    });
}

/// y = f(x, y), cut over threads where it is long.
fn update(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    assert_eq!(x.len(), y.len(), "the two arrays differ in length");
    chunks::over(1, 3, y, |range, y| {
        for (y, &x) in y.iter_mut().zip(&x[range]) {
            *y = f(x, *y);
        }
    });
}

/// y = a + b.
pub fn add(a: &[f32], b: &[f32], y: &mut [f32]) {
    assert_eq!(a.len(), y.len(), "first term and sum differ in length");
    assert_eq!(b.len(), y.len(), "second term and sum differ in length");
    chunks::over(1, 3, y, |range, y| {
        for ((y, &a), &b) in y.iter_mut().zip(&a[range.clone()]).zip(&b[range]) {
            *y = a + b;
        }
    });
}

/// y += x.
pub fn add_assign(y: &mut [f32], x: &[f32]) {
    update(x, y, |x, y| y + x);
}

/// y *= `factor`.
pub fn scale_assign(y: &mut [f32], factor: f32) {
    chunks::over(1, 2, y, |_, y| y.iter_mut().for_each(|y| *y *= factor));
}

/// y = x · `scale` + `offset`, rounded after the product and after the sum on every machine.
pub fn scale_and_shift(x: &[f32], scale: f32, offset: f32, y: &mut [f32]) {
    map(x, y, |x| x * scale + offset);
}

/// y = max(x, 0), at most `maximum` where there is one. NaN stays NaN; −0 becomes 0.
pub fn relu(maximum: Option<f32>, x: &[f32], y: &mut [f32]) {
    match maximum {
        None => map(x, y, |x| if x <= 0.0 { 0.0 } else { x }),
        Some(maximum) => map(x, y, |x| {
            let y = if x <= 0.0 { 0.0 } else { x };
            if y > maximum { maximum } else { y }
        }),
    }
}

/// The gradient of [`relu`] in place: `dy` becomes 0 except where 0 < y < `maximum`, as in TensorFlow.
pub fn relu_gradient(maximum: Option<f32>, y: &[f32], dy: &mut [f32]) {
    let maximum = maximum.unwrap_or(f32::INFINITY);
    // An infinite activation without a maximum still passes its gradient on.
    let at_maximum = maximum.is_infinite();
    update(y, dy, |y, dy| if (y > 0.0) & ((y < maximum) | at_maximum) { dy } else { 0.0 });
}

/// The gradient of [`relu`] in guided backpropagation (Springenberg and others, 2014), in place: [`relu_gradient`] that
/// also stops negative gradients.
pub fn guided_relu_gradient(maximum: Option<f32>, y: &[f32], dy: &mut [f32]) {
    let maximum = maximum.unwrap_or(f32::INFINITY);
    let at_maximum = maximum.is_infinite();
    update(y, dy, |y, dy| {
        if (y > 0.0) & ((y < maximum) | at_maximum) & ((dy > 0.0) | dy.is_nan()) { dy } else { 0.0 }
    });
}

/// y = 1 / (1 + e^−x). No step overflows and no digits are lost on either side.
pub fn sigmoid(x: &[f32], y: &mut [f32]) {
    map(x, y, |x| {
        let small = (-x.abs()).exp();
        (if x >= 0.0 { 1.0 } else { small }) / (1.0 + small)
    });
}

/// The gradient of [`sigmoid`] in place: dy · y · (1 − y).
pub fn sigmoid_gradient(y: &[f32], dy: &mut [f32]) {
    update(y, dy, |y, dy| dy * (y * (1.0 - y)));
}

/// y = x · `scale` where `keep` is not 0, else 0. The gradient of dropout is the same call on dy.
pub fn dropout(keep: &[u8], scale: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(keep.len(), y.len(), "mask and output differ in length");
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    chunks::over(1, 2, y, |range, y| {
        for ((y, &x), &keep) in y.iter_mut().zip(&x[range.clone()]).zip(&keep[range]) {
            *y = if keep != 0 { x * scale } else { 0.0 };
        }
    });
}

/// Whether `x` holds neither infinity nor NaN.
pub fn is_finite(x: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    // Blocks: without a branch inside them they become vectors, between them the search may end early.
    let part = |part: &[f32]| {
        part.chunks(1024)
            .all(|block| !block.iter().fold(false, |bad, x| bad | (x.to_bits() & EXPONENT == EXPONENT)))
    };
    if chunks::is_small(x.len()) {
        return part(x);
    }
    let finite = AtomicBool::new(true);
    parallel::for_each(x.len().div_ceil(chunks::CHUNK), |index| {
        let start = index * chunks::CHUNK;
        let end = x.len().min(start + chunks::CHUNK);
        if finite.load(Ordering::Relaxed) && !part(&x[start..end]) {
            finite.store(false, Ordering::Relaxed);
        }
    });
    finite.into_inner()
}
