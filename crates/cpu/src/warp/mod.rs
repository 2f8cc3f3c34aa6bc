//! One sweep from a picture of bytes to its slot of a batch: an affine warp, a change of colours and the conversion to the
//! numbers that a model expects.
//!
//! The slot is written row by row: the places in the picture under 32 pixels of a row are worked out together, each pixel is
//! interpolated between its four neighbours, and the row is finished while it is in the cache. The work on one picture is
//! serial; a batch is cut over threads by its pictures, so their number changes no bit.

mod coordinates;
mod finish;
mod sample;
#[cfg(test)]
mod tests;

use crate::simd::{Kernel, Simd, Tile, isa};
use coordinates::{BLOCK, Coordinates};

/// What lies outside the picture. SciPy's names for it stand in brackets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// The nearest pixel of the edge: `a a a | a b c d | d d d` (nearest).
    Nearest,
    /// This number, in units of a pixel's byte, with a hard edge: nothing is interpolated between it and the picture (constant).
    Constant(f32),
    /// The picture mirrored, its edge repeated: `c b a | a b c d | d c b` (reflect).
    Reflect,
    /// The picture again: `b c d | a b c d | a b c` (grid-wrap).
    Wrap,
}

/// How far beyond the outermost pixel, in pixels, a place still counts as inside where the edge is hard: a matrix whose
/// sines were rounded must not lose a row.
pub const EDGE: f64 = 1.0 / 1024.0;

/// A change of the colours of a pixel, as numbers of 0 … 255; the result is clipped to 0 … 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colour {
    /// For three channels: each row makes one of red, green and blue as `row[0] · r + row[1] · g + row[2] · b + row[3]`.
    Rgb([[f32; 4]; 3]),
    /// For any number of channels: each becomes `scale · x + offset`.
    Each {
        /// The factor.
        scale: f32,
        /// What is added.
        offset: f32,
    },
}

/// The numbers that a model expects for pixels x of 0 … 255: `(x / divisor − mean) / deviation`, in this order and each step
/// rounded, which is what Keras computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Divides every channel first.
    pub divisor: f32,
    /// Subtracted per channel of the output; the first for every channel where there are not three.
    pub mean: [f32; 3],
    /// Divides last, per channel of the output; the first for every channel where there are not three.
    pub deviation: [f32; 3],
    /// Whether red and blue are exchanged.
    pub bgr: bool,
}

impl Range {
    /// The pixels as they are, 0 … 255.
    pub const BYTES: Range = Range { divisor: 1.0, mean: [0.0; 3], deviation: [1.0; 3], bgr: false };
}

/// What one sweep does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// Rows, columns and channels of the picture.
    pub picture: [usize; 3],
    /// Rows and columns of the output.
    pub output: [usize; 2],
    /// From a pixel (x, y) of the output to the place (x, y) in the picture that it shows: `row[0] · x + row[1] · y + row[2]`.
    /// Whole numbers are the centres of pixels. Any numbers do: where they are not finite the pixel is arbitrary.
    pub matrix: [[f64; 3]; 2],
    /// What lies outside the picture.
    pub fill: Fill,
    /// The change of colours.
    pub colour: Option<Colour>,
    /// The numbers that are written.
    pub range: Range,
}

impl Warp {
    /// Numbers of the output.
    pub fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.picture[2]
    }

    fn check(&self, picture: usize, to: usize) {
        let [height, width, channels] = self.picture;
        assert_eq!(picture, height * width * channels, "length of the picture");
        assert_eq!(to, self.output_len(), "length of the output");
        assert!(picture > 0 || to == 0, "an empty picture has no pixels to show");
        // Places are numbers of 32 bits.
        assert!(picture < 1 << 31, "a picture of 2 GiB or more");
        let rgb = matches!(self.colour, Some(Colour::Rgb(_))) || self.range.bgr;
        assert!(channels == 3 || !rgb, "colours of {channels} channels");
    }
}

/// Writes the picture (`[height, width, channels]`) as `warp` shows it (`[rows, columns, channels]`), interpolated
/// bilinearly.
///
/// Places are worked out in f32: on a picture of 1,000 pixels they are exact to 1/8,000 of a pixel.
///
/// # Panics
/// When a length is not what `warp` says, or a change for red, green and blue meets another number of channels.
pub fn bilinear(warp: &Warp, picture: &[u8], to: &mut [f32]) {
    warp.check(picture.len(), to.len());
    if !to.is_empty() {
        Tile::new(isa(), warp.picture[2]).run(Sweep { warp, picture, to });
    }
}

struct Sweep<'a> {
    warp: &'a Warp,
    picture: &'a [u8],
    to: &'a mut [f32],
}

impl Kernel for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Sweep { warp, picture, to } = self;
        let channels = warp.picture[2];
        let finish = finish::Finish::new(warp);
        for row in 0..warp.output[0] {
            let pitch = warp.output[1] * channels;
            for first in (0..warp.output[1]).step_by(BLOCK) {
                let count = BLOCK.min(warp.output[1] - first);
                let coordinates = Coordinates::new(warp, row, first);
                let to = &mut to[row * pitch + first * channels..];
                sample::block(simd, warp, &coordinates, count, picture, to);
            }
            finish.row(&mut to[row * pitch..][..pitch]);
        }
    }
}
