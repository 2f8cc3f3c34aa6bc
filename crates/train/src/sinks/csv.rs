//! The history as a table that any spreadsheet reads.

use crate::history::{History, Row};
use crate::{Error, Event, Result, Sink, Stop};
use convnet_layers::file::write_file;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Writes the history to a comma-separated file after every epoch. The file is rewritten as a whole, so that it is whole
/// at any moment, also when a resumed training repeats an epoch.
#[derive(Clone, Debug)]
pub struct Csv {
    file: PathBuf,
    history: History,
}

impl Csv {
    /// Writes to `file`.
    pub fn new(file: impl Into<PathBuf>) -> Csv {
        Csv { file: file.into(), history: History::default() }
    }

    fn table(&self) -> String {
        let mut table = String::from("epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n");
        for row in &self.history.rows {
            let _ = write!(table, "{}", row.epoch);
            for (_, figure) in Row::figures(row) {
                let _ = match figure {
                    Some(figure) => write!(table, ",{figure}"),
                    None => write!(table, ","),
                };
            }
            table.push('\n');
        }
        table
    }
}

impl Sink for Csv {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        let answer = self.history.event(event)?;
        if matches!(event, Event::Start { .. } | Event::Epoch { .. }) {
            let written = write_file(&self.file, self.table().as_bytes());
            written.map_err(|cause| Error::Write { path: self.file.clone(), cause })?;
        }
        Ok(answer)
    }
}
