//! What can go wrong while a model is trained.

use std::path::PathBuf;

/// A mistake in the settings, in a checkpoint, or further down. The text holds what the system said: `source` does not
/// repeat it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{name} must be {expected}, but is {found}")]
    Setting {
        /// The setting.
        name: String,
        /// Its range, in words.
        expected: String,
        /// The value that came.
        found: String,
    },
    /// A loss that does not fit the end of the model.
    #[error("the loss {loss} does not fit a model that ends in {found}; {remedy}")]
    Ending {
        /// The loss.
        loss: &'static str,
        /// How the model ends, and what it should tell apart.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// A file that is no checkpoint, no whole one, or one of another training.
    #[error("{}: {found}; {remedy}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file that cannot be written.
    #[error("{}: cannot be written: {cause}; check the folder and the space left on the disk", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The caller's own wish, told by the function that watches the progress.
    #[error("stopped on request after {done} of {all} pictures")]
    Stopped {
        /// How many pictures were done.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// A mistake in the use of tensors.
    #[error(transparent)]
    Tensor(Box<convnet_tensor::Error>),
    /// A mistake in the use of a model.
    #[error(transparent)]
    Layers(Box<convnet_layers::Error>),
    /// A mistake in the use of a data set.
    #[error(transparent)]
    Data(Box<convnet_data::Error>),
}

// Boxed: errors from below hold shapes, and every result on the way would be as large as they are.
impl From<convnet_tensor::Error> for Error {
    fn from(error: convnet_tensor::Error) -> Error {
        Error::Tensor(Box::new(error))
    }
}

impl From<convnet_layers::Error> for Error {
    fn from(error: convnet_layers::Error) -> Error {
        Error::Layers(Box::new(error))
    }
}

impl From<convnet_data::Error> for Error {
    fn from(error: convnet_data::Error) -> Error {
        Error::Data(Box::new(error))
    }
}

/// The result of training.
pub type Result<T, E = Error> = std::result::Result<T, E>;
