//! What can go wrong while a model is trained.

/// A mistake in the settings, in a checkpoint, or further down.
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
    /// A mistake in the use of tensors.
    #[error(transparent)]
    Tensor(#[from] convnet_tensor::Error),
}

/// The result of training.
pub type Result<T, E = Error> = std::result::Result<T, E>;
