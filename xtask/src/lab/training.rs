//! Training in the lab, with progress and checkpoints.

use super::Lab;
use super::watch::{Watch, finished};
use anyhow::Result;
use convnet_data::Dataset;
use convnet_layers::{Architecture, InputSpec, Model, snake_case};
use convnet_report::words;
use convnet_tensor::Seed;
use convnet_train::sinks::TerminateOnNaN;
use convnet_train::{Checkpoints, Evaluation, Fit, Loss, Schedule, Sinks, evaluate, fit};
use std::time::Instant;

/// Pictures that are looked at together when nothing is learned: enough small ones to keep threads busy, and of large ones
/// no more than memory likes.
fn evaluation_batch(set: &Dataset) -> usize {
    const NUMBERS: usize = 200 * 28 * 28;
    (NUMBERS / set.picture_shape().size().max(1)).clamp(20, 200)
}

/// One training of an experiment: with the pictures and the seed, all that decides its outcome.
pub(crate) struct Recipe {
    /// Names its files and its progress.
    pub(crate) name: &'static str,
    /// Tells it from other trainings of the experiment.
    pub(crate) part: Option<&'static str>,
    pub(crate) architecture: Architecture,
    /// All settings; the seed is the lab's, whatever stands here.
    pub(crate) fit: Fit,
    /// How long the book trains.
    pub(crate) book: Length,
}

/// How long a training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) epochs: usize,
    /// Pictures in each epoch.
    pub(crate) pictures: usize,
}

impl Length {
    /// What a shorter training lacks, in a sentence; `None` for one of the book's length.
    fn short_of(self, book: Length) -> Option<String> {
        (self != book).then(|| {
            format!(
                "Trained for {} of {}; the book for {} of {}.",
                words::counted(self.epochs as u64, "epoch"),
                words::counted(self.pictures as u64, "picture"),
                book.epochs,
                words::count(book.pictures as u64)
            )
        })
    }
}

impl Recipe {
    /// The settings with the seed of a run.
    pub(crate) fn fit(&self, seed: Seed) -> Fit {
        Fit { seed: seed.0, ..self.fit.clone() }
    }

    /// All of it as text: equal texts, equal trainings.
    pub(crate) fn settings(&self, seed: Seed) -> String {
        let fit = serde_json::json!(self.fit(seed));
        format!("{:?} {fit}", self.architecture)
    }

    /// The model before its training, for pictures of this shape and these classes.
    ///
    /// # Errors
    /// When the architecture does not fit the pictures.
    pub(crate) fn model(&self, pictures: &Dataset, seed: Seed) -> Result<Model> {
        let shape = pictures.picture_shape();
        let input =
            InputSpec::new([shape[0], shape[1], shape[2]]).classes(pictures.classes().iter().cloned());
        Ok(Model::new(self.architecture.clone(), input, seed)?)
    }
}

/// The pictures that each epoch is measured on.
pub(crate) struct Validation<'a> {
    pub(crate) set: &'a Dataset,
    /// What readers call it: section 5.1 has no validation set, it looks at the test digits and chooses nothing by them.
    pub(crate) name: &'static str,
}

/// How a training went.
pub(crate) struct Learned {
    images_per_second: Option<f64>,
    seconds: Option<f64>,
}

/// What came of it.
pub(crate) struct Trained {
    pub(crate) model: Model,
    pub(crate) loss: Loss,
    /// Training alone, without evaluation and checkpoints; `None` where an earlier run has done all of it.
    pub(crate) images_per_second: Option<f64>,
    /// `None` where only the last part of the training was done in this run.
    pub(crate) seconds: Option<f64>,
}

impl Lab {
    /// Trains a new model, keeps it and its history.
    ///
    /// # Errors
    /// When training fails, NaN arises (with the layer where it did), or Ctrl-C came.
    pub(crate) fn train(
        &mut self,
        recipe: &Recipe,
        train: &Dataset,
        validation: Validation<'_>,
    ) -> Result<Trained> {
        let mut model = recipe.model(train, self.seed)?;
        let learned = self.learn(recipe, &mut model, train, validation)?;
        self.keep_model(recipe, model, learned)
    }

    /// Trains a model and keeps the history; the model is the caller's to keep.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub(crate) fn learn(
        &mut self,
        recipe: &Recipe,
        model: &mut Model,
        train: &Dataset,
        validation: Validation<'_>,
    ) -> Result<Learned> {
        let settings = recipe.fit(self.seed);
        let Recipe { name, part, .. } = *recipe;
        let checkpoint = self.out.join("models").join(format!("{name}.checkpoint.safetensors"));
        let checkpoints = Checkpoints {
            file: checkpoint.clone(),
            // Every few seconds on the digits, once an epoch on the larger pictures; in the smoke run often enough to be tried.
            every_steps: Some(self.pick(5, 500, 500)),
            resume: self.resume,
            stop: Some(self.interrupted),
        };
        let steps = settings.steps_per_epoch;
        let pictures = steps.map_or(train.len(), |steps| steps * settings.batch_size);
        let length = Length { epochs: settings.epochs, pictures };
        self.settings(part, &settings, length);
        length.short_of(recipe.book).iter().for_each(|sentence| self.note(sentence));
        let mut watch = Watch::new(&mut self.progress, name, pictures, settings.batch_size, validation.name);
        let mut finite = TerminateOnNaN;
        let started = Instant::now();
        let mut sinks = Sinks::none().and(&mut watch).and(&mut finite);
        let outcome = fit(model, train, Some(validation.set), &settings, Some(&checkpoints), &mut sinks)?;
        let (images_per_second, resumed) = (watch.images_per_second(), watch.resumed);
        self.progress.finish();
        if resumed {
            // Time of a part says nothing about the whole.
            self.record.predicted_seconds = None;
            self.note("Resumed after an interruption: the time counts only what the last run did.");
        }
        finished(outcome.ending, "")?;
        self.record.validation_name = Some(validation.name.into());
        for (series, values) in outcome.history.series() {
            let name = part.map_or(series.to_string(), |part| format!("{part}/{series}"));
            self.record.history.insert(name, values);
        }
        // With it the training is taken over, done as it is, should the rest of the experiment be interrupted.
        self.checkpoints.push(checkpoint);
        let seconds = (!resumed).then(|| started.elapsed().as_secs_f64());
        Ok(Learned { images_per_second, seconds })
    }

    /// Writes into the record how a training is done; of several, how each is that differs from those before.
    fn settings(&mut self, part: Option<&str>, fit: &Fit, length: Length) {
        let how = in_a_line(fit, length);
        let told = self.record.settings.get_or_insert_default();
        if !told.contains(&how) {
            let gap = if told.is_empty() { "" } else { "; " };
            let part = part.map_or(String::new(), |part| format!("{}: ", part.replace('-', " ")));
            *told = format!("{told}{gap}{part}{how}");
        }
    }

    /// Writes the model of a training into its file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep_model(&mut self, recipe: &Recipe, model: Model, learned: Learned) -> Result<Trained> {
        let file = self.model_path(recipe.name);
        model.save(&file)?;
        self.models.push(file);
        let Learned { images_per_second, seconds } = learned;
        Ok(Trained { model, loss: recipe.fit.loss, images_per_second, seconds })
    }

    /// Writes how fast a training was, where this run has seen it.
    pub(crate) fn rate(&mut self, name: impl Into<String>, trained: &Trained) {
        if let Some(rate) = trained.images_per_second {
            self.metric(name, rate);
        }
    }

    /// Measures a model.
    ///
    /// # Errors
    /// When the pictures do not fit it.
    pub(crate) fn evaluate(&mut self, model: &Model, loss: Loss, set: &Dataset) -> Result<Evaluation> {
        Ok(evaluate(model, set, loss, evaluation_batch(set))?)
    }
}

/// The settings that a reader asks for first.
fn in_a_line(fit: &Fit, length: Length) -> String {
    let class = |settings: serde_json::Value| settings["class"].as_str().unwrap_or_default().to_owned();
    let mut words = vec![
        words::counted(length.epochs as u64, "epoch"),
        format!("{} each", words::counted(length.pictures as u64, "picture")),
        format!("batches of {}", fit.batch_size),
        format!("{}, rate {}", class(serde_json::json!(fit.optimizer)), fit.optimizer.learning_rate()),
        snake_case(fit.loss.name()).replace('_', " "),
    ];
    if fit.schedule != Schedule::Constant {
        words.push(class(serde_json::json!(fit.schedule)));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_train::optimizers::RmsProp;

    #[test]
    fn a_shorter_training_is_told() {
        let book = Length { epochs: 5, pictures: 60_000 };
        let smoke = Length { epochs: 1, pictures: 2_000 };
        let said = smoke.short_of(book).unwrap();
        assert_eq!(said, "Trained for 1 epoch of 2,000 pictures; the book for 5 of 60,000.");
        assert_eq!(book.short_of(book), None);
    }

    #[test]
    fn settings_are_a_line_to_read() {
        let fit = Fit { batch_size: 64, ..Fit::new(Loss::binary_crossentropy(), RmsProp::default()) };
        let said = in_a_line(&fit, Length { epochs: 5, pictures: 60_000 });
        assert_eq!(
            said,
            "5 epochs, 60,000 pictures each, batches of 64, RMSprop, rate 0.001, binary crossentropy"
        );
    }
}
