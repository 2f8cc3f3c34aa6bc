//! Networks that name what is in a picture, for section 5.4.3.

use super::Lab;
use crate::fetching::Fetching;
use crate::options::{self, Profile};
use anyhow::{Context, Result};
use convnet_data::decode::{Decoder, Picture};
use convnet_data::resize::Resizer;
use convnet_datasets::{Client, DataChoice, Found, Manifest, Places, Source, find, obtain};
use convnet_layers::Model;
use convnet_pretrained::Loading;
use convnet_pretrained::zoo::{self, Entry, ImageNetClasses, Top};
use convnet_report::DataSource;
use convnet_tensor::{Filter, Fit, Shape, Tensor};
use std::path::{Path, PathBuf};

/// A network with the names of its classes.
pub(crate) struct Classifier {
    /// Its name in metrics.
    pub(crate) name: &'static str,
    /// Its name for readers.
    pub(crate) title: &'static str,
    /// Its last layer that still has places.
    pub(crate) layer: &'static str,
    pub(crate) model: Model,
    pub(crate) classes: ImageNetClasses,
    /// Where its weights come from.
    pub(crate) source: String,
}

/// The name of the book's picture of elephants in results.json.
pub(crate) const ELEPHANTS: &str = "elephants";

struct Row {
    /// The `--base` that asks for it.
    choice: options::Base,
    name: &'static str,
    title: &'static str,
    manifest: &'static str,
    layer: &'static str,
    entry: fn(Top) -> convnet_pretrained::Result<Entry>,
    loading: fn() -> Loading,
}

/// The best first: the book's, then what names pictures best for its size.
const ROWS: &[Row] = &[
    Row {
        choice: options::Base::Vgg16,
        name: "vgg16",
        title: "VGG16 with its classifier",
        manifest: "vgg16",
        layer: "block5_conv3",
        entry: |top| Ok(zoo::vgg16(224, top)),
        loading: Loading::by_name,
    },
    Row {
        choice: options::Base::EfficientnetLite0,
        name: "efficientnet_lite0",
        title: "EfficientNet-Lite0",
        manifest: "efficientnet_lite0",
        layer: "top_activation",
        entry: |top| Ok(zoo::efficientnet_lite0(224, top)),
        loading: Loading::by_name,
    },
    Row {
        choice: options::Base::Mobilenet,
        name: "mobilenet",
        title: "MobileNet, a quarter as wide",
        manifest: "mobilenet_0_25_128",
        layer: "conv_pw_13_relu",
        entry: |top| zoo::mobilenet(0.25, 128, top),
        loading: Loading::in_order,
    },
];

impl Lab {
    /// The networks that can be had, the best first; where a base was asked for by its name, that of this name. The book's (553 MB)
    /// is only downloaded in profile `book`.
    ///
    /// # Errors
    /// For files that are there and damaged.
    pub(crate) fn classifiers(&mut self) -> Result<Vec<Classifier>> {
        let Some(names) = self.file("imagenet_class_index", true)? else { return Ok(Vec::new()) };
        let names = ImageNetClasses::read(&names.0)?;
        let mut found = Vec::new();
        let wished = self.wished_base;
        for row in ROWS.iter().filter(|row| [options::Base::Auto, row.choice].contains(&wished)) {
            let may_download = row.name != "vgg16" || self.profile == Profile::Book;
            let Some((file, source)) = self.file(row.manifest, may_download)? else { continue };
            let loaded = row.load(&file, &names);
            let (model, classes) = loaded.with_context(|| format!("the weights in {}", file.display()))?;
            let source = format!("{} ({source})", row.title);
            let Row { name, title, layer, .. } = *row;
            found.push(Classifier { name, title, layer, model, classes, source });
        }
        Ok(found)
    }

    /// The book's picture of elephants, no side longer than `side`, and what a reader should know of it; `None` where it is not
    /// at hand.
    ///
    /// # Errors
    /// When it is there and damaged.
    pub(crate) fn elephants(&mut self, side: usize) -> Result<Option<(Tensor<u8>, DataSource)>> {
        let Some((file, source)) = self.file("creative_commons_elephant", false)? else { return Ok(None) };
        let title = "the book's elephants".into();
        let origin = format!("the photograph of section 5.4.3 ({source})");
        let source = DataSource { title, generated: false, origin };
        self.shown.insert(ELEPHANTS.into(), source.clone());
        Ok(Some((read_picture(&file, side)?, source)))
    }

    /// The only file of a manifest and where it comes from, if it can be had.
    ///
    /// # Errors
    /// When it is there and damaged.
    pub(crate) fn file(&mut self, manifest: &str, may_download: bool) -> Result<Option<(PathBuf, String)>> {
        let (manifest, places) = (Manifest::named(manifest)?, Places::from_environment());
        let located = if may_download && self.data != DataChoice::Embedded {
            let mut shown = Fetching::new(&mut self.progress);
            match obtain(&manifest, &self.data, &places, &Client::default(), &mut shown)? {
                Source::Files(located) => Some(located),
                Source::Embedded { .. } => None,
            }
        } else {
            match find(&manifest, &self.data, &places)? {
                Found::Files(located) => Some(located),
                Found::Downloadable { .. } | Found::Absent { .. } => None,
            }
        };
        Ok(located.and_then(|mut located| {
            let source = format!("{}; {}", located.origin, located.verified);
            (!located.files.is_empty()).then(|| (located.files.remove(0), source))
        }))
    }
}

impl Row {
    fn load(&self, file: &Path, names: &ImageNetClasses) -> Result<(Model, ImageNetClasses)> {
        // Some published files have a class more, for what is none of them.
        let has_background = file.to_string_lossy().contains("1001");
        let classes = if has_background { names.clone().with_background() } else { names.clone() };
        let mut entry = (self.entry)(Top::Classes(classes.classes().len()))?.classes(classes.names());
        // All of the picture is looked at, as in the book, so that the heat covers all of it.
        entry.input.fit = Fit::Squash;
        let (model, loaded) = entry.load(file, (self.loading)())?;
        anyhow::ensure!(loaded.missing.is_empty(), "they lack {}", loaded.missing.join(", "));
        Ok((model, classes))
    }
}

/// A picture as a network takes it, `[1, height, width, 3]`.
pub(crate) fn numbers(model: &Model, picture: Picture<'_>) -> Tensor {
    let input = model.input();
    let [height, width, channels] = input.shape;
    let mut bytes = vec![0; height * width * channels];
    Resizer::default().resize(picture, height, width, input.fit, input.filter, &mut bytes);
    let mut numbers = Tensor::zeros(Shape::from(input.shape).with_first(1));
    input.pixels.write(channels, &bytes, numbers.data_mut());
    numbers
}

/// The picture in a file, `[height, width, 3]`, no side longer than `side`.
///
/// # Errors
/// When it cannot be read or is none.
fn read_picture(path: &Path, side: usize) -> Result<Tensor<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut decoder = Decoder::default();
    fitted(decoder.decode(&bytes, 3).with_context(|| path.display().to_string())?, side)
}

/// A picture in colours, brought down to sides of at most `side` where it is larger.
///
/// # Errors
/// None for a picture that is one.
pub(crate) fn fitted(picture: Picture<'_>, side: usize) -> Result<Tensor<u8>> {
    let longest = picture.height.max(picture.width);
    if longest <= side {
        return Ok(Tensor::from_vec([picture.height, picture.width, 3], picture.pixels.to_vec())?);
    }
    let scaled = |length: usize| (length * side / longest).max(1);
    let (height, width) = (scaled(picture.height), scaled(picture.width));
    let mut small = Tensor::zeros([height, width, 3]);
    Resizer::default().resize(picture, height, width, Fit::Squash, Filter::Bilinear, small.data_mut());
    Ok(small)
}
