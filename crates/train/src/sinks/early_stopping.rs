//! Ending a training that no longer gets better.

use crate::events::needs_validation;
use crate::history::{Monitor, Row};
use crate::{Event, Result, Sink, Stop};
use std::ops::ControlFlow;

/// Stops after so many epochs in a row without improvement, as Keras' callback of this name.
#[derive(Clone, Copy, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    min_delta: f64,
    best: f64,
    waited: usize,
}

impl EarlyStopping {
    /// Stops after `patience` epochs in which `monitor` did not improve.
    pub fn new(monitor: Monitor, patience: usize) -> EarlyStopping {
        EarlyStopping { monitor, patience, min_delta: 0.0, best: f64::INFINITY, waited: 0 }
    }

    /// Only changes larger than this count as improvement.
    pub fn min_delta(self, min_delta: f64) -> EarlyStopping {
        EarlyStopping { min_delta, ..self }
    }

    fn take(&mut self, row: &Row) -> ControlFlow<Stop> {
        let badness = self.monitor.badness(row);
        if badness < self.best - self.min_delta {
            self.best = badness;
            self.waited = 0;
            return ControlFlow::Continue(());
        }
        self.waited += 1;
        // Keras never stops after the very first epoch, not even with a patience of 0.
        if self.waited < self.patience || row.epoch == 1 {
            return ControlFlow::Continue(());
        }
        let (name, waited) = (self.monitor.name(), self.waited);
        Stop::because(format!("{name} has not improved for {waited} epochs"))
    }
}

impl Sink for EarlyStopping {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        match event {
            Event::Start { past, has_validation, .. } => {
                if self.monitor.needs_validation() && !has_validation {
                    return Err(needs_validation("EarlyStopping", self.monitor));
                }
                (self.best, self.waited) = (f64::INFINITY, 0);
                Ok(past.rows.iter().map(|row| self.take(row)).last().unwrap_or(ControlFlow::Continue(())))
            }
            Event::Epoch { row, .. } => Ok(self.take(row)),
            _ => Ok(ControlFlow::Continue(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    fn row(epoch: usize, val_loss: f64) -> Row {
        let (val_loss, val_accuracy) = (Some(val_loss), Some(1.0 - val_loss));
        Row { epoch, train_loss: 0.0, train_accuracy: 0.0, val_loss, val_accuracy, learning_rate: 0.1 }
    }

    fn start(past: &History, has_validation: bool) -> Event<'_> {
        Event::Start { past, done: 0, epochs: 9, steps: 1, has_validation }
    }

    /// The epoch after which training is stopped.
    fn stopped_after(mut sink: EarlyStopping, losses: &[f64]) -> Option<usize> {
        assert!(sink.event(&start(&History::default(), true)).unwrap().is_continue());
        losses
            .iter()
            .enumerate()
            .find_map(|(place, loss)| sink.take(&row(place + 1, *loss)).is_break().then_some(place + 1))
    }

    #[test]
    fn stops_when_nothing_got_better_for_long_enough() {
        let losses = [0.9, 0.8, 0.85, 0.8, 0.79, 0.78, 0.9, 0.9];
        for monitor in [Monitor::ValidationLoss, Monitor::ValidationAccuracy] {
            assert_eq!(stopped_after(EarlyStopping::new(monitor, 2), &losses), Some(4));
            assert_eq!(stopped_after(EarlyStopping::new(monitor, 3), &losses), None);
            assert_eq!(stopped_after(EarlyStopping::new(monitor, 3).min_delta(0.05), &losses), Some(5));
        }
        assert_eq!(stopped_after(EarlyStopping::new(Monitor::ValidationLoss, 0), &[f64::NAN; 3]), Some(2));
    }

    #[test]
    fn remembers_the_epochs_before_a_resumption_and_asks_for_validation_pictures() {
        let past = History { rows: vec![row(1, 0.5), row(2, 0.6)] };
        let mut sink = EarlyStopping::new(Monitor::ValidationLoss, 2);
        assert!(sink.event(&start(&past, true)).unwrap().is_continue());
        assert!(sink.take(&row(3, 0.55)).is_break());
        let past = History { rows: vec![row(1, 0.5), row(2, 0.6), row(3, 0.6)] };
        assert!(sink.event(&start(&past, true)).unwrap().is_break(), "it had stopped already");
        let error = sink.event(&start(&past, false)).unwrap_err().to_string();
        assert!(error.contains("EarlyStopping") && error.contains("val_loss"), "{error}");
    }
}
