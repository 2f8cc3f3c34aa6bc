//! Numbers of a network as pictures.

use crate::error::{Result, picture};
use crate::moments::moments;
use convnet_tensor::{Pixels, Tensor};

/// Numbers `[height, width, channels]` as the book shows them: mean 0, deviation 0.1, then around 0.5 and cut to 0 … 1, as bytes.
/// Channels stay in their order, which in caffe's range is blue, green, red; the book shows them so.
///
/// # Errors
/// Anything but one picture.
pub fn deprocessed(numbers: &Tensor) -> Result<Tensor<u8>> {
    picture("the numbers", numbers.shape())?;
    let [mean, variance] = moments(numbers.data());
    let deviation = variance.sqrt() + 1e-5;
    let level = |&x: &f32| {
        let share = ((f64::from(x) - mean) / deviation * 0.1 + 0.5).clamp(0.0, 1.0);
        (share * 255.0) as u8
    };
    Ok(Tensor::from_vec(numbers.shape(), numbers.data().iter().map(level).collect())?)
}

/// Numbers `[height, width, channels]` in a model's range as the pixels that they stand for, red first: the way back of
/// [`Pixels::write`], cut to 0 … 255.
///
/// ```
/// use convnet_tensor::{Pixels, Tensor};
/// let pixels = Pixels::CaffeBgr;
/// let mut numbers = Tensor::zeros([1, 2, 3]);
/// pixels.write(3, &[10, 20, 30, 250, 128, 0], numbers.data_mut());
/// let again = convnet_visualize::filters::picture_of(&numbers, &pixels)?;
/// assert_eq!(again.data(), [10, 20, 30, 250, 128, 0]);
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Anything but one picture; channels that the range does not take.
pub fn picture_of(numbers: &Tensor, pixels: &Pixels) -> Result<Tensor<u8>> {
    let [_, _, channels] = picture("the numbers", numbers.shape())?;
    let range = Range::new(pixels, channels)?;
    let mut bytes = Tensor::<u8>::recycled(numbers.shape());
    for (to, from) in bytes.data_mut().chunks_exact_mut(channels).zip(numbers.data().chunks_exact(channels)) {
        for (number, (place, scale, offset)) in from.iter().zip(range.places()) {
            to[place] = ((number - offset) / scale).round() as u8;
        }
    }
    Ok(bytes)
}

/// A range of pixels as what it is: each number is a colour's level, times a scale, plus an offset.
#[derive(Clone, Debug)]
pub(super) struct Range {
    /// Per number: which colour, scale and offset.
    numbers: Vec<(usize, f32, f32)>,
}

impl Range {
    /// Found by writing black, and each colour alone at its brightest.
    pub(super) fn new(pixels: &Pixels, channels: usize) -> Result<Range> {
        pixels.check(channels)?;
        let written = |levels: &[u8]| {
            let mut numbers = vec![0.0; channels];
            pixels.write(channels, levels, &mut numbers);
            numbers
        };
        let black = written(&vec![0; channels]);
        let mut numbers: Vec<_> = black.iter().map(|&offset| (0, 1.0, offset)).collect();
        for colour in 0..channels {
            let mut levels = vec![0; channels];
            levels[colour] = 255;
            for (number, (bright, dark)) in numbers.iter_mut().zip(written(&levels).iter().zip(&black)) {
                if bright != dark {
                    *number = (colour, (bright - dark) / 255.0, *dark);
                }
            }
        }
        Ok(Range { numbers })
    }

    pub(super) fn channels(&self) -> usize {
        self.numbers.len()
    }

    fn places(&self) -> impl Iterator<Item = (usize, f32, f32)> + '_ {
        self.numbers.iter().copied()
    }

    /// The numbers of one pixel, from levels of 0 … 255.
    pub(super) fn write(&self, levels: &[f32], to: &mut [f32]) {
        for (to, (colour, scale, offset)) in to.iter_mut().zip(self.places()) {
            *to = levels[colour] * scale + offset;
        }
    }

    /// The gradient of the numbers of one pixel as that of its levels.
    pub(super) fn pull_back(&self, gradient: &[f32], to: &mut [f32]) {
        for (&gradient, (colour, scale, _)) in gradient.iter().zip(self.places()) {
            to[colour] = gradient * scale;
        }
    }
}
