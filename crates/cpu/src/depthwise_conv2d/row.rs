//! The loop: one row of the output from the rows that its windows see.

use super::seen::{Seen, View};
use crate::epilogue::Epilogue;
use crate::gemm::{Rows, for_each_tile};
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd};
use crate::window::Window;

/// Pixels of a tile: their sums, a row of three weights and three pixels fit into sixteen registers, and the sizes of MobileNet's
/// pictures are multiples of it.
const PIXELS: usize = 7;

/// The weights and what follows the sums, a whole number of vectors per tap.
pub(super) struct Weights {
    pitch: usize,
    filled: usize,
    /// Per tap `pitch` numbers, then as many of bias and, where there are any, of scale and shift.
    numbers: Buffer<f32>,
    taps: usize,
    scales: bool,
    bounds: [f32; 2],
}

impl Weights {
    /// `tap` gives the weights of a tap, one per channel.
    pub(super) fn new<'k>(
        view: &View,
        taps: usize,
        tap: impl Fn(usize) -> &'k [f32],
        epilogue: &Epilogue<'_>,
    ) -> Weights {
        let (pitch, filled) = (view.pitch(), view.filled());
        epilogue.check(filled);
        let scales = epilogue.scale_and_shift.is_some();
        let mut numbers = Buffer::zeros((taps + 3) * pitch);
        let (weights, rest) = numbers.split_at_mut(taps * pitch);
        for (number, to) in weights.chunks_exact_mut(pitch).enumerate() {
            to[..filled].copy_from_slice(tap(number));
        }
        if let Some(bias) = epilogue.bias {
            // A bias of −0 becomes 0, as in the other loops.
            rest.iter_mut().zip(bias).for_each(|(to, from)| *to = *from + 0.0);
        }
        if let Some(arrays) = epilogue.scale_and_shift {
            for (from, to) in arrays.into_iter().zip(rest[pitch..].chunks_exact_mut(pitch)) {
                to[..filled].copy_from_slice(from);
            }
        }
        Weights { pitch, filled, numbers, taps, scales, bounds: epilogue.bounds() }
    }
}

/// A row of the window's taps and the row of pixels under it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// The number of the first of its taps.
    pub(super) tap: usize,
    /// Where the pixels start.
    pub(super) start: usize,
}

/// Writes `columns` pixels of the output, `to_pitch` numbers from one to the next.
pub(super) struct Row<'a> {
    pub(super) seen: &'a Seen<'a>,
    pub(super) lines: &'a [Line],
    pub(super) weights: &'a Weights,
    /// Only its columns count.
    pub(super) window: Window,
    pub(super) columns: usize,
    pub(super) to: &'a mut [f32],
    pub(super) to_pitch: usize,
}

impl Kernel for Row<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(mut self, simd: S) {
        let Weights { pitch, filled, taps, .. } = *self.weights;
        assert!(filled.next_multiple_of(S::LANES) <= pitch, "pixels of whole vectors");
        let ([_, stride], [_, dilation], [_, size]) =
            (self.window.stride, self.window.dilation, self.window.size);
        let Some(last) = self.columns.checked_sub(1) else { return };
        let seen = (last * stride + (size - 1) * dilation + 1) * pitch;
        for line in self.lines {
            assert!(line.start + seen <= self.seen.numbers().len(), "a window beyond the row");
            assert!(line.tap + size <= taps, "a row of taps beyond the kernel");
        }
        let columns = 0..self.columns;
        match (size, dilation, stride, self.lines) {
            (3, 1, 1, &[a, b, c]) => {
                for_each_tile::<S, _, PIXELS, 1>(simd, columns, &mut ThreeByThree::<1>(&mut self, [a, b, c]));
            }
            (3, 1, 2, &[a, b, c]) => {
                for_each_tile::<S, _, PIXELS, 1>(simd, columns, &mut ThreeByThree::<2>(&mut self, [a, b, c]));
            }
            _ => for_each_tile::<S, _, PIXELS, 1>(simd, columns, &mut AnyWindow(&mut self)),
        }
    }
}

/// A window of 3×3 neighbouring pixels: each is loaded once for all windows that see it.
struct ThreeByThree<'r, 'a, const STRIDE: usize>(&'r mut Row<'a>, [Line; 3]);

impl<const STRIDE: usize> Rows for ThreeByThree<'_, '_, STRIDE> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let ThreeByThree(row, lines) = self;
        let pitch = row.weights.pitch;
        let (seen, numbers) = (row.seen.numbers().as_ptr(), row.weights.numbers.as_ptr());
        let mut starts = [(seen, numbers); 3];
        for (start, line) in starts.iter_mut().zip(lines) {
            let pixels = seen.wrapping_add(line.start + first * STRIDE * pitch);
            *start = (pixels, numbers.wrapping_add(line.tap * pitch));
        }
        for channel in (0..row.weights.filled).step_by(S::LANES) {
            let mut sums = [simd.splat(0.0); ROWS];
            for &(pixels, weights) in &starts {
                // SAFETY: `run` checked the taps and, for the last window, the pixels of every line; a pixel and the weights of
                // a tap are whole vectors.
                unsafe {
                    let weights = weights.add(channel);
                    let [one, two, three] = [
                        simd.load_at(weights),
                        simd.load_at(weights.add(pitch)),
                        simd.load_at(weights.add(2 * pitch)),
                    ];
                    let mut pixels = pixels.add(channel);
                    let mut left = simd.load_at(pixels);
                    pixels = pixels.add(pitch);
                    let mut middle = left;
                    if STRIDE == 1 {
                        middle = simd.load_at(pixels);
                        pixels = pixels.add(pitch);
                    }
                    for sum in &mut sums {
                        if STRIDE == 2 {
                            middle = simd.load_at(pixels);
                            pixels = pixels.add(pitch);
                        }
                        let right = simd.load_at(pixels);
                        // Behind the last window this pointer is not read.
                        pixels = pixels.wrapping_add(pitch);
                        *sum = simd.multiply_add(left, one, *sum);
                        *sum = simd.multiply_add(middle, two, *sum);
                        *sum = simd.multiply_add(right, three, *sum);
                        left = if STRIDE == 1 { middle } else { right };
                        middle = right;
                    }
                }
            }
            finish(simd, row, first, channel, sums);
        }
    }
}

struct AnyWindow<'r, 'a>(&'r mut Row<'a>);

impl Rows for AnyWindow<'_, '_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let pitch = self.0.weights.pitch;
        let (stride, dilation) = (self.0.window.stride[1] * pitch, self.0.window.dilation[1] * pitch);
        for channel in (0..self.0.weights.filled).step_by(S::LANES) {
            let mut sums = [simd.splat(0.0); ROWS];
            for line in self.0.lines {
                for tap in 0..self.0.window.size[1] {
                    // SAFETY: as in `ThreeByThree`.
                    unsafe {
                        let weight = (line.tap + tap) * pitch + channel;
                        let weight = simd.load_at(self.0.weights.numbers.as_ptr().add(weight));
                        let start = line.start + first * stride + tap * dilation + channel;
                        let pixels = self.0.seen.numbers().as_ptr().add(start);
                        for (pixel, sum) in sums.iter_mut().enumerate() {
                            *sum = simd.multiply_add(simd.load_at(pixels.add(pixel * stride)), weight, *sum);
                        }
                    }
                }
            }
            finish(simd, self.0, first, channel, sums);
        }
    }
}

/// Bias, scale and shift, activation; then the numbers of one vector of channels are stored.
#[inline(always)]
fn finish<S: Simd, const ROWS: usize>(
    simd: S,
    row: &mut Row<'_>,
    first: usize,
    channel: usize,
    mut sums: [S::Vector; ROWS],
) {
    let Weights { pitch, filled, taps, scales, bounds, .. } = *row.weights;
    let constants = &row.weights.numbers[taps * pitch + channel..];
    let bias = simd.load(constants);
    for sum in &mut sums {
        *sum = simd.add(*sum, bias);
    }
    if scales {
        let (scale, shift) = (simd.load(&constants[pitch..]), simd.load(&constants[2 * pitch..]));
        for sum in &mut sums {
            *sum = simd.multiply_add(*sum, scale, shift);
        }
    }
    // The order of the arguments of `max` and `min` lets NaN through.
    let [lowest, highest] = [simd.splat(bounds[0]), simd.splat(bounds[1])];
    for sum in &mut sums {
        *sum = simd.min(highest, simd.max(lowest, *sum));
    }
    if channel + S::LANES <= filled {
        for (pixel, &sum) in sums.iter().enumerate() {
            simd.store(sum, &mut row.to[(first + pixel) * row.to_pitch + channel..]);
        }
    } else {
        for (pixel, &sum) in sums.iter().enumerate() {
            let mut whole = [0.0; 16];
            simd.store(sum, &mut whole);
            let to = &mut row.to[(first + pixel) * row.to_pitch..][channel..filled];
            to.copy_from_slice(&whole[..to.len()]);
        }
    }
}
