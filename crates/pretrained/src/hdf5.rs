//! The one place that knows the HDF5 library.
//!
//! Everything is looked up by name, so no link is ever walked that a name does not ask for, and groups that contain
//! themselves do no harm. External links and data in other files are not followed. The library's panics become errors.

use crate::archive::{LARGEST_RATIO, SMALL};
use crate::number::NumberType;
use crate::regions::WINDOW;
use crate::stored::{Numbers, StoredTensor};
use crate::target::Target;
use convnet_tensor::Tensor;
use hdf5_pure::{
    AttrValue, Datatype, DatatypeByteOrder, File, FileAccessProperties, FileBuilder, FloatingPointLayout,
    FormatError, Group, GroupBuilder, Layout, MetadataCacheConfig, Source,
};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// What a file of weights is read from.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<R: Read + Seek + Send> ReadSeek for R {}

/// The largest chunk of a data set that is unpacked; h5py makes chunks of at most 1 MiB.
const LARGEST_CHUNK: u64 = 256 << 20;

/// The most entries that are taken from one group or one list of names: no network has so many.
const MOST_NAMES: usize = 1 << 16;

/// Part of a reader, as a file of its own.
struct Section {
    reader: Mutex<Box<dyn ReadSeek>>,
    start: u64,
    length: u64,
}

impl Source for Section {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(FormatError::UnexpectedEof {
                expected: usize::try_from(end.unwrap_or(u64::MAX)).unwrap_or(usize::MAX),
                available: usize::try_from(self.length).unwrap_or(usize::MAX),
            });
        }
        let mut reader = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = reader.seek(SeekFrom::Start(self.start + offset)).and_then(|_| reader.read_exact(buffer));
        found.map_err(|error| FormatError::Source(error.to_string()))
    }
}

/// An HDF5 file, or a part of a file that is one.
pub(crate) struct Hdf5 {
    file: File,
    length: u64,
}

/// A group: the attributes are read once.
pub(crate) struct Folder {
    group: Group,
    attributes: HashMap<String, AttrValue>,
}

/// Runs a call of the library; a panic inside it becomes a message.
fn guarded<T>(call: impl FnOnce() -> Result<T, hdf5_pure::Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("is damaged in a way that the HDF5 library does not survive".into()),
    }
}

impl Hdf5 {
    /// The HDF5 file in bytes `start` … `start + length` of `reader`. No number is read yet.
    pub(crate) fn open(reader: Box<dyn ReadSeek>, start: u64, length: u64) -> Result<Hdf5, String> {
        let section = Section { reader: Mutex::new(reader), start, length };
        let properties = FileAccessProperties::new().with_metadata_cache(MetadataCacheConfig::new(8 << 20));
        let file = guarded(|| File::from_source_with_options(section, properties))
            .map_err(|message| format!("not a whole HDF5 file: {message}"))?;
        Ok(Hdf5 { file, length })
    }

    /// The group at `path`, if there is one.
    pub(crate) fn folder(&self, path: &str) -> Result<Option<Folder>, String> {
        let group = match guarded(|| self.file.group(path).map(Some).or_else(absent))? {
            Some(group) => group,
            None => return Ok(None),
        };
        let attributes =
            guarded(|| group.attrs()).map_err(|message| format!("attributes of `{path}`: {message}"))?;
        Ok(Some(Folder { group, attributes }))
    }

    /// The data set at `path`, if there is one.
    pub(crate) fn tensor(&self, path: &str) -> Result<Option<StoredTensor>, String> {
        let wrong = |message: String| format!("`{path}`: {message}");
        let found = guarded(|| {
            let Some(data) = self.file.dataset(path).map(Some).or_else(absent)? else { return Ok(None) };
            Ok(Some((data.shape()?, data.datatype()?, data.layout()?)))
        });
        let Some((shape, datatype, layout)) = found.map_err(wrong)? else { return Ok(None) };
        let shape: Option<Vec<_>> = shape.iter().map(|&extent| usize::try_from(extent).ok()).collect();
        let shape = shape.ok_or_else(|| wrong("its shape is larger than this machine".into()))?;
        let tensor = StoredTensor { name: path.into(), shape, numbers: number_type(&datatype).0 };
        // Chunks may be packed; what is neither there nor packed cannot be read later.
        let most = match layout {
            Layout::Chunked { .. } => self.length.saturating_mul(LARGEST_RATIO).max(SMALL),
            _ => self.length,
        };
        if tensor.bytes().is_none_or(|bytes| bytes > most) {
            return Err(wrong(format!("its shape {:?} is larger than the file", tensor.shape)));
        }
        Ok(Some(tensor))
    }
}

/// `None` for what is not there, or is something else.
fn absent<T>(error: hdf5_pure::Error) -> Result<Option<T>, hdf5_pure::Error> {
    match error {
        hdf5_pure::Error::Format(FormatError::PathNotFound(_)) => Ok(None),
        hdf5_pure::Error::NotAGroup(_) | hdf5_pure::Error::NotADataset(_) => Ok(None),
        error => Err(error),
    }
}

impl Folder {
    /// Whether there is an attribute, whole or split over several entries.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name) || self.attributes.contains_key(&format!("{name}0"))
    }

    /// The strings of an attribute. Keras splits one that is longer than 64 KiB into `name0`, `name1` …
    pub(crate) fn strings(&self, name: &str) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        let split = (0..).map(|part| format!("{name}{part}"));
        let whole = self.attributes.contains_key(name).then(|| name.to_string());
        let names: Box<dyn Iterator<Item = String>> = match whole {
            Some(name) => Box::new(std::iter::once(name)),
            None => Box::new(split),
        };
        for name in names {
            let Some(value) = self.attributes.get(&name) else { break };
            match value.as_strings() {
                Some(strings) => all.extend(strings.iter().cloned()),
                // An empty list has no strings to tell its type by: h5py writes it as f64.
                None if matches!(value, AttrValue::F64Array(numbers) if numbers.is_empty()) => {}
                None => return Err(format!("its attribute `{name}` is not text")),
            }
            if all.len() > MOST_NAMES {
                return Err(format!("its attribute `{name}` names more than {MOST_NAMES} things"));
            }
        }
        Ok(all)
    }

    /// The names of the groups in it, in no particular order.
    pub(crate) fn folders(&self) -> Result<Vec<String>, String> {
        let names = guarded(|| self.group.groups())?;
        if names.len() > MOST_NAMES {
            return Err(format!("a group holds more than {MOST_NAMES} groups"));
        }
        Ok(names)
    }
}

impl Numbers for Hdf5 {
    fn read(&mut self, tensor: &StoredTensor, to: Target<'_>) -> Result<(), String> {
        let wrong = |message: String| format!("`{}`: {message}", tensor.name);
        let data = guarded(|| self.file.dataset(&tensor.name)).map_err(wrong)?;
        let (datatype, layout) = guarded(|| Ok((data.datatype()?, data.layout()?))).map_err(wrong)?;
        let (numbers, order) = number_type(&datatype);
        if numbers == NumberType::Other || tensor.size() != Some(to.len()) {
            return Err(wrong("its numbers are of a kind or count that does not fit".into()));
        }
        if let Layout::Chunked { .. } = layout {
            let chunk = guarded(|| data.chunk_shape()).map_err(wrong)?.unwrap_or_default();
            let bytes =
                chunk.iter().try_fold(numbers.bytes() as u64, |size, &extent| size.checked_mul(extent));
            if bytes.is_none_or(|bytes| bytes > LARGEST_CHUNK) {
                return Err(wrong(format!(
                    "is stored in chunks of {chunk:?}, larger than {LARGEST_CHUNK} bytes"
                )));
            }
        }
        let rows = tensor.shape.first().copied().unwrap_or(1);
        let each = to.len() / rows.max(1);
        let at_once = (WINDOW / (each * numbers.bytes()).max(1)).max(1);
        let mut to = to.in_order();
        let mut place = 0;
        while place < rows && each > 0 {
            let count = at_once.min(rows - place);
            let mut bytes = guarded(|| data.read_raw_rows(place as u64, count as u64)).map_err(wrong)?;
            if bytes.len() != count * each * numbers.bytes() {
                return Err(wrong(format!("gives {} bytes for {count} rows", bytes.len())));
            }
            if order == DatatypeByteOrder::BigEndian {
                bytes.chunks_exact_mut(numbers.bytes()).for_each(<[u8]>::reverse);
            }
            to.put(numbers, &bytes);
            place += count;
        }
        Ok(())
    }
}

/// What the numbers of a data set are, and how their bytes stand.
fn number_type(datatype: &Datatype) -> (NumberType, DatatypeByteOrder) {
    const BF16: FloatingPointLayout = FloatingPointLayout {
        bit_offset: 0,
        bit_precision: 16,
        exponent_location: 7,
        exponent_size: 8,
        mantissa_location: 0,
        mantissa_size: 7,
        exponent_bias: 127,
    };
    const F16: FloatingPointLayout = FloatingPointLayout {
        bit_offset: 0,
        bit_precision: 16,
        exponent_location: 10,
        exponent_size: 5,
        mantissa_location: 0,
        mantissa_size: 10,
        exponent_bias: 15,
    };
    let Datatype::FloatingPoint { size, byte_order, layout } = datatype else {
        return (NumberType::Other, DatatypeByteOrder::LittleEndian);
    };
    let numbers = match size {
        2 if *layout == F16 => NumberType::F16,
        2 if *layout == BF16 => NumberType::BF16,
        4 if *layout == FloatingPointLayout::IEEE754_BINARY32 => NumberType::F32,
        8 if *layout == FloatingPointLayout::IEEE754_BINARY64 => NumberType::F64,
        _ => NumberType::Other,
    };
    let numbers = if *byte_order == DatatypeByteOrder::Vax { NumberType::Other } else { numbers };
    (numbers, *byte_order)
}

/// A group of a file to be written: attributes, groups and tensors by name. The library holds all numbers a second time
/// until they are written.
#[derive(Default)]
pub(crate) struct NewFolder<'a> {
    attributes: Vec<(String, AttrValue)>,
    folders: BTreeMap<String, NewFolder<'a>>,
    tensors: BTreeMap<String, &'a Tensor>,
}

impl<'a> NewFolder<'a> {
    /// The group of this name, made where there is none yet.
    pub(crate) fn folder(&mut self, name: &str) -> &mut NewFolder<'a> {
        self.folders.entry(name.into()).or_default()
    }

    /// Adds a tensor; slashes in the name are groups.
    pub(crate) fn tensor(&mut self, name: &str, tensor: &'a Tensor) {
        match name.split_once('/') {
            Some((folder, rest)) => self.folder(folder).tensor(rest, tensor),
            None => drop(self.tensors.insert(name.into(), tensor)),
        }
    }

    /// Adds a text of any length.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.attributes.push((name.into(), AttrValue::VarLenString(text.into())));
    }

    /// Adds a list of texts; an empty one is left out.
    pub(crate) fn texts(&mut self, name: &str, texts: Vec<String>) {
        if !texts.is_empty() {
            self.attributes.push((name.into(), AttrValue::StringArray(texts)));
        }
    }

    /// Writes a file of which this is the root.
    pub(crate) fn write(self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut file = FileBuilder::new();
        for (name, value) in self.attributes {
            file.set_attr(&name, value);
        }
        for (name, tensor) in self.tensors {
            let shape: Vec<_> = tensor.shape().iter().map(|&extent| extent as u64).collect();
            file.create_dataset(&name).with_f32_data(tensor.data()).with_shape(&shape);
        }
        for (name, folder) in self.folders {
            let group = file.create_group(&name);
            file.add_group(folder.fill(group).finish());
        }
        file.finish_to(to).map_err(std::io::Error::other)
    }

    fn fill(self, mut group: GroupBuilder) -> GroupBuilder {
        for (name, value) in self.attributes {
            group.set_attr(&name, value);
        }
        for (name, tensor) in self.tensors {
            let shape: Vec<_> = tensor.shape().iter().map(|&extent| extent as u64).collect();
            group.create_dataset(&name).with_f32_data(tensor.data()).with_shape(&shape);
        }
        for (name, folder) in self.folders {
            let inner = group.create_group(&name);
            group.add_group(folder.fill(inner).finish());
        }
        group
    }
}
