//! A grey canvas on which smooth strokes are drawn.

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
            self.segment([points[0], points[1]], [radii[0], radii[1]], softness);
        }
    }

    fn segment(&mut self, [a, b]: [Point; 2], [radius_a, radius_b]: [f32; 2], softness: f32) {
        let reach = radius_a.max(radius_b) + 0.5 * softness;
        // Casts from f32 saturate, so a segment outside the canvas gives an empty range.
        let range = |low: f32, high: f32, extent: usize| {
            let start = (low - reach).ceil().max(0.0) as usize;
            let end = ((high + reach).floor() + 1.0).max(0.0) as usize;
            start..end.min(extent)
        };
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let per_length = 1.0 / (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
        for row in range(a.y.min(b.y), a.y.max(b.y), self.height) {
            for column in range(a.x.min(b.x), a.x.max(b.x), self.width) {
                let (px, py) = (column as f32 - a.x, row as f32 - a.y);
                let along = ((px * dx + py * dy) * per_length).clamp(0.0, 1.0);
                let (ox, oy) = (px - along * dx, py - along * dy);
                let distance = (ox * ox + oy * oy).sqrt() - (radius_a + along * (radius_b - radius_a));
                let covered = (0.5 - distance / softness).clamp(0.0, 1.0);
                let pixel = &mut self.coverage[row * self.width + column];
                *pixel = pixel.max(covered);
            }
        }
    }
}
