//! From products to outputs, Aᵀ m A with bias, activation and pooling, and from their gradients back, A dy Aᵀ.

use super::grid::Grid;
use super::points::{self, OUTPUTS, SIDE};
use super::sheet::Sheet;
use super::values::{Products, Values};
use crate::conv2d::Geometry;
use crate::conv2d::forward_pool::{argmax_bytes, first_maximum};
use crate::conv2d::gradient::{Gradient, Passing, expanded};
use crate::gemm::Finish;
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile};
use std::ops::Range;

/// A block of products and where it belongs.
pub(super) struct Piece<'a> {
    pub(super) grid: &'a Grid,
    pub(super) tiles: Range<usize>,
    pub(super) products: &'a Products,
    /// The output channel of the first column, and how many channels there are.
    pub(super) column: usize,
    pub(super) filled: usize,
    pub(super) finish: &'a Finish,
}

impl Piece<'_> {
    /// The 4×4 outputs of a tile of the block, with the bias added, scaled and shifted where that is asked for.
    #[inline(always)]
    fn outputs<S: Simd>(&self, simd: S, row: usize, channel: usize) -> [[S::Vector; OUTPUTS]; OUTPUTS] {
        let (step, width) = (self.products.step(), self.products.width());
        let from = &self.products.numbers()[row * width + channel..];
        assert!(from.len() >= (SIDE * SIDE - 1) * step + S::LANES);
        let mut half = [[simd.splat(0.0); SIDE]; OUTPUTS];
        for j in 0..SIDE {
            let mut m = [simd.splat(0.0); SIDE];
            for (i, m) in m.iter_mut().enumerate() {
                // SAFETY: the last point's vector lies within `from`, as asserted, and the others before it.
                *m = unsafe { simd.load_at(from.as_ptr().add((i * SIDE + j) * step)) };
            }
            let y = points::output(simd, m);
            for (half, y) in half.iter_mut().zip(y) {
                half[j] = y;
            }
        }
        let mut outputs = [[simd.splat(0.0); OUTPUTS]; OUTPUTS];
        for (outputs, half) in outputs.iter_mut().zip(half) {
            *outputs = points::output(simd, half);
            for output in outputs {
                *output = self.finish.linear(simd, channel / S::LANES, *output);
            }
        }
        outputs
    }
}

/// Writes the outputs of a block.
pub(super) struct Store<'a, 'b> {
    pub(super) piece: Piece<'a>,
    pub(super) y: &'a mut Sheet<'b, f32>,
}

impl Kernel for Store<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Store { piece, y } = self;
        for (row, tile) in piece.tiles.clone().enumerate() {
            let place = piece.grid.place(tile);
            let line = place.picture * piece.grid.rows + place.row;
            for channel in (0..piece.filled).step_by(S::LANES) {
                let outputs = piece.outputs(simd, row, channel);
                for (i, outputs) in outputs.into_iter().enumerate() {
                    if i < place.height {
                        let start = y.place(line + i, place.column, piece.column + channel, 1);
                        for (j, output) in outputs.into_iter().enumerate() {
                            if j < place.width {
                                let output = piece.finish.activated(simd, output);
                                simd.store(output, &mut y.numbers[start + j * y.stride..]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Writes the maxima of the 2×2 windows of a block, and where they stood.
pub(super) struct StorePooled<'a, 'b> {
    pub(super) piece: Piece<'a>,
    pub(super) y: &'a mut Sheet<'b, f32>,
    pub(super) argmax: Option<&'a mut Sheet<'b, u8>>,
}

impl Kernel for StorePooled<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let StorePooled { piece, y, mut argmax } = self;
        for (row, tile) in piece.tiles.clone().enumerate() {
            let place = piece.grid.place(tile);
            let line = place.picture * (piece.grid.rows / 2) + place.row / 2;
            for channel in (0..piece.filled).step_by(S::LANES) {
                let outputs = piece.outputs(simd, row, channel);
                for i in 0..place.height / 2 {
                    for j in 0..place.width / 2 {
                        let (above, below) = (&outputs[2 * i], &outputs[2 * i + 1]);
                        let corners = [above[2 * j], above[2 * j + 1], below[2 * j], below[2 * j + 1]];
                        let (maximum, bits) = first_maximum(simd, corners);
                        let maximum = piece.finish.activated(simd, maximum);
                        let (column, channel) = (place.column / 2 + j, piece.column + channel);
                        let start = y.place(line + i, column, channel, 1);
                        simd.store(maximum, &mut y.numbers[start..]);
                        if let Some(argmax) = &mut argmax {
                            let start = argmax.place(line + i, column, channel, 4);
                            let bytes = &mut argmax.numbers[start..][..S::LANES / 4];
                            for (eight, bytes) in bytes.chunks_exact_mut(2).enumerate() {
                                bytes[0] = (bits[0] >> (8 * eight)) as u8;
                                bytes[1] = (bits[1] >> (8 * eight)) as u8;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The gradients at the points of `tiles`, in panels of `width` channels; the gradients themselves, tile by tile, are
/// added to `dbias`.
pub(super) fn gradients(
    g: &Geometry,
    grid: &Grid,
    dy: Gradient<'_>,
    tiles: Range<usize>,
    width: usize,
    tile: Tile,
    dbias: Option<&mut [f32]>,
) -> Values {
    let mut values = Values::new(tiles, g.out_channels, width);
    let zeros = Buffer::zeros(g.out_channels);
    tile.run(Gather { g, grid, dy, zeros: &zeros, values: &mut values, dbias: dbias.unwrap_or_default() });
    values
}

/// The sums over the pixels of `tiles` alone, in the order of [`gradients`].
pub(super) fn add_to_bias(
    g: &Geometry,
    grid: &Grid,
    dy: Gradient<'_>,
    tiles: Range<usize>,
    tile: Tile,
    dbias: &mut [f32],
) {
    let zeros = Buffer::zeros(g.out_channels);
    tile.run(AddToBias { g, grid, dy, zeros: &zeros, tiles, dbias });
}

struct Gather<'a> {
    g: &'a Geometry,
    grid: &'a Grid,
    dy: Gradient<'a>,
    zeros: &'a [f32],
    values: &'a mut Values,
    /// Empty where it is not wanted.
    dbias: &'a mut [f32],
}

impl Kernel for Gather<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Gather { g, grid, dy, zeros, values, dbias } = self;
        let step = values.step();
        for (row, tile) in values.tiles.clone().enumerate() {
            let pixels = TileGradient::new(g, grid, dy, zeros, tile);
            for channel in (0..g.out_channels).step_by(S::LANES) {
                let dy = pixels.vectors(simd, channel);
                if !dbias.is_empty() {
                    add_all(simd, &dy, &mut dbias[channel..]);
                }
                let mut half = [[simd.splat(0.0); OUTPUTS]; SIDE];
                for j in 0..OUTPUTS {
                    let d = points::output_transposed(simd, [dy[0][j], dy[1][j], dy[2][j], dy[3][j]]);
                    for (half, d) in half.iter_mut().zip(d) {
                        half[j] = d;
                    }
                }
                let start = values.place(row, channel);
                let to = &mut values.numbers_mut()[start..];
                assert!(to.len() >= (SIDE * SIDE - 1) * step + S::LANES);
                for (i, half) in half.into_iter().enumerate() {
                    let d = points::output_transposed(simd, half);
                    for (j, d) in d.into_iter().enumerate() {
                        // SAFETY: the last point's vector lies within `to`, as asserted, and the others before it.
                        unsafe { simd.store_at(d, to.as_mut_ptr().add((i * SIDE + j) * step)) }
                    }
                }
            }
        }
    }
}

struct AddToBias<'a> {
    g: &'a Geometry,
    grid: &'a Grid,
    dy: Gradient<'a>,
    zeros: &'a [f32],
    tiles: Range<usize>,
    dbias: &'a mut [f32],
}

impl Kernel for AddToBias<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        for tile in self.tiles {
            let pixels = TileGradient::new(self.g, self.grid, self.dy, self.zeros, tile);
            for channel in (0..self.g.out_channels).step_by(S::LANES) {
                add_all(simd, &pixels.vectors(simd, channel), &mut self.dbias[channel..]);
            }
        }
    }
}

/// Adds the gradients of a tile to a sum: each row of the tile, then the rows.
#[inline(always)]
fn add_all<S: Simd>(simd: S, dy: &[[S::Vector; OUTPUTS]; OUTPUTS], sum: &mut [f32]) {
    let mut total = simd.load(sum);
    for row in dy {
        total = simd.add(total, simd.add(simd.add(row[0], row[1]), simd.add(row[2], row[3])));
    }
    simd.store(total, sum);
}

/// The gradients of the 4×4 outputs of a tile, read from memory or from behind a pooling.
enum TileGradient<'a> {
    Full([&'a [f32]; OUTPUTS * OUTPUTS]),
    Pooled { passing: Passing, windows: [Window<'a>; 4] },
}

/// A 2×2 window: the maximum, its gradient, and where it stood.
#[derive(Clone, Copy)]
struct Window<'a> {
    y: &'a [f32],
    dy: &'a [f32],
    argmax: &'a [u8],
}

/// Where a window lies beyond the picture, this many zeros of arg-max stand in for it.
const NO_ARGMAX: [u8; 4] = [0; 4];

impl<'a> TileGradient<'a> {
    #[inline(always)]
    fn new(g: &Geometry, grid: &Grid, dy: Gradient<'a>, zeros: &'a [f32], tile: usize) -> TileGradient<'a> {
        let place = grid.place(tile);
        let channels = g.out_channels;
        match dy {
            Gradient::Full(dy) => {
                let mut pixels = [zeros; OUTPUTS * OUTPUTS];
                for i in 0..place.height {
                    for j in 0..place.width {
                        let line = place.picture * grid.rows + place.row + i;
                        let start = (line * grid.columns + place.column + j) * channels;
                        pixels[i * OUTPUTS + j] = &dy[start..][..channels];
                    }
                }
                TileGradient::Full(pixels)
            }
            Gradient::Pooled(pooled) => {
                let mut windows = [Window { y: zeros, dy: zeros, argmax: &[] }; 4];
                let bytes = argmax_bytes(channels);
                for i in 0..place.height / 2 {
                    for j in 0..place.width / 2 {
                        let line = place.picture * (grid.rows / 2) + place.row / 2 + i;
                        let window = line * (grid.columns / 2) + place.column / 2 + j;
                        windows[2 * i + j] = Window {
                            y: &pooled.y[window * channels..][..channels],
                            dy: &pooled.dy[window * channels..][..channels],
                            argmax: &pooled.argmax[window * bytes..][..bytes],
                        };
                    }
                }
                TileGradient::Pooled { passing: Passing::new(pooled.activation), windows }
            }
        }
    }

    /// The vectors of channels from `channel` on.
    #[inline(always)]
    fn vectors<S: Simd>(&self, simd: S, channel: usize) -> [[S::Vector; OUTPUTS]; OUTPUTS] {
        let mut vectors = [[simd.splat(0.0); OUTPUTS]; OUTPUTS];
        match self {
            TileGradient::Full(pixels) => {
                for (row, pixels) in vectors.iter_mut().zip(pixels.chunks_exact(OUTPUTS)) {
                    for (vector, pixel) in row.iter_mut().zip(pixels) {
                        *vector = simd.load(&pixel[channel..]);
                    }
                }
            }
            TileGradient::Pooled { passing, windows } => {
                for (number, window) in windows.iter().enumerate() {
                    let argmax =
                        if window.argmax.is_empty() { &NO_ARGMAX } else { &window.argmax[channel / 4..] };
                    let corners =
                        expanded(simd, passing, &window.y[channel..], &window.dy[channel..], argmax);
                    let (i, j) = (number / 2 * 2, number % 2 * 2);
                    vectors[i][j] = corners[0];
                    vectors[i][j + 1] = corners[1];
                    vectors[i + 1][j] = corners[2];
                    vectors[i + 1][j + 1] = corners[3];
                }
            }
        }
        vectors
    }
}
