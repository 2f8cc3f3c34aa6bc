//! Loops that treat every value alone: sums, rectifiers, the sigmoid, dropout.
//!
//! Plain loops, which the compiler turns into vectors: they run at the speed of memory. Slices of one call have one length.

use crate::{chunks, parallel};
use std::sync::atomic::{AtomicBool, Ordering};

/// y = f(x, y), cut over threads where it is long.
fn update(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32 + Copy + Sync) {
    assert_eq!(x.len(), y.len(), "the two arrays differ in length");
    chunks::over(1, 3, y, |range, y| update_part(&x[range], y, f));
}

/// Takes `f` by value: behind a reference, what it captured might change with every number stored, and the compiler would
/// make no vectors.
fn update_part(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x, *y);
    }
}

/// y = f(x), cut over threads where it is long.
fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32 + Copy + Sync) {
    update(x, y, move |x, _| f(x));
}

/// `x` or 0, by a mask: of a condition on random data, the machine would guess a branch wrong half the time.
#[inline(always)]
fn keep_if(condition: bool, x: f32) -> f32 {
    f32::from_bits(x.to_bits() & u32::from(condition).wrapping_neg())
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
    let scale = |y: &mut [f32], factor: f32| y.iter_mut().for_each(|y| *y *= factor);
    chunks::over(1, 2, y, |_, y| scale(y, factor));
}

/// y = x · `scale` + `offset`, rounded after the product and after the sum on every machine.
pub fn scale_and_shift(x: &[f32], scale: f32, offset: f32, y: &mut [f32]) {
    map(x, y, move |x| x * scale + offset);
}

/// y = max(x, 0), at most `maximum` where there is one, number by number what
/// [`Activation`](crate::activation::Activation) gives: NaN stays NaN.
pub fn relu(maximum: Option<f32>, x: &[f32], y: &mut [f32]) {
    match maximum {
        None => map(x, y, positive),
        Some(maximum) => map(x, y, move |x| {
            let positive = positive(x);
            if positive > maximum { maximum } else { positive }
        }),
    }
}

/// The gradient of [`relu`] in place: `dy` becomes 0 except where 0 < y < `maximum`, as in TensorFlow.
pub fn relu_gradient(maximum: Option<f32>, y: &[f32], dy: &mut [f32]) {
    match maximum {
        None => update(y, dy, |y, dy| keep_if(y > 0.0, dy)),
        Some(maximum) => update(y, dy, move |y, dy| keep_if((y > 0.0) & (y < maximum), dy)),
    }
}

/// The gradient of [`relu`] in guided backpropagation (Springenberg and others, 2014), in place: [`relu_gradient`] that
/// also stops negative gradients.
pub fn guided_relu_gradient(maximum: Option<f32>, y: &[f32], dy: &mut [f32]) {
    match maximum {
        None => update(y, dy, |y, dy| keep_if(y > 0.0, positive(dy))),
        Some(maximum) => update(y, dy, move |y, dy| keep_if((y > 0.0) & (y < maximum), positive(dy))),
    }
}

/// max(x, 0) that keeps NaN.
#[inline(always)]
fn positive(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
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
            *y = keep_if(keep != 0, x * scale);
        }
    });
}

/// Whether `x` holds neither infinity nor NaN.
pub fn is_finite(x: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    // Blocks: without a branch inside them they become vectors, between them the search may end early.
    let part = |part: &[f32]| {
        let is_bad = |x: &f32| u32::from(x.to_bits() & EXPONENT == EXPONENT);
        part.chunks(1024).all(|block| block.iter().fold(0, |bad, x| bad | is_bad(x)) == 0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::reference::elementwise as reference;
    use crate::testing::{assert_close, central_differences, numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    const MAXIMA: [Option<f32>; 2] = [None, Some(0.5)];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn loops_agree_with_the_reference(len in 0usize..300, seed: u32, scale in -3f32..3.0) {
            let (a, b) = (numbers(len, seed), numbers(len, seed ^ 1));
            let (wide_a, wide_b) = (widened(&a), widened(&b));
            let keep: Vec<u8> = b.iter().map(|&b| u8::from(b > 0.0)).collect();
            let (mut y, mut exact) = (a.clone(), wide_a.clone());

            add(&a, &b, &mut y);
            reference::add(&wide_a, &wide_b, &mut exact);
            assert_close(&y, &exact, 1e-7);
            let sum = y.clone();
            y.copy_from_slice(&a);
            add_assign(&mut y, &b);
            prop_assert_eq!(&y, &sum);

            scale_and_shift(&a, scale, 0.5, &mut y);
            reference::scale_and_shift(&wide_a, f64::from(scale), 0.5, &mut exact);
            assert_close(&y, &exact, 5e-7);
            scale_and_shift(&a, scale, 0.0, &mut y);
            let mut scaled = a.clone();
            scale_assign(&mut scaled, scale);
            prop_assert_eq!(&y, &scaled);

            dropout(&keep, scale, &a, &mut y);
            reference::dropout(&keep, f64::from(scale), &wide_a, &mut exact);
            assert_close(&y, &exact, 2e-7);

            sigmoid(&a, &mut y);
            reference::sigmoid(&wide_a, &mut exact);
            assert_close(&y, &exact, 2e-7);
            let (mut dy, mut exact_dy) = (b.clone(), wide_b.clone());
            sigmoid_gradient(&y, &mut dy);
            reference::sigmoid_gradient(&exact, &mut exact_dy);
            assert_close(&dy, &exact_dy, 5e-7);
            let difference = central_differences(&wide_a, &wide_b, reference::sigmoid, len);
            assert_close(&dy, &difference, 1e-6);

            for maximum in MAXIMA {
                let wide_maximum = maximum.map(f64::from);
                relu(maximum, &a, &mut y);
                reference::relu(wide_maximum, &wide_a, &mut exact);
                prop_assert_eq!(&widened(&y), &exact);
                let activation = maximum.map_or(Activation::Relu, Activation::ReluUpTo);
                prop_assert!(a.iter().zip(&y).all(|(&a, &y)| activation.apply(a) == y));

                let (mut dy, mut exact_dy) = (b.clone(), wide_b.clone());
                relu_gradient(maximum, &y, &mut dy);
                reference::relu_gradient(wide_maximum, &exact, &mut exact_dy);
                prop_assert_eq!(&widened(&dy), &exact_dy);
                let expected = y.iter().zip(&b).map(|(&y, &b)| if activation.passes(y) { b } else { 0.0 });
                prop_assert_eq!(&dy, &expected.collect::<Vec<_>>());

                let (mut dy, mut exact_dy) = (b.clone(), wide_b.clone());
                guided_relu_gradient(maximum, &y, &mut dy);
                reference::guided_relu_gradient(wide_maximum, &exact, &mut exact_dy);
                prop_assert_eq!(&widened(&dy), &exact_dy);
            }
        }

        #[test]
        fn one_number_that_is_not_finite_is_found(len in 1usize..100_000, place: prop::sample::Index, kind in 0usize..3) {
            let mut x = vec![f32::MAX; len];
            prop_assert!(is_finite(&x));
            x[place.index(len)] = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN][kind];
            prop_assert!(!is_finite(&x));
        }
    }

    #[test]
    fn rectifiers_keep_nan_and_cut_at_both_ends() {
        let x = [f32::NAN, -0.0, 0.0, -1.0, f32::NEG_INFINITY, 7.0, f32::INFINITY];
        let mut y = [1.0; 7];
        relu(None, &x, &mut y);
        assert!(y[0].is_nan());
        assert_eq!(y[1..], [0.0, 0.0, 0.0, 0.0, 7.0, f32::INFINITY]);
        let mut dy = [3.0; 7];
        relu_gradient(None, &y, &mut dy);
        assert_eq!(dy, [0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 3.0]);
        relu(Some(6.0), &x, &mut y);
        assert!(y[0].is_nan());
        assert_eq!(y[1..], [0.0, 0.0, 0.0, 0.0, 6.0, 6.0]);
        let mut dy = [3.0; 7];
        relu_gradient(Some(6.0), &y, &mut dy);
        assert_eq!(dy, [0.0; 7], "where the maximum cuts, no gradient passes");
        let mut dy = [2.0, -2.0, f32::NAN];
        guided_relu_gradient(None, &[1.0, 1.0, 1.0], &mut dy);
        assert!(dy[..2] == [2.0, 0.0] && dy[2].is_nan());
    }

    #[test]
    fn dropout_drops_even_what_is_not_finite() {
        let mut y = [1.0; 3];
        dropout(&[0, 0, 1], 2.0, &[f32::NAN, f32::INFINITY, 3.0], &mut y);
        assert_eq!(y, [0.0, 0.0, 6.0]);
    }

    #[test]
    fn the_sigmoid_keeps_its_digits_on_both_sides() {
        let x = [f32::NEG_INFINITY, -1e4, -80.0, 0.0, 80.0, 1e4, f32::INFINITY, f32::NAN];
        let mut y = [9.0; 8];
        sigmoid(&x, &mut y);
        let small = (-80f64).exp();
        assert_eq!(y[..2], [0.0, 0.0]);
        assert!((f64::from(y[2]) / small - 1.0).abs() < 1e-6, "{}", y[2]);
        assert_eq!(y[3..7], [0.5, 1.0, 1.0, 1.0]);
        assert!(y[7].is_nan());
    }

    #[test]
    fn threads_change_no_bit() {
        let len = 300_007;
        let (a, b) = (numbers(len, 1), numbers(len, 2));
        same_for_any_threads(|| {
            let mut y = a.clone();
            add_assign(&mut y, &b);
            let mut z = a.clone();
            sigmoid(&y, &mut z);
            relu_gradient(Some(0.7), &z, &mut y);
            scale_assign(&mut z, 1.1);
            [y, z].concat()
        });
    }
}
