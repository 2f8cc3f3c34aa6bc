//! Average drop and increase (Chattopadhyay and others 2018): what is left of the probability when only the heat is shown.

use super::of_size;
use crate::Baseline;
use crate::error::{Result, batch};
use crate::gradients::{Variants, settled};
use crate::heatmaps::normalized;
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// What showing the heat alone does to the probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct AverageDrop {
    /// By which share the probability falls on average, rises counted as 0: 0 … 1, small is good.
    pub drop: f64,
    /// In which share of the pictures it rises: 0 … 1, large is good.
    pub increase: f64,
    /// The probability of each picture, whole and where only the heat is shown.
    pub probabilities: Vec<[f64; 2]>,
}

/// The drop of the target's probability when each picture of `x` `[N, height, width, channels]` is dimmed to `baseline` (the
/// authors: black) as far as its map is cold. `heat` holds a map for each, `[N, rows, columns]` of any size; it is brought to
/// 0 … 1. It is always the probability that is measured, whatever the target says.
///
/// # Errors
/// Shapes that do not fit, a class that the model does not have, and a model without softmax or sigmoid.
pub fn average_drop(
    model: &Model,
    x: &Tensor,
    heat: &Tensor,
    target: &Target,
    baseline: &Baseline,
) -> Result<AverageDrop> {
    let [pictures, height, width, channels] = batch("the pictures", x.shape())?;
    let heat = normalized(&of_size(heat, [pictures, height, width])?)?;
    let baseline = baseline.of(x)?;
    let target = target.clone().probability();
    let (classes, whole) = settled(model, x, &target)?;
    let each = height * width * channels;
    let dimmed = |picture: usize, numbers: &mut [f32]| {
        let ends = baseline.data()[picture * each..].iter().zip(&x.data()[picture * each..]);
        for (place, (number, (from, to))) in numbers.iter_mut().zip(ends).enumerate() {
            *number = from + (to - from) * heat.data()[(picture * each + place) / channels];
        }
    };
    let variants = Variants { model, target: &target, chunk: pictures.min(32) };
    let shown = variants.scores(pictures, |picture| classes[picture], dimmed)?;
    let probabilities: Vec<[f64; 2]> = whole.into_iter().zip(shown).map(<[f64; 2]>::from).collect();
    let mean = |numbers: &mut dyn Iterator<Item = f64>| numbers.sum::<f64>() / pictures as f64;
    let fall = |[whole, shown]: &[f64; 2]| (whole - shown).max(0.0) / whole.max(f64::MIN_POSITIVE);
    Ok(AverageDrop {
        drop: mean(&mut probabilities.iter().map(fall)),
        increase: mean(&mut probabilities.iter().map(|[whole, shown]| f64::from(u8::from(shown > whole)))),
        probabilities,
    })
}
