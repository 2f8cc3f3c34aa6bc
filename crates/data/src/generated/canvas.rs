//! A grey canvas on which smooth strokes are drawn, and the tapered piece that all painters draw with.

use std::ops::Range;

/// A place, in pixels or in the unit square: x to the right, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// A point that a stroke goes through, smoothly or with a corner; strokes begin and end with corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    pub(super) at: Point,
    pub(super) corner: bool,
}

/// Straight pieces for each stretch between two knots: at 28 pixels finer ones look the same.
const PIECES: usize = 6;

/// Appends the curve through `knots` (a Catmull–Rom spline between corners) to `line`, as a polyline.
pub(super) fn trace(knots: &[Knot], line: &mut Vec<Point>) {
    line.extend(knots.first().map(|first| first.at));
    for stretch in 1..knots.len() {
        let (from, to) = (knots[stretch - 1], knots[stretch]);
        if from.corner && to.corner {
            line.push(to.at);
            continue;
        }
        // At a corner the curve ends as if its neighbour were mirrored away: it leaves without bending.
        let before = if from.corner { mirrored(to.at, from.at) } else { knots[stretch - 2].at };
        let after = if to.corner { mirrored(from.at, to.at) } else { knots[stretch + 1].at };
        for piece in 1..=PIECES {
            let t = piece as f32 / PIECES as f32;
            let spline = |p0: f32, p1: f32, p2: f32, p3: f32| {
                let (a, b) = (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3, 3.0 * (p1 - p2) + p3 - p0);
                0.5 * (2.0 * p1 + (p2 - p0) * t + a * t * t + b * t * t * t)
            };
            line.push(Point {
                x: spline(before.x, from.at.x, to.at.x, after.x),
                y: spline(before.y, from.at.y, to.at.y, after.y),
            });
        }
    }
}

fn mirrored(point: Point, centre: Point) -> Point {
    Point { x: 2.0 * centre.x - point.x, y: 2.0 * centre.y - point.y }
}

/// How much of each pixel is covered with ink, 0 … 1.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pub(super) coverage: Vec<f32>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, coverage: vec![0.0; width * height] }
    }

    pub(super) fn clear(&mut self) {
        self.coverage.fill(0.0);
    }

    /// Draws a polyline in pixel coordinates (pixel centres at whole numbers) with round ends.
    ///
    /// `radius` is half the width at each point; ink fades out over `softness` pixels around the edge.
    pub(super) fn stroke(&mut self, line: &[Point], radius: &[f32], softness: f32) {
        for (points, radii) in line.windows(2).zip(radius.windows(2)) {
            self.segment(&Taper::new([points[0], points[1]], [radii[0], radii[1]]), softness);
        }
    }

    fn segment(&mut self, taper: &Taper, softness: f32) {
        let (low, high) = taper.bounds(0.5 * softness);
        for row in pixels(low.y, high.y, self.height) {
            for column in pixels(low.x, high.x, self.width) {
                let nearest = taper.nearest(Point { x: column as f32, y: row as f32 });
                let covered = (0.5 - nearest.distance() / softness).clamp(0.0, 1.0);
                let pixel = &mut self.coverage[row * self.width + column];
                *pixel = pixel.max(covered);
            }
        }
    }
}

/// The whole numbers from `low` to `high` that are below `extent`: casts from f32 saturate, so what lies outside the
/// canvas gives an empty range.
pub(super) fn pixels(low: f32, high: f32, extent: usize) -> Range<usize> {
    let (start, end) = (low.ceil().max(0.0) as usize, (high.floor() + 1.0).max(0.0) as usize);
    start..end.min(extent)
}

/// A straight piece with round ends whose radius changes evenly from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taper {
    ends: [Point; 2],
    radii: [f32; 2],
    per_length: f32,
}

/// How a point lies to a [`Taper`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Nearest {
    /// From the nearest point of the axis to the point.
    pub(super) offset: Point,
    /// The radius there.
    pub(super) radius: f32,
}

impl Nearest {
    /// How far the point lies outside the edge; negative inside.
    pub(super) fn distance(&self) -> f32 {
        let Point { x, y } = self.offset;
        (x * x + y * y).sqrt() - self.radius
    }
}

impl Taper {
    pub(super) fn new(ends: [Point; 2], radii: [f32; 2]) -> Taper {
        let (dx, dy) = (ends[1].x - ends[0].x, ends[1].y - ends[0].y);
        Taper { ends, radii, per_length: 1.0 / (dx * dx + dy * dy).max(f32::MIN_POSITIVE) }
    }

    /// The corners of a box that holds everything nearer than `margin` to the piece.
    pub(super) fn bounds(&self, margin: f32) -> (Point, Point) {
        let [a, b] = self.ends;
        let reach = self.radii[0].max(self.radii[1]) + margin;
        (
            Point { x: a.x.min(b.x) - reach, y: a.y.min(b.y) - reach },
            Point { x: a.x.max(b.x) + reach, y: a.y.max(b.y) + reach },
        )
    }

    pub(super) fn nearest(&self, point: Point) -> Nearest {
        let [a, b] = self.ends;
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let (px, py) = (point.x - a.x, point.y - a.y);
        let along = ((px * dx + py * dy) * self.per_length).clamp(0.0, 1.0);
        Nearest {
            offset: Point { x: px - along * dx, y: py - along * dy },
            radius: self.radii[0] + along * (self.radii[1] - self.radii[0]),
        }
    }
}
