//! The window that a convolution or a pooling moves over a picture: size, stride, dilation and padding.

/// Zeros (for max-pooling: nothing) added around a picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Borders {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A window: `[rows, columns]` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps per axis.
    pub size: [usize; 2],
    /// Pixels between two positions of the window.
    pub stride: [usize; 2],
    /// Pixels between two neighbouring taps; 1 is a dense window.
    pub dilation: [usize; 2],
    /// Padding around the picture.
    pub padding: Borders,
}

impl Window {
    /// A dense window without padding.
    pub const fn new(size: [usize; 2], stride: [usize; 2]) -> Window {
        Window { size, stride, dilation: [1, 1], padding: Borders { top: 0, bottom: 0, left: 0, right: 0 } }
    }

    /// The pixels that the window spans along each axis.
    pub const fn extent(&self) -> [usize; 2] {
        [(self.size[0] - 1) * self.dilation[0] + 1, (self.size[1] - 1) * self.dilation[1] + 1]
    }

    /// Positions of the window along each axis of a picture of `height` × `width`; 0 where it does not fit.
    pub const fn positions(&self, height: usize, width: usize) -> [usize; 2] {
        let Borders { top, bottom, left, right } = self.padding;
        let ([rows, columns], [tall, wide]) = ([top + height + bottom, left + width + right], self.extent());
        [
            if rows < tall { 0 } else { (rows - tall) / self.stride[0] + 1 },
            if columns < wide { 0 } else { (columns - wide) / self.stride[1] + 1 },
        ]
    }

    /// The padding with which the positions are the picture's size divided by the stride, rounded up. Where it is odd,
    /// the larger half goes below and to the right, as in TensorFlow.
    pub const fn padded_same(mut self, height: usize, width: usize) -> Window {
        const fn halves(pixels: usize, extent: usize, stride: usize) -> (usize, usize) {
            let needed = (pixels.div_ceil(stride) - 1) * stride + extent;
            let padding = needed.saturating_sub(pixels);
            (padding / 2, padding - padding / 2)
        }
        let [tall, wide] = self.extent();
        let (top, bottom) = halves(height, tall, self.stride[0]);
        let (left, right) = halves(width, wide, self.stride[1]);
        self.padding = Borders { top, bottom, left, right };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_chapter() {
        // 5×5 picture, 3×3 window: 9 positions; padded: 25; stride 2: 4.
        assert_eq!(Window::new([3, 3], [1, 1]).positions(5, 5), [3, 3]);
        assert_eq!(Window::new([3, 3], [1, 1]).padded_same(5, 5).positions(5, 5), [5, 5]);
        assert_eq!(Window::new([3, 3], [2, 2]).positions(5, 5), [2, 2]);
        assert_eq!(Window::new([3, 3], [1, 1]).positions(2, 9), [0, 7]);
    }

    #[test]
    fn same_padding_is_larger_below_and_to_the_right() {
        let window = Window::new([3, 3], [2, 2]).padded_same(8, 7);
        assert_eq!(window.padding, Borders { top: 0, bottom: 1, left: 1, right: 1 });
        assert_eq!(window.positions(8, 7), [4, 4]);
    }
}
