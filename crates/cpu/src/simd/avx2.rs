//! AVX2 with fused multiply-add.

use super::{Kernel, Simd};
use std::arch::x86_64::*;

/// Exists only inside [`run`].
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

/// Runs `kernel` compiled for this instruction set.
#[target_feature(enable = "avx2,fma")]
pub(super) fn run<K: Kernel, const ROWS: usize, const VECTORS: usize>(kernel: K) -> K::Output {
    kernel.run::<Avx2, ROWS, VECTORS>(Avx2(()))
}

/// An intrinsic that needs nothing but its instruction set.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token exists, so the machine has AVX2 and FMA.
        unsafe { $call }
    };
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    type Vector = __m256;
    type Mask = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        intrinsic!(_mm256_set1_ps(value))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m256 {
        // SAFETY: eight numbers are readable, as the caller promises, and the token exists.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, vector: __m256, to: *mut f32) {
        // SAFETY: eight numbers are writable, as the caller promises, and the token exists.
        unsafe { _mm256_storeu_ps(to, vector) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn subtract(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn multiply(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn multiply_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        intrinsic!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn greater(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b))
    }
    #[inline(always)]
    fn is_nan(self, a: __m256) -> __m256 {
        intrinsic!(_mm256_cmp_ps::<_CMP_UNORD_Q>(a, a))
    }
    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_blendv_ps(b, a, mask))
    }
    #[inline(always)]
    fn sum(self, a: __m256) -> f32 {
        intrinsic!({
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        })
    }
    #[inline(always)]
    fn bits(self, mask: __m256) -> u32 {
        intrinsic!(_mm256_movemask_ps(mask)) as u32
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> __m256 {
        intrinsic!({
            let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let chosen = _mm256_and_si256(_mm256_set1_epi32(bits as i32), lanes);
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(chosen, lanes))
        })
    }
    #[inline(always)]
    fn bilinear_rgb(self, above: [u8; 8], below: [u8; 8], right: f32, down: f32) -> [f32; 4] {
        intrinsic!(bilinear_rgb(above, below, right, down))
    }
}

/// See [`Simd::bilinear_rgb`]; AVX-512 has nothing better for so few numbers.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn bilinear_rgb(above: [u8; 8], below: [u8; 8], right: f32, down: f32) -> [f32; 4] {
    let [above, below] = [i64::from_le_bytes(above), (u64::from_le_bytes(below) >> 16) as i64];
    let [above, below] =
        [above, below].map(|bytes| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes))));
    let columns = _mm256_fmadd_ps(_mm256_set1_ps(down), _mm256_sub_ps(below, above), above);
    let second = _mm256_permutevar8x32_ps(columns, _mm256_setr_epi32(3, 4, 5, 6, 7, 7, 7, 7));
    let [first, second] = [_mm256_castps256_ps128(columns), _mm256_castps256_ps128(second)];
    let pixel = _mm_fmadd_ps(_mm_set1_ps(right), _mm_sub_ps(second, first), first);
    let mut numbers = [0.0; 4];
    // SAFETY: the array has room for four numbers.
    unsafe { _mm_storeu_ps(numbers.as_mut_ptr(), pixel) };
    numbers
}
