//! Sums: of everything, per column, and the moments per channel.
//!
//! Cuts follow from lengths alone and their sums are added in order, so no bit depends on the number of threads.

use crate::memory::Buffer;
use crate::{chunks, parallel};

/// Numbers of neighbouring rows and channels that are summed side by side: enough chains that no addition waits for the last.
const SIDE_BY_SIDE: usize = 32;

/// Σ x, accumulated in f64; 0 for an empty slice.
pub fn sum(x: &[f32]) -> f32 {
    total(x) as f32
}

/// Σ x / n, accumulated in f64; NaN for an empty slice.
pub fn mean(x: &[f32]) -> f32 {
    (total(x) / x.len() as f64) as f32
}

fn total(x: &[f32]) -> f64 {
    let mut total = 0.0;
    in_parts(x.len(), |range| sum_of_part(&x[range]), |part| total += part);
    total
}

fn sum_of_part(x: &[f32]) -> f64 {
    // Eight chains: one would wait for each addition.
    let (blocks, rest) = x.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for block in blocks {
        lanes.iter_mut().zip(block).for_each(|(lane, &x)| *lane += f64::from(x));
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x)).sum::<f64>()
}

/// Cuts `numbers` into chunks, produces a result of each and folds these in order.
fn in_parts<P: Send>(
    numbers: usize,
    produce: impl Fn(std::ops::Range<usize>) -> P + Sync,
    mut fold: impl FnMut(P) + Send,
) {
    let range = |part| part * chunks::CHUNK..numbers.min((part + 1) * chunks::CHUNK);
    let parts = numbers.div_ceil(chunks::CHUNK);
    if chunks::is_small(numbers) {
        return (0..parts).for_each(|part| fold(produce(range(part))));
    }
    parallel::ordered_fold(parts, |part| produce(range(part)), |_, produced| fold(produced));
}

/// `out[c] = Σ x[r, c]` over the rows of `columns` numbers, each sum one chain of f32 additions in the order of the rows.
pub fn column_sums(columns: usize, x: &[f32], out: &mut [f32]) {
    assert_eq!(out.len(), columns, "one sum per column is wanted");
    assert_eq!(x.len().checked_rem(columns).unwrap_or(x.len()), 0, "not a whole number of rows");
    out.fill(0.0);
    if columns == 0 {
        return;
    }
    let sums = |first: usize, out: &mut [f32]| {
        for row in x.chunks_exact(columns) {
            out.iter_mut().zip(&row[first..]).for_each(|(sum, &x)| *sum += x);
        }
    };
    if chunks::is_small(x.len()) {
        return sums(0, out);
    }
    // Threads divide the columns, never a chain, and in whole cache lines.
    let per_thread = columns.div_ceil(parallel::threads()).next_multiple_of(16);
    parallel::for_each_chunk(out, per_thread, |index, out| sums(index * per_thread, out));
}

/// Mean and biased variance per channel of `x`, `[N, height, width, channels]` or any other number of rows of `channels`.
///
/// One pass in f64 over the distance from the first row, so the result is accurate however far the mean is from 0. Of no
/// rows, both are NaN.
pub fn moments(channels: usize, x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    assert_eq!(mean.len(), channels, "one mean per channel is wanted");
    assert_eq!(variance.len(), channels, "one variance per channel is wanted");
    let rows = rows(channels, x.len()) as f64;
    if x.is_empty() {
        mean.fill(f32::NAN);
        return variance.fill(f32::NAN);
    }
    let first = &x[..channels];
    let [sums, squares] = channel_sums(x, x, first, |x, _, first| {
        let distance = f64::from(x) - f64::from(first);
        [distance, distance * distance]
    });
    for channel in 0..channels {
        let distance = sums[channel] / rows;
        mean[channel] = (f64::from(first[channel]) + distance) as f32;
        // Rounding may leave a variance of 0 a little below it.
        let square = squares[channel] / rows - distance * distance;
        variance[channel] = if square < 0.0 { 0.0 } else { square as f32 };
    }
}

/// The number of rows of `channels` numbers in `len`.
pub(crate) fn rows(channels: usize, len: usize) -> usize {
    assert_eq!(
        len.checked_rem(channels).unwrap_or(len),
        0,
        "{len} numbers are no whole number of rows of {channels}"
    );
    len.checked_div(channels).unwrap_or(0)
}

/// Two sums per channel over all rows, in f64: of the two numbers that `terms(a, b, origin)` gives, where `origin` has
/// one number per channel.
pub(crate) fn channel_sums(
    a: &[f32],
    b: &[f32],
    origin: &[f32],
    terms: impl Fn(f32, f32, f32) -> [f64; 2] + Sync,
) -> [Buffer<f64>; 2] {
    let channels = origin.len();
    // Few channels: several rows are summed side by side, or each addition would wait for the last.
    let side_by_side = SIDE_BY_SIDE.div_ceil(channels.max(1));
    let width = side_by_side * channels;
    let mut origins = Buffer::recycled(width);
    for row in origins.chunks_exact_mut(channels.max(1)) {
        row.copy_from_slice(origin);
    }
    let length = chunks::CHUNK.next_multiple_of(width.max(1));
    let part = |part: usize| {
        let range = part * length..a.len().min((part + 1) * length);
        let mut sums = [Buffer::<f64>::zeros(width), Buffer::<f64>::zeros(width)];
        let [first, second] = &mut sums;
        for (a, b) in a[range.clone()].chunks(width).zip(b[range].chunks(width)) {
            let sums = first.iter_mut().zip(second.iter_mut());
            for (((first, second), &origin), (&a, &b)) in sums.zip(&*origins).zip(a.iter().zip(b)) {
                let [one, two] = terms(a, b, origin);
                *first += one;
                *second += two;
            }
        }
        sums
    };
    let mut total = [Buffer::<f64>::zeros(channels), Buffer::<f64>::zeros(channels)];
    let mut fold = |_, sums: [Buffer<f64>; 2]| {
        for (total, sums) in total.iter_mut().zip(&sums) {
            for row in sums.chunks_exact(channels) {
                total.iter_mut().zip(row).for_each(|(total, &sum)| *total += sum);
            }
        }
    };
    let parts = a.len().div_ceil(length);
    if chunks::is_small(a.len()) {
        (0..parts).for_each(|index| fold(index, part(index)));
    } else {
        parallel::ordered_fold(parts, part, fold);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::batch_normalization as reference;
    use crate::testing::{assert_close, numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn sums_agree_with_exact_ones(rows in 1usize..200, columns in 1usize..70, seed: u32, offset in -1e3f32..1e3) {
            let x: Vec<f32> = numbers(rows * columns, seed).iter().map(|x| x + offset).collect();
            let wide = widened(&x);
            let exact: f64 = wide.iter().sum();
            prop_assert_eq!(sum(&x), exact as f32);
            assert_close(&[mean(&x)], &[exact / wide.len() as f64], 1e-7);

            let mut sums = vec![9.0; columns];
            column_sums(columns, &x, &mut sums);
            let chains = |column| x.iter().skip(column).step_by(columns).fold(0.0, |sum: f32, x| sum + x);
            prop_assert_eq!(&sums, &(0..columns).map(chains).collect::<Vec<f32>>());

            let (mut mean, mut variance) = (vec![9.0; columns], vec![9.0; columns]);
            let (mut exact_mean, mut exact_variance) = (vec![0.0; columns], vec![0.0; columns]);
            moments(columns, &x, &mut mean, &mut variance);
            reference::moments(columns, &wide, &mut exact_mean, &mut exact_variance);
            assert_close(&mean, &exact_mean, 1e-7);
            // The scale of the variance is far below 1 in short columns: compare numbers with themselves.
            for (variance, exact) in variance.iter().zip(exact_variance) {
                prop_assert!((f64::from(*variance) - exact).abs() <= 1e-7 * exact + 1e-20, "{variance} for {exact}");
            }
        }
    }

    #[test]
    fn moments_survive_a_mean_far_above_the_deviation() {
        let channels = 3;
        let x: Vec<f32> = numbers(channels * 50_000, 7).iter().map(|x| 1e4 + x * 3f32.sqrt()).collect();
        let (mut mean, mut variance) = ([0.0; 3], [0.0; 3]);
        moments(channels, &x, &mut mean, &mut variance);
        let (mut exact_mean, mut exact_variance) = ([0.0; 3], [0.0; 3]);
        reference::moments(channels, &widened(&x), &mut exact_mean, &mut exact_variance);
        for channel in 0..channels {
            assert_eq!(mean[channel], exact_mean[channel] as f32);
            assert!((f64::from(variance[channel]) / exact_variance[channel] - 1.0).abs() < 1e-7);
            assert!((variance[channel] - 1.0).abs() < 0.02, "the deviation is 1");
        }
    }

    #[test]
    fn special_numbers_stay_visible() {
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        moments(2, &[0.1, 1.0, 0.1, f32::NAN, 0.1, 2.0], &mut mean, &mut variance);
        assert_eq!((mean[0], variance[0]), (0.1, 0.0));
        assert!(mean[1].is_nan() && variance[1].is_nan());
        moments(2, &[], &mut mean, &mut variance);
        assert!(mean[0].is_nan() && variance[1].is_nan());
        assert_eq!(sum(&[]), 0.0);
        assert!(super::mean(&[]).is_nan());
        assert!(sum(&[1.0, f32::NAN]).is_nan());
        assert_eq!(sum(&[1e8, 1.0, -1e8]), 1.0);
        column_sums(0, &[], &mut []);
    }

    #[test]
    fn threads_change_no_bit() {
        for channels in [1, 3, 48, 1000] {
            let x = numbers(channels * (200_000 / channels), 3);
            same_for_any_threads(|| {
                let mut out = vec![0.0; 3 * channels];
                let (sums, moments_out) = out.split_at_mut(channels);
                let (means, variances) = moments_out.split_at_mut(channels);
                column_sums(channels, &x, sums);
                moments(channels, &x, means, variances);
                out.extend([sum(&x), mean(&x)]);
                out
            });
        }
    }
}
