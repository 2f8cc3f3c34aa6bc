//! The gradient of a convolution's output as the loops read it: in memory, or still behind an activation and a pooling.

use super::Geometry;
use super::band::Band;
use super::forward_pool::argmax_bytes;
use crate::activation::Activation;
use crate::gemm::{load_row, store_row};
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile, isa};

/// The gradient of a convolution's output.
#[derive(Clone, Copy)]
pub(super) enum Gradient<'a> {
    Full(&'a [f32]),
    Pooled(Pooled<'a>),
}

/// What [`forward_pool`](super::forward_pool) put out, and the gradient of it.
#[derive(Clone, Copy)]
pub(super) struct Pooled<'a> {
    pub(super) y: &'a [f32],
    pub(super) argmax: &'a [u8],
    pub(super) activation: Activation,
    pub(super) dy: &'a [f32],
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
        let linear = pooled.activation == Activation::Linear;
        let highest = match pooled.activation {
            Activation::ReluUpTo(maximum) => maximum,
            Activation::Linear | Activation::Relu => f32::INFINITY,
        };
        let (zero, highest) = (simd.splat(0.0), simd.splat(highest));
        let row_len = 2 * pooled_columns * channels;
        let mut windows = (pooled.y.chunks_exact(channels).zip(pooled.dy.chunks_exact(channels)))
            .zip(pooled.argmax.chunks_exact(argmax_bytes(channels)));
        for rows in dy.chunks_exact_mut(2 * row_len) {
            let (above, below) = rows.split_at_mut(row_len);
            let pairs = above.chunks_exact_mut(2 * channels).zip(below.chunks_exact_mut(2 * channels));
            for ((above, below), ((y, from), argmax)) in pairs.zip(&mut windows) {
                for column in (0..channels).step_by(S::LANES) {
                    let end = channels.min(column + S::LANES);
                    let [mut value] = load_row::<S, 1>(simd, &from[column..end]);
                    if !linear {
                        let [y] = load_row::<S, 1>(simd, &y[column..end]);
                        value = simd.select(simd.greater(y, zero), value, zero);
                        value = simd.select(simd.greater(highest, y), value, zero);
                    }
                    let (mut right, mut down) = (0, 0);
                    for eight in 0..S::LANES / 8 {
                        if let Some(bytes) =
                            argmax.get(column / 4 + 2 * eight..).and_then(<[u8]>::first_chunk::<2>)
                        {
                            right |= u32::from(bytes[0]) << (8 * eight);
                            down |= u32::from(bytes[1]) << (8 * eight);
                        }
                    }
                    let (right, down) = (simd.mask(right), simd.mask(down));
                    let (upper, lower) = (simd.select(down, zero, value), simd.select(down, value, zero));
                    let (left, second) = (column..end, channels + column..channels + end);
                    store_row(simd, [simd.select(right, zero, upper)], &mut above[left.clone()]);
                    store_row(simd, [simd.select(right, upper, zero)], &mut above[second.clone()]);
                    store_row(simd, [simd.select(right, zero, lower)], &mut below[left]);
                    store_row(simd, [simd.select(right, lower, zero)], &mut below[second]);
                }
            }
        }
    }
}
