//! Where the results of a block of tiles go.

/// Some lines of pictures, or of some channels of them, that one thread writes.
pub(super) struct Sheet<'a, T> {
    pub(super) numbers: &'a mut [T],
    /// Pixels per line.
    pub(super) columns: usize,
    /// From one pixel to the next.
    pub(super) stride: usize,
    /// The line, counted over all pictures, with which `numbers` begins.
    pub(super) first_line: usize,
    /// The channel with which each pixel begins.
    pub(super) first_channel: usize,
}

impl<T> Sheet<'_, T> {
    /// Where `channel` of a pixel lies; `per` channels to a number.
    #[inline(always)]
    pub(super) fn place(&self, line: usize, column: usize, channel: usize, per: usize) -> usize {
        ((line - self.first_line) * self.columns + column) * self.stride
            + (channel - self.first_channel) / per
    }
}
