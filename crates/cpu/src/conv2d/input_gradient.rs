//! The gradient with respect to the pictures.

use super::Geometry;
use super::band::{Band, deal, to_u32};
use super::forward::BAND_BYTES;
use super::gradient::Gradient;
use crate::gemm::{Gathered, Panels, Rows, counting, for_each_tile, load_tile, product, store_tile};
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// The gradient `dx` of the pictures, from the gradient `dy` of the output of `n` pictures; `panels` as
/// [`Packed::transposed`](super::Packed::transposed) made them.
///
/// Each number of `dx` is one chain over the output pixels that saw it in order, and over their channels.
pub(super) fn input_gradient(g: &Geometry, n: usize, panels: &Panels, dy: Gradient<'_>, dx: &mut [f32]) {
    assert_eq!(
        [panels.depth(), panels.columns()],
        [g.taps() * g.out_channels, g.in_channels],
        "a kernel packed transposed"
    );
    let bands = Band::cut_for_threads(0..n, g.height, BAND_BYTES / g.row_bytes());
    let mut parts = deal(&bands, g.width * g.in_channels, dx);
    let offsets = counting(g.out_channels, 1);
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        part[0].fill(0.0);
        of_band(g, panels, dy, &bands[index], &offsets, &mut *part[0]);
    });
}

/// Adds tap after tap to a band of input rows: each output pixel's gradient times the weights of the tap goes to the
/// input pixel that it saw there. Products with the padding are never made.
///
/// The last tap comes first: it belongs to the first output pixel that sees an input pixel.
fn of_band(g: &Geometry, panels: &Panels, dy: Gradient<'_>, band: &Band, offsets: &[u32], dx: &mut [f32]) {
    let [height, width] = dy.size(g);
    let ([kernel_rows, kernel_columns], [down, right]) = (g.window.size, g.window.dilation);
    let [rows, columns] = [
        Axis { stride: g.window.stride[0], padding: g.window.padding.top, outputs: height },
        Axis { stride: g.window.stride[1], padding: g.window.padding.left, outputs: width },
    ];
    let of_tap = |ky: usize| rows.that_see(band.rows.clone(), ky * down);
    let seen = (0..kernel_rows).map(of_tap).filter(|rows| !rows.is_empty());
    let Some(seen) = seen.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)) else { return };
    let gradient = dy.rows(g, &Band { pictures: band.pictures.clone(), rows: seen });
    let mut pairs: Option<Pairs> = None;
    for ky in (0..kernel_rows).rev() {
        for kx in (0..kernel_columns).rev() {
            let ranges = [of_tap(ky), columns.that_see(0..g.width, kx * right)];
            if ranges.iter().any(Range::is_empty) {
                continue;
            }
            let tap = [ky * down, kx * right];
            if pairs.as_ref().is_none_or(|pairs| pairs.ranges != ranges) {
                let from = |picture: usize, [y, x]: [usize; 2]| {
                    ((picture * gradient.height + y - gradient.first) * width + x) * g.out_channels
                };
                let to = |picture: usize, [y, x]: [usize; 2]| {
                    let y = y * rows.stride + tap[0] - rows.padding - band.rows.start;
                    let x = x * columns.stride + tap[1] - columns.padding;
                    ((picture * band.rows.len() + y) * g.width + x) * g.in_channels
                };
                pairs = Some(Pairs::new(band.pictures.len(), ranges, tap, from, to));
            }
            let Some(pairs) = &pairs else { unreachable!("the pairs were just made") };
            // The same output pixels as for an earlier tap: their input pixels lie all equally far from the earlier ones.
            let earlier = (pairs.tap[0] * g.width + pairs.tap[1]) * g.in_channels;
            let now = (tap[0] * g.width + tap[1]) * g.in_channels;
            panels.tile().run(Scatter {
                a: Gathered::new(gradient.numbers(), &pairs.from, offsets),
                b: panels,
                tap: ky * kernel_columns + kx,
                to: &pairs.to,
                shift: now.wrapping_sub(earlier),
                dx: &mut *dx,
            });
        }
    }
}

/// One direction of the window's way.
struct Axis {
    stride: usize,
    padding: usize,
    outputs: usize,
}

impl Axis {
    /// The output pixels whose tap `offset` pixels from the window's start lies on one of `inputs`.
    fn that_see(&self, inputs: Range<usize>, offset: usize) -> Range<usize> {
        let first = |input: usize| {
            (input + self.padding).saturating_sub(offset).div_ceil(self.stride).min(self.outputs)
        };
        first(inputs.start)..first(inputs.end)
    }
}

/// Output pixels and the input pixels that they see through one tap.
struct Pairs {
    ranges: [Range<usize>; 2],
    tap: [usize; 2],
    from: Buffer<u32>,
    to: Buffer<u32>,
}

impl Pairs {
    fn new(
        pictures: usize,
        ranges: [Range<usize>; 2],
        tap: [usize; 2],
        from: impl Fn(usize, [usize; 2]) -> usize,
        to: impl Fn(usize, [usize; 2]) -> usize,
    ) -> Pairs {
        let row = ranges[1].len();
        let count = pictures * ranges[0].len() * row;
        let (mut sources, mut targets) = (Buffer::recycled(count), Buffer::recycled(count));
        let rows = (0..pictures).flat_map(|picture| ranges[0].clone().map(move |y| (picture, y)));
        for ((picture, y), (sources, targets)) in
            rows.zip(sources.chunks_exact_mut(row).zip(targets.chunks_exact_mut(row)))
        {
            for ((x, source), target) in ranges[1].clone().zip(sources).zip(targets) {
                (*source, *target) = (to_u32(from(picture, [y, x])), to_u32(to(picture, [y, x])));
            }
        }
        Pairs { ranges, tap, from: sources, to: targets }
    }
}

/// `dx[to[r] + shift ..] += a[r] · b[tap]` for each row r of `a`.
struct Scatter<'a> {
    a: Gathered<'a>,
    b: &'a Panels,
    tap: usize,
    to: &'a [u32],
    shift: usize,
    dx: &'a mut [f32],
}

impl Kernel for Scatter<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let depth = self.a.offsets().len();
        for panel in 0..self.b.count() {
            let first = panel * width;
            let mut tiles = ScatterTiles {
                a: self.a,
                b: &self.b.panel(panel)[self.tap * depth * width..],
                to: self.to,
                shift: self.shift.wrapping_add(first),
                filled: width.min(self.b.columns() - first),
                dx: &mut *self.dx,
            };
            for_each_tile::<S, _, ROWS, VECTORS>(simd, 0..self.a.rows(), &mut tiles);
        }
    }
}

struct ScatterTiles<'a> {
    a: Gathered<'a>,
    b: &'a [f32],
    to: &'a [u32],
    shift: usize,
    filled: usize,
    dx: &'a mut [f32],
}

impl Rows for ScatterTiles<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, first: usize) {
        let mut starts = [0; ROWS];
        for (start, &to) in starts.iter_mut().zip(&self.to[first..first + ROWS]) {
            *start = (to as usize).wrapping_add(self.shift);
        }
        let sums = load_tile::<S, ROWS, VECTORS>(simd, self.dx, &starts, self.filled);
        let sums = product(simd, &self.a, first, self.b, sums);
        store_tile(simd, &sums, self.dx, &starts, self.filled);
    }
}
