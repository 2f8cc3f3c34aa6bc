//! Plain loops for [`crate::softmax`]: see there.

use super::Real;

fn maximum<T: Real>(row: &[T]) -> T {
    row.iter().fold(T::of(f64::NEG_INFINITY), |maximum, &x| maximum.larger(x))
}

/// y = e^x divided by the row's sum of e^x, for every row of `columns` numbers.
pub fn forward<T: Real>(columns: usize, x: &[T], y: &mut [T]) {
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let maximum = maximum(x);
        let mut sum = T::of(0.0);
        for c in 0..columns {
            y[c] = (x[c] - maximum).exp();
            sum += y[c];
        }
        for y in y {
            *y = *y / sum;
        }
    }
}

/// The gradient of [`forward`], in place: dy becomes y · (dy − Σ dy · y).
pub fn gradient<T: Real>(columns: usize, y: &[T], dy: &mut [T]) {
    for (y, dy) in y.chunks_exact(columns).zip(dy.chunks_exact_mut(columns)) {
        let mut dot = T::of(0.0);
        for c in 0..columns {
            dot += dy[c] * y[c];
        }
        for c in 0..columns {
            dy[c] = y[c] * (dy[c] - dot);
        }
    }
}

/// ln Σ e^x over a row of finite numbers.
pub fn log_sum_exp<T: Real>(row: &[T]) -> T {
    let maximum = maximum(row);
    let mut sum = T::of(0.0);
    for &x in row {
        sum += (x - maximum).exp();
    }
    maximum + sum.ln()
}
