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
