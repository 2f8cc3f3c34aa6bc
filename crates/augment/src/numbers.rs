//! The numbers that a model expects, as the sweep writes them.

use convnet_cpu::warp::Range;
use convnet_tensor::Pixels;

/// Makes the numbers of a slot from pixels of 0 … 255.
pub(crate) struct Numbers {
    pub(crate) range: Range,
    channels: usize,
}

impl Numbers {
    /// The bytes as they are.
    pub(crate) fn bytes(channels: usize) -> Numbers {
        Numbers { range: Range::BYTES, channels }
    }

    /// The operations of [`Pixels::write`] in the form of the sweep.
    ///
    /// # Panics
    /// When [`Pixels::check`] refuses the number of channels.
    pub(crate) fn of_pixels(pixels: Pixels, channels: usize) -> Numbers {
        if let Err(error) = pixels.check(channels) {
            panic!("{error}");
        }
        let range = match pixels {
            Pixels::ZeroToOne => Range { divisor: 255.0, ..Range::BYTES },
            Pixels::MinusOneToOne => Range { divisor: 127.5, mean: [1.0; 3], ..Range::BYTES },
            Pixels::CaffeBgr => {
                let mut black = [0.0; 3];
                pixels.write(3, &[0; 3], &mut black);
                Range { mean: black.map(|number| -number), bgr: true, ..Range::BYTES }
            }
            Pixels::MeanStd { mean, std } => Range { divisor: 255.0, mean, deviation: std, bgr: false },
        };
        Numbers { range, channels }
    }

    /// The number of a channel of the slot for a pixel of 0 … 255.
    pub(crate) fn of(&self, channel: usize, pixel: f32) -> f32 {
        let channel = self.place(channel);
        (pixel / self.range.divisor - self.range.mean[channel]) / self.range.deviation[channel]
    }

    /// How far apart two numbers of a channel are whose pixels differ by 1.
    pub(crate) fn step(&self, channel: usize) -> f32 {
        1.0 / (self.range.divisor * self.range.deviation[self.place(channel)])
    }

    fn place(&self, channel: usize) -> usize {
        if self.channels == 3 { channel } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_pixels_bit_for_bit() {
        let mean_std = Pixels::MeanStd { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
        for pixels in [Pixels::ZeroToOne, Pixels::MinusOneToOne, Pixels::CaffeBgr, mean_std] {
            let numbers = Numbers::of_pixels(pixels, 3);
            for byte in 0..=255 {
                let mut expected = [0.0; 3];
                pixels.write(3, &[byte; 3], &mut expected);
                assert_eq!([0, 1, 2].map(|channel| numbers.of(channel, f32::from(byte))), expected);
            }
            for channel in 0..3 {
                let step = (numbers.of(channel, 255.0) - numbers.of(channel, 0.0)) / 255.0;
                assert!((numbers.step(channel) / step - 1.0).abs() < 1e-6, "{pixels:?}");
            }
        }
    }
}
