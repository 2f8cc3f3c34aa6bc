//! A training as one sees it: progress, figures of each epoch, and how fast it was.

use crate::exit::Interrupted;
use anyhow::{Result, bail};
use convnet_report::{Progress, words};
use convnet_train::{Ending, Event, Stop};
use std::io::Stderr;
use std::ops::ControlFlow;
use std::time::Instant;

/// Shows a training as progress and measures its rate.
pub(crate) struct Watch<'a> {
    progress: &'a mut Progress<Stderr>,
    name: &'a str,
    pictures: usize,
    batch_size: usize,
    validation: &'static str,
    epochs: usize,
    epoch: usize,
    /// Whether an earlier run has done a part.
    pub(crate) resumed: bool,
    /// Pictures of the epoch under way that an earlier run has seen.
    before: u64,
    shown: u64,
    last: Option<(Instant, u64)>,
    measured: (f64, u64),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        progress: &'a mut Progress<Stderr>,
        name: &'a str,
        pictures: usize,
        batch_size: usize,
        validation: &'static str,
    ) -> Self {
        Watch {
            progress,
            name,
            pictures,
            batch_size,
            validation,
            epochs: 0,
            epoch: 0,
            resumed: false,
            before: 0,
            shown: 0,
            last: None,
            measured: (0.0, 0),
        }
    }

    /// Pictures per second between steps that followed each other; `None` if none did.
    pub(crate) fn images_per_second(&self) -> Option<f64> {
        let (seconds, pictures) = self.measured;
        (seconds > 0.0).then(|| pictures as f64 / seconds)
    }
}

impl convnet_train::Sink for Watch<'_> {
    fn event(&mut self, event: &Event<'_>) -> convnet_train::Result<ControlFlow<Stop>> {
        match *event {
            Event::Start { epochs, past, done, steps, .. } => {
                self.epochs = epochs;
                self.resumed = done > 0 || !past.rows.is_empty();
                self.before = (done * self.batch_size).min(self.pictures) as u64;
                let done_before = match past.rows.len() {
                    all if all == epochs => format!("taken over; all {epochs} epochs were done before"),
                    rows => {
                        format!("goes on; done before: {rows} of {epochs} epochs, {done} of {steps} steps")
                    }
                };
                if self.resumed {
                    self.progress.say(&format!("{}  {done_before}", self.name));
                }
            }
            Event::Step { epoch, pictures, loss, accuracy, .. } => {
                if epoch != self.epoch {
                    (self.epoch, self.last) = (epoch, None);
                    self.shown = std::mem::take(&mut self.before);
                    let phase = format!("{}  epoch {epoch}/{}", self.name, self.epochs);
                    self.progress.start(&phase, self.pictures as u64, "pictures");
                    self.progress.skip(self.shown);
                }
                let now = Instant::now();
                if let Some((then, before)) = self.last {
                    self.measured.0 += (now - then).as_secs_f64();
                    self.measured.1 += pictures - before;
                }
                self.last = Some((now, pictures));
                self.progress
                    .note(&format!("loss {loss:.4}, accuracy {}", words::metric("accuracy", accuracy)));
                self.progress.advance(pictures.saturating_sub(self.shown));
                self.shown = pictures;
            }
            Event::Epoch { row, .. } => {
                let percent = |value: f64| words::metric("accuracy", value);
                let measured = row
                    .val_accuracy
                    .map_or(String::new(), |value| format!(", {} {}", self.validation, percent(value)));
                let trained = percent(row.train_accuracy);
                self.progress.note(&format!("loss {:.4}, accuracy {trained}{measured}", row.train_loss));
                self.progress.finish();
                self.last = None;
            }
            Event::Checkpoint { .. } => self.last = None,
            Event::Advice { advice } => self.progress.say(&format!("{}  note: {advice}", self.name)),
            Event::NotFinite { cause, .. } => self.progress.say(&format!("{}  {cause}", self.name)),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// That a training came to its end, or why it did not; `hint` follows where the checkpoint of an interrupted one lies.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C, and the reason of whoever stopped it.
pub(crate) fn finished(ending: Ending, hint: &str) -> Result<()> {
    match ending {
        Ending::Finished => Ok(()),
        Ending::Stopped(Stop { reason }) => bail!("training stopped: {reason}"),
        Ending::Interrupted { checkpoint } => {
            bail!(Interrupted(format!("interrupted; checkpoint: {}{hint}", checkpoint.display())))
        }
    }
}
