//! Rounded bodies made of tapered pieces, lit and painted over what is behind them.

use super::markings::{Coat, Colour, blend};
use super::noise::mix;
use crate::generated::canvas::{Nearest, Point, Taper, pixels};

/// What a piece is covered with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Skin {
    /// The coat of the whole body, made brighter or darker by a factor.
    Coat(f32),
    /// A colour of its own.
    Bare(Colour),
}

/// A piece of a body: a tapered tube, seen from the front.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) taper: Taper,
    /// How far its axis lies in front of the body's middle.
    pub(super) depth: f32,
    /// Over which difference of depth it grows together with what it touches.
    pub(super) joint: f32,
    pub(super) skin: Skin,
}

/// Where a body stands in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// The body's origin, in fractions of the picture's width and height.
    pub(super) at: Point,
    /// The body's unit of length, in shorter sides of the picture.
    pub(super) scale: f32,
    /// Sine and cosine of how it is turned, clockwise.
    pub(super) turn: [f32; 2],
    /// Whether it looks to the left.
    pub(super) mirrored: bool,
}

/// A body with its parts in coordinates of its own: x to the right, y down.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solid {
    pub(super) parts: Vec<Part>,
    pub(super) coat: Coat,
    pub(super) place: Placement,
}

/// One lamp far away and light from everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Light {
    /// To the lamp, of length 1: right, down, towards the viewer.
    pub(super) direction: [f32; 3],
    pub(super) ambient: f32,
    pub(super) lamp: Colour,
}

impl Light {
    /// The light on a surface that faces `normal`, of length about 1.
    pub(super) fn on(&self, normal: [f32; 3]) -> Colour {
        let facing: f32 = normal.iter().zip(self.direction).map(|(n, d)| n * d).sum();
        // Light bends a little around soft things; edges and undersides see less of what is around.
        let lit = (0.25 + 0.75 * facing).max(0.0);
        let open = self.ambient * (0.55 + 0.25 * normal[2] - 0.2 * normal[1]);
        self.lamp.map(|lamp| open + lamp * lit)
    }
}

/// What is seen of a body at a pixel before it is lit.
#[derive(Clone, Copy)]
struct Surface {
    coverage: f32,
    height: f32,
    normal: [f32; 3],
    /// Factor of the coat.
    tone: f32,
    bare: Colour,
}

const NOTHING: Surface = Surface { coverage: 0.0, height: 0.0, normal: [0.0; 3], tone: 0.0, bare: [0.0; 3] };

/// A picture in the making.
pub(super) struct Easel {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) colours: Vec<Colour>,
    /// How much of each pixel shows the object that the scene is about.
    pub(super) object: Vec<f32>,
    surface: Vec<Surface>,
}

impl Easel {
    pub(super) fn new(height: usize, width: usize) -> Easel {
        let size = height * width;
        Easel {
            height,
            width,
            colours: vec![[0.0; 3]; size],
            object: vec![0.0; size],
            surface: vec![NOTHING; size],
        }
    }

    /// Pixels per unit of the scene: the shorter side.
    pub(super) fn unit(&self) -> f32 {
        self.height.min(self.width) as f32
    }

    /// Paints `solid` over everything so far.
    pub(super) fn paint(&mut self, solid: &Solid, light: &Light, is_object: bool) {
        let view = View::new(self, &solid.place);
        let Some((rows, columns)) = self.model(solid, &view) else { return };
        let light = Light { direction: view.inward(light.direction), ..*light };
        for row in rows {
            for column in columns.clone() {
                let pixel = row * self.width + column;
                let surface = std::mem::replace(&mut self.surface[pixel], NOTHING);
                if surface.coverage <= 0.0 {
                    continue;
                }
                let at = view.local(column, row);
                let coat = solid.coat.at(at.x, at.y, view.pixel);
                let shade = light.on(surface.normal);
                let colour = std::array::from_fn(|channel| {
                    shade[channel] * (surface.tone * coat[channel] + surface.bare[channel])
                });
                self.colours[pixel] = blend(self.colours[pixel], colour, surface.coverage);
                let before = self.object[pixel] * (1.0 - surface.coverage);
                self.object[pixel] = if is_object { before + surface.coverage } else { before };
            }
        }
    }

    /// Fills `surface` with what is seen of the parts; which rows and columns they touch.
    fn model(
        &mut self,
        solid: &Solid,
        view: &View,
    ) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
        let mut touched: Option<(std::ops::Range<usize>, std::ops::Range<usize>)> = None;
        for part in &solid.parts {
            let (low, high) = view.outward(part.taper.bounds(view.pixel));
            let (rows, columns) = (pixels(low.y, high.y, self.height), pixels(low.x, high.x, self.width));
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            for row in rows.clone() {
                for column in columns.clone() {
                    let nearest = part.taper.nearest(view.local(column, row));
                    let coverage = (0.5 - nearest.distance() / view.pixel).clamp(0.0, 1.0);
                    if coverage > 0.0 {
                        self.surface[row * self.width + column].join(part, nearest, coverage);
                    }
                }
            }
            let (r, c) = touched.get_or_insert_with(|| (rows.clone(), columns.clone()));
            *r = r.start.min(rows.start)..r.end.max(rows.end);
            *c = c.start.min(columns.start)..c.end.max(columns.end);
        }
        touched
    }
}

impl Surface {
    fn join(&mut self, part: &Part, Nearest { offset, radius }: Nearest, coverage: f32) {
        let square = offset.x * offset.x + offset.y * offset.y;
        let rise = (radius * radius - square).max(0.0).sqrt();
        let height = part.depth + rise;
        let per_length = 1.0 / (square + rise * rise).sqrt().max(1e-6);
        let normal = [offset.x * per_length, offset.y * per_length, rise * per_length];
        let (tone, bare) = match part.skin {
            Skin::Coat(tone) => (tone, [0.0; 3]),
            Skin::Bare(colour) => (0.0, colour),
        };
        // The nearer one is seen; where both only touch the pixel, each gets what the other leaves.
        let nearer = (0.5 + 0.5 * (height - self.height) / part.joint).clamp(0.0, 1.0);
        let share = (nearer * coverage).max(((1.0 - self.coverage) * coverage).min(1.0));
        let share = if self.coverage > 0.0 { share } else { 1.0 };
        self.height = mix(self.height, height, share);
        self.normal = blend(self.normal, normal, share);
        self.tone = mix(self.tone, tone, share);
        self.bare = blend(self.bare, bare, share);
        self.coverage = self.coverage.max(coverage);
    }
}

/// How pixels and a body's own coordinates go together.
struct View {
    origin: Point,
    /// Pixels per unit of the body.
    scale: f32,
    turn: [f32; 2],
    /// −1 where the body is mirrored.
    side: f32,
    /// A pixel in units of the body.
    pixel: f32,
}

impl View {
    fn new(easel: &Easel, place: &Placement) -> View {
        let scale = place.scale * easel.unit();
        View {
            // Pixel centres are half a pixel from the picture's edge.
            origin: Point {
                x: place.at.x * easel.width as f32 - 0.5,
                y: place.at.y * easel.height as f32 - 0.5,
            },
            scale,
            turn: place.turn,
            side: if place.mirrored { -1.0 } else { 1.0 },
            pixel: 1.0 / scale,
        }
    }

    fn local(&self, column: usize, row: usize) -> Point {
        let (x, y) = (column as f32 - self.origin.x, row as f32 - self.origin.y);
        let [sin, cos] = self.turn;
        Point { x: self.side * (cos * x + sin * y) * self.pixel, y: (cos * y - sin * x) * self.pixel }
    }

    /// A direction of the scene in the body's coordinates.
    fn inward(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let [sin, cos] = self.turn;
        [self.side * (cos * x + sin * y), cos * y - sin * x, z]
    }

    /// The corners, in pixels, of a box that holds a box of the body.
    fn outward(&self, (low, high): (Point, Point)) -> (Point, Point) {
        let [sin, cos] = self.turn;
        let corner = |x: f32, y: f32| {
            let (x, y) = (self.side * x * self.scale, y * self.scale);
            Point { x: self.origin.x + cos * x - sin * y, y: self.origin.y + sin * x + cos * y }
        };
        let corners =
            [corner(low.x, low.y), corner(high.x, low.y), corner(low.x, high.y), corner(high.x, high.y)];
        corners.into_iter().fold((corners[0], corners[0]), |(low, high), corner| {
            (
                Point { x: low.x.min(corner.x), y: low.y.min(corner.y) },
                Point { x: high.x.max(corner.x), y: high.y.max(corner.y) },
            )
        })
    }
}
