//! Both gradients, from the same values A dy Aᵀ.

use super::forward::in_parallel;
use super::grid::{Grid, blocks};
use super::input::{self, Scatter};
use super::output;
use super::sheet::Sheet;
use super::values::{self, POINTS, Products, Values, sums_step, together};
use super::weights::{self, Direction, Group, Transformed};
use super::{HELD_BYTES, tiles_per_block};
use crate::conv2d::gradient::Gradient;
use crate::conv2d::kernel_gradient::{LARGE_KERNEL, by_group};
use crate::conv2d::{Geometry, Layout, Wanted};
use crate::gemm::side_by_side;
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Tile, isa};
use std::ops::Range;
use std::slice;
use std::sync::{Mutex, PoisonError};

/// As [`conv2d::gradients`](crate::conv2d::gradients).
pub(in crate::conv2d) fn gradients(g: &Geometry, n: usize, dy: Gradient<'_>, wanted: Wanted<'_>) {
    let (x, dkernel) = wanted.kernel.unzip();
    let (packed, dx) = wanted.input.unzip();
    let u = packed.map(|packed| match &packed.0 {
        Layout::Winograd(u) => u,
        Layout::Panels(_) => panic!("a kernel packed for the direct algorithm"),
    });
    if let Some(u) = u {
        u.check(g, Direction::Transposed);
    }
    let work = Work { g, grid: Grid::new(dy.size(g)), dy, x: x.unwrap_or_default(), u };
    let threads = parallel::threads();
    let is_large = g.kernel_len() > LARGE_KERNEL;
    match (dkernel, wanted.bias, dx) {
        (None, None, None) => {}
        (None, Some(dbias), None) => work.bias(n, dbias),
        (dkernel, dbias, dx) if is_large || (dkernel.is_none() && n < threads) => {
            work.by_points(n, dkernel, dbias, dx);
        }
        (dkernel, dbias, dx) => work.by_groups(n, dkernel, dbias, dx),
    }
}

struct Work<'a> {
    g: &'a Geometry,
    grid: Grid,
    dy: Gradient<'a>,
    x: &'a [f32],
    u: Option<&'a Transformed>,
}

impl Work<'_> {
    /// The gradient of the bias alone, in the order of [`Work::by_groups`].
    fn bias(&self, n: usize, dbias: &mut [f32]) {
        let tile = Tile::for_sums(isa(), self.g.out_channels);
        by_group(n, dbias, |pictures, dbias| {
            let tiles = pictures.start * self.grid.tiles()..pictures.end * self.grid.tiles();
            output::add_to_bias(self.g, &self.grid, self.dy, tiles, tile, dbias);
        });
    }

    /// Threads take groups of pictures, and the sums of the groups are added in order.
    fn by_groups(
        &self,
        n: usize,
        dkernel: Option<&mut [f32]>,
        dbias: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) {
        let groups: Vec<_> = parallel::groups(n).collect();
        let mut rest = dx.unwrap_or_default();
        let mut parts = Vec::with_capacity(groups.len());
        for group in &groups {
            let len = if rest.is_empty() { 0 } else { group.len() * self.g.input_len() };
            let (part, behind) = rest.split_at_mut(len);
            parts.push(Mutex::new((!part.is_empty()).then_some(part)));
            rest = behind;
        }
        let kernel = dkernel.as_ref().map_or(0, |dkernel| dkernel.len());
        let bias = dbias.as_ref().map_or(0, |dbias| dbias.len());
        // Kernel and bias as one sum, so that the values are made once for all.
        let mut both = Buffer::recycled(kernel + bias);
        let places: Vec<_> = groups.iter().map(|group| group.start).collect();
        by_group(n, &mut both, |pictures, both| {
            let group = places.partition_point(|&start| start < pictures.start);
            let dx = parts[group].lock().unwrap_or_else(PoisonError::into_inner).take();
            let (dkernel, dbias) = both.split_at_mut(kernel);
            self.of_group(pictures, dkernel, dbias, dx);
        });
        if let Some(dkernel) = dkernel {
            dkernel.copy_from_slice(&both[..kernel]);
        }
        if let Some(dbias) = dbias {
            dbias.copy_from_slice(&both[kernel..]);
        }
    }

    /// One thread: block after block. `dkernel` and `dbias` are empty where they are not wanted.
    fn of_group(
        &self,
        pictures: Range<usize>,
        dkernel: &mut [f32],
        dbias: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        let g = self.g;
        let tile = Tile::for_sums(isa(), g.out_channels);
        let mut dx = dx.map(|dx| {
            dx.fill(0.0);
            self.sheet(dx, pictures.start, g.in_channels, 0)
        });
        let mut sums = Buffer::recycled(if dkernel.is_empty() {
            0
        } else {
            POINTS * sums_step(g.in_channels, g.out_channels)
        });
        let tiles = pictures.start * self.grid.tiles()..pictures.end * self.grid.tiles();
        let first = tiles.start;
        for tiles in
            blocks(tiles, tiles_per_block(g.out_channels, g.in_channels + g.out_channels), tile.rows())
        {
            let is_first = tiles.start == first;
            let d = self.gradients(tiles.clone(), tile, (!dbias.is_empty()).then_some(&mut *dbias));
            if !dkernel.is_empty() {
                let values = input::values(g, &self.grid, self.x, tiles, tile);
                values.accumulate(tile, &d, 0..POINTS, is_first, &mut sums);
            }
            if let (Some(dx), Some(u)) = (&mut dx, self.u) {
                for panels in u.groups() {
                    self.scatter(slice::from_ref(&d), &u.group(panels), dx);
                }
            }
        }
        if first == pictures.end * self.grid.tiles() {
            sums.fill(0.0);
        }
        if !dkernel.is_empty() {
            let mut taps: Vec<_> = dkernel.chunks_exact_mut(g.in_channels * g.out_channels).collect();
            weights::kernel_gradient(g.out_channels, &sums, 0, &mut taps);
        }
    }

    /// All tiles of some pictures at a time: threads take points of the kernel's gradient, then panels of the pictures'.
    fn by_points(
        &self,
        n: usize,
        dkernel: Option<&mut [f32]>,
        dbias: Option<&mut [f32]>,
        mut dx: Option<&mut [f32]>,
    ) {
        let g = self.g;
        let tile = Tile::for_sums(isa(), g.out_channels);
        if let Some(dbias) = dbias {
            self.bias(n, dbias);
        }
        let (weights, step) = (g.in_channels * g.out_channels, sums_step(g.in_channels, g.out_channels));
        let mut sums = Buffer::recycled(if dkernel.is_some() { POINTS * step } else { 0 });
        let held = POINTS * (g.in_channels + g.out_channels) * size_of::<f32>() * self.grid.tiles();
        let pictures = (HELD_BYTES / held.max(1)).clamp(1, n.max(1));
        for first in (0..n).step_by(pictures) {
            let range = first..n.min(first + pictures);
            let tiles = range.start * self.grid.tiles()..range.end * self.grid.tiles();
            let most = tiles.len().div_ceil(2 * parallel::threads()).min(MOST_POINTS_TILES);
            let blocks: Vec<_> = blocks(tiles, most, tile.rows()).collect();
            let d = in_parallel(blocks.len(), |block| self.gradients(blocks[block].clone(), tile, None));
            if dkernel.is_some() {
                let values = in_parallel(blocks.len(), |block| {
                    input::values(g, &self.grid, self.x, blocks[block].clone(), tile)
                });
                parallel::for_each_chunk(&mut sums, step, |point, sums| {
                    for (block, (values, d)) in values.iter().zip(&d).enumerate() {
                        let from_zero = first == 0 && block == 0;
                        values.accumulate(tile, d, point..point + 1, from_zero, sums);
                    }
                });
            }
            if let (Some(dx), Some(u)) = (dx.as_deref_mut(), self.u) {
                let dx = &mut dx[range.start * g.input_len()..range.end * g.input_len()];
                self.input_by_panels(&d, u, range.start, dx);
            }
        }
        let Some(dkernel) = dkernel else { return };
        if n * self.grid.tiles() == 0 {
            sums.fill(0.0);
        }
        let rows = g.in_channels.div_ceil(2 * parallel::threads());
        let mut parts: Vec<Vec<&mut [f32]>> = (0..g.in_channels.div_ceil(rows)).map(|_| Vec::new()).collect();
        for tap in dkernel.chunks_exact_mut(weights) {
            for (part, rows) in parts.iter_mut().zip(tap.chunks_mut(rows * g.out_channels)) {
                part.push(rows);
            }
        }
        parallel::for_each_chunk(&mut parts, 1, |part, taps| {
            weights::kernel_gradient(g.out_channels, &sums, part * rows, &mut taps[0]);
        });
    }

    fn input_by_panels(&self, d: &[Values], u: &Transformed, first_picture: usize, dx: &mut [f32]) {
        let g = self.g;
        let pixels = dx.len() / g.in_channels;
        let groups: Vec<_> = u.groups().collect();
        let width = groups[0].len() * u.tile().width();
        let mut panels = Buffer::recycled(groups.len() * pixels * width);
        parallel::for_each_chunk(&mut panels, pixels * width, |group, dx| {
            dx.fill(0.0);
            let mut dx = self.sheet(dx, first_picture, width, group * width);
            let u = u.group(groups[group].clone());
            for d in d.chunks(together(d)) {
                self.scatter(d, &u, &mut dx);
            }
        });
        side_by_side(&panels, pixels, width, g.in_channels, dx);
    }

    fn sheet<'b>(
        &self,
        numbers: &'b mut [f32],
        picture: usize,
        stride: usize,
        first_channel: usize,
    ) -> Sheet<'b, f32> {
        Sheet { numbers, columns: self.g.width, stride, first_line: picture * self.g.height, first_channel }
    }

    fn gradients(&self, tiles: Range<usize>, tile: Tile, dbias: Option<&mut [f32]>) -> Values {
        output::gradients(self.g, &self.grid, self.dy, tiles, tile.width(), tile, dbias)
    }

    fn scatter(&self, d: &[Values], u: &Group<'_>, dx: &mut Sheet<'_, f32>) {
        let (tile, column, filled) = (u.tile, u.column, u.filled);
        let products = &Products::new(d, u);
        tile.run(Scatter {
            g: self.g,
            grid: &self.grid,
            tiles: values::tiles(d),
            products,
            column,
            filled,
            dx,
        });
    }
}

/// Tiles per block where all are held: the weights pass by once per block.
const MOST_POINTS_TILES: usize = 96;
