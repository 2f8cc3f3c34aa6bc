//! Keeping the best model of a training.

use crate::events::needs_validation;
use crate::history::Monitor;
use crate::{Event, Result, Sink, Stop};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Saves the model after every epoch that is the best so far; the file is whole at any moment.
#[derive(Clone, Debug)]
pub struct BestModel {
    monitor: Monitor,
    file: PathBuf,
    best: f64,
}

impl BestModel {
    /// Saves to `file` whenever `monitor` improves.
    pub fn new(monitor: Monitor, file: impl Into<PathBuf>) -> BestModel {
        BestModel { monitor, file: file.into(), best: f64::INFINITY }
    }
}

impl Sink for BestModel {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        match event {
            Event::Start { past, has_validation, .. } => {
                if self.monitor.needs_validation() && !has_validation {
                    return Err(needs_validation("BestModel", self.monitor));
                }
                // The best of the past was saved in its time: a checkpoint is written after the sinks are told.
                self.best =
                    past.rows.iter().map(|row| self.monitor.badness(row)).fold(f64::INFINITY, f64::min);
            }
            Event::Epoch { row, model, .. } => {
                let badness = self.monitor.badness(row);
                if badness < self.best {
                    model.save(&self.file)?;
                    self.best = badness;
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}
