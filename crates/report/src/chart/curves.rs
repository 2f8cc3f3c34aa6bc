//! Learning curves: training beside validation, epoch by epoch, the best epoch marked.

use std::collections::BTreeMap;

use super::line::{LineChart, Mark, Series};
use crate::words;

/// The charts of `"accuracy"` and of `"loss"` that a history allows, in this order; none from an empty one.
///
/// `history` has one value per epoch under `train_accuracy`, `val_accuracy`, `train_loss`, `val_loss`. The best epoch is
/// that of the highest validation accuracy or the lowest validation loss, or of training where nothing was validated.
pub fn learning_curves(title: &str, history: &BTreeMap<String, Vec<f64>>) -> Vec<(&'static str, String)> {
    learning_curves_of(title, history, "validation")
}

/// As [`learning_curves`], with the set's name in place of "validation": of digits it is the test set that is measured.
pub fn learning_curves_of(
    title: &str,
    history: &BTreeMap<String, Vec<f64>>,
    validation: &str,
) -> Vec<(&'static str, String)> {
    let chart = |what: &'static str| {
        let lines: Vec<_> = [("training", "train"), (validation, "val")]
            .into_iter()
            .filter_map(|(name, key)| Some((name, history.get(&format!("{key}_{what}"))?)))
            .filter(|(_, values)| !values.is_empty())
            .collect();
        let (last, (_, judged)) = lines.iter().enumerate().next_back()?;
        let percent = words::is_share(what);
        let better = |a: f64, b: f64| if percent { a > b } else { a < b };
        let finite = judged.iter().copied().enumerate().filter(|(_, value)| value.is_finite());
        // The first of equals: training longer gained nothing.
        let best = finite.reduce(|best, next| if better(next.1, best.1) { next } else { best });
        let mark = best.map(|(epoch, value)| Mark {
            series: last,
            at: ((epoch + 1) as f64, value),
            label: format!("best: {}, epoch {}", words::metric(what, value), epoch + 1),
        });
        let series = lines.iter().map(|(name, values)| Series {
            name: (*name).to_owned(),
            points: values.iter().enumerate().map(|(epoch, &value)| ((epoch + 1) as f64, value)).collect(),
            dashed: false,
        });
        let title = match (title, what) {
            ("", "accuracy") => "Accuracy".to_owned(),
            ("", _) => "Loss".to_owned(),
            _ => format!("{title}: {what}"),
        };
        let chart = LineChart {
            title,
            x_label: "epoch".to_owned(),
            percent,
            series: series.collect(),
            marks: mark.into_iter().collect(),
            ..LineChart::default()
        };
        Some((what, chart.svg()))
    };
    ["accuracy", "loss"].into_iter().filter_map(chart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(entries: &[(&str, &[f64])]) -> BTreeMap<String, Vec<f64>> {
        entries.iter().map(|&(name, values)| (name.to_owned(), values.to_vec())).collect()
    }

    #[test]
    fn the_best_epoch_is_that_of_validation() {
        let history = history(&[
            ("train_accuracy", &[0.9, 0.95, 0.99]),
            ("val_accuracy", &[0.91, 0.94, 0.94]),
            ("train_loss", &[0.5, 0.2, 0.1]),
            ("val_loss", &[0.4, 0.3, f64::NAN]),
        ]);
        let charts = learning_curves("5.1", &history);
        assert_eq!(charts.len(), 2);
        assert!(charts[0].1.contains("best: 94.00 %, epoch 2"));
        assert!(charts[1].1.contains("best: 0.3000, epoch 2"));
        assert!(charts.iter().all(|(_, chart)| chart.contains("training") && chart.contains("validation")));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert!(learning_curves("", &history(&[("learning_rate", &[0.1]), ("val_loss", &[])])).is_empty());
        let charts = learning_curves("", &history(&[("train_loss", &[f64::NAN])]));
        assert!(charts.len() == 1 && !charts[0].1.contains("best"));
    }
}
