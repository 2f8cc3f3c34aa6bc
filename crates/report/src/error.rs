//! What can go wrong here, in words that name the file, the cause and the remedy.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// An error of this crate. The text holds what the system said: `source` does not repeat it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be written.
    #[error("cannot write {}: {}", path.display(), in_words(cause))]
    Write {
        /// The file or folder that was to be written.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {}", path.display(), in_words(cause))]
    Read {
        /// The file that was to be read.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is larger than anything this program writes.
    #[error("{} is larger than {limit} bytes, so it is no results file of ours: delete it and run again", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size accepted, in bytes.
        limit: u64,
    },
    /// A results file was written by another version of this program.
    #[error(
        "{} has version {found}, this program reads version {known}: run the experiments again, or use the program that wrote it",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The version that this program reads and writes.
        known: u64,
    },
    /// A results file is not what it should be.
    #[error("{} is not a results file: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found, where, and what was expected.
        what: String,
    },
    /// A picture's numbers do not fit together.
    #[error("picture: {0}")]
    Picture(String),
}

/// Says why an input or output call failed, and what helps.
fn in_words(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::StorageFull => "the disk is full; free some space or choose another folder",
        ErrorKind::QuotaExceeded => "the disk quota is used up; free some space or choose another folder",
        ErrorKind::NotADirectory => "a part of the path is a file, not a folder; choose another folder",
        ErrorKind::AlreadyExists => {
            "a file stands where the folder should be; move it or choose another folder"
        }
        ErrorKind::IsADirectory => "a folder stands where the file should be; move it or choose another name",
        ErrorKind::PermissionDenied => "permission denied; choose a folder that you may write to",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another folder",
        ErrorKind::NotFound => "no such file or folder; check the path",
        _ => return error.to_string(),
    };
    words.to_owned()
}
