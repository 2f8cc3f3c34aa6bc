//! Batch normalisation (Ioffe and Szegedy, 2015) over the last axis: x, y, dx and dy are `[N, height, width, channels]` or
//! any other number of rows of `channels`; all other arrays hold one number per channel.
//!
//! "Learn" normalises with the moments of the batch ([`crate::reduce::moments`]), whose own gradients count; "predict"
//! with fixed statistics.

use crate::chunks;
use crate::memory::Buffer;
use crate::reduce::{channel_sums, rows};

/// x · `scale` + `shift`, rounded after the product and after the sum on every machine. Whatever applies a folded
/// normalisation inside another loop must use this, so that fusing changes no bit.
#[inline(always)]
pub fn scale_and_shift(x: f32, scale: f32, shift: f32) -> f32 {
    x * scale + shift
}

/// y = x · scale + shift per channel, with the arrays that [`fold`] makes.
pub fn predict(channels: usize, scale: &[f32], shift: &[f32], x: &[f32], y: &mut [f32]) {
    check(channels, [scale, shift]);
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    over_rows(channels, 2, y, |range, y| {
        for (x, y) in x[range].chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for (((y, &x), &scale), &shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                *y = scale_and_shift(x, scale, shift);
            }
        }
    });
}

/// scale = γ / √(variance + ε) and shift = β − mean · scale, computed in f64.
pub fn fold(
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    scale: &mut [f32],
    shift: &mut [f32],
) {
    check(gamma.len(), [beta, mean, variance, scale, shift]);
    for channel in 0..gamma.len() {
        let exact = f64::from(gamma[channel]) * inverse_deviation(variance[channel], epsilon);
        scale[channel] = exact as f32;
        shift[channel] = (f64::from(beta[channel]) - f64::from(mean[channel]) * exact) as f32;
    }
}

/// y = (x − mean) / √(variance + ε) · γ + β with the moments of this batch. The mean is taken off first, which keeps the
/// digits where it is far larger than the deviation.
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn learn(
    channels: usize,
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    gamma: &[f32],
    beta: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    check(channels, [mean, variance, gamma, beta]);
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    let scale = scales(variance, epsilon, gamma);
    over_rows(channels, 2, y, |range, y| {
        for (x, y) in x[range].chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for ((((y, &x), &mean), &scale), &beta) in y.iter_mut().zip(x).zip(mean).zip(&*scale).zip(beta) {
                *y = (x - mean) * scale + beta;
            }
        }
    });
}

/// The gradients of [`learn`], also through mean and variance. Sums are made in f64.
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn learn_gradient(
    channels: usize,
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    gamma: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: Option<&mut [f32]>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    check(channels, [mean, variance, gamma, dgamma, dbeta]);
    let [shifts, products] = parameter_gradients(channels, mean, variance, epsilon, x, dy, dgamma, dbeta);
    let Some(dx) = dx else { return };
    assert_eq!(dx.len(), x.len(), "input and its gradient differ in length");
    // dx = γ/σ · (dy − Σdy/M − (x − mean)/σ² · Σ(dy·(x − mean))/M), with M rows.
    let rows = rows(channels, x.len()) as f64;
    let scale = scales(variance, epsilon, gamma);
    let (mut shift, mut slope) = (Buffer::<f32>::recycled(channels), Buffer::<f32>::recycled(channels));
    for channel in 0..channels {
        let inverse = inverse_deviation(variance[channel], epsilon);
        let exact = f64::from(gamma[channel]) * inverse;
        shift[channel] = (exact * shifts[channel] / rows) as f32;
        slope[channel] = (exact * inverse * inverse * products[channel] / rows) as f32;
    }
    over_rows(channels, 3, dx, |range, dx| {
        let (x, dy) = (&x[range.clone()], &dy[range]);
        let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels)).zip(dx.chunks_exact_mut(channels));
        for ((x, dy), dx) in rows {
            let constants = mean.iter().zip(&*scale).zip(&*shift).zip(&*slope);
            for (((dx, &x), &dy), (((&mean, &scale), &shift), &slope)) in
                dx.iter_mut().zip(x).zip(dy).zip(constants)
            {
                *dx = dy * scale - shift - (x - mean) * slope;
            }
        }
    });
}

/// The gradients of [`predict`] with respect to its input, γ and β. Sums are made in f64.
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
pub fn predict_gradient(
    channels: usize,
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    gamma: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: Option<&mut [f32]>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    check(channels, [mean, variance, gamma, dgamma, dbeta]);
    parameter_gradients(channels, mean, variance, epsilon, x, dy, dgamma, dbeta);
    if let Some(dx) = dx {
        predict_input_gradient(channels, variance, epsilon, gamma, dy, dx);
    }
}

/// The gradient of [`predict`] with respect to its input alone, which needs no saved input: dx = dy · γ / √(variance + ε).
pub fn predict_input_gradient(
    channels: usize,
    variance: &[f32],
    epsilon: f32,
    gamma: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    check(channels, [variance, gamma]);
    assert_eq!(dx.len(), dy.len(), "the gradients of input and output differ in length");
    let scale = scales(variance, epsilon, gamma);
    over_rows(channels, 2, dx, |range, dx| {
        for (dy, dx) in dy[range].chunks_exact(channels).zip(dx.chunks_exact_mut(channels)) {
            for ((dx, &dy), &scale) in dx.iter_mut().zip(dy).zip(&*scale) {
                *dx = dy * scale;
            }
        }
    });
}

/// Writes dγ = Σ dy · (x − mean) / σ and dβ = Σ dy; returns Σ dy and Σ dy · (x − mean).
#[expect(clippy::too_many_arguments, reason = "each is an array of the formula")]
fn parameter_gradients(
    channels: usize,
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) -> [Buffer<f64>; 2] {
    assert_eq!(x.len(), dy.len(), "input and gradient differ in length");
    let [shifts, products] = channel_sums(channels, x, dy, |x, dy, channel| {
        let dy = f64::from(dy);
        [dy, dy * (f64::from(x) - f64::from(mean[channel]))]
    });
    for channel in 0..channels {
        dbeta[channel] = shifts[channel] as f32;
        dgamma[channel] = (products[channel] * inverse_deviation(variance[channel], epsilon)) as f32;
    }
    [shifts, products]
}

fn inverse_deviation(variance: f32, epsilon: f32) -> f64 {
    1.0 / (f64::from(variance) + f64::from(epsilon)).sqrt()
}

fn scales(variance: &[f32], epsilon: f32, gamma: &[f32]) -> Buffer<f32> {
    let mut scale = Buffer::recycled(gamma.len());
    for ((scale, &gamma), &variance) in scale.iter_mut().zip(gamma).zip(variance) {
        *scale = (f64::from(gamma) * inverse_deviation(variance, epsilon)) as f32;
    }
    scale
}

/// Runs `work(range, part)` on parts of whole rows of `out`, where a loop touches `arrays` arrays of its size.
fn over_rows(
    channels: usize,
    arrays: usize,
    out: &mut [f32],
    work: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
) {
    rows(channels, out.len());
    chunks::over(channels, arrays * channels, out, |rows, part| {
        work(rows.start * channels..rows.end * channels, part);
    });
}

fn check<const N: usize>(channels: usize, arrays: [&[f32]; N]) {
    assert!(
        arrays.iter().all(|array| array.len() == channels),
        "each array needs {channels} numbers, one per channel"
    );
}
