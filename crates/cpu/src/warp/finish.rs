//! A row of interpolated pixels becomes what the model expects, in place.
//!
//! Loops, not closures for `for_each`: only what is inlined is compiled for the instruction set.

use super::{Colour, Range, Warp};

/// Numbers after which both three channels and the vectors of every instruction set begin anew.
const PATTERN: usize = 48;

/// What is done to every row.
pub(super) struct Finish {
    colour: Option<Colour>,
    bgr: bool,
    divisor: f32,
    mean: [f32; PATTERN],
    deviation: [f32; PATTERN],
    /// Whether every deviation is 1.
    is_one: bool,
    /// Whether the range changes no number.
    is_bytes: bool,
}

impl Finish {
    #[inline(always)]
    pub(super) fn new(warp: &Warp) -> Finish {
        let Range { divisor, mean, deviation, bgr } = warp.range;
        let channel = |index: usize| if warp.picture[2] == 3 { index % 3 } else { 0 };
        let [mean, deviation] = [mean, deviation].map(|of| std::array::from_fn(|index| of[channel(index)]));
        let is_one = deviation == [1.0; PATTERN];
        let is_bytes = is_one && divisor == 1.0 && mean == [0.0; PATTERN];
        Finish { colour: warp.colour, bgr, divisor, mean, deviation, is_one, is_bytes }
    }

    #[inline(always)]
    pub(super) fn row(&self, row: &mut [f32]) {
        match self.colour {
            None => {}
            Some(Colour::Rgb(map)) => rgb(&map, row),
            Some(Colour::Each { scale, offset }) => {
                for x in &mut *row {
                    *x = clipped(*x * scale + offset);
                }
            }
        }
        if self.bgr {
            for pixel in row.as_chunks_mut::<3>().0 {
                pixel.swap(0, 2);
            }
        }
        if self.is_bytes {
            return;
        }
        let (whole, rest) = row.as_chunks_mut::<PATTERN>();
        for numbers in whole {
            self.pattern(numbers);
        }
        // Padded rather than one by one: a division takes as long as one of a whole vector.
        let mut padded = [0.0; PATTERN];
        padded[..rest.len()].copy_from_slice(rest);
        self.pattern(&mut padded);
        rest.copy_from_slice(&padded[..rest.len()]);
    }

    #[inline(always)]
    fn pattern(&self, numbers: &mut [f32; PATTERN]) {
        for (x, mean) in numbers.iter_mut().zip(&self.mean) {
            *x = *x / self.divisor - mean;
        }
        if !self.is_one {
            for (x, deviation) in numbers.iter_mut().zip(&self.deviation) {
                *x /= deviation;
            }
        }
    }
}

#[inline(always)]
fn rgb(map: &[[f32; 4]; 3], row: &mut [f32]) {
    // A column per colour and a fourth lane that is not used: four lanes are one vector.
    let column = |index: usize| [map[0][index], map[1][index], map[2][index], 0.0];
    let [red, green, blue, offset] = [column(0), column(1), column(2), column(3)];
    for pixel in row.as_chunks_mut::<3>().0 {
        let [r, g, b] = *pixel;
        let mut mapped = [0.0; 4];
        for lane in 0..4 {
            mapped[lane] = clipped(red[lane] * r + green[lane] * g + (blue[lane] * b + offset[lane]));
        }
        pixel.copy_from_slice(&mapped[..3]);
    }
}

/// Within 0 … 255; what is not a number becomes 0.
#[inline(always)]
fn clipped(x: f32) -> f32 {
    let positive = if x > 0.0 { x } else { 0.0 };
    if positive < 255.0 { positive } else { 255.0 }
}
