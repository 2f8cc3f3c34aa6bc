//! From what an ascent changes to the model's numbers, and gradients the way back.

use super::ascent::Space;
use super::shown::Range;
use crate::error::Result;
use convnet_tensor::Pixels;

/// The axes along which the colours of ImageNet's photographs are independent, as columns in red, green and blue: the root of
/// their covariance, scaled so that the longest column has length 1 (the numbers of Olah and others 2017): light, red against
/// blue, green against both.
const AXES: [[f32; 3]; 3] = [[0.563, 0.195, 0.043], [0.584, 0.0, -0.108], [0.584, -0.195, 0.065]];

/// How changed numbers become the model's.
#[derive(Clone, Debug)]
pub(super) struct Colours {
    space: Space,
    range: Range,
}

impl Colours {
    pub(super) fn new(space: Space, pixels: &Pixels, channels: usize) -> Result<Colours> {
        Ok(Colours { space, range: Range::new(pixels, channels)? })
    }

    /// The model's numbers, `to`, for the changed ones.
    pub(super) fn write(&self, x: &[f32], to: &mut [f32]) {
        if self.space == Space::Numbers {
            return to.copy_from_slice(x);
        }
        let channels = self.range.channels();
        let mut levels = vec![0.0; channels];
        for (x, to) in x.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
            levels_of(x, &mut levels);
            self.range.write(&levels, to);
        }
    }

    /// The gradient of the model's numbers becomes that of the changed ones.
    pub(super) fn pull_back(&self, x: &[f32], gradient: &mut [f32]) {
        if self.space == Space::Numbers {
            return;
        }
        let channels = self.range.channels();
        let (mut levels, mut slopes) = (vec![0.0; channels], vec![0.0; channels]);
        for (x, gradient) in x.chunks_exact(channels).zip(gradient.chunks_exact_mut(channels)) {
            levels_of(x, &mut levels);
            self.range.pull_back(gradient, &mut slopes);
            for (slope, level) in slopes.iter_mut().zip(&levels) {
                let share = level / 255.0;
                *slope *= 255.0 * share * (1.0 - share);
            }
            for (axis, gradient) in gradient.iter_mut().enumerate() {
                *gradient = if channels == 3 {
                    (0..3).map(|colour| AXES[colour][axis] * slopes[colour]).sum()
                } else {
                    slopes[axis]
                };
            }
        }
    }
}

/// The pixels, between 0 and 255, of changed numbers.
fn levels_of(x: &[f32], levels: &mut [f32]) {
    for (colour, level) in levels.iter_mut().enumerate() {
        let number = match x {
            [a, b, c] => AXES[colour][0] * a + AXES[colour][1] * b + AXES[colour][2] * c,
            _ => x[colour],
        };
        *level = 255.0 / (1.0 + (-number).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_come_back_through_colours_and_ranges() {
        let ranges = [
            (Pixels::CaffeBgr, 3),
            (Pixels::ZeroToOne, 1),
            (Pixels::MeanStd { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] }, 3),
        ];
        for (pixels, channels) in ranges {
            let colours = Colours::new(Space::Decorrelated, &pixels, channels).unwrap();
            let x = [0.3, -1.2, 0.8];
            let upstream = [0.5, -2.0, 1.5];
            let value = |x: &[f32]| -> f64 {
                let mut numbers = [0.0; 3];
                colours.write(x, &mut numbers[..channels]);
                numbers[..channels].iter().zip(upstream).map(|(a, b)| f64::from(a * b)).sum()
            };
            let mut gradient = upstream;
            colours.pull_back(&x[..channels], &mut gradient[..channels]);
            for place in 0..channels {
                let moved = |by: f32| {
                    let mut x = x;
                    x[place] += by;
                    value(&x[..channels])
                };
                let slope = (moved(0.02) - moved(-0.02)) / 0.04;
                let found = f64::from(gradient[place]);
                assert!((found - slope).abs() < 2e-3 * slope.abs() + 1e-3, "{pixels:?}: {found} {slope}");
            }
        }
    }

    #[test]
    fn zero_is_grey_and_the_first_axis_is_light() {
        let colours = Colours::new(Space::Decorrelated, &Pixels::ZeroToOne, 3).unwrap();
        let mut numbers = [0.0; 6];
        colours.write(&[0.0, 0.0, 0.0, 2.0, 0.0, 0.0], &mut numbers);
        assert!(numbers[..3].iter().all(|number| (number - 0.5).abs() < 1e-6));
        assert!(numbers[3..].iter().all(|number| (0.74..0.78).contains(number)), "{numbers:?}");
    }
}
