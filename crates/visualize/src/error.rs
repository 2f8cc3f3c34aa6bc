//! What can be wrong with a question to a network.

use convnet_tensor::Shape;

/// A mistake in what is asked of a network, or in the pictures and maps that are given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{name} must be {expected}, but is {found}")]
    Argument {
        /// The setting.
        name: &'static str,
        /// Its range, in words.
        expected: String,
        /// What came.
        found: String,
    },
    /// A tensor of another shape.
    #[error("{what} must have shape {expected}, but has {found}")]
    Shape {
        /// The tensor.
        what: &'static str,
        /// Its shape, in words.
        expected: String,
        /// What came.
        found: Shape,
    },
    /// A layer that cannot answer.
    #[error("layer `{path}` {message}")]
    Layer {
        /// Its path.
        path: String,
        /// Why not, and what to ask instead.
        message: String,
    },
    /// The caller stopped the painting.
    #[error("stopped after {done} of {all} steps")]
    Stopped {
        /// Steps that were made.
        done: usize,
        /// Steps that all of it would have taken.
        all: usize,
    },
    /// A mistake below.
    #[error(transparent)]
    Layers(#[from] convnet_layers::Error),
}

impl From<convnet_tensor::Error> for Error {
    fn from(error: convnet_tensor::Error) -> Error {
        Error::Layers(error.into())
    }
}

/// The result of a question.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error unless `fits`.
pub(crate) fn expect(
    fits: bool,
    name: &'static str,
    expected: impl Into<String>,
    found: impl ToString,
) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::Argument { name, expected: expected.into(), found: found.to_string() })
}

/// An error that names the shape which came.
pub(crate) fn wrong_shape<T>(what: &'static str, expected: impl Into<String>, found: Shape) -> Result<T> {
    Err(Error::Shape { what, expected: expected.into(), found })
}

/// Height, width and channels of one picture.
pub(crate) fn picture(what: &'static str, shape: Shape) -> Result<[usize; 3]> {
    match *shape {
        [height, width, channels] if height * width * channels > 0 => Ok([height, width, channels]),
        _ => wrong_shape(what, "(height, width, channels)", shape),
    }
}

/// The number of pictures, height, width and channels of a batch.
pub(crate) fn batch(what: &'static str, shape: Shape) -> Result<[usize; 4]> {
    match *shape {
        [pictures, height, width, channels] if height * width * channels > 0 => {
            Ok([pictures, height, width, channels])
        }
        _ => wrong_shape(what, "(N, height, width, channels)", shape),
    }
}

/// The number, height and width of a batch of maps.
pub(crate) fn maps(what: &'static str, shape: Shape) -> Result<[usize; 3]> {
    match *shape {
        [maps, height, width] if height * width > 0 => Ok([maps, height, width]),
        _ => wrong_shape(what, "(N, height, width)", shape),
    }
}
