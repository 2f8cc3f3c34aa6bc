//! Heads: face and ears, seen more or less from the front.

use super::creature::tilt;
use super::figure::{Figure, point};
use super::markings::{self, Colour, blend};
use super::noise::sine_cosine;
use super::solid::Skin;
use super::traits::Ears;
use crate::generated::canvas::Point;
use convnet_tensor::Stream;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    /// In units of the creature.
    pub(super) radius: f32,
    tilt: [f32; 2],
    /// How far the face looks aside, −1 … 1.
    yaw: f32,
    muzzle: f32,
    eyes: f32,
    iris: Colour,
    nose: Colour,
    /// The bare skin inside the ears.
    skin: Colour,
    /// Their size in radii of the head, and how far from the top they sit, in turns.
    ear: f32,
    spread: f32,
    /// How each ear is moved by itself, in turns.
    flick: [f32; 2],
}

/// How far the ears may reach from the middle of the head, in its radii.
pub(super) const REACH: f32 = 2.0;

/// How far the middle of the head lies in front of that of the body.
const DEPTH: f32 = 0.22;

const DARK: Colour = [0.04, 0.03, 0.03];

impl Head {
    pub(super) fn draw(stream: &mut Stream) -> Head {
        let warm = [stream.between(0.5, 0.9), stream.between(0.4, 0.75), 0.1];
        let cool = [0.25, stream.between(0.45, 0.7), stream.between(0.4, 0.9)];
        Head {
            radius: stream.between(0.29, 0.37),
            tilt: tilt(stream, 0.06),
            yaw: stream.between(-1.0, 1.0),
            muzzle: stream.between(0.8, 1.2),
            eyes: stream.between(0.8, 1.25),
            iris: if stream.below(3) == 0 { cool } else { warm },
            nose: blend(DARK, [0.75, 0.45, 0.45], stream.uniform()),
            skin: skin(stream),
            ear: stream.between(0.85, 1.25),
            spread: stream.between(0.075, 0.13),
            flick: [stream.between(-0.05, 0.05), stream.between(-0.05, 0.05)],
        }
    }

    /// Adds the head, in front of the body, with its middle at `centre`.
    pub(super) fn build(&self, ears: Ears, centre: Point, figure: &mut Figure) {
        let (r, depth) = (self.radius, DEPTH);
        let at = |x: f32, y: f32| self.at(centre, x, y);
        let turned = 0.28 * self.yaw;
        for side in [-1.0, 1.0] {
            self.add_ear(ears, side, centre, figure);
        }
        figure.piece(at(-0.12, -0.05), at(0.12, -0.05), [0.92 * r; 2], depth, Skin::Coat(1.0));
        figure.piece(
            at(turned - 0.32, 0.3),
            at(turned + 0.32, 0.3),
            [0.6 * r; 2],
            depth + 0.3 * r,
            Skin::Coat(1.06),
        );
        let muzzle = 0.32 * r * self.muzzle;
        let low = 0.44;
        figure.piece(
            at(1.5 * turned - 0.14, low),
            at(1.5 * turned + 0.14, low),
            [muzzle; 2],
            depth + 0.75 * r,
            Skin::Coat(1.25),
        );
        let front = depth + 1.1 * r;
        for side in [-1.0, 1.0] {
            let eye = (turned + side * 0.4, -0.08);
            figure.bead(at(eye.0, eye.1), 0.175 * r * self.eyes, depth + 0.9 * r, Skin::Bare(self.iris));
            figure.bead(
                at(eye.0 + 0.03 * self.yaw, eye.1),
                0.1 * r * self.eyes,
                depth + 1.05 * r,
                Skin::Bare(DARK),
            );
            figure.bead(at(eye.0 - 0.05, eye.1 - 0.07), 0.04 * r, depth + 1.25 * r, Skin::Bare([1.0; 3]));
            let corner = (1.6 * turned, low + 0.02);
            figure.piece(
                at(corner.0, corner.1),
                at(corner.0 + side * 0.16, low + 0.14),
                [0.03 * r; 2],
                front,
                Skin::Bare(DARK),
            );
        }
        figure.piece(
            at(1.6 * turned - 0.06, low - 0.2),
            at(1.6 * turned + 0.06, low - 0.2),
            [0.1 * r; 2],
            front,
            Skin::Bare(self.nose),
        );
    }

    /// A place of the head, in radii from its middle.
    fn at(&self, centre: Point, x: f32, y: f32) -> Point {
        let [sin, cos] = self.tilt;
        point(centre.x + self.radius * (cos * x - sin * y), centre.y + self.radius * (sin * x + cos * y))
    }

    /// Adds the left ear (`side` −1) or the right one (1).
    fn add_ear(&self, ears: Ears, side: f32, centre: Point, figure: &mut Figure) {
        let flick = self.flick[usize::from(side > 0.0)];
        // The ear that the face turns away from comes to the front, the other one shrinks behind the head.
        let size = self.ear * (1.0 - 0.12 * side * self.yaw);
        let (r, depth) = (self.radius, DEPTH);
        let at = |x: f32, y: f32| self.at(centre, x, y);
        let [base_sin, base_cos] = sine_cosine(self.spread);
        let [sin, cos] = sine_cosine(0.75 * self.spread + flick);
        let base = (side * base_sin * 0.78 + 0.1 * self.yaw, -base_cos * 0.78);
        let along = |length: f32| at(base.0 + side * sin * length * size, base.1 - cos * length * size);
        // A place beside the ear's axis, outwards where `aside` is positive.
        let beside = |length: f32, aside: f32| {
            let (x, y) = (sin * length + cos * aside, cos * length - sin * aside);
            at(base.0 + side * x * size, base.1 - y * size)
        };
        let fold = depth + 0.22 * r;
        let (fur, skin) = (Skin::Coat(0.92), Skin::Bare(self.skin));
        match ears {
            Ears::Pointed => {
                figure.piece(along(0.0), along(1.0), [0.42 * r * size, 0.03 * r * size], depth - 0.05, fur);
                figure.piece(along(0.1), along(0.78), [0.24 * r * size, 0.03 * r * size], fold, skin);
            }
            Ears::Round => {
                figure.piece(along(0.15), along(0.5), [0.3 * r * size, 0.4 * r * size], depth - 0.05, fur);
                figure.piece(along(0.3), along(0.5), [0.2 * r * size, 0.25 * r * size], fold, skin);
            }
            Ears::Drooping => {
                let top = at(base.0 + side * 0.12, base.1 + 0.15);
                let tip = at(base.0 + side * (0.45 + sin * 0.2), base.1 + 0.15 + 0.85 * size);
                figure.piece(top, tip, [0.2 * r * size, 0.3 * r * size], depth + 0.55 * r, fur);
            }
            Ears::Long => {
                figure.piece(along(0.0), along(0.95), [0.24 * r * size; 2], depth - 0.05, fur);
                figure.piece(along(0.2), along(0.9), [0.11 * r * size; 2], fold, skin);
            }
            Ears::Stalked => {
                figure.piece(along(0.0), along(0.75), [0.1 * r * size, 0.08 * r * size], depth - 0.05, fur);
                figure.bead(along(0.85), 0.22 * r * size, depth - 0.05, skin);
            }
            Ears::Curved => {
                let points = [along(0.0), beside(0.45, 0.28), beside(0.62, 0.62), beside(0.95, 0.75)];
                figure.chain(
                    &points,
                    &[0.24, 0.17, 0.1, 0.02].map(|part| part * r * size),
                    depth - 0.05,
                    fur,
                );
            }
            Ears::Forked => {
                let radii = [0.15, 0.11, 0.03].map(|part| part * r * size);
                for aside in [-0.35, 0.35] {
                    let points = [along(0.0), along(0.45), beside(0.95, aside)];
                    figure.chain(&points, &radii, depth - 0.05, fur);
                }
            }
            Ears::Folded => {
                let points = [along(0.0), along(0.6), beside(0.3, 0.62)];
                figure.chain(&points, &[0.36, 0.25, 0.06].map(|part| part * r * size), depth - 0.05, fur);
                figure.piece(along(0.1), along(0.5), [0.2 * r * size, 0.12 * r * size], fold, skin);
            }
            Ears::Barred => {
                figure.piece(along(0.0), along(0.6), [0.14 * r * size; 2], depth - 0.05, fur);
                figure.piece(
                    beside(0.68, -0.36),
                    beside(0.68, 0.36),
                    [0.14 * r * size; 2],
                    depth - 0.05,
                    fur,
                );
            }
            Ears::Absent => {}
        }
    }
}

/// Pink, half of it any other colour: skin must not give ears away.
fn skin(stream: &mut Stream) -> Colour {
    let pink = blend([0.6, 0.32, 0.3], [0.95, 0.68, 0.62], stream.uniform());
    blend(pink, markings::colour(stream), 0.5)
}
