//! What the tests of several loops share.

use crate::parallel;

/// `len` numbers between −1 and 1 that follow from `seed`.
pub(crate) fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = u64::from(seed) << 16 | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    next();
    (0..len).map(|_| next()).collect()
}

/// The same numbers in f64.
pub(crate) fn widened(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

/// Asserts that no number is further than `bound` times the scale from the exact one; the scale is the largest absolute
/// value of `exact`, at least 1.
#[track_caller]
pub(crate) fn assert_close(x: &[f32], exact: &[f64], bound: f64) {
    assert_eq!(x.len(), exact.len());
    let scale = exact.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
    for (i, (&x, &exact)) in x.iter().zip(exact).enumerate() {
        let difference = (f64::from(x) - exact).abs();
        assert!(difference <= bound * scale, "number {i} is {x} instead of {exact}, scale {scale}");
    }
}

/// The gradient of Σ dy · f(x) with respect to `x` by central differences, where f writes `outputs` numbers.
pub(crate) fn central_differences(
    x: &[f64],
    dy: &[f64],
    mut f: impl FnMut(&[f64], &mut [f64]),
    outputs: usize,
) -> Vec<f64> {
    // Balances truncation, about step², against rounding, about 1e-16 / step.
    const STEP: f64 = 1e-5;
    let (mut x, mut y) = (x.to_vec(), vec![0.0; outputs]);
    (0..x.len())
        .map(|i| {
            let centre = x[i];
            let mut at = |offset| {
                x[i] = centre + offset;
                f(&x, &mut y);
                y.iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>()
            };
            let difference = at(STEP) - at(-STEP);
            x[i] = centre;
            difference / (2.0 * STEP)
        })
        .collect()
}

/// Asserts that `work` gives the same bits on 1, 2, 3 and 8 threads and inside a slice.
#[track_caller]
pub(crate) fn same_for_any_threads(work: impl Fn() -> Vec<f32> + Sync) {
    let bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let expected = bits(parallel::in_slice(&work));
    for threads in [1, 2, 3, 8] {
        assert!(
            bits(parallel::install(threads, &work).unwrap()) == expected,
            "{threads} threads change the bits"
        );
    }
}
