//! The recycler: blocks of memory that go back on a shelf when dropped and are handed out again.
//!
//! A fresh 4 KiB page costs about 1.35 µs at its first touch, as much as the arithmetic on it, and a general allocator
//! returns large blocks to the system at every drop. So every tensor, scratch area and partial sum is a [`Buffer`]:
//! taken from a shelf of its size class, put back when dropped. No signature mentions the recycler.
//!
//! With several threads it is a matter of luck when all of them stand where they need the most blocks of a class. So the
//! shelves watch what one item of parallel work holds at most, and keep that many for every thread: once each item has run,
//! no later step needs the system, however the threads are timed. What is kept in advance is untouched and costs no memory.

mod block;

use block::{ALIGNMENT, Block};
use std::alloc::handle_alloc_error;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// Size classes: eight per power of two, so a block is at most an eighth larger than what was asked for.
const STEPS: usize = 8;

/// Idle memory that is always kept; beyond it, no more stays idle than was ever in use at once.
const IDLE_FLOOR: usize = 16 << 20;

/// The most bytes that a block may have, far above any memory and far enough below `isize::MAX` for its class.
const LARGEST: usize = isize::MAX as usize / 2;

mod sealed {
    pub trait Sealed {}
}

/// Plain numbers: every bit pattern is a value, so recycled memory may be read before it is written.
pub trait Plain:
    sealed::Sealed + Copy + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static
{
}

macro_rules! plain {
    ($($number:ty),*) => { $( impl sealed::Sealed for $number {} impl Plain for $number {} )* };
}
plain!(f32, f64, u8, u16, u32);

/// What the recycler has done so far, in bytes and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes handed out and not yet dropped.
    pub in_use: usize,
    /// The largest `in_use` since the start or since [`reset_peak`].
    pub peak: usize,
    /// Bytes waiting on the shelves.
    pub idle: usize,
    /// Bytes on the shelves that nobody has written yet: address space, to which the system gives memory when it is touched.
    pub reserved: usize,
    /// How many blocks had to be asked for from the system.
    pub misses: usize,
}

/// The blocks of one size class that nobody holds.
#[derive(Default)]
struct Shelf {
    /// The block put back last is handed out first, while it is still in the cache.
    blocks: Vec<Block>,
    /// Blocks that nobody has written yet, for threads that have not needed theirs so far.
    untouched: Vec<Block>,
    /// The most blocks that one item of parallel work has held beyond those there when it began.
    most: isize,
    /// What the items that run now hold, beyond those there when they began.
    running: isize,
}

struct Recycler {
    /// One shelf per size class.
    shelves: Vec<Shelf>,
    statistics: Statistics,
    high_water: usize,
    /// How many blocks have been put back.
    puts: u64,
}

/// An item of parallel work, on its thread.
struct Item {
    /// How many threads run such items at the same time; zero outside of one.
    threads: isize,
    /// By size class: blocks taken less blocks put back.
    held: Vec<isize>,
}

thread_local! {
    static ITEM: RefCell<Item> = const { RefCell::new(Item { threads: 0, held: Vec::new() }) };
}

impl Recycler {
    fn shelf(&mut self, class: usize) -> &mut Shelf {
        if self.shelves.len() <= class {
            self.shelves.resize_with(class + 1, Shelf::default);
        }
        &mut self.shelves[class]
    }

    /// A block from its shelf, counted as handed out; `None` if there is none.
    fn take(&mut self, class: usize) -> Option<Block> {
        let bytes = bytes_of(class);
        let shelf = self.shelf(class);
        let (touched, untouched) = match shelf.blocks.pop() {
            Some(block) => (Some(block), None),
            None => (None, shelf.untouched.pop()),
        };
        let statistics = &mut self.statistics;
        match (&touched, &untouched) {
            (Some(_), _) => statistics.idle -= bytes,
            (None, Some(_)) => statistics.reserved -= bytes,
            (None, None) => statistics.misses += 1,
        }
        statistics.in_use += bytes;
        statistics.peak = statistics.peak.max(statistics.in_use);
        self.high_water = self.high_water.max(statistics.in_use);
        self.count(class, 1);
        touched.or(untouched)
    }

    /// Puts a block on its shelf; returns those that must leave for it.
    fn put_back(&mut self, mut block: Block) -> Vec<Block> {
        let class = class_of(block.bytes);
        self.statistics.in_use -= block.bytes;
        let freed = self.make_room(block.bytes);
        self.statistics.idle += block.bytes;
        self.puts += 1;
        block.idle_since = self.puts;
        self.shelf(class).blocks.push(block);
        self.count(class, -1);
        freed
    }

    /// Notes that the item of this thread, if it runs one, holds `change` more blocks of a class.
    fn count(&mut self, class: usize, change: isize) {
        // Where a thread's own variables are gone already, it runs no item.
        let _ = ITEM.try_with(|item| {
            let Item { threads, held } = &mut *item.borrow_mut();
            if *threads == 0 {
                return;
            }
            if held.len() <= class {
                held.resize(class + 1, 0);
            }
            held[class] += change;
            let shelf = self.shelf(class);
            shelf.running += change;
            shelf.most = shelf.most.max(held[class]);
            self.reserve(class, *threads);
        });
    }

    /// Asks the system for what `threads` items may still need, if each of them comes to hold as much as any item ever did.
    fn reserve(&mut self, class: usize, threads: isize) {
        let bytes = bytes_of(class);
        let shelf = self.shelf(class);
        let there = shelf.blocks.len() + shelf.untouched.len();
        for _ in there as isize..threads * shelf.most - shelf.running {
            // If the system refuses, it may be that the block is never needed.
            let Some(block) = Block::new(bytes) else { return };
            self.shelves[class].untouched.push(block);
            self.statistics.reserved += bytes;
            self.statistics.misses += 1;
        }
    }

    /// Takes the blocks that have been idle longest off the shelves until `bytes` more may be idle.
    fn make_room(&mut self, bytes: usize) -> Vec<Block> {
        let keep = self.high_water.max(IDLE_FLOOR);
        let mut freed = Vec::new();
        while self.statistics.idle + bytes > keep {
            // On each shelf the first has been idle longest.
            let oldest = |shelf: &&mut Shelf| shelf.blocks.first().map_or(u64::MAX, |block| block.idle_since);
            let filled = self.shelves.iter_mut().filter(|shelf| !shelf.blocks.is_empty());
            let Some(shelf) = filled.min_by_key(oldest) else { break };
            let block = shelf.blocks.remove(0);
            self.statistics.idle -= block.bytes;
            freed.push(block);
        }
        freed
    }
}

static RECYCLER: Mutex<Recycler> = Mutex::new(Recycler {
    shelves: Vec::new(),
    statistics: Statistics { in_use: 0, peak: 0, idle: 0, reserved: 0, misses: 0 },
    high_water: 0,
    puts: 0,
});

fn recycler() -> std::sync::MutexGuard<'static, Recycler> {
    // Nothing below can panic half-way through a change, so a poisoned lock still guards consistent shelves.
    RECYCLER.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The size class of blocks for `bytes`.
fn class_of(bytes: usize) -> usize {
    let lines = bytes.div_ceil(ALIGNMENT).max(1);
    if lines <= STEPS {
        return lines - 1;
    }
    // Between 2^k and 2^(k+1) lines there are STEPS classes, 2^k / STEPS lines apart.
    let power = ((lines - 1).ilog2() - STEPS.ilog2()) as usize;
    (power + 1) * STEPS + (lines - 1 - (STEPS << power)) / (1 << power)
}

/// How large the blocks of a class are.
fn bytes_of(class: usize) -> usize {
    let lines = match (class / STEPS, class % STEPS + 1) {
        (0, lines) => lines,
        (power, steps) => (STEPS + steps) << (power - 1),
    };
    lines * ALIGNMENT
}

/// Runs one item of the parallel work that `threads` threads do at the same time.
pub(crate) fn item<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    /// Ends the item, also when it panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            ITEM.with_borrow_mut(|item| {
                let mut recycler = recycler();
                for (class, held) in item.held.iter_mut().enumerate().filter(|(_, held)| **held != 0) {
                    recycler.shelf(class).running -= std::mem::take(held);
                    recycler.reserve(class, item.threads);
                }
                item.threads = 0;
            });
        }
    }
    let is_inside = ITEM.with_borrow_mut(|item| {
        let is_inside = item.threads > 0;
        item.threads = item.threads.max(threads as isize);
        is_inside
    });
    // An item inside another is a part of it.
    let _end = (!is_inside).then_some(End);
    work()
}

/// A block of `len` numbers from the recycler; dropping it puts it back.
///
/// Its first contents are unspecified (in builds with debug assertions every bit is set, which makes each f32 a NaN).
pub struct Buffer<T: Plain> {
    /// Taken out when dropped.
    block: Option<Block>,
    len: usize,
    numbers: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// A buffer of `len` numbers with unspecified contents.
    pub fn recycled(len: usize) -> Buffer<T> {
        let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= LARGEST);
        let class = class_of(bytes.expect("a tensor larger than the address space"));
        let recycled = recycler().take(class);
        let block = recycled.or_else(|| Block::new(bytes_of(class)));
        let mut block = block.unwrap_or_else(|| handle_alloc_error(Block::layout(bytes_of(class))));
        if cfg!(debug_assertions) {
            block.poison();
        }
        Buffer { block: Some(block), len, numbers: PhantomData }
    }

    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Buffer<T> {
        let mut buffer = Buffer::recycled(len);
        buffer.fill(T::default());
        buffer
    }

    /// A buffer with a copy of `numbers`.
    pub fn copied(numbers: &[T]) -> Buffer<T> {
        let mut buffer = Buffer::recycled(numbers.len());
        buffer.copy_from_slice(numbers);
        buffer
    }

    fn start(&self) -> *mut u8 {
        match &self.block {
            Some(block) => block.start(),
            None => unreachable!("the block leaves only when the buffer is dropped"),
        }
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the block is aligned to 64 bytes, at least `len · size_of::<T>()` long and initialised (zeros when
        // new, written by earlier owners since); any bit pattern is a `T`, as `Plain` is sealed to plain numbers.
        unsafe { std::slice::from_raw_parts(self.start().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes the access unique.
        unsafe { std::slice::from_raw_parts_mut(self.start().cast(), self.len) }
    }
}

impl<T: Plain> Drop for Buffer<T> {
    fn drop(&mut self) {
        let Some(block) = self.block.take() else { return };
        let freed = recycler().put_back(block);
        // After the lock is open again, as the system takes its time.
        drop(freed);
    }
}

impl<T: Plain> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer of {} {}", self.len, std::any::type_name::<T>())
    }
}

/// What the recycler holds and has done.
pub fn statistics() -> Statistics {
    recycler().statistics
}

/// Bytes handed out and not yet dropped.
pub fn in_use() -> usize {
    statistics().in_use
}

/// The largest [`in_use`] since the start or since [`reset_peak`], in bytes.
pub fn peak() -> usize {
    statistics().peak
}

/// Starts a new measurement of [`peak`].
pub fn reset_peak() {
    let mut recycler = recycler();
    recycler.statistics.peak = recycler.statistics.in_use;
}

/// Gives all idle memory back to the system.
pub fn release() {
    let mut freed = Vec::new();
    let mut recycler = recycler();
    for shelf in &mut recycler.shelves {
        freed.append(&mut shelf.blocks);
        freed.append(&mut shelf.untouched);
        shelf.most = 0;
    }
    recycler.statistics.idle = 0;
    recycler.statistics.reserved = 0;
    recycler.high_water = recycler.statistics.in_use;
    drop(recycler);
    drop(freed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel;

    #[test]
    fn classes_are_ordered_large_enough_and_waste_little() {
        let mut last = 0;
        for bytes in (1..200_000).chain((18..40).map(|k| (1usize << k) + 1)) {
            let class = class_of(bytes);
            let size = bytes_of(class);
            assert!(size >= bytes);
            assert!(size - bytes <= ALIGNMENT.max(bytes / STEPS + ALIGNMENT), "{bytes} became {size}");
            assert_eq!(class_of(size), class, "a block goes back to its own shelf");
            if bytes < 200_000 {
                assert!(class == last || class == last + 1, "no class is left out");
                last = class;
            }
        }
    }

    #[test]
    fn a_dropped_buffer_is_handed_out_again_and_poisoned() {
        // A size that no other test uses.
        let len = 1_234_567;
        let mut first = Buffer::<f32>::recycled(len);
        first.fill(1.0);
        let address = first.as_ptr();
        drop(first);
        let second = Buffer::<f32>::recycled(len);
        assert_eq!(second.as_ptr(), address);
        assert_eq!(address as usize % ALIGNMENT, 0);
        assert!(second.iter().all(|value| value.is_nan()), "tests must not be able to rely on old contents");
    }

    #[test]
    fn what_an_earlier_job_left_idle_makes_room_for_a_later_one() {
        // More than is ever idle otherwise, in a class that no other test uses, dropped at once.
        let large: Vec<_> = (0..8).map(|_| Buffer::<u8>::recycled(23_456_789)).collect();
        drop(large);
        let address = |len| Buffer::<u8>::zeros(len).as_ptr();
        let first = address(9_876_543);
        assert_eq!(address(9_876_543), first, "the block is on its shelf again");
    }

    /// Of the shelf of buffers of so many bytes: the most held by an item, what items hold now, and the blocks there.
    fn shelf(len: usize) -> (isize, isize, usize) {
        let mut recycler = recycler();
        let shelf = recycler.shelf(class_of(len));
        (shelf.most, shelf.running, shelf.blocks.len() + shelf.untouched.len())
    }

    #[test]
    fn what_one_item_needs_is_kept_for_every_thread() {
        // So large that no other test comes near it. One item at a time, so that the threads never need their blocks together.
        let len = 6_543_210;
        let (turn, first) = (Mutex::new(0), Mutex::new(None));
        parallel::install(3, || {
            parallel::for_each(6, |item| {
                let mut turn = turn.lock().unwrap();
                let held = [Buffer::<u8>::recycled(len), Buffer::recycled(len)];
                if *turn == 0 {
                    assert_eq!(shelf(len), (2, 2, 4), "two for each of the other threads");
                }
                *turn += 1;
                drop(held);
                // One block stays beyond its item.
                if item == 0 {
                    *first.lock().unwrap() = Some(Buffer::<u8>::recycled(len));
                }
            });
        })
        .unwrap();
        let (most, running, _) = shelf(len);
        assert_eq!((most, running), (2, 0), "what is still out belongs to no item that runs");
    }

    #[test]
    fn an_item_that_panics_ends() {
        let len = 3_456_789;
        let panics = || parallel::for_each(4, |_| panic!("{:?}", Buffer::<u8>::recycled(len)));
        assert!(std::panic::catch_unwind(|| parallel::install(2, panics)).is_err());
        assert_eq!((shelf(len).0, shelf(len).1), (1, 0));
        assert!(ITEM.with_borrow(|item| item.threads == 0));
    }

    #[test]
    #[should_panic(expected = "larger than the address space")]
    fn an_absurd_size_is_refused_before_it_wraps() {
        Buffer::<f32>::recycled((1 << 62) - 1);
    }

    #[test]
    fn buffers_of_every_kind_hold_their_numbers() {
        let mut bytes = Buffer::<u8>::zeros(100);
        bytes[99] = 7;
        assert_eq!(bytes[..2], [0, 0]);
        assert_eq!(bytes[99], 7);
        assert_eq!(*Buffer::copied(&[1.5f64, -2.0]), [1.5, -2.0]);
        assert!(Buffer::<u32>::recycled(0).is_empty());
    }
}
