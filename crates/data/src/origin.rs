//! Where pictures came from.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the pictures of a data set came from, to be written beside every figure made with them.
///
/// ```
/// use convnet_data::Origin;
/// assert_eq!(Origin::files("MNIST, idx files").to_string(), "MNIST, idx files");
/// assert_eq!(Origin::generated("digits", 1).to_string(), "generated digits, seed 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The source in words.
    pub source: String,
    /// Whether a program painted the pictures: figures made with them never stand for the real set.
    pub generated: bool,
    /// What was done to the set since, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

impl Origin {
    /// Pictures read from files, named in words.
    pub fn files(source: impl Into<String>) -> Origin {
        Origin { source: source.into(), generated: false, changes: Vec::new() }
    }

    /// Pictures painted from a seed.
    pub fn generated(what: &str, seed: u64) -> Origin {
        Origin { source: format!("generated {what}, seed {seed}"), generated: true, changes: Vec::new() }
    }

    /// Pictures that the calling program brought.
    pub fn caller() -> Origin {
        Origin::files("arrays of the caller")
    }

    pub(crate) fn changed(&self, change: String) -> Origin {
        let mut origin = self.clone();
        origin.changes.push(change);
        origin
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.changes.iter().try_for_each(|change| write!(f, ", {change}"))
    }
}
