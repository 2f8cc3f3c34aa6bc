//! The model and all that the page may ask of it.

use super::refusal::Refusal;
use super::samples::{Sample, samples};
use super::similar::Index;
use crate::evaluate::options;
use crate::explain::last_maps;
use crate::picture::{Viewer, numbers};
use crate::predict::{names, says};
use anyhow::{Result, ensure};
use convnet_layers::Model;
use convnet_tensor::{Seed, Tensor};
use convnet_visualize::honesty::random_twin;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// A model, ready to be asked.
#[derive(Debug)]
pub(super) struct Explorer {
    pub(super) model: Model,
    /// What it is called on the page.
    pub(super) name: String,
    /// What a reader should know of it, in sentences.
    pub(super) told: Vec<String>,
    /// Its classes; empty where it ends in none.
    pub(super) classes: Vec<String>,
    /// Its layers with their outputs, in order.
    pub(super) layers: Vec<Layer>,
    /// The layer whose maps are weighed unless told otherwise.
    pub(super) last_maps: Option<String>,
    pub(super) samples: Vec<Sample>,
    pub(super) index: Option<Index>,
    twin: OnceLock<Model>,
    /// Of the layers that were asked for, how many channels say nothing to any sample.
    pub(super) dead: Mutex<HashMap<String, usize>>,
}

/// A layer whose output can be shown.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Layer {
    pub(super) path: String,
    pub(super) class: &'static str,
    pub(super) shape: Vec<usize>,
}

impl Explorer {
    /// The model, prepared to be asked.
    ///
    /// # Errors
    /// When it takes no pictures.
    pub(super) fn new(
        model: Model,
        name: String,
        told: Vec<String>,
        index: Option<Index>,
    ) -> Result<Explorer> {
        options(model.input())?;
        let ends_in_classes = model.output_shape().len() == 1;
        let classes = if ends_in_classes { names(&model)? } else { Vec::new() };
        let layers: Vec<_> = model
            .summary()
            .rows
            .iter()
            .filter(|row| matches!(row.output.len(), 1 | 3))
            .map(|row| Layer { path: row.path.clone(), class: row.class, shape: row.output.to_vec() })
            .collect();
        ensure!(!layers.is_empty(), "{name}: none of its layers gives maps or numbers that could be shown");
        let last_maps = last_maps(&model).ok();
        let samples = samples(model.input(), index.as_ref());
        let (twin, dead) = (OnceLock::new(), Mutex::default());
        Ok(Explorer { model, name, told, classes, layers, last_maps, samples, index, twin, dead })
    }

    /// The same network with random weights.
    ///
    /// # Errors
    /// Those of [`random_twin`].
    pub(super) fn twin(&self) -> Result<&Model, Refusal> {
        if let Some(twin) = self.twin.get() {
            return Ok(twin);
        }
        let made = random_twin(&self.model, Seed(1))?;
        Ok(self.twin.get_or_init(|| made))
    }

    /// The picture in the bytes of a file, as the model is shown it: `[height, width, channels]`.
    ///
    /// # Errors
    /// When it is no picture, or one beyond the limits of `convnet_data::decode`.
    pub(super) fn picture(&self, file: &[u8]) -> Result<Tensor<u8>, Refusal> {
        Viewer::default().seen(file, self.model.input()).map_err(Refusal::no_picture)
    }

    /// The same as numbers in the model's range, `[1, height, width, channels]`.
    pub(super) fn numbers(&self, picture: &Tensor<u8>) -> Tensor {
        numbers(picture, self.model.input().pixels)
    }

    /// What the model says of each class: probabilities, or scores of a model that ends in none; of one sigmoid those of both
    /// classes.
    ///
    /// # Errors
    /// When it ends in no classes.
    pub(super) fn says(&self, x: &Tensor) -> Result<Vec<f32>, Refusal> {
        if self.classes.is_empty() {
            return Err(Refusal::wrong("the model ends in maps, not in classes"));
        }
        says(&self.model, x).map_err(Refusal::wrong)
    }

    /// The layer of this path.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn layer(&self, path: &str) -> Result<&Layer, Refusal> {
        let found = self.layers.iter().find(|layer| layer.path == path);
        found.ok_or_else(|| Refusal::unknown(format!("the model has no layer `{path}`")))
    }
}
