//! Where the pictures of a data set lie: in memory, or as records of equal size in a file; or the numbers that stand for them.

use crate::numbers::{Numbers, no_pictures};
use crate::record_file::{RecordFile, RecordWriter};
use crate::{Error, Result};
use convnet_tensor::{Shape, Tensor};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;

/// The first half of the SHA-256 of a picture's bytes.
pub(crate) type Digest = [u8; 16];

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let hash = Sha256::digest(bytes);
    std::array::from_fn(|place| hash[place])
}

/// The pictures themselves, `[height, width, channels]` each; shared by all data sets that show parts of them.
#[derive(Debug)]
pub(crate) enum Store {
    /// `[N, height, width, channels]`.
    Memory(Tensor<u8>),
    /// Read where they are needed.
    File(RecordFile),
    /// What a network made of pictures.
    Numbers(Numbers),
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        match self {
            Store::Memory(pictures) => pictures.len_first(),
            Store::File(file) => file.len(),
            Store::Numbers(numbers) => numbers.len(),
        }
    }

    /// The shape of one picture.
    pub(crate) fn picture_shape(&self) -> Shape {
        match self {
            Store::Memory(pictures) => pictures.shape().without_first(),
            Store::File(file) => file.shape(),
            Store::Numbers(numbers) => numbers.shape(),
        }
    }

    /// Picture `number`: a view of memory, or filled from the file.
    pub(crate) fn picture(&self, number: usize) -> Result<Tensor<u8>> {
        match self {
            Store::Memory(pictures) => {
                Ok(pictures.rows(number..number + 1).reshaped(self.picture_shape())?)
            }
            Store::File(file) => file.read(number),
            Store::Numbers(numbers) => Err(no_pictures(numbers)),
        }
    }

    /// What stands for the bytes of picture `number`. Of a file it is known since it was written: nothing is read again.
    pub(crate) fn digest(&self, number: usize) -> Digest {
        match self {
            Store::Memory(pictures) => digest(pictures.rows(number..number + 1).data()),
            Store::File(file) => file.digest(number),
            Store::Numbers(numbers) => numbers.digest(number),
        }
    }

    /// A store of the same kind with the pictures that `picture` makes of each of `numbers`.
    pub(crate) fn changed(
        &self,
        numbers: impl ExactSizeIterator<Item = usize>,
        picture: impl Fn(&[u8], &mut [u8]),
    ) -> Result<Store> {
        let shape = self.picture_shape();
        let mut builder = match self {
            Store::Memory(_) => Builder::memory(shape, numbers.len()),
            Store::File(file) => Builder::file(shape, Some(file.folder()))?,
            Store::Numbers(numbers) => return Err(no_pictures(numbers)),
        };
        let mut new = Tensor::<u8>::recycled(shape);
        for number in numbers {
            picture(self.picture(number)?.data(), new.data_mut());
            builder.push(new.data(), None)?;
        }
        builder.finish()
    }
}

/// A store while it is filled, one picture after the other.
pub(crate) enum Builder {
    Memory { pictures: Tensor<u8>, count: usize },
    File(RecordWriter),
}

impl Builder {
    /// Room for `count` pictures in memory; what is never pushed is never touched and costs address space only.
    pub(crate) fn memory(shape: Shape, count: usize) -> Builder {
        Builder::Memory { pictures: Tensor::recycled(shape.with_first(count)), count: 0 }
    }

    /// A file without a name in `folder`, or in the folder for temporary files.
    pub(crate) fn file(shape: Shape, folder: Option<&Path>) -> Result<Builder> {
        Ok(Builder::File(RecordWriter::new(shape, folder)?))
    }

    /// Adds a picture; its digest, where it is known already, saves computing it again.
    pub(crate) fn push(&mut self, picture: &[u8], known: Option<Digest>) -> Result<()> {
        match self {
            Builder::Memory { pictures, count } => {
                let size = picture.len();
                pictures.data_mut()[*count * size..][..size].copy_from_slice(picture);
                *count += 1;
                Ok(())
            }
            Builder::File(writer) => writer.push(picture, known.unwrap_or_else(|| digest(picture))),
        }
    }

    pub(crate) fn finish(self) -> Result<Store> {
        Ok(match self {
            Builder::Memory { pictures, count } => Store::Memory(pictures.rows(0..count)),
            Builder::File(writer) => Store::File(writer.finish()?),
        })
    }
}

/// Which pictures of a store a data set shows, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Numbers of chosen pictures; without it, number `n` is itself.
    chosen: Option<Arc<[usize]>>,
    start: usize,
    len: usize,
}

impl View {
    pub(crate) fn all(len: usize) -> View {
        View { chosen: None, start: 0, len }
    }

    /// The place in the store of picture `number` of the data set.
    ///
    /// # Panics
    /// When the data set has not so many.
    pub(crate) fn place(&self, number: usize) -> usize {
        assert!(number < self.len, "picture {number} of a data set of {}", self.len);
        self.chosen.as_ref().map_or(self.start + number, |chosen| chosen[self.start + number])
    }

    pub(crate) fn places(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        (0..self.len).map(|number| self.place(number))
    }

    pub(crate) fn part(&self, start: usize, end: usize) -> View {
        View { chosen: self.chosen.clone(), start: self.start + start, len: end - start }
    }

    pub(crate) fn chosen(&self, numbers: &[usize]) -> View {
        let chosen = numbers.iter().map(|&number| self.place(number)).collect();
        View { chosen: Some(chosen), start: 0, len: numbers.len() }
    }
}

/// The bytes of one picture of this shape. No larger than what still has a place in memory as `f32`: what is counted
/// later cannot wrap.
pub(crate) fn picture_size(shape: &Shape) -> Result<usize> {
    const LARGEST: usize = isize::MAX as usize / size_of::<f32>();
    let product = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    product.filter(|&size| size <= LARGEST).ok_or_else(|| Error::Argument {
        name: "the shape of a picture",
        expected: format!("of at most {LARGEST} bytes, height × width × channels"),
        found: shape.to_string(),
    })
}
