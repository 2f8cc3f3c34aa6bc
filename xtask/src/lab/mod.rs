//! What an experiment gets: pictures, training with progress and checkpoints, and a record to write its findings into.

pub(crate) mod base;
pub(crate) mod classifier;
mod confused;
pub(crate) mod data;
mod judging;
pub(crate) mod kept;
mod training;
mod transfer;
mod watch;

pub(crate) use data::Data;
pub(crate) use judging::{per_class, picture};
pub(crate) use training::{Length, Recipe, Trained, Validation};
pub(crate) use transfer::Passed;
pub(crate) use watch::{Watch, finished};

use crate::options::{self, Profile};
use anyhow::{Context, Result};
use base::Base;
use convnet_data::Dataset;
use convnet_datasets::DataChoice;
use convnet_layers::{LayerClasses, Model};
use convnet_report::{DataSource, Experiment as Record, Progress, write_file};
use convnet_tensor::Seed;
use data::{CatsDogs, Sets};
use std::collections::BTreeMap;
use std::io::Stderr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The place where experiments run.
pub(crate) struct Lab {
    pub(crate) profile: Profile,
    pub(crate) seed: Seed,
    pub(crate) threads: usize,
    pub(crate) out: PathBuf,
    pub(crate) resume: bool,
    pub(crate) progress: Progress<Stderr>,
    /// What the experiment that is running has found.
    pub(crate) record: Record,
    /// The model files that it has written.
    pub(crate) models: Vec<PathBuf>,
    /// The checkpoints of its finished trainings.
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Set by Ctrl-C.
    pub(crate) interrupted: &'static AtomicBool,
    pub(crate) sets: Sets,
    /// What a reader should know of pictures beside the sets that the experiment has shown, by their names in results.json.
    pub(crate) shown: BTreeMap<String, DataSource>,
    /// Where pictures and weights come from.
    pub(crate) data: DataChoice,
    /// The base that was asked for.
    pub(crate) wished_base: options::Base,
    /// The pretrained base, or why there is none; `None` where no experiment of the run takes one.
    pub(crate) base: Option<Result<Arc<Base>, String>>,
}

impl Lab {
    /// The value for the profile of this run.
    pub(crate) fn pick<T>(&self, smoke: T, quick: T, book: T) -> T {
        match self.profile {
            Profile::Smoke => smoke,
            Profile::Quick => quick,
            Profile::Book => book,
        }
    }

    /// The digits to train on, at most `limit` of them, and those to test on.
    ///
    /// # Panics
    /// When the experiment has not said that it takes them.
    pub(crate) fn digits(&self, limit: usize) -> (Dataset, Dataset) {
        let digits = self.sets.digits.as_ref().expect("an experiment gets the pictures that it names");
        (digits.train.take(limit), digits.test.clone())
    }

    /// The cats and dogs.
    ///
    /// # Panics
    /// When the experiment has not said that it takes them.
    pub(crate) fn cats_dogs(&self) -> &CatsDogs {
        self.sets.cats_dogs.as_ref().expect("an experiment gets the pictures that it names")
    }

    /// Writes a number into the record.
    pub(crate) fn metric(&mut self, name: impl Into<String>, value: f64) {
        self.record.metrics.insert(name.into(), value);
    }

    /// Adds a sentence to the record's note, once.
    pub(crate) fn note(&mut self, sentence: &str) {
        let note = self.record.note.get_or_insert_default();
        if !note.contains(sentence) {
            let gap = if note.is_empty() { "" } else { " " };
            *note = format!("{note}{gap}{sentence}");
        }
    }

    /// Writes a figure into `figures/` and the record, with one sentence on what to see in it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn figure(&mut self, name: &str, caption: &str, bytes: &[u8]) -> Result<()> {
        let path = self.save_figure(name, bytes)?;
        self.record.add_figure(&path, caption);
        Ok(())
    }

    /// As [`Lab::figure`], of other pictures than the experiment's: `None` where it comes from none at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn figure_of(
        &mut self,
        pictures: Option<(&str, DataSource)>,
        name: &str,
        caption: &str,
        bytes: &[u8],
    ) -> Result<()> {
        let key = pictures.as_ref().map(|(key, _)| (*key).to_string());
        self.record.sources.insert(self.figure_path(name), key);
        self.shown.extend(pictures.map(|(key, source)| (key.to_string(), source)));
        self.figure(name, caption, bytes)
    }

    /// Writes a figure into `figures/` that the page draws by itself, for use elsewhere.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save_figure(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.figure_path(name);
        write_file(self.out.join(&path), bytes)?;
        Ok(path)
    }

    /// Where a figure lies, as the record names it.
    fn figure_path(&self, name: &str) -> String {
        format!("figures/{}-{name}", self.record.id)
    }

    /// The file of the model that the experiment `id` (or a part of it, `5.1.2-without-pooling`) trained.
    pub(crate) fn model_path(&self, id: &str) -> PathBuf {
        self.out.join("models").join(format!("{id}.safetensors"))
    }

    /// The model that experiment `id`, one of this experiment's needs, trained.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn model(&self, id: &str) -> Result<Model> {
        let path = self.model_path(id);
        Model::load(&path, &LayerClasses::builtin()).with_context(|| format!("the model of experiment {id}"))
    }
}

/// The algorithm of the convolutions that it suits.
pub(crate) fn convolution() -> &'static str {
    convnet_cpu::conv2d::Algorithm::preferred().name()
}

/// Makes the folders of a run.
///
/// # Errors
/// When one cannot be made: a file stands in its place, or the disk refuses.
pub(crate) fn create_folders(out: &Path) -> Result<()> {
    for folder in [out.to_path_buf(), out.join("figures"), out.join("models")] {
        convnet_report::create_folder(&folder)?;
    }
    Ok(())
}
