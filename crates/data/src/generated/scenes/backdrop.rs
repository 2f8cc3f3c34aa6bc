//! What is behind, beside and in front of a creature: ground, wall, things that lie and grow there.

use super::creature::tilt;
use super::figure::{Figure, curve, point};
use super::markings::{Coat, Markings, blend};
use super::noise::{noise, smooth};
use super::solid::{Easel, Light, Placement, Skin, Solid};
use super::things;
use crate::generated::canvas::Point;
use convnet_tensor::Stream;

/// A wall or sky above a ground or floor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Backdrop {
    coats: [Coat; 2],
    /// Where the ground begins, 0 at the top and 1 at the bottom, how it rises to the right, and over how much it fades.
    horizon: f32,
    slope: f32,
    softness: f32,
    /// How much brighter it gets to the right and downwards.
    gradient: [f32; 2],
    seed: u32,
}

/// A soft dark place on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shadow {
    /// In fractions of width and height.
    pub(super) at: Point,
    /// In shorter sides of the picture.
    pub(super) radius: f32,
    pub(super) strength: f32,
}

impl Backdrop {
    pub(super) fn draw(stream: &mut Stream) -> Backdrop {
        Backdrop {
            coats: std::array::from_fn(|_| ground(stream)),
            horizon: stream.between(0.1, 0.8),
            slope: stream.between(-0.25, 0.25),
            softness: stream.between(0.01, 0.25),
            gradient: [stream.between(-0.35, 0.35), stream.between(-0.35, 0.35)],
            seed: stream.bits() as u32,
        }
    }

    /// Covers the whole easel.
    pub(super) fn paint(&self, easel: &mut Easel, light: &Light, shadow: &Shadow) {
        let (unit, width, height) = (easel.unit(), easel.width as f32, easel.height as f32);
        let shade = light.on([0.0, -0.3, 0.95]);
        let pixel = 1.0 / unit;
        for row in 0..easel.height {
            for column in 0..easel.width {
                let (x, y) = ((column as f32 + 0.5) * pixel, (row as f32 + 0.5) * pixel);
                let (across, down) = (x * unit / width - 0.5, y * unit / height);
                let edge = self.horizon - self.slope * across + 0.06 * noise(self.seed, 5.0 * x, 1.0);
                let share = smooth((0.5 + (down - edge) / self.softness).clamp(0.0, 1.0));
                let colour = match share {
                    0.0 => self.coats[0].at(x, y, pixel),
                    1.0 => self.coats[1].at(x, y, pixel),
                    _ => blend(self.coats[0].at(x, y, pixel), self.coats[1].at(x, y, pixel), share),
                };
                let bright = 1.0 + self.gradient[0] * across + self.gradient[1] * (down - 0.5);
                let (dx, dy) = (x - shadow.at.x * width * pixel, y - shadow.at.y * height * pixel);
                // Seen flat from the side, a round shadow is an ellipse.
                let away = (dx * dx + 9.0 * dy * dy) / (shadow.radius * shadow.radius);
                let open = bright * (1.0 - shadow.strength * (1.0 - away).max(0.0));
                easel.colours[row * easel.width + column] =
                    std::array::from_fn(|channel| shade[channel] * open * colour[channel]);
            }
        }
    }
}

/// Any markings, from `coarse` to `fine` marks per unit.
fn surface(stream: &mut Stream, coarse: f32, fine: f32) -> Coat {
    let markings = Markings::ALL[stream.below(Markings::ALL.len())];
    let frequency = stream.between(coarse, fine);
    Coat::draw(stream, markings, frequency)
}

/// Ground or wall: as a surface, but half of them plain, and the others fainter than a coat.
fn ground(stream: &mut Stream) -> Coat {
    let mut coat = surface(stream, 2.0, 14.0);
    let [first, second] = coat.colours;
    coat.colours[1] = blend(first, second, stream.between(0.2, 0.8));
    if stream.below(2) == 0 {
        coat.markings = Markings::Plain;
    }
    coat
}

/// Something that stands or lies about, of any form.
pub(super) fn thing(stream: &mut Stream) -> Solid {
    Solid {
        parts: things::any(stream).parts,
        coat: surface(stream, 2.0, 6.0),
        place: Placement {
            at: point(stream.between(-0.05, 1.05), stream.between(0.05, 1.05)),
            scale: stream.between(0.08, 0.3),
            turn: tilt(stream, 0.14),
            mirrored: stream.below(2) == 0,
        },
    }
}

/// A blade or twig close to the viewer: thin, so that what matters stays in sight.
pub(super) fn blade(stream: &mut Stream) -> Solid {
    let mut figure = Figure::default();
    let width = stream.between(0.012, 0.03);
    let points = curve::<6>(point(0.0, 0.6), -0.25, stream.between(-0.03, 0.03), stream.between(0.6, 1.3));
    let radii: [f32; 6] = std::array::from_fn(|number| width * (1.0 - 0.19 * number as f32));
    figure.chain(&points, &radii, 0.0, Skin::Coat(1.0));
    Solid {
        parts: figure.parts,
        coat: surface(stream, 1.0, 4.0),
        place: Placement {
            at: point(stream.uniform(), stream.between(0.6, 1.1)),
            scale: stream.between(0.4, 0.9),
            turn: tilt(stream, 0.06),
            mirrored: false,
        },
    }
}
