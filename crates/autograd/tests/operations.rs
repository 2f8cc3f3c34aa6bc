//! The checker over every operation, with random shapes, strides, padding and dilation.

use convnet_autograd::check::Check;
use convnet_autograd::operations::{self, Activation, ConvChain, Convolution, Moments, Stage};
use convnet_autograd::{Tape, Value};
use convnet_cpu::simd::{self, Isa};
use convnet_cpu::window::{Borders, Window};
use convnet_cpu::{conv2d, depthwise_conv2d, pool2d, zero_padding2d};
use convnet_tensor::{Purpose, Result, Seed, Shape, Tensor};
use proptest::prelude::*;

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 1, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// A window with any size, stride, dilation and padding that fits a picture of this size.
fn window(height: usize, width: usize) -> impl Strategy<Value = Window> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    (pair(1..4), pair(1..4), pair(1..3), (0..3usize, 0..3usize, 0..3usize, 0..3usize))
        .prop_map(|(size, stride, dilation, (top, bottom, left, right))| Window {
            size,
            stride,
            dilation,
            padding: Borders { top, bottom, left, right },
        })
        .prop_filter("the window fits", move |window| window.positions(height, width).iter().all(|&n| n > 0))
}

/// A dense window no position of which lies in the padding alone: that would have no maximum and no mean.
fn pooling_window(height: usize, width: usize) -> impl Strategy<Value = Window> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let sizes = [1..4.min(height + 1), 1..4.min(width + 1)];
    (sizes, pair(1..4), pair(0..3), pair(0..3)).prop_map(|(size, stride, before, after)| {
        let [tall, wide] = [size[0] - 1, size[1] - 1];
        let padding = Borders {
            top: before[0].min(tall),
            bottom: after[0].min(tall),
            left: before[1].min(wide),
            right: after[1].min(wide),
        };
        Window { padding, ..Window::new(size, stride) }
    })
}

fn convolution() -> impl Strategy<Value = (usize, conv2d::Geometry)> {
    (1..4usize, 3..9usize, 3..9usize, 1..6usize, 1..9usize).prop_flat_map(
        |(n, height, width, in_channels, out_channels)| {
            window(height, width).prop_map(move |window| {
                (n, conv2d::Geometry { height, width, in_channels, out_channels, window })
            })
        },
    )
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Linear), Just(Activation::Relu), Just(Activation::ReluUpTo(0.5))]
}

fn weights_of(n: usize, g: &conv2d::Geometry, seed: u64) -> Vec<Tensor> {
    let [rows, columns] = g.window.size;
    vec![
        random([n, g.height, g.width, g.in_channels], seed),
        random([rows, columns, g.in_channels, g.out_channels], seed + 1),
        random([g.out_channels], seed + 2),
    ]
}

/// Runs `check` on every instruction set of this machine.
fn everywhere(
    check: impl Fn() -> std::result::Result<(), convnet_autograd::check::Failure>,
) -> std::result::Result<(), TestCaseError> {
    for isa in Isa::available() {
        simd::using(isa, &check)
            .map_err(|failure| TestCaseError::fail(format!("{}: {failure}", isa.name())))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn conv2d_holds((n, geometry) in convolution(), activation in activation(), bias: bool, seed in 0..1000u64) {
        let mut inputs = weights_of(n, &geometry, seed);
        inputs.truncate(if bias { 3 } else { 2 });
        let linear: &[usize] = if activation == Activation::Linear { &[0, 1] } else { &[] };
        let check = Check::new(inputs).depth(geometry.depth() * n * 4).rows(&[0]).linear_in(linear).seed(seed);
        let operation = operations::Conv2D { geometry, activation };
        everywhere(|| check.run(|tape, v, _| tape.apply(operation, &v.iter().collect::<Vec<_>>())))?;
    }

    #[test]
    fn conv_pool2d_holds_and_equals_its_parts((n, geometry) in convolution().prop_filter("a 2×2 output", |(_, g)| g.can_pool()), activation in activation(), seed in 0..1000u64) {
        let inputs = weights_of(n, &geometry, seed);
        let check = Check::new(inputs.clone()).depth(geometry.depth() * n * 4).rows(&[0]).seed(seed);
        let fused = operations::ConvPool2D { geometry, activation };
        everywhere(|| check.run(|tape, v, _| tape.apply(fused, &[&v[0], &v[1], &v[2]])))?;

        let [height, width, channels] = geometry.output();
        let pool = pool2d::Geometry { height, width, channels, window: Window::new([2, 2], [2, 2]) };
        let run = |parts: bool| -> Result<Vec<Tensor>> {
            let mut tape = Tape::new();
            let values: Vec<_> =
                inputs.iter().enumerate().map(|(key, x)| tape.watch(&Value::constant(x.clone()), key)).collect::<Result<_>>()?;
            let arguments: Vec<_> = values.iter().collect();
            let y = if parts {
                let full = tape.apply(operations::Conv2D { geometry, activation }, &arguments)?;
                tape.apply(operations::MaxPooling2D { geometry: pool }, &[&full])?
            } else {
                tape.apply(fused, &arguments)?
            };
            let mut results = vec![y.tensor().clone(); 4];
            let seed = random(y.shape(), seed + 7);
            tape.backward(&[(&y, seed)], |key, gradient| { results[key + 1] = gradient; Ok(()) })?;
            Ok(results)
        };
        for (fused, parts) in run(false).unwrap().iter().zip(&run(true).unwrap()) {
            prop_assert_eq!(fused, parts);
        }
    }

    #[test]
    fn depthwise_conv2d_holds(
        n in 1..4usize, (height, width, window) in (3..9usize, 3..9usize).prop_flat_map(|(h, w)| (Just(h), Just(w), window(h, w))),
        channels in 1..9usize, multiplier in 1..3usize, activation in activation(), bias: bool, seed in 0..1000u64,
    ) {
        let geometry = depthwise_conv2d::Geometry { height, width, channels, multiplier, window };
        let kernel = random([window.size[0], window.size[1], channels, multiplier], seed + 1);
        let mut inputs = vec![random([n, height, width, channels], seed), kernel, random([channels * multiplier], seed + 2)];
        inputs.truncate(if bias { 3 } else { 2 });
        let linear: &[usize] = if activation == Activation::Linear { &[0, 1] } else { &[] };
        let depth = geometry.taps() * multiplier * n * 4;
        let check = Check::new(inputs).depth(depth).rows(&[0]).linear_in(linear).seed(seed);
        let operation = operations::DepthwiseConv2D { geometry, activation };
        everywhere(|| check.run(|tape, v, _| tape.apply(operation, &v.iter().collect::<Vec<_>>())))?;
    }

    #[test]
    fn grouped_conv2d_holds(
        (n, geometry) in convolution(), groups in 1..4usize, activation in activation(), bias: bool, seed in 0..1000u64,
    ) {
        let conv2d::Geometry { height, width, in_channels, out_channels, window } = geometry;
        let [rows, columns] = window.size;
        let mut inputs = vec![
            random([n, height, width, groups * in_channels], seed),
            random([rows, columns, in_channels, groups * out_channels], seed + 1),
            random([groups * out_channels], seed + 2),
        ];
        inputs.truncate(if bias { 3 } else { 2 });
        let linear: &[usize] = if activation == Activation::Linear { &[0, 1] } else { &[] };
        let check = Check::new(inputs).depth(geometry.depth() * n * 4).rows(&[0]).linear_in(linear).seed(seed);
        let operation = operations::GroupedConv2D { geometry, groups, activation };
        everywhere(|| check.run(|tape, v, _| tape.apply(operation, &v.iter().collect::<Vec<_>>())))?;
    }

    #[test]
    fn conv_chain_holds(
        (n, geometry) in convolution(), depthwise: bool, behind in 0..6usize, has_bias: bool, normalized: bool,
        activation in activation(), seed in 0..1000u64,
    ) {
        let stage = |convolution, channels: usize| Stage {
            convolution,
            has_bias,
            normalization: normalized.then(|| {
                let variance = Tensor::from_fn([channels], |i| 0.5 + i as f32);
                (Moments { mean: random([channels], seed + 3), variance }, 1e-3)
            }),
            activation,
        };
        let mut inputs = vec![random([n, geometry.height, geometry.width, geometry.in_channels], seed)];
        let mut weights = |kernel: [usize; 4], channels: usize| {
            let seed = seed + 10 * inputs.len() as u64;
            inputs.push(random(kernel, seed));
            inputs.extend(has_bias.then(|| random([channels], seed + 1)));
            inputs.extend((2..4).filter(|_| normalized).map(|array| random([channels], seed + array)));
        };
        let [rows, columns] = geometry.window.size;
        let (first, pointwise) = if depthwise {
            let conv2d::Geometry { height, width, in_channels: channels, window, .. } = geometry;
            let g = depthwise_conv2d::Geometry { height, width, channels, multiplier: 1, window };
            weights([rows, columns, channels, 1], channels);
            let [height, width, in_channels] = g.output();
            let behind = (behind > 0).then(|| {
                weights([1, 1, in_channels, behind], behind);
                let window = Window::new([1, 1], [1, 1]);
                let g = conv2d::Geometry { height, width, in_channels, out_channels: behind, window };
                stage(Convolution::Full(g), behind)
            });
            (stage(Convolution::Depthwise(g), channels), behind)
        } else {
            weights([rows, columns, geometry.in_channels, geometry.out_channels], geometry.out_channels);
            (stage(Convolution::Full(geometry), geometry.out_channels), None)
        };
        let chain = ConvChain { first, pointwise };
        let check = Check::new(inputs).depth(geometry.depth() * n * 16).rows(&[0]).seed(seed);
        everywhere(|| check.run(|tape, v, _| tape.apply(chain.clone(), &v.iter().collect::<Vec<_>>())))?;
    }

    #[test]
    fn dense_holds(n in 1..9usize, n_in in 1..40usize, units in 1..20usize, activation in activation(), seed in 0..1000u64) {
        let inputs = vec![random([n, n_in], seed), random([n_in, units], seed + 1), random([units], seed + 2)];
        let linear: &[usize] = if activation == Activation::Linear { &[0, 1, 2] } else { &[] };
        let check = Check::new(inputs).depth(n_in.max(n)).rows(&[0]).linear_in(linear).seed(seed);
        everywhere(|| check.run(|tape, v, _| tape.apply(operations::Dense { activation }, &[&v[0], &v[1], &v[2]])))?;
    }

    #[test]
    fn pooling_holds(n in 1..4usize, (height, width, window) in (2..9usize, 2..9usize).prop_flat_map(|(h, w)| (Just(h), Just(w), pooling_window(h, w))), channels in 1..7usize, seed in 0..1000u64) {
        let geometry = pool2d::Geometry { height, width, channels, window };
        let check = Check::new(vec![random([n, height, width, channels], seed)]).depth(16).rows(&[0]).seed(seed);
        check.run(|tape, v, _| tape.apply(operations::MaxPooling2D { geometry }, &[&v[0]])).map_err(|f| TestCaseError::fail(f.to_string()))?;
        check.linear_in(&[0]).run(|tape, v, _| tape.apply(operations::AveragePooling2D { geometry }, &[&v[0]])).map_err(|f| TestCaseError::fail(f.to_string()))?;
    }
}

/// Random geometries have too few channels for Winograd's algorithm: these take it, the last with a kernel so large that its
/// weights are transformed panel by panel where they are used.
#[test]
fn winograd_holds() {
    for (n, size, in_channels, out_channels) in [(2, 9, 16, 32), (3, 6, 32, 48), (1, 7, 192, 160)] {
        let window = Window::new([3, 3], [1, 1]).padded_same(size, size);
        let geometry = conv2d::Geometry { height: size, width: size, in_channels, out_channels, window };
        assert_eq!(conv2d::Algorithm::of(&geometry), conv2d::Algorithm::preferred(), "{geometry:?}");
        // As in a network, so that ReLU cuts off about half of what comes out.
        let mut inputs = weights_of(n, &geometry, 5);
        let scale = 1.0 / (9.0 * in_channels as f32).sqrt();
        inputs[1].data_mut().iter_mut().for_each(|weight| *weight *= scale);
        for activation in [Activation::Linear, Activation::Relu] {
            let check = Check::new(inputs.clone()).depth(geometry.depth() * n * 16).rows(&[0]).seed(5);
            let (plain, pooled) = (
                operations::Conv2D { geometry, activation },
                operations::ConvPool2D { geometry, activation },
            );
            let outcome = everywhere(|| check.run(|tape, v, _| tape.apply(plain, &[&v[0], &v[1], &v[2]])))
                .and_then(|()| {
                    everywhere(|| check.run(|tape, v, _| tape.apply(pooled, &[&v[0], &v[1], &v[2]])))
                });
            outcome.unwrap_or_else(|failure| panic!("{activation:?}, {geometry:?}: {failure}"));
        }
    }
}

/// The operations without a window, on pictures of any shape.
fn the_rest_holds([n, height, width, channels]: [usize; 4], seed: u64) {
    let shape = [n, height, width, channels];
    let pictures = random(shape, seed);
    let check = Check::new(vec![pictures.clone()]).rows(&[0]).depth(32);
    let linear = check.clone().linear_in(&[0]);
    linear.run(|tape, v, _| tape.apply(operations::GlobalAveragePooling2D, &[&v[0]])).unwrap();
    linear
        .run(|tape, v, _| tape.apply(operations::Rescaling { scale: 0.25, offset: -1.0 }, &[&v[0]]))
        .unwrap();
    linear
        .run(|tape, v, _| {
            tape.apply(operations::Reshape { picture: Shape::from([height * width, channels]) }, &[&v[0]])
        })
        .unwrap();
    let padding = Borders { top: 1, bottom: n, left: 0, right: channels };
    let geometry = zero_padding2d::Geometry { height, width, channels, padding };
    linear.run(|tape, v, _| tape.apply(operations::ZeroPadding2D { geometry }, &[&v[0]])).unwrap();
    let keep = Tensor::from_fn(pictures.shape(), |i| u8::from(i % 3 != 0));
    linear
        .run(|tape, v, rows| {
            tape.apply(operations::Dropout { keep: keep.rows(rows), rate: 1.0 / 3.0 }, &[&v[0]])
        })
        .unwrap();
    check.run(|tape, v, _| tape.apply(operations::Sigmoid, &[&v[0]])).unwrap();
    check.run(|tape, v, _| tape.apply(operations::Softmax, &[&v[0]])).unwrap();
    for maximum in [None, Some(0.5)] {
        check.run(|tape, v, _| tape.apply(operations::Relu { maximum, guided: false }, &[&v[0]])).unwrap();
        let guided = check.clone().without_differences();
        guided.run(|tape, v, _| tape.apply(operations::Relu { maximum, guided: true }, &[&v[0]])).unwrap();
    }
    let others = vec![pictures.clone(), random(shape, seed + 1), random(shape, seed + 2)];
    let check = Check::new(others).rows(&[0, 1, 2]).linear_in(&[0, 1, 2]);
    check.run(|tape, v, _| tape.apply(operations::Add, &[&v[0], &v[1], &v[2]])).unwrap();
    let wider = |more: usize| random([n, height, width, channels + more], seed + more as u64);
    let check = Check::new(vec![pictures, wider(1), wider(3)]).rows(&[0, 1, 2]).linear_in(&[0, 1, 2]);
    check.run(|tape, v, _| tape.apply(operations::Concatenate, &[&v[0], &v[1], &v[2]])).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn operations_without_a_window_hold(
        n in 1..5usize, height in 1..6usize, width in 1..6usize, channels in 1..8usize, seed in 0..1000u64,
    ) {
        the_rest_holds([n, height, width, channels], seed);
        // A batch of one or two numbers per channel has a variance near zero, whose root no f32 gets right.
        batch_normalization_holds([n + 3, height + 1, width, channels], seed);
    }
}

#[test]
fn guided_relu_follows_its_formula() {
    let x = Tensor::from_slice([6], &[-1.0, 2.0, 3.0, 4.0, -5.0, 0.0]).unwrap();
    let seed = Tensor::from_slice([6], &[1.0, -1.0, 2.0, -2.0, -3.0, 1.0]).unwrap();
    let mut tape = Tape::new();
    let x = tape.watch(&x.into(), 0).unwrap();
    let y = tape.apply(operations::Relu { maximum: None, guided: true }, &[&x]).unwrap();
    let mut dx = None;
    tape.backward(&[(&y, seed)], |_, gradient| {
        dx = Some(gradient);
        Ok(())
    })
    .unwrap();
    assert_eq!(dx.unwrap().data(), [0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
}

fn batch_normalization_holds([n, height, width, channels]: [usize; 4], seed: u64) {
    let pictures = random([n, height, width, channels], seed);
    let inputs = vec![pictures, random([channels], seed + 1), random([channels], seed + 2)];
    let moments = Moments {
        mean: random([channels], seed + 3),
        variance: Tensor::from_fn([channels], |i| 0.5 + i as f32),
    };
    Check::new(inputs.clone())
        .depth(16)
        .rows(&[0])
        .linear_in(&[0, 1, 2])
        .run(|tape, v, _| {
            let operation =
                operations::BatchNormalization { moments: moments.clone(), learning: false, epsilon: 1e-3 };
            tape.apply(operation, &[&v[0], &v[1], &v[2]])
        })
        .unwrap();
    // Learning mixes the pictures, so rows of the output depend on the others.
    Check::new(inputs)
        .depth(256)
        .linear_in(&[1, 2])
        .run(|tape, v, _| {
            let moments = Moments::of(v[0].tensor());
            let operation = operations::BatchNormalization { moments, learning: true, epsilon: 1e-3 };
            tape.apply(operation, &[&v[0], &v[1], &v[2]])
        })
        .unwrap();
}

#[test]
fn shapes_that_do_not_fit_are_refused_in_words() {
    let geometry = conv2d::Geometry {
        height: 4,
        width: 4,
        in_channels: 3,
        out_channels: 2,
        window: Window::new([3, 3], [1, 1]),
    };
    let operation = operations::Conv2D { geometry, activation: Activation::Linear };
    let [x, kernel] = [random([1, 4, 5, 3], 1).into(), random([3, 3, 3, 2], 2).into()];
    let error = Tape::new().apply(operation, &[&x, &kernel]).unwrap_err();
    assert_eq!(error.to_string(), "Conv2D takes pictures of shape (N, 4, 4, 3), but got (1, 4, 5, 3)");
    let rows = Value::constant(random([2, 5], 1));
    let error =
        Tape::new().apply(operations::Dense::default(), &[&rows, &random([4, 3], 2).into()]).unwrap_err();
    assert_eq!(error.to_string(), "Dense takes rows of 4 numbers, (N, 4), but got (2, 5)");
}
