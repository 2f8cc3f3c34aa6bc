//! From pictures to values, Bᵀ d B, and from their gradients back, B dV Bᵀ.

use super::grid::Grid;
use super::points::{self, SIDE};
use super::sheet::Sheet;
use super::values::{Products, Values};
use crate::conv2d::Geometry;
use crate::memory::Buffer;
use crate::simd::{Kernel, Simd, Tile};
use std::ops::Range;

/// The values of `tiles` of the pictures `x`.
pub(super) fn values(g: &Geometry, grid: &Grid, x: &[f32], tiles: Range<usize>, tile: Tile) -> Values {
    let mut values = Values::new(tiles, g.in_channels, g.in_channels);
    let zeros = Buffer::zeros(g.in_channels);
    tile.run(Gather { g, grid, x, zeros: &zeros, values: &mut values });
    values
}

struct Gather<'a> {
    g: &'a Geometry,
    grid: &'a Grid,
    x: &'a [f32],
    zeros: &'a [f32],
    values: &'a mut Values,
}

impl Kernel for Gather<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Gather { g, grid, x, zeros, values } = self;
        let channels = g.in_channels;
        let (tiles, step) = (values.tiles.clone(), values.step());
        assert!(zeros.len() == channels && channels.is_multiple_of(S::LANES), "whole vectors of channels");
        for (row, tile) in tiles.enumerate() {
            let place = grid.place(tile);
            let mut pixels = [zeros; SIDE * SIDE];
            for i in 0..SIDE {
                // What is above the picture wraps and is no row of it either.
                let y = (place.row + i).wrapping_sub(g.window.padding.top);
                for j in 0..SIDE {
                    let column = (place.column + j).wrapping_sub(g.window.padding.left);
                    if y < g.height && column < g.width {
                        let pixel = (place.picture * g.height + y) * g.width + column;
                        pixels[i * SIDE + j] = &x[pixel * channels..][..channels];
                    }
                }
            }
            for channel in (0..channels).step_by(S::LANES) {
                let mut half = [[simd.splat(0.0); SIDE]; SIDE];
                for j in 0..SIDE {
                    let mut d = [simd.splat(0.0); SIDE];
                    for i in 0..SIDE {
                        // SAFETY: each pixel has `channels` numbers, a multiple of `LANES`, and `channel` is one below.
                        d[i] = unsafe { simd.load_at(pixels[i * SIDE + j].as_ptr().add(channel)) };
                    }
                    let d = points::input(simd, d);
                    for i in 0..SIDE {
                        half[i][j] = d[i];
                    }
                }
                let start = values.place(row, channel);
                let to = &mut values.numbers_mut()[start..];
                assert!(to.len() >= (SIDE * SIDE - 1) * step + S::LANES);
                for (i, half) in half.into_iter().enumerate() {
                    let v = points::input(simd, half);
                    for (j, v) in v.into_iter().enumerate() {
                        // SAFETY: the last point's vector lies within `to`, as asserted, and the others before it.
                        unsafe { simd.store_at(v, to.as_mut_ptr().add((i * SIDE + j) * step)) }
                    }
                }
            }
        }
    }
}

/// Adds the gradients of the values of `tiles`, in `products`, to those of the pictures, channels `column` up to
/// `column + filled`.
pub(super) struct Scatter<'a, 'b> {
    pub(super) g: &'a Geometry,
    pub(super) grid: &'a Grid,
    pub(super) tiles: Range<usize>,
    pub(super) products: &'a Products,
    pub(super) column: usize,
    pub(super) filled: usize,
    pub(super) dx: &'a mut Sheet<'b, f32>,
}

impl Kernel for Scatter<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Scatter { g, grid, products, dx, .. } = self;
        let (step, width) = (products.step(), products.width());
        for (row, tile) in self.tiles.enumerate() {
            let place = grid.place(tile);
            let mut starts = [usize::MAX; SIDE * SIDE];
            for i in 0..SIDE {
                let y = (place.row + i).wrapping_sub(g.window.padding.top);
                for j in 0..SIDE {
                    let column = (place.column + j).wrapping_sub(g.window.padding.left);
                    if y < g.height && column < g.width {
                        let line = place.picture * g.height + y;
                        starts[i * SIDE + j] = dx.place(line, column, self.column, 1);
                    }
                }
            }
            for channel in (0..self.filled).step_by(S::LANES) {
                let from = &products.numbers()[row * width + channel..];
                assert!(from.len() >= (SIDE * SIDE - 1) * step + S::LANES);
                let mut half = [[simd.splat(0.0); SIDE]; SIDE];
                for j in 0..SIDE {
                    let mut v = [simd.splat(0.0); SIDE];
                    for i in 0..SIDE {
                        // SAFETY: the last point's vector lies within `from`, as asserted, and the others before it.
                        v[i] = unsafe { simd.load_at(from.as_ptr().add((i * SIDE + j) * step)) };
                    }
                    let v = points::input_transposed(simd, v);
                    for i in 0..SIDE {
                        half[i][j] = v[i];
                    }
                }
                for (i, half) in half.into_iter().enumerate() {
                    let d = points::input_transposed(simd, half);
                    for (j, d) in d.into_iter().enumerate() {
                        let start = starts[i * SIDE + j];
                        if start != usize::MAX {
                            let to = &mut dx.numbers[start + channel..];
                            simd.store(simd.add(simd.load(to), d), to);
                        }
                    }
                }
            }
        }
    }
}
