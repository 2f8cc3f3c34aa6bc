//! The forward pass.

use super::band::{Band, Pixels, deal};
use super::winograd::{self, Pooling};
use super::{Geometry, Layout, Packed};
use crate::epilogue::Epilogue;
use crate::gemm::{Gathered, Product};
use crate::parallel;

/// Bytes of the input and output of a band: both stay in the second-level cache while the panels of the kernel pass by.
pub(super) const BAND_BYTES: usize = 192 << 10;

/// `y = epilogue(x ∗ kernel)`; `x` `[N, height, width, in_channels]`, `y` `[N, rows, columns, out_channels]`.
///
/// Direct, each number of `y` is one chain of multiply-adds over the kernel's rows, columns and input channels in order, then
/// the epilogue follows: it depends on nothing but its own window. With Winograd's algorithm it depends on its tile of 4×4.
pub fn forward(g: &Geometry, x: &[f32], packed: &Packed, epilogue: &Epilogue<'_>, y: &mut [f32]) {
    let n = g.pictures(x);
    assert_eq!(y.len(), n * g.output_len(), "length of the output");
    epilogue.check(g.out_channels);
    let panels = match &packed.0 {
        Layout::Panels(panels) => panels,
        Layout::Winograd(u) => return winograd::forward(g, x, u, epilogue, y, Pooling::None),
    };
    g.check_panels(panels);
    let [rows, columns, channels] = g.output();
    let bands = Band::cut_for_threads(0..n, rows, BAND_BYTES / g.row_bytes());
    let tile = panels.tile();
    let mut parts = deal(&bands, columns * channels, y);
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        let band = &bands[index];
        let pixels = Pixels::new(g, x, band);
        let (bases, offsets) = (pixels.bases(g, band, columns), pixels.offsets(g));
        tile.run(Product {
            a: Gathered::new(pixels.numbers(), &bases, &offsets),
            b: panels,
            panels: 0..panels.count(),
            epilogue,
            c: &mut *part[0],
            stride: channels,
        });
    });
}
