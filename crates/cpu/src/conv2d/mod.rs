//! Convolution of NHWC pictures, forward and both gradients, alone or fused with a 2×2 max-pooling.
//!
//! The direct path serves every stride, dilation and padding: the windows under the kernel are a matrix that is never
//! written down, read through one table of window starts and one of offsets. The forward pass is
//! that matrix times the kernel, the kernel's gradient its transpose times the output's gradient; the pictures' gradient
//! adds, tap by tap, the output's gradient times that tap's weights. 3×3 kernels with stride 1 take Winograd's algorithm where
//! there are channels enough. Plain-loop twin of both: [`crate::reference::conv2d`].

pub(crate) mod band;
mod forward;
mod forward_pool;
mod geometry;
mod gradient;
mod gradients;
mod input_gradient;
mod kernel_gradient;
#[cfg(test)]
mod tests;
mod winograd;

pub use forward::forward;
pub use forward_pool::{argmax_len, forward_pool};
pub use geometry::Geometry;
pub use gradient::{Gradient, Pooled};
pub use gradients::{Wanted, gradients};
pub use kernel_gradient::LARGE_KERNEL;
pub(crate) use kernel_gradient::by_group;

use crate::activation::Activation;
use crate::gemm::Panels;
use std::sync::OnceLock;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Product by product.
    Direct,
    /// F(4×4, 3×3): a quarter of the products, two to five times the rounding error.
    Winograd,
}

impl Algorithm {
    /// Both of them.
    pub const ALL: [Algorithm; 2] = [Algorithm::Direct, Algorithm::Winograd];

    /// The name that `CONVNET_CONV` and `results.json` use.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Direct => "direct",
            Algorithm::Winograd => "winograd",
        }
    }

    /// The algorithm for a convolution: Winograd's where it suits the shapes, unless `CONVNET_CONV=direct`. Neither the
    /// batch nor what is wanted of it plays a part, so that they change no bit.
    pub fn of(g: &Geometry) -> Algorithm {
        if winograd::suits(g) { Algorithm::preferred() } else { Algorithm::Direct }
    }

    /// What `CONVNET_CONV` asks for.
    pub fn preferred() -> Algorithm {
        static CHOSEN: OnceLock<Algorithm> = OnceLock::new();
        *CHOSEN.get_or_init(|| match std::env::var("CONVNET_CONV") {
            Ok(name) if name == Algorithm::Direct.name() => Algorithm::Direct,
            _ => Algorithm::Winograd,
        })
    }
}

/// Kernel weights in the order the loops read them; made once per weight value, shared by all slices.
#[derive(Debug)]
pub struct Packed(Layout);

#[derive(Debug)]
enum Layout {
    Panels(Panels),
    Winograd(winograd::Transformed),
}

impl Packed {
    /// Packs a kernel for [`forward`] and [`forward_pool`].
    pub fn forward(g: &Geometry, kernel: &[f32]) -> Packed {
        Packed::new(Algorithm::of(g), g, kernel, winograd::Direction::Forward, Uses::Many)
    }

    /// Packs a kernel for the pictures' gradient in [`gradients`].
    pub fn transposed(g: &Geometry, kernel: &[f32]) -> Packed {
        Packed::new(Algorithm::of(g), g, kernel, winograd::Direction::Transposed, Uses::Many)
    }

    /// As [`Packed::forward`], for one use on a whole batch: what is large is made piece by piece when it is used. Same bits.
    pub fn forward_once(g: &Geometry, kernel: &[f32]) -> Packed {
        Packed::new(Algorithm::of(g), g, kernel, winograd::Direction::Forward, Uses::One)
    }

    /// As [`Packed::transposed`], for one use on a whole batch.
    pub fn transposed_once(g: &Geometry, kernel: &[f32]) -> Packed {
        Packed::new(Algorithm::of(g), g, kernel, winograd::Direction::Transposed, Uses::One)
    }

    /// The kernel `[depth, out_channels]` of a convolution that is computed directly.
    pub(crate) fn panels(&self) -> Option<&Panels> {
        match &self.0 {
            Layout::Panels(panels) => Some(panels),
            Layout::Winograd(_) => None,
        }
    }

    fn new(
        algorithm: Algorithm,
        g: &Geometry,
        kernel: &[f32],
        direction: winograd::Direction,
        uses: Uses,
    ) -> Packed {
        assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
        let outputs = g.out_channels;
        Packed(match (algorithm, direction, uses) {
            (Algorithm::Direct, winograd::Direction::Forward, _) => {
                Layout::Panels(Panels::new(g.depth(), outputs, kernel, |row| row * outputs, 1))
            }
            // For each tap the output channels are rows, the input channels columns.
            (Algorithm::Direct, winograd::Direction::Transposed, _) => {
                let start = |row: usize| row / outputs * g.in_channels * outputs + row % outputs;
                Layout::Panels(Panels::new(g.taps() * outputs, g.in_channels, kernel, start, outputs))
            }
            (Algorithm::Winograd, _, Uses::Many) => {
                Layout::Winograd(winograd::Transformed::new(g, kernel, direction))
            }
            (Algorithm::Winograd, _, Uses::One) => {
                Layout::Winograd(winograd::Transformed::for_one_use(g, kernel, direction))
            }
        })
    }
}

/// How often packed weights serve.
#[derive(Clone, Copy)]
enum Uses {
    One,
    Many,
}

/// Turns the gradient of an activation's output `y` into that of its input, in place.
pub fn undo_activation(activation: Activation, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "lengths of the output and its gradient");
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if activation.passes(y) { *dy } else { 0.0 };
    }
}
