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
    let mut patch = Buffer::recycled(SIDE * SIDE * g.in_channels);
    tile.run(Gather { g, grid, x, patch: &mut patch, values: &mut values });
    values
}

struct Gather<'a> {
    g: &'a Geometry,
    grid: &'a Grid,
    x: &'a [f32],
    /// Room for the 6×6 inputs of a tile that hangs over.
    patch: &'a mut [f32],
    values: &'a mut Values,
}

impl Kernel for Gather<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Gather { g, grid, x, patch, values } = self;
        let channels = g.in_channels;
        assert!(channels.is_multiple_of(S::LANES), "whole vectors of channels");
        let step = values.step();
        for (row, tile) in values.tiles.clone().enumerate() {
            let (pixels, line) = match inputs(g, grid, tile) {
                Inputs::Inside(first) => (&x[first * channels..], g.width * channels),
                Inputs::HangingOver(picture, y, column) => {
                    copy_patch(g, x, picture, y, column, patch);
                    (&*patch, SIDE * channels)
                }
            };
            assert!(pixels.len() >= (SIDE - 1) * line + SIDE * channels);
            for channel in (0..channels).step_by(S::LANES) {
                let mut half = [[simd.splat(0.0); SIDE]; SIDE];
                for j in 0..SIDE {
                    let mut d = [simd.splat(0.0); SIDE];
                    for (i, d) in d.iter_mut().enumerate() {
                        let start = i * line + j * channels + channel;
                        // SAFETY: a vector below `channels` of one of 6×6 pixels, all of which `pixels` holds.
                        *d = unsafe { simd.load_at(pixels.as_ptr().add(start)) };
                    }
                    let d = points::input(simd, d);
                    for (half, d) in half.iter_mut().zip(d) {
                        half[j] = d;
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

/// Where the 6×6 inputs of a tile lie.
enum Inputs {
    /// In the pictures, from this pixel on.
    Inside(usize),
    /// Partly outside of a picture; from this row and column on, which wrap where they are negative.
    HangingOver(usize, usize, usize),
}

#[inline(always)]
fn inputs(g: &Geometry, grid: &Grid, tile: usize) -> Inputs {
    let place = grid.place(tile);
    let y = place.row.wrapping_sub(g.window.padding.top);
    let column = place.column.wrapping_sub(g.window.padding.left);
    let is_inside = |first: usize, len: usize| first < len && first + SIDE <= len;
    if is_inside(y, g.height) && is_inside(column, g.width) {
        Inputs::Inside((place.picture * g.height + y) * g.width + column)
    } else {
        Inputs::HangingOver(place.picture, y, column)
    }
}

/// The columns of a tile that lie in the picture, from `column` on, which may have wrapped.
#[inline(always)]
fn columns_inside(g: &Geometry, column: usize) -> Range<usize> {
    let before = if column < g.width { 0 } else { column.wrapping_neg().min(SIDE) };
    before..SIDE.min(g.width.wrapping_sub(column)).max(before)
}

/// Copies the inputs of a tile that hangs over, with zeros where there are none.
fn copy_patch(g: &Geometry, x: &[f32], picture: usize, y: usize, column: usize, patch: &mut [f32]) {
    let channels = g.in_channels;
    let inside = columns_inside(g, column);
    for (i, patch) in patch.chunks_exact_mut(SIDE * channels).enumerate() {
        let y = y.wrapping_add(i);
        if y < g.height {
            let first = (picture * g.height + y) * g.width + column.wrapping_add(inside.start);
            patch[..inside.start * channels].fill(0.0);
            patch[inside.start * channels..inside.end * channels]
                .copy_from_slice(&x[first * channels..][..inside.len() * channels]);
            patch[inside.end * channels..].fill(0.0);
        } else {
            patch.fill(0.0);
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
        let (pixel, line) = (dx.stride, g.width * dx.stride);
        for (row, tile) in self.tiles.enumerate() {
            let inputs = inputs(g, grid, tile);
            for channel in (0..self.filled).step_by(S::LANES) {
                let from = &products.numbers()[row * width + channel..];
                assert!(from.len() >= (SIDE * SIDE - 1) * step + S::LANES);
                let mut half = [[simd.splat(0.0); SIDE]; SIDE];
                for j in 0..SIDE {
                    let mut v = [simd.splat(0.0); SIDE];
                    for (i, v) in v.iter_mut().enumerate() {
                        // SAFETY: the last point's vector lies within `from`, as asserted, and the others before it.
                        *v = unsafe { simd.load_at(from.as_ptr().add((i * SIDE + j) * step)) };
                    }
                    let v = points::input_transposed(simd, v);
                    for (half, v) in half.iter_mut().zip(v) {
                        half[j] = v;
                    }
                }
                match inputs {
                    Inputs::Inside(first) => {
                        let start = dx.place(first / g.width, first % g.width, self.column + channel, 1);
                        let to = &mut dx.numbers[start..];
                        assert!(to.len() >= (SIDE - 1) * (line + pixel) + S::LANES);
                        for (i, half) in half.into_iter().enumerate() {
                            let d = points::input_transposed(simd, half);
                            for (j, d) in d.into_iter().enumerate() {
                                // SAFETY: the last of 6×6 vectors lies within `to`, as asserted, and the others before it.
                                unsafe {
                                    let to = to.as_mut_ptr().add(i * line + j * pixel);
                                    simd.store_at(simd.add(simd.load_at(to), d), to);
                                }
                            }
                        }
                    }
                    Inputs::HangingOver(picture, y, column) => {
                        let inside = columns_inside(g, column);
                        for (i, half) in half.into_iter().enumerate() {
                            let y = y.wrapping_add(i);
                            if y >= g.height {
                                continue;
                            }
                            let d = points::input_transposed(simd, half);
                            let first = column.wrapping_add(inside.start);
                            let start = dx.place(picture * g.height + y, first, self.column + channel, 1);
                            for (j, d) in d.into_iter().enumerate() {
                                if inside.contains(&j) {
                                    let to = &mut dx.numbers[start + (j - inside.start) * pixel..];
                                    simd.store(simd.add(simd.load(to), d), to);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    #[test]
    fn columns_of_a_tile_that_hangs_over() {
        let of = |width: usize, column: isize| {
            let window = Window::new([3, 3], [1, 1]);
            let g = Geometry { height: 9, width, in_channels: 16, out_channels: 32, window };
            columns_inside(&g, column as usize)
        };
        assert_eq!(of(9, 3), 0..6);
        assert_eq!(of(9, 8), 0..1);
        assert_eq!(of(9, -2), 2..6);
        assert_eq!(of(3, -1), 1..4);
        assert_eq!(of(1, -2), 2..3);
        assert!(of(9, 9).is_empty() && of(9, 12).is_empty());
    }
}
