//! The pictures of a folder, what the network makes of each, and those among them that are most like another.

use super::explorer::Explorer;
use super::refusal::Refusal;
use super::samples::png_of;
use crate::evaluate::read;
use crate::explain::last_maps;
use crate::terminal::in_batches;
use crate::train::{features_folder, training};
use anyhow::{Context, Result};
use convnet_data::{Batches, Dataset, Order, PictureFolder};
use convnet_layers::{GlobalAveragePooling2D, Model};
use convnet_report::{Progress, create_folder};
use convnet_tensor::Tensor;
use convnet_train::FeatureCache;
use convnet_visualize::{Similar, most_similar};
use serde::Serialize;
use std::io::Stderr;
use std::path::Path;

/// Pictures and their features: the means of the last feature maps.
#[derive(Debug)]
pub(super) struct Index {
    pictures: Dataset,
    /// The network up to its features.
    network: Model,
    /// `[N, channels]`.
    features: Tensor,
}

/// The layer that takes the means.
const AVERAGE: &str = "features_of_explore";
/// Pictures that are told.
const COUNT: usize = 8;
/// Features that are copied at once.
const BATCH: usize = 256;

/// One of the most similar pictures.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// Its number, by which it is fetched.
    picture: usize,
    class: String,
    cosine: f64,
}

impl Index {
    /// Reads the pictures of `folder`, one folder for each class, and has the network look at each; a second time its
    /// features are found in the cache.
    ///
    /// # Errors
    /// When there is no picture, the model has no feature maps, or the cache cannot be written.
    pub(super) fn of(folder: &Path, model: &Model, progress: &mut Progress<Stderr>) -> Result<Index> {
        let listed = PictureFolder::list(training(folder).as_deref().unwrap_or(folder))?;
        let pictures = read(&listed, model.input(), "pictures", progress)?;
        let last = last_maps(model).context("--pictures: what is similar is told by feature maps")?;
        let network = model.architecture().up_to(&last)?;
        let network = network.named(AVERAGE, GlobalAveragePooling2D::new().keepdims());
        let mut input = model.input().clone();
        input.classes.clear();
        let network = model.rebuilt(network, input)?;
        let cache = FeatureCache::new(features_folder()?);
        create_folder(&cache.folder)?;
        let found = in_batches(progress, "the network looks at the pictures", |tell| {
            Ok(cache.features(&network, AVERAGE, &pictures, tell)?)
        })?;
        found.note.iter().for_each(|note| progress.say(note));
        let channels = network.output_shape().size();
        let mut numbers = Vec::with_capacity(pictures.len() * channels);
        for batch in Batches::new(&found.set, BATCH, Order::Sequential, network.input().pixels)?.round(0) {
            numbers.extend_from_slice(batch?.x.data());
        }
        let features = Tensor::from_vec([pictures.len(), channels], numbers)?;
        Ok(Index { pictures, network, features })
    }

    /// How many pictures there are.
    pub(super) fn len(&self) -> usize {
        self.pictures.len()
    }

    /// The class of a picture.
    pub(super) fn class(&self, picture: usize) -> Option<&str> {
        let label = *self.pictures.labels().get(picture)?;
        self.pictures.classes().get(label as usize).map(String::as_str)
    }

    /// A picture as the model is shown it, as a PNG.
    ///
    /// # Errors
    /// When there is no such picture.
    pub(super) fn png(&self, picture: usize) -> Result<Vec<u8>, Refusal> {
        if picture >= self.len() {
            return Err(Refusal::unknown(format!("there are {} pictures", self.len())));
        }
        let picture = self.pictures.picture(picture).map_err(Refusal::failed)?;
        png_of(&picture).ok_or_else(|| Refusal::failed("the picture cannot be written as a PNG"))
    }

    /// The pictures that are most like one, the most similar first.
    ///
    /// # Errors
    /// Those of the network.
    pub(super) fn like(&self, of: &Explorer, picture: &Tensor<u8>) -> Result<Vec<Found>, Refusal> {
        let features = self.network.predict(&of.numbers(picture))?;
        let features = features.reshaped([1, features.size()])?;
        let found = most_similar(&features, &self.features, COUNT)?;
        let told = |&Similar { place, cosine }: &Similar| Found {
            picture: place,
            class: self.class(place).unwrap_or_default().to_string(),
            cosine,
        };
        Ok(found.iter().flatten().map(told).collect())
    }
}
