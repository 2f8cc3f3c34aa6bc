//! Every differentiable operation, one file each.

mod add;
mod average_pooling2d;
mod batch_normalization;
mod concatenate;
mod conv2d;
mod conv_chain;
mod conv_pool2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod global_average_pooling2d;
mod grouped_conv2d;
mod max_pooling2d;
mod relu;
mod rescaling;
mod reshape;
mod sigmoid;
mod softmax;
mod zero_padding2d;

pub use add::Add;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::{BatchNormalization, Moments};
pub use concatenate::Concatenate;
pub use conv_chain::{ConvChain, Convolution, Stage};
pub use conv_pool2d::ConvPool2D;
pub use conv2d::Conv2D;
pub use convnet_cpu::activation::Activation;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use grouped_conv2d::GroupedConv2D;
pub use max_pooling2d::MaxPooling2D;
pub use relu::Relu;
pub use rescaling::Rescaling;
pub use reshape::Reshape;
pub use sigmoid::Sigmoid;
pub use softmax::Softmax;
pub use zero_padding2d::ZeroPadding2D;

/// The place of the input among an operation's inputs.
pub const INPUT: usize = 0;
/// The place of the kernel, of operations that have one.
pub const KERNEL: usize = 1;
/// The place of the bias, of operations that have one.
pub const BIAS: usize = 2;

use convnet_cpu::simd;
use convnet_tensor::{Error, Plain, Result, Shape, Tensor};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The name of packed weights beside their tensor; each instruction set packs in its own way.
fn derived_name(what: impl Hash) -> u64 {
    let mut name = DefaultHasher::new();
    (what, simd::isa()).hash(&mut name);
    name.finish()
}

/// An error unless `fits`: what the operation takes, and what came.
pub(crate) fn expect(
    fits: bool,
    operation: &str,
    expected: impl FnOnce() -> String,
    found: Shape,
) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::Shape { operation: operation.into(), expected: expected(), found }) }
}

/// An error unless there are `expected` inputs.
fn expect_inputs(operation: &str, expected: std::ops::RangeInclusive<usize>, found: usize) -> Result<()> {
    if expected.contains(&found) {
        return Ok(());
    }
    Err(Error::Inputs { operation: operation.into(), expected: *expected.end(), found })
}

/// A tensor of shape `shape`, written by `write`.
fn written<T: Plain>(shape: impl Into<Shape>, write: impl FnOnce(&mut [T])) -> Tensor<T> {
    let mut tensor = Tensor::recycled(shape);
    write(tensor.data_mut());
    tensor
}
