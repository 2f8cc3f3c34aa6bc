#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod generated;
pub mod idx;

mod batches;
mod dataset;
mod error;
mod origin;
mod record_file;
mod store;

pub use batches::{Batch, Batches, Order};
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use origin::Origin;
