//! The depthwise convolution of MobileNet (Howard and others, 2017) in plain loops: every channel is convolved by itself.
//!
//! `y[n, oy, ox, c · multiplier + m] = bias[c · multiplier + m] + Σ x[n, iy, ix, c] · kernel[ky, kx, c, m]` over the
//! kernel's taps ky, kx, where `iy = oy · stride + ky · dilation − padding`, and pixels outside the picture are zero. A
//! convolution sums over the input channels too; here that is left to the 1×1 convolution behind.
//!
//! Pictures are `[N, height, width, channels]`, kernels `[rows, columns, channels, multiplier]`.

use super::Real;
use crate::depthwise_conv2d::Geometry;

/// The output `y` of a depthwise convolution of the pictures `x`.
pub fn forward<R: Real>(g: &Geometry, x: &[R], kernel: &[R], bias: Option<&[R]>, y: &mut [R]) {
    y.fill(R::default());
    for_each_product(g, x.len() / g.input_len(), |to, from, weight| y[to] += x[from] * kernel[weight]);
    if let Some(bias) = bias {
        for pixel in y.chunks_mut(g.out_channels()) {
            pixel.iter_mut().zip(bias).for_each(|(y, &bias)| *y += bias);
        }
    }
}

/// The gradient `dx` of the pictures, from the gradient `dy` of the output.
pub fn input_gradient<R: Real>(g: &Geometry, kernel: &[R], dy: &[R], dx: &mut [R]) {
    dx.fill(R::default());
    for_each_product(g, dx.len() / g.input_len(), |to, from, weight| dx[from] += dy[to] * kernel[weight]);
}

/// The gradient of the kernel, from the pictures `x` and the gradient `dy` of the output. That of the bias is the
/// convolution's: [`bias_gradient`](super::conv2d::bias_gradient).
pub fn kernel_gradient<R: Real>(g: &Geometry, x: &[R], dy: &[R], dkernel: &mut [R]) {
    dkernel.fill(R::default());
    for_each_product(g, x.len() / g.input_len(), |to, from, weight| dkernel[weight] += x[from] * dy[to]);
}

/// Visits every product: the places of its output, its input and its weight.
fn for_each_product(g: &Geometry, pictures: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let [rows, columns, out_channels] = g.output();
    let [kernel_rows, kernel_columns] = g.window.size;
    for n in 0..pictures {
        for (oy, ox) in grid(rows, columns) {
            for (ky, kx) in grid(kernel_rows, kernel_columns) {
                let Some((iy, ix)) = pixel_under(g, (oy, ox), (ky, kx)) else { continue };
                for o in 0..out_channels {
                    let to = ((n * rows + oy) * columns + ox) * out_channels + o;
                    let from = ((n * g.height + iy) * g.width + ix) * g.channels + o / g.multiplier;
                    visit(to, from, (ky * kernel_columns + kx) * out_channels + o);
                }
            }
        }
    }
}

/// The pixel of the picture that lies under tap (ky, kx) of the kernel at position (oy, ox); `None` in the padding.
fn pixel_under(g: &Geometry, (oy, ox): (usize, usize), (ky, kx): (usize, usize)) -> Option<(usize, usize)> {
    let window = &g.window;
    let iy = (oy * window.stride[0] + ky * window.dilation[0]).checked_sub(window.padding.top)?;
    let ix = (ox * window.stride[1] + kx * window.dilation[1]).checked_sub(window.padding.left)?;
    (iy < g.height && ix < g.width).then_some((iy, ix))
}

fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    #[test]
    fn two_channels_worked_out_by_hand() {
        // Two pixels of two channels, a 1×2 kernel with two outputs per channel: 1 and 2 are summed with the weights of
        // channel 0, 30 and 40 with those of channel 1.
        let window = Window::new([1, 2], [1, 1]);
        let g = Geometry { height: 1, width: 2, channels: 2, multiplier: 2, window };
        let x = [1.0, 30.0, 2.0, 40.0];
        let kernel = [1.0, 10.0, 1.0, 10.0, 100.0, 1000.0, 100.0, 1000.0];
        let mut y = [0.0; 4];
        forward(&g, &x, &kernel, Some(&[0.5, 0.0, 0.0, 0.0]), &mut y);
        assert_eq!(y, [201.5, 2010.0, 4030.0, 40300.0]);
        let mut dx = [0.0; 4];
        input_gradient(&g, &kernel, &[1.0, 2.0, 3.0, 4.0], &mut dx);
        assert_eq!(dx, [21.0, 43.0, 2100.0, 4300.0]);
        let mut dkernel = [0.0; 8];
        kernel_gradient(&g, &x, &[1.0, 2.0, 3.0, 4.0], &mut dkernel);
        assert_eq!(dkernel, [1.0, 2.0, 90.0, 120.0, 2.0, 4.0, 120.0, 160.0]);
    }
}
