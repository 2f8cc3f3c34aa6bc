//! Handwritten digits, painted in the manner of MNIST.
//!
//! The ranges below were chosen with sheets of both sets side by side, and so that a dense network (128 hidden units, six
//! rounds of 60,000) does as well as on MNIST: 0.979 here, 0.977 there, after curves that run together.

use super::canvas::{Canvas, Knot, Point, trace};
use super::label;
use super::skeletons::DIGITS;
use crate::{Dataset, Origin, idx};
use convnet_tensor::{Purpose, Seed, Stream, Tensor};
use rayon::prelude::*;

/// Height and width of a digit in pixels, as in MNIST.
pub const DIGIT_SIDE: usize = 28;

const SIZE: usize = DIGIT_SIDE * DIGIT_SIDE;
/// The rounds of streams that paint digits and choose which.
const STROKES: u64 = 0;
const LABELS: u64 = 1;
/// MNIST fits each digit into a box of this many pixels, then centres it by mass.
const BOX: f32 = 20.0;

/// `count` painted digits, `[count, 28, 28, 1]`, white on black; each class as often as the others, give or take one.
///
/// ```
/// use convnet_data::generated;
/// use convnet_tensor::Seed;
/// let set = generated::digits(Seed(1), 70);
/// assert_eq!(set.class_counts(), [7; 10]);
/// assert_eq!(set.picture(3)?, generated::digits(Seed(1), 4).picture(3)?);
/// # Ok::<(), convnet_data::Error>(())
/// ```
pub fn digits(seed: Seed, count: usize) -> Dataset {
    let mut pictures = Tensor::<u8>::recycled([count, DIGIT_SIDE, DIGIT_SIDE, 1]);
    let labels = pictures
        .data_mut()
        .par_chunks_exact_mut(SIZE)
        .enumerate()
        .map_init(Painter::new, |painter, (number, picture)| painter.paint(seed, number as u64, picture))
        .collect();
    Dataset::from_arrays(pictures, labels, idx::digit_names())
        .expect("every picture has a label below ten")
        .with_origin(Origin::generated("digits", seed.0))
}

/// Painted digits without end, one at a time: the pictures of [`digits`] in the same order.
pub fn digits_iter(seed: Seed) -> impl Iterator<Item = (Vec<u8>, u32)> {
    let mut painter = Painter::new();
    (0..).map(move |number| {
        let mut picture = vec![0; SIZE];
        let label = painter.paint(seed, number, &mut picture);
        (picture, label)
    })
}

/// Paints digit `number` of the set that follows from `seed` into `picture` (28 × 28 bytes), and returns its label.
///
/// # Panics
/// When `picture` has another length.
pub fn digit(seed: Seed, number: u64, picture: &mut [u8]) -> u32 {
    Painter::new().paint(seed, number, picture)
}

/// Memory that is used again from one digit to the next.
struct Painter {
    canvas: Canvas,
    knots: Vec<Knot>,
    points: Vec<Point>,
    radii: Vec<f32>,
    /// Where each stroke ends in `points`.
    ends: Vec<usize>,
    grain: [u8; 2 * SIZE],
}

impl Painter {
    fn new() -> Painter {
        Painter {
            canvas: Canvas::new(DIGIT_SIDE, DIGIT_SIDE),
            knots: Vec::new(),
            points: Vec::new(),
            radii: Vec::new(),
            ends: Vec::new(),
            grain: [0; 2 * SIZE],
        }
    }

    fn paint(&mut self, seed: Seed, number: u64, picture: &mut [u8]) -> u32 {
        assert_eq!(picture.len(), SIZE, "a digit is {DIGIT_SIDE}×{DIGIT_SIDE} bytes");
        let label = label(seed, LABELS, number, DIGITS.len());
        let mut stream = seed.stream(Purpose::Generate, STROKES, number);
        self.write_by_hand(&mut stream, label);
        let pen = Pen::draw(&mut stream);
        self.fit(&mut stream, pen.radius);
        self.ink(&mut stream, &pen);
        self.develop(&mut stream, picture);
        label as u32
    }

    /// Traces the strokes of one way to write the digit, as an unsteady, slanted hand does.
    fn write_by_hand(&mut self, stream: &mut Stream, label: usize) {
        let ways = DIGITS[label];
        let strokes = ways[stream.below(ways.len())];
        let unsteadiness = stream.between(0.01, 0.055);
        let hand = Hand::draw(stream);
        self.points.clear();
        self.ends.clear();
        for stroke in strokes {
            self.knots.clear();
            self.knots.extend(stroke.iter().enumerate().map(|(place, knot)| {
                // Where the pen lands and leaves varies most: loops stay open, strokes cross or do not meet.
                let is_end = place == 0 || place + 1 == stroke.len();
                let spread = if is_end { 1.5 * unsteadiness } else { unsteadiness };
                let at = Point {
                    x: knot.at.x + spread * stream.normal(),
                    y: knot.at.y + spread * stream.normal(),
                };
                Knot { at, ..*knot }
            }));
            trace(&self.knots, &mut self.points);
            self.ends.push(self.points.len());
        }
        self.points.iter_mut().for_each(|point| *point = hand.moved(*point));
    }

    /// Scales the points into MNIST's box and moves their centre of mass to the middle of the picture.
    fn fit(&mut self, stream: &mut Stream, radius: f32) {
        let (mut low, mut high) = (self.points[0], self.points[0]);
        for point in &self.points {
            low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
            high = Point { x: high.x.max(point.x), y: high.y.max(point.y) };
        }
        let longest = (high.x - low.x).max(high.y - low.y);
        let scale = (BOX - 2.0 * radius) * stream.between(0.85, 1.02) / longest;
        // A stroke's mass is its length, as its width is nearly the same everywhere.
        let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
        let mut start = 0;
        for &end in &self.ends {
            for pair in self.points[start..end].windows(2) {
                let length = ((pair[1].x - pair[0].x).powi(2) + (pair[1].y - pair[0].y).powi(2)).sqrt();
                mass += length;
                x += length * 0.5 * (pair[0].x + pair[1].x);
                y += length * 0.5 * (pair[0].y + pair[1].y);
            }
            start = end;
        }
        let middle = 0.5 * DIGIT_SIDE as f32 - 0.5;
        let (left, top) = (middle + 0.7 * stream.normal(), middle + 0.7 * stream.normal());
        for point in &mut self.points {
            *point = Point { x: left + scale * (point.x - x / mass), y: top + scale * (point.y - y / mass) };
        }
    }

    /// Draws the strokes with a pen whose pressure changes on the way.
    fn ink(&mut self, stream: &mut Stream, pen: &Pen) {
        self.canvas.clear();
        let mut start = 0;
        for &end in &self.ends {
            let phase = stream.uniform() * std::f32::consts::TAU;
            self.radii.clear();
            self.radii.extend((start..end).map(|point| {
                let wave = (phase + pen.rhythm * (point - start) as f32).sin();
                pen.radius * (1.0 + pen.pressure * wave)
            }));
            self.canvas.stroke(&self.points[start..end], &self.radii, pen.softness);
            start = end;
        }
    }

    /// Turns coverage into bytes, with the grain of paper and scanner.
    fn develop(&mut self, stream: &mut Stream, picture: &mut [u8]) {
        let (strength, white) = (stream.between(1.1, 1.7), stream.between(0.9, 1.0));
        let (grain, dust) = (stream.between(0.0, 0.25), stream.between(-0.06, 0.06).max(0.0));
        stream.fill_bytes(&mut self.grain);
        for ((pixel, &covered), grains) in
            picture.iter_mut().zip(&self.canvas.coverage).zip(self.grain.as_chunks::<2>().0)
        {
            // The sum of two uniform numbers, −1 … 1: near enough to a normal one, and much cheaper.
            let noise = (f32::from(grains[0]) + f32::from(grains[1])) / 255.0 - 1.0;
            let ink = white * (strength * covered).min(1.0);
            let value = ink * (1.0 + grain * noise) + dust * noise;
            *pixel = (255.0 * value).clamp(0.0, 255.0).round() as u8;
        }
    }
}

/// How a hand bends what it writes: proportions, slant, rotation and a slow wave.
struct Hand {
    matrix: [f32; 4],
    wave: [f32; 2],
    frequency: [f32; 2],
    phase: [f32; 2],
}

impl Hand {
    fn draw(stream: &mut Stream) -> Hand {
        let width = stream.between(0.5, 1.2);
        // People slant to the right more often than to the left.
        let slant = (0.15 + 0.25 * stream.normal()).clamp(-0.4, 0.75);
        let (sin, cos) = (0.15 * stream.normal()).clamp(-0.35, 0.35).sin_cos();
        Hand {
            // Rotation × slant × proportions.
            matrix: [cos * width, -cos * slant - sin, sin * width, -sin * slant + cos],
            wave: [0.05 * stream.normal(), 0.05 * stream.normal()],
            frequency: [stream.between(3.0, 7.0), stream.between(3.0, 7.0)],
            phase: [stream.between(0.0, 6.3), stream.between(0.0, 6.3)],
        }
    }

    fn moved(&self, point: Point) -> Point {
        let x = point.x + self.wave[0] * (self.frequency[0] * point.y + self.phase[0]).sin();
        let y = point.y + self.wave[1] * (self.frequency[1] * point.x + self.phase[1]).sin();
        let [a, b, c, d] = self.matrix;
        Point { x: a * x + b * y, y: c * x + d * y }
    }
}

struct Pen {
    /// Half the width of a stroke in pixels.
    radius: f32,
    /// Over how many pixels its edge fades.
    softness: f32,
    /// How strongly the width changes, as a fraction, and how fast.
    pressure: f32,
    rhythm: f32,
}

impl Pen {
    fn draw(stream: &mut Stream) -> Pen {
        Pen {
            radius: (1.25 + 0.4 * stream.normal()).clamp(0.65, 2.0),
            softness: stream.between(0.9, 1.8),
            pressure: stream.between(0.0, 0.3),
            rhythm: stream.between(0.1, 0.5),
        }
    }
}
