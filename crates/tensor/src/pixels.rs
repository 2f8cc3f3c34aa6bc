//! How a raw picture becomes what a model expects: fit, filter and range of the numbers.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How a picture of another shape is brought to the model's height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Each axis is scaled by itself; proportions change (Keras' default).
    #[default]
    Squash,
    /// Scaled until the model's frame is covered, then the middle is cut out.
    Crop,
    /// Scaled until the whole picture is inside the frame, then bordered with zeros.
    Pad,
}

/// How pixels are interpolated when a picture is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear between neighbours; widened when shrinking, so that every pixel counts (Pillow's BILINEAR).
    #[default]
    Bilinear,
    /// Cubic between neighbours with a = −0.5; widened when shrinking (Pillow's BICUBIC).
    Bicubic,
    /// The mean over the area that a new pixel covers (Pillow's BOX).
    Area,
    /// Linear between the four nearest pixels, also when shrinking, when others are left out (OpenCV's INTER_LINEAR,
    /// TensorFlow's `tf.image.resize`).
    BilinearPlain,
}

/// The range of numbers that a model wants for pixels of 0 … 255.
///
/// The operations and their order are those of Keras, so the results agree with it bit for bit:
///
/// ```
/// use convnet_tensor::Pixels;
/// let mut numbers = [0.0; 3];
/// Pixels::ZeroToOne.write(1, &[0, 51, 255], &mut numbers);
/// assert_eq!(numbers, [0.0, 0.2, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// x / 255: 0 … 1, as the chapter does.
    #[default]
    ZeroToOne,
    /// x / 127.5 − 1: −1 … 1 (MobileNet; mode "tf" of `keras.applications`).
    MinusOneToOne,
    /// Red and blue exchanged, then the ImageNet mean subtracted: about −124 … 151 (VGG16; mode "caffe").
    CaffeBgr,
    /// (x / 255 − mean) / std for each of red, green and blue (mode "torch").
    MeanStd {
        /// Mean of each channel, in units of 0 … 1.
        mean: [f32; 3],
        /// Standard deviation of each channel, in units of 0 … 1, above 0.
        std: [f32; 3],
    },
}

/// Mean blue, green and red of ImageNet, the constants of Caffe's VGG models.
const CAFFE_MEAN_BGR: [f32; 3] = [103.939, 116.779, 123.68];

impl Pixels {
    /// Whether pictures with so many channels can be written in this range.
    ///
    /// # Errors
    /// [`Error::Argument`] when a range with one number per colour meets pictures that are not RGB, or a standard
    /// deviation is not above 0.
    pub fn check(&self, channels: usize) -> Result<()> {
        let wrong = |name, expected, found| Err(Error::Argument { name, expected, found });
        match self {
            Pixels::CaffeBgr | Pixels::MeanStd { .. } if channels != 3 => {
                wrong("channels", "3 (red, green, blue) for this range of pixels", channels.to_string())
            }
            Pixels::MeanStd { mean, std }
                if !(mean.iter().all(|m| m.is_finite()) && std.iter().all(|s| s.is_finite() && *s > 0.0)) =>
            {
                wrong("mean and std", "finite, std above 0", format!("{mean:?}, {std:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the pixels `from`, channels innermost, as numbers into `to`.
    ///
    /// # Panics
    /// When `from` and `to` differ in length, or [`Pixels::check`] refuses the number of channels.
    pub fn write(&self, channels: usize, from: &[u8], to: &mut [f32]) {
        assert_eq!(from.len(), to.len(), "as many numbers as pixels");
        let per_colour = matches!(self, Pixels::CaffeBgr | Pixels::MeanStd { .. });
        assert!(!per_colour || channels == 3, "{self:?} is for 3 channels, not {channels}");
        match *self {
            Pixels::ZeroToOne => each(from, to, |x| x / 255.0),
            Pixels::MinusOneToOne => each(from, to, |x| x / 127.5 - 1.0),
            Pixels::CaffeBgr => {
                each_colour(from, to, |rgb| [2, 1, 0].map(|c| f32::from(rgb[c]) - CAFFE_MEAN_BGR[2 - c]));
            }
            Pixels::MeanStd { mean, std } => {
                each_colour(from, to, |rgb| {
                    [0, 1, 2].map(|c| (f32::from(rgb[c]) / 255.0 - mean[c]) / std[c])
                });
            }
        }
    }
}

fn each(from: &[u8], to: &mut [f32], number: impl Fn(f32) -> f32) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = number(f32::from(from));
    }
}

fn each_colour(from: &[u8], to: &mut [f32], numbers: impl Fn(&[u8; 3]) -> [f32; 3]) {
    let (from, rest) = from.as_chunks::<3>();
    assert!(rest.is_empty(), "a whole number of RGB pixels");
    for (to, from) in to.as_chunks_mut::<3>().0.iter_mut().zip(from) {
        *to = numbers(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_to_one_is_the_nearest_float_to_the_quotient() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut numbers = vec![f32::NAN; 256];
        Pixels::ZeroToOne.write(1, &bytes, &mut numbers);
        // astype(float32) / 255 is the correctly rounded quotient, and so is the f64 quotient rounded to f32:
        // 53 ≥ 2 × 24 + 2 bits make the double rounding harmless.
        let expected: Vec<f32> = (0..256).map(|x| (f64::from(x) / 255.0) as f32).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn minus_one_to_one_ends_at_its_ends() {
        let mut numbers = [f32::NAN; 3];
        Pixels::MinusOneToOne.write(1, &[0, 128, 255], &mut numbers);
        assert_eq!(numbers, [-1.0, 128.0 / 127.5 - 1.0, 1.0]);
    }

    #[test]
    fn caffe_exchanges_red_and_blue() {
        let mut numbers = [f32::NAN; 6];
        Pixels::CaffeBgr.write(3, &[200, 100, 50, 0, 0, 0], &mut numbers);
        assert_eq!(
            numbers,
            [50.0 - 103.939, 100.0 - 116.779, 200.0 - 123.68, -103.939f32, -116.779, -123.68]
        );
    }

    #[test]
    fn mean_and_std_go_by_colour() {
        let pixels = Pixels::MeanStd { mean: [0.5, 0.25, 0.0], std: [0.5, 0.25, 1.0] };
        let mut numbers = [f32::NAN; 3];
        pixels.write(3, &[255, 0, 51], &mut numbers);
        assert_eq!(numbers, [1.0, -1.0, 0.2]);
    }

    #[test]
    fn a_range_per_colour_wants_three_channels_and_a_sound_deviation() {
        assert!(Pixels::ZeroToOne.check(1).is_ok() && Pixels::ZeroToOne.check(4).is_ok());
        assert!(Pixels::CaffeBgr.check(3).is_ok());
        let error = Pixels::CaffeBgr.check(1).unwrap_err().to_string();
        assert!(error.contains("channels must be 3") && error.ends_with("is 1"), "{error}");
        for std in [0.0, -1.0, f32::NAN] {
            let pixels = Pixels::MeanStd { mean: [0.0; 3], std: [1.0, 1.0, std] };
            assert!(pixels.check(3).is_err(), "{std}");
        }
    }
}
