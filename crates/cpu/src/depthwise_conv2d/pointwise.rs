//! The forward pass with a 1×1 convolution behind it, in one: the depthwise output never leaves the cache.

use super::Geometry;
use super::forward::{OutputRows, forward_weights};
use super::row::Weights;
use super::seen::pitch;
use crate::conv2d::Packed;
use crate::conv2d::band::{Band, deal};
use crate::epilogue::Epilogue;
use crate::gemm::{Gathered, Panels, Product, counting};
use crate::memory::Buffer;
use crate::parallel;

/// Bytes of the depthwise output that are kept while all panels of the pointwise kernel pass by. From 128 to 768 KiB MobileNet's
/// rate moves by less than 3 % (Zen 3, 512 KiB of second-level cache); with 512 it is 1 to 2 % above that with 256 (Zen 4, 1 MiB).
const BAND_BYTES: usize = 512 << 10;

/// Pixels of a band at the least, since every band reads the whole pointwise kernel.
const BAND_PIXELS: usize = 96;

/// Pixels of a band at the most: more would not read less of the pointwise kernel, which is small then.
const MOST_PIXELS: usize = 224;

/// [`forward`](super::forward) with `epilogue`, then the 1×1 convolution `pointwise` of `filters` with stride 1 and
/// `last`; `y` `[N, rows, columns, filters]`. Same bits as the two one after the other.
///
/// # Panics
/// When `pointwise` was not packed for a 1×1 convolution of the depthwise output.
pub fn forward_pointwise(
    g: &Geometry,
    x: &[f32],
    kernel: &[f32],
    epilogue: &Epilogue<'_>,
    pointwise: &Packed,
    last: &Epilogue<'_>,
    y: &mut [f32],
) {
    let n = g.pictures(x);
    let [rows, columns, channels] = g.output();
    let panels = pointwise.panels().filter(|panels| panels.depth() == channels);
    let panels = panels.expect("a 1×1 convolution of the depthwise output");
    let filters = panels.columns();
    assert_eq!(y.len(), n * rows * columns * filters, "length of the output");
    last.check(filters);
    if y.is_empty() {
        return;
    }
    let weights = forward_weights(g, kernel, epilogue);
    let bands = Band::cut_for_threads(0..n, rows, usize::MAX);
    let mut parts = deal(&bands, columns * filters, y);
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        of_band(g, x, &weights, panels, last, &bands[index], &mut *part[0]);
    });
}

/// One thread: as many rows of the depthwise output as fit, over the ends of pictures, then their products.
fn of_band(
    g: &Geometry,
    x: &[f32],
    weights: &Weights,
    panels: &Panels,
    last: &Epilogue<'_>,
    band: &Band,
    y: &mut [f32],
) {
    let ([_, columns, channels], filters) = (g.output(), panels.columns());
    let pixels = (BAND_BYTES / (channels * size_of::<f32>())).clamp(BAND_PIXELS, MOST_PIXELS);
    let most = (pixels / columns).clamp(1, band.len());
    let pitch = pitch(channels);
    let row_len = columns * pitch;
    let mut middle = Buffer::recycled(most * row_len);
    let (bases, offsets) = (counting(most * columns, pitch), counting(channels, 1));
    let (mut held, mut done) = (0, 0);
    for picture in band.pictures.clone() {
        let mut rows = OutputRows::new(g, weights, &x[picture * g.input_len()..]);
        for row in band.rows.clone() {
            rows.write(row, &mut middle[held * row_len..][..row_len], pitch);
            held += 1;
            if held == most || done + held == band.len() {
                let (from, to) = (done * columns * filters, (done + held) * columns * filters);
                panels.tile().run(Product {
                    a: Gathered::new(&middle, &bases[..held * columns], &offsets),
                    b: panels,
                    panels: 0..panels.count(),
                    epilogue: last,
                    c: &mut y[from..to],
                    stride: filters,
                });
                done += held;
                held = 0;
            }
        }
    }
}
