//! The stages of learning on a base.

use super::base::Base;
use super::calibration::{self, Temperature};
use super::pictures::Sets;
use crate::interruption::{self, heard};
use crate::terminal::in_batches;
use anyhow::{Context, Result, bail};
use convnet_data::{Augment, Dataset};
use convnet_datasets::Places;
use convnet_layers::{Architecture, Dense, Dropout, Flatten, GlobalAveragePooling2D, Model};
use convnet_report::{Progress, create_folder, words};
use convnet_tensor::{Seed, Tensor};
use convnet_train::optimizers::{Adam, RmsProp};
use convnet_train::sinks::{EarlyStopping, TerminateOnNaN};
use convnet_train::{
    Ending, Event, FeatureCache, Fit, History, Loss, Monitor, Optimizer, Sinks, Stop, evaluate, fit, predict,
};
use std::io::Stderr;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// The name of the base inside the network.
pub(crate) const BASE: &str = "base";
/// The mean of each of its maps, from which the head learns.
const AVERAGE: &str = "average";
const HEAD: &str = "scores";

/// The stages behind that of the head alone.
pub(crate) const CHANGED: &str = "head, pictures changed at random";
const FINE_TUNED: &str = "last block and head";

/// Pictures in a step.
const BATCH: usize = 32;
/// A stage ends after so many epochs without a lower validation loss, and at least so many steps: of few pictures an epoch is
/// over before anything can have changed.
const PATIENCE: usize = 6;
const PATIENT_STEPS: usize = 120;
/// Epochs that go through the whole network are dear.
const MOST_WHOLE: usize = 15;

/// What one stage of learning was like.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) settings: String,
    pub(crate) history: History,
    /// The epoch whose weights were kept, from 1; 0 where none was better than what was there before.
    pub(crate) best: usize,
    /// The validation loss with those weights.
    loss: f64,
    /// Whether Ctrl-C ended it.
    pub(crate) interrupted: bool,
}

/// A network that learns, stage by stage.
pub(crate) struct Learner<'a> {
    pub(crate) model: Model,
    pub(crate) stages: Vec<Stage>,
    /// Stages that were asked for, and not begun since Ctrl-C came.
    pub(crate) not_begun: Vec<&'static str>,
    sets: &'a Sets,
    /// What the base gives for the validation pictures, as long as it stays as it is.
    seen: Option<Dataset>,
    last_block: String,
    epochs: usize,
    seed: Seed,
}

/// The weights of the best epoch so far.
struct Best {
    loss: f64,
    epoch: usize,
    weights: Vec<Tensor>,
}

impl<'a> Learner<'a> {
    /// The base with a new head, the base frozen.
    ///
    /// # Errors
    /// When they do not fit together.
    pub(crate) fn new(base: &Base, sets: &'a Sets, epochs: usize, seed: Seed) -> Result<Learner<'a>> {
        let classes = sets.train.classes();
        let network = Architecture::new()
            .nested(BASE, base.model.architecture().clone())
            .named(AVERAGE, GlobalAveragePooling2D::new().keepdims())
            .add(Flatten::new())
            .add(Dense::new(256.max(classes.len())).relu())
            .add(Dropout::new(0.5))
            .named(HEAD, Dense::new(classes.len()).softmax());
        let input = base.model.input().clone().classes(classes.iter().cloned());
        let mut model = Model::with_parameters(network, input, seed, &[(BASE, &base.model)])?;
        model.freeze(BASE)?;
        let last_block = format!("{BASE}/{}", base.last_block);
        Ok(Learner {
            model,
            stages: Vec::new(),
            not_begun: Vec::new(),
            sets,
            seen: None,
            last_block,
            epochs,
            seed,
        })
    }

    /// The head learns from what the frozen base gives for each picture, computed once.
    ///
    /// # Errors
    /// When features cannot be kept, or Ctrl-C came before all were there.
    pub(crate) fn head(&mut self, progress: &mut Progress<Stderr>) -> Result<()> {
        let cache = FeatureCache::new(features_folder()?);
        create_folder(&cache.folder).map_err(crate::lost)?;
        let mut features = |set: &Dataset, name: &str| -> Result<Dataset> {
            let phase = format!("the base looks at the {name} pictures");
            let found = in_batches(progress, &phase, |tell| {
                Ok(cache.features(&self.model, AVERAGE, set, &mut heard(tell))?)
            })?;
            found.note.iter().for_each(|note| progress.say(note));
            if found.computed == 0 {
                progress.say(&format!("{phase}: done before, {}", found.file.display()));
            }
            Ok(found.set)
        };
        let train = features(&self.sets.train, "training")?;
        let validation = features(&self.sets.validation, "validation")?;
        let mut head = self.model.behind(AVERAGE)?;
        let optimizer = Adam::default();
        let settings = self.settings(optimizer.into(), self.epochs);
        let before = evaluate(&head, &validation, settings.loss, BATCH)?.loss;
        let stage = learn("head", &mut head, [&train, &validation], before, &settings, progress)?;
        self.seen = Some(validation);
        for parameter in head.parameters() {
            let own = self.model.parameters_mut().iter_mut().find(|own| own.path == parameter.path);
            own.context("a head's parameters are the network's")?.value = parameter.value.clone();
        }
        self.stages.push(stage);
        Ok(())
    }

    /// The head goes on with pictures that are changed at random, each of which the base sees anew.
    ///
    /// # Errors
    /// When the settings of the augmentation are out of range.
    pub(crate) fn augmented(&mut self, augment: Augment, progress: &mut Progress<Stderr>) -> Result<()> {
        if self.is_interrupted() {
            self.not_begun.push(CHANGED);
            return Ok(());
        }
        let train = self.sets.train.clone().augmented(augment, self.seed)?;
        let settings = self
            .settings(Adam { learning_rate: 3e-4, ..Adam::default() }.into(), self.epochs.min(MOST_WHOLE));
        self.whole(CHANGED, &train, &settings, progress)
    }

    /// The last block of the base learns too, at a small rate.
    ///
    /// # Errors
    /// As [`Learner::augmented`].
    pub(crate) fn fine_tuned(
        &mut self,
        augment: Option<Augment>,
        progress: &mut Progress<Stderr>,
    ) -> Result<()> {
        if self.is_interrupted() {
            self.not_begun.push(FINE_TUNED);
            return Ok(());
        }
        let train = match augment {
            Some(augment) => self.sets.train.clone().augmented(augment, Seed(self.seed.0.wrapping_add(1)))?,
            None => self.sets.train.clone(),
        };
        self.model.unfreeze_from(&self.last_block)?;
        self.seen = None;
        let settings = self.settings(
            RmsProp { learning_rate: 1e-5, ..RmsProp::default() }.into(),
            self.epochs.min(MOST_WHOLE),
        );
        self.whole(FINE_TUNED, &train, &settings, progress)
    }

    fn whole(
        &mut self,
        name: &'static str,
        train: &Dataset,
        settings: &Fit,
        progress: &mut Progress<Stderr>,
    ) -> Result<()> {
        let before = self.stages.last().map_or(f64::INFINITY, |stage| stage.loss);
        let validation = self.seen.as_ref().unwrap_or(&self.sets.validation);
        let stage = learn(name, &mut self.model, [train, validation], before, settings, progress)?;
        self.stages.push(stage);
        Ok(())
    }

    /// Whether any stage made it better than chance had.
    pub(crate) fn has_learned(&self) -> bool {
        self.stages.iter().any(|stage| stage.best > 0)
    }

    /// Whether Ctrl-C ended a stage, so that none follows.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.stages.iter().any(|stage| stage.interrupted) || !self.not_begun.is_empty()
    }

    /// Divides the scores by the temperature at which the probabilities of the validation pictures are honest.
    ///
    /// # Errors
    /// When the validation pictures cannot be judged.
    pub(crate) fn calibrate(&mut self, progress: &mut Progress<Stderr>) -> Result<Temperature> {
        let validation = self.seen.as_ref().unwrap_or(&self.sets.validation);
        let probabilities = predict(&self.model, validation, BATCH)?;
        let temperature = calibration::temperature(&probabilities, validation.labels());
        for parameter in self.model.parameters_mut() {
            if parameter.path.rsplit_once('/').is_some_and(|(layer, _)| layer == HEAD) {
                parameter.value.data_mut().iter_mut().for_each(|number| *number /= temperature.value as f32);
            }
        }
        progress.say(&format!(
            "temperature {:.2}: validation loss {:.4}, before {:.4}",
            temperature.value, temperature.after, temperature.before
        ));
        Ok(temperature)
    }

    fn settings(&self, optimizer: Optimizer, epochs: usize) -> Fit {
        Fit {
            epochs,
            batch_size: BATCH,
            class_weights: self.sets.class_weights.clone(),
            seed: self.seed.0,
            ..Fit::new(Loss::sparse_categorical_crossentropy(), optimizer)
        }
    }
}

/// One stage, on pictures to learn from and others to validate with: the weights of the epoch with the lowest validation loss are
/// kept, whether all went by or Ctrl-C came. What it begins with, `before`, may be better than all that it comes to.
fn learn(
    name: &'static str,
    model: &mut Model,
    [train, validation]: [&Dataset; 2],
    before: f64,
    settings: &Fit,
    progress: &mut Progress<Stderr>,
) -> Result<Stage> {
    progress.start(&format!("learning: {name}"), settings.epochs as u64, "epochs");
    let mut best = Best { loss: before, epoch: 0, weights: learned(model) };
    let mut watch = |event: &Event<'_>| {
        if let Event::Epoch { row, model, .. } = event {
            let loss = row.val_loss.unwrap_or(f64::INFINITY);
            if loss < best.loss {
                best = Best { loss, epoch: row.epoch, weights: learned(model) };
            }
            progress
                .note(&format!("validation {}", words::metric("accuracy", row.val_accuracy.unwrap_or(0.0))));
            progress.advance(1);
        }
        if interruption::came() { Stop::because("Ctrl-C") } else { ControlFlow::Continue(()) }
    };
    let patient = PATIENT_STEPS.div_ceil(train.len().div_ceil(BATCH).max(1)).min(settings.epochs / 4);
    let patience = PATIENCE.max(patient);
    let (mut patience, mut finite) = (EarlyStopping::new(Monitor::ValidationLoss, patience), TerminateOnNaN);
    let mut sinks = Sinks::none().and(&mut watch).and(&mut patience).and(&mut finite);
    let outcome = fit(model, train, Some(validation), settings, None, &mut sinks)?;
    progress.finish();
    if !best.loss.is_finite() {
        bail!("{name}: the loss is no number, before the training and after each epoch");
    }
    let changed = model.parameters_mut().iter_mut().filter(|parameter| parameter.trainable);
    changed.zip(best.weights).for_each(|(parameter, value)| parameter.value = value);
    let (optimizer, rate) = (settings.optimizer.name(), settings.optimizer.learning_rate());
    let settings = format!("{optimizer}, learning rate {rate}, {BATCH} pictures per step");
    let interrupted = matches!(outcome.ending, Ending::Stopped(_)) && interruption::came();
    Ok(Stage { name, settings, history: outcome.history, best: best.epoch, loss: best.loss, interrupted })
}

/// What learns, as it is now.
fn learned(model: &Model) -> Vec<Tensor> {
    let learned = model.parameters().iter().filter(|parameter| parameter.trainable);
    learned.map(|parameter| parameter.value.clone()).collect()
}

/// Where features are kept between trainings.
///
/// # Errors
/// When the system names no folder for such files.
pub(crate) fn features_folder() -> Result<PathBuf> {
    let cache = Places::from_environment().cache;
    Ok(cache.context("no folder for the cache is known; name one with CONVNET_CACHE")?.join("features"))
}
