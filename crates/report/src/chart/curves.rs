//! Learning curves: training beside validation, epoch by epoch, the best epoch marked.

use std::collections::BTreeMap;

use serde_json::json;

use super::line::{Gap, LineChart, Mark, Series};
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
    curves(title, history, validation).into_iter().map(|curves| (curves.what, curves.svg)).collect()
}

/// A learning curve, and what the page's script needs to answer a pointer and to smooth it.
pub(crate) struct Curves {
    /// `accuracy` or `loss`.
    pub(crate) what: &'static str,
    pub(crate) svg: String,
    /// Where numbers lie on the chart, and the numbers, as JSON.
    pub(crate) json: String,
}

/// All that [`learning_curves_of`] draws.
pub(crate) fn curves(title: &str, history: &BTreeMap<String, Vec<f64>>, validation: &str) -> Vec<Curves> {
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
        // Where the pictures learned from do better than the others.
        let gap = (lines.len() == 2).then_some(if percent { Gap::FirstAbove } else { Gap::FirstBelow });
        let chart = LineChart {
            title,
            x_label: "epoch".to_owned(),
            percent,
            series: series.collect(),
            marks: mark.into_iter().collect(),
            gap,
            ..LineChart::default()
        };
        let (svg, plot) = chart.drawn();
        let series: Vec<_> =
            lines.iter().map(|(name, values)| json!({ "name": name, "values": values })).collect();
        let json = json!({ "plot": plot, "percent": percent, "series": series }).to_string();
        Some(Curves { what, svg, json })
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
    fn overfitting_is_shaded_where_it_is() {
        let areas = |train: &[f64], validation: &[f64]| {
            let history = history(&[("train_accuracy", train), ("val_accuracy", validation)]);
            learning_curves("", &history)[0].1.matches("class=\"gap\"").count()
        };
        assert_eq!(areas(&[0.5, 0.6, 0.7], &[0.6, 0.7, 0.8]), 0, "it does better on what it has not seen");
        assert_eq!(areas(&[0.5, 0.9, 0.99], &[0.6, 0.8, 0.8]), 1);
        assert_eq!(areas(&[0.9, f64::NAN, 0.99], &[0.8, 0.8, 0.8]), 0, "no two epochs side by side");
    }

    #[test]
    fn the_script_gets_the_numbers_and_their_places() {
        let history = history(&[("train_loss", &[0.5, f64::NAN]), ("val_loss", &[0.4, 0.3])]);
        let curves = &curves("", &history, "<test>")[0];
        let json: serde_json::Value = serde_json::from_str(&curves.json).unwrap();
        assert_eq!(json["series"][0]["values"], serde_json::json!([0.5, null]));
        assert_eq!(json["series"][1]["name"], "<test>");
        assert_eq!(json["plot"]["x"].as_array().unwrap()[2..], [1.0, 2.0]);
        let (left, right) = (json["plot"]["x"][0].as_f64().unwrap(), json["plot"]["x"][1].as_f64().unwrap());
        assert!(
            curves.svg.contains(&format!("cx=\"{left:.1}\""))
                && curves.svg.contains(&format!("cx=\"{right:.1}\""))
        );
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert!(learning_curves("", &history(&[("learning_rate", &[0.1]), ("val_loss", &[])])).is_empty());
        let charts = learning_curves("", &history(&[("train_loss", &[f64::NAN])]));
        assert!(charts.len() == 1 && !charts[0].1.contains("best"));
    }
}
