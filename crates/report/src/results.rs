//! `results.json`: what a run found, with everything needed to read the figures rightly.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Error, Machine, words, write_file};

/// No run of ours comes near this size; a larger file is refused before it is parsed.
const LARGEST_FILE: u64 = 16 << 20;

/// A whole run. Maps are ordered, so that equal runs give equal files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The version of this form, [`Results::VERSION`].
    pub version: u64,
    /// When the run ended, as [`crate::words::now`] writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The program that ran it, with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// `smoke`, `quick` or `book`.
    pub profile: String,
    /// The seed of every random number of the run.
    pub seed: u64,
    /// How many threads computed.
    pub threads: usize,
    /// The machine.
    #[serde(default)]
    pub machine: Machine,
    /// The sets of pictures that were used, by the name that [`Experiment::data`] gives.
    #[serde(default)]
    pub data: BTreeMap<String, DataSource>,
    /// The experiments in the order of the chapter.
    #[serde(default)]
    pub experiments: Vec<Experiment>,
}

/// Where pictures came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// What a reader calls it: `MNIST`, `painted digits`.
    pub title: String,
    /// `true` for pictures made by a program; their figures are never shown as if from the real set.
    pub generated: bool,
    /// Where it was found or how it was made, with number of pictures or checksum where known.
    #[serde(default)]
    pub origin: String,
}

/// How an experiment ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It ran to its end.
    #[default]
    Done,
    /// It ended in an error, which [`Experiment::error`] tells.
    Failed,
    /// It was not run, for the reason in [`Experiment::error`].
    Skipped,
}

impl Status {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One experiment of the chapter. A number that is not finite is written as `null` and read as NaN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Experiment {
    /// Its id on the command line: `5.1-shift`.
    pub id: String,
    /// Its name for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Wall-clock time in seconds.
    #[serde(default, deserialize_with = "number")]
    pub seconds: f64,
    /// What `--plan` would have said, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_seconds: Option<f64>,
    /// Its peak memory in MiB, where it can be measured.
    #[serde(default)]
    pub peak_mib: Option<f64>,
    /// What `--plan` would have said of it, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_mib: Option<f64>,
    /// A key of [`Results::data`]; `None` where no pictures were needed.
    #[serde(default)]
    pub data: Option<String>,
    /// The pretrained model that it built on.
    #[serde(default)]
    pub base: Option<String>,
    /// The instruction set that computed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isa: Option<String>,
    /// The convolution algorithm: `winograd`, or `direct` where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convolution: Option<String>,
    /// Threads, where they differ from the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Figures by name; those that end in `accuracy` lie between 0 and 1.
    #[serde(default, deserialize_with = "numbers")]
    pub metrics: BTreeMap<String, f64>,
    /// What the book prints for a metric, lowest and highest.
    #[serde(default)]
    pub book: BTreeMap<String, [f64; 2]>,
    /// Why ours and the book's differ, or what else a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Pictures, `.png` or `.svg`, as paths relative to the results file.
    #[serde(default)]
    pub figures: Vec<String>,
    /// One sentence under a figure: what to see in it, by the figure's path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captions: BTreeMap<String, String>,
    /// By the figure's path, what it shows where that is something else than [`Experiment::data`]: a key of [`Results::data`], or
    /// `null` for what comes from no pictures at all, such as noise that a gradient has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Option<String>>,
    /// The pictures behind the cells of a confusion matrix, by the matrix' path in [`Experiment::figures`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<String, Cells>,
    /// How it was trained, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Names that a reader may want to look up, by what they are: files that were left out, pictures that look the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
    /// One value per epoch: `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, `learning_rate` …; where an
    /// experiment trains several models, each series begins with the model's name and a slash.
    #[serde(default, deserialize_with = "series")]
    pub history: BTreeMap<String, Vec<f64>>,
    /// What the set behind `val_loss` and `val_accuracy` is called, such as `test`; "validation" unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_name: Option<String>,
}

impl Results {
    /// The version that this program writes and reads.
    pub const VERSION: u64 = 1;

    /// Reads and checks `path` as a file from anywhere: no size, number, id or path in it is taken on trust.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`], [`Error::Version`], or [`Error::Invalid`] naming the place in the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
        // A pipe would be waited for without end.
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(unreadable(std::io::Error::other("it is no plain file")));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        // One byte more than allowed tells a file that is too large, even if it grows.
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(Error::TooLarge { path: path.to_owned(), limit: LARGEST_FILE });
        }
        let invalid = |what: String| Error::Invalid { path: path.to_owned(), what };
        // The version is looked at first: another version may have another form.
        let Version { version } =
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        if version != Self::VERSION {
            return Err(Error::Version { path: path.to_owned(), found: version, known: Self::VERSION });
        }
        let results: Self = serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        results.check().map_err(invalid)?;
        Ok(results)
    }

    /// Writes `path` in one step, as [`write_file`] does; the version is always [`Results::VERSION`].
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Invalid`] for an id, path or accuracy that [`Results::read`] would refuse.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let invalid = |what: String| Error::Invalid { path: path.to_owned(), what };
        self.check().map_err(invalid)?;
        let current = Self { version: Self::VERSION, ..self.clone() };
        let mut json = serde_json::to_vec_pretty(&current).map_err(|error| invalid(error.to_string()))?;
        json.push(b'\n');
        write_file(path, &json)
    }

    /// Checks what the types do not.
    fn check(&self) -> Result<(), String> {
        few(self.experiments.len(), 500, "experiments")?;
        few(self.data.len(), 100, "sets of pictures")?;
        let Machine { cpu, system, .. } = &self.machine;
        for text in self.when.iter().chain(&self.program).chain([&self.profile, cpu, system]) {
            brief(text, LINE, "a line on the run")?;
        }
        for (name, source) in &self.data {
            brief(name, LINE, "the name of a set")?;
            brief(&source.title, LINE, "the title of a set")?;
            brief(&source.origin, PARAGRAPH, "the origin of a set")?;
        }
        let mut ids = HashSet::new();
        for experiment in &self.experiments {
            let id = experiment.id.as_str();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if id.is_empty() || id.len() > 64 || id.starts_with('.') || !id.chars().all(plain) {
                let expected = "expected up to 64 letters, digits, '-', '_' or '.', not beginning with '.'";
                return Err(format!("experiment id {id:?}: {expected}"));
            }
            if !ids.insert(id) {
                return Err(format!("experiment {id} is there twice, expected each id once"));
            }
            experiment.check().map_err(|what| format!("experiment {id}: {what}"))?;
        }
        Ok(())
    }
}

/// Pictures behind the cells of a confusion matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// A PNG with a row of pictures for each of [`Cells::rows`], side by side without gaps, as a path relative to the results
    /// file.
    pub pictures: String,
    /// Width and height of each picture in pixels.
    pub size: [u32; 2],
    /// For each row of the PNG the true class, the predicted class, and how many pictures there are.
    pub rows: Vec<[u32; 3]>,
}

impl Experiment {
    /// Adds a figure, `.png` or `.svg`, by its path relative to the results file, with one sentence on what to see in it.
    pub fn add_figure(&mut self, path: &str, caption: &str) {
        self.figures.push(path.to_owned());
        self.captions.insert(path.to_owned(), caption.to_owned());
    }

    /// The names of the metrics that a summary shows in a line: the accuracies that the book prints; else the main result, the
    /// same of each model where there are several. Empty where there is none.
    ///
    /// ```
    /// use convnet_report::Experiment;
    /// let mut experiment = Experiment::default();
    /// experiment.metrics.insert("test_accuracy".into(), 0.721);
    /// assert_eq!(experiment.headline(), ["test_accuracy"]);
    /// experiment.book.insert("best_val_accuracy".into(), [0.71, 0.74]);
    /// assert_eq!(experiment.headline(), ["best_val_accuracy"]);
    /// ```
    pub fn headline(&self) -> Vec<&str> {
        const MAIN: [&str; 4] = ["grad_cam_pointing", "test_accuracy", "best_val_accuracy", "val_accuracy"];
        let printed: Vec<_> =
            self.book.keys().map(String::as_str).filter(|name| words::is_share(name)).collect();
        if !printed.is_empty() {
            return printed;
        }
        if let Some(main) = MAIN.into_iter().find(|name| self.metrics.contains_key(*name)) {
            return vec![main];
        }
        self.metrics.keys().map(String::as_str).filter(|name| name.ends_with("_test_accuracy")).collect()
    }

    fn check(&self) -> Result<(), String> {
        few(self.metrics.len(), 1000, "metrics")?;
        few(self.book.len(), 1000, "book figures")?;
        few(self.figures.len(), 1000, "figures")?;
        few(self.sources.len(), 1000, "sources of figures")?;
        few(self.history.len(), 200, "series in history")?;
        few(self.history.values().map(Vec::len).sum(), 100_000, "numbers in history")?;
        few(self.lists.values().map(|list| list.len() + 1).sum(), 10_000, "names in lists")?;
        for text in [&self.title, &self.data, &self.isa, &self.convolution, &self.validation_name]
            .into_iter()
            .flatten()
        {
            brief(text, LINE, "a line")?;
        }
        for text in [&self.base, &self.note, &self.error, &self.settings].into_iter().flatten() {
            brief(text, PARAGRAPH, "a paragraph")?;
        }
        for text in self.captions.values() {
            brief(text, PARAGRAPH, "a caption")?;
        }
        let names =
            self.metrics.keys().chain(self.book.keys()).chain(self.history.keys()).chain(self.lists.keys());
        for name in names.chain(self.sources.values().flatten()) {
            brief(name, LINE, "a name")?;
        }
        let mut figures = HashSet::new();
        if let Some(twice) = self.figures.iter().find(|figure| !figures.insert(figure.as_str())) {
            return Err(format!("figure {twice:?} is there twice, expected each figure once"));
        }
        for (name, &value) in &self.metrics {
            if is_accuracy(name) && !value.is_nan() && !(0.0..=1.0).contains(&value) {
                return Err(format!("metric {name} is {value}, expected 0 to 1"));
            }
        }
        for (name, &[low, high]) in &self.book {
            if !(low.is_finite() && high.is_finite() && low <= high) {
                return Err(format!(
                    "book figure {name} is {low} to {high}, expected the lower number first"
                ));
            }
        }
        for (name, values) in &self.history {
            let wrong = values.iter().find(|value| !value.is_nan() && !(0.0..=1.0).contains(*value));
            if let Some(value) = wrong.filter(|_| is_accuracy(name)) {
                return Err(format!("history {name} has {value}, expected 0 to 1"));
            }
        }
        few(self.cells.values().map(|cells| cells.rows.len() + 1).sum(), 10_000, "cells with pictures")?;
        for cells in self.cells.values() {
            if cells.size.iter().any(|side| !(1..=512).contains(side)) {
                return Err(format!("cells of {:?} pixels, expected 1 to 512", cells.size));
            }
        }
        for figure in self.figures.iter().chain(self.cells.values().map(|cells| &cells.pictures)) {
            check_figure(figure).map_err(|expected| format!("figure {figure:?}: expected {expected}"))?;
        }
        Ok(())
    }
}

/// A page takes far more memory than the few bytes that an empty entry takes in the file.
fn few(count: usize, most: usize, what: &str) -> Result<(), String> {
    if count > most { Err(format!("{count} {what}, expected at most {most}")) } else { Ok(()) }
}

/// The most bytes of a text that stands in a line, such as a name, and of one that is read as a paragraph. A page repeats them:
/// the title of a set stands under each of its figures.
const LINE: usize = 300;
const PARAGRAPH: usize = 10_000;

fn brief(text: &str, most: usize, what: &str) -> Result<(), String> {
    if text.len() > most {
        Err(format!("{what} of {} bytes, expected at most {most}", text.len()))
    } else {
        Ok(())
    }
}

/// A figure's path must stay below the folder of the results file.
pub(crate) fn check_figure(figure: &str) -> Result<(), &'static str> {
    // A backslash or colon would mean another place on another system.
    if figure.len() > 255 || figure.contains(|c: char| c.is_control() || matches!(c, '\\' | ':')) {
        return Err("at most 255 bytes without backslash, colon or control characters");
    }
    let path = Path::new(figure);
    if figure.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("a relative path without '..'");
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("png" | "svg") => Ok(()),
        _ => Err("a name that ends in .png or .svg"),
    }
}

/// Whether a metric of this name lies between 0 and 1; others, such as differences of accuracies, may not.
fn is_accuracy(name: &str) -> bool {
    name.ends_with("accuracy")
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let map = BTreeMap::<String, Option<f64>>::deserialize(from)?;
    Ok(map.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

fn series<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<f64>>, D::Error> {
    let map = BTreeMap::<String, Vec<Option<f64>>>::deserialize(from)?;
    let plain =
        |values: Vec<Option<f64>>| values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    Ok(map.into_iter().map(|(name, values)| (name, plain(values))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Results {
        let experiment = Experiment {
            id: "5.1".into(),
            seconds: 61.5,
            peak_mib: Some(81.2),
            data: Some("mnist".into()),
            metrics: BTreeMap::from([("test_accuracy".into(), 0.9912), ("test_loss".into(), f64::NAN)]),
            book: BTreeMap::from([("test_accuracy".into(), [0.991, 0.993])]),
            figures: vec!["figures/5.1-confusion.svg".into()],
            history: BTreeMap::from([("val_loss".into(), vec![0.05, f64::INFINITY, 0.03])]),
            ..Experiment::default()
        };
        let source = DataSource { title: "MNIST".into(), generated: false, origin: "a folder".into() };
        Results {
            profile: "quick".into(),
            seed: u64::MAX,
            threads: 2,
            data: BTreeMap::from([("mnist".into(), source)]),
            experiments: vec![experiment],
            ..Results::default()
        }
    }

    fn refused(json: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, json).unwrap();
        let message = Results::read(&path).unwrap_err().to_string();
        assert!(message.contains("results.json"), "{message}");
        message
    }

    fn with_experiment(fields: &str) -> String {
        format!(
            r#"{{"version":1,"profile":"quick","seed":1,"threads":1,
                "experiments":[{{"id":"5.1","status":"done"{fields}}}]}}"#
        )
    }

    #[test]
    fn a_run_survives_the_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        sample().write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = Results::read(&path).unwrap();
        assert_eq!((read.version, read.seed), (1, u64::MAX));
        assert!(read.experiments[0].metrics["test_loss"].is_nan());
        assert!(read.experiments[0].history["val_loss"][1].is_nan());
        read.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let json = serde_json::to_value(sample()).unwrap();
        let experiment = &json["experiments"][0];
        assert_eq!(experiment["status"], "done");
        assert_eq!(experiment["book"]["test_accuracy"], serde_json::json!([0.991, 0.993]));
        assert_eq!(experiment["figures"], serde_json::json!(["figures/5.1-confusion.svg"]));
        assert!(experiment["metrics"]["test_loss"].is_null() && experiment["base"].is_null());
        for key in ["id", "seconds", "peak_mib", "data", "history"] {
            assert!(experiment.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn the_least_that_is_needed_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, with_experiment(r#", "unknown": {"of": "a later writer"}"#)).unwrap();
        assert_eq!(Results::read(&path).unwrap().experiments[0].status, Status::Done);
    }

    #[test]
    fn hostile_files_are_refused() {
        let cases = [
            ("", "EOF"),
            ("[]", "results file"),
            (r#"{"version": 2}"#, "has version 2, this program reads version 1"),
            (r#"{"version": -1}"#, "invalid value"),
            (r#"{"version": 1}"#, "missing field `profile`"),
            (&with_experiment(r#", "status": "odd""#), "duplicate field"),
            (&with_experiment(r#", "figures": ["../secret.png"]"#), "without '..'"),
            (&with_experiment(r#", "figures": ["/etc/secret.png"]"#), "relative path"),
            (&with_experiment(r#", "figures": ["C:\\secret.png"]"#), "without backslash"),
            (&with_experiment(r#", "figures": ["figures/page.html"]"#), ".png or .svg"),
            (&with_experiment(r#", "figures": [""]"#), "relative path"),
            (
                &with_experiment(
                    r#", "cells": {"a.svg": {"pictures": "../b.png", "size": [1, 1], "rows": []}}"#,
                ),
                "without '..'",
            ),
            (
                &with_experiment(
                    r#", "cells": {"a.svg": {"pictures": "b.png", "size": [0, 9], "rows": []}}"#,
                ),
                "expected 1 to 512",
            ),
            (&with_experiment(r#", "metrics": {"test_accuracy": 99.1}"#), "expected 0 to 1"),
            (&with_experiment(r#", "metrics": {"test_accuracy": 1e999}"#), "out of range"),
            (&with_experiment(r#", "history": {"val_accuracy": [0.5, -0.5]}"#), "expected 0 to 1"),
            (&with_experiment(r#", "book": {"test_loss": [2, 1]}"#), "lower number first"),
            (&with_experiment(r#"}, {"id": "5.1", "status": "done""#), "is there twice"),
            (&with_experiment("").replace("5.1", "../5.1"), "experiment id"),
            (&with_experiment("").replace("5.1", "<b>"), "experiment id"),
            (
                &with_experiment(&format!(r#", "figures": [{}"a.png"]"#, r#""a.png","#.repeat(1000))),
                "at most 1000",
            ),
            (
                &with_experiment(&format!(r#", "lists": {{"a": [{}""]}}"#, r#""","#.repeat(10_000))),
                "at most 10000",
            ),
            (&with_experiment(r#", "figures": ["a.png", "a.png"]"#), "is there twice"),
            (&with_experiment(&format!(r#", "validation_name": "{}""#, "a".repeat(301))), "at most 300"),
            (&with_experiment(&format!(r#", "note": "{}""#, "a".repeat(10_001))), "at most 10000"),
            (&with_experiment(&format!(r#", "metrics": {{"{}": 1}}"#, "a".repeat(301))), "at most 300"),
            (
                &with_experiment("").replacen(
                    '{',
                    &format!(r#"{{"data": {{"d": {{"generated": true, "title": "{}"}}}}, "#, "a".repeat(301)),
                    1,
                ),
                "the title of a set of 301 bytes",
            ),
            (&"[".repeat(100_000), "results file"),
        ];
        for (json, expected) in cases {
            let message = refused(json);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn the_headline_is_what_the_book_prints_or_the_main_result() {
        let experiment = |metrics: &[&str], book: &[&str]| Experiment {
            metrics: metrics.iter().map(|name| ((*name).to_owned(), 0.5)).collect(),
            book: book.iter().map(|name| ((*name).to_owned(), [0.5, 0.6])).collect(),
            ..Experiment::default()
        };
        let both = ["with_pooling_test_accuracy", "without_pooling_test_accuracy"];
        let cases: [(&[&str], &[&str], &[&str]); 7] = [
            (&["parameters", "test_accuracy"], &["parameters"], &["test_accuracy"]),
            (&["best_val_accuracy", "test_accuracy"], &["best_val_accuracy"], &["best_val_accuracy"]),
            (&[], &["test_accuracy"], &["test_accuracy"]),
            (&both, &["without_pooling_coefficients"], &both),
            (&["shift_1_convnet_accuracy"], &[], &[]),
            (&["grad_cam_pointing", "test_accuracy"], &[], &["grad_cam_pointing"]),
            (&[], &[], &[]),
        ];
        for (metrics, book, expected) in cases {
            assert_eq!(experiment(metrics, book).headline(), expected);
        }
    }

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        File::create(&path).unwrap().set_len(LARGEST_FILE * 64).unwrap();
        assert!(matches!(Results::read(&path), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn what_would_not_be_read_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let mut results = sample();
        results.experiments[0].figures.push("../escape.svg".into());
        assert!(matches!(results.write(&path), Err(Error::Invalid { .. })));
        assert!(!path.exists());
    }
}
