//! 3×3 convolutions by Winograd's F(4×4, 3×3): 36 products where the direct loop makes 144.
//!
//! The output is cut into tiles of 4×4 numbers. Each needs 6×6 inputs `d`, and with the matrices of [`points`] it is
//! `Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A`. Over channels the product ⊙ becomes 36 products of matrices, one per point: a row per tile,
//! a column per channel. The gradients are the transposes, `dV = A dy Aᵀ · (G g Gᵀ)ᵀ`, `dx += B dV Bᵀ` and
//! `dg = Gᵀ [ Σ (Bᵀ d B)ᵀ (A dy Aᵀ) ] G`, so that a pooled gradient is expanded in registers and no padding is multiplied.
//!
//! Tiles run in blocks whose values stay in the second-level cache. Where the weights are too large for that, or the tiles
//! too few for all threads, all tiles are transformed first and threads take panels of weights, each read once. No bit
//! depends on it: every number is one chain over the channels in order, in gradients of kernels over the tiles in order.

mod backward;
mod forward;
mod grid;
mod input;
mod output;
mod points;
mod sheet;
mod values;
mod weights;

pub(super) use backward::gradients;
pub(super) use forward::{Pooling, forward};
pub(super) use weights::{Direction, Transformed};

use super::Geometry;
use crate::window::{Borders, Window};

/// Whether a convolution takes this path. From shapes alone, so that batches, pooling and taps change no bit.
///
/// 3×3 with stride 1, from 16 channels to 32, in steps of whole vectors of every instruction set. Pictures of less than
/// 2×2 tiles gain nothing: a slice then has too few tiles for the 36 matrices of weights (5×5, 64 → 64 channels, 8 pictures:
/// the forward pass as fast as the direct one, the gradients 1.6 times slower; Zen 3). From 16 → 32 channels on it was faster
/// by 1.8 on a Zen 4; fewer were not measured.
pub(super) fn suits(g: &Geometry) -> bool {
    let Window { size, stride, dilation, padding } = g.window;
    let is_plain = size == [3, 3] && stride == [1, 1] && dilation == [1, 1];
    let Borders { top, bottom, left, right } = padding;
    let channels = [g.in_channels, g.out_channels];
    let [rows, columns, _] = g.output();
    let grid = grid::Grid::new([rows, columns]);
    is_plain
        && [top, bottom, left, right].iter().all(|&border| border <= 2)
        && channels.iter().all(|channels| channels.is_multiple_of(16))
        && g.out_channels >= 32
        && grid.down >= 2
        && grid.across >= 2
}

/// Tiles that a block holds at most, with values of `channels` channels and weights of `depth` rows per point.
///
/// Up to 128 channels the values stay in the second-level cache while panels of weights pass by one after the other; with
/// more, a block is as large as is useful, since all weights pass by once per block, and its values pass by several panels
/// at a time, point by point. Up to 128 channels the chapter's layers differ by less than the noise between 24 and 96 tiles;
/// 18×18, 512 → 512, three pictures: 22 ms with 96, 26 with 48 (Zen 3, 512 KiB).
fn tiles_per_block(depth: usize, channels: usize) -> usize {
    if depth > DEEP {
        return MOST_TILES;
    }
    (BLOCK_BYTES / (values::POINTS * channels * size_of::<f32>())).clamp(LEAST_TILES, MOST_TILES)
}

/// 37×37, 256 → 256 channels: 2.15 of the limit with four panels at a time, 1.72 with one (Zen 3).
const DEEP: usize = 128;
const BLOCK_BYTES: usize = 256 << 10;
const LEAST_TILES: usize = 24;
const MOST_TILES: usize = 96;

/// Weights of more bytes are read once by all threads together instead of once per block and thread.
const SHARED_BYTES: usize = 4 << 20;

/// Pictures go in several turns where the values of all together have more bytes; those of one picture are always held.
const HELD_BYTES: usize = 64 << 20;
