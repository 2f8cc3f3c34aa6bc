//! Receptive fields against gradients: where every weight is positive and nothing is cut off, the pixels that a number
//! depends on are those with a gradient.

use convnet_autograd::Tape;
use convnet_layers::*;
use convnet_tensor::{Seed, Tensor};

/// Windows of every kind, nested, with a join of branches that see differently much.
fn net() -> Architecture {
    let base = Architecture::new()
        .named("wide", Conv2D::new(4, [3, 5]).same().strides([2, 1]).relu())
        .named("norm", BatchNormalization::new())
        .named("pool", AveragePooling2D::new(2).strides([1, 2]).same())
        .named("left", DepthwiseConv2D::new([3, 1]).same())
        .named("right", Conv2D::new(4, 1).relu())
        .join("sum", Add::new(), &["left", "right", "pool"]);
    Architecture::new()
        .add(Rescaling::new(2.0))
        .nested("base", base)
        .named("zeros", ZeroPadding2D::new([[0, 2], [1, 0]]))
        .named("last", Conv2D::new(3, 2).dilation([1, 2]).relu())
        .add(Dropout::new(0.5))
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(2))
}

#[test]
fn a_receptive_field_is_where_the_gradient_is() {
    let mut model = Model::new(net(), InputSpec::new([17, 14, 2]), Seed(1)).unwrap();
    for parameter in model.parameters_mut() {
        parameter.value = Tensor::full(parameter.value.shape(), 0.5);
    }
    let x = Tensor::full([1, 17, 14, 2], 1.0);
    let layers: Vec<_> = model.layers().map(|(path, shape)| (path.to_string(), shape)).collect();
    assert_eq!(layers.len(), 12);
    for (path, shape) in layers.iter().chain([&("base".to_string(), layers[6].1)]) {
        let [height, width] = if shape.len() == 3 { [shape[0], shape[1]] } else { [1, 1] };
        for place in (0..height).flat_map(|row| (0..width).map(move |column| [row, column])) {
            let mut tape = Tape::new();
            let request =
                Request { watch_input: true, taps_only: true, ..Request::taps([Tap::output(path)]) };
            let outputs = model.run(&mut tape, &x, &request).unwrap();
            let mut seed = Tensor::zeros(outputs.taps[0].shape());
            let channels = shape[shape.len() - 1];
            seed.data_mut()[(place[0] * width + place[1]) * channels] = 1.0;
            let mut gradient = None;
            let keep = |_, dx| {
                gradient = Some(dx);
                Ok(())
            };
            tape.backward(&[(&outputs.taps[0], seed)], keep).unwrap();
            let field = model.receptive_field(path, place).unwrap();
            let (mut rows, mut columns) = (vec![], vec![]);
            for (pixel, channels) in gradient.unwrap().data().chunks(2).enumerate() {
                if channels.iter().any(|&dx| dx != 0.0) {
                    rows.push(pixel / 14);
                    columns.push(pixel % 14);
                }
            }
            let hull = |all: Vec<usize>| {
                all.iter().min().zip(all.iter().max()).map_or(0..0, |(first, last)| *first..last + 1)
            };
            assert_eq!((hull(rows), hull(columns)), (field.rows, field.columns), "{path} at {place:?}");
        }
    }
    // A corner of the padding sees nothing, what flattens sees all.
    assert_eq!(model.receptive_field("zeros", [10, 0]).unwrap(), ReceptiveField::default());
    assert_eq!(model.receptive_field("dense", [0, 0]).unwrap().size(), [17, 14]);
    let error = model.receptive_field("last", [10, 0]).unwrap_err().to_string();
    assert!(error.contains("[10, 0], and `last` gives"), "{error}");
    assert!(model.receptive_field("lst", [0, 0]).unwrap_err().to_string().contains("`last`"));
}

#[test]
fn vgg16_sees_196_pixels_of_its_last_convolution() {
    let mut net = Architecture::new();
    for (block, convolutions) in [2, 2, 3, 3, 3].into_iter().enumerate() {
        for number in 0..convolutions {
            net = net.named(format!("block{block}_conv{number}"), Conv2D::new(1, 3).same().relu());
        }
        net = net.named(format!("block{block}_pool"), MaxPooling2D::new(2));
    }
    let model = Model::new(net, InputSpec::new([448, 448, 3]), Seed(1)).unwrap();
    assert_eq!(model.receptive_field("block4_conv2", [14, 14]).unwrap().size(), [196; 2]);
    assert_eq!(model.receptive_field("block4_pool", [7, 7]).unwrap().size(), [212; 2]);
    // At the border the zeros of padding are no pixels.
    assert!(model.receptive_field("block4_pool", [0, 7]).unwrap().size()[0] < 212);
}

#[test]
fn a_rebuilt_network_shares_its_parameters() {
    let mut model = Model::new(net(), InputSpec::new([17, 14, 2]), Seed(1)).unwrap();
    model.freeze("base/wide").unwrap();
    let cut = model.architecture().up_to("base/right").unwrap();
    let small = model.rebuilt(cut, InputSpec::new([9, 8, 2])).unwrap();
    assert_eq!(small.parameters().len(), 10);
    for parameter in small.parameters() {
        let given = model.parameter(&parameter.path).unwrap();
        assert!(parameter.value.shares_buffer_with(&given.value), "{}", parameter.path);
        assert_eq!(parameter.trainable, given.trainable);
    }
    // The same size gives what a tap gives.
    let x = Tensor::from_fn([2, 17, 14, 2], |i| (i % 7) as f32 / 7.0);
    let whole = model.rebuilt(model.architecture().up_to("base/right").unwrap(), model.input().clone());
    let outputs = model.run(&mut Tape::new(), &x, &Request::taps([Tap::output("base/right")])).unwrap();
    assert_eq!(&whole.unwrap().predict(&x).unwrap(), outputs.taps[0].tensor());

    let other = Architecture::new().nested("base", Architecture::new().named("wide", Conv2D::new(5, [3, 5])));
    let message = model.rebuilt(other, InputSpec::new([9, 8, 2])).unwrap_err().to_string();
    assert!(
        message.contains("`base/wide/kernel` would have shape (3, 5, 2, 5), but has (3, 5, 2, 4)"),
        "{message}"
    );
    let other = Architecture::new().named("wide", Conv2D::new(5, [3, 5]));
    assert!(model.rebuilt(other, InputSpec::new([9, 8, 2])).is_err());
}
