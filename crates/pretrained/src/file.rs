//! A file of weights, in whatever format.

use crate::archive::{LARGEST_RATIO, SMALL};
use crate::error::{Error, Result};
use crate::hdf5::ReadSeek;
use crate::keras::{self, Described};
use crate::loading::{self, Loaded, Loading};
use crate::stored::{Numbers, StoredLayer, StoredTensor};
use crate::target::{Target, plain};
use crate::{archive, onnx, safetensors, sites, torch};
use convnet_layers::{Architecture, InputSpec, Model};
use convnet_tensor::{MAX_AXES, Seed, Shape, Tensor};
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The formats that are read; which one a file has is told by its contents, not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Keras' legacy HDF5, with or without a description of the network: `.h5`.
    KerasLegacy,
    /// Keras 3's weights alone: `.weights.h5`.
    KerasWeights,
    /// Keras 3's archive of network and weights: `.keras`.
    KerasArchive,
    /// Named tensors behind a JSON header: `.safetensors`, of any origin.
    Safetensors,
    /// NumPy's archive of arrays: `.npz`.
    Npz,
    /// A state dict of PyTorch: `.pth`, `.pt`, in either form.
    Torch,
    /// A graph with its weights: `.onnx`.
    Onnx,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::KerasLegacy => "Keras' legacy HDF5",
            Format::KerasWeights => "Keras 3 weights (HDF5)",
            Format::KerasArchive => "Keras 3 archive",
            Format::Safetensors => "safetensors",
            Format::Npz => "NumPy's archive of arrays",
            Format::Torch => "PyTorch's state dict",
            Format::Onnx => "ONNX",
        })
    }
}

/// What a reader of one format finds.
pub(crate) struct Contents {
    pub(crate) format: Format,
    pub(crate) layers: Vec<StoredLayer>,
    pub(crate) described: Option<Described>,
    /// Whether the order of the layers is that of the network.
    pub(crate) ordered: bool,
    pub(crate) numbers: Box<dyn Numbers>,
}

/// An open file of weights. Opening reads names and shapes; numbers are read when they are asked for, straight into
/// the tensors that will keep them.
pub struct WeightFile {
    path: PathBuf,
    /// In bytes.
    length: u64,
    contents: Contents,
}

impl fmt::Debug for WeightFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = self.tensors().count();
        write!(f, "WeightFile({}, {}, {tensors} tensors)", self.path.display(), self.contents.format)
    }
}

/// The largest tensor that is read without a model that says how large it must be: 4 GiB as f32.
const LARGEST_TENSOR: usize = 1 << 30;

impl WeightFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, is damaged, or has no known format.
    pub fn open(path: impl AsRef<Path>) -> Result<WeightFile> {
        let path = path.as_ref();
        let file = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
        match file {
            Ok((true, file)) => WeightFile::from_reader(path, file),
            Ok((false, _)) => Err(failed(path, "is not a file".into())),
            Err(error) => Err(failed(path, format!("cannot be read: {error}"))),
        }
    }

    /// A file of weights that stands in a reader: in memory, say. `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`WeightFile::open`].
    pub fn from_reader(
        name: impl AsRef<Path>,
        reader: impl Read + Seek + Send + 'static,
    ) -> Result<WeightFile> {
        let path = name.as_ref();
        let (contents, length) = open(Box::new(reader)).map_err(|message| failed(path, message))?;
        Ok(WeightFile { path: path.into(), length, contents })
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.contents.format
    }

    /// All tensors, in the order of the file's layers.
    pub fn tensors(&self) -> impl Iterator<Item = &StoredTensor> {
        self.contents.layers.iter().flat_map(|layer| &layer.tensors).map(|(_, tensor)| tensor)
    }

    /// Reads one tensor by its full name, in the layout of the file's own framework.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such tensor; [`Error::File`] when it is no weight, damaged, or larger than
    /// 2³⁰ numbers.
    pub fn read(&mut self, name: &str) -> Result<Tensor> {
        let Some(tensor) = self.tensors().find(|tensor| tensor.name == name).cloned() else {
            return Err(Error::Argument(format!(
                "{}: there is no tensor `{name}` in it",
                self.path.display()
            )));
        };
        let wrong = |message: String| failed(&self.path, message);
        if tensor.numbers.bytes() == 0 {
            return Err(wrong(format!("`{name}` holds {}", tensor.numbers)));
        }
        let fits = tensor.shape.len() <= MAX_AXES && tensor.size().is_some_and(|size| size <= LARGEST_TENSOR);
        if !fits {
            return Err(wrong(format!(
                "`{name}` has the shape {:?}, too large to be a weight",
                tensor.shape
            )));
        }
        let mut value = Tensor::zeros(Shape::new(&tensor.shape));
        let target = Target::new(value.data_mut(), plain(&tensor.shape));
        self.contents.numbers.read(&tensor, target).map_err(wrong)?;
        Ok(value)
    }

    /// Gives the file's layers other names, so that they are found by name in a model that calls them otherwise. The
    /// closure gets each layer's path (`features.0` for a tensor `features.0.weight`) and answers with its path in the
    /// model. Tensors keep their names.
    ///
    /// ```
    /// # use convnet_pretrained::WeightFile;
    /// # fn of(mut file: WeightFile) {
    /// file.rename(|path| path.replace("features.", "base/conv"));
    /// # }
    /// ```
    pub fn rename(&mut self, mut name: impl FnMut(&str) -> String) {
        for layer in &mut self.contents.layers {
            if let Some(path) = &layer.path {
                (layer.path, layer.alias) = (Some(name(path)), None);
            }
        }
    }

    /// The network that the file describes, if it does. See [`WeightFile::model`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] with everything in the description that is not supported.
    pub fn architecture(&self) -> Result<Option<&Architecture>> {
        match &self.contents.described {
            None => Ok(None),
            Some(described) if described.problems.is_empty() => Ok(Some(&described.architecture)),
            Some(described) => {
                Err(Error::Unsupported { path: self.path.clone(), all: described.problems.clone() })
            }
        }
    }

    /// Height, width and channels of the pictures that the described network takes. `None` where the file leaves it
    /// open, as networks without a dense top do.
    pub fn picture(&self) -> [Option<usize>; 3] {
        self.contents.described.as_ref().and_then(|described| described.input).unwrap_or_default()
    }

    /// The whole model that the file describes, with its weights. `input` says what the file does not: the size of
    /// pictures where it is open, the range of pixels, the names of classes.
    ///
    /// Random augmentation, noise and dropout change nothing when predicting; augmentation layers are left out, so
    /// training the model further needs augmentation of one's own.
    ///
    /// # Errors
    /// [`Error::File`] when the file describes no network; [`Error::Unsupported`] with everything that is not supported;
    /// [`Error::Mismatch`] with everything about weights and network that does not fit; [`Error::Layers`] when the
    /// network is not sound.
    pub fn model(&mut self, input: InputSpec) -> Result<Model> {
        Ok(self.model_and_loaded(input)?.0)
    }

    /// [`WeightFile::model`], and what loading did: which parameters hold NaN or infinity ([`Loaded::not_finite`]).
    ///
    /// # Errors
    /// Those of [`WeightFile::model`].
    pub fn model_and_loaded(&mut self, input: InputSpec) -> Result<(Model, Loaded)> {
        let Some(architecture) = self.architecture()?.cloned() else {
            let remedy = "holds weights alone; make a model (the zoo has some) and load them into it";
            return Err(failed(&self.path, remedy.into()));
        };
        let differs = |(known, given): (&Option<usize>, &usize)| known.is_some_and(|known| known != *given);
        if self.picture().iter().zip(&input.shape).any(differs) {
            return Err(Error::Argument(format!(
                "{}: its network takes pictures of {}, not of {:?}",
                self.path.display(),
                self.picture()
                    .map(|extent| extent.map_or("any".into(), |extent| extent.to_string()))
                    .join("×"),
                input.shape
            )));
        }
        // Weights of which the file holds nothing are not worth their memory.
        let (taken, held) = (sites::count(&architecture, input.shape), self.held());
        if taken > held {
            let all = vec![format!("the network takes {taken} numbers, but the file holds {held}")];
            return Err(Error::Mismatch { path: self.path.clone(), all });
        }
        let mut model = Model::new(architecture, input, Seed(0))?;
        // Keras lists a nested network that is partly frozen with what learns first; names tell its layers apart.
        let layers = &self.contents.layers;
        let named = self.contents.format == Format::KerasLegacy
            && loading::plan(layers, false, &model, Loading::in_order()).is_ok();
        let loaded = self.fill(&mut model, Loading::in_order(), self.contents.ordered && !named)?;
        Ok((model, loaded))
    }

    /// How many numbers the layers of the file hold. A tensor that many layers use counts for each, up to a multiple of
    /// the file that no honest one reaches.
    fn held(&self) -> usize {
        let numbers = self.tensors().map(|tensor| tensor.size().unwrap_or(0)).fold(0, usize::saturating_add);
        let most = self.length.saturating_mul(LARGEST_RATIO).max(SMALL);
        numbers.min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Reads the weights into the parameters of a model. Nothing changes unless everything fits that `loading` asks
    /// for; only damaged numbers are found later, and leave the tensors before them read.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with everything that does not fit; [`Error::File`] for damaged numbers.
    pub fn load_into(&mut self, model: &mut Model, loading: Loading) -> Result<Loaded> {
        self.fill(model, loading, self.contents.ordered)
    }

    fn fill(&mut self, model: &mut Model, loading: Loading, ordered: bool) -> Result<Loaded> {
        let (plan, mut loaded) = loading::plan(&self.contents.layers, ordered, model, loading)
            .map_err(|all| Error::Mismatch { path: self.path.clone(), all })?;
        for (place, tensor, walks) in plan {
            let parameter = &mut model.parameters_mut()[place];
            let target = Target::new(parameter.value.data_mut(), walks);
            self.contents.numbers.read(&tensor, target).map_err(|message| failed(&self.path, message))?;
            if !parameter.value.data().iter().all(|number| number.is_finite()) {
                loaded.not_finite.push(parameter.path.clone());
            }
        }
        Ok(loaded)
    }
}

fn failed(path: &Path, message: String) -> Error {
    Error::File { path: path.into(), message }
}

/// Tells the format by the first bytes.
fn open(mut reader: Box<dyn ReadSeek>) -> Result<(Contents, u64), String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let length = reader.seek(SeekFrom::End(0)).map_err(cannot)?;
    reader.seek(SeekFrom::Start(0)).map_err(cannot)?;
    let mut first = Vec::new();
    (&mut reader).take(16).read_to_end(&mut first).map_err(cannot)?;
    reader.seek(SeekFrom::Start(0)).map_err(cannot)?;
    let contents = if first.starts_with(b"\x89HDF\r\n\x1a\n") {
        keras::open_hdf5(reader, length)
    } else if first.starts_with(b"PK\x03\x04") {
        archive::open(reader, length)
    } else if safetensors::begins(&first, length) {
        safetensors::open(reader, length)
    } else if torch::begins(&first) {
        torch::open_row(reader, length)
    } else if onnx::begins(&first) {
        onnx::open(reader, length)
    } else {
        Err(format!(
            "has no known format: it begins with {first:02x?}; .h5, .keras, .safetensors, .npz, .pth and .onnx \
             files are read"
        ))
    };
    Ok((contents?, length))
}
