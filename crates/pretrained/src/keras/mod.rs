//! The files that Keras writes: legacy HDF5 (weights alone or whole models), Keras 3's weights, and `.keras` archives.

mod archive;
mod config;
mod described;
mod graph;
mod legacy;
mod order;
mod save;
mod settings;
mod variables;

use crate::file::{Contents, Format};
use crate::hdf5::{Hdf5, ReadSeek};
pub(crate) use config::Described;

pub(crate) use archive::open as open_archive;
pub(crate) use save::Keras;

/// An HDF5 file that Keras wrote, in any of its layouts.
pub(crate) fn open_hdf5(reader: Box<dyn ReadSeek>, length: u64) -> Result<Contents, String> {
    let file = Hdf5::open(reader, 0, length)?;
    let root = file.folder("/")?.ok_or("its root is not a group")?;
    if let Some(weights) = file.folder("model_weights")? {
        let layers = legacy::layers(&file, "model_weights/", &weights)?;
        let described = match root.strings("model_config")?.as_slice() {
            [] => None,
            [config] => Some(config::describe(config.as_bytes())?),
            _ => return Err("holds more than one description of its network".into()),
        };
        return Ok(Contents {
            format: Format::KerasLegacy,
            layers,
            described,
            ordered: true,
            numbers: Box::new(file),
        });
    }
    if root.has("layer_names") {
        let layers = legacy::layers(&file, "", &root)?;
        return Ok(Contents {
            format: Format::KerasLegacy,
            layers,
            described: None,
            ordered: true,
            numbers: Box::new(file),
        });
    }
    if file.folder("layers")?.is_some() {
        let layers = variables::layers(&file)?;
        return Ok(Contents {
            format: Format::KerasWeights,
            layers,
            described: None,
            ordered: true,
            numbers: Box::new(file),
        });
    }
    Err("is HDF5, but not as Keras writes it: it has neither `layer_names`, nor `model_weights`, nor `layers`".into())
}
