#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
mod hdf5;
mod keras;
mod loading;
mod number;
mod stored;
pub mod zoo;

pub use error::{Error, Result};
pub use file::{Format, WeightFile};
pub use loading::{Loaded, Loading};
pub use number::NumberType;
pub use stored::StoredTensor;
