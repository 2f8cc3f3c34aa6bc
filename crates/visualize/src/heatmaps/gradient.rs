//! The gradient of the picture itself, alone or averaged over noisy copies.

use crate::error::{Result, batch, expect};
use crate::gradients::{Variants, input_gradient, settled};
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::{Purpose, Seed, Tensor};

/// How strongly each number of the pictures `x` `[N, height, width, channels]` moves the score: the absolute value of its
/// gradient (Simonyan and others 2013), in the same shape.
///
/// # Errors
/// Those of [`input_gradient`].
pub fn saliency(model: &Model, x: &Tensor, target: &Target) -> Result<Tensor> {
    let mut gradient = input_gradient(model, x, target, false)?.gradient;
    gradient.data_mut().iter_mut().for_each(|number| *number = number.abs());
    Ok(gradient)
}

/// The gradient averaged over copies of the picture with noise (Smilkov and others 2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothGrad {
    /// Noisy copies.
    pub samples: usize,
    /// The deviation of the noise as a share of the picture's range, its largest number less its smallest.
    pub noise: f32,
    /// From which the noise follows; it depends on a picture's place in the batch.
    pub seed: Seed,
    /// Copies in memory at once.
    pub chunk: usize,
}

impl Default for SmoothGrad {
    /// 32 copies with noise of 0.15.
    fn default() -> SmoothGrad {
        SmoothGrad { samples: 32, noise: 0.15, seed: Seed(1), chunk: 16 }
    }
}

/// The mean gradient of the target's score over noisy copies of each of the pictures `x` `[N, height, width, channels]`, in
/// the same shape. The class is that of the pictures without noise.
///
/// # Errors
/// Those of [`input_gradient`]; no copy, and noise that is negative or not finite.
pub fn smooth_grad(model: &Model, x: &Tensor, target: &Target, settings: &SmoothGrad) -> Result<Tensor> {
    let &SmoothGrad { samples, noise, seed, chunk } = settings;
    expect(samples > 0, "samples", "at least 1", samples)?;
    expect(chunk > 0, "chunk", "at least 1", chunk)?;
    expect(noise >= 0.0 && noise.is_finite(), "noise", "at least 0 and finite", noise)?;
    let [pictures, height, width, channels] = batch("the pictures", x.shape())?;
    let each = height * width * channels;
    let (classes, _) = settled(model, x, target)?;
    let deviations: Vec<f32> = x
        .data()
        .chunks_exact(each)
        .map(|picture| {
            let low = picture.iter().copied().fold(f32::INFINITY, f32::min);
            let high = picture.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            (high - low) * noise
        })
        .collect();
    let mut mean = Mean::new(pictures, each);
    let noisy = |variant: usize, numbers: &mut [f32]| {
        let (picture, sample) = (variant / samples, variant % samples);
        let mut stream = seed.stream(Purpose::Noise, sample as u64, picture as u64);
        for (to, from) in numbers.iter_mut().zip(&x.data()[picture * each..]) {
            *to = from + deviations[picture] * stream.normal();
        }
    };
    Variants { model, target, chunk }.each(
        pictures * samples,
        |variant| classes[variant / samples],
        noisy,
        |first, x, target| {
            mean.add(first, samples, &input_gradient(model, x, target, false)?.gradient);
            Ok(())
        },
    )?;
    Ok(Tensor::from_fn(x.shape(), |place| mean.of(place, samples) as f32))
}

/// Sums of gradients over the variants of each picture, in f64.
pub(super) struct Mean {
    sums: Vec<f64>,
    each: usize,
}

impl Mean {
    pub(super) fn new(pictures: usize, each: usize) -> Mean {
        Mean { sums: vec![0.0; pictures * each], each }
    }

    /// Adds the gradients of variants from `first` on, of which each picture has so many in a row.
    pub(super) fn add(&mut self, first: usize, of_each: usize, gradients: &Tensor) {
        for (variant, gradient) in (first..).zip(gradients.data().chunks_exact(self.each)) {
            let sums = &mut self.sums[variant / of_each * self.each..][..self.each];
            sums.iter_mut().zip(gradient).for_each(|(sum, &number)| *sum += f64::from(number));
        }
    }

    pub(super) fn of(&self, place: usize, of_each: usize) -> f64 {
        self.sums[place] / of_each as f64
    }
}
