#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod decode;
pub mod duplicates;
pub mod generated;
pub mod idx;
pub mod resize;

mod ahead;
mod augmented;
mod batches;
mod dataset;
mod error;
mod folder;
mod load;
mod numbers;
mod origin;
mod record_file;
mod store;

pub use batches::{Batch, Batches, Order, Place};
pub use convnet_augment::Augment;
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use folder::{Note, Passed, PictureFolder, is_picture};
pub use load::{LoadOptions, Loaded, MEMORY_BUDGET};
pub use numbers::{NumberFile, digest_of};
pub use origin::Origin;
