//! The gradients with respect to the kernel and the bias: sums over all pictures and pixels.

use super::Geometry;
use super::seen::{Seen, View};
use crate::conv2d::by_group;
use crate::gemm::SumRows;
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile, isa};

/// The gradient of the kernel; what `dkernel` held is overwritten.
///
/// Inside a slice each number is one chain over pictures, rows and columns in order, products with the padding included;
/// outside one chain per group of pictures ([`parallel::groups`](crate::parallel::groups)), the groups added in order.
pub fn kernel_gradient(g: &Geometry, x: &[f32], dy: &[f32], dkernel: &mut [f32]) {
    let n = g.pictures(x);
    let [_, columns, channels] = g.output();
    assert_eq!(dy.len(), n * g.output_len(), "length of the gradient");
    assert_eq!(dkernel.len(), g.kernel_len(), "length of the kernel");
    if dkernel.is_empty() {
        return;
    }
    let view = View::of_input(g);
    let (pitch, window) = (view.pitch(), &g.window);
    let tile = Tile::new(isa(), channels);
    by_group(n, dkernel, |pictures, dkernel| {
        let mut sums = Buffer::zeros(g.taps() * pitch);
        let mut gradient = Buffer::zeros(columns * pitch);
        let mut starts = Vec::with_capacity(g.taps());
        for picture in pictures {
            let dy = &dy[picture * g.output_len()..][..g.output_len()];
            let mut seen = Seen::new(view, &x[picture * g.input_len()..][..g.input_len()]);
            for (row, dy) in dy.chunks_exact((columns * channels).max(1)).enumerate() {
                for (from, to) in dy.chunks_exact(channels).zip(gradient.chunks_exact_mut(pitch)) {
                    to[..channels].copy_from_slice(from);
                }
                starts.clear();
                for ky in 0..window.size[0] {
                    let start = seen.row(row * window.stride[0] + ky * window.dilation[0]);
                    let start = start.unwrap_or(seen.zeros());
                    starts.extend((0..window.size[1]).map(|kx| start + kx * window.dilation[1] * pitch));
                }
                let (x, stride) = (seen.numbers(), window.stride[1]);
                tile.run(AddRow {
                    x,
                    starts: &starts,
                    stride,
                    gradient: &gradient,
                    pitch,
                    channels,
                    sums: &mut sums,
                });
            }
        }
        for (sums, dkernel) in sums.chunks_exact(pitch).zip(dkernel.chunks_exact_mut(channels)) {
            dkernel.copy_from_slice(&sums[..channels]);
        }
    });
}

/// The gradient of the bias, summed in the order of [`kernel_gradient`]; what `dbias` held is overwritten.
pub fn bias_gradient(g: &Geometry, dy: &[f32], dbias: &mut [f32]) {
    let len = g.output_len();
    let n = dy.len().checked_div(len).unwrap_or(0);
    assert_eq!([dy.len(), dbias.len()], [n * len, g.out_channels()], "lengths of the gradient and the bias");
    by_group(n, dbias, |pictures, dbias| {
        let d = &dy[pictures.start * len..pictures.end * len];
        Tile::new(isa(), dbias.len()).run(SumRows { d, sums: dbias });
    });
}

/// Taps whose sums grow together: enough chains to keep the multipliers busy, and a 3×3 window at once.
const TAPS: usize = 9;

/// Adds the products of one row of the output's gradient to the sums of all taps.
struct AddRow<'a> {
    x: &'a [f32],
    /// For each tap the pixel under the first position of the window.
    starts: &'a [usize],
    stride: usize,
    /// A row of pixels.
    gradient: &'a [f32],
    /// Numbers per pixel, whole vectors, of which so many count.
    pitch: usize,
    channels: usize,
    /// `pitch` numbers per tap.
    sums: &'a mut [f32],
}

impl Kernel for AddRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let pitch = self.pitch;
        assert!(pitch.is_multiple_of(S::LANES), "pixels of whole vectors");
        let columns = self.gradient.len() / pitch;
        let Some(last) = columns.checked_sub(1) else { return };
        let seen = (last * self.stride + 1) * pitch;
        for (starts, sums) in self.starts.chunks(TAPS).zip(self.sums.chunks_mut(TAPS * pitch)) {
            assert!(starts.iter().all(|start| start + seen <= self.x.len()), "a window beyond the row");
            // What is missing to a whole set of taps is read like the last tap and thrown away.
            let mut taps = [starts[starts.len() - 1]; TAPS];
            taps[..starts.len()].copy_from_slice(starts);
            for channel in (0..self.channels).step_by(S::LANES) {
                let mut chains = [simd.splat(0.0); TAPS];
                for (chain, sums) in chains.iter_mut().zip(sums.chunks_exact(pitch)) {
                    *chain = simd.load(&sums[channel..]);
                }
                let mut pixels = self.x.as_ptr().wrapping_add(channel);
                for gradient in self.gradient.chunks_exact(pitch) {
                    let gradient = simd.load(&gradient[channel..]);
                    for (chain, &tap) in chains.iter_mut().zip(&taps) {
                        // SAFETY: a tap's pixel under the last position is inside `x`, as was checked; a pixel is whole vectors.
                        let x = unsafe { simd.load_at(pixels.add(tap)) };
                        *chain = simd.multiply_add(x, gradient, *chain);
                    }
                    pixels = pixels.wrapping_add(self.stride * pitch);
                }
                for (&chain, sums) in chains.iter().zip(sums.chunks_exact_mut(pitch)) {
                    simd.store(chain, &mut sums[channel..]);
                }
            }
        }
    }
}
