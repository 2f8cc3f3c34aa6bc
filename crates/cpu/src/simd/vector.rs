//! The few vector operations from which every fast loop is built.

/// A token for one instruction set: whoever holds it may use the vectors.
///
/// A token exists only where its instruction set was detected, which is what makes the methods safe. They are compiled
/// into the loops that call them, so the loops must be inlined into a function that enables the instruction set; see
/// [`Kernel`](super::Kernel).
pub(crate) trait Simd: Copy {
    /// f32 per vector, a multiple of eight.
    const LANES: usize;
    /// A vector of f32.
    type Vector: Copy;
    /// A truth value per lane.
    type Mask: Copy;

    /// `value` in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// The vector at `from`.
    ///
    /// # Safety
    /// `LANES` numbers must be readable at `from`.
    unsafe fn load_at(self, from: *const f32) -> Self::Vector;
    /// Writes the vector to `to`.
    ///
    /// # Safety
    /// `LANES` numbers must be writable at `to`.
    unsafe fn store_at(self, vector: Self::Vector, to: *mut f32);
    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a − b`.
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b`.
    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once; twice where there is no fused multiply-add.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `if a > b { a } else { b }`: `b` where one is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `if a < b { a } else { b }`: `b` where one is not a number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Whether `a > b`.
    fn greater(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// Where `a` is not a number.
    fn is_nan(self, a: Self::Vector) -> Self::Mask;
    /// `a` where `mask`, else `b`.
    fn select(self, mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The sum of the lanes, always in the same order.
    fn sum(self, a: Self::Vector) -> f32;
    /// A mask as bits, lane 0 lowest.
    fn bits(self, mask: Self::Mask) -> u32;
    /// The mask with these bits.
    fn mask(self, bits: u32) -> Self::Mask;

    /// One RGB pixel between four: `above` begins with two neighbouring pixels, `below` ends with the two under them. `right`
    /// and `down` are the shares of the right and the lower ones. The fourth number means nothing.
    fn bilinear_rgb(self, above: [u8; 8], below: [u8; 8], right: f32, down: f32) -> [f32; 4];

    /// The first numbers of `from`.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        let from = &from[..Self::LANES];
        // SAFETY: the slice has `LANES` numbers.
        unsafe { self.load_at(from.as_ptr()) }
    }

    /// Writes the vector to the first numbers of `to`.
    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32]) {
        let to = &mut to[..Self::LANES];
        // SAFETY: the slice has `LANES` numbers.
        unsafe { self.store_at(vector, to.as_mut_ptr()) }
    }
}
