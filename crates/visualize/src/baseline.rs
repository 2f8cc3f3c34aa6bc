//! What stands for "nothing to see" where a part of a picture is taken away.

use crate::error::{Result, batch, expect, picture, wrong_shape};
use convnet_tensor::Tensor;

/// A picture without what matters, in the model's numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// The same number everywhere. 0 is black in a range of 0 … 1, the mean of ImageNet in caffe's.
    Number(f32),
    /// This picture, `[height, width, channels]`.
    Picture(Tensor),
    /// Each picture's own mean colour.
    Mean,
    /// The picture itself, blurred by a Gaussian of this deviation in pixels.
    Blurred(f32),
}

impl Default for Baseline {
    /// 0.
    fn default() -> Baseline {
        Baseline::Number(0.0)
    }
}

impl Baseline {
    /// The baseline of each picture of `x` `[N, height, width, channels]`, in the same shape.
    ///
    /// # Errors
    /// A picture of another shape; a deviation that is not above 0 and finite.
    pub fn of(&self, x: &Tensor) -> Result<Tensor> {
        let [_, height, width, channels] = batch("the pictures", x.shape())?;
        let each = height * width * channels;
        match self {
            Baseline::Number(number) => Ok(Tensor::full(x.shape(), *number)),
            Baseline::Picture(given) => {
                picture("the baseline", given.shape())?;
                if *given.shape() != [height, width, channels] {
                    return wrong_shape("the baseline", "that of a picture", given.shape());
                }
                Ok(Tensor::from_fn(x.shape(), |place| given.data()[place % each]))
            }
            Baseline::Mean => {
                let mut baseline = x.clone();
                for picture in baseline.data_mut().chunks_exact_mut(each) {
                    for channel in 0..channels {
                        let numbers = picture.iter().skip(channel).step_by(channels);
                        let sum: f64 = numbers.map(|&number| f64::from(number)).sum();
                        let mean = (sum / (height * width) as f64) as f32;
                        picture.iter_mut().skip(channel).step_by(channels).for_each(|slot| *slot = mean);
                    }
                }
                Ok(baseline)
            }
            Baseline::Blurred(deviation) => {
                let fits = *deviation > 0.0 && *deviation <= 1e4;
                expect(fits, "the deviation of the blur", "above 0 and at most 10,000 pixels", deviation)?;
                let mut baseline = x.clone();
                for picture in baseline.data_mut().chunks_exact_mut(each) {
                    blur(picture, [height, width, channels], f64::from(*deviation));
                }
                Ok(baseline)
            }
        }
    }
}

/// A Gaussian along the columns, then along the rows; beyond the border the edge goes on.
fn blur(picture: &mut [f32], [height, width, channels]: [usize; 3], deviation: f64) {
    let reach = (3.0 * deviation).ceil() as usize;
    let weight = |distance: usize| (-0.5 * (distance as f64 / deviation).powi(2)).exp();
    let weights: Vec<f64> = (0..=reach).map(weight).collect();
    let total = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    for (length, stride) in [(height, width * channels), (width, channels)] {
        for line in 0..picture.len() / length {
            let start = line / stride * stride * length + line % stride;
            let numbers: Vec<f64> =
                (0..length).map(|place| f64::from(picture[start + place * stride])).collect();
            for place in 0..length {
                let pair = |distance: usize| {
                    numbers[place.saturating_sub(distance)] + numbers[(place + distance).min(length - 1)]
                };
                let around: f64 = (1..=reach).map(|distance| weights[distance] * pair(distance)).sum();
                let sum = weights[0] * numbers[place] + around;
                picture[start + place * stride] = (sum / total) as f32;
            }
        }
    }
}
