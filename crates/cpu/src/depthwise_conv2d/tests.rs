//! Every loop against the plain loops in f64, and bit for bit against its chain of multiply-adds written out.

use super::*;
use crate::activation::Activation;
use crate::batch_normalization;
use crate::conv2d;
use crate::epilogue::Epilogue;
use crate::parallel::{in_slice, install};
use crate::reference;
use crate::simd::{Isa, using};
use crate::testing::{numbers, widened};
use crate::window::{Borders, Window};
use proptest::prelude::*;

const ACTIVATIONS: [Activation; 3] = [Activation::Linear, Activation::Relu, Activation::ReluUpTo(0.5)];

prop_compose! {
    fn geometries()(
        height in 1usize..12, width in 1usize..20,
        channels in prop_oneof![1usize..5, Just(8usize), Just(16usize), Just(32usize), 15usize..34],
        multiplier in prop_oneof![Just(1usize), 2usize..4],
        size in prop_oneof![Just([3usize, 3]), [1usize..4, 1usize..5]],
        stride in prop_oneof![Just([1usize, 1]), Just([2usize, 2]), [1usize..4, 1usize..4]],
        dilation in prop_oneof![Just([1usize, 1]), [1usize..3, 1usize..3]],
        padding in prop_oneof![Just([0usize; 4]), Just([1usize; 4]), [0usize..6, 0usize..6, 0usize..6, 0usize..6]],
    ) -> Geometry {
        let [top, bottom, left, right] = padding;
        let window = Window { size, stride, dilation, padding: Borders { top, bottom, left, right } };
        Geometry { height, width, channels, multiplier, window }
    }
}

/// One depthwise convolution with everything that goes in and comes out.
struct Case {
    g: Geometry,
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
        let (bias, dy) = (numbers(g.out_channels(), 3), numbers(n * g.output_len(), 4));
        Case { g, activation, x, kernel, bias, dy }
    }

    fn pictures(&self) -> usize {
        self.x.len() / self.g.input_len()
    }

    /// Filled with what no loop may leave behind.
    fn empty(&self) -> Results {
        Results {
            y: vec![f32::NAN; self.dy.len()],
            dx: vec![f32::NAN; self.x.len()],
            dkernel: vec![f32::NAN; self.kernel.len()],
            dbias: vec![f32::NAN; self.bias.len()],
        }
    }

    fn results(&self) -> Results {
        let Case { g, .. } = self;
        let mut results = self.empty();
        forward(g, &self.x, &self.kernel, &Epilogue::new(Some(&self.bias), self.activation), &mut results.y);
        input_gradient(g, &self.kernel, &self.dy, &mut results.dx);
        kernel_gradient(g, &self.x, &self.dy, &mut results.dkernel);
        bias_gradient(g, &self.dy, &mut results.dbias);
        results
    }

    /// The same inside a slice, one multiply-add after the other in the promised order.
    fn chains(&self, isa: Isa) -> Results {
        let Case { g, .. } = self;
        let multiply_add =
            |a: f32, b: f32, c: f32| if isa == Isa::Scalar { a * b + c } else { a.mul_add(b, c) };
        let mut results = self.empty();
        results.y.fill(0.0);
        results.dkernel.fill(0.0);
        results.dbias.fill(0.0);
        let mut dx = vec![0.0; self.x.len() * g.multiplier];
        let [rows, columns, outputs] = g.output();
        let taps = g.window.size;
        for p in 0..self.pictures() * rows * columns {
            let (picture, oy, ox) = (p / (rows * columns), p / columns % rows, p % columns);
            for o in 0..outputs {
                let to = p * outputs + o;
                for tap in 0..g.taps() {
                    let iy = oy * g.window.stride[0] + tap / taps[1] * g.window.dilation[0];
                    let ix = ox * g.window.stride[1] + tap % taps[1] * g.window.dilation[1];
                    let iy = iy.checked_sub(g.window.padding.top).filter(|&iy| iy < g.height);
                    let ix = ix.checked_sub(g.window.padding.left).filter(|&ix| ix < g.width);
                    let (Some(iy), Some(ix)) = (iy, ix) else { continue };
                    let pixel = (picture * g.height + iy) * g.width + ix;
                    let (x, weight) = (self.x[pixel * g.channels + o / g.multiplier], tap * outputs + o);
                    results.y[to] = multiply_add(x, self.kernel[weight], results.y[to]);
                    results.dkernel[weight] = multiply_add(x, self.dy[to], results.dkernel[weight]);
                    let dx = &mut dx[pixel * outputs + o];
                    *dx = multiply_add(self.dy[to], self.kernel[weight], *dx);
                }
                results.dbias[o] += self.dy[to];
                results.y[to] = self.activation.apply(results.y[to] + self.bias[o]);
            }
        }
        for (dx, outputs) in results.dx.iter_mut().zip(dx.chunks(g.multiplier)) {
            *dx = outputs.iter().sum();
        }
        results
    }

    /// The plain loops in f64.
    fn reference(&self) -> [Vec<f64>; 4] {
        let Case { g, .. } = self;
        let [x, kernel, bias, dy] =
            [&self.x, &self.kernel, &self.bias, &self.dy].map(|numbers| widened(numbers));
        let mut results = [dy.len(), x.len(), kernel.len(), bias.len()].map(|n| vec![0.0; n]);
        let [y, dx, dkernel, dbias] = &mut results;
        reference::depthwise_conv2d::forward(g, &x, &kernel, Some(&bias), y);
        y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        reference::depthwise_conv2d::input_gradient(g, &kernel, &dy, dx);
        reference::depthwise_conv2d::kernel_gradient(g, &x, &dy, dkernel);
        reference::conv2d::bias_gradient(&dy, dbias);
        results
    }
}

/// Numbers lie between −1 and 1, so that errors of a sum of `depth` products grow like a random walk: ∝ √depth · ε.
fn assert_near(name: &str, isa: Isa, fast: &[f32], exact: &[f64], depth: usize) {
    let bound = 4.0 * (depth as f64 + 1.0) * f64::from(f32::EPSILON);
    for (i, (&fast, &exact)) in fast.iter().zip(exact).enumerate() {
        let near = (f64::from(fast) - exact).abs() <= bound;
        assert!(near, "{name}[{i}] on {isa:?}: {fast} is not {exact} ± {bound}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_instruction_sets_agree_with_the_reference(g in geometries(), n in 1usize..4, activation in 0usize..3) {
        prop_assume!(g.output_len() > 0);
        let case = Case::new(g, n, ACTIVATIONS[activation]);
        let exact = case.reference();
        for isa in Isa::available() {
            let results = using(isa, || case.results());
            let pixels = case.dy.len() / g.out_channels();
            assert_near("y", isa, &results.y, &exact[0], g.taps());
            assert_near("dx", isa, &results.dx, &exact[1], g.taps() * g.multiplier);
            assert_near("dkernel", isa, &results.dkernel, &exact[2], pixels);
            assert_near("dbias", isa, &results.dbias, &exact[3], pixels);
        }
    }

    #[test]
    fn every_number_is_one_chain_in_the_promised_order(g in geometries(), n in 1usize..10) {
        prop_assume!(g.output_len() > 0);
        let case = Case::new(g, n, Activation::Relu);
        for isa in Isa::available() {
            let results = using(isa, || in_slice(|| case.results()));
            // Adding products with zero, or not adding them, may change the sign of a zero and nothing else.
            prop_assert_eq!(&results, &case.chains(isa), "on {:?}", isa);
        }
    }

    #[test]
    fn a_normalisation_in_the_loop_changes_no_bit(g in geometries(), activation in 0usize..3) {
        prop_assume!(g.output_len() > 0);
        let case = Case::new(g, 2, ACTIVATIONS[activation]);
        let (scale, shift) = (numbers(g.out_channels(), 5), numbers(g.out_channels(), 6));
        for isa in Isa::available() {
            using(isa, || {
                let plain = Epilogue::new(Some(&case.bias), Activation::Linear);
                let [mut alone, mut apart, mut fused] = [(); 3].map(|()| vec![f32::NAN; case.dy.len()]);
                forward(&g, &case.x, &case.kernel, &plain, &mut alone);
                batch_normalization::predict(g.out_channels(), &scale, &shift, &alone, &mut apart);
                apart.iter_mut().for_each(|y| *y = case.activation.apply(*y));
                let epilogue =
                    Epilogue { scale_and_shift: Some([&scale, &shift]), activation: case.activation, ..plain };
                forward(&g, &case.x, &case.kernel, &epilogue, &mut fused);
                let bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>();
                assert!(bits(fused) == bits(apart), "{g:?} on {isa:?}");
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_pointwise_convolution_in_one_changes_no_bit(g in geometries(), n in 1usize..4, filters in 1usize..40) {
        prop_assume!(g.output_len() > 0);
        let [height, width, channels] = g.output();
        let window = Window::new([1, 1], [1, 1]);
        let second = conv2d::Geometry { height, width, in_channels: channels, out_channels: filters, window };
        let case = Case::new(g, n, Activation::Linear);
        let (kernel, constants) = (numbers(second.kernel_len(), 7), numbers(2 * (channels + filters), 8));
        let (scale, rest) = constants.split_at(channels);
        let (shift, rest) = rest.split_at(channels);
        let epilogue = Epilogue {
            bias: None,
            scale_and_shift: Some([scale, shift]),
            activation: Activation::ReluUpTo(0.5),
        };
        let last = Epilogue {
            bias: Some(&rest[..filters]),
            scale_and_shift: Some([&rest[filters..], &rest[..filters]]),
            activation: Activation::Relu,
        };
        for isa in Isa::available() {
            using(isa, || {
                let packed = conv2d::Packed::forward(&second, &kernel);
                let mut middle = vec![f32::NAN; n * second.input_len()];
                let [mut apart, mut fused] = [(); 2].map(|()| vec![f32::NAN; n * second.output_len()]);
                forward(&g, &case.x, &case.kernel, &epilogue, &mut middle);
                conv2d::forward(&second, &middle, &packed, &last, &mut apart);
                for threads in [1, 3] {
                    let y = &mut fused[..];
                    install(threads, || {
                        forward_pointwise(&g, &case.x, &case.kernel, &epilogue, &packed, &last, y);
                    }).unwrap();
                    assert!(fused.iter().zip(&apart).all(|(a, b)| a.to_bits() == b.to_bits()), "on {isa:?}");
                    fused.fill(f32::NAN);
                }
            });
        }
    }
}

fn three_by_three(size: usize, channels: usize, stride: usize) -> Geometry {
    let window = Window::new([3, 3], [stride, stride]).padded_same(size, size);
    Geometry { height: size, width: size, channels, multiplier: 1, window }
}

#[test]
fn threads_change_no_bit() {
    for (g, n) in [(three_by_three(14, 40, 1), 11), (three_by_three(30, 20, 2), 1)] {
        let case = Case::new(g, n, Activation::Relu);
        let one = install(1, || case.results()).unwrap();
        for threads in [2, 3, 8] {
            assert!(install(threads, || case.results()).unwrap() == one, "{threads} threads, {g:?}");
        }
    }
}

#[test]
fn padding_of_its_own_or_of_the_picture_is_the_same() {
    // Also where a weight is infinite and its products with zeros are not.
    let padded = Geometry {
        window: Window {
            padding: Borders { top: 0, bottom: 1, left: 0, right: 1 },
            ..Window::new([3, 3], [2, 2])
        },
        ..three_by_three(6, 5, 2)
    };
    let bordered = Geometry { height: 7, width: 7, window: Window::new([3, 3], [2, 2]), ..padded };
    let x = numbers(padded.input_len(), 1);
    let mut larger = vec![0.0; bordered.input_len()];
    for (row, pixels) in x.chunks(6 * 5).enumerate() {
        larger[row * 7 * 5..][..6 * 5].copy_from_slice(pixels);
    }
    let mut kernel = numbers(padded.kernel_len(), 2);
    kernel[8 * 5 + 2] = f32::INFINITY;
    let [mut y, mut expected] = [(); 2].map(|()| vec![0.5; padded.output_len()]);
    forward(&padded, &x, &kernel, &Epilogue::default(), &mut y);
    forward(&bordered, &larger, &kernel, &Epilogue::default(), &mut expected);
    assert!(y.iter().zip(&expected).all(|(y, expected)| y.to_bits() == expected.to_bits()));
    assert!(y.iter().any(|y| y.is_nan()));
}

#[test]
fn not_a_number_comes_through() {
    let mut case = Case::new(three_by_three(6, 12, 1), 1, Activation::ReluUpTo(6.0));
    case.x[12 * 14 + 3] = f32::NAN;
    for isa in Isa::available() {
        let y = using(isa, || case.results().y);
        for (i, y) in y.iter().enumerate() {
            let (row, column, channel) = (i / 72, i / 12 % 6, i % 12);
            let sees = (1..4).contains(&row) && (1..4).contains(&column) && channel == 3;
            assert_eq!(y.is_nan(), sees, "row {row}, column {column}, channel {channel} on {isa:?}");
        }
    }
}
