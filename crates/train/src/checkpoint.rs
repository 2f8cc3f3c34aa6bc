//! Checkpoints: a training in one file, from which it goes on as if nothing had happened.
//!
//! A safetensors file: parameters under their paths, the optimiser's state under `optimizer/`, and in the metadata, as
//! JSON, the model's description (`convnet`), the training's settings, data and progress (`training`) and a SHA-256 of
//! all of it. Random numbers need no state of their own: they follow from the seed and the step.

use crate::history::History;
use crate::schedules::Watched;
use crate::{Error, Fit, Result};
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_layers::file::{read_file, read_tensor, write_file};
use convnet_tensor::{Shape, Tensor};
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Where a training leaves checkpoints, and how it is interrupted.
///
/// One is written after every epoch, and when training is interrupted or stopped after a step. The file is whole at any
/// moment.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints<'a> {
    /// The file.
    pub file: PathBuf,
    /// Writes one after so many steps too.
    pub every_steps: Option<usize>,
    /// Goes on from the file if it is there; otherwise training begins at the beginning. A file that is further than the
    /// epochs asked for is refused.
    pub resume: bool,
    /// Once true, training finishes the step, writes a checkpoint and returns: set it when Ctrl-C is pressed.
    pub stop: Option<&'a AtomicBool>,
}

/// How far a training has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Epochs done.
    pub(crate) epoch: usize,
    /// Steps done of the next.
    pub(crate) step: usize,
    /// Steps done in all.
    pub(crate) updates: u64,
    /// What the steps of the epoch under way have summed up.
    pub(crate) sums: Sums,
    pub(crate) watched: Watched,
    pub(crate) history: History,
}

/// Sums over the pictures of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    #[serde(with = "crate::exact")]
    pub(crate) loss: f64,
    pub(crate) correct: u64,
    pub(crate) pictures: u64,
}

/// The optimiser's state: for each parameter, in their order, the slots that it has a name for.
pub(crate) struct OptimizerState {
    pub(crate) names: &'static [&'static str],
    pub(crate) slots: Vec<Vec<Tensor>>,
}

const VERSION: u64 = 1;
const MODEL: &str = "convnet";
const TRAINING: &str = "training";
const CHECKSUM: &str = "sha256";

/// What a header may take beside the tensors: far more than any network's.
const LARGEST_HEADER: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Description {
    version: u64,
    settings: Json,
    train: String,
    validation: Option<String>,
    progress: Progress,
}

/// Whose checkpoint it is: a training with these settings and pictures.
pub(crate) struct Identity {
    settings: Json,
    train: String,
    validation: Option<String>,
}

impl Identity {
    pub(crate) fn new(settings: &Fit, train: &Dataset, validation: Option<&Dataset>) -> Identity {
        let mut settings = serde_json::to_value(settings).unwrap_or_default();
        // How long one goes on changes nothing that was done so far.
        settings.as_object_mut().map(|settings| settings.remove("epochs"));
        let validation = validation.map(|set| set.fingerprint().to_string());
        Identity { settings, train: train.fingerprint().to_string(), validation }
    }

    /// How the training that wrote `found` differs from this one.
    fn difference(&self, found: &Description) -> Option<String> {
        if found.train != self.train {
            return Some("was written by a training on other pictures".into());
        }
        if found.validation != self.validation {
            return Some("was written by a training with other validation pictures".into());
        }
        let mut all = [&self.settings, &found.settings]
            .into_iter()
            .filter_map(Json::as_object)
            .flat_map(|map| map.keys());
        let key = all.find(|key| self.settings.get(*key) != found.settings.get(*key))?;
        let word = |json: Option<&Json>| json.map_or("nothing".to_string(), Json::to_string);
        let (then, now) = (word(found.settings.get(key)), word(self.settings.get(key)));
        Some(format!("was written by a training with {key} = {then}, but now it is {now}"))
    }
}

/// A tensor whose bytes are made when they are written.
struct Written<'a>(&'a Tensor, Shape);

impl View for Written<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.1
    }
    fn data(&self) -> Cow<'_, [u8]> {
        self.0.data().iter().flat_map(|number| number.to_le_bytes()).collect()
    }
    fn data_len(&self) -> usize {
        self.0.size() * size_of::<f32>()
    }
}

/// The name of every tensor in a checkpoint, with the tensor, in a fixed order.
fn tensors<'a>(model: &'a Model, state: &'a OptimizerState) -> Vec<(String, &'a Tensor)> {
    let mut all: Vec<_> = model.parameters().iter().map(|each| (each.path.clone(), &each.value)).collect();
    for (parameter, slots) in model.parameters().iter().zip(&state.slots) {
        for (name, slot) in state.names.iter().zip(slots) {
            all.push((format!("optimizer/{}/{name}", parameter.path), slot));
        }
    }
    all
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a checkpoint. The old one stays until the new one is whole and on the disk.
pub(crate) fn write(
    file: &Path,
    model: &Model,
    state: &OptimizerState,
    identity: &Identity,
    progress: &Progress,
) -> Result<()> {
    let cannot = |cause| Error::Write { path: file.to_path_buf(), cause };
    let description = Description {
        version: VERSION,
        settings: identity.settings.clone(),
        train: identity.train.clone(),
        validation: identity.validation.clone(),
        progress: progress.clone(),
    };
    let training = serde_json::to_string(&description).map_err(|error| cannot(error.into()))?;
    let model_description = model.description();
    let tensors = tensors(model, state);
    let mut hash = Sha256::new();
    hash.update(&training);
    hash.update(&model_description);
    for (_, tensor) in &tensors {
        hash.update(Written(tensor, tensor.shape()).data());
    }
    let metadata = HashMap::from([
        (MODEL.to_string(), model_description),
        (TRAINING.to_string(), training),
        (CHECKSUM.to_string(), hexadecimal(hash)),
    ]);
    let views = tensors.iter().map(|(name, tensor)| (name, Written(tensor, tensor.shape())));
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|error| cannot(std::io::Error::other(error)))?;
    write_file(file, &bytes).map_err(cannot)
}

/// Reads a checkpoint of this very training, of `epochs` of `steps` each, into `model` and `state`; both stay as they are
/// when something is wrong.
pub(crate) fn read(
    file: &Path,
    model: &mut Model,
    state: &mut OptimizerState,
    identity: &Identity,
    (epochs, steps): (usize, usize),
) -> Result<Progress> {
    let wrong = |found: &str, remedy: &str| Error::Checkpoint {
        path: file.to_path_buf(),
        found: found.to_string(),
        remedy: remedy.to_string(),
    };
    let broken = |found: &str| {
        wrong(found, "delete it to begin at the beginning, or put an undamaged copy in its place")
    };
    let other = |found: &str| wrong(found, "resume with what it was written with, or name another file");

    let expected: u64 = tensors(model, state).iter().map(|(_, tensor)| 4 * tensor.size() as u64).sum();
    let length = std::fs::metadata(file).map_err(|error| broken(&format!("cannot be read: {error}")))?.len();
    if length > expected + LARGEST_HEADER {
        let found = format!("has {length} bytes, but a checkpoint of this model has {expected} and a header");
        return Err(other(&found));
    }
    let bytes = read_file(file).map_err(|message| broken(&message))?;
    let not_whole = |error| broken(&format!("is not a whole safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(not_whole)?;
    let stored = SafeTensors::deserialize(&bytes).map_err(not_whole)?;
    let metadata = header.metadata().as_ref();
    let entry = |key| metadata.and_then(|metadata| metadata.get(key));
    let (Some(training), Some(description), Some(checksum)) =
        (entry(TRAINING), entry(MODEL), entry(CHECKSUM))
    else {
        return Err(other("is a safetensors file, but no checkpoint of a training"));
    };
    let version = serde_json::from_str(training).ok().and_then(|json: Json| json.get("version")?.as_u64());
    if version != Some(VERSION) {
        let version = version.map_or("no version".into(), |version| format!("version {version}"));
        let found = format!("its progress has {version}, but this program reads version {VERSION}");
        return Err(wrong(&found, "resume with the program that wrote it"));
    }
    let about: Description = serde_json::from_str(training)
        .map_err(|error| broken(&format!("its progress cannot be read: {error}")))?;
    if *description != model.description() {
        return Err(other("was written for another architecture, or with other layers frozen"));
    }
    if let Some(difference) = identity.difference(&about) {
        return Err(other(&difference));
    }

    let mut hash = Sha256::new();
    hash.update(training);
    hash.update(description);
    let mut values = Vec::new();
    for (name, tensor) in tensors(model, state) {
        values.push(read_tensor(&stored, &name, tensor.shape()).map_err(|message| broken(&message))?);
        hash.update(stored.tensor(&name).map_err(not_whole)?.data());
    }
    if hexadecimal(hash) != *checksum {
        return Err(broken("is damaged: its contents do not match their checksum"));
    }
    let progress = about.progress;
    let is_consistent = progress.epoch == progress.history.rows.len()
        && progress.step <= steps
        && (progress.epoch as u64)
            .checked_mul(steps as u64)
            .and_then(|done| done.checked_add(progress.step as u64))
            == Some(progress.updates);
    if !is_consistent {
        return Err(broken("its progress contradicts itself"));
    }
    // Weights that have seen more than was asked for are not the result of these settings.
    let begun = progress.epoch + usize::from(progress.step > 0);
    if begun > epochs {
        let done = match progress.step {
            0 => format!("{} are done", progress.epoch),
            step => format!("{} and {step} steps are done", progress.epoch),
        };
        return Err(Error::Setting {
            name: "epochs".into(),
            expected: format!("at least {begun} to resume from {}, where {done}", file.display()),
            found: epochs.to_string(),
        });
    }
    let mut values = values.into_iter();
    let parameters = model.parameters_mut().iter_mut().map(|parameter| &mut parameter.value);
    parameters.chain(state.slots.iter_mut().flatten()).zip(&mut values).for_each(|(to, value)| *to = value);
    Ok(progress)
}
