//! Blocks of plain memory from the system.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Blocks start on a cache line, so that two threads never write to the same line and a vector never straddles two.
pub(super) const ALIGNMENT: usize = 64;

/// What the system is asked to align to. It hands out zeros of this alignment as pages that nobody has touched; for a
/// larger one the standard library would write the zeros itself, and so touch them all.
const SYSTEM_ALIGNMENT: usize = 16;

/// A piece of memory, never empty, every byte of it initialised.
pub(super) struct Block {
    start: NonNull<u8>,
    pub(super) bytes: usize,
    /// How far `start` lies behind what the system gave.
    offset: usize,
    /// When it was put back, counted in blocks put back.
    pub(super) idle_since: u64,
}

// SAFETY: a block is a unique owner of plain memory; nothing in it is tied to a thread.
unsafe impl Send for Block {}
// SAFETY: a shared block is only read, and plain memory may be read from any thread.
unsafe impl Sync for Block {}

impl Block {
    pub(super) fn layout(bytes: usize) -> Layout {
        let bytes =
            bytes.checked_add(ALIGNMENT - SYSTEM_ALIGNMENT).expect("a tensor larger than the address space");
        Layout::from_size_align(bytes, SYSTEM_ALIGNMENT).expect("a tensor larger than the address space")
    }

    /// A block of `bytes` zeros, or `None` where the system refuses. Its memory comes when it is first written.
    pub(super) fn new(bytes: usize) -> Option<Block> {
        assert!(bytes > 0, "a block has at least one line");
        // SAFETY: the layout has a size above zero.
        let given = NonNull::new(unsafe { alloc_zeroed(Block::layout(bytes)) })?;
        let offset = given.addr().get().next_multiple_of(ALIGNMENT) - given.addr().get();
        // SAFETY: what was given is a multiple of 16, so `offset` is at most 48, by which the layout is longer than `bytes`.
        let start = unsafe { given.add(offset) };
        Some(Block { start, bytes, offset, idle_since: 0 })
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Sets every bit, which makes each f32 a NaN.
    pub(super) fn poison(&mut self) {
        // SAFETY: the block is ours alone and `bytes` long.
        unsafe { self.start.write_bytes(0xff, self.bytes) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `start − offset` came from `alloc_zeroed` with this very layout, and a block is dropped once.
        unsafe { dealloc(self.start.sub(self.offset).as_ptr(), Block::layout(self.bytes)) }
    }
}
