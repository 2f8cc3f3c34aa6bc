//! The same bits again, with any number of threads.

mod common;

use common::{bits, digits, pictures, small, stripes};
use convnet_cpu::parallel;
use convnet_data::{Augment, Dataset};
use convnet_layers::{Architecture, BatchNormalization, Conv2D, Dense, Dropout, Flatten, InputSpec, Model};
use convnet_tensor::Seed;
use convnet_train::optimizers::{Adam, RmsProp};
use convnet_train::{Clipping, Fit, Loss, Sinks, fit, predict};

const SPARSE: Loss = Loss::SparseCategoricalCrossentropy { label_smoothing: 0.0 };

/// Weights, history and predictions after a training with so many threads.
fn trained(
    threads: usize,
    model: &Model,
    set: &Dataset,
    settings: &Fit,
) -> (Vec<Vec<u32>>, String, Vec<u32>) {
    let mut model = model.clone();
    parallel::install(threads, || {
        let outcome = fit(&mut model, set, Some(set), settings, None, &mut Sinks::none()).unwrap();
        let predictions = predict(&model, set, 50).unwrap();
        let predictions = predictions.data().iter().map(|number| number.to_bits()).collect();
        (bits(&model), format!("{:?}", outcome.history), predictions)
    })
    .unwrap()
}

fn check(model: &Model, set: &Dataset, settings: &Fit) {
    let once = trained(1, model, set, settings);
    assert!(once.0 != bits(model));
    for threads in [1, 2, 3, 8] {
        assert!(trained(threads, model, set, settings) == once, "{threads} threads");
    }
    // The threads that a caller did not ask for either.
    let mut model = model.clone();
    fit(&mut model, set, None, settings, None, &mut Sinks::none()).unwrap();
    assert!(bits(&model) == once.0, "outside any pool");
}

#[test]
fn the_digits_convnet() {
    // A short last batch, whose groups have other sizes.
    let set = pictures(1, 64 * 4 + 23, [28, 28, 1], 10);
    check(&digits(1), &set, &Fit { batch_size: 64, ..Fit::new(SPARSE, RmsProp::default()) });
}

#[test]
fn dropout_and_batch_normalisation() {
    let settings = Fit { epochs: 2, ..Fit::new(SPARSE, Adam::default()) };
    check(&small(1), &stripes(1, 75), &settings);
    check(&small(1), &stripes(1, 20), &Fit { steps_per_epoch: Some(3), ..settings });
}

/// Batches made in the background, pictures changed at random.
#[test]
fn augmentation() {
    let augment = Augment { rotation: 20.0, horizontal_flip: true, ..Augment::none() };
    let set = stripes(1, 75).augmented(augment, Seed(3)).unwrap();
    let settings = Fit { epochs: 3, steps_per_epoch: Some(4), ..Fit::new(SPARSE, Adam::default()) };
    check(&small(1), &set, &settings);
}

/// A dense layer above the size from which its weights get no partial sums and the optimiser divides its pass.
#[test]
fn a_large_dense_layer_behind_batch_normalisation() {
    let architecture = Architecture::new()
        .add(Conv2D::new(16, 3).relu())
        .add(BatchNormalization::new())
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(130).relu())
        .add(Dense::new(10).softmax());
    let model = Model::new(architecture, InputSpec::new([14, 14, 1]), Seed(2)).unwrap();
    assert!(model.parameter("dense/kernel").unwrap().value.size() > 1 << 18);
    let clipping = Some(Clipping::GlobalNorm(1.0));
    check(&model, &pictures(2, 90, [14, 14, 1], 10), &Fit { clipping, ..Fit::new(SPARSE, Adam::default()) });
}

#[test]
fn another_seed_gives_other_bits() {
    let set = stripes(1, 75);
    let settings = Fit::new(SPARSE, Adam::default());
    let of = |seed: u64| trained(1, &small(1), &set, &Fit { seed, ..settings.clone() }).0;
    assert_ne!(of(1), of(2));
}
