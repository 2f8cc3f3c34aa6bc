//! Files of the idx format, in which MNIST and its relatives come: a small header, then bytes.
//!
//! The header is big-endian: two zero bytes, the type of the numbers (8: unsigned bytes), the number of axes, then the
//! extent of each axis in four bytes. Source: <http://yann.lecun.com/exdb/mnist/>. Plain and gzip-compressed files are
//! told apart by their first bytes, never by their name.

use crate::{Dataset, Error, Origin, Result};
use convnet_tensor::Tensor;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The most bytes that a file may promise behind its header: 2 GiB, 45 times MNIST.
pub const MAX_PAYLOAD: u64 = 2 << 30;
/// The most rows or columns of a picture.
pub const MAX_SIDE: usize = 16_384;

const UNSIGNED_BYTES: u8 = 8;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Deflate cannot expand further: a longest match of 258 bytes takes at least two bits.
const MAX_EXPANSION: u64 = 1032;
const DAMAGED: &str =
    "the file is damaged or not the one meant: fetch it again and compare its size and checksum";

/// The pictures of an idx file (magic 2051): `[N, rows, columns, 1]`, N at least 1.
///
/// # Errors
/// [`Error::Read`] when the file cannot be read, [`Error::File`] when a field of its header or its length is wrong. No
/// more memory is taken than the file really holds, whatever its header says.
pub fn read_images(path: &Path) -> Result<Tensor<u8>> {
    let mut reader = Payload::open(path)?;
    let [count, rows, columns] = reader.header()?;
    for (name, side) in [("rows", rows), ("columns", columns)] {
        if !(1..=MAX_SIDE).contains(&side) {
            let found = format!("the header promises pictures of {side} {name}");
            return Err(reader.wrong(found, format!("1 to {MAX_SIDE}")));
        }
    }
    reader.payload([count, rows, columns, 1])
}

/// The labels of an idx file (magic 2049), each below `classes`.
///
/// # Errors
/// As [`read_images`], and [`Error::File`] at the first label that names no class.
pub fn read_labels(path: &Path, classes: usize) -> Result<Vec<u32>> {
    let mut reader = Payload::open(path)?;
    let [count] = reader.header()?;
    let labels: Vec<u32> = reader.payload([count])?.data().iter().map(|&label| u32::from(label)).collect();
    if let Some(number) = labels.iter().position(|&label| label as usize >= classes) {
        let found = format!("label {number} (counted from 0) is {}", labels[number]);
        return Err(reader.wrong(found, format!("a number below {classes}, the number of classes,")));
    }
    Ok(labels)
}

/// A data set from a file of pictures and a file of labels; `classes` are the names of labels 0, 1, 2 …
///
/// # Errors
/// As [`read_images`] and [`read_labels`], and [`Error::File`] when the files disagree about how many pictures there are.
pub fn read(images: &Path, labels: &Path, classes: Vec<String>, name: &str) -> Result<Dataset> {
    // Labels first: they are small, and a mistake there need not wait for the pictures.
    let found = read_labels(labels, classes.len())?;
    let pictures = read_images(images)?;
    if pictures.len_first() != found.len() {
        return Err(Error::File {
            path: labels.to_path_buf(),
            found: format!("the file holds {} labels", found.len()),
            expected: format!(
                "one for each of the {} pictures of {}",
                pictures.len_first(),
                images.display()
            ),
            remedy: "take both files from the same part (training or test) of the same data set",
        });
    }
    Ok(Dataset::from_arrays(pictures, found, classes)?.with_origin(Origin::files(name)))
}

/// The training and the test set of MNIST from a folder that holds the four files under their usual names, with or
/// without `.gz`: 60,000 and 10,000 pictures `[28, 28, 1]` in the real set.
///
/// # Errors
/// [`Error::Missing`] when a file is not there, [`Error::File`] when pictures are not 28×28, else as [`read`].
pub fn mnist(folder: &Path) -> Result<(Dataset, Dataset)> {
    let part = |images: &'static str, labels: &'static str| {
        let images = plain_or_gz(folder, images)?;
        let set = read(&images, &plain_or_gz(folder, labels)?, digit_names(), "MNIST, idx files")?;
        if set.picture_shape()[..] != [28, 28, 1] {
            return Err(Error::File {
                path: images,
                found: format!("the pictures are {}", set.picture_shape()),
                expected: "(28, 28, 1)".into(),
                remedy: DAMAGED,
            });
        }
        Ok(set)
    };
    Ok((
        part("train-images-idx3-ubyte", "train-labels-idx1-ubyte")?,
        part("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")?,
    ))
}

pub(crate) fn digit_names() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
}

fn plain_or_gz(folder: &Path, name: &'static str) -> Result<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| Error::Missing { folder: folder.to_path_buf(), name })
}

/// A file's contents after decompression.
struct Payload {
    path: PathBuf,
    contents: Box<dyn Read>,
    /// No more bytes than this can come out.
    at_most: u64,
}

impl Payload {
    fn open(path: &Path) -> Result<Payload> {
        let failed = |cause| Error::Read { path: path.to_path_buf(), cause };
        // Before opening, as that alone may wait for ever on a pipe.
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::File {
                path: path.to_path_buf(),
                found: "this is a folder, pipe or device".into(),
                expected: "a regular file".into(),
                remedy: "name the idx file itself, plain or gzip-compressed",
            });
        }
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let gzip = file.fill_buf().map_err(failed)?.starts_with(&GZIP_MAGIC);
        let (contents, expansion): (Box<dyn Read>, u64) =
            if gzip { (Box::new(MultiGzDecoder::new(file)), MAX_EXPANSION) } else { (Box::new(file), 1) };
        Ok(Payload { path: path.to_path_buf(), contents, at_most: metadata.len().saturating_mul(expansion) })
    }

    /// The extents that the header promises, after all its fields were checked.
    fn header<const AXES: usize>(&mut self) -> Result<[usize; AXES]> {
        let what = if AXES == 1 { "labels" } else { "pictures" };
        let magic: [u8; 4] = self.field("the magic number")?;
        if magic != [0, 0, UNSIGNED_BYTES, AXES as u8] {
            let found = format!("the file begins with the magic number {}", u32::from_be_bytes(magic));
            let found = match magic {
                [0, 0, UNSIGNED_BYTES, 1] => format!("{found} (labels)"),
                [0, 0, UNSIGNED_BYTES, 3] => format!("{found} (pictures)"),
                [0, 0, UNSIGNED_BYTES, axes] => format!("{found} (bytes along {axes} axes)"),
                [0, 0, kind @ (9 | 11..=14), _] => format!("{found} (numbers of type {kind}, not bytes)"),
                _ => format!("{found}, so it is no idx file,"),
            };
            let wanted = u32::from_be_bytes([0, 0, UNSIGNED_BYTES, AXES as u8]);
            return Err(self.wrong(found, format!("{wanted} (an idx file of {what})")));
        }
        let mut extents = [0; AXES];
        for (extent, name) in extents.iter_mut().zip(["the count", "the rows", "the columns"]) {
            *extent = u32::from_be_bytes(self.field(name)?) as usize;
        }
        if extents[0] == 0 {
            return Err(self.wrong(format!("the header promises no {what}"), "at least 1".into()));
        }
        let promised = extents.iter().fold(1u64, |product, &extent| product.saturating_mul(extent as u64));
        if promised > MAX_PAYLOAD {
            let found = format!("the header promises {promised} bytes of {what}");
            return Err(self.wrong(found, format!("at most {MAX_PAYLOAD} (2 GiB)")));
        }
        if promised > self.at_most {
            let found = format!("the header promises {promised} bytes, more than the file can hold");
            return Err(self.wrong(found, format!("at most {}", self.at_most)));
        }
        Ok(extents)
    }

    fn field(&mut self, name: &str) -> Result<[u8; 4]> {
        let mut bytes = [0; 4];
        let got = self.fill(&mut bytes)?;
        if got < bytes.len() {
            return Err(self.wrong(format!("the file ends in {name}"), "a complete header".into()));
        }
        Ok(bytes)
    }

    /// All bytes behind the header, which must be exactly as many as it promises.
    fn payload<const AXES: usize>(&mut self, extents: [usize; AXES]) -> Result<Tensor<u8>> {
        let mut numbers = Tensor::<u8>::recycled(extents);
        let promised = numbers.size();
        let got = self.fill(numbers.data_mut())?;
        if got < promised {
            let found = format!("the file ends after {got} bytes of contents");
            return Err(self.wrong(found, format!("the {promised} that the header promises")));
        }
        if self.fill(&mut [0])? > 0 {
            let found = format!("bytes follow the {promised} that the header promises");
            return Err(self.wrong(found, "the end of the file".into()));
        }
        Ok(numbers)
    }

    /// Fills `bytes` as far as the file goes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        while got < bytes.len() {
            match self.contents.read(&mut bytes[got..]) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
                    ) =>
                {
                    let found = format!("the gzip stream is damaged ({error})");
                    return Err(self.wrong(found, "a complete gzip file".into()));
                }
                Err(cause) => return Err(Error::Read { path: self.path.clone(), cause }),
            }
        }
        Ok(got)
    }

    fn wrong(&self, found: String, expected: String) -> Error {
        Error::File { path: self.path.clone(), found, expected, remedy: DAMAGED }
    }
}
