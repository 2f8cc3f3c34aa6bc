//! Networks that many people know, with the layer names under which their weights are published.
//!
//! An entry is an architecture, what it takes, and the name of the manifest of its weights in `convnet-datasets`, which
//! finds or fetches the file; nothing is fetched here.

mod efficientnet_lite0;
mod imagenet;
mod mini_vgg;
mod mobilenet;
mod vgg16;

use crate::{Loaded, Loading, Result, WeightFile};
use convnet_layers::{Architecture, InputSpec, Model};
use convnet_tensor::Seed;
use std::io::Cursor;
use std::path::Path;

pub use efficientnet_lite0::efficientnet_lite0;
pub use imagenet::{ImageNetClass, ImageNetClasses, Prediction, decode_predictions};
pub use mini_vgg::{MINI_VGG_CLASSES, mini_vgg, mini_vgg_classes};
pub use mobilenet::mobilenet;
pub use vgg16::vgg16;

/// What stands on a network's convolutional base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// Nothing: the output are feature maps, for a head of one's own.
    Without,
    /// The published classifier for so many classes: 1,000 for ImageNet.
    Classes(usize),
}

/// A known network without its weights.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// The network, under Keras' layer names. First values are He's, made for ReLU (Keras draws Glorot's).
    pub architecture: Architecture,
    /// Shape, fit and range of the pictures that its published weights were trained on.
    pub input: InputSpec,
    /// The manifest of its weights in `convnet-datasets`, where there is one.
    pub manifest: Option<&'static str>,
    /// The first layer with weights of its last block: where fine-tuning begins (chapter 5.3.2, for
    /// [`Model::unfreeze_from`]).
    pub fine_tune_from: &'static str,
    /// Convolutions of four of its blocks, from the first to the last, whose filters are worth seeing (chapter 5.4.2): the
    /// chapter's own of VGG16, the last of each block of other networks.
    pub shown_layers: [&'static str; 4],
    /// What the layers of its published file are called here, where they are called otherwise there.
    published: Option<fn(&str) -> String>,
}

impl Entry {
    /// With the names of its classes, in the order of its outputs.
    pub fn classes<S: Into<String>>(mut self, classes: impl IntoIterator<Item = S>) -> Entry {
        self.input = self.input.classes(classes);
        self
    }

    /// The network with random first values.
    ///
    /// # Errors
    /// [`crate::Error::Layers`] when the pictures are too small for it, or there are not as many class names as
    /// outputs.
    pub fn untrained(self, seed: Seed) -> Result<Model> {
        Ok(Model::new(self.architecture, self.input, seed)?)
    }

    /// The network with the weights of a file, and what loading did. Layers are found under the names of the published
    /// file too.
    ///
    /// # Errors
    /// Those of [`Entry::untrained`], [`WeightFile::open`] and [`WeightFile::load_into`].
    pub fn load(self, weights: impl AsRef<Path>, loading: Loading) -> Result<(Model, Loaded)> {
        self.load_from(WeightFile::open(weights)?, loading)
    }

    /// As [`Entry::load`], from a file that stands in memory, such as one that comes with a program.
    ///
    /// # Errors
    /// As [`Entry::load`].
    pub fn load_bytes(self, weights: &'static [u8], loading: Loading) -> Result<(Model, Loaded)> {
        let file = WeightFile::from_reader(self.name, Cursor::new(weights))?;
        self.load_from(file, loading)
    }

    fn load_from(self, mut file: WeightFile, loading: Loading) -> Result<(Model, Loaded)> {
        if let Some(published) = self.published {
            file.rename(published);
        }
        let mut model = self.untrained(Seed(0))?;
        let loaded = file.load_into(&mut model, loading)?;
        Ok((model, loaded))
    }
}
