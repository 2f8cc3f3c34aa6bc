//! What every trained classifier shows of itself.

use super::training::Trained;
use super::{Lab, confused};
use anyhow::Result;
use convnet_data::Dataset;
use convnet_report::{Picture, chart};
use convnet_train::{Evaluation, worst_mistakes};
use std::collections::BTreeMap;

/// How many mistakes the report shows.
const MISTAKES: usize = 12;

impl Lab {
    /// Writes what every trained classifier shows of itself: accuracy, loss, rate, learning curves, confusion matrix,
    /// accuracy per class, worst mistakes. Where an experiment trains several, `part` is the recipe's: it begins the names of
    /// all of it, and the experiment draws their accuracies per class side by side.
    ///
    /// # Errors
    /// When a figure cannot be written.
    pub(crate) fn judge(
        &mut self,
        trained: &Trained,
        test: &Dataset,
        part: Option<&'static str>,
    ) -> Result<Evaluation> {
        self.judge_on(trained, test, test, part)
    }

    /// As [`Lab::judge`], where `test` is what the network is measured on, and `pictures` are those behind it that readers see.
    ///
    /// # Errors
    /// When a figure cannot be written.
    pub(crate) fn judge_on(
        &mut self,
        trained: &Trained,
        test: &Dataset,
        pictures: &Dataset,
        part: Option<&'static str>,
    ) -> Result<Evaluation> {
        let evaluation = self.evaluate(&trained.model, trained.loss, test)?;
        let names = Names { part };
        let history = names.history(&self.record.history);
        self.metric(names.metric("test_accuracy"), evaluation.accuracy);
        self.metric(names.metric("test_loss"), evaluation.loss);
        self.rate(names.metric("images_per_second"), trained);
        if let Some(&accuracy) = history.get("train_accuracy").and_then(|series| series.last()) {
            self.metric(names.metric("train_accuracy"), accuracy);
        }
        let validation = self.record.validation_name.clone().unwrap_or_default();
        let classes = test.classes();
        let title = part.map(|part| part.replace('-', " ")).or(self.record.title.clone()).unwrap_or_default();
        // The page draws these itself; as files they can be used elsewhere.
        for (what, svg) in chart::learning_curves_of(&title, &history, &validation) {
            self.save_figure(&names.file(&format!("{what}.svg")), svg.as_bytes())?;
        }
        let counts: Vec<u64> = evaluation.confusion.counts.iter().flatten().copied().collect();
        if let Some(matrix) = chart::confusion_matrix(&names.title("Confusion matrix"), classes, &counts) {
            let said = most_confused(&evaluation, classes);
            self.figure(&names.file("confusion.svg"), &said, matrix.as_bytes())?;
            let matrix = self.figure_path(&names.file("confusion.svg"));
            let sheet = self.figure_path(&names.file("confusion-pictures.png"));
            let found = confused::sheet(&evaluation.probabilities, test.labels(), pictures, &sheet)?;
            if let Some((sheet, cells)) = found {
                self.save_figure(&names.file("confusion-pictures.png"), &sheet.to_png()?)?;
                self.record.cells.insert(matrix, cells);
            }
        }
        if part.is_none() {
            let accuracies = [("test".into(), per_class(&evaluation))];
            let bars = chart::grouped_bars("Accuracy per class", true, classes, &accuracies);
            self.figure("per-class.svg", "The share of each class that is recognised.", bars.as_bytes())?;
        }
        let mistakes = worst_mistakes(&evaluation.probabilities, test.labels(), MISTAKES);
        if !mistakes.is_empty() {
            let mut shown = Vec::new();
            for mistake in &mistakes {
                let words = format!(
                    "{}, taken for {} ({:.0}\u{a0}%)",
                    classes[mistake.label as usize],
                    classes[mistake.predicted as usize],
                    mistake.probability * 100.0
                );
                shown.push((picture(pictures, mistake.picture)?, words));
            }
            let gallery = chart::gallery(&names.title("Worst mistakes"), &shown, 4, 84.0)?;
            let caption = "The test pictures that the network got wrong while being most sure.";
            self.figure(&names.file("mistakes.svg"), caption, gallery.as_bytes())?;
        }
        Ok(evaluation)
    }
}

/// What the findings of a training are called: of one of several, by its part.
struct Names {
    part: Option<&'static str>,
}

impl Names {
    fn metric(&self, what: &str) -> String {
        self.part.map_or(what.into(), |part| format!("{}_{what}", part.replace('-', "_")))
    }

    fn file(&self, name: &str) -> String {
        self.part.map_or(name.into(), |part| format!("{part}-{name}"))
    }

    fn title(&self, title: &str) -> String {
        self.part.map_or(title.into(), |part| format!("{title}, {}", part.replace('-', " ")))
    }

    /// Its own series of an experiment's history.
    fn history(&self, all: &BTreeMap<String, Vec<f64>>) -> BTreeMap<String, Vec<f64>> {
        let prefix = self.part.map_or(String::new(), |part| format!("{part}/"));
        let own =
            |(name, values): (&String, &Vec<f64>)| Some((name.strip_prefix(&prefix)?.into(), values.clone()));
        all.iter().filter_map(own).collect()
    }
}

/// The accuracy of each class; of a class without pictures 0.
pub(crate) fn per_class(evaluation: &Evaluation) -> Vec<f64> {
    evaluation.confusion.per_class().into_iter().map(|accuracy| accuracy.unwrap_or(0.0)).collect()
}

fn most_confused(evaluation: &Evaluation, classes: &[String]) -> String {
    let pairs: Vec<_> = evaluation
        .confusion
        .most_confused(2)
        .iter()
        .map(|pair| {
            let (label, predicted) = (&classes[pair.label as usize], &classes[pair.predicted as usize]);
            format!("{label} for {predicted} ({} times)", pair.count)
        })
        .collect();
    match pairs.is_empty() {
        true => "Every test picture was recognised.".into(),
        false => format!(
            "Rows are true classes, columns the network's answers; most often it took {}.",
            pairs.join(" and ")
        ),
    }
}

/// A picture of a data set as it was stored.
pub(crate) fn picture(set: &Dataset, number: usize) -> Result<Picture> {
    let shape = set.picture_shape();
    Ok(Picture::new(shape[1], shape[0], shape[2], set.picture(number)?.data().to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_parts_keep_apart() {
        let (whole, part) = (Names { part: None }, Names { part: Some("with-pooling") });
        assert_eq!((whole.metric("test_loss"), whole.file("a.svg")), ("test_loss".into(), "a.svg".into()));
        assert_eq!(part.metric("test_loss"), "with_pooling_test_loss");
        assert_eq!(part.file("a.svg"), "with-pooling-a.svg");
        assert_eq!(part.title("Mistakes"), "Mistakes, with pooling");
        let all = ["with-pooling/val_loss", "without-pooling/val_loss"].map(|name| (name.into(), vec![1.0]));
        let own = part.history(&all.into());
        assert_eq!(own.keys().collect::<Vec<_>>(), ["val_loss"]);
    }
}
