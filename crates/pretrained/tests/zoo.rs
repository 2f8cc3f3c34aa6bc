//! The zoo's networks have the layers, shapes and sizes that Keras prints.

use convnet_layers::Model;
use convnet_pretrained::zoo::{Entry, Top, mobilenet, vgg16};
use convnet_tensor::{Pixels, Seed, Shape};

fn check(entry: Entry, output: &[usize], parameters: usize) -> Model {
    let model = entry.untrained(Seed(1)).unwrap();
    assert_eq!((model.output_shape(), model.summary().parameters()), (Shape::new(output), parameters));
    model
}

#[test]
fn vgg16_is_that_of_keras() {
    let base = check(vgg16(150, Top::Without), &[4, 4, 512], 14_714_688);
    assert!(base.parameter("block5_conv3/kernel").is_ok());
    assert_eq!(base.input().pixels, Pixels::CaffeBgr);
    let top = check(vgg16(224, Top::Classes(1000)), &[1000], 138_357_544);
    assert_eq!(top.layers().last().map(|(path, _)| path), Some("predictions"));
}

#[test]
fn mobilenet_is_that_of_keras() {
    let base = check(mobilenet(1.0, 224, Top::Without).unwrap(), &[7, 7, 1024], 3_228_864);
    assert!(base.parameter("conv_dw_12_bn/moving_variance").is_ok());
    check(mobilenet(1.0, 224, Top::Classes(1000)).unwrap(), &[1000], 4_253_864);
    let small = check(mobilenet(0.25, 128, Top::Classes(1000)).unwrap(), &[1000], 475_544);
    assert_eq!(small.input().pixels, Pixels::MinusOneToOne);
    let names: Vec<_> = small.architecture().names().skip(85).collect();
    assert_eq!(names, ["global_average_pooling2d", "dropout", "conv_preds", "reshape_2", "predictions"]);
    for alpha in [0.0, 0.03, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        assert!(mobilenet(alpha, 128, Top::Without).is_err(), "{alpha}");
    }
}

#[test]
fn class_names_must_be_as_many_as_outputs() {
    let entry = || mobilenet(0.25, 64, Top::Classes(3)).unwrap();
    assert_eq!(entry().classes(["a", "b", "c"]).untrained(Seed(1)).unwrap().input().classes.len(), 3);
    assert!(entry().classes(["a", "b"]).untrained(Seed(1)).is_err());
}
