//! Softmax over the rows of a matrix.

use crate::chunks;

/// The largest number of a row; −∞ for an empty one. Ignores NaN: the sums below do not.
fn maximum(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// y = softmax(x) for every row of `columns` numbers: e^x divided by the row's sum of e^x, computed as e^(x − max) so
/// that nothing overflows; the sum is made in f64.
///
/// A logit of −∞ has probability 0. A row that holds NaN or +∞, or nothing but −∞, becomes NaN.
pub fn forward(columns: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "logits and probabilities differ in length");
    assert!(is_whole(columns, y.len()), "the logits are no whole number of rows of {columns}");
    // An exponential takes about as long as moving eight numbers.
    chunks::over(columns, 8 * columns, y, |rows, y| {
        let x = &x[rows.start * columns..rows.end * columns];
        for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
            let maximum = maximum(x);
            let mut sum = 0.0;
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - maximum).exp();
                sum += f64::from(*y);
            }
            y.iter_mut().for_each(|y| *y = (f64::from(*y) / sum) as f32);
        }
    });
}

/// The gradient of [`forward`], in place: dy becomes y · (dy − Σ dy · y), the sum over the row.
pub fn gradient(columns: usize, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "probabilities and gradient differ in length");
    assert!(is_whole(columns, y.len()), "the probabilities are no whole number of rows of {columns}");
    chunks::over(columns, 3 * columns, dy, |rows, dy| {
        let y = &y[rows.start * columns..rows.end * columns];
        for (y, dy) in y.chunks_exact(columns).zip(dy.chunks_exact_mut(columns)) {
            let dot: f64 = y.iter().zip(&*dy).map(|(&y, &dy)| f64::from(y) * f64::from(dy)).sum();
            for (dy, &y) in dy.iter_mut().zip(y) {
                *dy = (f64::from(y) * (f64::from(*dy) - dot)) as f32;
            }
        }
    });
}

/// ln Σ e^x over a row, without overflow: −∞ for an empty row or one of −∞ only, +∞ where the row holds +∞, NaN where it
/// holds NaN.
pub fn log_sum_exp(row: &[f32]) -> f32 {
    let maximum = maximum(row);
    // ∞ − ∞ would be NaN; without the shift the limits come out right.
    let shift = f64::from(if maximum.is_infinite() { 0.0 } else { maximum });
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - shift).exp()).sum();
    (shift + sum.ln()) as f32
}

fn is_whole(columns: usize, len: usize) -> bool {
    len.checked_rem(columns).unwrap_or(len) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::softmax as reference;
    use crate::testing::{assert_close, central_differences, numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_agree_with_the_reference(rows in 0usize..6, columns in 1usize..30, seed: u32, spread in 0.1f32..20.0) {
            let x: Vec<f32> = numbers(rows * columns, seed).iter().map(|x| x * spread).collect();
            let dy = numbers(rows * columns, seed ^ 1);
            let (mut y, mut exact) = (x.clone(), widened(&x));
            forward(columns, &x, &mut y);
            reference::forward(columns, &widened(&x), &mut exact);
            assert_close(&y, &exact, 3e-7);

            let (mut dx, mut exact_dx) = (dy.clone(), widened(&dy));
            gradient(columns, &y, &mut dx);
            reference::gradient(columns, &exact, &mut exact_dx);
            assert_close(&dx, &exact_dx, 1e-6);
            let forward = |x: &[f64], y: &mut [f64]| reference::forward(columns, x, y);
            let difference = central_differences(&widened(&x), &widened(&dy), forward, rows * columns);
            assert_close(&dx, &difference, 1e-6);

            for x in x.chunks_exact(columns) {
                assert_close(&[log_sum_exp(x)], &[reference::log_sum_exp(&widened(x))], 1e-7);
            }
        }
    }

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let mut y = [9.0; 3];
        forward(3, &[1e4, -1e4, 1e4], &mut y);
        assert_eq!(y, [0.5, 0.0, 0.5]);
        forward(3, &[f32::NEG_INFINITY, 2.0, 2.0], &mut y);
        assert_eq!(y, [0.0, 0.5, 0.5]);
        assert_eq!(log_sum_exp(&[1e4, -1e4]), 1e4);
        assert_eq!(log_sum_exp(&[-1e4, -1e4]), (-1e4 + 2f64.ln()) as f32);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY, 3.0]), 3.0);
    }

    #[test]
    fn what_has_no_softmax_is_nan() {
        for row in [[f32::NEG_INFINITY; 2], [f32::NAN, 1.0], [1.0, f32::NAN], [f32::INFINITY, 1.0]] {
            let mut y = [0.0; 4];
            forward(2, &[row[0], row[1], 0.0, 0.0], &mut y);
            assert!(y[..2].iter().all(|y| y.is_nan()), "{row:?} gives {y:?}");
            assert_eq!(y[2..], [0.5, 0.5], "other rows do not suffer");
        }
        assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY; 2]), f32::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f32::INFINITY, 1.0]), f32::INFINITY);
        for row in [[f32::NAN, f32::INFINITY], [f32::NEG_INFINITY, f32::NAN], [f32::NAN, 1.0]] {
            assert!(log_sum_exp(&row).is_nan());
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let x = numbers(101 * 1000, 5);
        same_for_any_threads(|| {
            let mut y = x.clone();
            forward(101, &x, &mut y);
            let mut dx = x.clone();
            gradient(101, &y, &mut dx);
            [y, dx].concat()
        });
    }
}
