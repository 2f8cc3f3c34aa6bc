//! `safetensors`: a JSON header with names, shapes and places, then the numbers.
//!
//! The library checks a header only together with the whole file in memory, so the few rules stand here as well: names
//! differ, and the tensors lie one behind the other and fill the file.

use crate::file::{Contents, Format};
use crate::hdf5::ReadSeek;
use crate::names;
use crate::number::NumberType;
use crate::regions::{Region, Regions};
use crate::stored::{self, StoredTensor};
use ::safetensors::Dtype;
use ::safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{Read, SeekFrom};

/// The largest header: 64 MiB, as in our own model files; that of a network with thousands of tensors is far smaller.
const LARGEST_HEADER: u64 = 64 << 20;

/// The most tensors; no network has so many.
const MOST_TENSORS: usize = 1 << 16;

/// The most axes of a tensor.
const MOST_AXES: usize = 32;

/// Whether a file that begins with these bytes is meant to be one.
pub(crate) fn begins(first: &[u8], length: u64) -> bool {
    let Some((header, [b'{', ..])) = first.split_first_chunk::<8>() else { return false };
    let header = u64::from_le_bytes(*header);
    // A length that only a cut or damaged file can have still tells the format better than nothing.
    header <= LARGEST_HEADER.max(length)
}

/// Opens a file of any origin.
pub(crate) fn open(mut reader: Box<dyn ReadSeek>, length: u64) -> Result<Contents, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut size = [0; 8];
    reader.seek(SeekFrom::Start(0)).map_err(cannot)?;
    reader.read_exact(&mut size).map_err(cannot)?;
    let size = u64::from_le_bytes(size);
    if size > LARGEST_HEADER || size > length.saturating_sub(8) {
        return Err(format!(
            "is not a whole safetensors file: its header would take {size} bytes of {length}; it may be cut off"
        ));
    }
    let mut header = Vec::new();
    (&mut reader).take(size).read_to_end(&mut header).map_err(cannot)?;
    let Header(mut entries) = serde_json::from_slice(&header)
        .map_err(|error| format!("is not a safetensors file: its header: {error}"))?;
    entries.sort_by_key(|(_, info)| info.data_offsets);
    let start = 8 + size;
    let (mut end, mut tensors, mut regions) = (0, Vec::new(), HashMap::new());
    for (name, TensorInfo { dtype, shape, data_offsets: (from, to), .. }) in entries {
        let wrong = |message: &str| format!("is damaged: the tensor `{name}` {message}");
        if from != end || to < from {
            return Err(wrong("does not begin where the one before it ends"));
        }
        if shape.len() > MOST_AXES {
            return Err(wrong("has more axes than any weight"));
        }
        let bits = stored::size(&shape).and_then(|size| size.checked_mul(dtype.bitsize()));
        if bits.is_none_or(|bits| !bits.is_multiple_of(8) || bits / 8 != to - from) {
            return Err(wrong("has another size than its shape tells"));
        }
        if to as u64 > length - start {
            return Err(wrong("reaches beyond the end of the file; it may be cut off"));
        }
        end = to;
        let region = Region { start: start + from as u64, strides: None, big_endian: false };
        regions.insert(name.clone(), region);
        tensors.push(StoredTensor { name, shape, numbers: numbers(dtype) });
    }
    let (holds, tells) = (length - start, end as u64);
    if holds != tells {
        return Err(format!(
            "is not a whole safetensors file: it holds {holds} bytes of numbers, but its header tells of {tells}"
        ));
    }
    Ok(Contents {
        format: Format::Safetensors,
        layers: names::layers(tensors),
        described: None,
        // Every writer sorts in a way of its own.
        ordered: false,
        numbers: Box::new(Regions::new(reader, regions)),
    })
}

fn numbers(dtype: Dtype) -> NumberType {
    match dtype {
        Dtype::F16 => NumberType::F16,
        Dtype::BF16 => NumberType::BF16,
        Dtype::F32 => NumberType::F32,
        Dtype::F64 => NumberType::F64,
        Dtype::I8 => NumberType::I8,
        Dtype::I16 => NumberType::I16,
        Dtype::I32 => NumberType::I32,
        Dtype::I64 => NumberType::I64,
        Dtype::U8 => NumberType::U8,
        Dtype::U16 => NumberType::U16,
        Dtype::U32 => NumberType::U32,
        Dtype::U64 => NumberType::U64,
        Dtype::BOOL => NumberType::Bool,
        _ => NumberType::Other,
    }
}

/// The entries of a header, with every name seen: a map would keep the last of two with one name.
struct Header(Vec<(String, TensorInfo)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut entries, mut seen) = (Vec::new(), HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format_args!("`{name}` stands in it twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if entries.len() == MOST_TENSORS {
                        return Err(A::Error::custom(format_args!("more than {MOST_TENSORS} tensors")));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
