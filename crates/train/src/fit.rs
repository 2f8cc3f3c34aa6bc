//! Training a model.

use crate::advice::advise;
use crate::checkpoint::{self, Checkpoints, Identity, Progress, Sums};
use crate::evaluate::measure;
use crate::history::{History, Row};
use crate::schedules::Watched;
use crate::step::Trainer;
use crate::{Event, Fit, Result, Sink, Stop};
use convnet_data::{Batch, Batches, Dataset, Order, Place};
use convnet_layers::Model;
use convnet_tensor::Seed;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// How a training ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// A sink stopped it.
    Stopped(Stop),
    /// It was interrupted; with [`Checkpoints::resume`] it goes on from this file.
    Interrupted {
        /// The checkpoint.
        checkpoint: PathBuf,
    },
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The figures of all epochs that are done.
    pub history: History,
    /// How it ended.
    pub ending: Ending,
}

/// Trains `model` on `train`, measures it on `validation` after each epoch, and tells `sink` of everything.
///
/// Same model, pictures, settings and instruction set: the same bits, with any number of threads, and also when the
/// training was interrupted, or killed at any moment, and resumed from its checkpoint. For best speed call it inside
/// `convnet_cpu::parallel::install`: a thread of the pool need not wake it for every operation.
///
/// ```
/// use convnet_data::generated;
/// use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model};
/// use convnet_tensor::Seed;
/// use convnet_train::{Fit, Loss, Sinks, fit, optimizers::RmsProp};
/// let architecture = Architecture::new().add(Flatten::new()).add(Dense::new(10).softmax());
/// let mut model = Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(1))?;
/// let (train, validation) = generated::digits(Seed(1), 300).split(200)?;
/// let settings = Fit { epochs: 2, ..Fit::new(Loss::sparse_categorical_crossentropy(), RmsProp::default()) };
/// let outcome = fit(&mut model, &train, Some(&validation), &settings, None, &mut Sinks::none())?;
/// assert!(outcome.history.rows[1].train_loss < outcome.history.rows[0].train_loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Before the first step: a setting out of range, a loss that does not fit the end of the model, pictures that do not fit
/// its input, a checkpoint of another training, a damaged one or one that is further than the epochs asked for. Later: what a sink or the file system refuses.
pub fn fit(
    model: &mut Model,
    train: &Dataset,
    validation: Option<&Dataset>,
    settings: &Fit,
    checkpoints: Option<&Checkpoints<'_>>,
    sink: &mut dyn Sink,
) -> Result<Outcome> {
    settings.check(model, train)?;
    validation.map_or(Ok(()), |set| settings.check_validation(model, set))?;
    let order = Order::Shuffled(Seed(settings.seed));
    let batches = Batches::new(train, settings.batch_size, order, model.input().pixels)?;
    let steps = settings.steps_per_epoch.unwrap_or(batches.steps());
    let mut trainer = Trainer::new(model, settings);
    let mut progress = Progress {
        epoch: 0,
        step: 0,
        updates: 0,
        sums: Sums::default(),
        watched: Watched::new(settings.optimizer.learning_rate()),
        history: History::default(),
    };
    let files = checkpoints.map(|to| (to, Identity::new(settings, train, validation)));
    if let Some((from, identity)) = &files
        && from.resume
        && from.file.try_exists().unwrap_or(true)
    {
        progress = checkpoint::read(
            &from.file,
            trainer.model,
            &mut trainer.state,
            identity,
            (settings.epochs, steps),
        )?;
    }
    let mut audience = Audience { sink, stop: None };
    for advice in advise(trainer.model, train, validation, settings, None)? {
        audience.tell(&Event::Advice { advice: &advice })?;
    }
    let to_come = Box::new(batches.along(places(settings, steps, &progress)));
    let mut run = Run { trainer, validation, settings, to_come, steps, files, audience, told_of_nan: false };
    let ending = run.go(&mut progress)?;
    run.audience.tell(&Event::End { history: &progress.history })?;
    Ok(Outcome { history: progress.history, ending })
}

/// The batches of all steps to come.
fn places(settings: &Fit, steps: usize, progress: &Progress) -> impl Iterator<Item = Place> + Send + use<> {
    let (streams, epochs) = (settings.steps_per_epoch.is_some(), settings.epochs);
    let Progress { epoch, mut step, mut updates, .. } = *progress;
    (epoch..epochs).flat_map(move |epoch| {
        let first = (std::mem::take(&mut step), updates);
        updates += (steps - first.0) as u64;
        (first.0..steps).map(move |step| match streams {
            true => Place::Stream(first.1 + (step - first.0) as u64),
            false => Place::Round { round: epoch as u64, step },
        })
    })
}

/// The sink, and its wish to stop as soon as it has one.
struct Audience<'a> {
    sink: &'a mut dyn Sink,
    stop: Option<Stop>,
}

impl Audience<'_> {
    fn tell(&mut self, event: &Event<'_>) -> Result<()> {
        if let ControlFlow::Break(stop) = self.sink.event(event)? {
            self.stop.get_or_insert(stop);
        }
        Ok(())
    }

    fn ending(&self) -> Option<Ending> {
        self.stop.clone().map(Ending::Stopped)
    }
}

struct Run<'a> {
    trainer: Trainer<'a>,
    validation: Option<&'a Dataset>,
    settings: &'a Fit,
    to_come: Box<dyn Iterator<Item = convnet_data::Result<Batch>>>,
    steps: usize,
    files: Option<(&'a Checkpoints<'a>, Identity)>,
    audience: Audience<'a>,
    told_of_nan: bool,
}

impl Run<'_> {
    fn go(&mut self, progress: &mut Progress) -> Result<Ending> {
        self.audience.tell(&Event::Start {
            past: &progress.history,
            done: progress.step,
            epochs: self.settings.epochs,
            steps: self.steps,
            has_validation: self.validation.is_some(),
        })?;
        if let Some(ending) = self.audience.ending() {
            return Ok(ending);
        }
        while progress.epoch < self.settings.epochs {
            let started = Instant::now();
            while progress.step < self.steps {
                if let Some(ending) = self.step(progress)? {
                    return Ok(ending);
                }
            }
            self.end_of_epoch(progress, started)?;
            // After the sinks: what they keep of this epoch is safe before the training can go on from behind it.
            self.checkpoint(progress)?;
            if let Some(ending) = self.audience.ending() {
                return Ok(ending);
            }
        }
        Ok(Ending::Finished)
    }

    fn rate(&self, progress: &Progress, updates: u64) -> f64 {
        self.settings.schedule.rate(progress.watched.rate(), updates)
    }

    /// Makes a step; returns how the training ends if it ends here.
    fn step(&mut self, progress: &mut Progress) -> Result<Option<Ending>> {
        let Some(batch) = self.to_come.next() else { unreachable!("there is a batch for every step") };
        let batch = batch?;
        let forward = self.trainer.forward(&batch)?;
        if !forward.loss.is_finite() && !self.told_of_nan {
            self.told_of_nan = true;
            let cause = self.trainer.diagnose(&batch);
            let (epoch, step) = (progress.epoch + 1, progress.step + 1);
            self.audience.tell(&Event::NotFinite { epoch, step, cause: &cause })?;
            if let Some(ending) = self.audience.ending() {
                return Ok(Some(ending));
            }
        }
        let learning_rate = self.rate(progress, progress.updates);
        let (loss, correct) = (forward.loss, forward.correct);
        self.trainer.learn(forward, progress.updates + 1, learning_rate)?;
        progress.step += 1;
        progress.updates += 1;
        let sums = &mut progress.sums;
        sums.loss += loss;
        sums.correct += correct;
        sums.pictures += batch.labels.len() as u64;
        self.audience.tell(&Event::Step {
            epoch: progress.epoch + 1,
            step: progress.step,
            pictures: sums.pictures,
            loss: sums.loss / sums.pictures as f64,
            accuracy: sums.correct as f64 / sums.pictures as f64,
            learning_rate,
        })?;
        let files = self.files.as_ref().map(|(to, _)| *to);
        let interrupted = files.filter(|to| to.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)));
        let is_due = files
            .and_then(|to| to.every_steps)
            .is_some_and(|every| progress.updates.is_multiple_of(every as u64));
        if self.audience.stop.is_some() || interrupted.is_some() || is_due {
            self.checkpoint(progress)?;
        }
        let interruption = interrupted.map(|to| Ending::Interrupted { checkpoint: to.file.clone() });
        Ok(self.audience.ending().or(interruption))
    }

    fn end_of_epoch(&mut self, progress: &mut Progress, started: Instant) -> Result<()> {
        let sums = std::mem::take(&mut progress.sums);
        let model = &*self.trainer.model;
        let Fit { loss, batch_size, schedule, .. } = self.settings;
        let measured = match self.validation {
            Some(set) => Some(measure(model, set, *loss, *batch_size, |_, _| Ok(()))?),
            None => None,
        };
        let row = Row {
            epoch: progress.epoch + 1,
            train_loss: sums.loss / sums.pictures as f64,
            train_accuracy: sums.correct as f64 / sums.pictures as f64,
            val_loss: measured.as_ref().map(|measured| measured.loss),
            val_accuracy: measured.as_ref().map(|measured| measured.accuracy),
            learning_rate: self.rate(progress, progress.updates - 1),
        };
        progress.history.rows.push(row);
        progress.watched.epoch(schedule, row.val_loss.unwrap_or(row.train_loss));
        progress.epoch += 1;
        progress.step = 0;
        let seconds = started.elapsed().as_secs_f64();
        self.audience.tell(&Event::Epoch { row: &row, seconds, model: self.trainer.model })
    }

    fn checkpoint(&mut self, progress: &Progress) -> Result<()> {
        let Some((to, identity)) = &self.files else { return Ok(()) };
        checkpoint::write(&to.file, self.trainer.model, &self.trainer.state, identity, progress)?;
        self.audience.tell(&Event::Checkpoint { file: &to.file })
    }
}
