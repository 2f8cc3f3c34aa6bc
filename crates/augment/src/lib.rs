#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod augment;
mod blur;
mod colour;
mod draw;
mod erasing;
mod fill;
mod follow;
mod matrix;
mod noise;
mod numbers;
mod parameters;
mod transform;

pub use augment::{Augment, ResizedCrop};
pub use erasing::{Erasing, Hole, Patch};
pub use fill::Fill;
pub use parameters::{Parameters, Window};
pub use transform::Transform;
