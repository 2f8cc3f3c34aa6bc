//! Average-pooling: the mean of the pixels of a window that lie inside the picture, as in TensorFlow.

use super::Geometry;
use crate::chunks;

/// y = the mean of each window, its pixels added in order; 0 for a window that lies wholly in the padding.
pub fn forward(geometry: &Geometry, x: &[f32], y: &mut [f32]) {
    geometry.pictures(x.len(), y.len());
    let row_len = geometry.output_row_len();
    chunks::over(row_len, geometry.output_row_cost(), y, |range, y| {
        for (row, y) in range.zip(y.chunks_exact_mut(row_len)) {
            let (x, row) = geometry.picture_and_row(x, row);
            if geometry.is_halving() {
                halving_row(geometry, x, row, y)
            } else {
                pool_row(geometry, x, row, y)
            }
        }
    });
}

fn pool_row(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32]) {
    let channels = geometry.channels;
    y.fill(0.0);
    for (column, y) in y.chunks_exact_mut(channels).enumerate() {
        geometry.taps(row, column, |_, start| {
            y.iter_mut().zip(&x[start..][..channels]).for_each(|(y, &x)| *y += x);
        });
        let count = count(geometry, row, column);
        y.iter_mut().for_each(|y| *y /= count);
    }
}

/// What [`pool_row`] gives, bit for bit, for the 2×2 window with stride 2.
fn halving_row(geometry: &Geometry, x: &[f32], row: usize, y: &mut [f32]) {
    for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
        let [a, b, c, d] = geometry.halving_taps(x, row, column);
        for ((((y, &a), &b), &c), &d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *y = (0.0 + a + b + c + d) / 4.0;
        }
    }
}

/// dx = the sum over the windows that hold a pixel of dy divided by their number of pixels.
pub fn gradient(geometry: &Geometry, dy: &[f32], dx: &mut [f32]) {
    geometry.pictures(dx.len(), dy.len());
    let [_, columns, channels] = geometry.output();
    let (input, output) = (geometry.input_len(), geometry.output_len());
    chunks::over(input, input + output, dx, |pictures, dx| {
        for (picture, dx) in pictures.zip(dx.chunks_exact_mut(input)) {
            dx.fill(0.0);
            let dy = &dy[picture * output..][..output];
            for (pixel, dy) in dy.chunks_exact(channels).enumerate() {
                let (row, column) = (pixel / columns, pixel % columns);
                let count = count(geometry, row, column);
                geometry.taps(row, column, |_, start| {
                    dx[start..][..channels].iter_mut().zip(dy).for_each(|(dx, &dy)| *dx += dy / count);
                });
            }
        }
    });
}

/// The pixels of the window at (`row`, `column`) that lie inside the picture; 1 where there are none, so that their sum of
/// 0 stays 0.
fn count(geometry: &Geometry, row: usize, column: usize) -> f32 {
    (geometry.rows(row).len() * geometry.columns(column).len()).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;
    use crate::window::Window;

    #[test]
    fn the_quick_path_changes_no_bit() {
        let geometry = Geometry { height: 5, width: 7, channels: 19, window: Window::new([2, 2], [2, 2]) };
        let x = numbers(geometry.input_len(), 23);
        let (mut quick, mut general) = (vec![0.0; 3 * 19], vec![1.0; 3 * 19]);
        for row in 0..2 {
            halving_row(&geometry, &x, row, &mut quick);
            pool_row(&geometry, &x, row, &mut general);
            assert_eq!(quick, general);
        }
    }
}
