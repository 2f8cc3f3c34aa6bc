//! What the machine could do at most: the yardstick of every measured rate.

use crate::parallel;
use crate::simd::{Kernel, Simd, Tile, isa};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The rate of multiply-adds that never wait for memory, two operations each, in GFLOP/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Of one thread.
    pub one_thread: f64,
    /// Of all threads of the pool together.
    pub all_threads: f64,
}

/// Measures the [`Limit`] of the instruction set in use; takes about 50 ms.
pub fn measure() -> Limit {
    Limit { one_thread: rate(1), all_threads: rate(parallel::threads()) }
}

/// The best of several rounds: another process may hold a core for one of them, and none can be too fast.
fn rate(threads: usize) -> f64 {
    const ROUNDS: usize = 10;
    const ROUND: Duration = Duration::from_micros(2500);
    let tile = Tile::new(isa(), 64);
    let mut best = 0.0f64;
    for _ in 0..ROUNDS {
        let mut operations = vec![0u64; threads];
        let start = Instant::now();
        parallel::for_each_chunk(&mut operations, 1, |_, operations| {
            while start.elapsed() < ROUND {
                operations[0] += tile.run(Chains);
            }
        });
        let total: u64 = operations.iter().sum();
        best = best.max(total as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
    best
}

/// Twelve independent chains: eight to ten are in flight at once on the machines of today, and AVX2 has sixteen registers.
struct Chains;

impl Kernel for Chains {
    type Output = u64;
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) -> u64 {
        const CHAINS: usize = 12;
        const LENGTH: usize = 2000;
        let factor = simd.splat(black_box(0.5));
        let mut sums = [simd.splat(black_box(1.0)); CHAINS];
        for _ in 0..LENGTH {
            for sum in &mut sums {
                *sum = simd.multiply_add(*sum, factor, factor);
            }
        }
        let mut last = [0.0; 16];
        for sum in sums {
            simd.store(sum, &mut last);
            black_box(&mut last);
        }
        (2 * CHAINS * LENGTH * S::LANES) as u64
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_computes() {
        let limit = super::measure();
        assert!(limit.one_thread > 0.01 && limit.all_threads > 0.5 * limit.one_thread, "{limit:?}");
    }
}
