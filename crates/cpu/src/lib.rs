//! Arithmetic on slices for convolutional networks: fast loops and, in [`reference`], their plain-loop twins.
//!
//! The only crate with unsafe code. Pictures are NHWC (`[N, height, width, channels]`), convolution kernels HWIO.

pub mod memory;
pub mod parallel;
pub mod reference;
pub mod simd;
pub mod window;
