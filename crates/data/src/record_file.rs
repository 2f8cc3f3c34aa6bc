//! Pictures of equal size one after the other in a file without a name: what does not fit the memory budget.

use crate::store::Digest;
use crate::{Error, Result};
use convnet_tensor::{Shape, Tensor};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A finished file of pictures. It has no name and is gone when the last handle is, also after a crash.
#[derive(Debug)]
pub(crate) struct RecordFile {
    file: File,
    /// Where the file lies, for messages and for files made from this one.
    folder: PathBuf,
    shape: Shape,
    digests: Vec<Digest>,
}

impl RecordFile {
    pub(crate) fn len(&self) -> usize {
        self.digests.len()
    }

    /// The shape of one picture.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn digest(&self, number: usize) -> Digest {
        self.digests[number]
    }

    /// Picture `number`. Any number of threads may read at once: a read names its place and moves no cursor.
    pub(crate) fn read(&self, number: usize) -> Result<Tensor<u8>> {
        assert!(number < self.len(), "record {number} of {}", self.len());
        let mut picture = Tensor::recycled(self.shape);
        let place = number as u64 * picture.size() as u64;
        read_at(&self.file, picture.data_mut(), place)
            .map_err(|cause| failed(&self.folder, "read", cause))?;
        Ok(picture)
    }
}

/// A file of pictures while it is written.
pub(crate) struct RecordWriter {
    file: BufWriter<File>,
    folder: PathBuf,
    shape: Shape,
    digests: Vec<Digest>,
}

impl RecordWriter {
    /// An empty file in `folder`, or in the system's folder for temporary files.
    pub(crate) fn new(shape: Shape, folder: Option<&Path>) -> Result<RecordWriter> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let file = tempfile::tempfile_in(&folder).map_err(|cause| failed(&folder, "created", cause))?;
        Ok(RecordWriter { file: BufWriter::with_capacity(1 << 16, file), folder, shape, digests: Vec::new() })
    }

    pub(crate) fn push(&mut self, picture: &[u8], digest: Digest) -> Result<()> {
        debug_assert_eq!(picture.len(), self.shape.size());
        self.file.write_all(picture).map_err(|cause| failed(&self.folder, "written", cause))?;
        self.digests.push(digest);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<RecordFile> {
        let RecordWriter { file, folder, shape, digests } = self;
        let file = file.into_inner().map_err(|error| failed(&folder, "written", error.into_error()))?;
        Ok(RecordFile { file, folder, shape, digests })
    }
}

fn failed(folder: &Path, what: &'static str, cause: io::Error) -> Error {
    Error::Cache { folder: folder.to_path_buf(), what, cause }
}

/// Fills `bytes` from `place` of a file on, without moving its cursor.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, place) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => (bytes, place) = (&mut bytes[got..], place + got as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
