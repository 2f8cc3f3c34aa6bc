//! A model from a file of any format, or from the zoo.

use anyhow::{Context, Result, bail};
use clap::Args;
use convnet_datasets::{DataChoice, Found, MINI_VGG, Manifest, Places, find};
use convnet_layers::{InputSpec, LayerClasses, Model};
use convnet_pretrained::zoo::{self, Entry, MINI_VGG_CLASSES, Top};
use convnet_pretrained::{Format, Loading, WeightFile};
use std::path::{Path, PathBuf};

/// Which model.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// A model file, or a name from the zoo: vgg16, mobilenet, efficientnet_lite0, mini_vgg
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,

    /// Weights in place of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,

    /// The side of the pictures, where the model takes any
    #[arg(long, value_name = "PIXELS")]
    pub(crate) size: Option<usize>,
}

/// A model, and how its own framework lays out its numbers.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) model: Model,
    /// Whether channels come before rows.
    pub(crate) channels_first: bool,
    /// What a reader should know of it, in sentences.
    pub(crate) said: Vec<String>,
}

/// The side of the zoo's pictures unless told otherwise.
const SIDE: usize = 224;

/// The base that comes with the program, and the side of its pictures.
pub(crate) const MINI: &str = "mini_vgg";
const SMALL_SIDE: usize = 64;

impl Source {
    /// Opens the model.
    ///
    /// # Errors
    /// When it cannot be found or read, or describes no network.
    pub(crate) fn open(&self) -> Result<Opened> {
        let path = Path::new(&self.model);
        let mut opened = match zoo_entries(&self.model, self.size)? {
            entries if !entries.is_empty() && !path.exists() => self.zoo_model(entries)?,
            _ => self.file_model(path)?,
        };
        if let Some(weights) = &self.weights {
            let mut file = WeightFile::open(weights)?;
            opened.channels_first = is_channels_first(file.format());
            let loaded = file.load_into(&mut opened.model, Loading::in_order())?;
            opened.said.push(format!("{}: {loaded}", weights.display()));
        }
        Ok(opened)
    }

    fn file_model(&self, path: &Path) -> Result<Opened> {
        let mut file = WeightFile::open(path).with_context(|| {
            format!(
                "`{}` is neither a model file nor a name of the zoo (vgg16, mobilenet, efficientnet_lite0, mini_vgg)",
                self.model
            )
        })?;
        if file.format() == Format::Safetensors {
            let model = Model::load(path, &LayerClasses::builtin())?;
            return Ok(Opened { model, channels_first: false, said: Vec::new() });
        }
        let channels_first = is_channels_first(file.format());
        let [height, width, channels] = file.picture();
        let side = |known: Option<usize>| {
            known.or(self.size).with_context(|| {
                format!("{}: its network takes pictures of any size; say which with --size", path.display())
            })
        };
        file.architecture()?.with_context(|| {
            format!("{}: holds weights alone; name a network, and this file with --weights", path.display())
        })?;
        let input = InputSpec::new([side(height)?, side(width)?, channels.unwrap_or(3)]);
        let model = file.model(input)?;
        Ok(Opened { model, channels_first, said: Vec::new() })
    }

    /// The first of these networks whose weights are at hand, or, where others are given, the first.
    fn zoo_model(&self, entries: Vec<Entry>) -> Result<Opened> {
        let mut why = Vec::new();
        for entry in entries {
            if self.weights.is_some() {
                let model = entry.untrained(convnet_tensor::Seed(0))?;
                return Ok(Opened { model, channels_first: false, said: Vec::new() });
            }
            match with_weights(entry)? {
                Ok(Weighted { model, said, .. }) => {
                    return Ok(Opened { model, channels_first: false, said });
                }
                Err(lacking) => why.push(lacking),
            }
        }
        bail!("the weights of {} are not at hand: {}", self.model, why.join("; "))
    }
}

/// A network of the zoo with its weights.
#[derive(Debug)]
pub(crate) struct Weighted {
    pub(crate) model: Model,
    /// What a reader should know of it, in sentences.
    pub(crate) said: Vec<String>,
    /// Where its weights lie; `None` for those that come with the program.
    pub(crate) file: Option<PathBuf>,
}

/// An entry with the weights that are at hand, or why there are none.
///
/// # Errors
/// For a file that is there and not what it should be.
pub(crate) fn with_weights(entry: Entry) -> Result<Result<Weighted, String>> {
    if entry.name == MINI {
        let (model, loaded) = entry.load_bytes(MINI_VGG, Loading::by_name())?;
        let said = vec![format!("{MINI}, which comes with the program: {loaded}")];
        return Ok(Ok(Weighted { model, said, file: None }));
    }
    let file = match file_at_hand(entry.manifest.unwrap_or(entry.name))? {
        Ok(file) => file,
        Err(lacking) => return Ok(Err(lacking)),
    };
    let (model, said) = whole(entry, &file)?;
    Ok(Ok(Weighted { model, said, file: Some(file) }))
}

/// The first file of a manifest, or why it is not at hand; nothing is fetched.
///
/// # Errors
/// For a file that is there and not what it should be.
pub(crate) fn file_at_hand(name: &str) -> Result<Result<PathBuf, String>> {
    Ok(match find(&Manifest::named(name)?, &DataChoice::Auto, &Places::from_environment())? {
        Found::Files(mut located) => {
            anyhow::ensure!(!located.files.is_empty(), "the manifest of {name} names no file");
            Ok(located.files.swap_remove(0))
        }
        Found::Downloadable { notes, .. } => {
            let fetch = format!("`cargo xtask download {name}` fetches it");
            Err(notes.into_iter().chain([fetch]).collect::<Vec<_>>().join("; "))
        }
        Found::Absent { why } => Err(why),
    })
}

/// The networks that a name stands for, the best first; none for a name that the zoo does not know.
fn zoo_entries(name: &str, size: Option<usize>) -> Result<Vec<Entry>> {
    let side = size.unwrap_or(SIDE);
    Ok(match name {
        "vgg16" if side == SIDE => vec![zoo::vgg16(side, Top::Classes(1000)), zoo::vgg16(side, Top::Without)],
        "vgg16" => vec![zoo::vgg16(side, Top::Without)],
        "mobilenet" => vec![zoo::mobilenet(1.0, side, Top::Without)?],
        "efficientnet_lite0" => {
            vec![
                zoo::efficientnet_lite0(side, Top::Classes(1000)),
                zoo::efficientnet_lite0(side, Top::Without),
            ]
        }
        MINI => vec![zoo::mini_vgg(size.unwrap_or(SMALL_SIDE), Top::Classes(MINI_VGG_CLASSES))],
        _ => Vec::new(),
    })
}

/// The network as far as the file has weights for it.
fn whole(entry: Entry, file: &Path) -> Result<(Model, Vec<String>)> {
    let name = entry.name;
    let (model, loaded) = entry.load(file, Loading::by_name())?;
    let mut said = vec![format!("{name} from {}: {loaded}", file.display())];
    let lacks = |path: &str| {
        loaded
            .missing
            .iter()
            .any(|missing| missing.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    let layers: Vec<_> = model.layers().map(|(path, _)| path.to_string()).collect();
    let Some(first) = layers.iter().position(|path| lacks(path)) else { return Ok((model, said)) };
    let last = first.checked_sub(1).map(|place| &layers[place]);
    let last = last.with_context(|| format!("{} has nothing of {name}", file.display()))?;
    said.push(format!("it ends behind {last}, since the file has no weights for {}", layers[first]));
    let model = model.rebuilt(model.architecture().up_to(last)?, model.input().clone())?;
    Ok((model, said))
}

/// Whether files of this format come from a framework with channels before rows.
pub(crate) fn is_channels_first(format: Format) -> bool {
    matches!(format, Format::Torch | Format::Onnx)
}

/// The name of a file, which may be shown to others: they need not know this machine's folders.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
