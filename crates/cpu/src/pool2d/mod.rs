//! Pooling over windows of a picture: maximum, average, and the average of a whole picture.
//!
//! Pictures are NHWC; their number follows from the length of the arrays.

pub mod average;
pub mod global;
pub mod max;

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
