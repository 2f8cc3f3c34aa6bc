//! The only file that names rayon. What it gives: work cut by shapes alone, sums in a fixed order, so that no bit of any
//! result depends on the number of threads.
//!
//! Inside a slice of a batch ([`in_slice`]) everything here runs serially: the slices already keep the threads busy.

use crate::{memory, simd};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::LocalKey;

/// The most groups into which the pictures of a batch are cut.
///
/// Every sum over pictures is made per group and the groups are added in order, whatever the number of threads. More
/// groups would feed more threads and cost one more partial sum each. With eight, the digits step (batch 64) reaches 0.89 of
/// the multiply-add limit on two threads against 0.93 on one (Zen 3); beyond eight threads slices leave cores idle.
pub const GROUPS: usize = 8;

thread_local! {
    static IN_SLICE: Cell<bool> = const { Cell::new(false) };
    static SERIAL: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with a mark of its thread set, and sets it back, also when `work` panics.
fn marked<R>(mark: &'static LocalKey<Cell<bool>>, work: impl FnOnce() -> R) -> R {
    struct Restore(&'static LocalKey<Cell<bool>>, bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let _restore = Restore(mark, mark.replace(true));
    work()
}

/// The ranges into which `n` pictures are cut: min([`GROUPS`], `n`) of nearly equal size, inside a slice only one. Larger
/// ones come first: handed out in order, they let threads end together. Twenty pictures are four groups of three and four of
/// two, ten for each of two threads; taken in turn, large and small, one thread would get eleven.
pub fn groups(n: usize) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
    evenly(n, if is_in_slice() { 1 } else { GROUPS })
}

/// The ranges into which `n` pictures are cut where nothing is summed over them: as many as [`groups`], or more so that none
/// holds more than `most`, which must not be zero; and up to twice as many where they are then of equal size, since what is
/// kept for one slice fits every other only then. VGG16 and its head, fine-tuned in batches of twenty: 493 MiB with slices of
/// two and three pictures, 436 with ten of two.
pub fn slices(n: usize, most: usize) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
    let least = GROUPS.max(n.div_ceil(most));
    let count = (least..=2 * least).find(|&count| n.is_multiple_of(count)).unwrap_or(least);
    evenly(n, if is_in_slice() { 1 } else { count })
}

/// The ranges of nearly equal size, larger ones first, into which `n` things are cut: `count` of them, or `n` where they are
/// fewer.
fn evenly(n: usize, count: usize) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
    let count = n.min(count);
    let size = n.checked_div(count).unwrap_or(0);
    let larger = n - size * count;
    let start = move |group: usize| group * size + group.min(larger);
    (0..count).map(move |group| start(group)..start(group + 1))
}

/// Whether the caller runs inside a slice, where all work is serial.
pub fn is_in_slice() -> bool {
    IN_SLICE.get()
}

/// The number of threads that work can be divided over from here.
pub fn threads() -> usize {
    if is_in_slice() || SERIAL.get() { 1 } else { rayon::current_num_threads() }
}

/// Runs `work` as the inside of a slice: serially, its pictures one group.
pub fn in_slice<R>(work: impl FnOnce() -> R) -> R {
    marked(&IN_SLICE, work)
}

/// Runs `work` in a pool of `threads` threads; everything in this file that `work` calls uses that pool.
///
/// # Errors
/// [`ThreadsRefused`] when the system refuses to start so many; then nothing has run.
pub fn install<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R, ThreadsRefused> {
    let isa = simd::overridden();
    let threads = threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| ThreadsRefused { threads, cause })?;
    Ok(pool.install(|| simd::with_override(isa, work)))
}

/// The system refused to start the threads of a pool: memory for their stacks, or their number, is at a limit.
#[derive(Debug)]
pub struct ThreadsRefused {
    /// How many threads were asked for.
    pub threads: usize,
    cause: rayon::ThreadPoolBuildError,
}

impl fmt::Display for ThreadsRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ThreadsRefused { threads, cause } = self;
        write!(f, "the system refused to start {threads} threads ({cause}); ask for fewer")
    }
}

impl Error for ThreadsRefused {}

/// Runs `work(0)` to `work(n − 1)`, handed out in order to the threads of the pool.
pub fn for_each(n: usize, work: impl Fn(usize) + Sync) {
    let workers = threads().min(n);
    if workers <= 1 {
        return (0..n).for_each(work);
    }
    let next = AtomicUsize::new(0);
    let isa = simd::overridden();
    let worker = || {
        simd::with_override(isa, || {
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= n {
                    return;
                }
                memory::item(workers, || work(item));
            }
        })
    };
    rayon::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(|_| worker());
        }
        worker();
    });
}

/// Cuts `numbers` into chunks of `length` (the last may be shorter) and runs `work(index, chunk)` on each.
pub fn for_each_chunk<T: Send>(numbers: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    if threads() <= 1 || numbers.len() <= length {
        return numbers.chunks_mut(length).enumerate().for_each(|(index, chunk)| work(index, chunk));
    }
    // Each chunk is taken exactly once by the thread that gets its number, so the locks are never contended.
    let chunks: Vec<_> = numbers.chunks_mut(length).map(|chunk| Mutex::new(Some(chunk))).collect();
    for_each(chunks.len(), |index| {
        let chunk = chunks[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        work(index, chunk.expect("each chunk is handed out once"));
    });
}

/// Produces item 0 to n − 1, in parallel, and folds them strictly in order.
///
/// A thread folds its item before it takes the next, so at most `threads` items and the fold's own result are alive. Both
/// run serially: whoever waits for parallel work takes up other work meanwhile, here the next item, whose turn would then be
/// waited for on top of the one that it has to wait for.
pub fn ordered_fold<P: Send>(
    n: usize,
    produce: impl Fn(usize) -> P + Sync,
    fold: impl FnMut(usize, P) + Send,
) {
    struct Turn<F> {
        next: usize,
        fold: F,
    }
    /// Lets the others go on when a thread panics before its turn is over.
    struct Abort<'a>(&'a AtomicUsize, &'a Condvar);
    impl Drop for Abort<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.store(1, Ordering::SeqCst);
                self.1.notify_all();
            }
        }
    }
    if threads() <= 1 || n <= 1 {
        let mut fold = fold;
        return (0..n).for_each(|item| fold(item, produce(item)));
    }
    let turn = Mutex::new(Turn { next: 0, fold });
    let (turned, panicked) = (Condvar::new(), AtomicUsize::new(0));
    for_each(n, |item| {
        let abort = Abort(&panicked, &turned);
        let produced = marked(&SERIAL, || produce(item));
        let mut turn = turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // An item waits only for items with smaller numbers; those are being produced by other threads, serially, so
        // that they wait for nothing else. So the wait ends.
        while turn.next != item {
            if panicked.load(Ordering::SeqCst) != 0 {
                return;
            }
            let waited = turned.wait_timeout(turn, std::time::Duration::from_millis(50));
            turn = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        marked(&SERIAL, || (turn.fold)(item, produced));
        turn.next += 1;
        turned.notify_all();
        drop(abort);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_every_picture_once_and_in_order() {
        for n in 0..40 {
            let ranges: Vec<_> = groups(n).collect();
            assert_eq!(ranges.len(), n.min(GROUPS));
            assert_eq!(ranges.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
            assert!(ranges.is_sorted_by(|a, b| a.len() == b.len() || a.len() == b.len() + 1));
        }
        assert!(in_slice(|| groups(40)).eq(std::iter::once(0..40)));
    }

    #[test]
    fn slices_are_of_equal_size_where_that_can_be_and_hold_no_more_than_they_may() {
        let sizes = |n, most| slices(n, most).map(|range| range.len()).collect::<Vec<_>>();
        assert_eq!(sizes(20, usize::MAX), [2; 10]);
        assert_eq!(sizes(64, usize::MAX), [8; 8]);
        assert_eq!(sizes(23, usize::MAX), [3, 3, 3, 3, 3, 3, 3, 2], "no count up to sixteen divides it");
        assert_eq!(sizes(20, 1), [1; 20]);
        assert_eq!(sizes(64, 3), [2; 32], "twenty-two of three do not divide it");
        assert_eq!(sizes(3, usize::MAX), [1; 3]);
        assert!(sizes(0, 1).is_empty());
        for (n, most) in (1..100).flat_map(|n| [(n, 1), (n, 2), (n, 5), (n, usize::MAX)]) {
            let ranges: Vec<_> = slices(n, most).collect();
            assert!(
                ranges.iter().flat_map(Clone::clone).eq(0..n)
                    && sizes(n, most).iter().all(|&len| len <= most)
            );
        }
        assert!(in_slice(|| slices(40, 1)).eq(std::iter::once(0..40)));
    }

    #[test]
    fn a_fold_is_in_order_for_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let mut seen = Vec::new();
            install(threads, || {
                ordered_fold(
                    50,
                    |item| {
                        std::thread::sleep(std::time::Duration::from_micros((item as u64 * 7919) % 300));
                        item * item
                    },
                    |item, square| seen.push((item, square)),
                );
            })
            .unwrap();
            assert_eq!(seen, (0..50).map(|item| (item, item * item)).collect::<Vec<_>>());
        }
    }

    /// Once, whoever added the partial sum of a large tensor in parallel took up the next item while waiting, and waited for
    /// itself.
    #[test]
    fn parallel_work_inside_a_fold_never_waits_for_itself() {
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let work = |sum: &mut [u64]| for_each_chunk(sum, 1, |index, chunk| chunk[0] += index as u64);
            let fold = || {
                for _ in 0..2_000 {
                    let mut sum = [0; 16];
                    let produce = |_| {
                        let mut part = [0; 16];
                        work(&mut part);
                        part[15]
                    };
                    ordered_fold(8, produce, |_, part| {
                        assert_eq!(part, 15);
                        work(&mut sum);
                    });
                    assert_eq!(sum[15], 8 * 15);
                }
            };
            install(3, fold).unwrap();
            done.send(()).unwrap();
        });
        let minute = std::time::Duration::from_secs(60);
        ended.recv_timeout(minute).expect("the folds end");
    }

    #[test]
    fn a_panic_in_one_item_reaches_the_caller() {
        let result = std::panic::catch_unwind(|| {
            install(2, || ordered_fold(8, |item| assert!(item != 3, "item three"), |_, ()| ())).unwrap();
        });
        assert!(result.is_err());
    }

    #[test]
    fn chunks_are_each_visited_once() {
        let mut numbers = vec![0; 1003];
        install(3, || {
            for_each_chunk(&mut numbers, 10, |index, chunk| chunk.iter_mut().for_each(|n| *n += index + 1))
        })
        .unwrap();
        assert!(numbers.iter().enumerate().all(|(i, &n)| n == i / 10 + 1));
    }
}
