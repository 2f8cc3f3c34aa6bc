//! Small files that Keras wrote (`goldens/pretrained.py`): every layout gives the weights and outputs of Keras.

mod common;

use common::{branches_model, close, golden, input, small, small_model};
use convnet_autograd::Tape;
use convnet_layers::{Architecture, Conv2D, Dense, InputSpec, Model, Request, Tap};
use convnet_pretrained::{Error, Format, Loading, WeightFile};
use convnet_tensor::Seed;

fn assert_same_weights(model: &Model, other: &Model) {
    assert_eq!(model.parameters().len(), other.parameters().len());
    for (a, b) in model.parameters().iter().zip(other.parameters()) {
        assert_eq!((&a.path, &a.value), (&b.path, &b.value));
    }
}

#[test]
fn whole_models_compute_what_keras_computes() {
    for (name, format) in [
        ("small.keras", Format::KerasArchive),
        ("packed.keras", Format::KerasArchive),
        ("small.h5", Format::KerasLegacy),
        ("keras2.h5", Format::KerasLegacy),
    ] {
        let mut file = WeightFile::open(small(name)).unwrap();
        assert_eq!((file.format(), file.tensors().count()), (format, 20), "{name}");
        assert_eq!(file.picture(), [Some(13), Some(11), Some(3)], "{name}");
        let model = file.model(input()).unwrap();
        let request = Request::taps([Tap::output("base")]);
        let outputs = model.run(&mut Tape::new(), &golden("x"), &request).unwrap();
        close(outputs.taps[0].tensor(), &golden("base"), 1e-5);
        close(&model.predict(&golden("x")).unwrap(), &golden("y"), 1e-5);
        assert_same_weights(&model, &small_model());
    }
}

#[test]
fn groups_and_ways_side_by_side_compute_what_keras_computes() {
    for name in ["branches.keras", "branches.h5"] {
        let mut file = WeightFile::open(small(name)).unwrap();
        let model = file.model(InputSpec::new([12, 10, 4])).unwrap();
        // Random augmentation, noise and penalties are left out.
        let first = model.layers().next().map(|(path, _)| path.to_string());
        assert_eq!(first.as_deref(), Some("grouped"), "{name}");
        let layers = ["grouped", "separable", "side_by_side", "strided", "rows"];
        let request = Request::taps(layers.map(Tap::output));
        let outputs = model.run(&mut Tape::new(), &golden("branches/x"), &request).unwrap();
        for (layer, tap) in layers.iter().zip(&outputs.taps) {
            close(tap.tensor(), &golden(&format!("branches/{layer}")), 1e-5);
        }
        close(&model.predict(&golden("branches/x")).unwrap(), &golden("branches/y"), 1e-5);
        assert_same_weights(&model, &branches_model());
    }
}

#[test]
fn weights_alone_go_into_a_model_in_order_and_by_name() {
    let whole = small_model();
    for name in ["small.weights.h5", "weights_only.h5", "small.h5", "small.keras", "keras2.h5"] {
        for loading in [Loading::in_order(), Loading::by_name()] {
            let mut model = Model::new(whole.architecture().clone(), input(), Seed(7)).unwrap();
            let mut file = WeightFile::open(small(name)).unwrap();
            let loaded = file.load_into(&mut model, loading).unwrap();
            assert!(loaded.is_whole() && loaded.matched.len() == 20, "{name}: {loaded}");
            assert_same_weights(&model, &whole);
        }
    }
    let mut weights = WeightFile::open(small("weights_only.h5")).unwrap();
    assert!(weights.architecture().unwrap().is_none());
    assert!(weights.model(input()).unwrap_err().to_string().contains("weights alone"));
}

#[test]
fn by_name_takes_what_both_have_and_says_the_rest() {
    let architecture = Architecture::new()
        .named("right", Conv2D::new(8, 1))
        .named("new", Conv2D::new(4, 1))
        .add(convnet_layers::Flatten::new())
        .named("classes", Dense::new(2));
    for name in ["small.keras", "weights_only.h5"] {
        let mut model = Model::new(architecture.clone(), InputSpec::new([2, 2, 8]), Seed(1)).unwrap();
        let before = model.clone();
        let mut file = WeightFile::open(small(name)).unwrap();
        let all = match file.load_into(&mut model, Loading::by_name()) {
            Err(Error::Mismatch { all, .. }) => all,
            other => panic!("{other:?}"),
        };
        assert!(all.len() == 1 && all[0].contains("(16, 2)") && all[0].contains("[5, 4]"), "{all:?}");
        assert_same_weights(&model, &before);

        let loaded = file.load_into(&mut model, Loading::by_name().skip_mismatch()).unwrap();
        let matched: Vec<_> = loaded.matched.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(matched, ["right/kernel", "right/bias"]);
        assert_eq!(loaded.missing, ["new/kernel", "new/bias"]);
        assert_eq!((loaded.skipped.len(), loaded.left_over.len()), (1, 16), "{loaded}");
        assert!(
            loaded.to_string().contains("2 tensors loaded; 2 parameters not in the file (new/kernel …)"),
            "{loaded}"
        );
        let right = &small_model().parameter("right/kernel").unwrap().value.clone();
        assert_eq!(&model.parameter("right/kernel").unwrap().value, right);
        assert_eq!(
            model.parameter("classes/kernel").unwrap().value,
            before.parameter("classes/kernel").unwrap().value
        );
    }
}

#[test]
fn in_order_lists_everything_that_does_not_fit() {
    let whole = small_model();
    let shorter = whole.architecture().up_to("left").unwrap();
    let mut model = Model::new(shorter, input(), Seed(1)).unwrap();
    for name in ["small.weights.h5", "weights_only.h5"] {
        let error =
            WeightFile::open(small(name)).unwrap().load_into(&mut model, Loading::in_order()).unwrap_err();
        let Error::Mismatch { all, .. } = error else { panic!("{error}") };
        // Two tensors each of `right`, `scores` and `classes` have no place.
        let homeless = all.iter().filter(|line| line.contains("no place for")).count();
        assert_eq!(homeless, 6, "{name}: {all:?}");
    }
}

#[test]
fn pictures_of_another_size_are_refused() {
    let error =
        WeightFile::open(small("small.keras")).unwrap().model(InputSpec::new([32, 32, 3])).unwrap_err();
    assert!(error.to_string().contains("13×11×3"), "{error}");
}

#[test]
fn single_tensors_are_read_by_their_names() {
    let mut file = WeightFile::open(small("weights_only.h5")).unwrap();
    let kernel = file.read("classes/classes/kernel").unwrap();
    assert_eq!(kernel, small_model().parameter("classes/kernel").unwrap().value);
    assert!(matches!(file.read("classes/classes/kernel_"), Err(Error::Argument(_))));
}
