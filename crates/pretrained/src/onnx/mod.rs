//! ONNX: a graph of operations, channels first, and its weights in one message.
//!
//! Numbers in other files are never opened. The first three axes of a kernel and the order in which pictures are
//! flattened are turned around on the way into the parameters.

mod attributes;
mod export;
mod import;
mod initial;
mod joins;
mod operations;
mod pooling;
mod scan;
mod shapes;
mod windows;
mod wire;

use crate::file::{Contents, Format};
use crate::hdf5::ReadSeek;
use crate::regions::Regions;
use wire::Wire;

pub(crate) use export::OnnxModel;

/// Whether a file that begins with these bytes may be one: its first field is the small number of its version.
pub(crate) fn begins(first: &[u8]) -> bool {
    matches!(first, [0x08, 1..=0x20, ..])
}

/// Opens a model.
pub(crate) fn open(reader: Box<dyn ReadSeek>, length: u64) -> Result<Contents, String> {
    let mut wire = Wire::new(reader);
    let graph = scan::read(&mut wire, length)?;
    let imported = import::import(&graph);
    Ok(Contents {
        format: Format::Onnx,
        layers: imported.layers,
        described: Some(imported.described),
        ordered: true,
        numbers: Box::new(Regions::new(wire.into_inner(), imported.regions)),
    })
}
