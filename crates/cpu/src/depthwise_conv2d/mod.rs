//! Depthwise convolution of NHWC pictures: every channel is convolved by itself, forward and both gradients.
//!
//! There is one path for every stride, dilation, padding and multiplier: rows of the picture are copied, each once, into a
//! small ring with zeros around, channels repeated `multiplier` times, and a tile of the output's pixels is a few vectors of
//! channels in registers. The pictures' gradient is the same loop over the output's gradient, spread by the stride, with
//! the kernel turned around. Plain-loop twin: [`crate::reference::depthwise_conv2d`].

mod forward;
mod geometry;
mod input_gradient;
mod kernel_gradient;
mod pointwise;
mod row;
mod seen;
#[cfg(test)]
mod tests;

pub use forward::forward;
pub use geometry::Geometry;
pub use input_gradient::input_gradient;
pub use kernel_gradient::{bias_gradient, kernel_gradient};
pub use pointwise::forward_pointwise;
