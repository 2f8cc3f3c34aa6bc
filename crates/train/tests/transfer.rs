//! Learning on a base that others have trained: it stays as it is to the bit, costs its forward pass alone, and what it gives
//! is computed once.

mod common;

use common::{bits, stripes};
use convnet_autograd::Tape;
use convnet_cpu::parallel;
use convnet_data::{Augment, Dataset};
use convnet_layers::{
    Architecture, BatchNormalization, Conv2D, Dense, Dropout, Flatten, InputSpec, MaxPooling2D, Model,
    Request,
};
use convnet_tensor::{Pixels, Seed, Tensor};
use convnet_train::optimizers::{Adam, RmsProp, Sgd};
use convnet_train::{
    Advice, Checkpoints, Error, FeatureCache, Features, Fit, Group, History, Loss, Sinks, advise,
    advise_base, evaluate, fit, frozen_hash, predict,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

const SPARSE: Loss = Loss::SparseCategoricalCrossentropy { label_smoothing: 0.0 };

/// Two blocks, the second with everything that could move although it is frozen, under a head with dropout.
fn network() -> Architecture {
    let base = Architecture::new()
        .named("block1_conv1", Conv2D::new(6, 3).same().relu())
        .named("block1_pool", MaxPooling2D::new(2))
        .named("block2_conv1", Conv2D::new(8, 3).same())
        .named("block2_bn", BatchNormalization::new())
        .named("block2_pool", MaxPooling2D::new(2));
    Architecture::new()
        .nested("base", base)
        .add(Flatten::new())
        .add(Dense::new(16).relu())
        .add(Dropout::new(0.3))
        .add(Dense::new(3).softmax())
}

/// A model whose base has been trained for a while, and is frozen now.
fn pretrained(set: &Dataset) -> Model {
    let shape = set.picture_shape();
    let input = InputSpec::new([shape[0], shape[1], shape[2]]);
    let mut model = Model::new(network(), input, Seed(3)).unwrap();
    let settings = Fit { batch_size: 20, seed: 8, ..Fit::new(SPARSE, Adam::default()) };
    fit(&mut model, set, None, &settings, None, &mut Sinks::none()).unwrap();
    model.freeze("base").unwrap();
    model
}

fn sets() -> (Dataset, Dataset) {
    stripes(1, 130).split(90).unwrap()
}

fn settings() -> Fit {
    Fit { epochs: 2, batch_size: 20, steps_per_epoch: Some(5), ..Fit::new(SPARSE, RmsProp::default()) }
}

fn cached(folder: &Path, model: &Model, layer: &str, set: &Dataset) -> Features {
    let cache = FeatureCache { batch_size: 16, ..FeatureCache::new(folder) };
    cache.features(model, layer, set, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn train(model: &mut Model, set: &Dataset, validation: &Dataset) -> History {
    fit(model, set, Some(validation), &settings(), None, &mut Sinks::none()).unwrap().history
}

#[test]
fn what_is_frozen_keeps_every_bit_whatever_the_threads() {
    let (set, validation) = sets();
    let augmented = set.clone().augmented(Augment::chapter5(), Seed(1)).unwrap();
    let start = pretrained(&set);
    let before = frozen_hash(&start).unwrap();
    let mut expected = None;
    for threads in [1, 2, 3, 8] {
        let mut model = start.clone();
        let history = parallel::install(threads, || train(&mut model, &augmented, &validation)).unwrap();
        assert_eq!(frozen_hash(&model).unwrap(), before);
        for (now, then) in model.parameters().iter().zip(start.parameters()) {
            assert_eq!(now.value == then.value, now.path.starts_with("base/"), "{}", now.path);
        }
        assert_eq!(*expected.get_or_insert((bits(&model), history.clone())), (bits(&model), history));
    }
    // A part of the base learns, the statistics of its normalisation too; the rest stays.
    let mut model = start.clone();
    model.unfreeze_from("base/block2_conv1").unwrap();
    let before = frozen_hash(&model).unwrap();
    train(&mut model, &augmented, &validation);
    assert_eq!(frozen_hash(&model).unwrap(), before);
    for path in ["block2_conv1/kernel", "block2_bn/gamma", "block2_bn/moving_mean"] {
        let path = format!("base/{path}");
        assert_ne!(model.parameter(&path).unwrap().value, start.parameter(&path).unwrap().value, "{path}");
    }
}

#[test]
fn a_frozen_base_leaves_nothing_on_the_tape() {
    let (set, _) = sets();
    let model = pretrained(&set);
    let shape = model.input().shape;
    let x = Tensor::from_fn([9, shape[0], shape[1], shape[2]], |place| (place % 251) as f32 / 251.0);
    let recorded = |model: &Model, x: &Tensor| {
        let numbers: Vec<u64> = (0..9).collect();
        let mut tape = Tape::new();
        model.run(&mut tape, x, &Request::train(Seed(1), &[0; 9], &numbers)).unwrap();
        tape.len()
    };
    let head = model.behind("base").unwrap();
    let features = model.rebuilt(model.architecture().up_to("base").unwrap(), model.input().clone()).unwrap();
    let features = features.predict(&x).unwrap();
    assert_eq!(recorded(&model, &x), recorded(&head, &features), "the whole records what its head does");
    let mut learning = model.clone();
    learning.unfreeze("").unwrap();
    assert!(recorded(&learning, &x) > recorded(&model, &x));
}

#[test]
fn features_are_what_the_base_computes_and_give_the_same_figures() {
    let folder = tempfile::tempdir().unwrap();
    let (set, validation) = sets();
    let model = pretrained(&set);
    for layer in ["base", "base/block1_pool", "base/block2_conv1"] {
        let base = model.rebuilt(model.architecture().up_to(layer).unwrap(), model.input().clone()).unwrap();
        let expected = predict(&base, &validation, 7).unwrap();
        let first = cached(folder.path(), &model, layer, &validation);
        let again = cached(folder.path(), &model, layer, &validation);
        assert_eq!((first.computed, again.computed), (validation.len(), 0));
        assert_eq!((first.note, again.note), (None, None));
        assert_eq!(first.set.fingerprint(), again.set.fingerprint());
        let identity = Model::new(
            Architecture::new(),
            InputSpec::new([base.output_shape()[0], base.output_shape()[1], base.output_shape()[2]]),
            Seed(0),
        )
        .unwrap();
        // In memory, and read from the file.
        let frugal = FeatureCache { memory_budget: 0, ..FeatureCache::new(folder.path()) };
        let read =
            frugal.features(&model, layer, &validation, &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert!(read.computed == 0 && !read.set.in_memory() && again.set.in_memory());
        for set in [&again.set, &read.set] {
            assert_eq!(predict(&identity, set, 11).unwrap(), expected, "{layer}");
            assert_eq!((set.labels(), set.layer()), (validation.labels(), Some(layer)));
            let (whole, tail) = (
                evaluate(&model, &validation, SPARSE, 9).unwrap(),
                evaluate(&model, set, SPARSE, 9).unwrap(),
            );
            assert_eq!((whole.loss, whole.accuracy), (tail.loss, tail.accuracy));
            assert_eq!(whole.probabilities, tail.probabilities);
        }
    }
}

#[test]
fn validation_on_features_changes_no_bit_of_a_training() {
    let folder = tempfile::tempdir().unwrap();
    let (set, validation) = sets();
    let mut start = pretrained(&set);
    start.unfreeze_from("base/block2_conv1").unwrap();
    let features = cached(folder.path(), &start, "base/block1_pool", &validation).set;
    let outcome = |validation: &Dataset| {
        let mut model = start.clone();
        (train(&mut model, &set, validation), bits(&model))
    };
    assert_eq!(outcome(&features), outcome(&validation));
    // Features of what learns would be out of date after one step.
    let features = cached(folder.path(), &start, "base", &validation).set;
    let error = fit(&mut start, &set, Some(&features), &settings(), None, &mut Sinks::none()).unwrap_err();
    assert!(error.to_string().contains("`base/block2_conv1/kernel` learning"), "{error}");
}

#[test]
fn a_head_learns_from_features_as_it_would_behind_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let (set, validation) = sets();
    let start = pretrained(&set);
    let features = cached(folder.path(), &start, "base", &set).set;
    let measured = cached(folder.path(), &start, "base", &validation).set;
    let mut head = start.behind("base").unwrap();
    assert_eq!(head.parameters().len(), 4);
    // Without dropout, whose random numbers follow from the layer's place.
    let plain = Architecture::new().add(Flatten::new()).named("dense", Dense::new(3).softmax());
    let base = start.architecture().up_to("base").unwrap();
    let whole = {
        let network = base.add(Flatten::new()).named("dense", Dense::new(3).softmax());
        let mut model = Model::new(network, start.input().clone(), Seed(5)).unwrap();
        for parameter in
            model.parameters_mut().iter_mut().filter(|parameter| parameter.path.starts_with("base/"))
        {
            parameter.value = start.parameter(&parameter.path).unwrap().value.clone();
        }
        model.freeze("base").unwrap();
        model
    };
    let mut alone = whole.behind("base").unwrap();
    assert_eq!(alone.architecture().names().collect::<Vec<_>>(), plain.names().collect::<Vec<_>>());
    let mut together = whole.clone();
    let history = train(&mut together, &set, &measured);
    assert_eq!(train(&mut alone, &features, &measured), history);
    for parameter in alone.parameters() {
        assert_eq!(parameter.value, together.parameter(&parameter.path).unwrap().value);
    }
    // The head with dropout learns too.
    assert!(train(&mut head, &features, &measured).rows.len() == 2);
}

#[test]
fn the_file_is_that_of_these_weights_pictures_and_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let (set, other) = sets();
    let model = pretrained(&set);
    let file = |model: &Model, set: &Dataset| cached(folder.path(), model, "base", set).file;
    let expected = file(&model, &set);
    let mut moved = model.clone();
    let kernel = moved.parameters_mut()[0].value.data_mut();
    kernel[0] = f32::from_bits(kernel[0].to_bits() ^ 1);
    let pixels = model.input().clone().pixels(Pixels::MinusOneToOne);
    let pixels = model.rebuilt(model.architecture().clone(), pixels).unwrap();
    for (what, file) in
        [("weights", file(&moved, &set)), ("pictures", file(&model, &other)), ("pixels", file(&pixels, &set))]
    {
        assert_ne!(file, expected, "{what}");
    }
    // What stands behind the layer, and what learns, decide nothing.
    let mut head = model.clone();
    head.unfreeze("").unwrap();
    head.parameters_mut().last_mut().unwrap().value.data_mut()[0] += 1.0;
    assert_eq!(file(&head, &set), expected);
    // Any safetensors reader can read it.
    let bytes = fs::read(&expected).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("features").unwrap().shape()[0], set.len());
    assert_eq!(tensors.tensor("digests").unwrap().shape(), [set.len(), 16]);
}

#[test]
fn a_damaged_file_is_computed_again_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (set, _) = sets();
    let model = pretrained(&set);
    let Features { file, set: expected, .. } = cached(folder.path(), &model, "base", &set);
    let whole = fs::read(&file).unwrap();
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 16;
        bytes
    };
    let damaged = [
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], &[0]].concat(),
        Vec::new(),
        flipped(0),
        flipped(60),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
    ];
    for bytes in damaged {
        fs::write(&file, bytes).unwrap();
        let found = cached(folder.path(), &model, "base", &set);
        assert_eq!(found.computed, set.len());
        let note = found.note.unwrap();
        assert!(note.contains("computed again") && note.contains("base-"), "{note}");
        assert_eq!(found.set.fingerprint(), expected.fingerprint());
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn features_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (set, _) = sets();
    let model = pretrained(&set);
    let cache = FeatureCache::new(folder.path());
    let ask = |set: &Dataset, layer: &str| {
        cache.features(&model, layer, set, &mut |_, _| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    let augmented = set.clone().augmented(Augment::chapter5(), Seed(1)).unwrap();
    assert!(ask(&augmented, "base").contains("changes them at random"));
    assert!(ask(&set, "flatten").contains("take a layer before it"));
    assert!(ask(&set, "base/block2_pol").contains("block2_pool"));
    let stopped = cache.features(&model, "base", &set, &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { done: 32, all: 90 })), "{stopped:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no half file stays");
    let nowhere = FeatureCache::new(folder.path().join("none"));
    let error = nowhere.features(&model, "base", &set, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
    let features = cached(folder.path(), &model, "base", &set).set;
    assert!(features.picture(0).unwrap_err().to_string().contains("`base` made of them"));
    assert!(features.augmented(Augment::chapter5(), Seed(1)).is_err());
}

#[test]
fn a_resumed_training_on_features_is_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let (set, validation) = sets();
    let mut start = pretrained(&set);
    start.unfreeze_from("base/block2_conv1").unwrap();
    let features = cached(folder.path(), &start, "base/block1_pool", &validation).set;
    let mut whole = start.clone();
    let history = train(&mut whole, &set, &features);
    let file = folder.path().join("checkpoint.safetensors");
    let mut model = start.clone();
    for epochs in [1, 2] {
        model = start.clone();
        let checkpoints = Checkpoints { file: file.clone(), resume: true, ..Checkpoints::default() };
        let settings = Fit { epochs, ..settings() };
        let outcome =
            fit(&mut model, &set, Some(&features), &settings, Some(&checkpoints), &mut Sinks::none())
                .unwrap();
        assert_eq!(outcome.history.rows, history.rows[..epochs]);
    }
    assert_eq!(bits(&model), bits(&whole));
}

/// A group with a share of the rate learns as if an optimiser of its own had that rate.
#[test]
fn a_group_is_an_optimiser_of_its_own() {
    let (set, _) = sets();
    let start = pretrained(&set);
    let one_step = |rate: f64, groups: Vec<Group>| {
        let mut model = start.clone();
        model.unfreeze("").unwrap();
        let optimizer = RmsProp { learning_rate: rate, ..RmsProp::default() };
        let settings = Fit { batch_size: 90, groups, ..Fit::new(SPARSE, optimizer) };
        fit(&mut model, &set, None, &settings, None, &mut Sinks::none()).unwrap();
        model
    };
    let group = |path: &str, factor| Group { path: path.into(), factor };
    let (fast, slow) = (one_step(1e-3, vec![]), one_step(1e-3 * 0.1, vec![]));
    let both = one_step(1e-3, vec![group("base", 0.1), group("base/block2_bn", 1.0)]);
    for parameter in both.parameters().iter().filter(|parameter| parameter.is_learned()) {
        let is_slow = parameter.path.starts_with("base/") && !parameter.path.starts_with("base/block2_bn/");
        let expected = if is_slow { &slow } else { &fast };
        assert_eq!(parameter.value, expected.parameter(&parameter.path).unwrap().value, "{}", parameter.path);
    }
}

#[test]
fn an_untrained_head_on_a_base_that_learns_is_told() {
    let (set, _) = sets();
    let trained = pretrained(&set);
    let settings = Fit::new(SPARSE, Sgd::default());
    let told = |model: &Model| advise(model, &set, None, &settings, None).unwrap();
    let mut fresh =
        Model::with_parameters(network(), trained.input().clone(), Seed(9), &[("base", &rebased(&trained))])
            .unwrap();
    fresh.freeze("base").unwrap();
    assert_eq!(told(&fresh), [], "a frozen base is safe");
    fresh.unfreeze_from("base/block2_conv1").unwrap();
    let advice = told(&fresh);
    assert!(matches!(&advice[..], [Advice::UntrainedHead { layer }] if layer == "dense_1"), "{advice:?}");
    assert!(advice[0].to_string().contains("`dense_1`"), "{}", advice[0]);
    let mut warm = trained.clone();
    warm.unfreeze("").unwrap();
    assert_eq!(told(&warm), [], "its head has learned");
    let scratch = Model::new(network(), trained.input().clone(), Seed(2)).unwrap();
    assert_eq!(told(&scratch), [], "nothing of it is trained");
}

/// The base of a model by itself.
fn rebased(model: &Model) -> Model {
    let convnet_layers::Part::Nested(base) = &model.architecture().parts()[0].part else { panic!("a base") };
    let mut alone = Model::new(base.clone(), model.input().clone(), Seed(0)).unwrap();
    for parameter in alone.parameters_mut() {
        parameter.value = model.parameter(&format!("base/{}", parameter.path)).unwrap().value.clone();
    }
    alone
}

#[test]
fn pixels_of_another_range_than_the_base_knows_are_told() {
    let (set, _) = sets();
    let trained = pretrained(&set);
    let base = rebased(&trained);
    assert_eq!(advise_base(&trained, "base", &base), None);
    let input = base.input().clone().pixels(Pixels::MinusOneToOne);
    let other = base.rebuilt(base.architecture().clone(), input).unwrap();
    let advice = advise_base(&trained, "base", &other).unwrap();
    assert!(
        advice.to_string().contains("MinusOneToOne") && advice.to_string().contains("`base`"),
        "{advice}"
    );
}
