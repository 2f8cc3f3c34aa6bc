//! Really trained networks: the elephant of the chapter through MobileNet, VGG16 inside a classifier, and what its filters answer
//! to. Needs `CONVNET_DATA_DIR`.

use convnet_data::decode::Decoder;
use convnet_data::resize::Resizer;
use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model};
use convnet_pretrained::Loading;
use convnet_pretrained::zoo::{Top, mobilenet, vgg16};
use convnet_tensor::{Filter, Fit, Pixels, Seed, Tensor};
use convnet_visualize::Target;
use convnet_visualize::filters::{Ascent, ascend, energy_below_the_highest_band};
use convnet_visualize::heatmaps::{Cam, IntegratedGradients, Method, cam, integrated_gradients};
use convnet_visualize::honesty::{Perturbation, deletion, insertion, random_twin, twin};
use std::path::{Path, PathBuf};

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CONVNET_DATA_DIR").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("CONVNET_DATA_DIR is not set: no real weights are read");
    }
    folder
}

fn elephant(data: &Path, size: usize, pixels: Pixels) -> Tensor {
    let bytes = std::fs::read(data.join("images/creative_commons_elephant.jpg")).unwrap();
    let mut decoder = Decoder::default();
    let picture = decoder.decode(&bytes, 3).unwrap();
    let mut levels = vec![0; size * size * 3];
    Resizer::default().resize(picture, size, size, Fit::Squash, Filter::Bicubic, &mut levels);
    let mut numbers = Tensor::zeros([1, size, size, 3]);
    pixels.write(3, &levels, numbers.data_mut());
    numbers
}

/// The last feature maps of MobileNet.
const LAST: &str = "conv_pw_13_relu";

#[test]
fn heat_of_a_trained_network_says_more_than_that_of_random_weights() {
    let Some(data) = data() else { return };
    let entry = mobilenet(0.25, 128, Top::Classes(1001)).unwrap();
    let path = data.join("weights/mobilenet_0_25_128_1001_no_config.h5");
    let (model, _) = entry.load(path, Loading::in_order()).unwrap();
    let x = elephant(&data, 128, Pixels::MinusOneToOne);
    let random = random_twin(&model, Seed(1)).unwrap();
    let target = Target::predicted();
    let mut better = 0;
    let methods = [
        Method::Cam(Cam::grad_cam()),
        Method::Cam(Cam::grad_cam_plus_plus()),
        Method::Cam(Cam::hires_cam()),
        Method::Cam(Cam::layer_cam()),
        Method::GuidedGradCam,
    ];
    for method in &methods {
        let found = twin(method, &model, &random, &x, LAST, &target).unwrap();
        assert_eq!(found.classes, [387], "an African elephant, and one for the background");
        let measured = |heat: &Tensor| {
            let probability = Target::class(387).probability();
            let out = deletion(&model, &x, heat, &probability, &Perturbation::deletion()).unwrap();
            let back = insertion(&model, &x, heat, &probability, &Perturbation::insertion()).unwrap();
            (out[0].area(), back[0].area())
        };
        let (own, other) = (measured(&found.heat), measured(&found.random));
        println!("{}: deletion and insertion {own:.3?}, random weights {other:.3?}", method.name());
        better += usize::from(own.1 - own.0 > other.1 - other.0);
    }
    assert_eq!(better, methods.len());

    let settings = IntegratedGradients { chunk: 32, ..IntegratedGradients::default() };
    let found = integrated_gradients(&model, &x, &target, &settings).unwrap();
    println!(
        "integrated gradients miss {:.4} of {:.3} in {} steps",
        found.gaps[0], found.differences[0], found.steps
    );
    assert!(found.gaps[0] < 0.01);
}

#[test]
fn vgg16_answers_through_a_nested_classifier_as_by_itself() {
    let Some(data) = data() else { return };
    let path = data.join("weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
    let (base, _) = vgg16(96, Top::Without).load(path, Loading::in_order()).unwrap();
    let head =
        |net: Architecture| net.add(Flatten::new()).add(Dense::new(8).relu()).add(Dense::new(1).sigmoid());
    let input = InputSpec::new([96, 96, 3]).pixels(Pixels::CaffeBgr).classes(["cat", "dog"]);
    let nested = head(Architecture::new().nested("vgg16", base.architecture().clone()));
    let nested = Model::with_parameters(nested, input.clone(), Seed(1), &[("vgg16", &base)]).unwrap();
    let mut flat = Model::new(head(base.architecture().clone()), input, Seed(2)).unwrap();
    for (flat, nested) in flat.parameters_mut().iter_mut().zip(nested.parameters()) {
        assert_eq!(nested.path.trim_start_matches("vgg16/"), flat.path);
        flat.value = nested.value.clone();
    }
    let x = elephant(&data, 96, Pixels::CaffeBgr);
    let mut heats = Vec::new();
    for class in [0, 1] {
        let method = Cam::grad_cam().without_relu();
        let heat = cam(&nested, &x, "vgg16/block5_conv3", &Target::class(class), &method).unwrap();
        assert_eq!(*heat.shape(), [1, 6, 6]);
        assert_eq!(cam(&flat, &x, "block5_conv3", &Target::class(class), &method).unwrap(), heat);
        heats.push(heat);
    }
    assert!(heats[0].data().iter().zip(heats[1].data()).all(|(cat, dog)| *cat == -dog));
    assert!(heats[0].data().iter().any(|heat| *heat != 0.0));
}

#[test]
fn filters_of_the_real_vgg16_are_smoother_than_those_of_random_weights() {
    let Some(data) = data() else { return };
    let path = data.join("weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
    let (model, loaded) = vgg16(64, Top::Without).load(&path, Loading::in_order()).unwrap();
    assert!(loaded.is_whole());
    let random = random_twin(&model, Seed(1)).unwrap();
    let recipe = Ascent::book([64, 64], &model.input().pixels);
    let filters: Vec<usize> = (0..8).collect();
    let share = |model: &Model| {
        let painted = ascend(model, "block2_conv1", &filters, &recipe).unwrap();
        // A filter whose ReLU is silent on the grey picture has no gradient to climb, and stays where it is.
        let rose = painted.after.iter().zip(&painted.before).filter(|(after, before)| after > before).count();
        let silent = painted.after.iter().zip(&painted.before).filter(|both| *both == (&0.0, &0.0)).count();
        assert!(rose + silent == 8 && silent <= 1, "{:?} became {:?}", painted.before, painted.after);
        let shares = energy_below_the_highest_band(&painted.numbers).unwrap();
        shares.iter().sum::<f64>() / 8.0
    };
    let (trained, untrained) = (share(&model), share(&random));
    println!("share of energy outside the highest band: {trained:.3} trained, {untrained:.3} random");
    assert!(trained > untrained + 0.1, "{trained} and {untrained}");
}
