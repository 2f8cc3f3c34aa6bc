//! Reverse-mode differentiation whose tape can be explained on one page.
//!
//! [`Value`] is a tensor with a place on a [`Tape`]; an [`Operation`] says how to go forward, how to go back and what the
//! plain loops would give; [`check`] proves any of them. See `operations/` for all that exist, one file each.
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
