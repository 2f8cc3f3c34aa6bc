//! The pretrained bases of sections 5.3 and 5.4: which there are, and the one that a run has at hand.

use crate::fetching::Fetching;
use crate::options::{self, Options};
use anyhow::{Context, Result};
use convnet_datasets::{Client, DataChoice, Found, MINI_VGG, Manifest, Places, Source, find, obtain};
use convnet_layers::{Architecture, Dense, Dropout, Flatten, GlobalAveragePooling2D, InputSpec, Model};
use convnet_pretrained::zoo::{self, Entry, Top};
use convnet_pretrained::{Loaded, Loading};
use convnet_report::Progress;
use convnet_tensor::{Pixels, Seed};
use sha2::{Digest, Sha256};
use std::io::Stderr;
use std::path::Path;

/// A base as the chapter's experiments use it.
#[derive(Debug)]
pub(crate) struct Row {
    choice: options::Base,
    /// Its name inside networks: `vgg16/block5_conv1`.
    pub(crate) name: &'static str,
    /// Its name for readers.
    pub(crate) title: &'static str,
    /// The side of its pictures.
    pub(crate) side: usize,
    entry: fn() -> convnet_pretrained::Result<Entry>,
    /// Its weights, where the program brings them.
    bundled: Option<&'static [u8]>,
    /// The layer behind which it is cut, where weights are not to be had for all of it.
    cut: Option<&'static str>,
    /// The layer that its last block begins with.
    pub(crate) last_block: &'static str,
    /// The layer from which the R edition goes on training.
    pub(crate) third_block: &'static str,
    /// The range of pixels in 5.3.1a, 5.3.1b and 5.3.2: the book's for its own base, else that of the weights.
    pub(crate) pixels: Pixels,
    head: Head,
    /// The learning rate of a new head.
    pub(crate) rate: f64,
    /// That of fine-tuning.
    pub(crate) tuning_rate: f64,
    /// Floating-point operations of a forward pass for each picture, two per multiply-add.
    pub(crate) forward: f64,
}

/// What a head begins with.
#[derive(Clone, Copy, Debug)]
enum Head {
    /// All numbers of the base's maps, as in the book.
    Flatten,
    /// The mean of each map.
    Average,
}

/// A line per base, the best first: what `--base auto` takes is the first that can be had.
const ROWS: &[Row] = &[
    Row {
        choice: options::Base::Vgg16,
        name: "vgg16",
        title: "VGG16 trained on ImageNet",
        side: 150,
        entry: || Ok(zoo::vgg16(150, Top::Without)),
        bundled: None,
        cut: None,
        last_block: "block5_conv1",
        third_block: "block3_conv1",
        pixels: Pixels::ZeroToOne,
        head: Head::Flatten,
        rate: 2e-5,
        tuning_rate: 1e-5,
        forward: 13.23e9,
    },
    Row {
        choice: options::Base::Mobilenet,
        name: "mobilenet",
        title: "MobileNet trained on ImageNet, up to conv_pw_12",
        side: 224,
        entry: || zoo::mobilenet(1.0, 224, Top::Without),
        bundled: None,
        cut: Some("conv_pw_12_relu"),
        last_block: "conv_pad_12",
        third_block: "conv_pad_6",
        pixels: Pixels::MinusOneToOne,
        head: Head::Average,
        rate: 1e-4,
        tuning_rate: 1e-5,
        forward: 1.03e9,
    },
    Row {
        choice: options::Base::EfficientnetLite0,
        name: "efficientnet_lite0",
        title: "EfficientNet-Lite0 trained on ImageNet",
        side: 224,
        entry: || Ok(zoo::efficientnet_lite0(224, Top::Without)),
        bundled: None,
        cut: None,
        last_block: "block7a_expand_conv",
        third_block: "block4a_expand_conv",
        pixels: Pixels::MinusOneToOne,
        head: Head::Average,
        rate: 1e-4,
        tuning_rate: 1e-5,
        forward: 0.77e9,
    },
    Row {
        choice: options::Base::MiniVgg,
        name: "mini_vgg",
        title: "mini-VGG trained on painted scenes",
        side: 96,
        entry: || Ok(zoo::mini_vgg(96, Top::Without)),
        bundled: Some(MINI_VGG),
        cut: None,
        last_block: "block5_conv1",
        third_block: "block3_conv1",
        pixels: Pixels::MinusOneToOne,
        head: Head::Flatten,
        rate: 1e-4,
        tuning_rate: 1e-4,
        forward: 0.22e9,
    },
];

/// The base that a run has at hand.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) row: &'static Row,
    /// The network with its weights, for pixels as these were trained on.
    pub(crate) model: Model,
    /// What a reader should know of it.
    pub(crate) source: String,
    /// A few digits of the checksum of its weights.
    pub(crate) checksum: String,
}

impl Row {
    /// The whole network for cats and dogs: the base, and the chapter's head for two classes.
    pub(crate) fn network(&self, base: &Model, dropout: bool) -> Architecture {
        let mut network = Architecture::new().nested(self.name, base.architecture().clone());
        network = match self.head {
            Head::Flatten => network,
            Head::Average => network.named(AVERAGE, GlobalAveragePooling2D::new().keepdims()),
        };
        network = network.add(Flatten::new()).add(Dense::new(256).relu());
        if dropout {
            network = network.add(Dropout::new(0.5));
        }
        network.add(Dense::new(1).sigmoid())
    }

    /// Whether the book prints figures of it.
    pub(crate) fn is_the_books(&self) -> bool {
        self.choice == options::Base::Vgg16
    }

    /// The last layer that needs no training: its output is what a head learns from.
    pub(crate) fn features(&self) -> &'static str {
        match self.head {
            Head::Flatten => self.name,
            Head::Average => AVERAGE,
        }
    }

    /// Convolutions of four blocks, from the first to the last, whose filters are worth seeing.
    ///
    /// # Errors
    /// None for the rows that there are.
    pub(crate) fn shown_layers(&self) -> Result<[&'static str; 4]> {
        Ok((self.entry)()?.shown_layers)
    }

    /// This base with its weights, and where they come from.
    fn base(&'static self, model: Model, origin: String) -> Base {
        let source = format!("{} ({origin})", self.title);
        Base { row: self, checksum: checksum(&model), model, source }
    }

    /// The base with the weights that the program brings.
    fn load_bundled(&self, weights: &'static [u8]) -> Result<Model> {
        let (model, loaded) = (self.entry)()?.load_bytes(weights, Loading::by_name())?;
        self.as_base(model, &loaded, self.title)
    }

    /// The base with weights from a file.
    fn load(&self, file: &Path) -> Result<Model> {
        let (model, loaded) = (self.entry)()?.load(file, Loading::by_name())?;
        self.as_base(model, &loaded, &file.display().to_string())
    }

    /// The network up to where it is cut, all of whose weights must be there.
    fn as_base(&self, model: Model, loaded: &Loaded, source: &str) -> Result<Model> {
        let input = InputSpec::new(model.input().shape).pixels(model.input().pixels);
        let architecture = match self.cut {
            Some(layer) => model.architecture().up_to(layer)?,
            None => model.architecture().clone(),
        };
        let model = model.rebuilt(architecture, input)?;
        let lacks = loaded.missing.iter().find(|path| model.parameter(path).is_ok());
        anyhow::ensure!(lacks.is_none(), "{source} lacks {}", lacks.map_or("", |path| path));
        Ok(model)
    }
}

/// Where weights come from that are part of the program.
const BUNDLED: &str = "comes with the program";

const AVERAGE: &str = "global_average_pooling2d";

impl Base {
    /// Finds or downloads the weights of the base that was asked for, and says in a line which it was; else why there is none.
    ///
    /// # Errors
    /// For a file that is there and damaged or not what it should be.
    pub(crate) fn obtain(options: &Options, progress: &mut Progress<Stderr>) -> Result<Result<Base, String>> {
        let mut why = Vec::new();
        for row in wanted(options.base) {
            if let Some(weights) = row.bundled {
                let base = row.base(row.load_bundled(weights)?, BUNDLED.into());
                progress.say(&format!("base: {}", base.source));
                return Ok(Ok(base));
            }
            let manifest = Manifest::named((row.entry)()?.manifest.unwrap_or(row.name))?;
            let source = match &options.data {
                DataChoice::Embedded => {
                    Source::Embedded { why: "only what the program brings was asked for".into() }
                }
                data => obtain(
                    &manifest,
                    data,
                    &Places::from_environment(),
                    &Client::default(),
                    &mut Fetching::new(progress),
                )?,
            };
            match source {
                Source::Files(located) => {
                    located.notes.iter().for_each(|note| progress.say(note));
                    let file = located.files.first().context("a manifest names a file")?;
                    let model =
                        row.load(file).with_context(|| format!("the weights in {}", file.display()))?;
                    let base = row.base(model, format!("{}; {}", located.origin, located.verified));
                    progress.say(&format!("base: {}", base.source));
                    return Ok(Ok(base));
                }
                Source::Embedded { why: lacking } => why.push(format!("{}: {lacking}", row.title)),
            }
        }
        Ok(Err(format!("no pretrained weights are at hand ({})", why.join("; "))))
    }

    /// What [`Base::obtain`] would take, without touching the network.
    ///
    /// # Errors
    /// As [`Base::obtain`].
    pub(crate) fn planned(options: &Options) -> Result<(String, Option<&'static Row>)> {
        let mut why = Vec::new();
        for row in wanted(options.base) {
            if row.bundled.is_some() {
                return Ok((format!("{} ({BUNDLED})", row.title), Some(row)));
            }
            let manifest = Manifest::named((row.entry)()?.manifest.unwrap_or(row.name))?;
            match find(&manifest, &options.data, &Places::from_environment())? {
                Found::Files(located) => {
                    let words = format!("{} ({}; {})", row.title, located.origin, located.verified);
                    return Ok((words, Some(row)));
                }
                Found::Downloadable { root, bytes, .. } => {
                    let size = bytes as f64 / 1e6;
                    let words =
                        format!("{}, to be downloaded into {} ({size:.1} MB)", row.title, root.display());
                    return Ok((words, Some(row)));
                }
                Found::Absent { why: lacking } => why.push(lacking),
            }
        }
        Ok((format!("none, so that its experiments are skipped ({})", why.join("; ")), None))
    }

    /// The network for cats and dogs on this base, its head drawn from `seed`, the base frozen.
    ///
    /// # Errors
    /// When the base does not fit its head.
    pub(crate) fn model(
        &self,
        classes: &[String],
        pixels: Pixels,
        dropout: bool,
        seed: Seed,
    ) -> Result<Model> {
        let shape = self.model.input().shape;
        let input = InputSpec::new(shape).classes(classes.iter().cloned()).pixels(pixels);
        let network = self.row.network(&self.model, dropout);
        let mut model = Model::with_parameters(network, input, seed, &[(self.row.name, &self.model)])?;
        model.freeze(self.row.name)?;
        Ok(model)
    }
}

/// The bases that may be taken, the best first.
fn wanted(choice: options::Base) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| choice == options::Base::Auto || choice == row.choice)
}

/// Enough digits of the weights' checksum to tell them from others.
fn checksum(model: &Model) -> String {
    let mut hash = Sha256::new();
    for parameter in model.parameters() {
        hash.update(&parameter.path);
        parameter.value.data().chunks(1 << 14).for_each(|block| {
            hash.update(block.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
        });
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row whose layers do not exist would be found after minutes of a run.
    #[test]
    fn every_row_fits_its_network() {
        for row in ROWS {
            let entry = (row.entry)().unwrap();
            assert_eq!(entry.input.shape, [row.side, row.side, 3], "{}", row.name);
            let is_known = Manifest::named(entry.manifest.unwrap_or(row.name)).is_ok();
            assert!(is_known != row.bundled.is_some(), "{}", row.name);
            let architecture = match row.cut {
                Some(layer) => entry.architecture.up_to(layer).unwrap(),
                None => entry.architecture,
            };
            let model = Model::new(architecture, entry.input, Seed(1)).unwrap();
            let base = Base { row, checksum: checksum(&model), model, source: String::new() };
            let classes = ["cats".to_string(), "dogs".to_string()];
            let mut whole = base.model(&classes, row.pixels, true, Seed(1)).unwrap();
            assert_eq!(whole.summary().trainable, whole.behind(row.features()).unwrap().summary().trainable);
            let mut learning = whole.summary().trainable;
            for first in [row.last_block, row.third_block] {
                whole.unfreeze_from(&format!("{}/{first}", row.name)).unwrap();
                assert!(whole.summary().trainable > learning, "{} from {first}", row.name);
                learning = whole.summary().trainable;
            }
            if row.is_the_books() {
                assert_eq!(whole.summary().parameters(), 16_812_353);
            }
        }
    }

    #[test]
    fn what_auto_takes_is_the_first_row() {
        assert_eq!(wanted(options::Base::Auto).next().map(|row| row.name), Some("vgg16"));
        assert_eq!(wanted(options::Base::Mobilenet).count(), 1);
    }
}
