//! AVX-512 F.

use super::{Kernel, Simd};
use std::arch::x86_64::*;

/// Exists only inside [`run`].
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

/// Runs `kernel` compiled for this instruction set.
#[target_feature(enable = "avx512f")]
pub(super) fn run<K: Kernel, const ROWS: usize, const VECTORS: usize>(kernel: K) -> K::Output {
    kernel.run::<Avx512, ROWS, VECTORS>(Avx512(()))
}

/// An intrinsic that needs nothing but its instruction set.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token exists, so the machine has AVX-512 F.
        unsafe { $call }
    };
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    type Vector = __m512;
    type Mask = __mmask16;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        intrinsic!(_mm512_set1_ps(value))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        // SAFETY: sixteen numbers are readable, as the caller promises, and the token exists.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, vector: __m512, to: *mut f32) {
        // SAFETY: sixteen numbers are writable, as the caller promises, and the token exists.
        unsafe { _mm512_storeu_ps(to, vector) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn subtract(self, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn multiply(self, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn multiply_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        intrinsic!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        intrinsic!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b))
    }
    #[inline(always)]
    fn is_nan(self, a: __m512) -> __mmask16 {
        intrinsic!(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a))
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_mask_blend_ps(mask, b, a))
    }
    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        intrinsic!(_mm512_reduce_add_ps(a))
    }
    #[inline(always)]
    fn bits(self, mask: __mmask16) -> u32 {
        u32::from(mask)
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> __mmask16 {
        bits as __mmask16
    }
    #[inline(always)]
    fn bilinear_rgb(self, above: [u8; 8], below: [u8; 8], right: f32, down: f32) -> [f32; 4] {
        // AVX-512 F includes AVX2 and FMA.
        intrinsic!(super::avx2::bilinear_rgb(above, below, right, down))
    }
}
