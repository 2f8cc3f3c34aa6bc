//! Where in the picture the pixels of a row lie, folded into the picture as the fill mode says.

use super::{EDGE, Fill, Warp};

/// Pixels whose places are worked out together, so that the loops are vectors of any width.
pub(super) const BLOCK: usize = 32;

/// The places of [`BLOCK`] neighbouring pixels of the output.
pub(super) struct Coordinates {
    /// Columns, 0 … width − 1 (up to width with [`Fill::Wrap`]).
    pub(super) x: [f32; BLOCK],
    /// Rows, 0 … height − 1 (up to height with [`Fill::Wrap`]).
    pub(super) y: [f32; BLOCK],
    /// Whether the pixel shows the picture and not [`Fill::Constant`].
    pub(super) inside: [bool; BLOCK],
}

impl Coordinates {
    /// The places of the pixels from column `first` on in a row of the output. What is not a number becomes 0, or outside.
    #[inline(always)]
    pub(super) fn new(warp: &Warp, row: usize, first: usize) -> Coordinates {
        let [height, width, _] = warp.picture;
        let [(x_step, x), (y_step, y)] =
            warp.matrix.map(|[a, b, c]| (a as f32, (a * first as f64 + b * row as f64 + c) as f32));
        let mut at = Coordinates { x: [0.0; BLOCK], y: [0.0; BLOCK], inside: [true; BLOCK] };
        for pixel in 0..BLOCK {
            at.x[pixel] = x_step * pixel as f32 + x;
            at.y[pixel] = y_step * pixel as f32 + y;
        }
        match warp.fill {
            Fill::Nearest => {}
            Fill::Constant(_) => {
                let [right, bottom] = [width, height].map(|n| (n - 1) as f32 + EDGE as f32);
                let [left, top] = [-EDGE as f32; 2];
                for pixel in 0..BLOCK {
                    let (x, y) = (at.x[pixel], at.y[pixel]);
                    at.inside[pixel] = (x >= left) & (x <= right) & (y >= top) & (y <= bottom);
                }
            }
            Fill::Reflect => {
                reflect(&mut at.x, width as f32);
                reflect(&mut at.y, height as f32);
            }
            Fill::Wrap => {
                wrap(&mut at.x, width as f32);
                wrap(&mut at.y, height as f32);
                // Between the last pixel and the first again.
                clamp(&mut at.x, width as f32);
                clamp(&mut at.y, height as f32);
                return at;
            }
        }
        clamp(&mut at.x, (width - 1) as f32);
        clamp(&mut at.y, (height - 1) as f32);
        at
    }
}

/// 0 … `last`; 0 for what is not a number.
#[inline(always)]
fn clamp(places: &mut [f32; BLOCK], last: f32) {
    for place in places {
        let positive = if *place > 0.0 { *place } else { 0.0 };
        *place = if positive < last { positive } else { last };
    }
}

/// Folds at the outer edges of the outermost pixels. Within half a pixel of an edge the mirrored picture is constant, so
/// what is left below 0 and above n − 1 is only to be clamped.
#[inline(always)]
fn reflect(places: &mut [f32; BLOCK], n: f32) {
    let (period, inverse) = (2.0 * n, 1.0 / (2.0 * n));
    for place in places {
        let from_edge = *place + 0.5;
        let from_edge = from_edge - period * (from_edge * inverse).floor();
        let mirrored = period - from_edge;
        *place = (if from_edge < mirrored { from_edge } else { mirrored }) - 0.5;
    }
}

/// Into 0 … `n`.
#[inline(always)]
fn wrap(places: &mut [f32; BLOCK], n: f32) {
    let inverse = 1.0 / n;
    for place in places {
        *place -= n * (*place * inverse).floor();
    }
}
