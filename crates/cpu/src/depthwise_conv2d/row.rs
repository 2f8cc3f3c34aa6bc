//! The loop: one row of the output from the rows that its windows see.

use super::seen::{Pixels, View};
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
    /// Where the pixels start; `None` for zeros.
    pub(super) start: Option<usize>,
}

/// Writes `columns` pixels of the output, `to_pitch` numbers from one to the next.
pub(super) struct Row<'a> {
    pub(super) pixels: &'a Pixels<'a>,
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
        let ([_, stride], [_, dilation], [_, size]) =
            (self.window.stride, self.window.dilation, self.window.size);
        let whole = filled.next_multiple_of(S::LANES);
        assert!(whole <= pitch && whole <= self.pixels.pitch(), "pixels of whole vectors");
        let (left, width) = (self.pixels.left(), self.pixels.columns());
        let seen = width * self.pixels.pitch();
        assert!(seen <= self.pixels.zeros().len(), "a row of zeros");
        for line in self.lines {
            let end = line.start.map_or(0, |start| start + seen);
            assert!(end <= self.pixels.numbers().len(), "a window beyond the row");
            assert!(line.tap + size <= taps, "a row of taps beyond the kernel");
        }
        // The windows that see nothing but pixels.
        let fitting =
            (left + width).checked_sub((size - 1) * dilation + 1).map_or(0, |rest| rest / stride + 1);
        let first = left.div_ceil(stride).min(self.columns);
        let inner = first..fitting.clamp(first, self.columns);
        for column in (0..inner.start).chain(inner.end..self.columns) {
            at_border(simd, &mut self, column);
        }
        match (size, dilation, stride, self.lines) {
            _ if inner.is_empty() => {}
            (3, 1, 1, &[a, b, c]) => {
                for_each_tile::<S, _, PIXELS, 1>(simd, inner, &mut ThreeByThree::<1>(&mut self, [a, b, c]));
            }
            (3, 1, 2, &[a, b, c]) => {
                for_each_tile::<S, _, PIXELS, 1>(simd, inner, &mut ThreeByThree::<2>(&mut self, [a, b, c]));
            }
            _ => for_each_tile::<S, _, PIXELS, 1>(simd, inner, &mut AnyWindow(&mut self)),
        }
    }
}

impl Row<'_> {
    /// The pixels of a line.
    #[inline(always)]
    fn line(&self, line: &Line) -> *const f32 {
        match line.start {
            Some(start) => self.pixels.numbers().as_ptr().wrapping_add(start),
            None => self.pixels.zeros().as_ptr(),
        }
    }
}

/// One position of the window that sees zeros beside the row.
#[inline(always)]
fn at_border<S: Simd>(simd: S, row: &mut Row<'_>, column: usize) {
    let (left, width, zeros) = (row.pixels.left(), row.pixels.columns(), row.pixels.zeros().as_ptr());
    let (stride, dilation) = (row.window.stride[1], row.window.dilation[1]);
    for channel in (0..row.weights.filled).step_by(S::LANES) {
        let mut sum = simd.splat(0.0);
        for line in row.lines {
            for tap in 0..row.window.size[1] {
                let place =
                    (column * stride + tap * dilation).checked_sub(left).filter(|&place| place < width);
                // SAFETY: `run` checked the taps, and that each line and the zeros have `width` pixels of whole vectors.
                unsafe {
                    let weight = (line.tap + tap) * row.weights.pitch + channel;
                    let weight = simd.load_at(row.weights.numbers.as_ptr().add(weight));
                    let pixel = place.map_or(zeros, |place| row.line(line).add(place * row.pixels.pitch()));
                    sum = simd.multiply_add(simd.load_at(pixel.add(channel)), weight, sum);
                }
            }
        }
        finish(simd, row, column, channel, [sum]);
    }
}

/// A window of 3×3 neighbouring pixels: each is loaded once for all windows that see it.
struct ThreeByThree<'r, 'a, const STRIDE: usize>(&'r mut Row<'a>, [Line; 3]);

impl<const STRIDE: usize> Rows for ThreeByThree<'_, '_, STRIDE> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let ThreeByThree(row, lines) = self;
        let (pitch, step) = (row.weights.pitch, row.pixels.pitch());
        let numbers = row.weights.numbers.as_ptr();
        let mut starts = [(numbers, numbers); 3];
        for (start, line) in starts.iter_mut().zip(lines) {
            let pixels = row.line(line).wrapping_add((first * STRIDE - row.pixels.left()) * step);
            *start = (pixels, numbers.wrapping_add(line.tap * pitch));
        }
        for channel in (0..row.weights.filled).step_by(S::LANES) {
            let mut sums = [simd.splat(0.0); ROWS];
            for &(pixels, weights) in &starts {
                // SAFETY: `run` checked the taps and the pixels of every line, and that these windows see nothing else; a pixel
                // and the weights of a tap are whole vectors.
                unsafe {
                    let weights = weights.add(channel);
                    let [one, two, three] = [
                        simd.load_at(weights),
                        simd.load_at(weights.add(pitch)),
                        simd.load_at(weights.add(2 * pitch)),
                    ];
                    let mut pixels = pixels.add(channel);
                    let mut left = simd.load_at(pixels);
                    pixels = pixels.add(step);
                    let mut middle = left;
                    if STRIDE == 1 {
                        middle = simd.load_at(pixels);
                        pixels = pixels.add(step);
                    }
                    for sum in &mut sums {
                        if STRIDE == 2 {
                            middle = simd.load_at(pixels);
                            pixels = pixels.add(step);
                        }
                        let right = simd.load_at(pixels);
                        // Behind the last window this pointer is not read.
                        pixels = pixels.wrapping_add(step);
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
        let (step, left) = (self.0.pixels.pitch(), self.0.pixels.left());
        let (stride, dilation) = (self.0.window.stride[1], self.0.window.dilation[1]);
        for channel in (0..self.0.weights.filled).step_by(S::LANES) {
            let mut sums = [simd.splat(0.0); ROWS];
            for line in self.0.lines {
                for tap in 0..self.0.window.size[1] {
                    // SAFETY: as in `ThreeByThree`.
                    unsafe {
                        let weight = (line.tap + tap) * pitch + channel;
                        let weight = simd.load_at(self.0.weights.numbers.as_ptr().add(weight));
                        let start = (first * stride + tap * dilation - left) * step + channel;
                        let pixels = self.0.line(line).add(start);
                        for (pixel, sum) in sums.iter_mut().enumerate() {
                            let pixel = simd.load_at(pixels.add(pixel * stride * step));
                            *sum = simd.multiply_add(pixel, weight, *sum);
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
