//! Pictures painted by a program: labelled data where no files are at hand.
//!
//! Everything follows from a seed and the picture's number, so a set can be painted in any order, by any number of
//! threads, whole or one picture at a time.

mod canvas;
mod digits;
mod skeletons;

pub use digits::{DIGIT_SIDE, digit, digits, digits_iter};
