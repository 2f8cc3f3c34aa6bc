//! Plain loops for [`crate::batch_normalization`] and the moments of [`crate::reduce`]: see there.

use super::Real;

/// Mean and biased variance per channel, in two passes.
pub fn moments<T: Real>(channels: usize, x: &[T], mean: &mut [T], variance: &mut [T]) {
    let rows = T::of((x.len() / channels) as f64);
    mean.fill(T::of(0.0));
    variance.fill(T::of(0.0));
    for row in x.chunks_exact(channels) {
        for c in 0..channels {
            mean[c] += row[c] / rows;
        }
    }
    for row in x.chunks_exact(channels) {
        for c in 0..channels {
            variance[c] += (row[c] - mean[c]) * (row[c] - mean[c]) / rows;
        }
    }
}

/// y = (x − mean) / √(variance + ε) · γ + β, with given statistics.
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn predict<T: Real>(
    channels: usize,
    mean: &[T],
    variance: &[T],
    epsilon: T,
    gamma: &[T],
    beta: &[T],
    x: &[T],
    y: &mut [T],
) {
    for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
        for c in 0..channels {
            y[c] = (x[c] - mean[c]) / (variance[c] + epsilon).sqrt() * gamma[c] + beta[c];
        }
    }
}

/// [`predict`] with the moments of `x` itself.
pub fn learn<T: Real>(channels: usize, epsilon: T, gamma: &[T], beta: &[T], x: &[T], y: &mut [T]) {
    let (mut mean, mut variance) = (vec![T::of(0.0); channels], vec![T::of(0.0); channels]);
    moments(channels, x, &mut mean, &mut variance);
    predict(channels, &mean, &variance, epsilon, gamma, beta, x, y);
}

/// The gradients of [`predict`] with respect to input, γ and β.
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn predict_gradient<T: Real>(
    channels: usize,
    mean: &[T],
    variance: &[T],
    epsilon: T,
    gamma: &[T],
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    dgamma.fill(T::of(0.0));
    dbeta.fill(T::of(0.0));
    for i in 0..x.len() {
        let c = i % channels;
        let deviation = (variance[c] + epsilon).sqrt();
        dgamma[c] += dy[i] * (x[i] - mean[c]) / deviation;
        dbeta[c] += dy[i];
        dx[i] = dy[i] * gamma[c] / deviation;
    }
}

/// The gradients of [`learn`]; with x̂ = (x − mean) / σ and M rows, dx = γ/σ · (dy − Σdy/M − x̂ · Σ(dy·x̂)/M).
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn learn_gradient<T: Real>(
    channels: usize,
    epsilon: T,
    gamma: &[T],
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    let (mut mean, mut variance) = (vec![T::of(0.0); channels], vec![T::of(0.0); channels]);
    moments(channels, x, &mut mean, &mut variance);
    predict_gradient(channels, &mean, &variance, epsilon, gamma, x, dy, dx, dgamma, dbeta);
    let rows = T::of((x.len() / channels) as f64);
    for i in 0..x.len() {
        let c = i % channels;
        let deviation = (variance[c] + epsilon).sqrt();
        let normalised = (x[i] - mean[c]) / deviation;
        dx[i] = gamma[c] / deviation * (dy[i] - dbeta[c] / rows - normalised * dgamma[c] / rows);
    }
}
