//! `.keras`: a zip archive with `config.json` and `model.weights.h5`.
//!
//! Only these two members are looked at, by their exact names, and none is ever unpacked under a name of its own.

use super::{config, variables};
use crate::file::{Contents, Format};
use crate::hdf5::{Hdf5, ReadSeek};
use std::io::{Read, Seek, SeekFrom};
use zip::{CompressionMethod, ZipArchive};

/// The largest description of a network; that of a network with thousands of layers is far smaller.
const LARGEST_CONFIG: u64 = 64 << 20;

/// The largest file of weights that is unpacked; Keras stores it without compression, so this is no limit in practice.
const LARGEST_UNPACKED: u64 = 4 << 30;

const WEIGHTS: &str = "model.weights.h5";

/// Opens an archive that Keras 3 wrote.
pub(crate) fn open(mut archive: ZipArchive<Box<dyn ReadSeek>>) -> Result<Contents, String> {
    let mut config = Vec::new();
    let member = archive.by_name("config.json").map_err(|error| format!("`config.json`: {error}"))?;
    member
        .take(LARGEST_CONFIG + 1)
        .read_to_end(&mut config)
        .map_err(|error| format!("`config.json`: {error}"))?;
    if config.len() as u64 > LARGEST_CONFIG {
        return Err(format!("`config.json` is larger than {LARGEST_CONFIG} bytes"));
    }
    let described = Some(config::describe(&config)?);
    let file = weights(archive).map_err(|message| format!("`{WEIGHTS}`: {message}"))?;
    let layers = variables::layers(&file)?;
    Ok(Contents { format: Format::KerasArchive, layers, described, ordered: true, numbers: Box::new(file) })
}

/// The member with the weights: in its place where it is stored as it is, else unpacked into a temporary file.
fn weights(mut archive: ZipArchive<Box<dyn ReadSeek>>) -> Result<Hdf5, String> {
    let mut member = archive.by_name(WEIGHTS).map_err(|error| error.to_string())?;
    let length = member.size();
    if length > LARGEST_UNPACKED && member.compression() != CompressionMethod::Stored {
        return Err(format!("would take {length} bytes unpacked; at most {LARGEST_UNPACKED} are"));
    }
    if member.compression() == CompressionMethod::Stored {
        // HDF5 has no checksums for numbers, so the archive's is looked at before anything is believed.
        let found = std::io::copy(&mut member, &mut std::io::sink()).map_err(|error| error.to_string())?;
        let start = member.data_start().ok_or("has no place in the archive")?;
        drop(member);
        if found != length {
            return Err(format!("has {found} bytes instead of {length}"));
        }
        return Hdf5::open(archive.into_inner(), start, length);
    }
    let mut unpacked = tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"))?;
    let found =
        std::io::copy(&mut member.take(length + 1), &mut unpacked).map_err(|error| error.to_string())?;
    if found != length {
        return Err(format!("unpacks to another length than the {length} bytes that it promises"));
    }
    unpacked.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Hdf5::open(Box::new(unpacked), 0, length)
}
