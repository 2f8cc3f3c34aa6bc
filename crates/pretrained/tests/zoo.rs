//! The zoo's networks have the layers, shapes and sizes that Keras and PyTorch print.

use convnet_layers::Model;
use convnet_pretrained::zoo::{
    Entry, MINI_VGG_CLASSES, Top, efficientnet_lite0, mini_vgg, mini_vgg_classes, mobilenet, vgg16,
};
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
fn efficientnet_is_that_of_its_paper() {
    let base = check(efficientnet_lite0(224, Top::Without), &[7, 7, 1280], 3_413_024);
    assert!(base.parameter("block7a_project_bn/moving_variance").is_ok());
    let top = check(efficientnet_lite0(224, Top::Classes(1000)), &[1000], 4_652_008 + 42_016);
    assert_eq!(top.input().pixels, Pixels::MinusOneToOne);
    let last: Vec<_> = top.architecture().names().skip(137).collect();
    assert_eq!(last, ["top_conv", "top_bn", "top_activation", "avg_pool", "top_dropout", "predictions"]);
}

#[test]
fn mini_vgg_is_small_and_names_its_classes() {
    let base = check(mini_vgg(96, Top::Without), &[3, 3, 128], 586_368);
    assert_eq!(base.input().pixels, Pixels::MinusOneToOne);
    let top = check(mini_vgg(64, Top::Classes(MINI_VGG_CLASSES)), &[38], 586_368 + 129 * 38);
    assert_eq!(top.input().classes, mini_vgg_classes());
    let different: std::collections::HashSet<_> = mini_vgg_classes().into_iter().collect();
    assert_eq!(different.len(), MINI_VGG_CLASSES);
    assert!(check(mini_vgg(64, Top::Classes(5)), &[5], 586_368 + 129 * 5).input().classes.is_empty());
}

/// What the experiments ask an entry for is there: with a top and without, at any width.
#[test]
fn every_entry_names_its_last_block_and_what_to_show() {
    let of = |alpha, top| mobilenet(alpha, 96, top).unwrap();
    for top in [Top::Without, Top::Classes(5)] {
        let others = [efficientnet_lite0(64, top), mini_vgg(64, top)];
        for entry in [vgg16(64, top), of(0.25, top), of(1.0, top)].into_iter().chain(others) {
            let (name, from, shown) = (entry.name, entry.fine_tune_from, entry.shown_layers);
            let mut model = entry.untrained(Seed(1)).unwrap();
            let paths: Vec<_> = model.layers().map(|(path, _)| path.to_string()).collect();
            let places = shown.map(|layer| paths.iter().position(|path| path == layer).expect(layer));
            assert!(places.is_sorted(), "{name}: {shown:?}");
            let kernel = |layer| model.parameter(&format!("{layer}/kernel")).unwrap().value.shape();
            assert!(shown.iter().all(|layer| kernel(layer).len() == 4), "{name}");
            let learning = model.unfreeze_from(from).unwrap();
            let all = model.parameters().len();
            assert!(model.parameter(&format!("{from}/kernel")).unwrap().trainable, "{name}: {from}");
            assert!(learning > 0 && learning < all / 2, "{name}: {learning} of {all} learn");
        }
    }
}

#[test]
fn class_names_must_be_as_many_as_outputs() {
    let entry = || mobilenet(0.25, 64, Top::Classes(3)).unwrap();
    assert_eq!(entry().classes(["a", "b", "c"]).untrained(Seed(1)).unwrap().input().classes.len(), 3);
    assert!(entry().classes(["a", "b"]).untrained(Seed(1)).is_err());
}
