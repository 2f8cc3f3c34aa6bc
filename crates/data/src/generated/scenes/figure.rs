//! Bodies put together from tapered pieces.

use super::noise::sine_cosine;
use super::solid::{Part, Skin};
use crate::generated::canvas::{Point, Taper};

/// Over which depth the parts of a soft body grow together.
const SOFT: f32 = 0.05;

/// The parts of a body so far, in the body's own coordinates: x to the right, y down.
#[derive(Default)]
pub(super) struct Figure {
    pub(super) parts: Vec<Part>,
}

pub(super) fn point(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Figure {
    /// A piece from `a` to `b` with a radius at each end, its axis `depth` in front of the middle.
    pub(super) fn piece(&mut self, a: Point, b: Point, radii: [f32; 2], depth: f32, skin: Skin) {
        self.parts.push(Part { taper: Taper::new([a, b], radii), depth, joint: SOFT, skin });
    }

    /// A ball, which does not grow together with what it lies on.
    pub(super) fn bead(&mut self, at: Point, radius: f32, depth: f32, skin: Skin) {
        self.parts.push(Part { taper: Taper::new([at, at], [radius; 2]), depth, joint: 0.02, skin });
    }

    /// Pieces from each point to the next.
    pub(super) fn chain(&mut self, points: &[Point], radii: &[f32], depth: f32, skin: Skin) {
        for (ends, radii) in points.windows(2).zip(radii.windows(2)) {
            self.piece(ends[0], ends[1], [radii[0], radii[1]], depth, skin);
        }
    }
}

/// Points on a line that starts in a direction (in turns, clockwise from the right) and bends by `bend` at every step.
pub(super) fn curve<const POINTS: usize>(
    start: Point,
    direction: f32,
    bend: f32,
    length: f32,
) -> [Point; POINTS] {
    let step = length / (POINTS - 1) as f32;
    let mut at = start;
    std::array::from_fn(|number| {
        let here = at;
        let [sin, cos] = sine_cosine(direction + bend * number as f32);
        at = point(at.x + step * cos, at.y + step * sin);
        here
    })
}
