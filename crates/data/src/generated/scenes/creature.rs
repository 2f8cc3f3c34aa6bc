//! A creature's proportions, and its body in each pose.

use super::figure::{Figure, curve, point};
use super::head::Head;
use super::noise::sine_cosine;
use super::solid::Skin;
use super::traits::{Looks, Pose, Tail};
use crate::generated::canvas::Point;
use convnet_tensor::Stream;

/// A creature as its parents made it, in the pose of a moment. Its unit of length is about the length of its body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Creature {
    pub(super) looks: Looks,
    /// Factors of the usual girth, length of body and length of legs.
    girth: f32,
    length: f32,
    legs: f32,
    /// How far each foot stands from below its hip.
    stride: [f32; 4],
    /// Where the tail points at first, in turns, and how it bends.
    tail: [f32; 2],
    /// How high the head is held, −1 … 1.
    nod: f32,
    pub(super) head: Head,
}

/// Far limbs lie in the shade of the body.
const FAR: Skin = Skin::Coat(0.72);
const NEAR: Skin = Skin::Coat(1.0);
/// Bellies and paws are lighter.
const LIGHT: Skin = Skin::Coat(1.15);

impl Creature {
    pub(super) fn draw(looks: Looks, stream: &mut Stream) -> Creature {
        Creature {
            looks,
            girth: stream.between(0.8, 1.2),
            length: stream.between(0.85, 1.2),
            legs: stream.between(0.75, 1.2),
            stride: std::array::from_fn(|_| stream.between(-0.14, 0.14)),
            tail: [stream.between(-0.12, 0.14), stream.between(-0.06, 0.06)],
            nod: stream.between(-1.0, 1.0),
            head: Head::draw(stream),
        }
    }

    /// The body, the middle of the head in it, and where its feet stand (y).
    pub(super) fn build(&self) -> (Figure, Point, f32) {
        let mut figure = Figure::default();
        let (head, ground) = match self.looks.pose {
            Pose::Standing => self.standing(&mut figure),
            Pose::Sitting => self.sitting(&mut figure),
            Pose::Lying => self.lying(&mut figure),
            Pose::Facing => self.facing(&mut figure),
        };
        self.head.build(self.looks.ears, head, &mut figure);
        (figure, head, ground)
    }

    fn standing(&self, figure: &mut Figure) -> (Point, f32) {
        let (long, wide) = (self.length, self.girth);
        let ground = 0.62 * self.legs;
        let (rear, front) = (point(-0.4 * long, 0.0), point(0.36 * long, -0.02));
        for (number, skin, depth) in [(0, FAR, -0.2), (1, FAR, -0.2), (2, NEAR, 0.1), (3, NEAR, 0.1)] {
            let hip = if number % 2 == 0 { rear } else { front };
            let aside = if skin == FAR { 0.08 } else { -0.02 };
            let foot = point(hip.x + aside + self.stride[number], ground);
            let bend = if number % 2 == 0 { -0.05 } else { 0.03 };
            let knee = point(0.5 * (hip.x + aside + foot.x) + bend, 0.5 * ground + 0.06);
            figure.chain(&[point(hip.x + aside, 0.05), knee, foot], &[0.13 * wide, 0.085, 0.06], depth, skin);
            figure.piece(foot, point(foot.x + 0.07, ground), [0.07, 0.06], depth + 0.02, skin);
        }
        figure.piece(rear, front, [0.25 * wide, 0.23 * wide], 0.0, NEAR);
        figure.piece(point(rear.x, 0.1), point(front.x, 0.08), [0.17 * wide, 0.15 * wide], 0.03, LIGHT);
        let head = point(0.6 * long, -0.4 - 0.12 * self.nod);
        figure.piece(front, head, [0.19 * wide, 0.15 * wide], 0.08, NEAR);
        self.add_tail(figure, point(rear.x - 0.2 * wide, -0.1), 0.5 + self.tail[0]);
        (head, ground)
    }

    fn sitting(&self, figure: &mut Figure) -> (Point, f32) {
        let (long, wide) = (self.length, self.girth);
        let (rear, chest) = (point(-0.16, 0.3), point(0.1, 0.3 - 0.5 * long));
        let ground = 0.64;
        self.add_tail(figure, point(rear.x - 0.25 * wide, 0.48), 0.5 + 0.6 * self.tail[0]);
        for (depth, skin, aside) in [(-0.12, FAR, 0.09), (0.14, NEAR, 0.0)] {
            let foot = point(chest.x + 0.14 + aside + 0.4 * self.stride[0], ground);
            figure.chain(
                &[point(chest.x + 0.06 + aside, chest.y + 0.15), foot],
                &[0.13 * wide, 0.065],
                depth,
                skin,
            );
            figure.piece(foot, point(foot.x + 0.08, ground), [0.07, 0.06], depth + 0.02, LIGHT);
        }
        figure.piece(rear, chest, [0.32 * wide, 0.2 * wide], 0.0, NEAR);
        figure.piece(
            point(rear.x + 0.2, 0.2),
            point(chest.x + 0.06, chest.y + 0.1),
            [0.2 * wide, 0.14],
            0.04,
            LIGHT,
        );
        figure.piece(point(-0.2, 0.42), point(-0.08, 0.42), [0.23 * wide, 0.19 * wide], 0.17, NEAR);
        figure.piece(point(-0.06, ground), point(0.14, ground), [0.085, 0.07], 0.24, LIGHT);
        let head = point(chest.x + 0.1 + 0.05 * self.nod, chest.y - 0.34);
        figure.piece(chest, head, [0.18 * wide, 0.15], 0.06, NEAR);
        (head, ground)
    }

    fn lying(&self, figure: &mut Figure) -> (Point, f32) {
        let (long, wide) = (self.length, self.girth);
        let (rear, front) = (point(-0.42 * long, 0.3), point(0.36 * long, 0.26));
        let ground = 0.55;
        self.add_tail(figure, point(rear.x - 0.2 * wide, 0.4), 0.5 + 0.5 * self.tail[0]);
        for (depth, skin, aside) in [(-0.12, FAR, 0.07), (0.16, NEAR, 0.0)] {
            let reach = front.x + 0.3 + aside + self.stride[0];
            figure.chain(&[point(front.x, 0.42), point(reach, 0.49)], &[0.12, 0.07], depth, skin);
            figure.piece(point(reach, 0.49), point(reach + 0.07, 0.49), [0.08, 0.07], depth + 0.02, LIGHT);
        }
        figure.piece(rear, front, [0.25 * wide, 0.22 * wide], 0.0, NEAR);
        figure.piece(point(rear.x, 0.33), point(rear.x + 0.1, 0.36), [0.21 * wide, 0.17 * wide], 0.14, NEAR);
        figure.piece(point(rear.x, 0.49), point(rear.x + 0.24, 0.5), [0.08, 0.07], 0.24, LIGHT);
        let head = point(front.x + 0.2, -0.05 - 0.14 * self.nod);
        figure.piece(front, head, [0.18 * wide, 0.15], 0.08, NEAR);
        (head, ground)
    }

    fn facing(&self, figure: &mut Figure) -> (Point, f32) {
        let wide = self.girth;
        let (seat, chest) = (point(0.0, 0.3), point(0.02 * self.nod, 0.3 - 0.46 * self.length));
        let ground = 0.64;
        let side = if self.stride[0] < 0.0 { 0.5 } else { 0.0 };
        self.add_tail(figure, point(0.0, 0.5), side + self.tail[0]);
        figure.piece(seat, chest, [0.33 * wide, 0.22 * wide], 0.0, NEAR);
        figure.piece(
            point(0.0, 0.25),
            point(chest.x, chest.y + 0.05),
            [0.2 * wide, 0.15 * wide],
            0.14,
            LIGHT,
        );
        for side in [-1.0, 1.0] {
            let out = side * 0.27 * wide;
            figure.piece(point(out, 0.42), point(out * 1.1, 0.56), [0.17 * wide, 0.12], 0.1, NEAR);
            figure.piece(
                point(out * 1.15, ground - 0.03),
                point(out * 1.25, ground),
                [0.09, 0.08],
                0.2,
                LIGHT,
            );
            let stand = side * (0.11 + 0.3 * self.stride[2].abs());
            figure.chain(
                &[point(side * 0.14, chest.y + 0.14), point(stand, 0.4), point(stand, ground)],
                &[0.12 * wide, 0.08, 0.065],
                0.26,
                NEAR,
            );
            figure.bead(point(stand, ground), 0.08, 0.3, LIGHT);
        }
        let head = point(chest.x + 0.06 * self.nod, chest.y - 0.34);
        figure.piece(chest, head, [0.2 * wide, 0.16], 0.1, NEAR);
        (head, ground)
    }

    fn add_tail(&self, figure: &mut Figure, start: Point, direction: f32) {
        let bend = self.tail[1];
        // Behind the body in every pose.
        match self.looks.tail {
            Tail::Thin => figure.chain(
                &curve::<7>(start, direction, bend, 0.75),
                &[0.065, 0.055, 0.05, 0.047, 0.044, 0.042, 0.04],
                -0.1,
                NEAR,
            ),
            Tail::Bushy => figure.chain(
                &curve::<6>(start, direction, bend, 0.6),
                &[0.06, 0.1, 0.14, 0.15, 0.12, 0.04],
                -0.1,
                NEAR,
            ),
            Tail::Stub => figure.chain(&curve::<2>(start, direction, bend, 0.1), &[0.1, 0.085], -0.1, LIGHT),
        }
    }
}

/// A turn as sine and cosine, at most `most` turns to either side.
pub(super) fn tilt(stream: &mut Stream, most: f32) -> [f32; 2] {
    sine_cosine(stream.between(-most, most))
}
