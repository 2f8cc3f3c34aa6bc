//! Zip archives: whose they are, and what none of them may do.
//!
//! Members are looked at by their exact names, and none is ever unpacked under a name of its own.

use crate::file::Contents;
use crate::hdf5::ReadSeek;
use crate::{keras, npz, torch};
use zip::ZipArchive;

/// The most members: a network has some hundred tensors.
const MOST_MEMBERS: usize = 1 << 16;

/// No archive of weights needs to grow more than so many times when it is unpacked …
pub(crate) const LARGEST_RATIO: u64 = 200;

/// … unless it stays small: tensors of zeros pack a thousandfold.
pub(crate) const SMALL: u64 = 64 << 20;

/// Opens an archive of any kind.
pub(crate) fn open(reader: Box<dyn ReadSeek>, length: u64) -> Result<Contents, String> {
    let mut archive = ZipArchive::new(reader).map_err(|error| format!("not a whole zip archive: {error}"))?;
    if archive.len() > MOST_MEMBERS {
        return Err(format!("holds {} members, more than any model", archive.len()));
    }
    if archive.has_duplicate_names() {
        return Err("holds two members of one name".into());
    }
    let overlapping = archive.has_overlapping_entries().map_err(|error| format!("is damaged: {error}"))?;
    if overlapping {
        return Err("is damaged: two of its members share their bytes".into());
    }
    let mut unpacked = 0u64;
    for index in 0..archive.len() {
        let member = archive.by_index_data(index).map_err(|error| format!("member {index}: {error}"))?;
        unpacked = unpacked.saturating_add(member.size());
    }
    if unpacked > SMALL && unpacked / LARGEST_RATIO > length {
        return Err(format!("would unpack {length} bytes to {unpacked}, which no weights do"));
    }
    let names = archive.file_names().map(|name| name.map(|name| name.into_owned()));
    let names: Vec<String> =
        names.collect::<Result<_, _>>().map_err(|error| format!("its names: {error}"))?;
    let pickle = |name: &&String| *name == torch::PICKLE || name.ends_with(&format!("/{}", torch::PICKLE));
    if names.iter().any(|name| name == "config.json") {
        keras::open_archive(archive)
    } else if let Some(path) = names.iter().find(pickle) {
        torch::open_archive(archive, path)
    } else if !names.is_empty() && names.iter().all(|name| name.ends_with(npz::ENDING)) {
        npz::open(archive)
    } else {
        Err("is a zip archive, but not one of Keras (`config.json`), PyTorch (`data.pkl`) or NumPy (`.npy` alone)"
            .into())
    }
}
