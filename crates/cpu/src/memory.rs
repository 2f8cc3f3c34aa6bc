//! The recycler: blocks of memory that go back on a shelf when dropped and are handed out again.
//!
//! A fresh 4 KiB page costs about 1.35 µs at its first touch, as much as the arithmetic on it, and a general allocator
//! returns large blocks to the system at every drop. So every tensor, scratch area and partial sum is a [`Buffer`]:
//! taken from a shelf of its size class, put back when dropped. No signature mentions the recycler.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Mutex;

/// Blocks start on a cache line, so that two threads never write to the same line and a vector never straddles two.
const ALIGNMENT: usize = 64;

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
    /// How often a block had to be asked for from the system.
    pub misses: usize,
}

struct Recycler {
    /// One shelf per size class; the block put back last is handed out first, while it is still in the cache.
    shelves: Vec<Vec<Block>>,
    statistics: Statistics,
    high_water: usize,
    put_back: u64,
}

impl Recycler {
    /// Takes the blocks that have been idle longest off the shelves until `bytes` more may be idle.
    fn make_room(&mut self, bytes: usize) -> Vec<Block> {
        let keep = self.high_water.max(IDLE_FLOOR);
        let mut freed = Vec::new();
        while self.statistics.idle + bytes > keep {
            // On each shelf the first has been idle longest.
            let oldest = |shelf: &&mut Vec<Block>| shelf.first().map_or(u64::MAX, |block| block.idle_since);
            let Some(shelf) = self.shelves.iter_mut().filter(|shelf| !shelf.is_empty()).min_by_key(oldest)
            else {
                break;
            };
            let block = shelf.remove(0);
            self.statistics.idle -= block.bytes;
            freed.push(block);
        }
        freed
    }
}

static RECYCLER: Mutex<Recycler> = Mutex::new(Recycler {
    shelves: Vec::new(),
    statistics: Statistics { in_use: 0, peak: 0, idle: 0, misses: 0 },
    high_water: 0,
    put_back: 0,
});

fn recycler() -> std::sync::MutexGuard<'static, Recycler> {
    // Nothing below can panic half-way through a change, so a poisoned lock still guards consistent shelves.
    RECYCLER.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The size class of `bytes` and the size of its blocks.
fn class_of(bytes: usize) -> (usize, usize) {
    let lines = bytes.div_ceil(ALIGNMENT).max(1);
    if lines <= STEPS {
        return (lines - 1, lines * ALIGNMENT);
    }
    // Between 2^k and 2^(k+1) lines there are STEPS classes, 2^k / STEPS lines apart.
    let power = (lines - 1).ilog2() as usize;
    let step = 1 << (power - STEPS.ilog2() as usize);
    let index = (lines - (1 << power)).div_ceil(step);
    (STEPS - 1 + (power - STEPS.ilog2() as usize) * STEPS + index, ((1 << power) + index * step) * ALIGNMENT)
}

struct Block {
    start: NonNull<u8>,
    bytes: usize,
    /// When it was put back, counted in blocks put back.
    idle_since: u64,
}

// SAFETY: a block is a unique owner of plain memory; nothing in it is tied to a thread.
unsafe impl Send for Block {}
// SAFETY: a shared block is only read, and plain memory may be read from any thread.
unsafe impl Sync for Block {}

impl Block {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGNMENT).expect("a tensor larger than the address space")
    }

    fn new(bytes: usize) -> Block {
        let layout = Block::layout(bytes);
        // SAFETY: the layout has a size above zero (`class_of` gives at least one line).
        let start = unsafe { alloc_zeroed(layout) };
        match NonNull::new(start) {
            Some(start) => Block { start, bytes, idle_since: 0 },
            None => handle_alloc_error(layout),
        }
    }

    fn free(self) {
        // SAFETY: `start` came from `alloc_zeroed` with this very layout and is freed once, as `self` is consumed.
        unsafe { dealloc(self.start.as_ptr(), Block::layout(self.bytes)) }
    }
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
        let (class, bytes) = class_of(bytes.expect("a tensor larger than the address space"));
        let block = {
            let mut recycler = recycler();
            let block = recycler.shelves.get_mut(class).and_then(Vec::pop);
            match block {
                Some(_) => recycler.statistics.idle -= bytes,
                None => recycler.statistics.misses += 1,
            }
            recycler.statistics.in_use += bytes;
            recycler.statistics.peak = recycler.statistics.peak.max(recycler.statistics.in_use);
            recycler.high_water = recycler.high_water.max(recycler.statistics.in_use);
            block
        };
        let block = block.unwrap_or_else(|| Block::new(bytes));
        if cfg!(debug_assertions) {
            // SAFETY: the block is ours alone and `bytes` long.
            unsafe { block.start.write_bytes(0xff, block.bytes) }
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
            Some(block) => block.start.as_ptr(),
            None => unreachable!("the block leaves only when the buffer is dropped"),
        }
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the block is aligned to 64 bytes, at least `len · size_of::<T>()` long and initialised (zeroed when
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
        let Some(mut block) = self.block.take() else { return };
        let mut recycler = recycler();
        recycler.statistics.in_use -= block.bytes;
        let freed = recycler.make_room(block.bytes);
        let (class, _) = class_of(block.bytes);
        if recycler.shelves.len() <= class {
            recycler.shelves.resize_with(class + 1, Vec::new);
        }
        recycler.put_back += 1;
        block.idle_since = recycler.put_back;
        recycler.statistics.idle += block.bytes;
        recycler.shelves[class].push(block);
        drop(recycler);
        freed.into_iter().for_each(Block::free);
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
    let shelves = {
        let mut recycler = recycler();
        recycler.statistics.idle = 0;
        recycler.high_water = recycler.statistics.in_use;
        std::mem::take(&mut recycler.shelves)
    };
    shelves.into_iter().flatten().for_each(Block::free);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_large_enough_and_waste_little() {
        let mut last = class_of(1);
        for bytes in (1..200_000).chain((18..40).map(|k| (1usize << k) + 1)) {
            let (class, size) = class_of(bytes);
            assert!(size >= bytes);
            assert!(size - bytes <= ALIGNMENT.max(bytes / STEPS + ALIGNMENT), "{bytes} became {size}");
            assert_eq!(class_of(size), (class, size), "a block goes back to its own shelf");
            if bytes < 200_000 {
                assert!(class >= last.0 && (class == last.0) == (size == last.1));
                last = (class, size);
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
