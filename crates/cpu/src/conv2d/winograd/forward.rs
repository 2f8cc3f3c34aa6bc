//! The forward pass: which thread does which tiles with which weights.

use super::grid::{Grid, blocks};
use super::output::{Piece, Store, StorePooled};
use super::points::OUTPUTS;
use super::sheet::Sheet;
use super::values::{POINTS, Products, Values, together};
use super::weights::{Direction, Group, Transformed};
use super::{HELD_BYTES, SHARED_BYTES, input, tiles_per_block, values};
use crate::conv2d::Geometry;
use crate::conv2d::band::Band;
use crate::conv2d::forward_pool::argmax_bytes;
use crate::epilogue::Epilogue;
use crate::gemm::{Finish, side_by_side};
use crate::memory::Buffer;
use crate::parallel;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Whether the outputs are pooled, and where the places of the maxima go (empty: nowhere).
pub(in crate::conv2d) enum Pooling<'a> {
    None,
    TwoByTwo(&'a mut [u8]),
}

/// What all threads share.
struct Work<'a> {
    g: &'a Geometry,
    grid: Grid,
    x: &'a [f32],
    u: &'a Transformed,
    epilogue: &'a Epilogue<'a>,
    /// Lines of the output per line of tiles, and lines and columns of the output of a picture.
    lines: usize,
    rows: usize,
    columns: usize,
    is_pooled: bool,
}

/// What one thread writes.
struct Part<'a> {
    y: Sheet<'a, f32>,
    argmax: Option<Sheet<'a, u8>>,
}

pub(in crate::conv2d) fn forward(
    g: &Geometry,
    x: &[f32],
    u: &Transformed,
    epilogue: &Epilogue<'_>,
    y: &mut [f32],
    pooling: Pooling<'_>,
) {
    u.check(g, Direction::Forward);
    let n = g.pictures(x);
    let [rows, columns, _] = g.output();
    let (is_pooled, argmax) = match pooling {
        Pooling::None => (false, Default::default()),
        Pooling::TwoByTwo(argmax) => (true, argmax),
    };
    // Outputs that the pooling drops are never made.
    let grid =
        if is_pooled { Grid::new([rows / 2 * 2, columns / 2 * 2]) } else { Grid::new([rows, columns]) };
    let shrink = if is_pooled { 2 } else { 1 };
    let work = Work {
        g,
        grid,
        x,
        u,
        epilogue,
        lines: OUTPUTS / shrink,
        rows: grid.rows / shrink,
        columns: grid.columns / shrink,
        is_pooled,
    };
    if n * grid.tiles() == 0 {
        return;
    }
    let threads = parallel::threads();
    let is_divisible = u.groups().count() >= threads;
    let is_short = n * grid.tiles() < threads * tiles_per_block(g.in_channels, g.in_channels);
    if u.is_for_one_use() || (threads > 1 && is_divisible && (is_short || u.bytes() > SHARED_BYTES)) {
        work.by_panels(n, y, argmax);
    } else {
        work.by_bands(n, y, argmax);
    }
}

impl Work<'_> {
    /// Threads take lines of tiles, each with all weights.
    fn by_bands(&self, n: usize, y: &mut [f32], argmax: &mut [u8]) {
        let channels = self.g.out_channels;
        let bands = Band::cut_for_threads(0..n, self.grid.down, usize::MAX);
        let ys = self.deal(&bands, channels, y);
        let argmaxes = self.deal(&bands, argmax_bytes(channels), argmax);
        let mut parts: Vec<_> = ys
            .into_iter()
            .zip(argmaxes)
            .map(|(y, argmax)| Part { y, argmax: (!argmax.numbers.is_empty()).then_some(argmax) })
            .collect();
        parallel::for_each_chunk(&mut parts, 1, |index, part| {
            let line = |picture: usize, row: usize| (picture * self.grid.down + row) * self.grid.across;
            let band = &bands[index];
            let (first, last) = (band.pictures.start, band.pictures.end - 1);
            let tiles = line(first, band.rows.start)..line(last, band.rows.end);
            let most = tiles_per_block(self.g.in_channels, self.g.in_channels);
            for tiles in blocks(tiles, most, self.u.tile().rows()) {
                let values = [self.values(tiles)];
                for panels in self.u.groups() {
                    self.finish(&values, &self.u.group(panels), &mut part[0]);
                }
            }
        });
    }

    /// Threads take panels of weights, each with all tiles, and write their channels one picture after the other; then
    /// the channels are put side by side.
    fn by_panels(&self, n: usize, y: &mut [f32], argmax: &mut [u8]) {
        let channels = self.g.out_channels;
        let held = POINTS * self.g.in_channels * size_of::<f32>() * self.grid.tiles();
        let pictures = (HELD_BYTES / held).clamp(1, n);
        let pixels = self.rows * self.columns;
        let bytes = argmax_bytes(channels);
        for first in (0..n).step_by(pictures) {
            let range = first..n.min(first + pictures);
            let pixels_here = range.start * pixels..range.end * pixels;
            let values = self.all_values(range.clone());
            // All groups of panels are as wide as the first, but the last may hold less.
            let groups: Vec<_> = self.u.groups().collect();
            let width = groups[0].len() * self.u.tile().width();
            let wanted = if argmax.is_empty() { 0 } else { width.div_ceil(8) * 2 };
            let mut ys = Buffer::recycled(groups.len() * pixels_here.len() * width);
            let mut places = Buffer::<u8>::recycled(groups.len() * pixels_here.len() * wanted);
            let mut parts: Vec<_> = {
                let mut places = places.chunks_exact_mut((pixels_here.len() * wanted).max(1));
                ys.chunks_exact_mut(pixels_here.len() * width)
                    .enumerate()
                    .map(|(group, y)| {
                        let first_line = range.start * self.rows;
                        let (columns, first_channel) = (self.columns, group * width);
                        Part {
                            y: Sheet { numbers: y, columns, stride: width, first_line, first_channel },
                            argmax: places.next().map(|numbers| Sheet {
                                numbers,
                                columns,
                                stride: wanted,
                                first_line,
                                first_channel,
                            }),
                        }
                    })
                    .collect()
            };
            parallel::for_each_chunk(&mut parts, 1, |group, part| {
                let u = self.u.group(groups[group].clone());
                for blocks in values.chunks(together(&values)) {
                    self.finish(blocks, &u, &mut part[0]);
                }
            });
            let to = &mut y[pixels_here.start * channels..pixels_here.end * channels];
            side_by_side(&ys, pixels_here.len(), width, channels, to);
            if wanted > 0 {
                let to = &mut argmax[pixels_here.start * bytes..pixels_here.end * bytes];
                side_by_side(&places, pixels_here.len(), wanted, bytes, to);
            }
        }
    }

    fn values(&self, tiles: Range<usize>) -> Values {
        input::values(self.g, &self.grid, self.x, tiles, self.u.tile())
    }

    /// The values of all tiles of some pictures.
    fn all_values(&self, pictures: Range<usize>) -> Vec<Values> {
        let tiles = pictures.start * self.grid.tiles()..pictures.end * self.grid.tiles();
        let most = tiles
            .len()
            .div_ceil(2 * parallel::threads())
            .min(tiles_per_block(self.g.in_channels, self.g.in_channels));
        let blocks: Vec<_> = blocks(tiles, most, self.u.tile().rows()).collect();
        in_parallel(blocks.len(), |block| self.values(blocks[block].clone()))
    }

    /// Neighbouring blocks of values times some panels of weights, to the output.
    fn finish(&self, blocks: &[Values], u: &Group<'_>, part: &mut Part<'_>) {
        let (tile, column, filled) = (u.tile, u.column, u.filled);
        let products = &Products::new(blocks, u);
        let piece = Piece {
            grid: &self.grid,
            tiles: values::tiles(blocks),
            products,
            column,
            filled,
            finish: &Finish::new(self.epilogue, column),
        };
        if self.is_pooled {
            tile.run(StorePooled { piece, y: &mut part.y, argmax: part.argmax.as_mut() });
        } else {
            tile.run(Store { piece, y: &mut part.y });
        }
    }

    /// Cuts the output at the ends of bands of lines of tiles.
    fn deal<'a, T>(&self, bands: &[Band], stride: usize, mut numbers: &'a mut [T]) -> Vec<Sheet<'a, T>> {
        let is_wanted = !numbers.is_empty();
        let mut sheets = Vec::with_capacity(bands.len());
        for band in bands {
            let end = (band.rows.end * self.lines).min(self.rows);
            let first_line = band.pictures.start * self.rows + band.rows.start * self.lines;
            let lines = (band.pictures.end - 1) * self.rows + end - first_line;
            let len = if is_wanted { lines * self.columns * stride } else { 0 };
            let (part, rest) = numbers.split_at_mut(len);
            numbers = rest;
            sheets.push(Sheet { numbers: part, columns: self.columns, stride, first_line, first_channel: 0 });
        }
        sheets
    }
}

/// Item 0 to n − 1, made in parallel.
pub(super) fn in_parallel<T: Send>(n: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let made: Vec<Mutex<Option<T>>> = (0..n).map(|_| Mutex::new(None)).collect();
    parallel::for_each(n, |item| {
        *made[item].lock().unwrap_or_else(PoisonError::into_inner) = Some(make(item));
    });
    made.into_iter().filter_map(|item| item.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
