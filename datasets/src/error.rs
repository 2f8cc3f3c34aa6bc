//! What can go wrong between a data set's name and its verified files.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a data set could not be found, checked or fetched.
///
/// The text is whole: it holds the system's answer, so there is no `source` to print after it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No manifest has this name.
    #[error("no data set is called {name:?}; known are {known}")]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A manifest does not say what it must say.
    #[error("manifest {name}: {why}")]
    Manifest {
        /// The manifest's name, as far as it could be read.
        name: String,
        /// What is wrong and what was expected.
        why: String,
    },
    /// A folder named by the user does not exist or is no folder.
    #[error("{}: no such folder; name one laid out as `mnist/…`, or use `auto` or `embedded`", path.display())]
    NoFolder {
        /// The folder as it was named.
        path: PathBuf,
    },
    /// A file is not the one that the manifest describes.
    #[error("{}: {found}, expected {expected}; remove or replace it, or name another folder", path.display())]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        found: String,
        /// What the manifest expects.
        expected: String,
    },
    /// Part of a data set is there, and part is lacking or damaged.
    #[error("{}: {why}", path.display())]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// What is lacking, and what is wrong with what is there.
        why: String,
    },
    /// An archive is damaged, hostile or none at all; nothing of it was kept.
    #[error("{}: {why}; nothing of it was kept", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, with the entry's name.
        why: String,
    },
    /// What the user offers does not hold the data set.
    #[error("{}: {why}", path.display())]
    Source {
        /// The file or folder as it was named.
        path: PathBuf,
        /// What was found and what was expected.
        why: String,
    },
    /// Every mirror failed; nothing was left under a final name.
    #[error("{file} of {name} could not be downloaded: {why}")]
    Unavailable {
        /// The data set.
        name: String,
        /// The first file that could not be had.
        file: String,
        /// What each mirror answered.
        why: String,
    },
    /// The operating system refused something.
    #[error("{}: {doing}: {cause}{}", path.display(), remedy(cause))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, such as "cannot write".
        doing: &'static str,
        /// The operating system's answer.
        cause: io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { path, doing, cause }
    }
}

/// What helps, where that is not plain from the system's answer.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space, or set CONVNET_CACHE to a folder on another disk"
        }
        _ => "",
    }
}
