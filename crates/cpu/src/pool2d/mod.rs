//! Pooling over windows of a picture: maximum, average, and the average of a whole picture.
//!
//! Pictures are NHWC; their number follows from the length of the arrays.

pub mod average;
pub mod global;
pub mod max;
#[cfg(test)]
mod tests;

use crate::window::Window;
use std::ops::Range;

/// The shape of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Channels, each pooled alone.
    pub channels: usize,
    /// The window; padding never takes part, neither as a maximum nor in a mean.
    pub window: Window,
}

impl Geometry {
    /// The shape of the pooled picture: `[height, width, channels]`.
    pub fn output(&self) -> [usize; 3] {
        let [rows, columns] = self.window.positions(self.height, self.width);
        [rows, columns, self.channels]
    }

    /// Numbers in one picture.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers in one pooled picture.
    pub fn output_len(&self) -> usize {
        self.output().iter().product()
    }

    /// The number of pictures in arrays of these lengths.
    fn pictures(&self, input: usize, output: usize) -> usize {
        let pictures = input.checked_div(self.input_len()).unwrap_or(0);
        assert_eq!(
            input,
            pictures * self.input_len(),
            "the input is no whole number of pictures of {self:?}"
        );
        assert_eq!(
            output,
            pictures * self.output_len(),
            "{pictures} pictures of {self:?} have another output length"
        );
        pictures
    }

    /// Whether this is the 2×2 window with stride 2 that almost every network uses: windows that neither overlap nor
    /// leave the picture.
    fn is_halving(&self) -> bool {
        self.window == Window::new([2, 2], [2, 2])
    }

    /// Numbers in one row of a pooled picture.
    fn output_row_len(&self) -> usize {
        self.output()[1] * self.channels
    }

    /// Numbers that a loop touches to make one row of a pooled picture.
    fn output_row_cost(&self) -> usize {
        self.output_row_len() + self.window.size[0] * self.width * self.channels
    }

    /// The picture that holds row `row` of the output, counted through all pictures, and the row's number in it.
    fn picture_and_row<'x>(&self, x: &'x [f32], row: usize) -> (&'x [f32], usize) {
        let rows = self.output()[0];
        (&x[row / rows * self.input_len()..][..self.input_len()], row % rows)
    }

    /// The four pixels under an output pixel of the 2×2 window with stride 2, in order.
    fn halving_taps<'x>(&self, x: &'x [f32], row: usize, column: usize) -> [&'x [f32]; 4] {
        let channels = self.channels;
        let start = (2 * row * self.width + 2 * column) * channels;
        let (a, b) = x[start..][..2 * channels].split_at(channels);
        let (c, d) = x[start + self.width * channels..][..2 * channels].split_at(channels);
        [a, b, c, d]
    }

    /// The rows of taps of output row `row` that lie inside the picture.
    fn rows(&self, row: usize) -> Range<usize> {
        let Window { size, stride, dilation, padding } = &self.window;
        inside(row * stride[0], padding.top, dilation[0], size[0], self.height)
    }

    /// The columns of taps of output column `column` that lie inside the picture.
    fn columns(&self, column: usize) -> Range<usize> {
        let Window { size, stride, dilation, padding } = &self.window;
        inside(column * stride[1], padding.left, dilation[1], size[1], self.width)
    }

    /// Runs `work(tap, start)` for each tap of the window at (`row`, `column`) that lies inside the picture, in order: its
    /// number ky · columns + kx, and where its pixel starts in the picture.
    #[inline(always)]
    fn taps(&self, row: usize, column: usize, mut work: impl FnMut(u32, usize)) {
        let Window { size, stride, dilation, padding } = &self.window;
        for ky in self.rows(row) {
            let y = row * stride[0] + ky * dilation[0] - padding.top;
            for kx in self.columns(column) {
                let x = column * stride[1] + kx * dilation[1] - padding.left;
                work((ky * size[1] + kx) as u32, (y * self.width + x) * self.channels);
            }
        }
    }
}

/// The taps whose pixel `start + tap · dilation − padding` is one of `pixels`.
fn inside(start: usize, padding: usize, dilation: usize, taps: usize, pixels: usize) -> Range<usize> {
    let first = padding.saturating_sub(start).div_ceil(dilation).min(taps);
    let end = (pixels + padding).saturating_sub(start).div_ceil(dilation).min(taps);
    first..end.max(first)
}
