//! Integrated gradients (Sundararajan and others 2017): what each number adds to the score on the way from a baseline.

use super::gradient::Mean;
use crate::Baseline;
use crate::error::{Result, batch, expect};
use crate::gradients::{Variants, input_gradient, settled};
use crate::target::{Classes, Target};
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// Settings of [`integrated_gradients`].
#[derive(Clone, Debug, PartialEq)]
pub struct IntegratedGradients {
    /// Where the way begins.
    pub baseline: Baseline,
    /// Points on the straight way, each in the middle of its part.
    pub steps: usize,
    /// While the attributions of a picture miss the difference of the scores by more than this share of it, the steps are
    /// doubled.
    pub tolerance: f64,
    /// The most steps that doubling may lead to.
    pub most_steps: usize,
    /// Pictures in memory at once.
    pub chunk: usize,
}

impl Default for IntegratedGradients {
    /// From 0, in 64 steps, doubled to at most 512 until 1 % is met.
    fn default() -> IntegratedGradients {
        let baseline = Baseline::default();
        IntegratedGradients { baseline, steps: 64, tolerance: 0.01, most_steps: 512, chunk: 16 }
    }
}

/// What [`integrated_gradients`] finds.
#[derive(Clone, Debug)]
pub struct Integrated {
    /// What each number of the pictures adds, `[N, height, width, channels]`.
    pub attributions: Tensor,
    /// The score of each picture less that of its baseline: what the attributions should sum up to.
    pub differences: Vec<f64>,
    /// By which share of the difference the sum misses it (completeness); where the difference is 0, by how much.
    pub gaps: Vec<f64>,
    /// The steps that were taken.
    pub steps: usize,
}

/// What each number of the pictures `x` `[N, height, width, channels]` adds to the target's score: its distance from the
/// baseline times the mean gradient on the way.
///
/// # Errors
/// Those of [`input_gradient`] and of [`Baseline::of`]; no step.
pub fn integrated_gradients(
    model: &Model,
    x: &Tensor,
    target: &Target,
    settings: &IntegratedGradients,
) -> Result<Integrated> {
    expect(settings.steps > 0, "steps", "at least 1", settings.steps)?;
    expect(settings.chunk > 0, "chunk", "at least 1", settings.chunk)?;
    let [pictures, height, width, channels] = batch("the pictures", x.shape())?;
    let each = height * width * channels;
    let (classes, scores) = settled(model, x, target)?;
    let baseline = settings.baseline.of(x)?;
    let fixed = Target { classes: Classes::Each(classes.clone()), score: target.score };
    let (_, from) = settled(model, &baseline, &fixed)?;
    let differences: Vec<f64> = scores.iter().zip(from).map(|(score, from)| score - from).collect();
    let (to, from) = (x.data(), baseline.data());
    let mut steps = settings.steps;
    loop {
        let mut mean = Mean::new(pictures, each);
        let on_the_way = |variant: usize, numbers: &mut [f32]| {
            let (picture, step) = (variant / steps, variant % steps);
            let share = ((step as f64 + 0.5) / steps as f64) as f32;
            let ends = from[picture * each..].iter().zip(&to[picture * each..]);
            numbers
                .iter_mut()
                .zip(ends)
                .for_each(|(number, (from, to))| *number = from + (to - from) * share);
        };
        Variants { model, target, chunk: settings.chunk }.each(
            pictures * steps,
            |variant| classes[variant / steps],
            on_the_way,
            |first, x, target| {
                mean.add(first, steps, &input_gradient(model, x, target, false)?.gradient);
                Ok(())
            },
        )?;
        let exact: Vec<f64> =
            (0..to.len()).map(|place| f64::from(to[place] - from[place]) * mean.of(place, steps)).collect();
        let gap = |(attributions, &difference): (&[f64], &f64)| {
            let missed = (attributions.iter().sum::<f64>() - difference).abs();
            if difference == 0.0 { missed } else { missed / difference.abs() }
        };
        let gaps: Vec<f64> = exact.chunks_exact(each).zip(&differences).map(gap).collect();
        // NaN is no gap that more steps would close.
        let is_open = gaps.iter().any(|&gap| gap > settings.tolerance);
        if !is_open || steps > settings.most_steps / 2 {
            let attributions = Tensor::from_fn(x.shape(), |place| exact[place] as f32);
            return Ok(Integrated { attributions, differences, gaps, steps });
        }
        steps *= 2;
    }
}
