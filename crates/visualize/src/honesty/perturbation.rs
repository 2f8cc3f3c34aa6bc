//! Deletion and insertion curves (Petsiuk and others 2018, RISE): what the model makes of a picture as its hottest pixels go,
//! or come.

use super::of_size;
use crate::Baseline;
use crate::error::{Result, batch, expect};
use crate::gradients::{Variants, settled};
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::{Purpose, Seed, Tensor};

/// Settings of [`deletion`] and [`insertion`].
#[derive(Clone, Debug, PartialEq)]
pub struct Perturbation {
    /// Into how many equal parts of the pixels the way is divided.
    pub steps: usize,
    /// What stands where pixels are missing.
    pub baseline: Baseline,
    /// From which the order of equally hot pixels follows, so that none is favoured by its place.
    pub seed: Seed,
    /// Pictures in memory at once.
    pub chunk: usize,
}

impl Perturbation {
    /// For [`deletion`]: 32 steps towards each picture's mean colour.
    pub fn deletion() -> Perturbation {
        Perturbation { steps: 32, baseline: Baseline::Mean, seed: Seed(1), chunk: 33 }
    }

    /// For [`insertion`]: 32 steps from the blurred picture, with a deviation of 10 pixels, which shows no edges of what is
    /// missing.
    pub fn insertion() -> Perturbation {
        Perturbation { baseline: Baseline::Blurred(10.0), ..Perturbation::deletion() }
    }
}

/// The target's score as the hottest pixels go or come, at equal steps from none to all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// One score more than there are steps.
    pub scores: Vec<f64>,
}

impl Curve {
    /// The share of changed pixels at each score, 0 … 1.
    pub fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        let steps = self.scores.len().saturating_sub(1).max(1) as f64;
        (0..self.scores.len()).map(move |step| step as f64 / steps)
    }

    /// The area under the curve, by trapezia: the deletion score (small is good) or the insertion score (large is good).
    pub fn area(&self) -> f64 {
        let steps = self.scores.len().saturating_sub(1).max(1) as f64;
        self.scores.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f64>() / steps
    }
}

/// The target's score as the hottest pixels of each picture `x` `[N, height, width, channels]` are taken away first. `heat`
/// holds a map for each, `[N, rows, columns]` of any size. A good map makes the score fall early.
///
/// The authors measure the probability ([`Target::probability`]).
///
/// # Errors
/// Shapes that do not fit, a class that the model does not have, settings of 0, and those of [`Baseline::of`].
pub fn deletion(
    model: &Model,
    x: &Tensor,
    heat: &Tensor,
    target: &Target,
    settings: &Perturbation,
) -> Result<Vec<Curve>> {
    let baseline = settings.baseline.of(x)?;
    curves(model, x, [x, &baseline], heat, target, settings)
}

/// The target's score as the hottest pixels of each picture `x` `[N, height, width, channels]` come first into the baseline.
/// `heat` holds a map for each, `[N, rows, columns]` of any size. A good map makes the score rise early.
///
/// # Errors
/// As [`deletion`].
pub fn insertion(
    model: &Model,
    x: &Tensor,
    heat: &Tensor,
    target: &Target,
    settings: &Perturbation,
) -> Result<Vec<Curve>> {
    let baseline = settings.baseline.of(x)?;
    curves(model, x, [&baseline, x], heat, target, settings)
}

/// The curves on the way between two pictures, the hottest pixels first.
fn curves(
    model: &Model,
    x: &Tensor,
    [from, to]: [&Tensor; 2],
    heat: &Tensor,
    target: &Target,
    settings: &Perturbation,
) -> Result<Vec<Curve>> {
    let &Perturbation { steps, seed, chunk, .. } = settings;
    expect(steps > 0, "steps", "at least 1", steps)?;
    expect(chunk > 0, "chunk", "at least 1", chunk)?;
    let [pictures, height, width, channels] = batch("the pictures", x.shape())?;
    let pixels = height * width;
    let heat = of_size(heat, [pictures, height, width])?;
    let (classes, _) = settled(model, x, target)?;
    // The step at which each pixel changes: 1 to `steps`.
    let mut turns: Vec<u32> = vec![0; pictures * pixels];
    for (picture, turns) in turns.chunks_exact_mut(pixels).enumerate() {
        let heat = heat.rows(picture..picture + 1);
        let mut order: Vec<usize> = (0..pixels).collect();
        seed.stream(Purpose::Shuffle, 0, picture as u64).shuffle(&mut order);
        order.sort_by(|&a, &b| heat.data()[b].total_cmp(&heat.data()[a]));
        for (rank, pixel) in order.into_iter().enumerate() {
            turns[pixel] = (rank * steps / pixels + 1) as u32;
        }
    }
    let points = steps + 1;
    let changed = |variant: usize, numbers: &mut [f32]| {
        let (picture, point) = (variant / points, (variant % points) as u32);
        let start = picture * pixels * channels;
        let ends = from.data()[start..].chunks_exact(channels).zip(to.data()[start..].chunks_exact(channels));
        let pixels = numbers.chunks_exact_mut(channels).zip(&turns[picture * pixels..]);
        for ((pixel, &turn), (from, to)) in pixels.zip(ends) {
            pixel.copy_from_slice(if turn <= point { to } else { from });
        }
    };
    let scores = Variants { model, target, chunk }.scores(
        pictures * points,
        |variant| classes[variant / points],
        changed,
    )?;
    Ok(scores.chunks_exact(points).map(|scores| Curve { scores: scores.to_vec() }).collect())
}
