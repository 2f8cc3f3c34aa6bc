//! What lies outside a picture.

use convnet_cpu::warp;
use serde::{Deserialize, Serialize};

/// What a changed picture shows where it looks beyond the original. SciPy's names stand in brackets.
///
/// In TOML: `fill = "reflect"`, or `fill = { constant = 127.0 }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The nearest pixel of the edge: `a a a | a b c d | d d d` (nearest; what the chapter uses).
    #[default]
    Nearest,
    /// One number for every channel, 0 … 255, with a hard edge (constant). Changes of colour apply to it too.
    Constant(f32),
    /// The picture mirrored, its edge repeated: `c b a | a b c d | d c b` (reflect).
    Reflect,
    /// The picture again: `b c d | a b c d | a b c` (grid-wrap).
    Wrap,
}

impl Fill {
    pub(crate) fn of_sweep(self) -> warp::Fill {
        match self {
            Fill::Nearest => warp::Fill::Nearest,
            Fill::Constant(value) => warp::Fill::Constant(value),
            Fill::Reflect => warp::Fill::Reflect,
            Fill::Wrap => warp::Fill::Wrap,
        }
    }
}
