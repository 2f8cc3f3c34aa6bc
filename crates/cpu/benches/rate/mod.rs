//! Rates beside the limit of this machine, measured in the same process.

use convnet_cpu::limit::{self, Limit};
use convnet_cpu::parallel::is_in_slice;
use criterion::Criterion;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The limit of this machine, and the few samples that a rate needs.
pub(crate) struct Rates {
    criterion: Criterion,
    limit: Limit,
}

impl Rates {
    pub(crate) fn new() -> Rates {
        let limit = limit::measure();
        println!("limit: {:.1} GFLOP/s on one thread, {:.1} on all", limit.one_thread, limit.all_threads);
        let criterion = Criterion::default().configure_from_args().sample_size(10);
        let criterion =
            criterion.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
        Rates { criterion, limit }
    }

    /// Times `work` of `operations`, and prints its best rate and that rate as a fraction of the limit: of one thread inside
    /// a slice, else of all.
    pub(crate) fn measure(&mut self, name: &str, operations: u64, mut work: impl FnMut()) {
        let limit = if is_in_slice() { self.limit.one_thread } else { self.limit.all_threads };
        let best = Cell::new(f64::INFINITY);
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                // Each round by itself: another process may hold a core for one of them, and none can be too fast.
                let rounds = (0..rounds).map(|_| {
                    let start = Instant::now();
                    work();
                    let elapsed = start.elapsed();
                    best.set(best.get().min(elapsed.as_secs_f64()));
                    elapsed
                });
                rounds.sum()
            })
        });
        if best.get().is_finite() {
            let rate = operations as f64 / best.get() / 1e9;
            println!("{name}: {rate:.1} GFLOP/s, {:.2} of the limit", rate / limit);
        }
    }
}

/// Numbers between −1 and 1.
pub(crate) fn numbers(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}
