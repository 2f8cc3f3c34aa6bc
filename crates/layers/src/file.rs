//! Model files: one safetensors file that says everything.
//!
//! Tensors stand under their paths; the header's metadata holds, under `convnet`, the architecture, what the model takes
//! and which parameters are frozen, as JSON with a version. Any safetensors reader can read the weights.

use crate::architecture::{Architecture, InputSpec};
use crate::error::{Error, Result};
use crate::layer::LayerClasses;
use crate::model::{Model, Parameter};
use convnet_tensor::{Shape, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

/// The key of our metadata in the header.
const KEY: &str = "convnet";

/// The version of the format that this program writes and the newest that it reads.
const VERSION: u32 = 1;

/// The largest header that is read; that of a network with thousands of layers is far smaller.
const LARGEST_HEADER: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    input: InputSpec,
    architecture: serde_json::Value,
    frozen: Vec<String>,
}

impl Model {
    /// Everything but the numbers, as it stands in a model file: for files that hold a model among other things.
    pub fn description(&self) -> String {
        let frozen = self.parameters.iter().filter(|parameter| !parameter.trainable);
        let description = Description {
            version: VERSION,
            input: self.input().clone(),
            architecture: self.architecture().to_json(),
            frozen: frozen.map(|parameter| parameter.path.clone()).collect(),
        };
        serde_json::to_string(&description).unwrap_or_default()
    }

    /// A model from its [`Model::description`], with the values that `value` gives for each path and shape.
    ///
    /// # Errors
    /// A message that says what is wrong with the description, or the first error of `value`.
    pub fn from_description(
        description: &str,
        classes: &LayerClasses,
        mut value: impl FnMut(&str, Shape) -> Result<Tensor, String>,
    ) -> Result<Model, String> {
        let newer = "the file was written by a newer version of this program";
        let version = serde_json::from_str::<serde_json::Value>(description)
            .ok()
            .and_then(|json| json.get("version")?.as_u64())
            .ok_or("its description is not JSON with a version")?;
        if version != u64::from(VERSION) {
            return Err(format!(
                "format version {version}, but this program reads version {VERSION}; {newer}"
            ));
        }
        let Description { input, architecture, frozen, .. } =
            serde_json::from_str(description).map_err(|error| format!("its description: {error}"))?;
        let architecture = Architecture::from_json(architecture, classes)?;
        let mut failure = None;
        let model = Model::build(architecture, input, |_, path, spec| {
            let value = value(path, spec.shape).map_err(|message| {
                failure = Some(message);
                Error::Architecture(String::new())
            })?;
            let trainable = !frozen.iter().any(|frozen| frozen == path);
            Ok(Parameter { path: String::new(), value, role: spec.role, trainable })
        });
        model.map_err(|error| failure.unwrap_or_else(|| error.to_string()))
    }

    /// Writes the model into one file; the final name appears only when all is on the disk.
    ///
    /// # Errors
    /// [`Error::File`] with the cause.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes: Vec<_> =
            self.parameters.iter().map(|parameter| to_bytes(parameter.value.data())).collect();
        let mut views = Vec::new();
        for (parameter, bytes) in self.parameters.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, parameter.value.shape().to_vec(), bytes);
            views.push((parameter.path.as_str(), view.map_err(|error| file_error(path, error.to_string()))?));
        }
        let metadata = HashMap::from([(KEY.to_string(), self.description())]);
        let bytes = safetensors::serialize(views, Some(metadata))
            .map_err(|error| file_error(path, error.to_string()))?;
        write_file(path, &bytes).map_err(|error| file_error(path, format!("cannot be written: {error}")))
    }

    /// Reads a model file. `classes` tells which kinds of layers may be in it.
    ///
    /// # Errors
    /// [`Error::File`] that says what is wrong with the file and what was expected.
    pub fn load(path: impl AsRef<Path>, classes: &LayerClasses) -> Result<Model> {
        let path = path.as_ref();
        let wrong = |message: String| file_error(path, message);
        let bytes = read_file(path).map_err(wrong)?;
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| wrong(format!("not a whole safetensors file: {error}")))?;
        let description =
            header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).ok_or_else(|| {
                wrong(
                    "its header holds no model of ours, only tensors; a weights file needs an architecture"
                        .into(),
                )
            })?;
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| wrong(format!("not a whole safetensors file: {error}")))?;
        let mut used = 0;
        let model = Model::from_description(description, classes, |name, shape| {
            used += 1;
            read_tensor(&tensors, name, shape)
        })
        .map_err(wrong)?;
        if used != tensors.len() {
            return Err(wrong(format!("holds {} tensors, but its architecture has {used}", tensors.len())));
        }
        Ok(model)
    }
}

fn file_error(path: &Path, message: String) -> Error {
    Error::File { path: path.to_path_buf(), message }
}

/// Little-endian bytes, as safetensors stores f32.
fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The f32 tensor called `name`, which must have this shape.
///
/// # Errors
/// A message that says what is missing or how it differs.
pub fn read_tensor(tensors: &SafeTensors<'_>, name: &str, shape: Shape) -> Result<Tensor, String> {
    let view = tensors.tensor(name).map_err(|_| format!("the tensor `{name}` is missing"))?;
    if view.dtype() != Dtype::F32 || view.shape() != &*shape {
        return Err(format!(
            "the tensor `{name}` is {:?} of shape {:?}, but f32 of shape {shape} was expected",
            view.dtype(),
            view.shape()
        ));
    }
    let numbers = view.data().chunks_exact(size_of::<f32>());
    let mut tensor = Tensor::recycled(shape);
    for (number, bytes) in tensor.data_mut().iter_mut().zip(numbers) {
        *number = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    Ok(tensor)
}

/// All bytes of a safetensors file, after a look at its size and its header's size.
///
/// # Errors
/// A message that says why it cannot be one.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = std::fs::File::open(path).map_err(cannot)?;
    let about = file.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err("is not a file".into());
    }
    let length = about.len();
    let mut header = [0; 8];
    file.read_exact(&mut header)
        .map_err(|_| format!("has {length} bytes, too few for a safetensors file"))?;
    let header_length = u64::from_le_bytes(header);
    if header_length > LARGEST_HEADER || header_length > length.saturating_sub(8) {
        return Err(format!(
            "is not a whole safetensors file: its header would take {header_length} bytes of {length}; it may be cut off"
        ));
    }
    let mut bytes = header.to_vec();
    file.take(length - 8).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// Writes beside `path`, syncs, renames, and syncs the folder: the name never stands for half a file.
///
/// # Errors
/// Those of the file system.
pub fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_file_by(path, |file| file.write_all(bytes))
}

/// As [`write_file`], with a file that `write` fills piece by piece.
///
/// # Errors
/// Those of the file system and of `write`.
pub fn write_file_by(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // Readable as any new file is, not for the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(plain)?;
    // These errors know no temporary name, and `write` may have words of its own.
    let full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
    write(file.as_file_mut()).map_err(|error| if full(&error) { plain(error) } else { error })?;
    file.as_file().sync_all().map_err(plain)?;
    file.persist(path).map_err(|error| plain(error.error))?;
    // Some systems cannot sync a folder; the rename itself has happened.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// An error without the temporary name, which would only puzzle: the caller names the file.
fn plain(error: std::io::Error) -> std::io::Error {
    use std::io::{Error, ErrorKind};
    match (error.kind(), error.raw_os_error()) {
        (kind @ (ErrorKind::StorageFull | ErrorKind::QuotaExceeded), _) => {
            Error::new(kind, "the disk is full; free some space")
        }
        (_, Some(_)) => error,
        // The temporary file's errors hold the system's own in words only.
        (kind, None) => kind.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn an_error_of_writing_tells_the_cause_and_no_temporary_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_file(&folder.path().join("none/model.safetensors"), b"x").unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("none")),
            (ErrorKind::NotFound, false),
            "{error}"
        );
        // As the temporary file words it.
        let full =
            Error::new(ErrorKind::StorageFull, "No space left on device (os error 28) at path \"/a/.tmpX\"");
        let error = plain(full);
        assert_eq!(error.to_string(), "the disk is full; free some space");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for text in ["old", "new"] {
            write_file(&path, text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
