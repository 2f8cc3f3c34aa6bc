//! Tensor, Shape, seeds and random streams.
#![forbid(unsafe_code)]
