//! A picture as a window sees it: with zeros around, and a few rows of it at a time.

use super::Geometry;
use crate::memory::Buffer;

/// How a picture is laid out for a window that moves over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Rows and columns of the picture.
    size: [usize; 2],
    channels: usize,
    /// Each channel stands this many times in a row.
    repeat: usize,
    /// Zeros between the pixels, plus one.
    spread: [usize; 2],
    /// The place in the spread picture of the first pixel seen; negative in the padding.
    start: [isize; 2],
    /// Pixels of a row as seen.
    columns: usize,
    /// Rows that one position of the window spans.
    extent: usize,
}

impl View {
    /// The picture under the forward pass.
    pub(super) fn of_input(g: &Geometry) -> View {
        let padding = g.window.padding;
        View {
            size: [g.height, g.width],
            channels: g.channels,
            repeat: g.multiplier,
            spread: [1, 1],
            start: [-signed(padding.top), -signed(padding.left)],
            columns: padding.left + g.width + padding.right,
            extent: g.window.extent()[0],
        }
    }

    /// The gradient of the output under a kernel turned around that moves pixel by pixel over it.
    pub(super) fn of_gradient(g: &Geometry) -> View {
        let ([rows, columns, channels], [tall, wide]) = (g.output(), g.window.extent());
        let padding = g.window.padding;
        View {
            size: [rows, columns],
            channels,
            repeat: 1,
            spread: g.window.stride,
            start: [signed(padding.top) - signed(tall - 1), signed(padding.left) - signed(wide - 1)],
            columns: g.width + wide - 1,
            extent: tall,
        }
    }

    /// Numbers per pixel that count.
    pub(super) fn filled(&self) -> usize {
        self.channels * self.repeat
    }

    /// Numbers from pixel to pixel.
    pub(super) fn pitch(&self) -> usize {
        pitch(self.filled())
    }

    /// The row of the picture that is row `row` as seen; `None` for one of zeros.
    fn row(&self, row: usize) -> Option<usize> {
        let place = usize::try_from(signed(row) + self.start[0]).ok()?;
        (place.is_multiple_of(self.spread[0]))
            .then_some(place / self.spread[0])
            .filter(|&row| row < self.size[0])
    }
}

/// Numbers of a cache line, and of the longest vector.
const LINE: usize = 16;

/// Numbers from pixel to pixel of so many channels: whole vectors of any instruction set, and an odd number of cache lines,
/// so that neighbouring pixels never fall into the same few sets of the first-level cache.
pub(super) fn pitch(channels: usize) -> usize {
    (channels.div_ceil(LINE) | 1) * LINE
}

fn signed(pixels: usize) -> isize {
    isize::try_from(pixels).expect("a picture of more pixels than memory")
}

/// The most channels of a picture that is read where it lies: MobileNet's first two blocks run a fifth faster so. Of 256 channels the 27 cache lines that a tile sees share four sets of the first-level cache, and the loop
/// takes twice as long as with a copy (Zen 3).
const IN_PLACE: usize = 64;

/// The rows of one picture that windows read.
pub(super) enum Pixels<'a> {
    /// The picture itself, whose borders are seen to by whoever reads; and a row of zeros.
    InPlace { view: View, picture: &'a [f32], zeros: Buffer<f32> },
    /// A copy of a few rows with borders and room between the pixels.
    Copied(Seen<'a>),
}

impl<'a> Pixels<'a> {
    pub(super) fn new(view: View, picture: &'a [f32]) -> Pixels<'a> {
        let is_whole = view.channels.is_multiple_of(LINE) && view.channels <= IN_PLACE;
        let only_padded = view.spread == [1, 1] && view.start[1] <= 0;
        if is_whole && only_padded && view.repeat == 1 {
            let zeros = Buffer::zeros(view.size[1] * view.channels);
            Pixels::InPlace { view, picture, zeros }
        } else {
            Pixels::Copied(Seen::new(view, picture))
        }
    }

    /// Where row `row` starts in [`Pixels::numbers`], as [`Seen::row`].
    pub(super) fn row(&mut self, row: usize) -> Option<usize> {
        match self {
            Pixels::InPlace { view, .. } => Some(view.row(row)? * view.size[1] * view.channels),
            Pixels::Copied(seen) => seen.row(row),
        }
    }

    pub(super) fn numbers(&self) -> &[f32] {
        match self {
            Pixels::InPlace { picture, .. } => picture,
            Pixels::Copied(seen) => seen.numbers(),
        }
    }

    /// A row of zeros.
    pub(super) fn zeros(&self) -> &[f32] {
        match self {
            Pixels::InPlace { zeros, .. } => zeros,
            Pixels::Copied(seen) => &seen.numbers[seen.zeros()..],
        }
    }

    /// Numbers from pixel to pixel.
    pub(super) fn pitch(&self) -> usize {
        match self {
            Pixels::InPlace { view, .. } => view.channels,
            Pixels::Copied(seen) => seen.view.pitch(),
        }
    }

    /// Pixels of a row.
    pub(super) fn columns(&self) -> usize {
        match self {
            Pixels::InPlace { view, .. } => view.size[1],
            Pixels::Copied(seen) => seen.view.columns,
        }
    }

    /// Zeros that windows see before the first pixel of a row.
    pub(super) fn left(&self) -> usize {
        match self {
            Pixels::InPlace { view, .. } => view.start[1].unsigned_abs(),
            Pixels::Copied(_) => 0,
        }
    }
}

/// The rows of one picture that a row of windows sees. Going down the picture, each row is copied once.
pub(super) struct Seen<'a> {
    view: View,
    picture: &'a [f32],
    /// A ring of rows, then a row of zeros.
    numbers: Buffer<f32>,
    /// The row of the picture that each place of the ring holds.
    held: Vec<Option<usize>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(view: View, picture: &'a [f32]) -> Seen<'a> {
        let places = view.extent.min(view.size[0]);
        let numbers = Buffer::zeros((places + 1) * view.columns * view.pitch());
        Seen { view, picture, numbers, held: vec![None; places] }
    }

    pub(super) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// Where a row of zeros starts.
    pub(super) fn zeros(&self) -> usize {
        self.held.len() * self.view.columns * self.view.pitch()
    }

    /// Where row `row`, counted in rows as seen, starts; `None` where it holds nothing but zeros. Valid until a row
    /// further down than the window spans is asked for.
    pub(super) fn row(&mut self, row: usize) -> Option<usize> {
        let row = self.view.row(row)?;
        let place = row % self.held.len();
        let len = self.view.columns * self.view.pitch();
        if self.held[place] != Some(row) {
            self.held[place] = Some(row);
            let from = self.view.size[1] * self.view.channels;
            copy_row(
                &self.view,
                &self.picture[row * from..][..from],
                &mut self.numbers[place * len..][..len],
            );
        }
        Some(place * len)
    }
}

/// Copies the pixels of a row to their places; what lies between and around them stays.
fn copy_row(view: &View, from: &[f32], to: &mut [f32]) {
    let (pitch, spread) = (view.pitch(), view.spread[1]);
    // Where the row starts before its first pixel there is padding, else the first pixels are never seen.
    let skipped = usize::try_from(view.start[1]).unwrap_or(0).div_ceil(spread);
    let first = usize::try_from(signed(skipped * spread) - view.start[1]).unwrap_or(0);
    if first >= view.columns {
        return;
    }
    let pixels = from.chunks_exact(view.channels).skip(skipped);
    for (from, to) in pixels.zip(to[first * pitch..].chunks_mut(spread * pitch)) {
        if view.repeat == 1 {
            to[..view.channels].copy_from_slice(from);
        } else {
            for (from, to) in from.iter().zip(to.chunks_exact_mut(view.repeat)) {
                to.fill(*from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{Borders, Window};

    #[test]
    fn rows_come_with_zeros_around_and_between() {
        let window = Window {
            padding: Borders { top: 1, bottom: 0, left: 2, right: 1 },
            ..Window::new([2, 2], [2, 2])
        };
        let g = Geometry { height: 2, width: 3, channels: 1, multiplier: 2, window };
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut seen = Seen::new(View::of_input(&g), &x);
        assert_eq!(seen.row(0), None);
        let row = |seen: &mut Seen<'_>, row: usize| {
            let start = seen.row(row).unwrap();
            let pixels = seen.numbers()[start..].chunks(16).take(seen.view.columns);
            pixels.map(|pixel| [pixel[0], pixel[1]]).collect::<Vec<_>>()
        };
        let expected = [0.0, 0.0, 1.0, 2.0, 3.0, 0.0].map(|x| [x, x]);
        assert_eq!(row(&mut seen, 1), expected);
        assert_eq!(row(&mut seen, 2)[2..5], [[4.0; 2], [5.0; 2], [6.0; 2]]);
        assert_eq!(row(&mut seen, 1), expected);
        // Positions of the 2×2 window: rows −1 to 0, columns −2 to −1 and 0 to 1; the spread gradient of 1×3 outputs.
        let g = Geometry { multiplier: 1, ..g };
        assert_eq!(g.output(), [1, 3, 1]);
        let mut seen = Seen::new(View::of_gradient(&g), &[7.0, 8.0, 9.0]);
        let of_gradient =
            |seen: &mut Seen<'_>, at: usize| row(seen, at).iter().map(|pixel| pixel[0]).collect::<Vec<_>>();
        assert_eq!(of_gradient(&mut seen, 0), [0.0, 8.0, 0.0, 9.0]);
        assert_eq!(seen.row(1), None);
    }
}
