//! Direct convolution of NHWC pictures, forward and both gradients, alone or fused with a 2×2 max-pooling.
//!
//! There is one path for every stride, dilation and padding: the windows under the kernel are a matrix that is never
//! written down, read through one table of window starts and one of offsets. The forward pass is
//! that matrix times the kernel, the kernel's gradient its transpose times the output's gradient; the pictures' gradient
//! adds, tap by tap, the output's gradient times that tap's weights. Plain-loop twin: [`crate::reference::conv2d`].

mod band;
mod forward;
mod forward_pool;
mod geometry;
mod gradient;
mod input_gradient;
mod kernel_gradient;
#[cfg(test)]
mod tests;

pub use forward::forward;
pub use forward_pool::{argmax_len, forward_pool};
pub use geometry::Geometry;
pub use input_gradient::{input_gradient, pooled_input_gradient};
pub use kernel_gradient::{bias_gradient, kernel_gradient, pooled_bias_gradient, pooled_kernel_gradient};

use crate::activation::Activation;
use crate::gemm::Panels;

/// Kernel weights in the order the loops read them; made once per weight value, shared by all slices.
#[derive(Debug)]
pub struct Packed(Panels);

impl Packed {
    /// Packs a kernel for [`forward`] and [`forward_pool`].
    pub fn forward(g: &Geometry, kernel: &[f32]) -> Packed {
        assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
        Packed(Panels::new(g.depth(), g.out_channels, kernel, |row| row * g.out_channels, 1))
    }

    /// Packs a kernel for [`input_gradient`] and [`pooled_input_gradient`]: for each tap the output channels are rows,
    /// the input channels columns.
    pub fn transposed(g: &Geometry, kernel: &[f32]) -> Packed {
        assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
        let outputs = g.out_channels;
        let start = |row: usize| row / outputs * g.in_channels * outputs + row % outputs;
        Packed(Panels::new(g.taps() * outputs, g.in_channels, kernel, start, outputs))
    }
}

/// Turns the gradient of an activation's output `y` into that of its input, in place.
pub fn undo_activation(activation: Activation, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "lengths of the output and its gradient");
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if activation.passes(y) { *dy } else { 0.0 };
    }
}
