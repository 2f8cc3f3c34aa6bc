//! `npz`: a zip archive with one `.npy` for each array, as `numpy.savez` and `savez_compressed` write them.

use crate::file::{Contents, Format};
use crate::hdf5::ReadSeek;
use crate::names;
use crate::npy::Header;
use crate::number::NumberType;
use crate::stored::{Numbers, StoredTensor};
use crate::target::Target;
use std::collections::HashMap;
use std::io::Read;
use zip::ZipArchive;

/// What stands behind the name of every array.
pub(crate) const ENDING: &str = ".npy";

/// An open archive and where each array stands in it.
struct Npz {
    archive: ZipArchive<Box<dyn ReadSeek>>,
    members: HashMap<String, (usize, Header)>,
}

/// Opens an archive of arrays.
pub(crate) fn open(mut archive: ZipArchive<Box<dyn ReadSeek>>) -> Result<Contents, String> {
    let (mut tensors, mut members) = (Vec::new(), HashMap::new());
    for index in 0..archive.len() {
        let mut member =
            archive.by_index(index).map_err(|error| format!("member {index} of the archive: {error}"))?;
        let name = member.name().map_err(|error| format!("member {index}: {error}"))?.into_owned();
        let wrong = |message: String| format!("`{name}`: {message}");
        let header = Header::read(&mut member).map_err(wrong)?;
        let whole = header.numbers == NumberType::Other || header.whole() == Some(member.size());
        if !whole {
            return Err(wrong(format!(
                "has {} bytes, which is not what the shape {:?} of {} takes",
                member.size(),
                header.shape,
                header.numbers
            )));
        }
        let name = name.strip_suffix(ENDING).unwrap_or(&name).to_string();
        tensors.push(StoredTensor {
            name: name.clone(),
            shape: header.shape.clone(),
            numbers: header.numbers,
        });
        if members.insert(name.clone(), (index, header)).is_some() {
            return Err(format!("holds two arrays called `{name}`"));
        }
    }
    Ok(Contents {
        format: Format::Npz,
        layers: names::layers(tensors),
        described: None,
        ordered: true,
        numbers: Box::new(Npz { archive, members }),
    })
}

impl Numbers for Npz {
    fn read(&mut self, tensor: &StoredTensor, to: Target<'_>) -> Result<(), String> {
        let wrong = |message: String| format!("`{}`: {message}", tensor.name);
        let (index, header) = self.members.get(&tensor.name).ok_or_else(|| wrong("is not there".into()))?;
        if tensor.size() != Some(to.len()) || tensor.numbers == NumberType::Other {
            return Err(wrong("its numbers are of a kind or count that does not fit".into()));
        }
        let mut member = self.archive.by_index(*index).map_err(|error| wrong(error.to_string()))?;
        if Header::read(&mut member).map_err(wrong)? != *header {
            return Err(wrong("changed while it was read".into()));
        }
        header.copy(&mut member, to).map_err(wrong)?;
        // The end of a member is where its checksum is looked at.
        let more = member.read(&mut [0]).map_err(|error| wrong(error.to_string()))?;
        if more > 0 { Err(wrong("is longer than its shape tells".into())) } else { Ok(()) }
    }
}
