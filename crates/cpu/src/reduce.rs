//! Sums: of everything, per column, and the moments per channel.
//!
//! Cuts follow from lengths alone and their sums are added in order, so no bit depends on the number of threads.

use crate::memory::Buffer;
use crate::{chunks, parallel};

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

/// out[c] = Σ x[r, c] over the rows of `columns` numbers, each sum one chain of f32 additions in the order of the rows.
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
    let [sums, squares] = channel_sums(channels, x, x, |x, _, channel| {
        let distance = f64::from(x) - f64::from(first[channel]);
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

/// Two sums per channel over all rows, in f64: of the two numbers that `terms(a, b, channel)` gives.
pub(crate) fn channel_sums(
    channels: usize,
    a: &[f32],
    b: &[f32],
    terms: impl Fn(f32, f32, usize) -> [f64; 2] + Sync,
) -> [Buffer<f64>; 2] {
    let rows = rows(channels, a.len());
    let per_part = chunks::units_per_chunk(channels);
    let parts = rows.div_ceil(per_part);
    let part = |part: usize| {
        let range = part * per_part * channels..rows.min((part + 1) * per_part) * channels;
        let mut sums = [Buffer::<f64>::zeros(channels), Buffer::<f64>::zeros(channels)];
        let [first, second] = &mut sums;
        for (a, b) in a[range.clone()].chunks_exact(channels).zip(b[range].chunks_exact(channels)) {
            for channel in 0..channels {
                let [one, two] = terms(a[channel], b[channel], channel);
                first[channel] += one;
                second[channel] += two;
            }
        }
        sums
    };
    let mut total = [Buffer::<f64>::zeros(channels), Buffer::<f64>::zeros(channels)];
    let fold = |_, sums: [Buffer<f64>; 2]| {
        for (total, sums) in total.iter_mut().zip(&sums) {
            total.iter_mut().zip(&**sums).for_each(|(total, &sum)| *total += sum);
        }
    };
    if chunks::is_small(a.len()) {
        let mut fold = fold;
        (0..parts).for_each(|index| fold(index, part(index)));
    } else {
        parallel::ordered_fold(parts, part, fold);
    }
    total
}
