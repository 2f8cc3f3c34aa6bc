//! What can be wrong with an architecture, a model or its file.

use convnet_tensor::Shape;
use std::path::PathBuf;

/// A mistake in an architecture, in the use of a model, or in a model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer that cannot take its inputs or its settings.
    #[error("layer `{path}` ({class}): {message}")]
    Layer {
        /// Where it stands.
        path: String,
        /// Its class.
        class: &'static str,
        /// What it takes, what came, and the remedy.
        message: String,
    },
    /// A part of an architecture that does not fit the rest.
    #[error("architecture: {0}")]
    Architecture(String),
    /// A path that names nothing.
    #[error("there is no {what} `{path}`{}", suggestion(nearest))]
    UnknownPath {
        /// "layer" or "parameter".
        what: &'static str,
        /// The path that was asked for.
        path: String,
        /// The most similar paths that exist.
        nearest: Vec<String>,
    },
    /// Pictures of another shape than the model takes.
    #[error("the model takes pictures of shape (N, {}, {}, {}), but got {found}", expected[0], expected[1], expected[2])]
    Input {
        /// Height, width and channels.
        expected: [usize; 3],
        /// What came.
        found: Shape,
    },
    /// Numbers of pictures that are not one per picture.
    #[error("the request has {found} {what} for {expected} pictures; give one for each, or none")]
    Request {
        /// "rounds" or "pictures".
        what: &'static str,
        /// How many pictures there are.
        expected: usize,
        /// How many numbers came.
        found: usize,
    },
    /// A file that is not a model of ours, or not a whole one.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        message: String,
    },
    /// A mistake below the layers.
    #[error(transparent)]
    Tensor(#[from] convnet_tensor::Error),
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; did you mean `{}`?", names.join("` or `")),
    }
}

/// The result of an operation on layers and models.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a layer refuses: the text behind the layer's path in [`Error::Layer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Refusal {
    /// "takes …, but gets …; remedy".
    pub fn new(takes: impl std::fmt::Display, gets: impl std::fmt::Display, remedy: &str) -> Refusal {
        Refusal(format!("takes {takes}, but gets {gets}; {remedy}"))
    }
}

impl<S: Into<String>> From<S> for Refusal {
    fn from(message: S) -> Refusal {
        Refusal(message.into())
    }
}

/// The up to three of `paths` that are most like `wanted`, most similar first.
pub(crate) fn nearest<'a>(wanted: &str, paths: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
    let mut scored: Vec<_> = paths
        .into_iter()
        .map(|path| (distance(wanted, path).min(distance(&last(wanted), &last(path)) + 1), path))
        .filter(|(distance, _)| *distance <= wanted.len() / 2 + 1)
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, path)| path.to_string()).collect()
}

/// Insertions, deletions and exchanges of characters that make one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_paths_come_first() {
        let paths = ["block1_conv1", "block5_conv3", "vgg16/block5_conv2", "flatten"];
        assert_eq!(nearest("block5_conv2", paths), ["block5_conv3", "vgg16/block5_conv2", "block1_conv1"]);
        assert!(nearest("qqq", paths).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
