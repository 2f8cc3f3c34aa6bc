//! The shapes of a depthwise convolution.

use crate::window::Window;

/// The shapes of a depthwise convolution: pictures `[N, height, width, channels]`, a kernel `[rows, columns, channels,
/// multiplier]` and the window that says how it moves. Output channel `c · multiplier + m` is made of input channel `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output per channel of the input.
    pub multiplier: usize,
    /// Size, stride, dilation and padding.
    pub window: Window,
}

impl Geometry {
    /// Channels of the output.
    pub fn out_channels(&self) -> usize {
        self.channels * self.multiplier
    }

    /// The shape of one picture's output: rows, columns, channels.
    pub fn output(&self) -> [usize; 3] {
        let [rows, columns] = self.window.positions(self.height, self.width);
        [rows, columns, self.out_channels()]
    }

    /// Numbers per picture of the input.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers per picture of the output.
    pub fn output_len(&self) -> usize {
        self.output().iter().product()
    }

    /// Weights of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.taps() * self.out_channels()
    }

    /// Products per number of the output: the taps of the window.
    pub fn taps(&self) -> usize {
        self.window.size[0] * self.window.size[1]
    }

    /// Floating-point operations of the forward pass per picture, two per product, those with padding included.
    pub fn flops(&self) -> u64 {
        2 * self.output_len() as u64 * self.taps() as u64
    }

    /// The number of pictures in `x`.
    pub(super) fn pictures(&self, x: &[f32]) -> usize {
        let n = x.len().checked_div(self.input_len()).unwrap_or(0);
        assert_eq!(x.len(), n * self.input_len(), "length of the pictures");
        n
    }
}
