//! The files of `torch.save`: a pickle of names and shapes, and the numbers beside it.
//!
//! Since PyTorch 1.6 that is a zip archive with a member for each storage; before, and still on request, everything
//! stands in one row. Several tensors may be views of one storage.

mod input;
mod pickle;
mod state;
mod value;

use crate::file::{Contents, Format};
use crate::hdf5::ReadSeek;
use crate::names;
use crate::regions::{Region, Regions};
use crate::stored::{Layout, StoredTensor};
use pickle::Pickle;
use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};
use value::Value;
use zip::{CompressionMethod, ZipArchive};

/// What the pickle of an archive is called, below the archive's own name.
pub(crate) const PICKLE: &str = "data.pkl";

/// The magic number with which the older form begins, as a pickle of protocol 2 and up has it.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// The version of the older form.
const VERSION: i128 = 1001;

/// Whether a file that begins with these bytes may be of the older form.
pub(crate) fn begins(first: &[u8]) -> bool {
    matches!(first, [0x80, 2..=5, ..])
}

/// Opens an archive; `path` is its pickle's.
pub(crate) fn open_archive(
    mut archive: ZipArchive<Box<dyn ReadSeek>>,
    path: &str,
) -> Result<Contents, String> {
    let folder = path.strip_suffix(PICKLE).unwrap_or_default();
    let pickle = {
        let member = archive.by_name(path).map_err(|error| format!("`{path}`: {error}"))?;
        pickle::read(&mut BufReader::new(member))?
    };
    let big_endian = match archive.by_name(&format!("{folder}byteorder")) {
        Ok(member) => {
            let mut order = String::new();
            member.take(16).read_to_string(&mut order).map_err(|error| format!("`byteorder`: {error}"))?;
            order.trim() == "big"
        }
        Err(_) => false,
    };
    let prefix = format!("{folder}data/");
    let mut storages = HashMap::new();
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(|error| format!("member {index}: {error}"))?;
        let name = member.name().map_err(|error| format!("member {index}: {error}"))?;
        let Some(key) = name.strip_prefix(&*prefix) else { continue };
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            return Err(format!("`{name}` is packed; PyTorch stores numbers as they are"));
        }
        let start = member.data_start().ok_or_else(|| format!("`{name}` has no place in the archive"))?;
        storages.insert(key.to_string(), (start, member.size()));
    }
    let found = state::regions(state::tensors(&pickle)?, &storages, big_endian)?;
    Ok(contents(archive.into_inner(), found))
}

/// Opens a file of the older form.
pub(crate) fn open_row(reader: Box<dyn ReadSeek>, length: u64) -> Result<Contents, String> {
    let mut reader = BufReader::new(reader);
    let mut next = || pickle::read(&mut reader);
    let whole = |pickle: &Pickle| if let Value::Int(number) = pickle.top() { Some(*number) } else { None };
    if whole(&next()?) != Some(MAGIC) {
        return Err("is a pickle, but not one of `torch.save`".into());
    }
    match whole(&next()?) {
        Some(VERSION) => {}
        other => return Err(format!("is of version {other:?} of PyTorch's older form; {VERSION} is read")),
    }
    // The machine's habits: all that could differ today is the order of bytes, and nobody has that other order.
    next()?;
    let pickle = next()?;
    let keys = next()?;
    let Value::List(order) = keys.top() else {
        return Err("does not tell the order of its storages".into());
    };
    let known: HashMap<&str, _> = pickle
        .values
        .iter()
        .filter_map(
            |value| if let Value::Storage(storage) = value { Some((&*storage.key, storage)) } else { None },
        )
        .collect();
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut at = reader.stream_position().map_err(cannot)?;
    let mut storages = HashMap::new();
    for &key in order {
        let key = keys.text(key).ok_or("names a storage by what is no text")?;
        let storage = known.get(key).ok_or_else(|| format!("has a storage `{key}` that nothing uses"))?;
        let mut count = [0; 8];
        reader.seek(SeekFrom::Start(at)).and_then(|_| reader.read_exact(&mut count)).map_err(cannot)?;
        let bytes = (storage.count as u64).checked_mul(storage.numbers.bytes() as u64);
        let end = bytes.and_then(|bytes| (at + 8).checked_add(bytes)).filter(|end| *end <= length);
        let Some(end) = end.filter(|_| u64::from_le_bytes(count) == storage.count as u64) else {
            return Err(format!("the storage `{key}` is not whole; the file may be cut off"));
        };
        if storages.insert(key.to_string(), (at + 8, end - at - 8)).is_some() {
            return Err(format!("has two storages `{key}`"));
        }
        at = end;
    }
    let found = state::regions(state::tensors(&pickle)?, &storages, false)?;
    Ok(contents(reader.into_inner(), found))
}

fn contents(
    reader: Box<dyn ReadSeek>,
    (tensors, regions): (Vec<StoredTensor>, HashMap<String, Region>),
) -> Contents {
    let mut layers = names::layers(tensors);
    layers.iter_mut().for_each(|layer| layer.layout = Layout::TORCH);
    Contents {
        format: Format::Torch,
        layers,
        described: None,
        ordered: true,
        numbers: Box::new(Regions::new(reader, regions)),
    }
}
