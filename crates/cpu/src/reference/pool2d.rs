//! Plain loops for [`crate::pool2d`]: see there.

use super::Real;
use crate::pool2d::Geometry;

/// Calls `visit(output, tap, input)` with the indices of each output number, and of the window's pixels inside the picture
/// in order, tap being ky · columns + kx.
fn visit(geometry: &Geometry, pictures: usize, mut visit: impl FnMut(usize, u32, usize)) {
    let ([rows, columns, channels], window) = (geometry.output(), geometry.window);
    let mut output = 0;
    for n in 0..pictures {
        for row in 0..rows {
            for column in 0..columns {
                for channel in 0..channels {
                    for ky in 0..window.size[0] {
                        for kx in 0..window.size[1] {
                            // Counted from the corner of the padding.
                            let y = row * window.stride[0] + ky * window.dilation[0];
                            let x = column * window.stride[1] + kx * window.dilation[1];
                            let (top, left) = (window.padding.top, window.padding.left);
                            let is_inside = (top..top + geometry.height).contains(&y)
                                && (left..left + geometry.width).contains(&x);
                            if is_inside {
                                let pixel = (n * geometry.height + y - top) * geometry.width + x - left;
                                visit(output, (ky * window.size[1] + kx) as u32, pixel * channels + channel);
                            }
                        }
                    }
                    output += 1;
                }
            }
        }
    }
}

/// Max-pooling.
pub mod max {
    use super::{Geometry, Real, visit};

    /// y = the maximum of each window; `argmax`, as long as y, receives its tap.
    pub fn forward<T: Real>(geometry: &Geometry, x: &[T], y: &mut [T], argmax: Option<&mut [u32]>) {
        let mut unused = Vec::new();
        let argmax = argmax.unwrap_or_else(|| {
            unused.resize(y.len(), 0);
            &mut unused
        });
        y.fill(T::of(f64::NEG_INFINITY));
        argmax.fill(u32::MAX);
        visit(geometry, x.len() / geometry.input_len(), |output, tap, input| {
            let (value, best) = (x[input], y[output]);
            #[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
            let first_nan = value != value && best == best;
            if argmax[output] == u32::MAX || value > best || first_nan {
                y[output] = value;
                argmax[output] = tap;
            }
        });
    }

    /// dx = each gradient at the pixel that won its window.
    pub fn gradient<T: Real>(geometry: &Geometry, dy: &[T], argmax: &[u32], dx: &mut [T]) {
        dx.fill(T::of(0.0));
        visit(geometry, dx.len() / geometry.input_len(), |output, tap, input| {
            if argmax[output] == tap {
                dx[input] += dy[output];
            }
        });
    }
}

/// Average-pooling.
pub mod average {
    use super::{Geometry, Real, visit};

    /// y = the mean of the pixels of each window that lie inside the picture.
    pub fn forward<T: Real>(geometry: &Geometry, x: &[T], y: &mut [T]) {
        y.fill(T::of(0.0));
        let counts = counts(geometry, y);
        visit(geometry, x.len() / geometry.input_len(), |output, _, input| {
            y[output] += x[input] / counts[output]
        });
    }

    /// dx = the sum over the windows that hold a pixel of dy divided by their number of pixels.
    pub fn gradient<T: Real>(geometry: &Geometry, dy: &[T], dx: &mut [T]) {
        dx.fill(T::of(0.0));
        let counts = counts(geometry, dy);
        visit(geometry, dx.len() / geometry.input_len(), |output, _, input| {
            dx[input] += dy[output] / counts[output];
        });
    }

    /// The pixels of each window that lie inside the picture.
    fn counts<T: Real>(geometry: &Geometry, y: &[T]) -> Vec<T> {
        let mut counts = vec![T::of(0.0); y.len()];
        let pictures = y.len().checked_div(geometry.output_len()).unwrap_or(0);
        visit(geometry, pictures, |output, _, _| counts[output] += T::of(1.0));
        counts
    }
}

/// Global average-pooling.
pub mod global {
    use super::Real;

    /// y = the mean over the `pixels` of each picture.
    pub fn average<T: Real>(pixels: usize, channels: usize, x: &[T], y: &mut [T]) {
        y.fill(T::of(0.0));
        for i in 0..x.len() {
            y[i / (pixels * channels) * channels + i % channels] += x[i] / T::of(pixels as f64);
        }
    }

    /// dx = dy / pixels at every pixel.
    pub fn average_gradient<T: Real>(pixels: usize, channels: usize, dy: &[T], dx: &mut [T]) {
        for i in 0..dx.len() {
            dx[i] = dy[i / (pixels * channels) * channels + i % channels] / T::of(pixels as f64);
        }
    }
}
