//! The work of one thread at a time: some output rows of one picture, or all rows of a few.

use super::Geometry;
use crate::memory::Buffer;
use crate::parallel;
use std::ops::Range;

/// Rows `rows` of each picture in `pictures`; of more than one picture always all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) pictures: Range<usize>,
    pub(crate) rows: Range<usize>,
}

impl Band {
    /// Cuts pictures of `rows` rows into bands of at most `most` rows, and into enough of them to feed all threads.
    pub(crate) fn cut_for_threads(pictures: Range<usize>, rows: usize, most: usize) -> Vec<Band> {
        let threads = parallel::threads();
        let fair = if threads > 1 { (pictures.len() * rows).div_ceil(2 * threads) } else { usize::MAX };
        Band::cut(pictures, rows, most.min(fair))
    }

    /// Cuts pictures of `rows` rows into bands of at most `most` rows, but of one at least.
    pub(super) fn cut(pictures: Range<usize>, rows: usize, most: usize) -> Vec<Band> {
        let most = most.max(1);
        let mut bands = Vec::new();
        if most >= rows {
            for pictures in evenly(pictures, most / rows.max(1)) {
                bands.push(Band { pictures, rows: 0..rows });
            }
        } else {
            for picture in pictures {
                for rows in evenly(0..rows, most) {
                    bands.push(Band { pictures: picture..picture + 1, rows });
                }
            }
        }
        bands
    }

    /// Rows of all pictures together.
    pub(crate) fn len(&self) -> usize {
        self.pictures.len() * self.rows.len()
    }
}

/// Cuts a range into as few parts of nearly equal size as hold at most `most` each.
fn evenly(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = range.len().div_ceil(most.max(1));
    let (start, len) = (range.start, range.len());
    (0..count).map(move |part| start + len * part / count..start + len * (part + 1) / count)
}

/// Cuts `numbers`, which hold `row_len` per row, at the ends of bands that lie one after the other.
pub(crate) fn deal<'a, T>(bands: &[Band], row_len: usize, mut numbers: &'a mut [T]) -> Vec<&'a mut [T]> {
    let mut dealt = Vec::with_capacity(bands.len());
    for band in bands {
        let (part, rest) = numbers.split_at_mut(band.len() * row_len);
        dealt.push(part);
        numbers = rest;
    }
    dealt
}

/// The pixels that a band of positions of the window sees: the pictures themselves, or a copy with zeros around where
/// there is padding.
pub(super) struct Pixels<'a> {
    seen: Seen<'a>,
    row_len: usize,
    picture_len: usize,
}

enum Seen<'a> {
    Pictures(&'a [f32]),
    Copy(Buffer<f32>),
}

impl<'a> Pixels<'a> {
    pub(super) fn new(g: &Geometry, x: &'a [f32], band: &Band) -> Pixels<'a> {
        let padding = g.window.padding;
        let row = g.width * g.in_channels;
        let first = band.rows.start * g.window.stride[0];
        let height = band.rows.len().saturating_sub(1) * g.window.stride[0] + g.window.extent()[0];
        if padding == Default::default() {
            let pictures = &x[band.pictures.start * g.input_len()..band.pictures.end * g.input_len()];
            return Pixels {
                seen: Seen::Pictures(&pictures[first * row..]),
                row_len: row,
                picture_len: g.input_len(),
            };
        }
        let left = padding.left * g.in_channels;
        let row_len = left + row + padding.right * g.in_channels;
        let mut copy = Buffer::recycled(band.pictures.len() * height * row_len);
        for (picture, copy) in band.pictures.clone().zip(copy.chunks_exact_mut(height * row_len)) {
            for (y, copy) in copy.chunks_exact_mut(row_len).enumerate() {
                match (first + y).checked_sub(padding.top).filter(|&y| y < g.height) {
                    Some(y) => {
                        copy[..left].fill(0.0);
                        copy[left..left + row].copy_from_slice(&x[(picture * g.height + y) * row..][..row]);
                        copy[left + row..].fill(0.0);
                    }
                    None => copy.fill(0.0),
                }
            }
        }
        Pixels { seen: Seen::Copy(copy), row_len, picture_len: height * row_len }
    }

    pub(super) fn numbers(&self) -> &[f32] {
        match &self.seen {
            Seen::Pictures(pictures) => pictures,
            Seen::Copy(copy) => copy,
        }
    }

    /// Where the products of one number of the output lie, relative to the window's first pixel.
    pub(super) fn offsets(&self, g: &Geometry) -> Buffer<u32> {
        let [rows, columns] = g.window.size;
        let mut offsets = Buffer::recycled(g.depth());
        for (tap, offsets) in offsets.chunks_exact_mut(g.in_channels.max(1)).enumerate() {
            let (ky, kx) = (tap / columns % rows, tap % columns);
            let start = ky * g.window.dilation[0] * self.row_len + kx * g.window.dilation[1] * g.in_channels;
            offsets.iter_mut().enumerate().for_each(|(c, offset)| *offset = to_u32(start + c));
        }
        offsets
    }

    /// The first pixel of each window of the band, row by row, `columns` per row.
    pub(super) fn bases(&self, g: &Geometry, band: &Band, columns: usize) -> Buffer<u32> {
        let mut bases = Buffer::recycled(band.len() * columns);
        for (row, bases) in bases.chunks_exact_mut(columns.max(1)).enumerate() {
            let start = self.row_start(g, row / band.rows.len(), row % band.rows.len());
            let step = g.window.stride[1] * g.in_channels;
            bases.iter_mut().enumerate().for_each(|(column, base)| *base = to_u32(start + column * step));
        }
        bases
    }

    /// The same, two rows at a time and in each pair of rows window by window of a 2×2 pooling.
    pub(super) fn pooled_bases(&self, g: &Geometry, band: &Band, columns: usize) -> Buffer<u32> {
        let mut bases = Buffer::recycled(band.len() * columns);
        for (pair, bases) in bases.chunks_exact_mut((2 * columns).max(1)).enumerate() {
            let (picture, row) = (2 * pair / band.rows.len(), 2 * pair % band.rows.len());
            let starts = [0, 1].map(|below| self.row_start(g, picture, row + below));
            let step = g.window.stride[1] * g.in_channels;
            for (window, bases) in bases.chunks_exact_mut(4).enumerate() {
                for (corner, base) in bases.iter_mut().enumerate() {
                    *base = to_u32(starts[corner / 2] + (2 * window + corner % 2) * step);
                }
            }
        }
        bases
    }

    fn row_start(&self, g: &Geometry, picture: usize, row: usize) -> usize {
        picture * self.picture_len + row * g.window.stride[0] * self.row_len
    }
}

/// A place within a band.
pub(super) fn to_u32(place: usize) -> u32 {
    u32::try_from(place).expect("a band of more than 2^32 numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_every_row_once_and_in_order() {
        for (pictures, rows, most) in
            [(8, 11, 22), (8, 11, 1000), (3, 100, 30), (1, 7, 2), (0, 5, 5), (5, 3, 1)]
        {
            for threads in [1, 2, 3] {
                let bands =
                    parallel::install(threads, || Band::cut_for_threads(0..pictures, rows, most)).unwrap();
                assert!(bands.iter().all(|band| band.len() <= most.max(1) && band.len() > 0));
                assert!(bands.iter().all(|band| band.pictures.len() == 1 || band.rows == (0..rows)));
                let all = bands.iter().flat_map(|band| {
                    band.pictures.clone().flat_map(|picture| band.rows.clone().map(move |row| (picture, row)))
                });
                let expected = (0..pictures).flat_map(|picture| (0..rows).map(move |row| (picture, row)));
                assert!(all.eq(expected), "{bands:?}");
            }
        }
    }
}
