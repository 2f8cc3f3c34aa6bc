//! The convolution of section 5.1.1 in plain loops: read `forward` first, then see the same products in both gradients.
//!
//! `y[n, oy, ox, o] = bias[o] + Σ x[n, iy, ix, c] · kernel[ky, kx, c, o]` over the kernel's taps ky, kx and the input
//! channels c, where `iy = oy · stride + ky · dilation − padding`, and pixels outside the picture are zero.
//!
//! Pictures are `[N, height, width, channels]`, kernels `[rows, columns, in_channels, out_channels]`.

use super::Real;
use crate::conv2d::Geometry;

/// The output `y` of a convolution of the pictures `x`.
pub fn forward<R: Real>(g: &Geometry, x: &[R], kernel: &[R], bias: Option<&[R]>, y: &mut [R]) {
    y.fill(R::default());
    for_each_product(g, x.len() / g.input_len(), |to, from, weight| y[to] += x[from] * kernel[weight]);
    if let Some(bias) = bias {
        for pixel in y.chunks_mut(g.out_channels) {
            pixel.iter_mut().zip(bias).for_each(|(y, &bias)| *y += bias);
        }
    }
}

/// The gradient `dx` of the pictures, from the gradient `dy` of the output.
pub fn input_gradient<R: Real>(g: &Geometry, kernel: &[R], dy: &[R], dx: &mut [R]) {
    dx.fill(R::default());
    for_each_product(g, dx.len() / g.input_len(), |to, from, weight| dx[from] += dy[to] * kernel[weight]);
}

/// The gradient of the kernel, from the pictures `x` and the gradient `dy` of the output.
pub fn kernel_gradient<R: Real>(g: &Geometry, x: &[R], dy: &[R], dkernel: &mut [R]) {
    dkernel.fill(R::default());
    for_each_product(g, x.len() / g.input_len(), |to, from, weight| dkernel[weight] += x[from] * dy[to]);
}

/// The gradient of the bias: the sum of `dy` over pictures and pixels.
pub fn bias_gradient<R: Real>(dy: &[R], dbias: &mut [R]) {
    dbias.fill(R::default());
    for pixel in dy.chunks(dbias.len()) {
        dbias.iter_mut().zip(pixel).for_each(|(dbias, &dy)| *dbias += dy);
    }
}

/// Visits every product of the convolution: the places of its output, its input and its weight.
fn for_each_product(g: &Geometry, pictures: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let [rows, columns, _] = g.output();
    let [kernel_rows, kernel_columns] = g.window.size;
    for n in 0..pictures {
        for (oy, ox) in grid(rows, columns) {
            for (ky, kx) in grid(kernel_rows, kernel_columns) {
                let Some((iy, ix)) = pixel_under(g, (oy, ox), (ky, kx)) else { continue };
                for c in 0..g.in_channels {
                    for o in 0..g.out_channels {
                        let to = ((n * rows + oy) * columns + ox) * g.out_channels + o;
                        let from = ((n * g.height + iy) * g.width + ix) * g.in_channels + c;
                        let weight = ((ky * kernel_columns + kx) * g.in_channels + c) * g.out_channels + o;
                        visit(to, from, weight);
                    }
                }
            }
        }
    }
}

/// The pixel of the picture that lies under tap (ky, kx) of the kernel at position (oy, ox); `None` in the padding.
pub(super) fn pixel_under(
    g: &Geometry,
    (oy, ox): (usize, usize),
    (ky, kx): (usize, usize),
) -> Option<(usize, usize)> {
    let window = &g.window;
    let iy = (oy * window.stride[0] + ky * window.dilation[0]).checked_sub(window.padding.top)?;
    let ix = (ox * window.stride[1] + kx * window.dilation[1]).checked_sub(window.padding.left)?;
    (iy < g.height && ix < g.width).then_some((iy, ix))
}

/// All places of a grid, row by row.
pub(super) fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    #[test]
    fn a_picture_worked_out_by_hand() {
        // 3×3 picture, 2×2 kernel with weights 1, 10, 100, 1000: each output spells out the four pixels that it saw.
        let window = Window::new([2, 2], [1, 1]);
        let g = Geometry { height: 3, width: 3, in_channels: 1, out_channels: 1, window };
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let mut y = [0.0; 4];
        forward(&g, &x, &[1.0, 10.0, 100.0, 1000.0], Some(&[0.5]), &mut y);
        assert_eq!(y, [5421.5, 6532.5, 8754.5, 9865.5]);
        let mut dx = [0.0; 9];
        input_gradient(&g, &[1.0, 10.0, 100.0, 1000.0], &[1.0, 0.0, 0.0, 2.0], &mut dx);
        assert_eq!(dx, [1.0, 10.0, 0.0, 100.0, 1002.0, 20.0, 0.0, 200.0, 2000.0]);
        let mut dkernel = [0.0; 4];
        kernel_gradient(&g, &x, &[1.0, 0.0, 0.0, 2.0], &mut dkernel);
        assert_eq!(dkernel, [11.0, 14.0, 20.0, 23.0]);
        let mut dbias = [0.0; 1];
        bias_gradient(&[1.0, 0.0, 0.0, 2.0], &mut dbias);
        assert_eq!(dbias, [3.0]);
    }
}
