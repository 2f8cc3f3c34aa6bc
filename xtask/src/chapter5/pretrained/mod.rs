//! Section 5.3: a convnet that others have trained, used in all the ways of the chapter.

mod comparison;
mod extracted;
mod frozen;
mod tuned;

pub(crate) use extracted::{EXTRACTED, PIXELS};
pub(crate) use frozen::{END_TO_END, UNFROZEN};
pub(crate) use tuned::{TUNED, TUNED_BLOCK3};

use crate::chapter5::Cost;
use crate::lab::base::Base;
use crate::lab::data::Part;
use crate::lab::{Lab, Length, Passed, Recipe, Trained, Validation};
use anyhow::Result;
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_report::chart::{LineChart, Series};
use convnet_tensor::Pixels;
use convnet_train::optimizers::RmsProp;
use convnet_train::{Fit, Loss};

/// Pictures in a step, everywhere in the section.
const BATCH: usize = 20;

/// Steps in an epoch: once through the 2,000 training pictures.
const STEPS: usize = 100;

/// How long an experiment trains.
#[derive(Clone, Copy, Debug)]
struct Span {
    epochs: usize,
    steps: usize,
}

impl Span {
    /// The settings of the section: RMSprop, binary cross-entropy.
    fn fit(self, learning_rate: f64) -> Fit {
        let optimizer = RmsProp { learning_rate, ..RmsProp::default() };
        Fit {
            epochs: self.epochs,
            batch_size: BATCH,
            steps_per_epoch: Some(self.steps),
            ..Fit::new(Loss::binary_crossentropy(), optimizer)
        }
    }

    fn pictures(self) -> usize {
        self.epochs * self.steps * BATCH
    }

    fn length(self) -> Length {
        Length { epochs: self.epochs, pictures: self.steps * BATCH }
    }

    fn recipe(self, name: &'static str, model: &Model, learning_rate: f64, book: usize) -> Recipe {
        Recipe {
            name,
            part: None,
            architecture: model.architecture().clone(),
            fit: self.fit(learning_rate),
            book: Span { epochs: book, steps: STEPS }.length(),
        }
    }
}

/// Epochs of training end to end in profile `quick` on a base with so many floating-point operations per picture: where it
/// costs less than the network of section 5.2, as many as it takes to see what they give.
fn quick_epochs(forward: f64) -> usize {
    if forward < 0.5e9 { 8 } else { 2 }
}

/// How VGG16 computes beside the share of the limit that the plan reckons with: what Winograd's algorithm saves.
const WINOGRAD: f64 = 0.55;

/// What it costs to send so many pictures through the base, and to train `tail` operations for each of `trained` pictures.
fn cost(base: f64, passed: usize, tail: f64, trained: usize) -> Cost {
    Cost {
        convolution: base * passed as f64 * WINOGRAD + tail * trained as f64 * WINOGRAD,
        dense: HEAD * trained as f64,
        seconds: 5.0,
        mib: 760.0,
    }
}

/// Floating-point operations of a training step of VGG16's head for each picture.
const HEAD: f64 = 6.0 * 8_192.0 * 256.0;

/// What a run measures itself on: features of what is frozen.
struct Measured {
    validation: Dataset,
    test: Dataset,
    passed: Passed,
}

impl Measured {
    /// What `model` gives at `layer` for the pictures to validate and to test on.
    fn at(lab: &mut Lab, base: &Base, model: &Model, layer: &str) -> Result<Measured> {
        let (validation, first) = lab.features(base, model, layer, Part::Validation)?;
        let (test, second) = lab.features(base, model, layer, Part::Test)?;
        let passed =
            Passed { pictures: first.pictures + second.pictures, seconds: first.seconds + second.seconds };
        Ok(Measured { validation, test, passed })
    }

    fn validation(&self) -> Validation<'_> {
        Validation { set: &self.validation, name: "validation" }
    }
}

/// Writes what the section's trainings show of themselves. `passed` is what went through the base beside the training.
fn show(lab: &mut Lab, trained: &Trained, test: &Dataset, passed: Passed, through_base: usize) -> Result<()> {
    lab.metric("parameters", trained.model.summary().parameters() as f64);
    lab.metric("trainable_parameters", trained.model.summary().trainable as f64);
    lab.metric("pictures_through_base", through_base as f64);
    if let Some(seconds) = trained.seconds {
        lab.metric("training_seconds", seconds);
    }
    if passed.pictures > 0 {
        lab.metric("feature_seconds", passed.seconds);
        lab.metric("feature_images_per_second", passed.pictures as f64 / passed.seconds);
    }
    let series = |name: &str| lab.record.history.get(name).cloned().unwrap_or_default();
    let (training, curve) = (series("train_accuracy"), series("val_accuracy"));
    if let Some(&last) = curve.last() {
        lab.metric("val_accuracy", last);
        lab.metric("best_val_accuracy", curve.iter().copied().fold(0.0, f64::max));
    }
    let pictures = lab.cats_dogs().test.clone();
    lab.judge_on(trained, test, &pictures, None)?;
    if curve.len() > 2 {
        let chart = smoothed(&training, &curve);
        let caption = "The same accuracies, exponentially smoothed as in the book (each point is 0.8 of the one before and 0.2 of \
                       its own value).";
        lab.figure("smoothed.svg", caption, chart.svg().as_bytes())?;
    }
    comparison::compare(lab)
}

/// The share of the point before in a smoothed point.
const FACTOR: f64 = 0.8;

/// Values smoothed exponentially, as the book's `smooth_curve` does.
fn smooth(values: &[f64]) -> Vec<f64> {
    let mut last = None;
    let smoothed = values.iter().map(|&value| {
        let next = last.map_or(value, |last| last * FACTOR + value * (1.0 - FACTOR));
        last = Some(next);
        next
    });
    smoothed.collect()
}

fn smoothed(training: &[f64], validation: &[f64]) -> LineChart {
    let series = |name: &str, values: &[f64]| Series {
        name: name.into(),
        points: smooth(values)
            .into_iter()
            .enumerate()
            .map(|(epoch, value)| ((epoch + 1) as f64, value))
            .collect(),
        dashed: false,
    };
    LineChart {
        title: "Smoothed accuracy".into(),
        x_label: "epoch".into(),
        percent: true,
        series: vec![series("training", training), series("validation", validation)],
        ..LineChart::default()
    }
}

/// A range of pixels in words.
fn range(pixels: Pixels) -> &'static str {
    match pixels {
        Pixels::ZeroToOne => "pixels divided by 255",
        Pixels::MinusOneToOne => "pixels from −1 to 1",
        Pixels::CaffeBgr => "blue, green and red less their ImageNet means (caffe)",
        Pixels::MeanStd { .. } => "colours less their means, by their deviations",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_that_of_the_book() {
        let smoothed = smooth(&[1.0, 0.0, 1.0]);
        assert_eq!(smoothed.len(), 3);
        let expected = [1.0, 0.8, 0.84];
        assert!(smoothed.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{smoothed:?}");
    }
}
