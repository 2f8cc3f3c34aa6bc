//! The gradient checker over every layer, and over a user's own layer and operation.

use convnet_autograd::check::{Check, Failure};
use convnet_autograd::{InputGradients, Operation, Tape, Value, Wanted};
use convnet_layers::*;
use convnet_tensor::{Purpose, Result, Seed, Shape, Tensor};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

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
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn convolution_layers_hold(
        filters in 1..6usize, size in 1..4usize, stride in 1..3usize, dilation in 1..3usize, padding in 0..3usize,
        height in 5..9usize, width in 5..9usize, channels in 1..5usize, bias: bool, seed in 0..1000u64,
    ) {
        let padding = [Padding::Valid, Padding::Same, Padding::Explicit([1, 0, 2, 1])][padding];
        let mut layer = Conv2D::new(filters, size).strides(stride).dilation(dilation).padding(padding).relu();
        layer.use_bias = bias;
        check(&layer, 1, &[height, width, channels], true, seed).map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }
}

/// A user's own operation: the square.
#[derive(Clone, Copy)]
struct Square;

impl Operation for Square {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let x = inputs[0];
        let y = Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i]);
        Ok((y, wanted.any().then(|| x.clone())))
    }

    fn backward(&self, x: Self::Saved, mut gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        if let Some(x) = x {
            to.give(0, || {
                gradient.data_mut().iter_mut().zip(x.data()).for_each(|(dy, x)| *dy *= 2.0 * x);
                gradient
            });
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let x = inputs[0];
        Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i])
    }
}

/// A user's own layer, with a setting and a weight.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ScaledSquare {
    offset: f32,
}

impl Layer for ScaledSquare {
    const CLASS: &'static str = "ScaledSquare";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        match inputs {
            [input] if input.len() == 1 => Ok(*input),
            _ => Err("takes rows of numbers".into()),
        }
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let (shape, initializer) = (inputs[0].with_first(inputs[0][0]), Initializer::GlorotUniform);
        vec![ParameterSpec { name: "scale", shape, initializer, role: Role::Weight }]
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        use convnet_autograd::operations;
        let y = pass.tape.apply(Square, &[&inputs[0]])?;
        let y = pass.tape.apply(operations::Dense::default(), &[&y, &weights[0]])?;
        pass.tape.apply(operations::Rescaling { scale: 1.0, offset: self.offset }, &[&y])
    }
}

#[test]
fn an_own_operation_and_layer_take_part_in_everything() {
    Check::new(vec![random([3, 4], 1)]).rows(&[0]).run(|tape, v, _| tape.apply(Square, &[&v[0]])).unwrap();
    let own = ScaledSquare { offset: 0.25 };
    check(&own, 1, &[4], true, 2).unwrap();

    let architecture =
        Architecture::new().add(Conv2D::new(2, 3).relu()).add(Flatten::new()).add(own).add(Dense::new(2));
    assert_eq!(architecture.names().collect::<Vec<_>>(), ["conv2d", "flatten", "scaled_square", "dense"]);
    let model = Model::new(architecture, InputSpec::new([4, 4, 1]), Seed(3)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    model.save(&path).unwrap();
    let error = Model::load(&path, &LayerClasses::builtin()).unwrap_err().to_string();
    assert!(error.contains("LayerClasses::builtin().with::<ScaledSquare>()"), "{error}");
    let loaded = Model::load(&path, &LayerClasses::builtin().with::<ScaledSquare>()).unwrap();
    let x = random([9, 4, 4, 1], 4);
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());

    let mut tape = Tape::new();
    let outputs = model.run(&mut tape, &x, &Request::train(Seed(1), &[], &[])).unwrap();
    let logits = outputs.logits.unwrap();
    let mut keys = Vec::new();
    tape.backward(&[(&logits, Tensor::full(logits.shape(), 1.0))], |key, _| {
        keys.push(model.parameters()[key].path.clone());
        Ok(())
    })
    .unwrap();
    keys.sort();
    assert_eq!(keys, ["conv2d/bias", "conv2d/kernel", "dense/bias", "dense/kernel", "scaled_square/scale"]);
}
