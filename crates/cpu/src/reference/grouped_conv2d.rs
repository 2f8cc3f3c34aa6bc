//! Convolution in groups of channels (Krizhevsky and others, 2012; ResNeXt, Xie and others, 2017) in plain loops.
//!
//! Input and output channels are cut into as many groups, and each group of the output sees its group of the input alone:
//! `y[n, oy, ox, o] = bias[o] + Σ x[n, iy, ix, c] · kernel[ky, kx, c − first, o]`, where c runs over the input channels of
//! the group that o lies in, the first of which is `first`. With one group it is the convolution of
//! [`conv2d`](super::conv2d), with one per channel the depthwise one.
//!
//! Pictures are `[N, height, width, channels]`, kernels `[rows, columns, channels / groups, out_channels]`. The geometry is
//! that of one group: its `in_channels` and `out_channels` are those of the group.

use super::Real;
use super::conv2d::{grid, pixel_under};
use crate::conv2d::Geometry;

/// The output `y` of a convolution in groups of the pictures `x`.
pub fn forward<R: Real>(g: &Geometry, groups: usize, x: &[R], kernel: &[R], bias: Option<&[R]>, y: &mut [R]) {
    y.fill(R::default());
    for_each_product(g, groups, x.len(), |to, from, weight| y[to] += x[from] * kernel[weight]);
    if let Some(bias) = bias {
        for pixel in y.chunks_mut(groups * g.out_channels) {
            pixel.iter_mut().zip(bias).for_each(|(y, &bias)| *y += bias);
        }
    }
}

/// The gradient `dx` of the pictures, from the gradient `dy` of the output.
pub fn input_gradient<R: Real>(g: &Geometry, groups: usize, kernel: &[R], dy: &[R], dx: &mut [R]) {
    dx.fill(R::default());
    for_each_product(g, groups, dx.len(), |to, from, weight| dx[from] += dy[to] * kernel[weight]);
}

/// The gradient of the kernel, from the pictures `x` and the gradient `dy` of the output. That of the bias is the
/// convolution's: [`bias_gradient`](super::conv2d::bias_gradient).
pub fn kernel_gradient<R: Real>(g: &Geometry, groups: usize, x: &[R], dy: &[R], dkernel: &mut [R]) {
    dkernel.fill(R::default());
    for_each_product(g, groups, x.len(), |to, from, weight| dkernel[weight] += x[from] * dy[to]);
}

/// Visits every product: the places of its output, its input and its weight. `input` is the length of all pictures.
fn for_each_product(g: &Geometry, groups: usize, input: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let [rows, columns, _] = g.output();
    let [kernel_rows, kernel_columns] = g.window.size;
    let (in_channels, out_channels) = (groups * g.in_channels, groups * g.out_channels);
    for n in 0..input / (groups * g.input_len()) {
        for (oy, ox) in grid(rows, columns) {
            for (ky, kx) in grid(kernel_rows, kernel_columns) {
                let Some((iy, ix)) = pixel_under(g, (oy, ox), (ky, kx)) else { continue };
                for c in 0..g.in_channels {
                    for o in 0..out_channels {
                        let first = o / g.out_channels * g.in_channels;
                        let to = ((n * rows + oy) * columns + ox) * out_channels + o;
                        let from = ((n * g.height + iy) * g.width + ix) * in_channels + first + c;
                        let weight = ((ky * kernel_columns + kx) * g.in_channels + c) * out_channels + o;
                        visit(to, from, weight);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{conv2d, depthwise_conv2d};
    use crate::testing::numbers;
    use crate::window::Window;

    #[test]
    fn two_groups_worked_out_by_hand() {
        // One pixel of four channels, two groups of two: the first two outputs add 1 and 2, the last adds 30 and 40.
        let window = Window::new([1, 1], [1, 1]);
        let g = Geometry { height: 1, width: 1, in_channels: 2, out_channels: 1, window };
        let (x, kernel) = ([1.0, 2.0, 30.0, 40.0], [1.0, 100.0, 10.0, 1000.0]);
        let mut y = [0.0; 2];
        forward(&g, 2, &x, &kernel, Some(&[0.5, 0.0]), &mut y);
        assert_eq!(y, [21.5, 43_000.0]);
        let mut dx = [0.0; 4];
        input_gradient(&g, 2, &kernel, &[1.0, 2.0], &mut dx);
        assert_eq!(dx, [1.0, 10.0, 200.0, 2000.0]);
        let mut dkernel = [0.0; 4];
        kernel_gradient(&g, 2, &x, &[1.0, 2.0], &mut dkernel);
        assert_eq!(dkernel, [1.0, 60.0, 2.0, 80.0]);
    }

    /// One group is the convolution, a group per channel the depthwise convolution.
    #[test]
    fn its_ends_are_the_other_two_convolutions() {
        let window = Window::new([3, 2], [2, 1]).padded_same(5, 4);
        let g = Geometry { height: 5, width: 4, in_channels: 3, out_channels: 2, window };
        let (x, kernel) = (numbers(2 * g.input_len(), 1), numbers(g.kernel_len(), 2));
        let mut y = [vec![0.0; 2 * g.output_len()], vec![0.0; 2 * g.output_len()]];
        forward(&g, 1, &x, &kernel, None, &mut y[0]);
        conv2d::forward(&g, &x, &kernel, None, &mut y[1]);
        assert_eq!(y[0], y[1]);

        let single = Geometry { in_channels: 1, ..g };
        let depthwise =
            crate::depthwise_conv2d::Geometry { height: 5, width: 4, channels: 3, multiplier: 2, window };
        let mut y = [vec![0.0; 2 * depthwise.output_len()], vec![0.0; 2 * depthwise.output_len()]];
        forward(&single, 3, &x, &kernel, None, &mut y[0]);
        depthwise_conv2d::forward(&depthwise, &x, &kernel, None, &mut y[1]);
        assert_eq!(y[0], y[1]);
    }
}
