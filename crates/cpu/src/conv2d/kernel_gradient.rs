//! The gradients with respect to the kernel and the bias: sums over all pictures and pixels.

use super::Geometry;
use super::band::{Band, Pixels};
use super::gradient::Gradient;
use crate::gemm::{Accumulate, Gathered, SumRows};
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Tile, isa};
use std::ops::Range;

/// Bytes of the input and of a panel of the gradient in a band: both stay in the first-level cache while the whole kernel
/// is visited. 32 → 64 channels take 324 µs at 128 pixels per band, 350 at 256 (Zen 3, a slice of 8 pictures).
const BAND_BYTES: usize = 32 << 10;

/// Output pixels per band at the least, since every band reads and writes the whole kernel.
const BAND_PIXELS: usize = 128;

/// A kernel of more weights than this gets no partial sums: threads divide the kernel instead of the pictures.
pub const LARGE_KERNEL: usize = 1 << 18;

/// The gradient of the bias alone, in the order of [`kernel_gradient`].
pub(super) fn bias_gradient(g: &Geometry, n: usize, dy: Gradient<'_>, dbias: &mut [f32]) {
    by_group(n, dbias, |pictures, dbias| {
        for band in bands(g, dy, pictures) {
            add_pixels(dy.rows(g, &band).numbers(), dbias);
        }
    });
}

fn add_pixels(dy: &[f32], dbias: &mut [f32]) {
    Tile::new(isa(), dbias.len()).run(SumRows { d: dy, sums: dbias });
}

/// Sums over groups of pictures: `add` adds the pictures of a group to zeros, and the groups are added in order.
pub(crate) fn by_group(n: usize, sum: &mut [f32], add: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let groups: Vec<_> = parallel::groups(n).collect();
    if groups.len() <= 1 {
        sum.fill(0.0);
        return groups.into_iter().for_each(|group| add(group, sum));
    }
    let len = sum.len();
    let produce = |group: usize| {
        let mut partial = Buffer::zeros(len);
        add(groups[group].clone(), &mut partial);
        partial
    };
    parallel::ordered_fold(groups.len(), produce, |group, partial| match group {
        0 => sum.copy_from_slice(&partial),
        _ => sum.iter_mut().zip(partial.iter()).for_each(|(sum, partial)| *sum += partial),
    });
}

/// The gradient of the kernel and, where wanted, of the bias; what both held is overwritten.
///
/// Inside a slice each number is one chain over pictures, rows and columns in order; outside one chain per group of
/// pictures ([`parallel::groups`]), the groups added in order. Kernels of more than 2^18 weights are always one chain.
pub(super) fn kernel_gradient(
    g: &Geometry,
    x: &[f32],
    dy: Gradient<'_>,
    dkernel: &mut [f32],
    dbias: Option<&mut [f32]>,
) {
    let n = g.pictures(x);
    let channels = g.out_channels;
    if dkernel.len() > LARGE_KERNEL {
        if let Some(dbias) = dbias {
            bias_gradient(g, n, dy, dbias);
        }
        let rows =
            g.depth().div_ceil(parallel::threads()).next_multiple_of(Tile::for_sums(isa(), channels).rows());
        return parallel::for_each_chunk(dkernel, rows * channels, |index, dkernel| {
            dkernel.fill(0.0);
            let range = index * rows..index * rows + dkernel.len() / channels;
            for band in bands(g, dy, 0..n) {
                add_band(g, x, dy, &band, range.clone(), dkernel, &mut []);
            }
        });
    }
    // Kernel and bias as one sum, so that a pooled gradient is expanded once for both.
    let bias = dbias.as_ref().map_or(0, |dbias| dbias.len());
    let mut both = Buffer::recycled(dkernel.len() + bias);
    by_group(n, &mut both, |pictures, both| {
        let (dkernel, dbias) = both.split_at_mut(g.kernel_len());
        for band in bands(g, dy, pictures) {
            add_band(g, x, dy, &band, 0..g.depth(), dkernel, dbias);
        }
    });
    dkernel.copy_from_slice(&both[..dkernel.len()]);
    if let Some(dbias) = dbias {
        dbias.copy_from_slice(&both[dkernel.len()..]);
    }
}

/// Bands of the output rows that have a gradient.
fn bands(g: &Geometry, dy: Gradient<'_>, pictures: Range<usize>) -> Vec<Band> {
    let [rows, columns] = dy.size(g);
    let [down, right] = g.window.stride;
    let pixel = (down * right * g.in_channels + g.out_channels.min(32)) * size_of::<f32>();
    let pixels = (BAND_BYTES / pixel).max(BAND_PIXELS);
    // In pairs of rows, so that a pooled gradient is expanded once.
    let mut bands = Band::cut(pictures, rows.div_ceil(2), pixels / (2 * columns).max(1));
    for band in &mut bands {
        band.rows = 2 * band.rows.start..(2 * band.rows.end).min(rows);
    }
    bands
}

/// Adds the products of one band to the rows of the kernel in `range`, and its gradient to that of the bias.
fn add_band(
    g: &Geometry,
    x: &[f32],
    dy: Gradient<'_>,
    band: &Band,
    range: Range<usize>,
    dkernel: &mut [f32],
    dbias: &mut [f32],
) {
    let [_, columns] = dy.size(g);
    let gradient = dy.rows(g, band);
    let pixels = Pixels::new(g, x, band);
    let (bases, offsets) = (pixels.bases(g, band, columns), pixels.offsets(g));
    Tile::for_sums(isa(), g.out_channels).run(Accumulate {
        a: Gathered::new(pixels.numbers(), &bases, &offsets),
        range,
        d: gradient.numbers(),
        columns: g.out_channels,
        c: dkernel,
        from_zero: false,
    });
    if !dbias.is_empty() {
        add_pixels(gradient.numbers(), dbias);
    }
}
