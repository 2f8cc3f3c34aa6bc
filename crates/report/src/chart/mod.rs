//! Charts as SVG text: light and dark by the reader's preference, legible without installed fonts, no script.
//!
//! Each chart is one `<svg>` element, fit for a file of its own and for standing in the page; [`Canvas`] is for a
//! drawing of one's own.

mod bars;
mod canvas;
mod confusion;
mod curves;
mod gallery;
mod line;
mod scale;
mod strip;

pub use bars::grouped_bars;
pub(crate) use canvas::STYLE;
pub use canvas::{Anchor, Canvas, escape, text_width};
pub use confusion::confusion_matrix;
pub(crate) use curves::curves;
pub use curves::{learning_curves, learning_curves_of};
pub use gallery::gallery;
pub use line::{Gap, LineChart, Mark, Series};
pub use strip::{StripChart, StripRow};
