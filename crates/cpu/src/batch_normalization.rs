//! Batch normalisation (Ioffe and Szegedy, 2015) over the last axis: x, y, dx and dy are `[N, height, width, channels]` or
//! any other number of rows of `channels`; all other arrays hold one number per channel.
//!
//! "Learn" normalises with the moments of the batch ([`crate::reduce::moments`]), whose own gradients count; "predict"
//! with fixed statistics.

use crate::chunks;
use crate::gemm::{load_row, store_row};
use crate::memory::Buffer;
use crate::reduce::{channel_sums, rows};
use crate::simd::{Kernel, Simd, Tile, isa};

/// y = x · scale + shift per channel, with the arrays that [`fold`] makes: one fused multiply-add, the same that an
/// [`Epilogue`](crate::epilogue::Epilogue) does, so that fusing changes no bit.
pub fn predict(channels: usize, scale: &[f32], shift: &[f32], x: &[f32], y: &mut [f32]) {
    check(channels, [scale, shift]);
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    let tile = Tile::new(isa(), channels);
    // Repeated to whole vectors of any instruction set.
    let times = (1..=WIDEST_VECTOR).find(|times| (times * channels).is_multiple_of(WIDEST_VECTOR));
    let [scale, shift] = [scale, shift].map(|array| Buffer::copied(&array.repeat(times.unwrap_or(1))));
    over_rows(channels, 2, y, |range, y| {
        tile.run(ScaleAndShift { scale: &scale, shift: &shift, x: &x[range], y });
    });
}

const WIDEST_VECTOR: usize = 16;

/// [`predict`] for some rows; `scale` and `shift` may hold the numbers of several rows.
struct ScaleAndShift<'a> {
    scale: &'a [f32],
    shift: &'a [f32],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for ScaleAndShift<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let period = self.scale.len().max(1);
        for (x, y) in self.x.chunks(period).zip(self.y.chunks_mut(period)) {
            let constants = self.scale.chunks(S::LANES).zip(self.shift.chunks(S::LANES));
            for ((x, y), (scale, shift)) in x.chunks(S::LANES).zip(y.chunks_mut(S::LANES)).zip(constants) {
                let ([x], [scale], [shift]) =
                    (load_row(simd, x), load_row(simd, scale), load_row(simd, shift));
                store_row(simd, [simd.multiply_add(x, scale, shift)], y);
            }
        }
    }
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
    let [shifts, products] = channel_sums(x, dy, mean, |x, dy, mean| {
        let dy = f64::from(dy);
        [dy, dy * (f64::from(x) - f64::from(mean))]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduce::moments;
    use crate::reference::batch_normalization as reference;
    use crate::simd::{Isa, using};
    use crate::testing::{assert_close, central_differences, numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    const EPSILON: f32 = 1e-3;

    struct Case {
        channels: usize,
        x: Vec<f32>,
        dy: Vec<f32>,
        gamma: Vec<f32>,
        beta: Vec<f32>,
        mean: Vec<f32>,
        variance: Vec<f32>,
    }

    /// Random arrays, with the moments of `x`, whose mean is near `offset`.
    fn case(rows: usize, channels: usize, offset: f32, seed: u32) -> Case {
        let x: Vec<f32> = numbers(rows * channels, seed).iter().map(|x| x + offset).collect();
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        moments(channels, &x, &mut mean, &mut variance);
        let [dy, gamma, beta] =
            [(rows * channels, 1), (channels, 2), (channels, 3)].map(|(len, n)| numbers(len, seed ^ n));
        Case { channels, x, dy, gamma, beta, mean, variance }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn learning_agrees_with_the_reference(rows in 2usize..20, channels in 1usize..40, seed: u32) {
            let Case { channels, x, dy, gamma, beta, mean, variance } = case(rows, channels, 0.0, seed);
            let (wide_x, wide_dy, wide_gamma, wide_beta) = (widened(&x), widened(&dy), widened(&gamma), widened(&beta));
            let epsilon = f64::from(EPSILON);
            let (mut y, mut exact) = (x.clone(), wide_x.clone());
            learn(channels, &mean, &variance, EPSILON, &gamma, &beta, &x, &mut y);
            reference::learn(channels, epsilon, &wide_gamma, &wide_beta, &wide_x, &mut exact);
            assert_close(&y, &exact, 3e-6);

            let (mut dx, mut dgamma, mut dbeta) = (x.clone(), gamma.clone(), beta.clone());
            let out = Some(&mut dx[..]);
            learn_gradient(channels, &mean, &variance, EPSILON, &gamma, &x, &dy, out, &mut dgamma, &mut dbeta);
            let (mut exact_dx, mut exact_dgamma, mut exact_dbeta) =
                (wide_x.clone(), wide_gamma.clone(), wide_beta.clone());
            reference::learn_gradient(
                channels, epsilon, &wide_gamma, &wide_x, &wide_dy, &mut exact_dx, &mut exact_dgamma, &mut exact_dbeta,
            );
            assert_close(&dx, &exact_dx, 1e-5);
            assert_close(&dgamma, &exact_dgamma, 1e-6);
            assert_close(&dbeta, &exact_dbeta, 1e-7);

            // The reference itself, against its own forward.
            let len = x.len();
            let by_x = central_differences(
                &wide_x, &wide_dy, |x, y| reference::learn(channels, epsilon, &wide_gamma, &wide_beta, x, y), len,
            );
            let by_gamma = central_differences(
                &wide_gamma, &wide_dy, |gamma, y| reference::learn(channels, epsilon, gamma, &wide_beta, &wide_x, y), len,
            );
            let by_beta = central_differences(
                &wide_beta, &wide_dy, |beta, y| reference::learn(channels, epsilon, &wide_gamma, beta, &wide_x, y), len,
            );
            for (exact, difference) in [(exact_dx, by_x), (exact_dgamma, by_gamma), (exact_dbeta, by_beta)] {
                let scale = exact.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
                prop_assert!(exact.iter().zip(&difference).all(|(a, b)| (a - b).abs() < 1e-5 * scale));
            }

            let (mut again_dgamma, mut again_dbeta) = (gamma.clone(), beta.clone());
            learn_gradient(
                channels, &mean, &variance, EPSILON, &gamma, &x, &dy, None, &mut again_dgamma, &mut again_dbeta,
            );
            prop_assert_eq!((again_dgamma, again_dbeta), (dgamma, dbeta), "what is wanted changes no bit");
        }

        #[test]
        fn predicting_agrees_with_the_reference(rows in 0usize..20, channels in 1usize..40, seed: u32) {
            let Case { channels, x, dy, gamma, beta, .. } = case(rows, channels, 0.0, seed);
            let mean = numbers(channels, seed ^ 4);
            let variance: Vec<f32> = numbers(channels, seed ^ 5).iter().map(|x| x.abs()).collect();
            let (wide_mean, wide_variance, wide_gamma) = (widened(&mean), widened(&variance), widened(&gamma));
            let epsilon = f64::from(EPSILON);
            let (mut scale, mut shift) = (gamma.clone(), gamma.clone());
            fold(&gamma, &beta, &mean, &variance, EPSILON, &mut scale, &mut shift);
            let (mut y, mut exact) = (x.clone(), widened(&x));
            reference::predict(
                channels, &wide_mean, &wide_variance, epsilon, &wide_gamma, &widened(&beta), &widened(&x), &mut exact,
            );
            for isa in Isa::available() {
                y.fill(f32::NAN);
                using(isa, || predict(channels, &scale, &shift, &x, &mut y));
                assert_close(&y, &exact, 5e-7);
            }

            let (mut dx, mut dgamma, mut dbeta) = (x.clone(), gamma.clone(), beta.clone());
            let out = Some(&mut dx[..]);
            predict_gradient(channels, &mean, &variance, EPSILON, &gamma, &x, &dy, out, &mut dgamma, &mut dbeta);
            let (mut exact_dx, mut exact_dgamma, mut exact_dbeta) =
                (widened(&x), widened(&gamma), widened(&beta));
            reference::predict_gradient(
                channels, &wide_mean, &wide_variance, epsilon, &wide_gamma, &widened(&x), &widened(&dy),
                &mut exact_dx, &mut exact_dgamma, &mut exact_dbeta,
            );
            assert_close(&dx, &exact_dx, 2e-7);
            assert_close(&dgamma, &exact_dgamma, 2e-7);
            assert_close(&dbeta, &exact_dbeta, 2e-7);
            let forward = |x: &[f64], y: &mut [f64]| {
                reference::predict(
                    channels, &wide_mean, &wide_variance, epsilon, &wide_gamma, &wide_mean, x, y,
                );
            };
            assert_close(&dx, &central_differences(&widened(&x), &widened(&dy), forward, x.len()), 1e-6);
        }
    }

    #[test]
    fn a_mean_far_above_the_deviation_costs_no_digits() {
        let Case { channels, x, dy, gamma, beta, mean, variance } = case(500, 5, 1e4, 11);
        let (mut y, mut exact) = (x.clone(), widened(&x));
        learn(channels, &mean, &variance, EPSILON, &gamma, &beta, &x, &mut y);
        // With the rounded mean, since rounding it is half a thousandth of the deviation already.
        reference::predict(
            channels,
            &widened(&mean),
            &widened(&variance),
            f64::from(EPSILON),
            &widened(&gamma),
            &widened(&beta),
            &widened(&x),
            &mut exact,
        );
        assert_close(&y, &exact, 1e-6);
        let (mut dx, mut dgamma, mut dbeta) = (x.clone(), gamma.clone(), beta.clone());
        let out = Some(&mut dx[..]);
        learn_gradient(channels, &mean, &variance, EPSILON, &gamma, &x, &dy, out, &mut dgamma, &mut dbeta);
        let (mut exact_dx, mut exact_dgamma, mut exact_dbeta) =
            (widened(&x), widened(&gamma), widened(&beta));
        reference::learn_gradient(
            channels,
            f64::from(EPSILON),
            &widened(&gamma),
            &widened(&x),
            &widened(&dy),
            &mut exact_dx,
            &mut exact_dgamma,
            &mut exact_dbeta,
        );
        // A mean rounded by up to 5e-4 moves each normalised number by up to 1e-3.
        assert_close(&dx, &exact_dx, 2e-4);
        assert_close(&dgamma, &exact_dgamma, 1e-3);
    }

    #[test]
    fn a_constant_channel_becomes_beta() {
        let x = [0.1; 12];
        let (mut mean, mut variance, mut y) = ([0.0], [0.0], [0.0; 12]);
        moments(1, &x, &mut mean, &mut variance);
        learn(1, &mean, &variance, EPSILON, &[3.0], &[0.25], &x, &mut y);
        assert_eq!(y, [0.25; 12]);
    }

    #[test]
    fn threads_change_no_bit() {
        let Case { channels, x, dy, gamma, beta, .. } = case(9_001, 24, 0.5, 13);
        same_for_any_threads(|| {
            let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
            moments(channels, &x, &mut mean, &mut variance);
            let (mut y, mut dx, mut dgamma, mut dbeta) = (x.clone(), x.clone(), gamma.clone(), beta.clone());
            learn(channels, &mean, &variance, EPSILON, &gamma, &beta, &x, &mut y);
            let out = Some(&mut dx[..]);
            learn_gradient(
                channels,
                &mean,
                &variance,
                EPSILON,
                &gamma,
                &x,
                &dy,
                out,
                &mut dgamma,
                &mut dbeta,
            );
            let mut z = x.clone();
            predict(channels, &gamma, &beta, &y, &mut z);
            [mean, variance, y, dx, dgamma, dbeta, z].concat()
        });
    }
}
