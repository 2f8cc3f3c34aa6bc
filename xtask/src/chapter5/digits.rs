//! 5.1 and 5.1-dense: the digits convnet, and the dense network of chapter 2 beside it.

use super::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, Length, Recipe, Validation};
use crate::options::Profile;
use anyhow::Result;
use convnet_data::Dataset;
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, MaxPooling2D};
use convnet_report::chart::{StripChart, StripRow};
use convnet_train::optimizers::RmsProp;
use convnet_train::{Fit, Loss};

pub(crate) const CONVNET: Experiment = Experiment {
    id: "5.1",
    title: "The digits convnet",
    needs: &[],
    data: Some(Data::Digits),
    base: Pretrained::No,
    book_only: false,
    book: &[("test_accuracy", [0.991, 0.993]), ("parameters", [93_322.0, 93_322.0])],
    note: "The test digits are looked at after each epoch and never used to choose anything.",
    settings: |lab| convnet_recipe(lab.profile).settings(lab.seed),
    cost: |profile, _| Cost {
        convolution: CONVNET_FLOPS * TRAIN * epochs(profile),
        seconds: 1.0,
        mib: 15.0,
        ..Cost::default()
    },
    run: |lab| train(lab, convnet_recipe(lab.profile)),
};

pub(crate) const DENSE: Experiment = Experiment {
    id: "5.1-dense",
    title: "The dense network of chapter 2, for comparison",
    needs: &[],
    data: Some(Data::Digits),
    base: Pretrained::No,
    book_only: false,
    book: &[("test_accuracy", [0.978, 0.978])],
    note: "",
    settings: |lab| dense_recipe(lab.profile).settings(lab.seed),
    cost: |profile, _| Cost {
        dense: DENSE_FLOPS * TRAIN * epochs(profile),
        seconds: 1.0,
        mib: 25.0,
        ..Cost::default()
    },
    run: |lab| train(lab, dense_recipe(lab.profile)),
};

/// The digits to train on.
pub(super) const TRAIN: f64 = 60_000.0;

/// Floating-point operations of a training step per picture: two per multiply-add, forward and both gradients (the
/// first layer has no gradient of its input).
pub(super) const CONVNET_FLOPS: f64 = 16.4e6;
const DENSE_FLOPS: f64 = 2.0 * (2.0 * 784.0 * 512.0 + 3.0 * 512.0 * 10.0);

/// Epochs of 60,000 digits; the smoke run has one of 2,000.
fn epochs(profile: Profile) -> f64 {
    if profile == Profile::Smoke { 2_000.0 / TRAIN } else { epochs_trained(profile) as f64 }
}

fn epochs_trained(profile: Profile) -> usize {
    match profile {
        Profile::Smoke => 1,
        Profile::Quick => 2,
        Profile::Book => BOOK.epochs,
    }
}

/// How long the book trains on digits.
pub(super) const BOOK: Length = Length { epochs: 5, pictures: TRAIN as usize };

fn convnet_recipe(profile: Profile) -> Recipe {
    let fit = settings(epochs_trained(profile), 64);
    Recipe { name: CONVNET.id, part: None, architecture: convnet(), fit, book: BOOK }
}

fn dense_recipe(profile: Profile) -> Recipe {
    let fit = settings(epochs_trained(profile), 128);
    Recipe { name: DENSE.id, part: None, architecture: dense(), fit, book: BOOK }
}

/// The settings of section 5.1: RMSprop, categorical cross-entropy.
pub(super) fn settings(epochs: usize, batch_size: usize) -> Fit {
    Fit { epochs, batch_size, ..Fit::new(Loss::sparse_categorical_crossentropy(), RmsProp::default()) }
}

/// The test digits are looked at after each epoch, and choose nothing.
pub(super) fn watched(test: &Dataset) -> Validation<'_> {
    Validation { set: test, name: "test" }
}

/// Listing 5.1 and 5.2 of the chapter: three convolutions, two poolings, two dense layers.
pub(crate) fn convnet() -> Architecture {
    Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax())
}

/// The network of section 2.1.
fn dense() -> Architecture {
    Architecture::new().add(Flatten::new()).add(Dense::new(512).relu()).add(Dense::new(10).softmax())
}

/// What Keras finds: only beside figures of the same files.
const KERAS: &str = "Keras on the same files, five epochs, seeds 1 to 5: 0.9918, 0.9907, 0.9859, 0.9909, 0.9898, mean 0.9898. \
                     Runs differ by ±0.2 points; the book prints one.";

/// Of `docs/results/5.1-seeds.json`.
const SEEDS_OF_DENSE: &str = "Runs differ: five epochs with seeds 1 to 5 gave 0.9810, 0.9785, 0.9762, 0.9814, 0.9790; the book prints one.";

fn train(lab: &mut Lab, recipe: Recipe) -> Result<()> {
    let (train, test) = lab.digits(usize::MAX);
    let trained = lab.train(&recipe, &train, watched(&test))?;
    lab.metric("parameters", trained.model.summary().parameters() as f64);
    lab.judge(&trained, &test, None)?;
    // Painted digits, and the few of the smoke run, have no other figures to be compared with.
    if test.origin().generated || lab.profile == Profile::Smoke {
        return Ok(());
    }
    lab.note(if lab.record.id == CONVNET.id { KERAS } else { SEEDS_OF_DENSE });
    draw_spread(lab)
}

/// What `docs/results` holds: five seeds of ours and of Keras, and the book's figure, for each experiment.
const SEEDS: &str = include_str!("../../../docs/results/5.1-seeds.json");

/// Draws the book's figure as a point on the spread of ours: a single run, anybody's, is one of many.
fn draw_spread(lab: &mut Lab) -> Result<()> {
    let id = lab.record.id.clone();
    let seeds: serde_json::Value = serde_json::from_str(SEEDS)?;
    let numbers = |json: &serde_json::Value| -> Vec<f64> {
        json.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
    };
    let ours = seeds["runs"].as_array().into_iter().flatten();
    let ours = ours.filter_map(|run| run[&id]["metrics"]["test_accuracy"].as_f64()).collect();
    let mut rows = vec![StripRow { name: "ours, seeds 1–5".into(), values: ours }];
    if id == CONVNET.id {
        rows.push(StripRow {
            name: "Keras, seeds 1–5".into(),
            values: numbers(&seeds["keras"]["test_accuracy"]),
        });
    }
    let accuracy = lab.record.metrics.get("test_accuracy").copied().unwrap_or(f64::NAN);
    let this = format!("this run ({})", lab.profile.word());
    rows.push(StripRow { name: this, values: vec![accuracy] });
    let book = lab.record.book.get("test_accuracy").copied();
    let chart = StripChart {
        title: "One run is one of many".into(),
        x_label: "accuracy on the 10,000 test digits".into(),
        percent: true,
        rows,
        book,
    };
    let caption = "Each point is one training on the real MNIST; the book prints the figure of one.";
    lab.figure("spread.svg", caption, chart.svg().as_bytes())
}
