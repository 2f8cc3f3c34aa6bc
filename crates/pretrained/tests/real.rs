//! Real weights below `CONVNET_DATA_DIR`: VGG16's base and MobileNet against Keras, EfficientNet-Lite0 against PyTorch.

mod common;

use common::{golden, golden_of};
use convnet_autograd::Tape;
use convnet_data::decode::Decoder;
use convnet_data::resize::Resizer;
use convnet_layers::{InputSpec, Model, Request, Tap};
use convnet_pretrained::zoo::{self, ImageNetClasses, Top, decode_predictions};
use convnet_pretrained::{Format, Loading, NumberType, WeightFile};
use convnet_tensor::{Fit, Pixels, Tensor};
use std::path::PathBuf;

/// The folder with the real data; `None`, and said, where none is given.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CONVNET_DATA_DIR").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("CONVNET_DATA_DIR is not set: no real weights are read");
    }
    folder
}

const SIZE: usize = 150;

/// The picture of `goldens/vgg16_picture.py`, of `size` pixels.
fn drawn(size: usize, pixels: &Pixels) -> Tensor {
    let mut state = 1u32;
    let bytes: Vec<u8> = (0..size * size * 3)
        .map(|i| {
            let (y, x, c) = (i / 3 / size, i / 3 % size, i % 3);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slope = ((y * 3 + x * 5 + c * 70) % 300).abs_diff(150);
            (slope + (y / 10 + x / 14) % 2 * 60 + (state >> 24) as usize % 40) as u8
        })
        .collect();
    let mut numbers = Tensor::zeros([1, size, size, 3]);
    pixels.write(3, &bytes, numbers.data_mut());
    numbers
}

/// How far 2,000 places all over a layer's output are from their golden, as a share of its scale.
fn distance(found: &Tensor, samples: &Tensor, scale: &Tensor) -> f32 {
    let found = found.data();
    let places = (0..).map(|sample| sample * 1_000_003 % found.len());
    let errors = samples.data().iter().zip(places).map(|(expected, at)| (found[at] - expected).abs());
    errors.fold(0.0, f32::max) / scale.data()[0]
}

#[test]
fn all_five_pools_of_the_real_vgg16_are_those_of_keras() {
    let Some(data) = data() else { return };
    let path = data.join("weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
    let (model, loaded) = zoo::vgg16(SIZE, Top::Without).load(&path, Loading::in_order()).unwrap();
    assert!(loaded.is_whole() && loaded.matched.len() == 26, "{loaded}");
    assert_eq!(model.parameter("block1_conv1/bias").unwrap().value.data()[0], 0.734_298_35);
    assert_eq!(model.parameter("block5_conv3/kernel").unwrap().value.data()[0], 0.000_407_882_97);

    let pools: Vec<_> = (1..=5).map(|block| format!("block{block}_pool")).collect();
    let request = Request::taps(pools.iter().map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &drawn(SIZE, &Pixels::CaffeBgr), &request).unwrap();
    for (name, tap) in pools.iter().zip(&outputs.taps) {
        let worst = distance(tap.tensor(), &golden(name), &golden(&format!("{name}/scale")));
        println!("{name}: at most {worst:.1e} of its scale");
        assert!(worst <= 1e-5, "{name}: {worst:e} of its scale");
    }
}

fn mobilenet(path: PathBuf) -> Model {
    let entry = zoo::mobilenet(0.25, 128, Top::Classes(1001)).unwrap();
    assert_eq!(entry.manifest, Some("mobilenet_0_25_128"));
    let (model, loaded) = entry.load(path, Loading::in_order()).unwrap();
    assert!(loaded.is_whole(), "{loaded}");
    model
}

/// The elephant as a network wants it.
fn elephant(data: &std::path::Path, input: &InputSpec) -> Tensor {
    let bytes = std::fs::read(data.join("images/creative_commons_elephant.jpg")).unwrap();
    let mut decoder = Decoder::default();
    let picture = decoder.decode(&bytes, 3).unwrap();
    let [height, width, _] = input.shape;
    let mut bytes = vec![0; height * width * 3];
    Resizer::default().resize(picture, height, width, input.fit, input.filter, &mut bytes);
    let mut numbers = Tensor::zeros([1, height, width, 3]);
    input.pixels.write(3, &bytes, numbers.data_mut());
    numbers
}

/// The network names the elephant and what else it might be, with these probabilities.
fn knows(model: &Model, picture: &Tensor, classes: &ImageNetClasses, expected: [(&str, f32); 5]) {
    let best = decode_predictions(&model.predict(picture).unwrap(), classes.classes(), 5).unwrap().remove(0);
    for (found, (name, probability)) in best.iter().zip(expected) {
        println!("{} {:.4} (expected {probability})", found.class.name, found.probability);
        assert_eq!(found.class.name, name);
        assert!((found.probability - probability).abs() <= 0.01, "{name}: {}", found.probability);
    }
}

#[test]
fn the_real_mobilenet_knows_the_elephant() {
    let Some(data) = data() else { return };
    let weights = data.join("weights");
    let model = mobilenet(weights.join("mobilenet_0_25_128_1001_no_config.h5"));
    let classes = ImageNetClasses::read(weights.join("imagenet_class_index.json")).unwrap().with_background();
    let expected = [
        ("African_elephant", 0.448),
        ("tusker", 0.354),
        ("water_buffalo", 0.087),
        ("bison", 0.029),
        ("Indian_elephant", 0.021),
    ];
    knows(&model, &elephant(&data, model.input()), &classes, expected);
}

#[test]
fn all_four_files_of_mobilenet_give_the_same_bits() {
    let Some(data) = data() else { return };
    let file = |ending: &str| data.join(format!("weights/mobilenet_0_25_128_1001{ending}"));
    let first = mobilenet(file("_no_config.h5"));
    let x = elephant(&data, first.input());
    let expected = first.predict(&x).unwrap();
    let same = |model: &Model| {
        for (a, b) in model.parameters().iter().zip(first.parameters()) {
            assert_eq!((&a.path, &a.value), (&b.path, &b.value));
        }
        assert_eq!(model.predict(&x).unwrap(), expected);
    };
    for ending in [".h5", ".keras", ".weights.h5"] {
        same(&mobilenet(file(ending)));
    }
    // The two that describe their network need no architecture of ours.
    for ending in [".h5", ".keras"] {
        same(&WeightFile::open(file(ending)).unwrap().model(InputSpec::new([128, 128, 3])).unwrap());
    }
}

#[test]
fn the_cut_mobilenet_fills_the_base_as_far_as_it_goes() {
    let Some(data) = data() else { return };
    let mut parts = Vec::new();
    for ending in [".keras", "_no_config.h5"] {
        let path = data.join(format!("weights/mobilenet_1_0_to_conv_pw_12{ending}"));
        let base = zoo::mobilenet(1.0, 224, Top::Without).unwrap();
        let (model, loaded) = base.load(&path, Loading::by_name()).unwrap();
        let missing: Vec<_> = loaded.missing.iter().map(String::as_str).collect();
        assert_eq!(loaded.matched.len() + missing.len(), model.parameters().len());
        assert!(loaded.left_over.is_empty() && loaded.not_finite.is_empty(), "{loaded}");
        assert!(missing.iter().all(|path| path.contains("_13")) && missing.len() == 10, "{missing:?}");
        let kernel = model.parameter("conv_pw_12/kernel").unwrap().value.clone();
        parts.push(kernel);
    }
    assert_eq!(parts[0], parts[1]);
}

/// EfficientNet-Lite0 with its real weights, for pictures of this size.
fn efficientnet(data: &std::path::Path, size: usize) -> Model {
    let entry = zoo::efficientnet_lite0(size, Top::Classes(1000));
    assert_eq!(entry.manifest, Some("efficientnet_lite0"));
    let weights = data.join("weights/efficientnet-lite0-57934424.pth");
    let (model, loaded) = entry.load(weights, Loading::in_order()).unwrap();
    assert!(loaded.is_whole(), "{loaded}");
    model
}

#[test]
fn the_real_efficientnet_is_that_of_pytorch() {
    let Some(data) = data() else { return };
    let golden = |name: String| golden_of("efficientnet_lite0.safetensors", &name);
    let ends = ["1a_project_bn", "2b_add", "3b_add", "4c_add", "5c_add", "6d_add"];
    let paths: Vec<_> = ends.map(|end| format!("block{end}")).into_iter().chain(["top_bn".into()]).collect();
    for size in [224, 150] {
        let model = efficientnet(&data, size);
        let request = Request::taps(paths.iter().map(Tap::output));
        let x = drawn(size, &Pixels::MinusOneToOne);
        let outputs = model.run(&mut Tape::new(), &x, &request).unwrap();
        for (path, tap) in paths.iter().zip(&outputs.taps) {
            let name = format!("{size}/{path}");
            let scale = golden(format!("{name}/scale"));
            let worst = distance(tap.tensor(), &golden(name.clone()), &scale);
            println!("{name}: at most {worst:.1e} of its scale");
            assert!(worst <= 1e-4, "{name}: {worst:e} of its scale");
        }
        let (scores, expected) = (outputs.logits.unwrap().into_tensor(), golden(format!("{size}/scores")));
        common::close(&scores, &expected, 1e-4);
        // Without anybody looking between, steps are fused.
        let fused = model.run(&mut Tape::new(), &x, &Request::predict()).unwrap();
        assert_eq!(fused.logits.unwrap().tensor(), &scores);
    }
}

#[test]
fn the_real_efficientnet_knows_the_elephant() {
    let Some(data) = data() else { return };
    let classes = ImageNetClasses::read(data.join("weights/imagenet_class_index.json")).unwrap();
    let model = efficientnet(&data, 224);
    let mut input = model.input().clone();
    // PyTorch on Pillow's pixels (`goldens/efficientnet_lite0.py`): the middle as in training, then the whole picture squashed.
    let middle = [
        ("African_elephant", 0.842),
        ("tusker", 0.066),
        ("Indian_elephant", 0.040),
        ("water_buffalo", 0.004),
        ("hartebeest", 0.001),
    ];
    knows(&model, &elephant(&data, &input), &classes, middle);
    input.fit = Fit::Squash;
    let squashed = [
        ("African_elephant", 0.808),
        ("tusker", 0.101),
        ("Indian_elephant", 0.030),
        ("water_buffalo", 0.007),
        ("hartebeest", 0.001),
    ];
    knows(&model, &elephant(&data, &input), &classes, squashed);
}

#[test]
fn a_base_finds_its_layers_in_the_published_file() {
    let Some(data) = data() else { return };
    let base = zoo::efficientnet_lite0(96, Top::Without);
    let weights = data.join("weights/efficientnet-lite0-57934424.pth");
    let (model, loaded) = base.load(weights, Loading::by_name()).unwrap();
    assert_eq!(loaded.left_over, ["_fc.weight", "_fc.bias"]);
    assert!(loaded.missing.is_empty() && loaded.skipped.is_empty(), "{loaded}");
    let top = efficientnet(&data, 224);
    for parameter in model.parameters() {
        assert_eq!(parameter.value, top.parameter(&parameter.path).unwrap().value, "{}", parameter.path);
    }
}

#[test]
fn the_real_efficientnet_is_a_state_dict_of_the_older_form() {
    let Some(data) = data() else { return };
    let mut file = WeightFile::open(data.join("weights/efficientnet-lite0-57934424.pth")).unwrap();
    assert_eq!((file.format(), file.tensors().count()), (Format::Torch, 296));
    let tensors: Vec<_> = file.tensors().cloned().collect();
    let numbers: usize = tensors
        .iter()
        .filter(|tensor| tensor.numbers == NumberType::F32)
        .map(|tensor| tensor.shape.iter().product::<usize>())
        .sum();
    // 4,652,008 that learn, as its paper's table rounds to 4.7 million, and the statistics of 49 normalisations.
    assert_eq!(numbers, 4_652_008 + 42_016);
    for tensor in &tensors {
        let found = file.read(&tensor.name).unwrap();
        assert!(found.data().iter().all(|number| number.is_finite()), "{}", tensor.name);
        if tensor.name.ends_with("running_var") {
            assert!(found.data().iter().all(|variance| *variance >= 0.0), "{}", tensor.name);
        }
    }
    assert_eq!(file.read("_conv_stem.weight").unwrap().shape().to_string(), "(32, 3, 3, 3)");
    assert_eq!(file.read("_fc.weight").unwrap().shape().to_string(), "(1000, 1280)");
}
