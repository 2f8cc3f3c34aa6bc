#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod check;
mod operation;
pub mod operations;
mod profile;
mod slices;
mod tape;
mod value;

pub use operation::{InputGradients, Operation, Wanted};
pub use profile::{Measured, Profile};
pub use tape::Tape;
pub use value::Value;
