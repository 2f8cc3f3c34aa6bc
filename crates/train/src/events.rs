//! What a training reports, and to whom.

use crate::history::{History, Row};
use crate::{Advice, Error, Result};
use convnet_layers::Model;
use std::ops::ControlFlow;
use std::path::Path;

/// Something that happened. Epochs and steps are counted from 1.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something in the set-up looks like a mistake; told before the start.
    Advice {
        /// What, and what to do.
        advice: &'a Advice,
    },
    /// Training begins, or goes on from a checkpoint.
    Start {
        /// The epochs done before, from the checkpoint: whoever remembers figures takes them from here.
        past: &'a History,
        /// The steps of the epoch under way that were done before.
        done: usize,
        /// Epochs in all.
        epochs: usize,
        /// Steps in each epoch.
        steps: usize,
        /// Whether there are validation pictures.
        has_validation: bool,
    },
    /// A step is done.
    Step {
        /// The epoch.
        epoch: usize,
        /// The step within the epoch.
        step: usize,
        /// Pictures seen in this epoch.
        pictures: u64,
        /// Mean loss of the epoch so far.
        loss: f64,
        /// Accuracy of the epoch so far.
        accuracy: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// The loss of a step was NaN or infinite, for the first time. The model has not learned from that step yet.
    NotFinite {
        /// The epoch.
        epoch: usize,
        /// The step within the epoch.
        step: usize,
        /// Where NaN or infinity arose, found by running the step again.
        cause: &'a str,
    },
    /// An epoch is done, validation included.
    Epoch {
        /// Its figures.
        row: &'a Row,
        /// Seconds that this process spent on it.
        seconds: f64,
        /// The model after it.
        model: &'a Model,
    },
    /// A checkpoint lies on the disk.
    Checkpoint {
        /// Its file.
        file: &'a Path,
    },
    /// Training is over: all epochs are done, or somebody stopped it.
    End {
        /// All figures.
        history: &'a History,
    },
}

/// The wish that training should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why, in words.
    pub reason: String,
}

impl Stop {
    /// The answer of a sink that wants training to end.
    pub fn because(reason: impl Into<String>) -> ControlFlow<Stop> {
        ControlFlow::Break(Stop { reason: reason.into() })
    }
}

/// Somebody who is told of events and may stop the training; closures are sinks too.
///
/// ```
/// use convnet_train::{Event, Sink, Stop};
/// use std::ops::ControlFlow;
/// let mut good_enough = |event: &Event<'_>| match event {
///     Event::Epoch { row, .. } if row.train_accuracy > 0.99 => Stop::because("99 % reached"),
///     _ => ControlFlow::Continue(()),
/// };
/// let _: &mut dyn Sink = &mut good_enough;
/// ```
pub trait Sink: Send {
    /// Takes note of an event. After `Break` no further step is made.
    ///
    /// # Errors
    /// What keeps the sink from its work (a full disk); training ends with it.
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>>;
}

impl<F: FnMut(&Event<'_>) -> ControlFlow<Stop> + Send> Sink for F {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        Ok(self(event))
    }
}

/// Several sinks as one. All are told of every event; the first that wants to stop is heard.
#[derive(Default)]
pub struct Sinks<'a>(Vec<&'a mut dyn Sink>);

impl<'a> Sinks<'a> {
    /// No sink: nobody is told.
    pub fn none() -> Sinks<'a> {
        Sinks::default()
    }

    /// These and one more.
    pub fn and(mut self, sink: &'a mut dyn Sink) -> Sinks<'a> {
        self.0.push(sink);
        self
    }
}

impl std::fmt::Debug for Sinks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sinks", self.0.len())
    }
}

impl Sink for Sinks<'_> {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        let mut answer = ControlFlow::Continue(());
        for sink in &mut self.0 {
            let own = sink.event(event)?;
            if answer.is_continue() {
                answer = own;
            }
        }
        Ok(answer)
    }
}

impl Sink for History {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        match event {
            Event::Start { past, .. } => self.clone_from(past),
            Event::Epoch { row, .. } => self.rows.push(**row),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A sink was told to watch a figure of validation pictures that are not there.
pub(crate) fn needs_validation(sink: &str, monitor: crate::Monitor) -> Error {
    Error::Setting {
        name: format!("what {sink} watches"),
        expected: "a figure of the training pictures, or validation pictures given to `fit`".into(),
        found: monitor.name().into(),
    }
}
