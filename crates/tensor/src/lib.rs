#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod derived;
mod error;
mod pixels;
mod random;
mod shape;
mod tensor;

pub use convnet_cpu::memory::Plain;
pub use error::{Error, Result};
pub use pixels::{Filter, Fit, Pixels};
pub use random::{Purpose, Seed, Stream};
pub use shape::{MAX_AXES, Shape};
pub use tensor::Tensor;
