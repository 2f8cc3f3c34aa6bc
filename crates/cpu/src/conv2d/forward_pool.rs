//! The forward pass with a 2×2 max-pooling behind it, in one: the full-size output never exists.

use super::band::{Band, Pixels, deal};
use super::forward::BAND_BYTES;
use super::winograd::{self, Pooling};
use super::{Geometry, Layout, Packed};
use crate::activation::Activation;
use crate::epilogue::Epilogue;
use crate::gemm::{Finish, Gathered, Panels, product, store_tile};
use crate::parallel;
use crate::simd::{Kernel, Simd};

/// Bytes per picture of the arg-max of [`forward_pool`]: for every pixel and eight channels two bytes, the low and the
/// high bits of the place of the maximum in its window (0 to 3: left above, right above, left below, right below).
pub fn argmax_len(g: &Geometry) -> usize {
    let [rows, columns, _] = g.pooled();
    rows * columns * argmax_bytes(g.out_channels)
}

pub(super) fn argmax_bytes(channels: usize) -> usize {
    channels.div_ceil(8) * 2
}

/// [`forward`](super::forward), then a 2×2 max-pooling with stride 2; an odd last row or column is dropped. `y_pooled`
/// is `[N, rows / 2, columns / 2, out_channels]`.
///
/// Same bits as the two one after the other. Of equal numbers the first is the maximum. `argmax` holds
/// [`argmax_len`] bytes per picture for the gradients; `None` where none is wanted.
pub fn forward_pool(
    g: &Geometry,
    x: &[f32],
    packed: &Packed,
    bias: Option<&[f32]>,
    activation: Activation,
    y_pooled: &mut [f32],
    argmax: Option<&mut [u8]>,
) {
    let n = g.pictures(x);
    assert_eq!(y_pooled.len(), n * g.pooled_len(), "length of the pooled output");
    let epilogue = &Epilogue::new(bias, activation);
    epilogue.check(g.out_channels);
    let [rows, columns, channels] = g.pooled();
    let argmax = argmax.unwrap_or_default();
    let argmax_row = if argmax.is_empty() { 0 } else { columns * argmax_bytes(channels) };
    assert!(argmax.is_empty() || argmax.len() == n * argmax_len(g), "length of the arg-max");
    let panels = match &packed.0 {
        Layout::Panels(panels) => panels,
        Layout::Winograd(u) => {
            return winograd::forward(g, x, u, epilogue, y_pooled, Pooling::TwoByTwo(argmax));
        }
    };
    g.check_panels(panels);
    let bands = Band::cut_for_threads(0..n, rows, BAND_BYTES / (2 * g.row_bytes()));
    let places = deal(&bands, argmax_row, argmax);
    let mut parts: Vec<_> = deal(&bands, columns * channels, y_pooled).into_iter().zip(places).collect();
    let tile = panels.tile();
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        let band =
            Band { rows: 2 * bands[index].rows.start..2 * bands[index].rows.end, ..bands[index].clone() };
        let pixels = Pixels::new(g, x, &band);
        let (bases, offsets) = (pixels.pooled_bases(g, &band, 2 * columns), pixels.offsets(g));
        let (y, argmax) = &mut part[0];
        let a = Gathered::new(pixels.numbers(), &bases, &offsets);
        tile.run(ProductPool { a, b: panels, epilogue, y, argmax });
    });
}

/// `a` times `b`, four rows of `a` to a window.
///
/// One window is one tile, whatever the usual tile is: pooled in registers, 1 → 32 channels take 55 µs a slice of 8 pictures
/// and 32 → 64 channels 296; 67 and 298 with larger tiles and a pass over their sums (Zen 3).
struct ProductPool<'a> {
    a: Gathered<'a>,
    b: &'a Panels,
    epilogue: &'a Epilogue<'a>,
    y: &'a mut [f32],
    argmax: &'a mut [u8],
}

impl Kernel for ProductPool<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let windows = self.a.rows() / 4;
        let columns = self.b.columns();
        for panel in 0..self.b.count() {
            let column = panel * width;
            let filled = width.min(columns - column);
            let finish = Finish::new(self.epilogue, column);
            let b = self.b.panel(panel);
            for window in 0..windows {
                let zero = [[simd.splat(0.0); VECTORS]; 4];
                let sums = product(simd, &self.a, 4 * window, b, zero);
                let mut row = [[simd.splat(0.0); VECTORS]];
                let mut bits = [[0; 2]; VECTORS];
                for v in 0..VECTORS {
                    // No closures where there are vectors: they would not be compiled for the instruction set.
                    let mut corners = [simd.splat(0.0); 4];
                    for (value, sums) in corners.iter_mut().zip(&sums) {
                        *value = finish.linear(simd, v, sums[v]);
                    }
                    let (maximum, place) = first_maximum(simd, corners);
                    // No sum plus bias is −0, and the activations never fall: so after the maximum is as before it.
                    row[0][v] = finish.activated(simd, maximum);
                    bits[v] = place;
                }
                store_tile(simd, &row, self.y, &[window * columns + column], filled);
                if !self.argmax.is_empty() {
                    let bytes = column / 4..(column + filled).div_ceil(8) * 2;
                    let argmax = &mut self.argmax[window * argmax_bytes(columns)..][bytes];
                    for (v, bits) in bits.iter().enumerate() {
                        for eight in 0..S::LANES / 8 {
                            let byte = v * S::LANES / 4 + 2 * eight;
                            if let Some(argmax) = argmax.get_mut(byte..byte + 2) {
                                argmax[0] = (bits[0] >> (8 * eight)) as u8;
                                argmax[1] = (bits[1] >> (8 * eight)) as u8;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The maximum of four numbers per lane, and the low and high bits of the first place where it stands. A number that is
/// not one is larger than all others, so that it is never hidden.
#[inline(always)]
pub(super) fn first_maximum<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> (S::Vector, [u32; 2]) {
    let (maximum, second) = larger(simd, a, b);
    let (maximum, third) = larger(simd, maximum, c);
    let (maximum, fourth) = larger(simd, maximum, d);
    (maximum, [fourth | (second & !third), third | fourth])
}

/// The larger of two numbers, the first where they are equal, and where it is the second.
#[inline(always)]
fn larger<S: Simd>(simd: S, first: S::Vector, second: S::Vector) -> (S::Vector, u32) {
    let is_nan = simd.is_nan(second);
    let taken = simd.bits(simd.greater(second, first)) | simd.bits(is_nan);
    // `max` takes the second of its arguments, here the first number, where they are equal or one is not a number.
    (simd.select(is_nan, second, simd.max(second, first)), taken)
}
