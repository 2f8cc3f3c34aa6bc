//! What can be wrong with a file of weights, or between it and a model.

use std::fmt;
use std::path::PathBuf;

/// A file that cannot be read, or that does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that is damaged, cut off, or of no known format.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        message: String,
    },
    /// A network that needs what does not exist here: everything that is missing, not the first thing.
    #[error("{}: the network in it needs what is not supported here:{}", path.display(), Lines(all))]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// All that is not supported, each with the layer's path.
        all: Vec<String>,
    },
    /// A network that a format cannot hold: everything that it does not have.
    #[error("{}: the network cannot be written as {format}:{}", path.display(), Lines(all))]
    Unwritable {
        /// The file that was asked for; it was not touched.
        path: PathBuf,
        /// The format.
        format: crate::Format,
        /// All that the format does not have, each with the layer's path.
        all: Vec<String>,
    },
    /// Weights that do not fit a model: everything that differs.
    #[error("{}: its weights do not fit the model:{}", path.display(), Lines(all))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// All that does not fit, each with the layer's path, both shapes or what is missing.
        all: Vec<String>,
    },
    /// Something that was asked for and does not exist or does not go together.
    #[error("{0}")]
    Argument(String),
    /// A mistake in an architecture or a model.
    #[error(transparent)]
    Layers(#[from] convnet_layers::Error),
}

/// The result of reading weights.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A list, one line each; a long one is cut.
struct Lines<'a>(&'a [String]);

/// More lines than this hide the first ones on any screen.
const MOST_LINES: usize = 40;

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.iter().take(MOST_LINES) {
            write!(f, "\n  {line}")?;
        }
        match self.0.len().saturating_sub(MOST_LINES) {
            0 => Ok(()),
            more => write!(f, "\n  … and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_everything_until_it_is_too_long() {
        let error = |lines: usize| Error::Unsupported {
            path: "net.keras".into(),
            all: (0..lines).map(|line| format!("`layer{line}`: GRU")).collect(),
        };
        let text = error(2).to_string();
        assert!(text.ends_with("here:\n  `layer0`: GRU\n  `layer1`: GRU"), "{text}");
        assert!(error(41).to_string().ends_with("`layer39`: GRU\n  … and 1 more"));
    }
}
