//! Colours and the markings of coats, stones and walls.

use super::noise::{cell, hash, mix, noise, sine_cosine, unit};
use convnet_tensor::Stream;

/// Red, green and blue, 0 … 1.
pub(super) type Colour = [f32; 3];

pub(super) fn blend(a: Colour, b: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| mix(a[channel], b[channel], share))
}

/// A colour of any brightness, mostly dull.
pub(super) fn colour(stream: &mut Stream) -> Colour {
    let brightness = stream.between(0.15, 0.85);
    let saturation = stream.between(0.0, 0.6) * stream.uniform().sqrt();
    let tint: Colour = std::array::from_fn(|_| stream.uniform());
    let mean = (tint[0] + tint[1] + tint[2]) / 3.0;
    tint.map(|channel| (brightness * (1.0 + 2.0 * saturation * (channel - mean))).clamp(0.03, 0.97))
}

/// What a surface is marked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Markings {
    /// One colour.
    Plain,
    /// Wavy stripes.
    Stripes,
    /// Round spots.
    Spots,
    /// Large irregular patches.
    Patches,
}

impl Markings {
    /// All of them.
    pub const ALL: [Markings; 4] = [Markings::Plain, Markings::Stripes, Markings::Spots, Markings::Patches];
}

/// A surface with markings and fur (or grain, or grass: fine streaks of brightness).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coat {
    pub(super) markings: Markings,
    pub(super) colours: [Colour; 2],
    /// Sine and cosine of the direction of stripes and streaks.
    turn: [f32; 2],
    /// Marks per unit of length.
    frequency: f32,
    warp: f32,
    /// How strongly and how finely brightness varies.
    fur: f32,
    streaks: [f32; 2],
    seed: u32,
}

impl Coat {
    /// A coat whose marks are about 1 / `frequency` long.
    pub(super) fn draw(stream: &mut Stream, markings: Markings, frequency: f32) -> Coat {
        let first = colour(stream);
        let other = colour(stream);
        // Marks differ from their ground in brightness, whichever is the brighter.
        let contrast = stream.between(0.45, 0.75);
        let second = if first[1] > 0.4 {
            first.map(|c| c * (1.0 - contrast))
        } else {
            first.map(|c| c + 0.6 * contrast)
        };
        Coat {
            markings,
            colours: [first, blend(second, other, stream.between(0.0, 0.5)).map(|c| c.clamp(0.03, 0.97))],
            turn: sine_cosine(stream.uniform()),
            frequency: frequency * stream.between(0.75, 1.5),
            warp: stream.between(0.2, 1.2),
            fur: stream.between(0.1, 0.45),
            streaks: [stream.between(3.0, 6.0), stream.between(1.0, 3.0)],
            seed: stream.bits() as u32,
        }
    }

    /// The colour at a place; edges of marks fade over `blur`, the size of a pixel in the same unit.
    pub(super) fn at(&self, x: f32, y: f32, blur: f32) -> Colour {
        let [sin, cos] = self.turn;
        let (x, y) = (self.frequency * x, self.frequency * y);
        let (u, v) = (cos * x + sin * y, cos * y - sin * x);
        let softness = (self.frequency * blur).max(0.12);
        let edge = |inside: f32| (0.5 + inside / softness).clamp(0.0, 1.0);
        let share = match self.markings {
            Markings::Plain => 0.0,
            Markings::Stripes => {
                let across = cell(u + self.warp * noise(self.seed, 0.7 * u, 0.7 * v)).1;
                edge((2.0 * across - 1.0).abs() - 0.5)
            }
            Markings::Spots => {
                let ((column, across), (row, along)) = (cell(u), cell(v));
                let bits = hash(self.seed, column, row);
                // A spot never leaves its cell, so that one cell is all there is to look at.
                let centre = [0.35 + 0.3 * unit(bits << 8), 0.35 + 0.3 * unit(bits << 16)];
                let (dx, dy) = (across - centre[0], along - centre[1]);
                edge(0.2 + 0.12 * unit(bits) - (dx * dx + dy * dy).sqrt())
            }
            Markings::Patches => edge(noise(self.seed, 0.6 * u, 0.6 * v) - 0.5),
        };
        let streak = 2.0 * noise(!self.seed, self.streaks[0] * u, self.streaks[1] * v) - 1.0;
        let bright = 1.0 + self.fur * streak;
        blend(self.colours[0], self.colours[1], share).map(|channel| channel * bright)
    }
}
