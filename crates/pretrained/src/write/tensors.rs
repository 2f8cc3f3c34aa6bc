//! Named tensors in files that need no network: npz and safetensors.

use crate::npy;
use crate::npz::ENDING;
use crate::stored::StoredTensor;
use convnet_tensor::Tensor;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use std::collections::BTreeMap;
use std::io::{Error, Result, Seek, Write};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// An archive of arrays that grows.
pub(super) struct NpzWriter<W: Write + Seek> {
    archive: zip::ZipWriter<W>,
}

impl<W: Write + Seek> NpzWriter<W> {
    pub(super) fn new(to: W) -> NpzWriter<W> {
        NpzWriter { archive: zip::ZipWriter::new(to) }
    }

    /// Adds an array.
    pub(super) fn add(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        // Stored and without a date: the same arrays are the same file.
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
        self.archive.start_file(format!("{name}{ENDING}"), options)?;
        self.archive.write_all(&npy::header(&tensor.shape()))?;
        npy::write_numbers(&mut self.archive, tensor.data())
    }

    pub(super) fn finish(self) -> Result<()> {
        self.archive.finish()?;
        Ok(())
    }
}

/// Writes tensors as f32, each read only when its turn has come.
pub(super) fn write_safetensors(
    to: &mut dyn Write,
    tensors: &[StoredTensor],
    mut read: impl FnMut(&str) -> Result<Tensor>,
) -> Result<()> {
    let mut header = BTreeMap::new();
    let mut end = 0usize;
    for tensor in tensors {
        let bytes = tensor.size().and_then(|size| size.checked_mul(size_of::<f32>()));
        let start = end;
        end = bytes.and_then(|bytes| start.checked_add(bytes)).ok_or_else(|| Error::other("is too large"))?;
        let info = TensorInfo { dtype: Dtype::F32, shape: tensor.shape.clone(), data_offsets: (start, end) };
        header.insert(&tensor.name, info);
    }
    let mut header = serde_json::to_vec(&header)?;
    // Numbers begin at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(&header)?;
    for tensor in tensors {
        npy::write_numbers(to, read(&tensor.name)?.data())?;
    }
    Ok(())
}
