//! Plain Rust in the form of the other two, for every machine. Multiplies and adds are rounded separately: a fused
//! multiply-add without hardware is a slow library call.

use super::{Kernel, Simd};

const LANES: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct Scalar;

/// Runs `kernel` compiled for any machine.
pub(super) fn run<K: Kernel, const ROWS: usize, const VECTORS: usize>(kernel: K) -> K::Output {
    kernel.run::<Scalar, ROWS, VECTORS>(Scalar)
}

#[inline(always)]
fn lanes<T: Copy, U: Copy + Default>(a: [T; LANES], b: [T; LANES], of: impl Fn(T, T) -> U) -> [U; LANES] {
    let mut result = [U::default(); LANES];
    for lane in 0..LANES {
        result[lane] = of(a[lane], b[lane]);
    }
    result
}

impl Simd for Scalar {
    const LANES: usize = LANES;
    type Vector = [f32; LANES];
    type Mask = [bool; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> [f32; LANES] {
        // SAFETY: eight numbers are readable, as the caller promises; an array of f32 has the alignment of f32.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store_at(self, vector: [f32; LANES], to: *mut f32) {
        // SAFETY: eight numbers are writable, as the caller promises; an array of f32 has the alignment of f32.
        unsafe { *to.cast() = vector }
    }
    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn subtract(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn multiply(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn multiply_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        lanes(lanes(a, b, |a, b| a * b), c, |product, c| product + c)
    }
    #[inline(always)]
    fn max(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn greater(self, a: [f32; LANES], b: [f32; LANES]) -> [bool; LANES] {
        lanes(a, b, |a, b| a > b)
    }
    #[inline(always)]
    fn is_nan(self, a: [f32; LANES]) -> [bool; LANES] {
        a.map(f32::is_nan)
    }
    #[inline(always)]
    fn select(self, mask: [bool; LANES], a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        let mut result = b;
        for lane in 0..LANES {
            if mask[lane] {
                result[lane] = a[lane];
            }
        }
        result
    }
    #[inline(always)]
    fn sum(self, a: [f32; LANES]) -> f32 {
        a.iter().sum()
    }
    #[inline(always)]
    fn bits(self, mask: [bool; LANES]) -> u32 {
        mask.iter().rev().fold(0, |bits, &set| bits << 1 | u32::from(set))
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> [bool; LANES] {
        let mut mask = [false; LANES];
        for (lane, set) in mask.iter_mut().enumerate() {
            *set = bits >> lane & 1 == 1;
        }
        mask
    }
    #[inline(always)]
    fn bilinear_rgb(self, above: [u8; 8], below: [u8; 8], right: f32, down: f32) -> [f32; 4] {
        let mut columns = [0.0; 6];
        for (lane, column) in columns.iter_mut().enumerate() {
            let (above, below) = (f32::from(above[lane]), f32::from(below[lane + 2]));
            *column = above + down * (below - above);
        }
        let mut pixel = [0.0; 4];
        for lane in 0..3 {
            pixel[lane] = columns[lane] + right * (columns[lane + 3] - columns[lane]);
        }
        pixel
    }
}
