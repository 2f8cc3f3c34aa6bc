//! The gradient of a convolution's output as the loops read it: in memory, or still behind an activation and a pooling.

use super::Geometry;
use super::band::Band;
use super::forward_pool::argmax_bytes;
use crate::activation::Activation;
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile, isa};

/// The gradient of a convolution's output.
#[derive(Clone, Copy, Debug)]
pub enum Gradient<'a> {
    /// As it is, `[N, rows, columns, out_channels]`, before the activation.
    Full(&'a [f32]),
    /// Still behind the activation and pooling of [`forward_pool`](super::forward_pool).
    Pooled(Pooled<'a>),
}

/// What [`forward_pool`](super::forward_pool) put out, and the gradient of it.
#[derive(Clone, Copy, Debug)]
pub struct Pooled<'a> {
    /// The pooled output, `[N, rows / 2, columns / 2, out_channels]`.
    pub y: &'a [f32],
    /// Where the maxima stood.
    pub argmax: &'a [u8],
    /// What was applied before the pooling.
    pub activation: Activation,
    /// The gradient of `y`.
    pub dy: &'a [f32],
}

/// Whole rows of the gradient of some pictures.
pub(super) struct GradientRows<'a> {
    rows: Expanded<'a>,
    /// The first row, of each picture.
    pub(super) first: usize,
    /// Rows per picture.
    pub(super) height: usize,
}

enum Expanded<'a> {
    Lent(&'a [f32]),
    Made(Buffer<f32>),
}

impl GradientRows<'_> {
    pub(super) fn numbers(&self) -> &[f32] {
        match &self.rows {
            Expanded::Lent(rows) => rows,
            Expanded::Made(rows) => rows,
        }
    }
}

impl<'a> Gradient<'a> {
    /// Rows and columns of one picture's gradient. An odd last row or column that the pooling dropped is left out: its
    /// gradient is zero, and adding zeros changes no sum.
    pub(super) fn size(&self, g: &Geometry) -> [usize; 2] {
        let [rows, columns, _] = g.output();
        match self {
            Gradient::Full(_) => [rows, columns],
            Gradient::Pooled(_) => [rows / 2 * 2, columns / 2 * 2],
        }
    }

    /// # Panics
    /// When it is not the gradient of `n` pictures.
    pub(super) fn check(&self, g: &Geometry, n: usize) {
        match self {
            Gradient::Full(dy) => assert_eq!(dy.len(), n * g.output_len(), "length of the gradient"),
            Gradient::Pooled(pooled) => {
                let numbers = n * g.pooled_len();
                assert_eq!(
                    [pooled.y.len(), pooled.dy.len()],
                    [numbers; 2],
                    "lengths of the pooled output and gradient"
                );
                assert_eq!(pooled.argmax.len(), n * super::argmax_len(g), "length of the arg-max");
            }
        }
    }

    /// At least the rows of `band`.
    pub(super) fn rows(&self, g: &Geometry, band: &Band) -> GradientRows<'a> {
        let [height, columns] = self.size(g);
        match self {
            Gradient::Full(dy) => {
                let row = columns * g.out_channels;
                // Of more than one picture all rows, so that they lie one after the other.
                let rows = if band.pictures.len() == 1 { band.rows.clone() } else { 0..height };
                let first = (band.pictures.start * height + rows.start) * row;
                let numbers = &dy[first..][..band.pictures.len() * rows.len() * row];
                GradientRows { rows: Expanded::Lent(numbers), first: rows.start, height: rows.len() }
            }
            Gradient::Pooled(pooled) => {
                let pairs = band.rows.start / 2..band.rows.end.div_ceil(2);
                let mut rows =
                    Buffer::recycled(2 * pairs.len() * band.pictures.len() * columns * g.out_channels);
                let [pooled_rows, pooled_columns, channels] = g.pooled();
                let pair_len = pooled_columns * channels;
                let places = argmax_bytes(channels);
                let pictures = rows.chunks_exact_mut((4 * pairs.len() * pair_len).max(1));
                for (picture, rows) in band.pictures.clone().zip(pictures) {
                    let first = (picture * pooled_rows + pairs.start) * pooled_columns;
                    let pixels = first..first + pairs.len() * pooled_columns;
                    let part = Pooled {
                        y: &pooled.y[pixels.start * channels..pixels.end * channels],
                        dy: &pooled.dy[pixels.start * channels..pixels.end * channels],
                        argmax: &pooled.argmax[pixels.start * places..pixels.end * places],
                        ..*pooled
                    };
                    Tile::new(isa(), channels).run(Expand {
                        pooled: part,
                        pooled_columns,
                        channels,
                        dy: rows,
                    });
                }
                GradientRows { rows: Expanded::Made(rows), first: 2 * pairs.start, height: 2 * pairs.len() }
            }
        }
    }
}

/// Puts each gradient behind a pooling where the maximum stood, and zeros around it.
struct Expand<'a> {
    pooled: Pooled<'a>,
    pooled_columns: usize,
    channels: usize,
    dy: &'a mut [f32],
}

impl Kernel for Expand<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Expand { pooled, pooled_columns, channels, dy } = self;
        let passing = Passing::new(pooled.activation);
        let row_len = 2 * pooled_columns * channels;
        let whole = channels / S::LANES * S::LANES;
        let mut windows = (pooled.y.chunks_exact(channels).zip(pooled.dy.chunks_exact(channels)))
            .zip(pooled.argmax.chunks_exact(argmax_bytes(channels)));
        for rows in dy.chunks_exact_mut(2 * row_len) {
            let (above, below) = rows.split_at_mut(row_len);
            let pairs = above.chunks_exact_mut(2 * channels).zip(below.chunks_exact_mut(2 * channels));
            for ((above, below), ((y, from), argmax)) in pairs.zip(&mut windows) {
                let ((a, b), (c, d)) = (above.split_at_mut(channels), below.split_at_mut(channels));
                let corners = (a.chunks_exact_mut(S::LANES).zip(b.chunks_exact_mut(S::LANES)))
                    .zip(c.chunks_exact_mut(S::LANES).zip(d.chunks_exact_mut(S::LANES)));
                let from_here = (y.chunks_exact(S::LANES).zip(from.chunks_exact(S::LANES)))
                    .zip(argmax.chunks_exact(S::LANES / 4));
                for (((a, b), (c, d)), ((y, from), argmax)) in corners.zip(from_here) {
                    let corners = expanded(simd, &passing, y, from, argmax);
                    for (corner, to) in corners.into_iter().zip([a, b, c, d]) {
                        simd.store(corner, to);
                    }
                }
                if whole < channels {
                    let mut corners = [[0.0; 16]; 4];
                    let padded = [pad(&y[whole..]), pad(&from[whole..])];
                    let mut places = [0; 4];
                    let rest = &argmax[whole / 4..];
                    places[..rest.len()].copy_from_slice(rest);
                    let vectors = expanded(simd, &passing, &padded[0], &padded[1], &places);
                    for (vector, corner) in vectors.into_iter().zip(&mut corners) {
                        simd.store(vector, corner);
                    }
                    for (to, corner) in [a, b, c, d].into_iter().zip(corners) {
                        let to = &mut to[whole..];
                        to.copy_from_slice(&corner[..to.len()]);
                    }
                }
            }
        }
    }
}

fn pad(numbers: &[f32]) -> [f32; 16] {
    let mut padded = [0.0; 16];
    padded[..numbers.len()].copy_from_slice(numbers);
    padded
}

/// Between which outputs an activation lets the gradient through.
pub(super) struct Passing {
    always: bool,
    highest: f32,
}

impl Passing {
    pub(super) fn new(activation: Activation) -> Passing {
        match activation {
            Activation::Linear => Passing { always: true, highest: f32::INFINITY },
            Activation::Relu => Passing { always: false, highest: f32::INFINITY },
            Activation::ReluUpTo(maximum) => Passing { always: false, highest: maximum },
        }
    }
}

/// One vector of channels of a window: its output, its gradient and the place of the maximum, to four corners.
#[inline(always)]
pub(super) fn expanded<S: Simd>(
    simd: S,
    passing: &Passing,
    y: &[f32],
    from: &[f32],
    argmax: &[u8],
) -> [S::Vector; 4] {
    let zero = simd.splat(0.0);
    let mut value = simd.load(from);
    if !passing.always {
        let y = simd.load(y);
        value = simd.select(simd.greater(y, zero), value, zero);
        value = simd.select(simd.greater(simd.splat(passing.highest), y), value, zero);
    }
    let (mut right, mut down) = (0, 0);
    for (eight, bytes) in argmax[..S::LANES / 4].chunks_exact(2).enumerate() {
        right |= u32::from(bytes[0]) << (8 * eight);
        down |= u32::from(bytes[1]) << (8 * eight);
    }
    let (right, down) = (simd.mask(right), simd.mask(down));
    let (upper, lower) = (simd.select(down, zero, value), simd.select(down, value, zero));
    [
        simd.select(right, zero, upper),
        simd.select(right, upper, zero),
        simd.select(right, zero, lower),
        simd.select(right, lower, zero),
    ]
}
