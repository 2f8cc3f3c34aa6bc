//! What excites a filter (chapter 5.4.2): gradient ascent on the picture, for all filters of a layer in one batch, and how
//! much of the result is more than noise.

mod ascent;
mod colours;
mod octaves;
mod shown;
mod spectrum;

pub use ascent::{Ascent, Filters, Space, Start, ascend, ascend_watched};
pub use shown::{deprocessed, picture_of};
pub use spectrum::energy_below_the_highest_band;
