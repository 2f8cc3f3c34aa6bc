//! The shapes of a convolution.

use crate::gemm::Panels;
use crate::window::Window;

/// The shapes of a convolution: pictures `[N, height, width, in_channels]`, a kernel `[rows, columns, in_channels,
/// out_channels]` and the window that says how it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Size, stride, dilation and padding.
    pub window: Window,
}

impl Geometry {
    /// The shape of one picture's output: rows, columns, channels.
    pub fn output(&self) -> [usize; 3] {
        let [rows, columns] = self.window.positions(self.height, self.width);
        [rows, columns, self.out_channels]
    }

    /// Numbers per picture of the input.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    /// Numbers per picture of the output.
    pub fn output_len(&self) -> usize {
        self.output().iter().product()
    }

    /// Weights of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.depth() * self.out_channels
    }

    /// Products per number of the output: taps times input channels.
    pub fn depth(&self) -> usize {
        self.window.size[0] * self.window.size[1] * self.in_channels
    }

    /// Floating-point operations of the forward pass per picture, two per product, those with padding included.
    pub fn flops(&self) -> u64 {
        2 * self.output_len() as u64 * self.depth() as u64
    }

    /// Whether [`forward_pool`](super::forward_pool) can run: the output holds at least one 2×2 window.
    pub fn can_pool(&self) -> bool {
        let [rows, columns, _] = self.output();
        rows >= 2 && columns >= 2
    }

    /// The shape of one picture's output after a 2×2 max-pooling with stride 2; an odd last row or column is dropped.
    pub fn pooled(&self) -> [usize; 3] {
        let [rows, columns, channels] = self.output();
        [rows / 2, columns / 2, channels]
    }

    /// Numbers per picture of the pooled output.
    pub fn pooled_len(&self) -> usize {
        self.pooled().iter().product()
    }

    /// Taps of the kernel: rows times columns.
    pub(crate) fn taps(&self) -> usize {
        self.window.size[0] * self.window.size[1]
    }

    /// The number of pictures in `x`.
    pub(super) fn pictures(&self, x: &[f32]) -> usize {
        let n = x.len().checked_div(self.input_len()).unwrap_or(0);
        assert_eq!(x.len(), n * self.input_len(), "length of the pictures");
        n
    }

    /// Bytes of the input and output that one row of the output stands for.
    pub(super) fn row_bytes(&self) -> usize {
        let [_, columns, channels] = self.output();
        let input = self.window.stride[0] * self.width * self.in_channels;
        (input + columns * channels).max(1) * size_of::<f32>()
    }

    pub(super) fn check_panels(&self, kernel: &Panels) {
        assert_eq!(
            [kernel.depth(), kernel.columns()],
            [self.depth(), self.out_channels],
            "a kernel packed forward"
        );
    }
}
