//! What a training was like, epoch by epoch.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number, from 1.
    pub epoch: usize,
    /// The mean loss over the epoch's pictures, each measured just before the step that learned from it; class weights count.
    #[serde(with = "crate::exact")]
    pub train_loss: f64,
    /// The share of these pictures that was classified rightly.
    #[serde(with = "crate::exact")]
    pub train_accuracy: f64,
    /// The mean loss on the validation pictures after the epoch; without class weights, as in Keras.
    #[serde(with = "crate::exact::option")]
    pub val_loss: Option<f64>,
    /// The share of the validation pictures that was classified rightly.
    #[serde(with = "crate::exact::option")]
    pub val_accuracy: Option<f64>,
    /// The learning rate of the epoch's last update.
    #[serde(with = "crate::exact")]
    pub learning_rate: f64,
}

/// The figures of all epochs so far, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    /// One row per epoch.
    pub rows: Vec<Row>,
}

impl History {
    /// One series per figure: `train_loss`, `train_accuracy`, `learning_rate` and, with validation pictures, `val_loss` and
    /// `val_accuracy`.
    pub fn series(&self) -> BTreeMap<&'static str, Vec<f64>> {
        let mut series = BTreeMap::new();
        for row in &self.rows {
            for (name, figure) in row.figures() {
                series.entry(name).or_insert_with(Vec::new).extend(figure);
            }
        }
        series.retain(|_, figures| !figures.is_empty());
        series
    }
}

impl Row {
    /// The figures by name, in the order of a table's columns.
    pub(crate) fn figures(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("train_loss", Some(self.train_loss)),
            ("train_accuracy", Some(self.train_accuracy)),
            ("val_loss", self.val_loss),
            ("val_accuracy", self.val_accuracy),
            ("learning_rate", Some(self.learning_rate)),
        ]
    }
}

/// A figure that is watched from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// The loss on the training pictures; lower is better.
    TrainLoss,
    /// The accuracy on the training pictures; higher is better.
    TrainAccuracy,
    /// The loss on the validation pictures; lower is better.
    ValidationLoss,
    /// The accuracy on the validation pictures; higher is better.
    ValidationAccuracy,
}

impl Monitor {
    /// Its name in [`History::series`].
    pub fn name(self) -> &'static str {
        match self {
            Monitor::TrainLoss => "train_loss",
            Monitor::TrainAccuracy => "train_accuracy",
            Monitor::ValidationLoss => "val_loss",
            Monitor::ValidationAccuracy => "val_accuracy",
        }
    }

    /// Whether it needs validation pictures.
    pub fn needs_validation(self) -> bool {
        matches!(self, Monitor::ValidationLoss | Monitor::ValidationAccuracy)
    }

    /// The figure of a row, negated where higher is better, so that lower is always better; NaN where it is missing, which
    /// is never better than anything.
    pub(crate) fn badness(self, row: &Row) -> f64 {
        match self {
            Monitor::TrainLoss => row.train_loss,
            Monitor::TrainAccuracy => -row.train_accuracy,
            Monitor::ValidationLoss => row.val_loss.unwrap_or(f64::NAN),
            Monitor::ValidationAccuracy => -row.val_accuracy.unwrap_or(f64::NAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_one_figure_per_epoch_and_lack_what_was_not_measured() {
        let row = |epoch, val_loss| Row {
            epoch,
            train_loss: 1.0 / epoch as f64,
            train_accuracy: 0.5,
            val_loss,
            val_accuracy: val_loss,
            learning_rate: 0.1,
        };
        let history = History { rows: vec![row(1, None), row(2, None)] };
        let series = history.series();
        assert_eq!(series["train_loss"], [1.0, 0.5]);
        assert_eq!(series.keys().collect::<Vec<_>>(), [&"learning_rate", &"train_accuracy", &"train_loss"]);
        assert_eq!(History { rows: vec![row(1, Some(0.25))] }.series()["val_loss"], [0.25]);
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
        assert!(
            Monitor::ValidationAccuracy.badness(&row(1, None)).is_nan(),
            "missing is better than nothing"
        );
    }
}
