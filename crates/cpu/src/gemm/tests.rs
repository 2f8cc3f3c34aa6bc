//! Products against the plain loops in f64, and bit for bit against their chains written out.

use super::*;
use crate::parallel::{in_slice, install};
use crate::reference::dense;
use crate::simd::using;
use proptest::prelude::*;

fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&number| f64::from(number)).collect()
}

/// Numbers lie between −1 and 1, so a sum of `depth` products has the scale √depth.
fn assert_near(isa: Isa, fast: &[f32], exact: &[f64], depth: usize) {
    let bound = 4.0 * (depth as f64 + 1.0) * f64::from(f32::EPSILON);
    for (&fast, &exact) in fast.iter().zip(exact) {
        assert!((f64::from(fast) - exact).abs() <= bound, "{fast} on {isa:?} is not {exact} ± {bound}");
    }
}

struct Case {
    m: usize,
    k: usize,
    n: usize,
    x: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new(m: usize, k: usize, n: usize) -> Case {
        let (x, kernel) = (numbers(m * k, 1), numbers(k * n, 2));
        Case { m, k, n, x, kernel, bias: numbers(n, 3), dy: numbers(m * n, 4) }
    }

    /// The output of a dense layer, the gradients of its input and of its kernel.
    fn results(&self) -> [Vec<f32>; 3] {
        let Case { m, k, n, x, kernel, bias, dy } = self;
        let [mut y, mut dx, mut dkernel] = [m * n, m * k, k * n].map(|len| vec![f32::NAN; len]);
        multiply(*m, &pack(*k, *n, kernel), x, Some(bias), Activation::Relu, &mut y);
        multiply(*m, &pack_transposed(*n, *k, kernel), dy, None, Activation::Linear, &mut dx);
        multiply_transposed_left(*m, *k, *n, x, dy, &mut dkernel);
        [y, dx, dkernel]
    }
}

impl Case {
    /// The output and the gradient of the input from the matrix as it lies.
    fn in_place(&self) -> [Vec<f32>; 2] {
        let Case { m, k, n, x, kernel, bias, dy } = self;
        let [mut y, mut dx] = [m * n, m * k].map(|len| vec![f32::NAN; len]);
        multiply_in_place([*m, *k, *n], kernel, x, Some(bias), Activation::Relu, &mut y);
        multiply_by_transpose([*m, *n, *k], kernel, dy, &mut dx);
        [y, dx]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_instruction_sets_agree_with_the_reference(m in 1usize..40, k in 1usize..90, n in 1usize..150) {
        let case = Case::new(m, k, n);
        let (x, kernel, bias, dy) = (wide(&case.x), wide(&case.kernel), wide(&case.bias), wide(&case.dy));
        let [mut y, mut dx, mut dkernel] = [m * n, m * k, k * n].map(|len| vec![0.0; len]);
        dense::forward(n, &x, &kernel, Some(&bias), &mut y);
        y.iter_mut().for_each(|y| *y = Activation::Relu.apply(*y));
        dense::input_gradient(n, &kernel, &dy, &mut dx);
        dense::kernel_gradient(n, &x, &dy, &mut dkernel);
        for isa in Isa::available() {
            let results = using(isa, || case.results());
            let [in_place, dx_in_place] = using(isa, || case.in_place());
            assert_eq!(in_place, results[0], "packed or not on {isa:?}");
            assert_near(isa, &dx_in_place, &dx, n);
            for ((fast, exact), depth) in results.iter().zip([&y, &dx, &dkernel]).zip([k, n, m]) {
                assert_near(isa, fast, exact, depth);
            }
        }
    }

    #[test]
    fn every_number_is_one_chain(m in 1usize..40, k in 1usize..90, n in 1usize..150) {
        let case = Case::new(m, k, n);
        for isa in Isa::available().filter(|&isa| isa != Isa::Scalar) {
            let [y, _, dkernel] = using(isa, || in_slice(|| case.results()));
            for (i, y) in y.iter().enumerate() {
                let (row, column) = (i / n, i % n);
                let sum = (0..k).fold(0.0f32, |sum, p| case.x[row * k + p].mul_add(case.kernel[p * n + column], sum));
                assert_eq!(*y, Activation::Relu.apply(sum + case.bias[column]));
            }
            for (i, dkernel) in dkernel.iter().enumerate() {
                let sum = (0..m).fold(0.0f32, |sum, p| case.x[p * k + i / n].mul_add(case.dy[p * n + i % n], sum));
                assert_eq!(*dkernel, sum);
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_other_rows() {
    let case = Case::new(37, 600, 70);
    for isa in Isa::available() {
        using(isa, || {
            let [all, ..] = case.results();
            let packed = pack(case.k, case.n, &case.kernel);
            for rows in [1, 2, 7, 13] {
                let mut y = vec![f32::NAN; rows * case.n];
                let x = &case.x[5 * case.k..(5 + rows) * case.k];
                multiply(rows, &packed, x, Some(&case.bias), Activation::Relu, &mut y);
                assert_eq!(y, all[5 * case.n..(5 + rows) * case.n], "{rows} rows on {isa:?}");
            }
        });
    }
}

#[test]
fn threads_change_no_bit() {
    // Few rows and a large matrix: threads take panels; many rows: they take rows; more rows than a band.
    for (m, k, n) in [(20, 500, 300), (64, 90, 70), (700, 33, 18), (1, 100, 10)] {
        let case = Case::new(m, k, n);
        for isa in Isa::available() {
            using(isa, || {
                let run = |threads| install(threads, || (case.results(), case.in_place())).unwrap();
                let one = run(1);
                for threads in [2, 3, 8] {
                    assert_eq!(run(threads), one, "{threads} threads on {isa:?}");
                }
            });
        }
    }
}

#[test]
fn empty_matrices_are_no_special_case() {
    for isa in Isa::available() {
        using(isa, || {
            let mut c = [f32::NAN; 6];
            multiply(2, &pack(0, 3, &[]), &[], Some(&[1.0, 2.0, -3.0]), Activation::Relu, &mut c);
            assert_eq!(c, [1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
            c.fill(f32::NAN);
            multiply_in_place([2, 0, 3], &[], &[], Some(&[1.0, 2.0, -3.0]), Activation::Relu, &mut c);
            assert_eq!(c, [1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
            multiply_by_transpose([2, 0, 3], &[], &[], &mut c);
            assert_eq!(c, [0.0; 6]);
            multiply(0, &pack(2, 3, &[0.0; 6]), &[], None, Activation::Linear, &mut []);
            multiply_transposed_left(0, 2, 3, &[], &[], &mut c);
            assert_eq!(c, [0.0; 6]);
        });
    }
}
