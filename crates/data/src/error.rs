//! What can be wrong with data.

use std::path::PathBuf;

/// A mistake in a file or in the use of a data set. The text holds what the system said: `source` does not repeat it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that the system would not open or read.
    #[error("{}: cannot be read: {cause}; check that the file is there and may be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file for pictures beyond the memory budget that cannot be made, filled or read.
    #[error("the file for pictures in {} cannot be {what}: {cause}; free space there, name another folder for it, or allow more memory", folder.display())]
    Cache {
        /// The folder in which the file lies, without a name.
        folder: PathBuf,
        /// What was tried: "created", "written" or "read".
        what: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file whose contents are not what they should be.
    #[error("{}: {found}, but {expected} was expected; {remedy}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A file that is in none of the accepted places.
    #[error("{}: found neither {name} nor {name}.gz; download the data set or name the folder that holds it", folder.display())]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The file's name without `.gz`.
        name: &'static str,
    },
    /// Labels that do not match their pictures one to one.
    #[error(
        "{pictures} pictures came with {labels} labels; give one label for each picture, in the same order"
    )]
    Count {
        /// How many pictures came.
        pictures: usize,
        /// How many labels came.
        labels: usize,
    },
    /// A label without a class.
    #[error(
        "picture {number} has label {label}, but there are {classes} classes, numbered from 0; correct the label or name more classes"
    )]
    Label {
        /// The picture's number in the data set.
        number: usize,
        /// Its label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// A picture whose bytes do not fill its shape.
    #[error(
        "picture {number} has {found} bytes, but {expected} make a picture of this data set; resize it first"
    )]
    Picture {
        /// The picture's number in the data set.
        number: usize,
        /// How many bytes came.
        found: usize,
        /// How many its shape takes.
        expected: usize,
    },
    /// The caller's own wish, told by the function that watches the progress.
    #[error("stopped on request after {done} of {all} files")]
    Stopped {
        /// How many files were done.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// An argument outside its range.
    #[error("{name} must be {expected}, but is {found}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// Its range, in words.
        expected: String,
        /// The value that came.
        found: String,
    },
    /// A thread in the background that the system would not start.
    #[error("batches cannot be made in the background: {cause}; train with fewer threads")]
    Background {
        /// What the system said.
        cause: String,
    },
    /// A mistake in the use of tensors or pixel ranges.
    #[error(transparent)]
    Tensor(#[from] convnet_tensor::Error),
}

/// The result of reading or preparing data.
pub type Result<T, E = Error> = std::result::Result<T, E>;
