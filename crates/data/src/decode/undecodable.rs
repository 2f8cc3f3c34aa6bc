//! Why a file gave no picture.

use super::{MAX_FILE, MAX_PIXELS};

/// Why a file gave no picture, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Undecodable {
    /// The system would not open or read it.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// A folder, pipe or device.
    #[error("is no regular file")]
    NoFile,
    /// It has no bytes.
    #[error("is empty")]
    Empty,
    /// It has more than [`MAX_FILE`] bytes.
    #[error("has {bytes} bytes, more than the {MAX_FILE} that are accepted; scale the picture down first")]
    LargeFile {
        /// Its size.
        bytes: u64,
    },
    /// Its pixels are more than [`MAX_PIXELS`].
    #[error(
        "is {width}×{height} pixels large, more than the {MAX_PIXELS} in all that are accepted; scale it down first"
    )]
    TooLarge {
        /// Pixels in a row.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// Its content is no picture.
    #[error("is no picture whatever its name says: its content looks like {looks_like}")]
    Unknown {
        /// What it seems to be.
        looks_like: &'static str,
    },
    /// A picture of a kind that is not read.
    #[error("is {0}, which is not read; convert it to JPEG or PNG")]
    Unsupported(&'static str),
    /// A picture that ends early.
    #[error("is truncated: it ends before its last pixel; fetch or copy it again")]
    Truncated,
    /// A picture that its decoder refuses.
    #[error("is damaged: {0}")]
    Damaged(String),
}
