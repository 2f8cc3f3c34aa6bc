//! What a network has made of pictures, in place of the pictures: numbers in memory, or read from a file where they are needed.

use crate::dataset::Dataset;
use crate::record_file::read_at;
use crate::store::{Digest, Store, digest};
use crate::{Error, Result};
use convnet_tensor::{Shape, Tensor};
use std::fs::File;
use std::path::PathBuf;

/// Numbers in place of pictures, of one shape each.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// The layer whose output they are.
    pub(crate) layer: Box<str>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// `[N, height, width, channels]`, and what stands for each.
    Memory(Tensor, Vec<Digest>),
    File(NumberFile),
}

/// A file that holds numbers, one record of f32 (lowest byte first) behind the other.
#[derive(Debug)]
pub struct NumberFile {
    /// The open file. Whoever replaces a file by renaming another does not disturb it.
    pub file: File,
    /// Its name, for messages.
    pub path: PathBuf,
    /// Where the first record begins, in bytes.
    pub start: u64,
    /// The shape of a record: `(height, width, channels)`.
    pub shape: Shape,
    /// The first half of the SHA-256 of each record's bytes.
    pub digests: Vec<[u8; 16]>,
}

impl NumberFile {
    /// Record `number`, read where it lies; any number of threads may read at once.
    ///
    /// # Errors
    /// [`Error::Read`].
    ///
    /// # Panics
    /// When there are not so many records.
    pub fn read(&self, number: usize) -> Result<Tensor> {
        let mut numbers = Tensor::recycled(self.shape);
        self.read_into(number, numbers.data_mut())?;
        Ok(numbers)
    }

    fn read_into(&self, number: usize, to: &mut [f32]) -> Result<()> {
        assert!(number < self.digests.len(), "record {number} of {}", self.digests.len());
        let mut bytes = vec![0; size_of_val(to)];
        let start = self.start + number as u64 * bytes.len() as u64;
        read_at(&self.file, &mut bytes, start)
            .map_err(|cause| Error::Read { path: self.path.clone(), cause })?;
        for (to, bytes) in to.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *to = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }
}

/// What stands for a record of numbers in [`NumberFile::digests`].
pub fn digest_of(numbers: &[f32]) -> [u8; 16] {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    digest(&bytes)
}

impl Numbers {
    pub(crate) fn len(&self) -> usize {
        self.digests().len()
    }

    fn digests(&self) -> &[Digest] {
        match &self.place {
            Place::Memory(_, digests) => digests,
            Place::File(file) => &file.digests,
        }
    }

    /// The shape of one record.
    pub(crate) fn shape(&self) -> Shape {
        match &self.place {
            Place::Memory(all, _) => all.shape().without_first(),
            Place::File(file) => file.shape,
        }
    }

    pub(crate) fn in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(..))
    }

    pub(crate) fn digest(&self, number: usize) -> Digest {
        self.digests()[number]
    }

    pub(crate) fn write(&self, number: usize, to: &mut [f32]) -> Result<()> {
        match &self.place {
            Place::Memory(all, _) => {
                to.copy_from_slice(all.rows(number..number + 1).data());
                Ok(())
            }
            Place::File(file) => file.read_into(number, to),
        }
    }
}

impl Dataset {
    /// The same data set with what a network made of each picture at its `layer` in place of the picture:
    /// `[N, height, width, channels]`, in the order of this set. What is trained or measured on it takes these numbers as
    /// they are.
    ///
    /// ```
    /// use convnet_data::generated;
    /// use convnet_tensor::{Seed, Tensor};
    /// let digits = generated::digits(Seed(1), 3);
    /// let features = digits.with_numbers("conv2d", Tensor::zeros([3, 4, 4, 8]))?;
    /// assert_eq!((features.layer(), features.labels()), (Some("conv2d"), digits.labels()));
    /// # Ok::<(), convnet_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// When these are not as many as there are pictures, or not of this form; when pictures are changed at random each time
    /// they are met, so that no numbers could stand for them.
    pub fn with_numbers(&self, layer: &str, numbers: Tensor) -> Result<Dataset> {
        let shape = numbers.shape();
        if shape.len() != 4 || shape[0] != self.len() || shape.contains(&0) {
            return Err(Error::Argument {
                name: "what stands for the pictures",
                expected: format!("of shape ({}, height, width, channels)", self.len()),
                found: format!("of shape {shape}"),
            });
        }
        let each = numbers.data().chunks(shape.without_first().size());
        let digests = each.map(digest_of).collect();
        self.replaced(Numbers { layer: layer.into(), place: Place::Memory(numbers, digests) })
    }

    /// As [`Dataset::with_numbers`], of numbers that are read from a file each time they are needed.
    ///
    /// # Errors
    /// As [`Dataset::with_numbers`].
    pub fn with_number_file(&self, layer: &str, file: NumberFile) -> Result<Dataset> {
        if file.shape.len() != 3 || file.digests.len() != self.len() || file.shape.contains(&0) {
            return Err(Error::Argument {
                name: "the file that stands for the pictures",
                expected: format!("one of {} records of shape (height, width, channels)", self.len()),
                found: format!("one of {} of shape {}", file.digests.len(), file.shape),
            });
        }
        self.replaced(Numbers { layer: layer.into(), place: Place::File(file) })
    }

    fn replaced(&self, numbers: Numbers) -> Result<Dataset> {
        if self.augmentation.is_some() {
            return Err(Error::Argument {
                name: "a data set of which numbers are to stand for the pictures",
                expected: "one whose pictures are given as they are (`unaugmented`)".into(),
                found: "one that changes them at random each time".into(),
            });
        }
        let change = format!("as numbers of the layer `{}`", numbers.layer);
        Ok(self.with_store(Store::Numbers(numbers), change))
    }

    /// The layer whose output stands for the pictures; `None` where there are pictures.
    pub fn layer(&self) -> Option<&str> {
        match &*self.store {
            Store::Numbers(numbers) => Some(&numbers.layer),
            Store::Memory(_) | Store::File(_) => None,
        }
    }
}

/// The error for a data set that should have pictures.
pub(crate) fn no_pictures(numbers: &Numbers) -> Error {
    Error::Argument {
        name: "the data set",
        expected: "one of pictures".into(),
        found: format!("one of numbers that the layer `{}` made of them", numbers.layer),
    }
}
