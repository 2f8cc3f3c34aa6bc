//! A left-hand matrix that is never written down.

/// The matrix whose number in row r and column k is `numbers[bases[r] + offsets[k]]`.
///
/// A matrix in memory is one: `bases` are the starts of its rows, `offsets` count up. So are the windows under a
/// convolution's kernel: one base per position, one offset per tap and channel. The fast loops read through it, so that
/// no copy of overlapping windows ("im2col") is ever made, and stride, dilation and padding cost them nothing.
#[derive(Clone, Copy)]
pub(crate) struct Gathered<'a> {
    numbers: &'a [f32],
    bases: &'a [u32],
    offsets: &'a [u32],
    /// One more than the largest base plus the largest offset.
    reach: usize,
}

impl<'a> Gathered<'a> {
    /// # Panics
    /// When a base plus an offset lies outside `numbers`: the loops rely on this check and make none of their own.
    pub(crate) fn new(numbers: &'a [f32], bases: &'a [u32], offsets: &'a [u32]) -> Gathered<'a> {
        let reach = match (bases.iter().max(), offsets.iter().max()) {
            (Some(&base), Some(&offset)) => base as usize + offset as usize + 1,
            _ => 0,
        };
        Gathered { numbers: &[], bases, offsets, reach }.over(numbers)
    }

    /// The same places in other numbers.
    ///
    /// # Panics
    /// As [`Gathered::new`].
    #[inline(always)]
    pub(crate) fn over(self, numbers: &'a [f32]) -> Gathered<'a> {
        assert!(self.reach <= numbers.len(), "a window beyond the picture");
        Gathered { numbers, ..self }
    }

    pub(crate) fn rows(&self) -> usize {
        self.bases.len()
    }

    pub(crate) fn bases(&self) -> &'a [u32] {
        self.bases
    }

    pub(crate) fn offsets(&self) -> &'a [u32] {
        self.offsets
    }

    /// The start of `numbers`; every base plus every offset is readable from there.
    pub(crate) fn start(&self) -> *const f32 {
        self.numbers.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "beyond the picture")]
    fn a_window_beyond_the_picture_is_refused() {
        Gathered::new(&[0.0; 10], &[0, 5], &[0, 5]);
    }
}
