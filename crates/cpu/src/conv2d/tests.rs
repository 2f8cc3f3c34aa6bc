//! Every loop against the plain loops in f64, and bit for bit against its chain of multiply-adds written out.

use super::gradients::gradients_by;
use super::*;
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::parallel::{self, in_slice, install};
use crate::reference;
use crate::simd::{Isa, using};
use crate::window::{Borders, Window};
use proptest::prelude::*;

const ACTIVATIONS: [Activation; 3] = [Activation::Linear, Activation::Relu, Activation::ReluUpTo(0.5)];

/// Numbers between −1 and 1. In steps of 1/4, so that maxima tie and sums vanish; the last is not, so that sums round.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|i| if i % 3 == 0 { next() } else { (next() * 4.0).round() / 4.0 }).collect()
}

prop_compose! {
    fn geometries()(
        height in 1usize..14, width in 1usize..14,
        in_channels in prop_oneof![1usize..5, Just(8usize), 15usize..34],
        out_channels in prop_oneof![1usize..5, Just(16usize), 15usize..34, Just(64usize)],
        size in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..4], dilation in [1usize..3, 1usize..3],
        padding in prop_oneof![Just([0usize; 4]), [0usize..4, 0usize..4, 0usize..4, 0usize..4]],
    ) -> Geometry {
        let [top, bottom, left, right] = padding;
        let window = Window { size, stride, dilation, padding: Borders { top, bottom, left, right } };
        Geometry { height, width, in_channels, out_channels, window }
    }
}

prop_compose! {
    /// What suits Winograd's algorithm, with tiles that hang over and vectors that end in mid-panel.
    fn suited()(
        height in 7usize..23, width in 7usize..23,
        in_channels in (1usize..4).prop_map(|sixteens| 16 * sixteens),
        out_channels in (2usize..5).prop_map(|sixteens| 16 * sixteens),
        padding in prop_oneof![Just([0usize; 4]), Just([1usize; 4]), [0usize..3, 0usize..3, 0usize..3, 0usize..3]],
    ) -> Geometry {
        let [top, bottom, left, right] = padding;
        let padding = Borders { top, bottom, left, right };
        let window = Window { padding, ..Window::new([3, 3], [1, 1]) };
        Geometry { height, width, in_channels, out_channels, window }
    }
}

/// The same with pictures large enough for a 2×2 window of outputs.
fn large_enough(g: Geometry) -> Geometry {
    let [[tall, wide], [down, right]] = [g.window.extent(), g.window.stride];
    Geometry { height: g.height.max(tall + down), width: g.width.max(wide + right), ..g }
}

/// One convolution with everything that goes in and comes out.
struct Case {
    algorithm: Algorithm,
    g: Geometry,
    n: usize,
    activation: Activation,
    x: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

#[derive(Debug, PartialEq, Clone)]
struct Results {
    y: Vec<f32>,
    dx: Vec<f32>,
    dkernel: Vec<f32>,
    dbias: Vec<f32>,
}

impl Case {
    fn new(g: Geometry, n: usize, activation: Activation) -> Case {
        let x = numbers(n * g.input_len(), 1);
        let kernel = numbers(g.kernel_len(), 2);
        Case {
            algorithm: Algorithm::Direct,
            g,
            n,
            activation,
            x,
            kernel,
            bias: numbers(g.out_channels, 3),
            dy: numbers(n * g.output_len(), 4),
        }
    }

    fn results(&self) -> Results {
        let Case { g, n, .. } = self;
        let mut results = self.empty();
        let packed = self.packed(winograd::Direction::Forward, Uses::Many);
        forward(g, &self.x, &packed, &Epilogue::new(Some(&self.bias), self.activation), &mut results.y);
        self.gradients(*n, Gradient::Full(&self.dy), &mut results);
        results
    }

    fn packed(&self, direction: winograd::Direction, uses: Uses) -> Packed {
        Packed::new(self.algorithm, &self.g, &self.kernel, direction, uses)
    }

    /// All gradients together.
    fn gradients(&self, n: usize, dy: Gradient<'_>, results: &mut Results) {
        let packed = self.packed(winograd::Direction::Transposed, Uses::Many);
        let wanted = Wanted {
            kernel: Some((&self.x, &mut results.dkernel)),
            bias: Some(&mut results.dbias),
            input: Some((&packed, &mut results.dx)),
        };
        gradients_by(self.algorithm, &self.g, n, dy, wanted);
    }

    /// Each gradient alone.
    fn one_by_one(&self, n: usize, dy: Gradient<'_>) -> Results {
        let mut results = self.empty();
        let packed = self.packed(winograd::Direction::Transposed, Uses::Many);
        let run = |wanted| gradients_by(self.algorithm, &self.g, n, dy, wanted);
        run(Wanted { kernel: Some((&self.x, &mut results.dkernel)), ..Wanted::default() });
        run(Wanted { bias: Some(&mut results.dbias), ..Wanted::default() });
        run(Wanted { input: Some((&packed, &mut results.dx)), ..Wanted::default() });
        results
    }

    /// Filled with what no loop may leave behind.
    fn empty(&self) -> Results {
        let Case { g, n, .. } = self;
        Results {
            y: vec![f32::NAN; n * g.output_len()],
            dx: vec![f32::NAN; n * g.input_len()],
            dkernel: vec![f32::NAN; g.kernel_len()],
            dbias: vec![f32::NAN; g.out_channels],
        }
    }

    /// The same inside a slice, one multiply-add after the other in the promised order.
    fn chains(&self, isa: Isa) -> Results {
        let Case { g, n, .. } = self;
        let multiply_add =
            |a: f32, b: f32, c: f32| if isa == Isa::Scalar { a * b + c } else { a.mul_add(b, c) };
        let mut results = self.empty();
        results.y.fill(0.0);
        results.dx.fill(0.0);
        results.dkernel.fill(0.0);
        results.dbias.fill(0.0);
        let [rows, columns, outputs] = g.output();
        let [kernel_rows, kernel_columns] = g.window.size;
        for p in 0..n * rows * columns {
            let (picture, oy, ox) = (p / (rows * columns), p / columns % rows, p % columns);
            for tap in 0..kernel_rows * kernel_columns {
                let iy = oy * g.window.stride[0] + tap / kernel_columns * g.window.dilation[0];
                let ix = ox * g.window.stride[1] + tap % kernel_columns * g.window.dilation[1];
                let iy = iy.checked_sub(g.window.padding.top).filter(|&iy| iy < g.height);
                let ix = ix.checked_sub(g.window.padding.left).filter(|&ix| ix < g.width);
                let (Some(iy), Some(ix)) = (iy, ix) else { continue };
                for c in 0..g.in_channels {
                    let from = ((picture * g.height + iy) * g.width + ix) * g.in_channels + c;
                    for o in 0..outputs {
                        let (to, weight) = (p * outputs + o, (tap * g.in_channels + c) * outputs + o);
                        results.y[to] = multiply_add(self.x[from], self.kernel[weight], results.y[to]);
                        results.dkernel[weight] =
                            multiply_add(self.x[from], self.dy[to], results.dkernel[weight]);
                        results.dx[from] = multiply_add(self.dy[to], self.kernel[weight], results.dx[from]);
                    }
                }
            }
            for o in 0..outputs {
                results.dbias[o] += self.dy[p * outputs + o];
                let y = &mut results.y[p * outputs + o];
                *y = self.activation.apply(*y + self.bias[o]);
            }
        }
        results
    }

    /// The plain loops in f64, and the same with absolute values: the scale of what is summed.
    fn reference(&self, absolute: bool) -> [Vec<f64>; 4] {
        let Case { g, n, .. } = self;
        let wide = |numbers: &[f32]| -> Vec<f64> {
            numbers.iter().map(|&number| f64::from(if absolute { number.abs() } else { number })).collect()
        };
        let (x, kernel, bias, dy) = (wide(&self.x), wide(&self.kernel), wide(&self.bias), wide(&self.dy));
        let mut results =
            [n * g.output_len(), n * g.input_len(), g.kernel_len(), g.out_channels].map(|n| vec![0.0; n]);
        let [y, dx, dkernel, dbias] = &mut results;
        reference::conv2d::forward(g, &x, &kernel, Some(&bias), y);
        if !absolute {
            y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        }
        reference::conv2d::input_gradient(g, &kernel, &dy, dx);
        reference::conv2d::kernel_gradient(g, &x, &dy, dkernel);
        reference::conv2d::bias_gradient(&dy, dbias);
        results
    }
}

/// Rounding errors of a chain add up like a random walk: bound ∝ √depth · ε of the scale.
fn assert_near(name: &str, isa: Isa, fast: &[f32], exact: &[f64], scale: &[f64], depth: usize) {
    let scale = scale.iter().fold(0.0, |a: f64, &b| a.max(b));
    let bound = 2.0 * (depth as f64).sqrt() * f64::from(f32::EPSILON) * scale;
    for (i, (&fast, &exact)) in fast.iter().zip(exact).enumerate() {
        assert!(
            (f64::from(fast) - exact).abs() <= bound,
            "{name}[{i}] on {isa:?}: {fast} is not {exact} ± {bound}"
        );
    }
}

fn assert_same(name: &str, isa: Isa, left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len());
    for (i, (left, right)) in left.iter().zip(right).enumerate() {
        // Adding products with zero, or not adding them, may change the sign of a zero and nothing else.
        assert!(
            left.to_bits() == right.to_bits() || left == right,
            "{name}[{i}] on {isa:?}: {left:?} is not {right:?}"
        );
    }
}

/// What is promised of Winograd's algorithm, and more than four times what was measured: a mean error of 2e-6 of the RMS
/// of the exact numbers, and 5e-5 at most.
fn assert_near_rms(name: &str, isa: Isa, fast: &[f32], exact: &[f64]) {
    let count = exact.len() as f64;
    let rms = (exact.iter().map(|exact| exact * exact).sum::<f64>() / count).sqrt();
    let errors = || fast.iter().zip(exact).map(|(&fast, exact)| (f64::from(fast) - exact).abs());
    let (mean, worst) = (errors().sum::<f64>() / count, errors().fold(0.0, f64::max));
    assert!(
        mean <= 2e-6 * rms && worst <= 5e-5 * rms,
        "{name} on {isa:?}: mean error {mean:e}, at most {worst:e}, RMS {rms:e}"
    );
}

fn assert_near_transformed(isa: Isa, case: &Case, results: &Results) {
    let exact = case.reference(false);
    assert_near_rms("y", isa, &results.y, &exact[0]);
    assert_near_rms("dx", isa, &results.dx, &exact[1]);
    assert_near_rms("dkernel", isa, &results.dkernel, &exact[2]);
    assert_near_rms("dbias", isa, &results.dbias, &exact[3]);
}

#[test]
fn winograd_is_near_with_many_channels() {
    let g = Geometry {
        height: 9,
        width: 9,
        in_channels: 256,
        out_channels: 128,
        window: Window::new([3, 3], [1, 1]),
    };
    let g = Geometry { window: g.window.padded_same(9, 9), ..g };
    let case = Case { algorithm: Algorithm::Winograd, ..Case::new(g, 2, Activation::Linear) };
    for isa in Isa::available() {
        assert_near_transformed(isa, &case, &using(isa, || case.results()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_instruction_sets_agree_with_the_reference(g in geometries(), n in 1usize..4, activation in 0usize..3) {
        let case = Case::new(g, n, ACTIVATIONS[activation]);
        let (exact, scale) = (case.reference(false), case.reference(true));
        for isa in Isa::available() {
            let results = using(isa, || case.results());
            let pixels = n * g.output_len() / g.out_channels;
            assert_near("y", isa, &results.y, &exact[0], &scale[0], g.depth() + 1);
            assert_near("dx", isa, &results.dx, &exact[1], &scale[1], g.taps() * g.out_channels);
            assert_near("dkernel", isa, &results.dkernel, &exact[2], &scale[2], pixels);
            assert_near("dbias", isa, &results.dbias, &exact[3], &scale[3], pixels);
        }
    }

    #[test]
    fn winograd_agrees_with_the_reference(g in suited(), n in 1usize..4) {
        let case = |activation| Case { algorithm: Algorithm::Winograd, ..Case::new(g, n, activation) };
        for isa in Isa::available() {
            let linear = using(isa, || case(Activation::Linear).results());
            assert_near_transformed(isa, &case(Activation::Linear), &linear);
            for activation in ACTIVATIONS {
                let activated: Vec<_> = linear.y.iter().map(|y| activation.apply(*y)).collect();
                assert_same("y", isa, &using(isa, || case(activation).results().y), &activated);
            }
        }
    }

    #[test]
    fn every_number_is_one_chain_in_the_promised_order(g in geometries(), n in 1usize..10) {
        let case = Case::new(g, n, Activation::Relu);
        for isa in Isa::available() {
            let results = using(isa, || in_slice(|| case.results()));
            let chains = case.chains(isa);
            assert_same("y", isa, &results.y, &chains.y);
            assert_same("dx", isa, &results.dx, &chains.dx);
            assert_same("dkernel", isa, &results.dkernel, &chains.dkernel);
            assert_same("dbias", isa, &results.dbias, &chains.dbias);
        }
    }

    #[test]
    fn which_gradients_are_wanted_changes_no_bit(g in prop_oneof![geometries(), suited()], n in 1usize..10) {
        for algorithm in algorithms(&g) {
            let case = Case { algorithm, ..Case::new(g, n, Activation::Linear) };
            let together = case.results();
            let alone = case.one_by_one(n, Gradient::Full(&case.dy));
            prop_assert!(together.dkernel == alone.dkernel && together.dbias == alone.dbias);
            prop_assert!(together.dx == alone.dx, "{algorithm:?}");
        }
    }

    #[test]
    fn fused_pooling_changes_no_bit(
        g in prop_oneof![geometries(), suited()].prop_map(large_enough), n in 1usize..5, activation in 0usize..3,
    ) {
        for algorithm in algorithms(&g) {
            let case = Case { algorithm, ..Case::new(g, n, ACTIVATIONS[activation]) };
            for isa in Isa::available() {
                using(isa, || {
                    compare_pooled(&case, isa);
                    in_slice(|| compare_pooled(&case, isa));
                });
            }
        }
    }
}

/// Those that a geometry allows.
fn algorithms(g: &Geometry) -> impl Iterator<Item = Algorithm> {
    let winograd = winograd::suits(g).then_some(Algorithm::Winograd);
    [Some(Algorithm::Direct), winograd].into_iter().flatten()
}

fn compare_pooled(case: &Case, isa: Isa) {
    let Case { g, n, activation, .. } = case;
    let [rows, columns, channels] = g.output();
    let [pooled_rows, pooled_columns, _] = g.pooled();
    let packed = case.packed(winograd::Direction::Forward, Uses::Many);
    let unfused = case.results();
    let mut y = vec![f32::NAN; n * g.pooled_len()];
    let mut argmax = vec![0xff; n * argmax_len(g)];
    forward_pool(g, &case.x, &packed, Some(&case.bias), *activation, &mut y, Some(&mut argmax));
    let mut predicted = vec![f32::NAN; y.len()];
    forward_pool(g, &case.x, &packed, Some(&case.bias), *activation, &mut predicted, None);
    assert_eq!(predicted, y);

    // Pool the unfused output, and put the pooled gradient where the first maximum stood.
    let dy_pooled = numbers(y.len(), 5);
    let mut expected = vec![f32::NAN; y.len()];
    let mut dy = vec![0.0; n * g.output_len()];
    for p in 0..n * pooled_rows * pooled_columns {
        let (picture, row) = (p / (pooled_rows * pooled_columns), p / pooled_columns % pooled_rows);
        for c in 0..channels {
            let at = |corner: usize| {
                let (row, column) = (2 * row + corner / 2, 2 * (p % pooled_columns) + corner % 2);
                ((picture * rows + row) * columns + column) * channels + c
            };
            let first =
                (1..4).fold(0, |best, k| if unfused.y[at(k)] > unfused.y[at(best)] { k } else { best });
            expected[p * channels + c] = unfused.y[at(first)];
            dy[at(first)] = dy_pooled[p * channels + c];
        }
    }
    assert_eq!(y, expected, "on {isa:?}");
    undo_activation(*activation, &unfused.y, &mut dy);
    let unfused =
        Case { dy, x: case.x.clone(), kernel: case.kernel.clone(), bias: case.bias.clone(), ..*case }
            .results();

    let pooled = Pooled { y: &y, argmax: &argmax, activation: *activation, dy: &dy_pooled };
    let mut together = case.empty();
    case.gradients(*n, Gradient::Pooled(pooled), &mut together);
    for fused in [together, case.one_by_one(*n, Gradient::Pooled(pooled))] {
        assert_same("dx", isa, &fused.dx, &unfused.dx);
        assert_same("dkernel", isa, &fused.dkernel, &unfused.dkernel);
        assert_same("dbias", isa, &fused.dbias, &unfused.dbias);
    }
}

fn three_by_three(size: usize, in_channels: usize, out_channels: usize) -> Geometry {
    Geometry { height: size, width: size, in_channels, out_channels, window: Window::new([3, 3], [1, 1]) }
}

#[test]
fn threads_change_no_bit() {
    // Two have so large a kernel that threads divide it, and two so few tiles.
    for (g, n) in [
        (three_by_three(13, 32, 64), 11),
        (three_by_three(40, 3, 20), 1),
        (three_by_three(4, 192, 160), 5),
        (three_by_three(14, 192, 160), 3),
        (three_by_three(30, 32, 64), 1),
    ] {
        for algorithm in algorithms(&g) {
            let case = Case { algorithm, ..Case::new(g, n, Activation::Relu) };
            let one = install(1, || case.results()).unwrap();
            for threads in [2, 3, 8] {
                assert!(
                    install(threads, || case.results()).unwrap() == one,
                    "{threads} threads, {algorithm:?}, {g:?}"
                );
                // Where only the pictures' gradient is wanted, its work is cut in another way.
                let alone = install(threads, || case.one_by_one(n, Gradient::Full(&case.dy))).unwrap();
                assert!(alone.dx == one.dx, "{threads} threads, {algorithm:?}, {g:?}");
            }
        }
    }
}

#[test]
fn scale_and_shift_in_the_loop_are_a_normalisation_behind_it() {
    for (g, n) in
        [(three_by_three(14, 32, 48), 3), (three_by_three(8, 192, 160), 1), (three_by_three(9, 3, 20), 2)]
    {
        let (scale, shift) = (numbers(g.out_channels, 8), numbers(g.out_channels, 9));
        for (algorithm, isa) in algorithms(&g).flat_map(|a| Isa::available().map(move |isa| (a, isa))) {
            using(isa, || {
                let case = Case { algorithm, ..Case::new(g, n, Activation::ReluUpTo(0.5)) };
                let packed = case.packed(winograd::Direction::Forward, Uses::Many);
                let mut y = vec![f32::NAN; n * g.output_len()];
                let plain = Epilogue::new(Some(&case.bias), Activation::Linear);
                forward(&g, &case.x, &packed, &plain, &mut y);
                let mut expected = vec![f32::NAN; y.len()];
                crate::batch_normalization::predict(g.out_channels, &scale, &shift, &y, &mut expected);
                expected.iter_mut().for_each(|y| *y = y.clamp(0.0, 0.5));
                let scale_and_shift = Some([&scale[..], &shift[..]]);
                let in_one = Epilogue { scale_and_shift, ..Epilogue::new(Some(&case.bias), case.activation) };
                forward(&g, &case.x, &packed, &in_one, &mut y);
                assert!(y == expected, "{algorithm:?} on {isa:?}, {g:?}");
            });
        }
    }
}

#[test]
fn weights_for_one_use_change_no_bit() {
    let case = Case {
        algorithm: Algorithm::Winograd,
        ..Case::new(three_by_three(9, 192, 160), 3, Activation::Relu)
    };
    let many = case.results();
    for threads in [1, 2, 3] {
        install(threads, || {
            let mut y = vec![f32::NAN; many.y.len()];
            let packed = case.packed(winograd::Direction::Forward, Uses::One);
            forward(&case.g, &case.x, &packed, &Epilogue::new(Some(&case.bias), case.activation), &mut y);
            assert!(y == many.y, "{threads} threads");
            let mut dx = vec![f32::NAN; many.dx.len()];
            let packed = case.packed(winograd::Direction::Transposed, Uses::One);
            let wanted = Wanted { input: Some((&packed, &mut dx)), ..Wanted::default() };
            gradients_by(case.algorithm, &case.g, case.n, Gradient::Full(&case.dy), wanted);
            assert!(dx == many.dx, "{threads} threads");
        })
        .unwrap();
    }
}

#[test]
fn forward_of_pictures_is_pictures_of_forward() {
    for (g, n) in [
        (three_by_three(13, 32, 64), 9),
        (three_by_three(5, 64, 64), 9),
        (three_by_three(28, 1, 32), 3),
        (three_by_three(9, 192, 160), 3),
    ] {
        for algorithm in algorithms(&g) {
            let case = Case { algorithm, ..Case::new(g, n, Activation::Relu) };
            let all = case.results();
            for picture in 0..n {
                let of = |numbers: &[f32], len: usize| numbers[picture * len..(picture + 1) * len].to_vec();
                let (x, dy) = (of(&case.x, g.input_len()), of(&case.dy, g.output_len()));
                let (kernel, bias) = (case.kernel.clone(), case.bias.clone());
                let one = Case { n: 1, x, dy, kernel, bias, ..case }.results();
                assert!(one.y == of(&all.y, g.output_len()) && one.dx == of(&all.dx, g.input_len()));
            }
        }
    }
}

#[test]
fn kernel_gradients_are_sums_over_groups_in_order() {
    for (g, n) in [(three_by_three(7, 5, 24), 19), (three_by_three(10, 16, 32), 19)] {
        for algorithm in algorithms(&g) {
            let case = Case { algorithm, ..Case::new(g, n, Activation::Linear) };
            let all = install(2, || case.results()).unwrap();
            let mut sums = [vec![], vec![]];
            for group in parallel::groups(n) {
                let x = &case.x[group.start * g.input_len()..group.end * g.input_len()];
                let dy = &case.dy[group.start * g.output_len()..group.end * g.output_len()];
                let mut parts = [Buffer::<f32>::recycled(g.kernel_len()), Buffer::recycled(g.out_channels)];
                let [dkernel, dbias] = &mut parts;
                let wanted = Wanted { kernel: Some((x, dkernel)), bias: Some(dbias), input: None };
                in_slice(|| gradients_by(algorithm, &g, group.len(), Gradient::Full(dy), wanted));
                for (sum, part) in sums.iter_mut().zip(parts) {
                    if sum.is_empty() {
                        sum.extend_from_slice(&part);
                    } else {
                        sum.iter_mut().zip(part.iter()).for_each(|(sum, part)| *sum += part);
                    }
                }
            }
            assert!(all.dkernel == sums[0] && all.dbias == sums[1], "{algorithm:?}");
        }
    }
}

#[test]
fn not_a_number_comes_through() {
    let g = three_by_three(6, 4, 16);
    let mut case = Case::new(g, 1, Activation::ReluUpTo(6.0));
    case.x[0] = f32::NAN;
    for isa in Isa::available() {
        let y = using(isa, || case.results().y);
        assert!(y[..16].iter().all(|y| y.is_nan()) && y[16..].iter().all(|y| y.is_finite()));
    }
}

#[test]
fn fused_pooling_hides_nothing_that_is_not_a_number() {
    // A 1×1 convolution, so that each number of the picture is one corner of a window; and what Winograd makes of one.
    let one = Geometry { window: Window::new([1, 1], [1, 1]), ..three_by_three(2, 1, 16) };
    for corner in 0..4 {
        for isa in Isa::available() {
            let mut case = Case::new(one, 1, Activation::Relu);
            case.x[corner] = f32::NAN;
            let mut y = [0.0; 16];
            let packed = using(isa, || Packed::forward(&one, &case.kernel));
            using(isa, || forward_pool(&one, &case.x, &packed, None, Activation::Relu, &mut y, None));
            assert!(y.iter().all(|y| y.is_nan()), "corner {corner} on {isa:?}");
        }
    }
}

#[test]
fn the_layers_of_the_chapter_take_the_algorithm_that_was_measured() {
    let same = |size: usize, inputs, outputs| {
        let g = three_by_three(size, inputs, outputs);
        Geometry { window: g.window.padded_same(size, size), ..g }
    };
    for (g, is_suited) in [
        (three_by_three(28, 1, 32), false),
        (three_by_three(13, 32, 64), true),
        (three_by_three(5, 64, 64), false),
        (three_by_three(150, 3, 32), false),
        (three_by_three(74, 32, 64), true),
        (three_by_three(17, 128, 128), true),
        (same(150, 3, 64), false),
        (same(150, 64, 64), true),
        (same(9, 512, 512), true),
        (Geometry { window: Window::new([1, 1], [1, 1]), ..three_by_three(14, 512, 512) }, false),
        (Geometry { window: Window::new([3, 3], [2, 2]), ..three_by_three(14, 64, 64) }, false),
    ] {
        assert_eq!(winograd::suits(&g), is_suited, "{g:?}");
    }
}

#[test]
fn deep_layers_are_near_and_pooled_bit_for_bit() {
    let g = three_by_three(12, 192, 160);
    let case = Case { algorithm: Algorithm::Winograd, ..Case::new(g, 2, Activation::Relu) };
    for threads in [1, 2, 3] {
        install(threads, || compare_pooled(&case, crate::simd::isa())).unwrap();
    }
    let case = Case { algorithm: Algorithm::Winograd, ..Case::new(g, 2, Activation::Linear) };
    assert_near_transformed(crate::simd::isa(), &case, &case.results());
}
