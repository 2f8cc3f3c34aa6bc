//! Direct convolution of NHWC pictures, forward and both gradients, alone or fused with a 2×2 max-pooling.
//!
//! Plain-loop twin: [`crate::reference::conv2d`].

mod geometry;

pub use geometry::Geometry;

use crate::activation::Activation;
use crate::memory::Buffer;
use crate::parallel;
use crate::reference;

/// Kernel weights in the order the loops read them; made once per weight value, shared by all slices.
#[derive(Debug)]
pub struct Packed {
    kernel: Buffer<f32>,
}

impl Packed {
    /// Packs a kernel for [`forward`] and [`forward_pool`].
    pub fn forward(g: &Geometry, kernel: &[f32]) -> Packed {
        assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
        Packed { kernel: Buffer::copied(kernel) }
    }

    /// Packs a kernel for [`input_gradient`] and [`pooled_input_gradient`].
    pub fn transposed(g: &Geometry, kernel: &[f32]) -> Packed {
        Packed::forward(g, kernel)
    }
}

/// `y = activation(x ∗ kernel + bias)`; `x` `[N, height, width, in_channels]`, `y` `[N, rows, columns, out_channels]`.
pub fn forward(
    g: &Geometry,
    x: &[f32],
    packed: &Packed,
    bias: Option<&[f32]>,
    activation: Activation,
    y: &mut [f32],
) {
    reference::conv2d::forward(g, x, &packed.kernel, bias, y);
    y.iter_mut().for_each(|y| *y = activation.apply(*y));
}

/// The gradient `dx` of the pictures, from the gradient `dy` of the output.
pub fn input_gradient(g: &Geometry, packed: &Packed, dy: &[f32], dx: &mut [f32]) {
    reference::conv2d::input_gradient(g, &packed.kernel, dy, dx);
}

/// The gradient of the kernel; what `dkernel` held is overwritten.
pub fn kernel_gradient(g: &Geometry, x: &[f32], dy: &[f32], dkernel: &mut [f32]) {
    by_group(x.len() / g.input_len(), dkernel, |pictures, dkernel| {
        let x = &x[pictures.start * g.input_len()..pictures.end * g.input_len()];
        let dy = &dy[pictures.start * g.output_len()..pictures.end * g.output_len()];
        reference::conv2d::kernel_gradient(g, x, dy, dkernel);
    });
}

fn by_group(n: usize, sum: &mut [f32], part: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync) {
    let groups: Vec<_> = parallel::groups(n).collect();
    sum.fill(0.0);
    let len = sum.len();
    parallel::ordered_fold(
        groups.len(),
        |group| {
            let mut partial = Buffer::recycled(len);
            part(groups[group].clone(), &mut partial);
            partial
        },
        |group, partial: Buffer<f32>| {
            if group == 0 {
                sum.copy_from_slice(&partial);
            } else {
                sum.iter_mut().zip(partial.iter()).for_each(|(sum, partial)| *sum += partial);
            }
        },
    );
}

/// The gradient of the bias; what `dbias` held is overwritten.
pub fn bias_gradient(channels: usize, pictures: usize, dy: &[f32], dbias: &mut [f32]) {
    assert_eq!(dbias.len(), channels);
    let len = dy.len() / pictures.max(1);
    by_group(pictures, dbias, |pictures, dbias| {
        reference::conv2d::bias_gradient(&dy[pictures.start * len..pictures.end * len], dbias);
    });
}

/// Turns the gradient of an activation's output `y` into that of its input, in place.
pub fn undo_activation(activation: Activation, y: &[f32], dy: &mut [f32]) {
    for (dy, &y) in dy.iter_mut().zip(y) {
        if !activation.passes(y) {
            *dy = 0.0;
        }
    }
}

/// Bytes per picture of the arg-max of [`forward_pool`].
pub fn argmax_len(g: &Geometry) -> usize {
    let [rows, columns, channels] = g.pooled();
    rows * columns * channels.div_ceil(8) * 2
}

/// [`forward`], then a 2×2 max-pooling with stride 2, in one.
pub fn forward_pool(
    g: &Geometry,
    x: &[f32],
    packed: &Packed,
    bias: Option<&[f32]>,
    activation: Activation,
    y_pooled: &mut [f32],
    mut argmax: Option<&mut [u8]>,
) {
    let n = x.len() / g.input_len();
    let mut y = Buffer::recycled(n * g.output_len());
    forward(g, x, packed, bias, activation, &mut y);
    let [_, columns, channels] = g.output();
    let [pooled_rows, pooled_columns, _] = g.pooled();
    if let Some(argmax) = argmax.as_deref_mut() {
        argmax.fill(0);
    }
    for p in 0..n * pooled_rows * pooled_columns {
        let (n, py, px) =
            (p / (pooled_rows * pooled_columns), p / pooled_columns % pooled_rows, p % pooled_columns);
        for c in 0..channels {
            let at = |k: usize| {
                let (row, column) = (2 * py + k / 2, 2 * px + k % 2);
                y[n * g.output_len() + (row * columns + column) * channels + c]
            };
            let best = (1..4).fold(0, |best, k| if at(k) > at(best) { k } else { best });
            y_pooled[p * channels + c] = at(best);
            if let Some(argmax) = argmax.as_deref_mut() {
                for bit in 0..2 {
                    argmax[(p * channels.div_ceil(8) + c / 8) * 2 + bit] |=
                        ((best >> bit & 1) << (c % 8)) as u8;
                }
            }
        }
    }
}

fn expanded(
    g: &Geometry,
    y_pooled: &[f32],
    argmax: &[u8],
    activation: Activation,
    dy_pooled: &[f32],
) -> Buffer<f32> {
    let [_, columns, channels] = g.output();
    let [pooled_rows, pooled_columns, _] = g.pooled();
    let n = y_pooled.len() / g.pooled_len();
    let mut dy = Buffer::zeros(n * g.output_len());
    for p in 0..n * pooled_rows * pooled_columns {
        let (n, py, px) =
            (p / (pooled_rows * pooled_columns), p / pooled_columns % pooled_rows, p % pooled_columns);
        for c in 0..channels {
            let bit = |bit| (argmax[(p * channels.div_ceil(8) + c / 8) * 2 + bit] >> (c % 8) & 1) as usize;
            let (row, column) = (2 * py + bit(1), 2 * px + bit(0));
            if activation.passes(y_pooled[p * channels + c]) {
                dy[n * g.output_len() + (row * columns + column) * channels + c] =
                    dy_pooled[p * channels + c];
            }
        }
    }
    dy
}

/// The gradient `dx` of the pictures, from the gradient of [`forward_pool`]'s output.
pub fn pooled_input_gradient(
    g: &Geometry,
    packed: &Packed,
    y_pooled: &[f32],
    argmax: &[u8],
    activation: Activation,
    dy_pooled: &[f32],
    dx: &mut [f32],
) {
    input_gradient(g, packed, &expanded(g, y_pooled, argmax, activation, dy_pooled), dx);
}

/// The gradient of the kernel and, where wanted, of the bias, from the gradient of [`forward_pool`]'s output.
#[expect(clippy::too_many_arguments, reason = "each is another tensor")]
pub fn pooled_kernel_gradient(
    g: &Geometry,
    x: &[f32],
    y_pooled: &[f32],
    argmax: &[u8],
    activation: Activation,
    dy_pooled: &[f32],
    dkernel: &mut [f32],
    dbias: Option<&mut [f32]>,
) {
    let dy = expanded(g, y_pooled, argmax, activation, dy_pooled);
    kernel_gradient(g, x, &dy, dkernel);
    if let Some(dbias) = dbias {
        bias_gradient(g.out_channels, dy.len() / g.output_len(), &dy, dbias);
    }
}
