//! Measures of trust, against cases whose answer is known.

mod common;

use common::{nested, random};
use convnet_layers::*;
use convnet_tensor::{Seed, Tensor};
use convnet_visualize::heatmaps::Method;
use convnet_visualize::honesty::*;
use convnet_visualize::{Baseline, Target};

/// A model that is as sure of class 1 as the upper left 4×4 pixels of 8×8 are bright: the rest of a picture means nothing.
fn corner() -> Model {
    let net = Architecture::new().add(Flatten::new()).add(Dense::new(1).sigmoid());
    let mut model = Model::new(net, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    model.parameters_mut()[0].value =
        Tensor::from_fn([64, 1], |pixel| if pixel / 8 < 4 && pixel % 8 < 4 { 0.5 } else { 0.0 });
    model.parameters_mut()[1].value = Tensor::full([1], -4.0);
    model
}

/// 1 in the corner that [`corner`] looks at, 0 elsewhere.
fn truth() -> Tensor {
    Tensor::from_fn([1, 8, 8], |pixel| f32::from(u8::from(pixel / 8 < 4 && pixel % 8 < 4)))
}

#[test]
fn curves_tell_a_true_map_from_a_wrong_one() {
    let (model, x, target) = (corner(), Tensor::full([1, 8, 8, 1], 1.0), Target::class(1).probability());
    let wrong = Tensor::from_fn([1, 8, 8], |pixel| 1.0 - truth().data()[pixel]);
    let settings = Perturbation { steps: 4, baseline: Baseline::Number(0.0), ..Perturbation::deletion() };
    let deleted = |heat: &Tensor| deletion(&model, &x, heat, &target, &settings).unwrap().remove(0);
    let inserted = |heat: &Tensor| insertion(&model, &x, heat, &target, &settings).unwrap().remove(0);
    // A quarter of the pixels is the corner: after one step of four nothing of it is left.
    let [sure, unsure] = [4.0, -4.0].map(|score: f64| 1.0 / (1.0 + (-score).exp()));
    let close = |curve: &Curve, expected: [f64; 5]| {
        assert!(curve.scores.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{curve:?}");
    };
    close(&deleted(&truth()), [sure, unsure, unsure, unsure, unsure]);
    close(&deleted(&wrong), [sure, sure, sure, sure, unsure]);
    close(&inserted(&truth()), [unsure, sure, sure, sure, sure]);
    close(&inserted(&wrong), [unsure, unsure, unsure, unsure, sure]);
    let area = (0.5 * sure + 3.5 * unsure) / 4.0;
    assert!((deleted(&truth()).area() - area).abs() < 1e-6);
    assert_eq!(deleted(&truth()).shares().collect::<Vec<_>>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    // A small map is brought to the picture's size.
    let small = Tensor::from_slice([1, 2, 2], &[1.0, 0.0, 0.0, 0.0]).unwrap();
    close(&deleted(&small), [sure, unsure, unsure, unsure, unsure]);
    // A blank map has no order: chance decides, and the same seed decides the same.
    let blank = Tensor::zeros([1, 8, 8]);
    let chance = deleted(&blank);
    assert!(chance.area() > deleted(&truth()).area() + 0.1 && chance.area() < deleted(&wrong).area() - 0.1);
    assert_eq!(deleted(&blank), chance);
    let other = Perturbation { seed: Seed(2), ..settings.clone() };
    assert_ne!(deletion(&model, &x, &blank, &target, &other).unwrap()[0], chance);
    let none = Perturbation { steps: 0, ..settings.clone() };
    assert!(deletion(&model, &x, &blank, &target, &none).is_err());
    assert!(deletion(&model, &x, &Tensor::zeros([2, 8, 8]), &target, &settings).is_err());
}

#[test]
fn the_pointing_game_and_the_mass_of_heat() {
    let masks = Tensor::<u8>::from_fn([3, 8, 8, 1], |i| if i % 64 / 8 < 4 && i % 8 < 4 { 255 } else { 0 });
    let mut heat = Tensor::zeros([3, 8, 8]);
    heat.data_mut()[2 * 8 + 3] = 3.0;
    heat.data_mut()[7 * 8 + 7] = 1.0;
    heat.data_mut()[64 + 5 * 8 + 3] = 2.0;
    heat.data_mut()[64 + 1] = 1.0;
    heat.data_mut()[64 + 6] = -5.0;
    assert_eq!(pointing_game(&heat, &masks, 0).unwrap(), [1.0, 0.0, 0.25], "a blank map guesses");
    assert_eq!(pointing_game(&heat, &masks, 1).unwrap()[1], 0.0);
    assert_eq!(pointing_game(&heat, &masks, 2).unwrap()[1], 1.0);
    let mass = relevance_mass(&heat, &masks).unwrap();
    assert_eq!(mass[0], 0.75);
    assert!((mass[1] - 1.0 / 3.0).abs() < 1e-12 && mass[2] == 0.0);
    let even = relevance_mass(&Tensor::full([3, 2, 2], 1.0), &masks.reshaped([3, 8, 8]).unwrap()).unwrap();
    assert_eq!(even, [0.25; 3]);
    let nothing = Tensor::full([3, 8, 8], f32::NAN);
    assert_eq!(pointing_game(&nothing, &masks, 0).unwrap(), [0.0; 3]);
    assert!(pointing_game(&heat, &masks.rows(0..2), 0).is_err());
    assert!(relevance_mass(&heat, &Tensor::zeros([8, 8])).is_err());
}

#[test]
fn drop_and_increase_measure_what_the_heat_shows() {
    let (model, target) = (corner(), Target::class(1));
    // The first picture is all light, in the second the corner alone is dark.
    let x = Tensor::from_fn([2, 8, 8, 1], |i| if i < 64 { 1.0 } else { -truth().data()[i - 64] });
    let heat = Tensor::from_fn([2, 8, 8], |i| truth().data()[i % 64] * 7.0);
    let found = average_drop(&model, &x, &heat, &target, &Baseline::default()).unwrap();
    assert_eq!((found.drop, found.increase), (0.0, 0.0), "the corner says it all");
    let away = Tensor::from_fn([2, 8, 8], |i| 1.0 - truth().data()[i % 64]);
    let found = average_drop(&model, &x, &away, &target, &Baseline::default()).unwrap();
    let [[whole, shown], [dark, lit]] = found.probabilities[..] else { panic!("two pictures") };
    assert!(whole > 0.98 && shown < 0.02 && dark < lit);
    assert!((found.drop - (whole - shown) / whole / 2.0).abs() < 1e-9);
    assert_eq!(found.increase, 0.5);
    let linear = Architecture::new().add(Flatten::new()).add(Dense::new(2));
    let linear = Model::new(linear, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    assert!(average_drop(&linear, &x, &heat, &target, &Baseline::default()).is_err());
}

#[test]
fn sparseness_is_the_gini_index() {
    let one = Tensor::from_fn([1, 2, 5], |i| if i == 3 { -2.0 } else { 0.0 });
    assert!((sparseness(&one).unwrap()[0] - 0.9).abs() < 1e-12);
    let maps = Tensor::from_slice([3, 1, 4], &[2.0, 2.0, -2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    let found = sparseness(&maps.unwrap()).unwrap();
    assert_eq!(found[..2], [0.0, 0.0]);
    // Σ (2i − n − 1) x / (n Σ x) = (−3 − 2 + 3 + 12) / 40.
    assert!((found[2] - 0.25).abs() < 1e-12);
}

#[test]
fn a_sure_model_is_warned_of() {
    let model = corner();
    // Scores of 4, 12, −12 and 0 for class 1.
    let x = Tensor::from_fn([4, 8, 8, 1], |i| [1.0, 2.0, -1.0, 0.5][i / 64]);
    let found = saturation(&model, &x, &Target::predicted()).unwrap();
    let pictures: Vec<_> = found.iter().map(|found| (found.picture, found.class)).collect();
    assert_eq!(pictures, [(1, 1), (2, 0)]);
    let slope = (-12f64).exp() / (1.0 + (-12f64).exp()).powi(2);
    assert!(found.iter().all(|found| (found.slope / slope - 1.0).abs() < 1e-9));
    let message = found[0].to_string();
    assert!(
        message.contains("class 1 has probability 0.999994") && message.contains("explain the score"),
        "{message}"
    );

    for concerned in
        ["Grad-CAM", "saliency", "SmoothGrad", "integrated gradients", "guided", "occlusion", "Score-CAM"]
    {
        assert!(message.contains(concerned), "{concerned}: {message}");
    }

    // Far beyond what f32 can tell from 1 there is still a slope, and the heat of the score does not care.
    let certain = Tensor::full([1, 8, 8, 1], 10.0);
    let found = saturation(&model, &certain, &Target::class(1)).unwrap();
    assert!(found[0].slope > 1e-35 && found[0].slope < 1e-30, "{:?}", found[0]);
    let heat = Method::Saliency.heat(&model, &certain, "", &Target::class(1)).unwrap();
    assert_eq!(heat.data(), Tensor::from_fn([64], |i| truth().data()[i] * 0.5).data());

    let net = Architecture::new().add(Flatten::new()).add(Dense::new(3).softmax());
    let mut model = Model::new(net, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    model.parameters_mut()[0].value = Tensor::zeros([64, 3]);
    model.parameters_mut()[1].value = Tensor::from_slice([3], &[60.0, 1.0, 0.0]).unwrap();
    let found = saturation(&model, &x.rows(0..1), &Target::class(0)).unwrap();
    let rest = (-59f64).exp() + (-60f64).exp();
    assert!((found[0].slope / rest - 1.0).abs() < 1e-9, "{:?}", found[0]);
}

#[test]
fn a_twin_has_learned_nothing() {
    let model = nested();
    let other = random_twin(&model, Seed(8)).unwrap();
    let paths = |model: &Model| model.parameters().iter().map(|p| p.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&other), paths(&model));
    assert_ne!(other.parameters()[0].value, model.parameters()[0].value);
    let x = random([3, 14, 12, 3], 1);
    for method in Method::all() {
        let found = twin(&method, &model, &other, &x, "base/conv2", &Target::predicted()).unwrap();
        let target = Target::each(found.classes.clone());
        assert_eq!(found.heat, method.heat(&model, &x, "base/conv2", &target).unwrap());
        assert_eq!(found.random, method.heat(&other, &x, "base/conv2", &target).unwrap());
        assert_ne!(found.heat, found.random, "{}", method.name());
        assert!(found.likeness.iter().all(|likeness| likeness.abs() < 0.99), "{:?}", found.likeness);
    }
    // A model beside itself is its own twin.
    let own = twin(&Method::Saliency, &model, &model, &x, "", &Target::predicted()).unwrap();
    assert!(own.likeness.iter().all(|likeness| (likeness - 1.0).abs() < 1e-12));
}

#[test]
fn ranks_correlate_as_spearman_says() {
    let correlation = |a: &[f32], b: &[f32]| {
        let map = |numbers: &[f32]| Tensor::from_slice([1, 1, numbers.len()], numbers).unwrap();
        rank_correlation(&map(a), &map(b)).unwrap()[0]
    };
    // 1 − 6 Σd² / (n (n² − 1)) without ties.
    assert!((correlation(&[1.0, 2.0, 3.0, 40.0, 5.0], &[2.0, 1.0, 4.0, 3.0, 5.0]) - 0.6).abs() < 1e-12);
    assert!((correlation(&[1.0, 5.0, 9.0], &[-1.0, -5.0, -9.0]) + 1.0).abs() < 1e-12);
    // Ties share their mean rank: scipy.stats.spearmanr([0, 0, 1, 2], [3, 1, 1, 5]).
    assert!((correlation(&[0.0, 0.0, 1.0, 2.0], &[3.0, 1.0, 1.0, 5.0]) - 0.5).abs() < 1e-12);
    assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    assert!(rank_correlation(&Tensor::zeros([1, 2, 2]), &Tensor::zeros([1, 4, 1])).is_err());
}
