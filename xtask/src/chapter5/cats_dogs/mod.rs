//! Section 5.2: cats against dogs from 2,000 pictures.

mod augmented;
mod dataset;
mod scratch;
mod shown;

pub(crate) use augmented::AUGMENTED;
pub(crate) use dataset::DATASET;
pub(crate) use scratch::FROM_SCRATCH;
pub(crate) use shown::SHOWN;

use crate::chapter5::Cost;
use crate::lab::{Lab, Recipe};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, Dense, Dropout, Flatten, MaxPooling2D};
use convnet_report::chart::{StripChart, StripRow};
use convnet_report::words;
use convnet_train::optimizers::RmsProp;
use convnet_train::{Fit, Loss};

/// Floating-point operations per picture of 150×150, two per multiply-add: of a training step (forward and both gradients; the
/// first layer has no gradient of its input), and of a forward pass.
const TRAINING_FLOPS: f64 = 1_379e6;
const FORWARD_FLOPS: f64 = 472e6;

/// The convnet of section 5.2 for pictures of 150×150: 3,453,121 parameters. The regularised version drops half of what the
/// convolutions have found.
pub(crate) fn convnet(regularised: bool) -> Architecture {
    let mut network = Architecture::new();
    for filters in [32, 64, 128, 128] {
        network = network.add(Conv2D::new(filters, 3).relu()).add(MaxPooling2D::new(2));
    }
    network = network.add(Flatten::new());
    if regularised {
        network = network.add(Dropout::new(0.5));
    }
    network.add(Dense::new(512).relu()).add(Dense::new(1).sigmoid())
}

/// How long an experiment trains: epochs, steps in each, pictures in a step.
#[derive(Clone, Copy)]
struct Span {
    epochs: usize,
    steps: usize,
    batch: usize,
}

impl Span {
    /// The settings of the section: RMSprop with rate 1e-4, binary cross-entropy.
    fn fit(self) -> Fit {
        let optimizer = RmsProp { learning_rate: 1e-4, ..RmsProp::default() };
        Fit {
            epochs: self.epochs,
            batch_size: self.batch,
            steps_per_epoch: Some(self.steps),
            ..Fit::new(Loss::binary_crossentropy(), optimizer)
        }
    }

    /// What training, and measuring `validation` pictures after each epoch, cost.
    fn cost(self, profile: Profile) -> Cost {
        let validation = if profile == Profile::Smoke { 40.0 } else { 1_000.0 };
        let seen = (self.epochs * self.steps * self.batch) as f64;
        let looked_at = (self.epochs + 1) as f64 * validation;
        Cost {
            convolution: (TRAINING_FLOPS * seen + FORWARD_FLOPS * looked_at) * WINOGRAD,
            seconds: 1.0,
            mib: 200.0,
            ..Cost::default()
        }
    }

    /// How often an epoch goes through the training pictures, in words.
    fn passes(self, pictures: usize) -> String {
        let seen = self.steps * self.batch;
        format!(
            "{} steps of {} are {} pictures: {:.1} passes through the {} training pictures per epoch.",
            self.steps,
            self.batch,
            words::count(seen as u64),
            seen as f64 / pictures as f64,
            words::count(pictures as u64)
        )
    }
}

/// What Winograd's algorithm saves here beside the share of the limit that the plan reckons with (Zen 3, 2 threads: training
/// reaches 0.98 of the limit counted in direct products).
const WINOGRAD: f64 = 0.82;

/// Trains, and writes what the section's trainings show of themselves.
fn train(lab: &mut Lab, recipe: &Recipe, span: Span, train: &convnet_data::Dataset) -> Result<()> {
    let (validation, test) = (lab.cats_dogs().validation.clone(), lab.cats_dogs().test.clone());
    lab.note(&span.passes(train.len()));
    let trained =
        lab.train(recipe, train, crate::lab::Validation { set: &validation, name: "validation" })?;
    lab.metric("parameters", trained.model.summary().parameters() as f64);
    let curve = lab.record.history.get("val_accuracy").cloned().unwrap_or_default();
    if let Some(&last) = curve.last() {
        lab.metric("val_accuracy", last);
        lab.metric("best_val_accuracy", curve.iter().copied().fold(0.0, f64::max));
    }
    lab.judge(&trained, &test)
}

/// What `docs/results` holds: several seeds of ours and what Keras found, for each experiment.
const SEEDS: &str = include_str!("../../../../docs/results/5.2-seeds.json");

/// Draws the book's figure as a point on the spread of ours: a single run, anybody's, is one of many.
fn draw_spread(lab: &mut Lab) -> Result<()> {
    const METRIC: &str = "best_val_accuracy";
    let id = lab.record.id.clone();
    let seeds: serde_json::Value = serde_json::from_str(SEEDS)?;
    let found = |runs: &serde_json::Value| -> Vec<f64> {
        let runs = runs.as_array().into_iter().flatten();
        runs.filter_map(|run| run[&id]["metrics"][METRIC].as_f64()).collect()
    };
    let ours = found(&seeds["runs"]);
    let mut rows = vec![StripRow { name: format!("ours, {} seeds", ours.len()), values: ours }];
    let keras = found(&seeds["keras"]);
    if !keras.is_empty() {
        rows.push(StripRow { name: "Keras, seed 1".into(), values: keras });
    }
    let accuracy = lab.record.metrics.get(METRIC).copied().unwrap_or(f64::NAN);
    rows.push(StripRow { name: format!("this run ({})", lab.profile.word()), values: vec![accuracy] });
    let chart = StripChart {
        title: "One run is one of many".into(),
        x_label: "best accuracy on the 1,000 validation pictures".into(),
        percent: true,
        rows,
        book: lab.record.book.get(METRIC).copied(),
    };
    let caption =
        "Each point is a training with another seed on the real pictures; the book prints the figure of one.";
    lab.figure("spread.svg", caption, chart.svg().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{InputSpec, Model};
    use convnet_tensor::Seed;

    #[test]
    fn parameters_are_those_of_the_chapter() {
        for regularised in [false, true] {
            let model = Model::new(convnet(regularised), InputSpec::new([150, 150, 3]), Seed(1)).unwrap();
            assert_eq!(model.summary().parameters(), 3_453_121);
        }
    }

    #[test]
    fn passes_are_told() {
        let span = Span { epochs: 1, steps: 100, batch: 32 };
        assert!(span.passes(2_000).contains("3,200 pictures: 1.6 passes"), "{}", span.passes(2_000));
    }
}
