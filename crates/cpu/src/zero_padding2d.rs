//! Zeros around pictures, and the way back: pure copying.

use crate::chunks;
use crate::window::Borders;

/// Pictures `[N, height, width, channels]` and the zeros around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Zeros on each side, in pixels.
    pub padding: Borders,
}

impl Geometry {
    /// The shape of a padded picture: rows, columns, channels.
    pub fn output(&self) -> [usize; 3] {
        let Borders { top, bottom, left, right } = self.padding;
        [top + self.height + bottom, left + self.width + right, self.channels]
    }

    fn row(&self) -> usize {
        self.width * self.channels
    }

    /// # Panics
    /// When the arrays do not hold as many pictures.
    fn check(&self, input: usize, output: usize) {
        let (picture, padded) = (self.height * self.row(), self.output().iter().product::<usize>());
        let n = input.checked_div(picture).unwrap_or(0);
        assert_eq!(
            [input, output],
            [n * picture, n * padded],
            "lengths of the pictures and of the padded ones"
        );
    }
}

/// `y` `[N, rows, columns, channels]`: the pictures `x` with zeros around.
pub fn forward(g: &Geometry, x: &[f32], y: &mut [f32]) {
    g.check(x.len(), y.len());
    let ([rows, columns, channels], row_len) = (g.output(), g.row());
    let left = g.padding.left * channels;
    chunks::over(columns * channels, 2 * columns * channels, y, |range, y| {
        for (row, y) in range.zip(y.chunks_exact_mut(columns * channels)) {
            match (row % rows).checked_sub(g.padding.top).filter(|&row| row < g.height) {
                Some(inner) => {
                    let from = (row / rows * g.height + inner) * row_len;
                    y[..left].fill(0.0);
                    y[left..left + row_len].copy_from_slice(&x[from..from + row_len]);
                    y[left + row_len..].fill(0.0);
                }
                None => y.fill(0.0),
            }
        }
    });
}

/// The gradient `dx` of the pictures: `dy` without its borders.
pub fn gradient(g: &Geometry, dy: &[f32], dx: &mut [f32]) {
    g.check(dx.len(), dy.len());
    let ([rows, columns, channels], row_len) = (g.output(), g.row());
    chunks::over(row_len, 2 * row_len, dx, |range, dx| {
        for (row, dx) in range.zip(dx.chunks_exact_mut(row_len)) {
            let row = row / g.height * rows + g.padding.top + row % g.height;
            dx.copy_from_slice(&dy[(row * columns + g.padding.left) * channels..][..row_len]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::zero_padding2d as reference;
    use crate::testing::{numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn copies_are_exact(
            n in 1usize..4, height in 1usize..6, width in 1usize..6, channels in 1usize..5,
            (top, bottom, left, right) in (0usize..3, 0usize..3, 0usize..3, 0usize..3), seed: u32,
        ) {
            let g = Geometry { height, width, channels, padding: Borders { top, bottom, left, right } };
            let outputs = n * g.output().iter().product::<usize>();
            let (x, dy) = (numbers(n * height * width * channels, seed), numbers(outputs, seed ^ 1));
            let (mut y, mut exact) = (vec![f32::NAN; outputs], vec![0.0; outputs]);
            forward(&g, &x, &mut y);
            reference::forward(&g, &widened(&x), &mut exact);
            prop_assert_eq!(widened(&y), exact);
            let (mut dx, mut exact) = (vec![f32::NAN; x.len()], vec![0.0; x.len()]);
            gradient(&g, &dy, &mut dx);
            reference::gradient(&g, &widened(&dy), &mut exact);
            prop_assert_eq!(widened(&dx), exact);
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let padding = Borders { top: 1, bottom: 2, left: 3, right: 0 };
        let g = Geometry { height: 60, width: 70, channels: 16, padding };
        let x = numbers(3 * 60 * 70 * 16, 7);
        same_for_any_threads(|| {
            let (mut y, mut dx) = (vec![f32::NAN; 3 * 63 * 73 * 16], vec![f32::NAN; x.len()]);
            forward(&g, &x, &mut y);
            gradient(&g, &y, &mut dx);
            assert_eq!(dx, x);
            y
        });
    }
}
