//! The gradients of a convolution, as many of the three as are wanted.

use super::gradient::Gradient;
use super::{Algorithm, Geometry, Layout, Packed, input_gradient, kernel_gradient, winograd};

/// The gradients that are wanted, each with what it needs; what they held is overwritten.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// The pictures, and room for the gradient of the kernel.
    pub kernel: Option<(&'a [f32], &'a mut [f32])>,
    /// Room for the gradient of the bias.
    pub bias: Option<&'a mut [f32]>,
    /// The kernel as [`Packed::transposed`] made it, and room for the gradient of the pictures.
    pub input: Option<(&'a Packed, &'a mut [f32])>,
}

/// The gradients of a convolution of `n` pictures from that of its output.
///
/// The gradients of kernel and bias are sums over pictures: inside a slice each number is one chain, outside one chain per
/// group of pictures ([`crate::parallel::groups`]), the groups added in order; kernels of more than 2^18 weights are always
/// one chain. A pooled gradient gives the same bits as undoing the pooling and the activation first, and which of the three
/// are wanted changes no bit of any.
pub fn gradients(g: &Geometry, n: usize, dy: Gradient<'_>, wanted: Wanted<'_>) {
    gradients_by(Algorithm::of(g), g, n, dy, wanted);
}

pub(super) fn gradients_by(
    algorithm: Algorithm,
    g: &Geometry,
    n: usize,
    dy: Gradient<'_>,
    wanted: Wanted<'_>,
) {
    dy.check(g, n);
    if let Some((x, dkernel)) = &wanted.kernel {
        assert_eq!(
            [x.len(), dkernel.len()],
            [n * g.input_len(), g.kernel_len()],
            "lengths of pictures and kernel"
        );
    }
    if let Some(dbias) = &wanted.bias {
        assert_eq!(dbias.len(), g.out_channels, "length of the bias");
    }
    if let Some((_, dx)) = &wanted.input {
        assert_eq!(dx.len(), n * g.input_len(), "length of the pictures");
    }
    if algorithm == Algorithm::Winograd {
        return winograd::gradients(g, n, dy, wanted);
    }
    match (wanted.kernel, wanted.bias) {
        (Some((x, dkernel)), dbias) => kernel_gradient::kernel_gradient(g, x, dy, dkernel, dbias),
        (None, Some(dbias)) => kernel_gradient::bias_gradient(g, n, dy, dbias),
        (None, None) => {}
    }
    if let Some((Packed(packed), dx)) = wanted.input {
        let Layout::Panels(panels) = packed else { panic!("a kernel packed for Winograd's algorithm") };
        input_gradient::input_gradient(g, n, panels, dy, dx);
    }
}
