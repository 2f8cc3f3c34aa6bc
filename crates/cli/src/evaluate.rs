//! `convnet evaluate MODEL FOLDER`, and how good a model is in words and numbers.

use crate::source::Source;
use crate::terminal::in_batches;
use anyhow::{Result, bail};
use convnet_data::{Dataset, LoadOptions, PictureFolder};
use convnet_layers::{FinalActivation, InputSpec, Model};
use convnet_report::{Align, Progress, Table, words};
use convnet_train::metrics::top_k;
use convnet_train::{Evaluation, Loss, evaluate_with};
use serde::Serialize;
use std::io::Stderr;
use std::path::PathBuf;

/// Measures a model on a folder of pictures, one folder per class.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  convnet evaluate model.safetensors holiday/test
  convnet evaluate model.safetensors holiday/test --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// The folder, which holds one folder per class of the model
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Pictures that are judged at once.
const BATCH: usize = 32;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let model = arguments.source.open()?.model;
    let progress = &mut Progress::stderr();
    if model.input().classes.is_empty() {
        bail!("the model does not name its classes, so that no folder can be held against them");
    }
    let folder = PictureFolder::list_classes(&arguments.folder, &model.input().classes)?;
    folder.notes().iter().for_each(|note| progress.say(&note.to_string()));
    let set = read(&folder, model.input(), "pictures", progress)?;
    let figures = Figures::of(&measured(&model, &set, "judging the pictures", progress)?, &set);
    crate::print(&if arguments.json {
        serde_json::to_string_pretty(&figures)?
    } else {
        figures.table(&arguments.folder.display().to_string())
    })
}

/// The pictures of a folder as a model wants them; files that cannot be read are told.
///
/// # Errors
/// When there is no picture.
pub(crate) fn read(
    folder: &PictureFolder,
    input: &InputSpec,
    what: &str,
    progress: &mut Progress<Stderr>,
) -> Result<Dataset> {
    let loaded =
        in_batches(progress, &format!("reading {what}"), |tell| Ok(folder.load(&options(input)?, tell)?))?;
    if let Some(told) = unreadable(&loaded.unreadable) {
        progress.say(&told);
    }
    Ok(loaded.dataset)
}

/// How pictures are brought to what a model takes.
///
/// # Errors
/// When it takes no pictures.
pub(crate) fn options(input: &InputSpec) -> Result<LoadOptions> {
    let [height, width, channels] = input.shape;
    if !matches!(channels, 1 | 3) || input.pixels.check(channels).is_err() {
        bail!(
            "the model takes {channels} channels in the range {:?}, which pictures do not have",
            input.pixels
        );
    }
    Ok(LoadOptions { fit: input.fit, filter: input.filter, ..LoadOptions::new(height, width, channels) })
}

/// What is said of files that cannot be read.
pub(crate) fn unreadable<E: std::fmt::Display>(files: &[(PathBuf, E)]) -> Option<String> {
    let (path, why) = files.first()?;
    let count = words::counted(files.len() as u64, "file");
    Some(format!("{count} cannot be read and count nowhere, such as {}: {why}", path.display()))
}

/// Judges all pictures.
///
/// # Errors
/// When the model ends in no probabilities, or the pictures do not fit it.
pub(crate) fn measured(
    model: &Model,
    set: &Dataset,
    phase: &str,
    progress: &mut Progress<Stderr>,
) -> Result<Evaluation> {
    let loss = match model.final_activation() {
        FinalActivation::Sigmoid => Loss::binary_crossentropy(),
        FinalActivation::Softmax => Loss::sparse_categorical_crossentropy(),
        FinalActivation::Linear => {
            bail!("the model ends in no probabilities, but in scores of shape {}", model.output_shape())
        }
    };
    in_batches(progress, phase, |tell| Ok(evaluate_with(model, set, loss, BATCH, tell)?))
}

/// How good a model is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// The share of pictures that is classified rightly.
    pub(crate) accuracy: f64,
    /// Within which the accuracy on ever more such pictures lies, 19 times in 20 (Wilson 1927).
    pub(crate) accuracy_95: [f64; 2],
    /// The share of pictures whose class is among the five most probable; where there are more than ten classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_5_accuracy: Option<f64>,
    /// The mean cross-entropy.
    pub(crate) loss: f64,
    pub(crate) pictures: usize,
    pub(crate) per_class: Vec<OfClass>,
}

/// How well one class is recognised.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OfClass {
    pub(crate) class: String,
    pub(crate) pictures: u64,
    /// Of its pictures, the share that is recognised.
    pub(crate) recall: Option<f64>,
    /// Of the pictures that are taken for it, the share that is.
    pub(crate) precision: Option<f64>,
}

impl Figures {
    pub(crate) fn of(evaluation: &Evaluation, set: &Dataset) -> Figures {
        let counts = &evaluation.confusion.counts;
        let share = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        let of_class = |(class, name): (usize, &String)| {
            let pictures = counts[class].iter().sum();
            let taken = counts.iter().map(|row| row[class]).sum();
            let right = counts[class][class];
            OfClass {
                class: name.clone(),
                pictures,
                recall: share(right, pictures),
                precision: share(right, taken),
            }
        };
        let many = set.classes().len() > 10;
        Figures {
            accuracy: evaluation.accuracy,
            accuracy_95: wilson(evaluation.accuracy, set.len()),
            top_5_accuracy: many.then(|| top_k(&evaluation.probabilities, set.labels(), 5)),
            loss: evaluation.loss,
            pictures: set.len(),
            per_class: set.classes().iter().enumerate().map(of_class).collect(),
        }
    }

    /// How far the accuracy can be trusted, in words: `96.9–99.0 %`.
    pub(crate) fn interval(&self) -> String {
        let [low, high] = self.accuracy_95.map(|share| 100.0 * share);
        format!("{low:.1}–{high:.1} %")
    }

    /// As a table for people.
    pub(crate) fn table(&self, name: &str) -> String {
        let mut table = Table::new(&[
            ("class", Align::Left),
            ("pictures", Align::Right),
            ("recall", Align::Right),
            ("precision", Align::Right),
        ]);
        for of in &self.per_class {
            table.row([
                of.class.clone(),
                words::count(of.pictures),
                percent(of.recall),
                percent(of.precision),
            ]);
        }
        let top = self
            .top_5_accuracy
            .map_or(String::new(), |top| format!("among the first five {:.2} %, ", 100.0 * top));
        format!(
            "{name}: accuracy {:.2} % ({}), {top}loss {:.4}, {}\n{table}",
            100.0 * self.accuracy,
            self.interval(),
            self.loss,
            words::counted(self.pictures as u64, "picture")
        )
    }
}

/// A share in percent, or a dash where there is none.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

/// Wilson's interval of 95 % for a share found among so many.
fn wilson(share: f64, count: usize) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let count = count.max(1) as f64;
    let (middle, scale) = (share + Z * Z / (2.0 * count), 1.0 + Z * Z / count);
    let half = Z * (share * (1.0 - share) / count + (Z / (2.0 * count)).powi(2)).sqrt();
    [((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::wilson;

    /// 8 of 10: 0.4902 … 0.9433, as in tables of this interval.
    #[test]
    fn few_pictures_prove_little() {
        let [low, high] = wilson(0.8, 10);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let [low, high] = wilson(1.0, 4);
        assert!((0.5..0.52).contains(&low) && high > 1.0 - 1e-9, "{low} {high}");
    }
}
