//! Heatmaps against pytorch-grad-cam and captum (`goldens/heatmaps.py`), against their definitions, and through nested
//! networks.

mod common;

use common::{drawn, nested, nested_net, random};
use convnet_autograd::Tape;
use convnet_layers::*;
use convnet_tensor::{Seed, Shape, Tensor};
use convnet_visualize::activations::activations;
use convnet_visualize::heatmaps::*;
use convnet_visualize::{Baseline, Score, Target, resized};
use safetensors::SafeTensors;

struct Golden(Vec<u8>);

impl Golden {
    fn open() -> Golden {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/heatmaps.safetensors");
        Golden(std::fs::read(path).unwrap())
    }

    fn tensor(&self, name: &str) -> Tensor {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let shape = Shape::from(tensors.tensor(name).unwrap().shape());
        convnet_layers::file::read_tensor(&tensors, name, shape).unwrap()
    }

    /// The network of the script, its convolutions nested, with its weights. With one output it ends in a sigmoid.
    fn model(&self, outputs: usize) -> Model {
        let base = Architecture::new()
            .named("conv1", Conv2D::new(6, 3).relu())
            .named("pool1", MaxPooling2D::new(2))
            .named("conv2", Conv2D::new(8, 3).same().relu())
            .named("pool2", MaxPooling2D::new(2));
        let scores = Dense::new(outputs);
        let net = Architecture::new()
            .nested("base", base)
            .add(Flatten::new())
            .named("dense", Dense::new(10).relu())
            .named("scores", if outputs == 1 { scores.sigmoid() } else { scores.softmax() });
        let mut model = Model::new(net, InputSpec::new([20, 16, 3]), Seed(1)).unwrap();
        for parameter in model.parameters_mut() {
            let all = self.tensor(parameter.path.trim_start_matches("base/"));
            let width = all.shape()[all.shape().len() - 1];
            let taken = parameter.value.shape()[parameter.value.shape().len() - 1];
            let numbers = all.data().chunks(width).flat_map(|row| &row[..taken]).copied().collect();
            parameter.value = Tensor::from_vec(parameter.value.shape(), numbers).unwrap();
        }
        model
    }
}

/// Within a thousandth of the largest number.
fn close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = expected.data().iter().fold(0.0f32, |most, x| most.max(x.abs()));
    assert!(scale > 0.0, "{what}: nothing to compare with");
    let worst = found.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: {:.1e} of the scale", worst / scale);
    assert!(worst <= 1e-3 * scale, "{what}: {worst} at a scale of {scale}");
}

#[test]
fn heatmaps_are_those_of_pytorch_grad_cam_and_captum() {
    let golden = Golden::open();
    let (model, x) = (golden.model(5), golden.tensor("x"));
    let target = Target::each([3, 1]);
    let outputs = model.run(&mut Tape::new(), &x, &Request::predict()).unwrap();
    close("scores", outputs.logits.unwrap().tensor(), &golden.tensor("scores"));
    for (name, method) in [
        ("grad_cam", Cam::grad_cam()),
        ("grad_cam_plus_plus", Cam::grad_cam_plus_plus()),
        ("hires_cam", Cam::hires_cam()),
        ("layer_cam", Cam::layer_cam()),
    ] {
        for layer in ["conv1", "conv2"] {
            let path = format!("base/{layer}");
            let found = cam(&model, &x, &path, &target, &method.without_relu()).unwrap();
            let name = format!("{name}/{layer}");
            close(&name, &found, &golden.tensor(&name));
            let cut = cam(&model, &x, &path, &target, &method).unwrap();
            assert!(cut.data().iter().zip(found.data()).all(|(cut, found)| *cut == found.max(0.0)));
        }
    }
    close("saliency", &saliency(&model, &x, &target).unwrap(), &golden.tensor("saliency"));
    let settings = IntegratedGradients { steps: 256, tolerance: 1.0, ..IntegratedGradients::default() };
    let found = integrated_gradients(&model, &x, &target, &settings).unwrap();
    close("integrated gradients", &found.attributions, &golden.tensor("integrated_gradients"));
    assert!(found.gaps.iter().all(|&gap| gap < 0.01), "{:?}", found.gaps);
    let found = guided_backpropagation(&model, &x, &target).unwrap();
    close("guided backpropagation", &found, &golden.tensor("guided_backpropagation"));
    let settings = Occlusion { window: Some([6, 5]), stride: Some([4, 3]), ..Occlusion::default() };
    close("occlusion", &occlusion(&model, &x, &target, &settings).unwrap(), &golden.tensor("occlusion"));

    let binary = golden.model(1);
    for class in [0, 1] {
        let name = format!("binary/class{class}");
        let found = cam(&binary, &x, "base/conv2", &Target::class(class), &Cam::grad_cam()).unwrap();
        close(&name, &found, &golden.tensor(&name));
    }
    let found = saliency(&binary, &x, &Target::class(0)).unwrap();
    close("binary/saliency", &found, &golden.tensor("binary/saliency"));
}

#[test]
fn integrated_gradients_are_complete_for_any_baseline() {
    let model = nested();
    let x = random([3, 14, 12, 3], 1);
    for baseline in [
        Baseline::Number(0.0),
        Baseline::Number(0.7),
        Baseline::Mean,
        Baseline::Blurred(2.0),
        Baseline::Picture(random([14, 12, 3], 2)),
    ] {
        for target in [Target::predicted(), Target::class(2), Target::predicted().probability()] {
            let from = baseline.of(&x).unwrap();
            let settings =
                IntegratedGradients { baseline: baseline.clone(), most_steps: 4096, ..Default::default() };
            let found = integrated_gradients(&model, &x, &target, &settings).unwrap();
            assert!(found.gaps.iter().all(|&gap| gap <= 0.01), "{baseline:?} {target:?} {:?}", found.gaps);
            // The differences are those of scores that a plain pass gives.
            if target == Target::class(2) {
                let scores =
                    |x: &Tensor| model.run(&mut Tape::new(), x, &Request::predict()).unwrap().logits.unwrap();
                let (to, from) = (scores(&x).into_tensor(), scores(&from).into_tensor());
                for (picture, difference) in found.differences.iter().enumerate() {
                    let plain =
                        f64::from(to.data()[picture * 4 + 2]) - f64::from(from.data()[picture * 4 + 2]);
                    assert!((plain - difference).abs() < 1e-6);
                }
            }
        }
    }
    // One step is too few here; the steps double, and stop.
    let coarse =
        IntegratedGradients { steps: 1, tolerance: 1e-9, most_steps: 9, ..IntegratedGradients::default() };
    let found = integrated_gradients(&model, &x, &Target::class(1), &coarse).unwrap();
    assert_eq!(found.steps, 8);
    // Neither the chunk nor the pictures beside one change a bit of it.
    let with = |chunk, x: &Tensor| {
        let settings = IntegratedGradients { chunk, ..coarse.clone() };
        integrated_gradients(&model, x, &Target::class(1), &settings).unwrap().attributions
    };
    assert_eq!(with(5, &x), found.attributions);
    assert_eq!(with(3, &x.rows(1..2)), found.attributions.rows(1..2));
}

#[test]
fn hires_cam_tells_what_each_place_adds_where_the_score_is_linear() {
    let net = Architecture::new().add(Conv2D::new(5, 3).relu()).add(Flatten::new()).add(Dense::new(3));
    let model = drawn(Model::new(net, InputSpec::new([9, 8, 2]), Seed(3)).unwrap());
    let x = random([4, 9, 8, 2], 1);
    let heat = cam(&model, &x, "conv2d", &Target::class(1), &Cam::hires_cam().without_relu()).unwrap();
    let bias = model.parameter("dense/bias").unwrap().value.data()[1];
    let scores = model.predict(&x).unwrap();
    for (map, scores) in heat.data().chunks(7 * 6).zip(scores.data().chunks(3)) {
        assert!((map.iter().sum::<f32>() + bias - scores[1]).abs() < 1e-5);
    }
}

#[test]
fn a_class_is_the_same_through_softmax_scores_and_either_side_of_a_sigmoid() {
    let head = |dense: Dense| {
        let net = Architecture::new().add(Conv2D::new(5, 3).relu()).add(Flatten::new()).add(dense);
        drawn(Model::new(net, InputSpec::new([9, 8, 2]), Seed(3)).unwrap())
    };
    let x = random([3, 9, 8, 2], 1);
    let gradient = |model: &Model, target: Target| input_gradient(model, &x, &target, false).unwrap();
    // The ending changes no logit.
    let (softmax, linear) = (head(Dense::new(3).softmax()), head(Dense::new(3)));
    let several = head(Dense::new(3).sigmoid());
    for class in 0..3 {
        let found = gradient(&softmax, Target::class(class));
        for model in [&linear, &several] {
            assert_eq!(gradient(model, Target::class(class)).gradient, found.gradient);
        }
        assert_eq!(found.classes, [class; 3]);
    }
    let binary = head(Dense::new(1).sigmoid());
    let [zero, one] = [0, 1].map(|class| gradient(&binary, Target::class(class)));
    assert!(zero.gradient.data().iter().zip(one.gradient.data()).all(|(zero, one)| *zero == -one));
    assert!(one.gradient.data().iter().any(|one| *one != 0.0));
    assert!(zero.scores.iter().zip(&one.scores).all(|(zero, one)| *zero == -one));
    let predicted = gradient(&binary, Target::predicted());
    for (class, score) in predicted.classes.iter().zip(&one.scores) {
        assert_eq!(*class, usize::from(*score > 0.0));
    }
    // Probabilities are those that the model predicts, and their gradients their slopes.
    for model in [&softmax, &several, &binary] {
        let outputs = model.output_shape()[0];
        let direction = random(x.shape(), 9);
        let moved = |step: f32| Tensor::from_fn(x.shape(), |i| x.data()[i] + step * direction.data()[i]);
        let (ahead, behind) = (model.predict(&moved(1e-3)).unwrap(), model.predict(&moved(-1e-3)).unwrap());
        for class in 0..outputs {
            let class = if outputs == 1 { 1 } else { class };
            let found = gradient(model, Target::class(class).probability());
            let probabilities = model.predict(&x).unwrap();
            for picture in 0..3 {
                let at = picture * outputs + class % outputs;
                assert!((found.scores[picture] - f64::from(probabilities.data()[at])).abs() < 1e-6);
                let rows = picture * 144..(picture + 1) * 144;
                let pairs = found.gradient.data()[rows.clone()].iter().zip(&direction.data()[rows]);
                let slope: f32 = pairs.map(|(a, b)| a * b).sum();
                let difference = (ahead.data()[at] - behind.data()[at]) / 2e-3;
                assert!((slope - difference).abs() < 2e-2 * difference.abs() + 2e-4, "{slope} {difference}");
            }
        }
    }
    // What speaks for one class of a softmax speaks against the others.
    let sum = (0..3).map(|class| gradient(&softmax, Target::class(class).probability()).gradient);
    let sum = sum.reduce(|a, b| Tensor::from_fn(a.shape(), |i| a.data()[i] + b.data()[i])).unwrap();
    assert!(sum.data().iter().all(|x| x.abs() < 1e-6));
    let error = input_gradient(&linear, &x, &Target::class(0).probability(), false).unwrap_err().to_string();
    assert!(error.contains("without softmax or sigmoid"), "{error}");
}

#[test]
fn score_cam_weighs_channels_by_masked_pictures() {
    let model = nested();
    let x = random([2, 14, 12, 3], 1);
    let target = Target::each([2, 0]);
    let maps = &activations(&model, &x, &["base/relu"]).unwrap()[0];
    let [_, rows, columns, channels] = <[usize; 4]>::try_from(&*maps.shape()).unwrap();
    let all = ScoreCam { relu: false, ..ScoreCam::default() };
    let found = score_cam(&model, &x, "base/relu", &target, &all).unwrap();
    for (picture, class) in [2, 0].into_iter().enumerate() {
        let mut weighed = Vec::new();
        for channel in 0..channels {
            let numbers = maps.rows(picture..picture + 1);
            let numbers: Vec<_> = numbers.data().iter().skip(channel).step_by(channels).copied().collect();
            if numbers.iter().all(|x| *x == numbers[0]) {
                continue;
            }
            let map = Tensor::from_vec([1, rows, columns], numbers).unwrap();
            let mask = resized(&map, [14, 12]).unwrap();
            let low = mask.data().iter().copied().fold(f32::MAX, f32::min);
            let high = mask.data().iter().copied().fold(f32::MIN, f32::max);
            let pixels = x.rows(picture..picture + 1);
            let masked = |i: usize| pixels.data()[i] * ((mask.data()[i / 3] - low) / (high - low));
            let masked = Tensor::from_fn([1, 14, 12, 3], masked);
            let outputs = model.run(&mut Tape::new(), &masked, &Request::predict()).unwrap();
            weighed.push((f64::from(outputs.logits.unwrap().tensor().data()[class]).exp(), map));
        }
        assert!(weighed.len() > 2);
        let total: f64 = weighed.iter().map(|(weight, _)| weight).sum();
        let sum = |i: usize| {
            weighed.iter().map(|(weight, map)| weight / total * f64::from(map.data()[i])).sum::<f64>() as f32
        };
        let expected = Tensor::from_fn([1, rows, columns], sum);
        close("Score-CAM", &found.rows(picture..picture + 1), &expected);
    }
    let chunked = ScoreCam { chunk: 3, ..all };
    assert_eq!(score_cam(&model, &x, "base/relu", &target, &chunked).unwrap(), found);
    let few = ScoreCam { channels: Some(2), ..all };
    assert_ne!(score_cam(&model, &x, "base/relu", &target, &few).unwrap(), found);
    let most = ScoreCam { channels: Some(100), ..all };
    assert_eq!(score_cam(&model, &x, "base/relu", &target, &most).unwrap(), found);
}

#[test]
fn smooth_grad_averages_over_noise() {
    let model = nested();
    let x = random([3, 14, 12, 3], 1);
    let plain = input_gradient(&model, &x, &Target::predicted(), false).unwrap().gradient;
    let settings = SmoothGrad { samples: 6, noise: 0.0, ..SmoothGrad::default() };
    let still = smooth_grad(&model, &x, &Target::predicted(), &settings).unwrap();
    close("SmoothGrad without noise", &still, &plain);
    let noisy = SmoothGrad { noise: 0.2, ..settings };
    let found = smooth_grad(&model, &x, &Target::predicted(), &noisy).unwrap();
    assert_ne!(found, still);
    let chunked = SmoothGrad { chunk: 4, ..noisy };
    assert_eq!(smooth_grad(&model, &x, &Target::predicted(), &chunked).unwrap(), found);
    let other = SmoothGrad { seed: Seed(2), ..noisy };
    assert_ne!(smooth_grad(&model, &x, &Target::predicted(), &other).unwrap(), found);
}

#[test]
fn occlusion_is_the_mean_fall_of_the_windows_over_a_pixel() {
    let model = nested();
    let x = random([1, 14, 12, 3], 1);
    let score = |x: &Tensor| {
        let outputs = model.run(&mut Tape::new(), x, &Request::predict()).unwrap();
        f64::from(outputs.logits.unwrap().tensor().data()[1])
    };
    let settings =
        Occlusion { window: Some([5, 4]), stride: Some([3, 3]), baseline: Baseline::Number(0.4), chunk: 7 };
    let found = occlusion(&model, &x, &Target::class(1), &settings).unwrap();
    let mut falls = vec![Vec::new(); 14 * 12];
    for top in (0..=9).step_by(3) {
        for left in [0, 3, 6, 9] {
            let is_covered = |pixel: usize| {
                (top..top + 5).contains(&(pixel / 12)) && (left..left + 4).contains(&(pixel % 12))
            };
            let covered = Tensor::from_fn(x.shape(), |i| if is_covered(i / 3) { 0.4 } else { x.data()[i] });
            let fall = score(&x) - score(&covered);
            (0..14 * 12).filter(|&pixel| is_covered(pixel)).for_each(|pixel| falls[pixel].push(fall));
        }
    }
    let mean = |pixel: usize| (falls[pixel].iter().sum::<f64>() / falls[pixel].len() as f64) as f32;
    close("occlusion", &found, &Tensor::from_fn([1, 14, 12], mean));
    for wrong in [
        Occlusion { stride: Some([6, 3]), ..settings.clone() },
        Occlusion { window: Some([15, 3]), ..settings.clone() },
        Occlusion { chunk: 0, ..settings },
    ] {
        assert!(occlusion(&model, &x, &Target::class(1), &wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn guided_grad_cam_is_a_product() {
    let model = nested();
    let x = random([2, 14, 12, 3], 1);
    let target = Target::class(3);
    let heat = cam(&model, &x, "base/sum", &target, &Cam::grad_cam()).unwrap();
    let heat = resized(&heat, [14, 12]).unwrap();
    let guided = guided_backpropagation(&model, &x, &target).unwrap();
    let found = guided_grad_cam(&model, &x, "base/sum", &target).unwrap();
    assert_eq!(found, Tensor::from_fn(x.shape(), |i| guided.data()[i] * heat.data()[i / 3]));
    assert!(found.data().iter().any(|x| *x != 0.0));
    assert_ne!(guided, input_gradient(&model, &x, &target, false).unwrap().gradient);
}

#[test]
fn every_method_gives_maps_of_the_pictures_size_and_nesting_changes_none() {
    let model = nested();
    // The same layers side by side, as one flat network.
    let Part::Nested(base) = nested_net().parts()[0].part.clone() else { panic!("the base is nested") };
    let flat = base.add(Flatten::new()).add(Dense::new(9).relu()).add(Dense::new(4).softmax());
    let mut flat = Model::new(flat, InputSpec::new([14, 12, 3]), Seed(2)).unwrap();
    for parameter in flat.parameters_mut() {
        let nested = format!("base/{}", parameter.path);
        let given = model.parameter(&nested).or_else(|_| model.parameter(&parameter.path));
        parameter.value = given.unwrap().value.clone();
    }
    let x = random([2, 14, 12, 3], 7);
    let mut seen: Vec<Tensor> = Vec::new();
    for method in Method::all() {
        let heat = method.heat(&model, &x, "base/conv2", &Target::predicted()).unwrap();
        assert_eq!(*heat.shape(), [2, 14, 12], "{}", method.name());
        assert!(heat.data().iter().all(|&heat| heat >= 0.0), "{}", method.name());
        assert!(heat.data().iter().any(|&heat| heat > 0.0), "{}", method.name());
        assert_eq!(method.heat(&flat, &x, "conv2", &Target::predicted()).unwrap(), heat, "{}", method.name());
        assert!(!seen.contains(&heat), "{} is another method under a new name", method.name());
        seen.push(heat);
    }
}

#[test]
fn mistakes_are_told() {
    let model = nested();
    let x = random([2, 14, 12, 3], 1);
    let error = |layer: &str, target: Target| {
        cam(&model, &x, layer, &target, &Cam::grad_cam()).unwrap_err().to_string()
    };
    assert!(error("base/conv7", Target::class(0)).contains("did you mean `base/conv"));
    assert_eq!(
        error("dense", Target::class(0)),
        "layer `dense` gives (2, 9) and no feature maps; take a layer before Flatten or a global pooling"
    );
    assert_eq!(error("base/conv1", Target::class(4)), "the class must be below 4, but is 4");
    assert_eq!(
        error("base/conv1", Target::each([0])),
        "the target must be one class for each of 2 pictures, but is 1 classes"
    );
    let side = Architecture::new()
        .named("a", Conv2D::new(2, 3))
        .join("side", Conv2D::new(2, 3), &["a"])
        .join("flat", Flatten::new(), &["a"])
        .add(Dense::new(2));
    let side = Model::new(side, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    let message = cam(&side, &random([1, 8, 8, 1], 1), "side", &Target::class(0), &Cam::grad_cam());
    assert!(message.unwrap_err().to_string().contains("the scores do not depend on it"));
    let maps =
        Model::new(Architecture::new().add(Conv2D::new(2, 3)), InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    let message = saliency(&maps, &random([1, 8, 8, 1], 1), &Target::class(0)).unwrap_err().to_string();
    assert!(message.contains("put a head on it"), "{message}");
    assert_eq!(Target::class(1).score, Score::Logit);
    let blurred = Baseline::Blurred(0.0);
    assert!(blurred.of(&x).is_err() && Baseline::Picture(random([3, 3, 3], 1)).of(&x).is_err());
}

#[test]
fn baselines_are_what_they_say() {
    let x = random([2, 14, 12, 3], 1);
    let mean = Baseline::Mean.of(&x).unwrap();
    for (picture, mean) in x.data().chunks(14 * 12 * 3).zip(mean.data().chunks(14 * 12 * 3)) {
        for channel in 0..3 {
            let exact: f64 =
                picture.iter().skip(channel).step_by(3).map(|&x| f64::from(x)).sum::<f64>() / 168.0;
            assert!(mean.iter().skip(channel).step_by(3).all(|&x| (f64::from(x) - exact).abs() < 1e-7));
        }
    }
    // A point becomes a Gaussian: the same mass, and the ratio of neighbours that its deviation asks for.
    let mut point = Tensor::zeros([1, 31, 33, 1]);
    point.data_mut()[15 * 33 + 16] = 1.0;
    let blurred = Baseline::Blurred(2.0).of(&point).unwrap();
    let at = |row: usize, column: usize| f64::from(blurred.data()[row * 33 + column]);
    assert!((blurred.data().iter().sum::<f32>() - 1.0).abs() < 1e-5);
    for (row, column, distance) in [(16, 16, 1.0), (15, 17, 1.0), (17, 19, 13.0), (11, 16, 16.0)] {
        assert!((at(row, column) / at(15, 16) - f64::exp(-distance / 8.0)).abs() < 1e-5);
    }
    let flat = Tensor::full([1, 4, 5, 2], 0.3);
    let blurred = Baseline::Blurred(9.0).of(&flat).unwrap();
    assert!(blurred.data().iter().all(|x| (x - 0.3).abs() < 1e-6));
}
