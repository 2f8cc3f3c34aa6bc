//! How the plain loops cut large arrays over threads.

use crate::parallel;
use std::ops::Range;

/// Numbers per chunk: 128 KiB, so that a loop's two or three chunks stay in one core's L2.
pub(crate) const CHUNK: usize = 1 << 15;

/// Loops that touch fewer numbers stay on one thread: reading and writing them takes about as long as the 13 to 20 µs
/// that waking a second thread costs.
const LARGE: usize = 1 << 16;

/// Runs `work(units, part)` over `out`, whose `unit` numbers at a time cannot be cut (a pixel, a row, a picture) and
/// touch `cost` numbers; `units` are the numbers of the units in `part`.
///
/// `work` must give each unit the same bits wherever the cuts are: then no bit depends on the number of threads.
pub(crate) fn over(
    unit: usize,
    cost: usize,
    out: &mut [f32],
    work: impl Fn(Range<usize>, &mut [f32]) + Sync,
) {
    let Some(units) = out.len().checked_div(unit) else { return };
    if is_small(units * cost) {
        return work(0..units, out);
    }
    let per_chunk = units_per_chunk(cost);
    parallel::for_each_chunk(out, per_chunk * unit, |index, part| {
        let first = index * per_chunk;
        work(first..first + part.len() / unit, part);
    });
}

/// [`over`] for two outputs of one length, cut at the same places.
pub(crate) fn over_two(
    unit: usize,
    cost: usize,
    (out, other): (&mut [f32], &mut [u32]),
    work: impl Fn(Range<usize>, &mut [f32], &mut [u32]) + Sync,
) {
    let Some(units) = out.len().checked_div(unit) else { return };
    if is_small(units * cost) {
        return work(0..units, out, other);
    }
    let per_chunk = units_per_chunk(cost);
    let length = per_chunk * unit;
    let mut pairs: Vec<_> = out.chunks_mut(length).zip(other.chunks_mut(length)).collect();
    parallel::for_each_chunk(&mut pairs, 1, |index, pairs| {
        let first = index * per_chunk;
        for (out, other) in pairs {
            work(first..first + out.len() / unit, out, other);
        }
    });
}

/// Whether a loop that touches `numbers` should stay on this thread.
pub(crate) fn is_small(numbers: usize) -> bool {
    numbers < LARGE || parallel::threads() <= 1
}

/// How many units that touch `cost` numbers each make a chunk.
fn units_per_chunk(cost: usize) -> usize {
    (CHUNK / cost.max(1)).max(1)
}
