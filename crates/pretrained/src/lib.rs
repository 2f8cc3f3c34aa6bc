#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod archive;
mod arrange;
mod error;
mod file;
mod hdf5;
mod keras;
mod loading;
mod names;
pub mod npy;
mod npz;
mod number;
mod onnx;
mod regions;
mod safetensors;
mod sites;
mod stored;
mod target;
mod torch;
mod write;
pub mod zoo;

pub use error::{Error, Result};
pub use file::{Format, WeightFile};
pub use loading::{Loaded, Loading};
pub use number::NumberType;
pub use stored::StoredTensor;
pub use write::{save, save_half};
