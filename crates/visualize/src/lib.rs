#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod activations;
mod baseline;
mod colour;
mod error;
pub mod filters;
mod gradients;
pub mod heatmaps;
pub mod honesty;
mod moments;
mod resize;
mod similar;
mod target;
mod tiles;

pub use baseline::Baseline;
pub use colour::{Blend, ColourMap, coloured, overlay};
pub use error::{Error, Result};
pub use resize::resized;
pub use similar::{Similar, most_similar};
pub use target::{Classes, Score, Target, count as classes_of};
pub use tiles::{patch, tiles};
