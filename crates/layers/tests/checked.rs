//! The gradient checker over every layer: with settings chosen to be awkward, and with random ones.

use convnet_autograd::Value;
use convnet_autograd::check::{Check, Failure};
use convnet_layers::*;
use convnet_tensor::{Purpose, Seed, Shape, Tensor};
use proptest::prelude::*;

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 4, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// Checks a layer on `count` inputs of shape `picture`, in training or not.
fn check<L: Layer>(
    layer: &L,
    count: usize,
    picture: &[usize],
    training: bool,
    seed: u64,
) -> std::result::Result<(), Failure> {
    const PICTURES: usize = 3;
    let shape = Shape::from(picture);
    let shapes = vec![shape; count];
    Layer::output_shape(layer, &shapes).expect("the layer fits");
    let mut inputs: Vec<_> =
        (0..count).map(|input| random(shape.with_first(PICTURES), seed + input as u64)).collect();
    let specs = Layer::parameters(layer, &shapes);
    let statistics = specs.iter().filter(|spec| spec.role == Role::Statistic).count();
    let weights = specs.len() - statistics;
    inputs.extend(
        specs[..weights].iter().enumerate().map(|(place, spec)| random(spec.shape, seed + 10 + place as u64)),
    );
    let fixed: Vec<Value> =
        specs[weights..].iter().map(|spec| Tensor::full(spec.shape, 0.7).into()).collect();
    let depth = specs.iter().map(|spec| spec.shape.size()).max().unwrap_or(1).max(64);
    let rows: Vec<usize> = (0..count).collect();
    let check = Check::new(inputs).depth(depth).seed(seed);
    // In training a normalisation mixes the pictures.
    let check =
        if layer.batching(training) == Batching::Whole && training { check } else { check.rows(&rows) };
    check.run(|tape, values, rows| {
        let pictures: Vec<u64> = rows.map(|row| row as u64).collect();
        let weights: Vec<Value> = values[count..].iter().chain(&fixed).cloned().collect();
        layer.forward(&mut Pass::alone(tape, training, Seed(5), &pictures), &values[..count], &weights)
    })
}

#[test]
fn every_layer_holds() {
    for training in [false, true] {
        check(&Conv2D::new(5, 3).same().relu(), 1, &[5, 6, 2], training, 1).unwrap();
        check(&Conv2D::new(3, [2, 3]).activation(ActivationKind::Softmax), 1, &[5, 6, 2], training, 2)
            .unwrap();
        check(&DepthwiseConv2D::new(3).same().relu(), 1, &[5, 6, 3], training, 19).unwrap();
        let depthwise = DepthwiseConv2D::new([2, 3]).strides(2).depth_multiplier(2).without_bias();
        check(&depthwise, 1, &[5, 6, 3], training, 20).unwrap();
        check(&ZeroPadding2D::new([[0, 1], [2, 1]]), 1, &[3, 4, 2], training, 21).unwrap();
        check(&Dense::new(4).relu(), 1, &[7], training, 3).unwrap();
        check(&Dense::new(4).softmax(), 1, &[7], training, 4).unwrap();
        check(&Dense::new(1).sigmoid().without_bias(), 1, &[7], training, 5).unwrap();
        check(&MaxPooling2D::new(3).strides(2).same(), 1, &[5, 6, 2], training, 6).unwrap();
        check(&AveragePooling2D::new(3).strides(2).same(), 1, &[5, 6, 2], training, 7).unwrap();
        check(&GlobalAveragePooling2D::new(), 1, &[5, 6, 2], training, 8).unwrap();
        check(&GlobalAveragePooling2D::new().keepdims(), 1, &[5, 6, 2], training, 8).unwrap();
        check(&Reshape::new([-1, 4]), 1, &[4, 3, 2], training, 8).unwrap();
        check(&Flatten::new(), 1, &[3, 2, 2], training, 9).unwrap();
        check(&Dropout::new(0.4), 1, &[3, 2, 2], training, 10).unwrap();
        check(&BatchNormalization::new(), 1, &[3, 2, 4], training, 11).unwrap();
        let plain = BatchNormalization { center: false, scale: false, ..BatchNormalization::new() };
        check(&plain, 1, &[3, 2, 4], training, 12).unwrap();
        for activation in
            [ActivationKind::Linear, ActivationKind::Relu, ActivationKind::Softmax, ActivationKind::Sigmoid]
        {
            if activation != ActivationKind::Linear {
                check(&Activation::new(activation), 1, &[2, 2, 3], training, 13).unwrap();
            }
        }
        check(&ReLU::up_to(0.4), 1, &[2, 2, 3], training, 14).unwrap();
        check(&Softmax::new(), 1, &[5], training, 15).unwrap();
        check(&Sigmoid::new(), 1, &[5], training, 16).unwrap();
        check(&Rescaling::new(2.0).offset(-1.0), 1, &[2, 2, 3], training, 17).unwrap();
        check(&Add::new(), 3, &[2, 2, 3], training, 18).unwrap();
        check(&Concatenate::new(), 3, &[2, 2, 3], training, 22).unwrap();
        check(&Conv2D::new(6, 3).groups(3).same().relu(), 1, &[5, 6, 3], training, 23).unwrap();
        let separable = SeparableConv2D::new(5, [2, 3]).strides(2).depth_multiplier(2).relu();
        check(&separable, 1, &[5, 6, 3], training, 24).unwrap();
        check(&GlobalMaxPooling2D::new(), 1, &[5, 6, 2], training, 25).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn convolution_layers_hold(
        filters in 1..6usize, size in 1..4usize, stride in 1..3usize, dilation in 1..3usize, padding in 0..3usize,
        height in 5..9usize, width in 5..9usize, channels in 1..5usize, groups in 1..4usize, bias: bool, seed in 0..1000u64,
    ) {
        let padding = [Padding::Valid, Padding::Same, Padding::Explicit([1, 0, 2, 1])][padding];
        let layer = Conv2D::new(groups * filters, size).groups(groups).strides(stride).dilation(dilation);
        let mut layer = layer.padding(padding).relu();
        layer.use_bias = bias;
        held(check(&layer, 1, &[height, width, groups * channels], true, seed))?;
    }

    #[test]
    fn separable_layers_hold(
        filters in 1..6usize, size in 1..4usize, stride in 1..3usize, multiplier in 1..3usize, same: bool, bias: bool,
        height in 4..8usize, width in 4..8usize, channels in 1..6usize, training: bool, seed in 0..1000u64,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let layer = SeparableConv2D::new(filters, size).strides(stride).depth_multiplier(multiplier);
        let mut layer = layer.padding(padding).relu();
        layer.use_bias = bias;
        held(check(&layer, 1, &[height, width, channels], training, seed))?;
    }

    #[test]
    fn depthwise_layers_hold(
        size in 1..4usize, stride in 1..3usize, multiplier in 1..3usize, same: bool, bias: bool,
        height in 4..8usize, width in 4..8usize, channels in 1..6usize, training: bool, seed in 0..1000u64,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let mut layer = DepthwiseConv2D::new(size).strides(stride).depth_multiplier(multiplier).padding(padding).relu();
        layer.use_bias = bias;
        held(check(&layer, 1, &[height, width, channels], training, seed))?;
    }

    #[test]
    fn pooling_layers_hold(
        window in [1..4usize, 1..4usize], stride in 1..4usize, same: bool, keepdims: bool,
        height in 4..9usize, width in 4..9usize, channels in 1..9usize, training: bool, seed in 0..1000u64,
    ) {
        let picture = [height, width, channels];
        let max = MaxPooling2D::new(window).strides(stride);
        held(check(&if same { max.same() } else { max }, 1, &picture, training, seed))?;
        let average = AveragePooling2D::new(window).strides(stride);
        held(check(&if same { average.same() } else { average }, 1, &picture, training, seed))?;
        let global = GlobalAveragePooling2D::new();
        held(check(&if keepdims { global.keepdims() } else { global }, 1, &picture, training, seed))?;
        let global = GlobalMaxPooling2D::new();
        held(check(&if keepdims { global.keepdims() } else { global }, 1, &picture, training, seed))?;
    }

    #[test]
    fn dense_layers_and_activations_hold(
        units in 1..9usize, inputs in 1..20usize, bias: bool, ending in 0..4usize, limit in 0.1..2.0f32,
        training: bool, seed in 0..1000u64,
    ) {
        let ending =
            [ActivationKind::Linear, ActivationKind::Relu, ActivationKind::Softmax, ActivationKind::Sigmoid][ending];
        let mut layer = Dense::new(units).activation(ending);
        layer.use_bias = bias;
        held(check(&layer, 1, &[inputs], training, seed))?;
        if ending != ActivationKind::Linear {
            held(check(&Activation::new(ending), 1, &[2, 3, units], training, seed))?;
        }
        held(check(&ReLU::up_to(limit), 1, &[inputs, 2, units], training, seed))?;
        held(check(&Softmax::new(), 1, &[inputs + 1], training, seed))?;
        held(check(&Sigmoid::new(), 1, &[inputs, units], training, seed))?;
    }

    #[test]
    fn layers_without_a_window_hold(
        height in 1..6usize, width in 1..6usize, channels in 1..8usize, summands in 2..5usize,
        rate in 0.0..0.9f32, scale in -2.0..2.0f32, offset in -1.0..1.0f32, center: bool, with_scale: bool,
        before in [0..3usize, 0..3usize], training: bool, seed in 0..1000u64,
    ) {
        let picture = [height, width, channels];
        held(check(&Add::new(), summands, &picture, training, seed))?;
        held(check(&Concatenate::new(), summands, &picture, training, seed))?;
        held(check(&Dropout::new(rate), 1, &picture, training, seed))?;
        held(check(&Rescaling::new(scale).offset(offset), 1, &picture, training, seed))?;
        let normalization = BatchNormalization { center, scale: with_scale, ..BatchNormalization::new() };
        held(check(&normalization, 1, &picture, training, seed))?;
        held(check(&ZeroPadding2D::new([[before[0], 1], [before[1], 2]]), 1, &picture, training, seed))?;
        held(check(&Flatten::new(), 1, &picture, training, seed))?;
        held(check(&Reshape::new([channels as i64, -1]), 1, &picture, training, seed))?;
    }
}

fn held(checked: std::result::Result<(), Failure>) -> std::result::Result<(), TestCaseError> {
    checked.map_err(|failure| TestCaseError::fail(failure.to_string()))
}
