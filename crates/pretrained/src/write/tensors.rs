//! Named tensors in files that need no network: npz and safetensors.

use crate::npy;
use crate::npz::ENDING;
use crate::stored::{StoredTensor, size};
use convnet_layers::Parameter;
use convnet_tensor::Tensor;
use half::f16;
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
    write_header(to, tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape)), Dtype::F32)?;
    for tensor in tensors {
        npy::write_numbers(to, read(&tensor.name)?.data())?;
    }
    Ok(())
}

/// Writes parameters as f16, each rounded to the nearest.
pub(super) fn write_half(to: &mut dyn Write, parameters: &[Parameter]) -> Result<()> {
    let shapes: Vec<_> = parameters.iter().map(|parameter| parameter.value.shape().to_vec()).collect();
    let names = parameters.iter().map(|parameter| &*parameter.path);
    write_header(to, names.zip(shapes.iter().map(Vec::as_slice)), Dtype::F16)?;
    for parameter in parameters {
        let numbers = parameter.value.data().iter();
        let bytes: Vec<u8> = numbers.flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect();
        to.write_all(&bytes)?;
    }
    Ok(())
}

/// Writes the header for tensors that follow one behind the other.
fn write_header<'a>(
    to: &mut dyn Write,
    tensors: impl Iterator<Item = (&'a str, &'a [usize])>,
    dtype: Dtype,
) -> Result<()> {
    let mut header = BTreeMap::new();
    let mut end = 0usize;
    for (name, shape) in tensors {
        let bytes = size(shape).and_then(|size| size.checked_mul(dtype.bitsize() / 8));
        let start = end;
        end = bytes.and_then(|bytes| start.checked_add(bytes)).ok_or_else(|| Error::other("is too large"))?;
        header.insert(name, TensorInfo { dtype, shape: shape.to_vec(), data_offsets: (start, end) });
    }
    let mut header = serde_json::to_vec(&header)?;
    // Numbers begin at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(&header)
}
