//! Arithmetic on slices for convolutional networks: fast loops and, in [`mod@reference`], their plain-loop twins.
//!
//! The only crate with unsafe code. Pictures are NHWC (`[N, height, width, channels]`), convolution kernels HWIO.

pub mod activation;
pub mod batch_normalization;
mod chunks;
pub mod concatenate;
pub mod conv2d;
pub mod depthwise_conv2d;
pub mod elementwise;
pub mod epilogue;
pub mod gemm;
pub mod limit;
pub mod memory;
pub mod parallel;
pub mod pool2d;
pub mod reduce;
pub mod reference;
pub mod simd;
pub mod softmax;
#[cfg(test)]
mod testing;
pub mod warp;
pub mod window;
pub mod zero_padding2d;

/// Tests the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
