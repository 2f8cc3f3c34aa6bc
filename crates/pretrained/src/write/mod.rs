//! Writing models and named tensors in the formats of other frameworks.

mod tensors;

use crate::error::{Error, Result};
use crate::file::{Format, WeightFile};
use crate::keras::Keras;
use crate::onnx::OnnxModel;
use convnet_layers::Model;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use tensors::{NpzWriter, write_half, write_safetensors};

/// Writes a model so that the format's own framework opens it; the name appears only when all is on the disk.
///
/// | format | what stands in the file |
/// | --- | --- |
/// | [`Format::Safetensors`] | our own model file, which any reader of safetensors can read tensors from |
/// | [`Format::Npz`] | the parameters as f32, under their paths |
/// | [`Format::KerasLegacy`], [`Format::KerasArchive`] | network and weights, for Keras 3 |
/// | [`Format::KerasWeights`] | the weights, for the same network in Keras 3 |
/// | [`Format::Onnx`] | network and weights, channels first, each value under its layer's path |
///
/// What a model takes beside numbers of a shape (range of pixels, classes) only our own file keeps.
///
/// # Errors
/// [`Error::Unwritable`] with everything in the network that the format does not have; [`Error::Argument`] for a format
/// that is not written; [`Error::File`] with the cause when the disk refuses.
///
/// ```no_run
/// # use convnet_pretrained::{Format, save, zoo};
/// # use convnet_tensor::Seed;
/// let model = zoo::vgg16(150, zoo::Top::Without).untrained(Seed(1))?;
/// save(&model, "vgg16.onnx", Format::Onnx)?;
/// # Ok::<(), convnet_pretrained::Error>(())
/// ```
pub fn save(model: &Model, path: impl AsRef<Path>, format: Format) -> Result<()> {
    let path = path.as_ref();
    let unwritable = |all| Error::Unwritable { path: path.into(), format, all };
    match format {
        Format::Safetensors => Ok(model.save(path)?),
        Format::Npz => whole_file(path, |file| {
            let mut archive = NpzWriter::new(file);
            for parameter in model.parameters() {
                archive.add(&parameter.path, &parameter.value)?;
            }
            archive.finish()
        }),
        Format::KerasLegacy => {
            let keras = Keras::new(model).map_err(unwritable)?;
            whole_file(path, |file| keras.write_legacy(file))
        }
        Format::KerasWeights => {
            let keras = Keras::new(model).map_err(unwritable)?;
            whole_file(path, |file| keras.write_weights(file))
        }
        Format::KerasArchive => {
            let keras = Keras::new(model).map_err(unwritable)?;
            whole_file(path, |file| keras.write_archive(file))
        }
        Format::Onnx => {
            let onnx = OnnxModel::new(model).map_err(unwritable)?;
            whole_file(path, |file| onnx.write(file))
        }
        Format::Torch => {
            Err(Error::Argument(format!("{format} is read, not written; safetensors opens in PyTorch")))
        }
    }
}

/// Writes the parameters alone as safetensors of f16: half the bytes, for weights that come with a program. Each number is
/// rounded to the nearest of 11 significant bits, those beyond 65,504 to infinity. The network stands elsewhere: a zoo's
/// [`Entry`](crate::zoo::Entry) loads them.
///
/// # Errors
/// [`Error::File`] with the cause when the disk refuses.
pub fn save_half(model: &Model, path: impl AsRef<Path>) -> Result<()> {
    whole_file(path.as_ref(), |file| write_half(file, model.parameters()))
}

impl WeightFile {
    /// Writes all tensors of the file under their names, as f32 and in the layout of the file's own framework, one by
    /// one: of a large file never more than one tensor stands in memory. What is no number is left out; its names are
    /// returned.
    ///
    /// # Errors
    /// [`Error::Argument`] for other formats than [`Format::Safetensors`] and [`Format::Npz`]; [`Error::File`] when this
    /// file is damaged or the disk refuses.
    pub fn save_tensors(&mut self, path: impl AsRef<Path>, format: Format) -> Result<Vec<String>> {
        let path = path.as_ref();
        let (tensors, others): (Vec<_>, Vec<_>) =
            self.tensors().cloned().partition(|tensor| tensor.numbers.bytes() > 0);
        // What goes wrong with the source is its own error, not that of the file that is written.
        let mut failure = None;
        let mut read = |name: &str| {
            self.read(name).map_err(|error| {
                failure = Some(error);
                std::io::Error::other("the source cannot be read")
            })
        };
        let written = match format {
            Format::Npz => whole_file(path, |file| {
                let mut archive = NpzWriter::new(file);
                for tensor in &tensors {
                    archive.add(&tensor.name, &read(&tensor.name)?)?;
                }
                archive.finish()
            }),
            Format::Safetensors => whole_file(path, |file| write_safetensors(file, &tensors, &mut read)),
            other => Err(Error::Argument(format!(
                "named tensors without a network are written as safetensors or npz, not as {other}"
            ))),
        };
        match failure {
            Some(error) => Err(error),
            None => written.map(|()| others.into_iter().map(|tensor| tensor.name).collect()),
        }
    }
}

/// Writes a file piece by piece; its name appears only when all is on the disk.
pub(crate) fn whole_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> std::io::Result<()>,
) -> Result<()> {
    let written = convnet_layers::file::write_file_by(path, |file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    });
    written.map_err(|error| Error::File { path: path.into(), message: format!("cannot be written: {error}") })
}
