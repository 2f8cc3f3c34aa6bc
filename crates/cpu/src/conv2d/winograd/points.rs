//! The six small matrices of F(4×4, 3×3), each along one axis, and why they are what they are.
//!
//! Three taps and four outputs are a product of two polynomials of degree 2 and 3. A product of degree 5 is known from six
//! of its values: here at 0, ±√½, ±√2 and ∞ (its highest coefficient). Evaluating the taps is G, evaluating the outputs is
//! Aᵀ transposed, and going from the values back to coefficients is B; read in the other direction they make, of six inputs
//! (Bᵀ), six products with the taps (G) into four outputs (Aᵀ):
//!
//! ```text
//!        1    0   −2½   0    1   0             1    1   1   1    1   0               1    0    0
//!        0   −√2  −2   √½    1   0             0   √½ −√½  √2  −√2   0             −⅔ ∓⅔√½   −⅓   (two rows)
//!   Bᵀ = 0   √2   −2  −√½    1   0        Aᵀ = 0    ½   ½   2    2   0         G =   ⅙  ±⅙√2   ⅓   (two rows)
//!        0  −√½   −½   √2    1   0             0  ½√½ −½√½ 2√2 −2√2  1               0    0    1
//!        0   √½   −½  −√2    1   0
//!        0    1    0  −2½    0   1
//! ```
//!
//! Points in pairs ±p cost half: what is even in p is made once. With p² = ½ and 2 the even parts are exact, and the numbers
//! stay closer together than with the points 0, ±1, ±2, ∞ of the textbooks: a third less rounding error, a quarter of it at
//! the most (measured against f64, 32 to 128 channels). The gradients use the same matrices transposed, so that no other
//! algorithm and no other error comes in.
//!
//! Source: A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.

use crate::simd::Simd;
use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Inputs along one side of a tile, and points.
pub(super) const SIDE: usize = 6;
/// Outputs along one side of a tile.
pub(super) const OUTPUTS: usize = 4;
/// Taps along one side of the kernel.
pub(super) const TAPS: usize = 3;

/// Bᵀ: six inputs to their values at the points.
#[inline(always)]
pub(super) fn input<S: Simd>(simd: S, d: [S::Vector; SIDE]) -> [S::Vector; SIDE] {
    let [d0, d1, d2, d3, d4, d5] = d;
    let even = simd.multiply_add(simd.splat(-2.0), d2, d4);
    let odd = simd.multiply_add(simd.splat(-2.0), d1, d3);
    let even_far = simd.multiply_add(simd.splat(-0.5), d2, d4);
    let odd_far = simd.multiply_add(simd.splat(-0.5), d1, d3);
    [
        simd.multiply_add(simd.splat(-2.5), d2, simd.add(d0, d4)),
        simd.multiply_add(simd.splat(FRAC_1_SQRT_2), odd, even),
        simd.multiply_add(simd.splat(-FRAC_1_SQRT_2), odd, even),
        simd.multiply_add(simd.splat(SQRT_2), odd_far, even_far),
        simd.multiply_add(simd.splat(-SQRT_2), odd_far, even_far),
        simd.multiply_add(simd.splat(-2.5), d3, simd.add(d1, d5)),
    ]
}

/// B: the transpose of [`input`], six gradients of values to those of the inputs.
#[inline(always)]
pub(super) fn input_transposed<S: Simd>(simd: S, v: [S::Vector; SIDE]) -> [S::Vector; SIDE] {
    let [v0, near, near_minus, far, far_minus, v5] = v;
    let (even, odd) = (simd.add(near, near_minus), simd.subtract(near, near_minus));
    let (even_far, odd_far) = (simd.add(far, far_minus), simd.subtract(far, far_minus));
    let first = simd.multiply_add(simd.splat(-SQRT_2), odd, v5);
    let second = simd.multiply_add(simd.splat(-2.5), v0, simd.multiply(simd.splat(-2.0), even));
    let third = simd.multiply_add(simd.splat(-2.5), v5, simd.multiply(simd.splat(FRAC_1_SQRT_2), odd));
    [
        v0,
        simd.multiply_add(simd.splat(-FRAC_1_SQRT_2), odd_far, first),
        simd.multiply_add(simd.splat(-0.5), even_far, second),
        simd.multiply_add(simd.splat(SQRT_2), odd_far, third),
        simd.add(v0, simd.add(even, even_far)),
        v5,
    ]
}

/// Aᵀ: six products to four outputs.
#[inline(always)]
pub(super) fn output<S: Simd>(simd: S, m: [S::Vector; SIDE]) -> [S::Vector; OUTPUTS] {
    let [m0, near, near_minus, far, far_minus, m5] = m;
    let (even, odd) = (simd.add(near, near_minus), simd.subtract(near, near_minus));
    let (even_far, odd_far) = (simd.add(far, far_minus), simd.subtract(far, far_minus));
    let second = simd.multiply(simd.splat(0.5), even);
    let third = simd.multiply_add(simd.splat(0.5 * FRAC_1_SQRT_2), odd, m5);
    [
        simd.add(m0, simd.add(even, even_far)),
        simd.multiply_add(simd.splat(SQRT_2), odd_far, simd.multiply(simd.splat(FRAC_1_SQRT_2), odd)),
        simd.multiply_add(simd.splat(2.0), even_far, second),
        simd.multiply_add(simd.splat(2.0 * SQRT_2), odd_far, third),
    ]
}

/// A: the transpose of [`output`], four gradients of outputs to those of the products.
#[inline(always)]
pub(super) fn output_transposed<S: Simd>(simd: S, y: [S::Vector; OUTPUTS]) -> [S::Vector; SIDE] {
    let [y0, y1, y2, y3] = y;
    let even = simd.multiply_add(simd.splat(0.5), y2, y0);
    let odd = simd.multiply_add(simd.splat(0.5), y3, y1);
    let even_far = simd.multiply_add(simd.splat(2.0), y2, y0);
    let odd_far = simd.multiply_add(simd.splat(2.0), y3, y1);
    [
        y0,
        simd.multiply_add(simd.splat(FRAC_1_SQRT_2), odd, even),
        simd.multiply_add(simd.splat(-FRAC_1_SQRT_2), odd, even),
        simd.multiply_add(simd.splat(SQRT_2), odd_far, even_far),
        simd.multiply_add(simd.splat(-SQRT_2), odd_far, even_far),
        y3,
    ]
}

/// G: three taps to their values at the points, over what interpolation divides by.
#[inline(always)]
pub(super) fn kernel<S: Simd>(simd: S, g: [S::Vector; TAPS]) -> [S::Vector; SIDE] {
    let [g0, g1, g2] = g;
    let even = simd.multiply(simd.splat(-2.0 / 3.0), simd.multiply_add(simd.splat(0.5), g2, g0));
    let even_far = simd.multiply(simd.splat(1.0 / 6.0), simd.multiply_add(simd.splat(2.0), g2, g0));
    [
        g0,
        simd.multiply_add(simd.splat(-2.0 / 3.0 * FRAC_1_SQRT_2), g1, even),
        simd.multiply_add(simd.splat(2.0 / 3.0 * FRAC_1_SQRT_2), g1, even),
        simd.multiply_add(simd.splat(SQRT_2 / 6.0), g1, even_far),
        simd.multiply_add(simd.splat(-SQRT_2 / 6.0), g1, even_far),
        g2,
    ]
}

/// Gᵀ: the transpose of [`kernel`], six gradients of values to those of the taps.
#[inline(always)]
pub(super) fn kernel_transposed<S: Simd>(simd: S, u: [S::Vector; SIDE]) -> [S::Vector; TAPS] {
    let [u0, near, near_minus, far, far_minus, u5] = u;
    let (even, odd) = (simd.add(near, near_minus), simd.subtract(near, near_minus));
    let (even_far, odd_far) = (simd.add(far, far_minus), simd.subtract(far, far_minus));
    let first = simd.multiply(simd.splat(-2.0 / 3.0 * FRAC_1_SQRT_2), odd);
    [
        simd.multiply_add(
            simd.splat(1.0 / 6.0),
            even_far,
            simd.multiply_add(simd.splat(-2.0 / 3.0), even, u0),
        ),
        simd.multiply_add(simd.splat(SQRT_2 / 6.0), odd_far, first),
        simd.multiply_add(simd.splat(1.0 / 3.0), simd.subtract(even_far, even), u5),
    ]
}
