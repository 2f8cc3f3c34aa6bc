//! Score-CAM (Wang and others 2020): channels weighed without gradients.

use super::cam::feature_maps;
use super::positive;
use crate::activations::activations;
use crate::error::{Result, expect};
use crate::gradients::{Variants, settled};
use crate::moments::moments;
use crate::resize::resize;
use crate::target::{Target, softmax};
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// Each channel, brought to the picture's size and to 0 … 1, is laid over the picture as a mask; the softmax of the scores
/// that the model gives to the masked pictures weighs the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreCam {
    /// Whether what is below 0 is cut off at the end.
    pub relu: bool,
    /// Only so many channels, those that vary most over the map; `None` for all (one prediction each).
    pub channels: Option<usize>,
    /// Masked pictures in memory at once.
    pub chunk: usize,
}

impl Default for ScoreCam {
    /// With the final ReLU, all channels, 32 pictures at once.
    fn default() -> ScoreCam {
        ScoreCam { relu: true, channels: None, chunk: 32 }
    }
}

/// The map of the target's class in the layer at `layer`, `[N, rows, columns]` of its feature maps, for the pictures `x`
/// `[N, height, width, channels]`. A channel that is the same everywhere counts nothing.
///
/// # Errors
/// Those of [`activations`], a class that the model does not have, a layer that gives no feature maps, and settings of 0.
pub fn score_cam(
    model: &Model,
    x: &Tensor,
    layer: &str,
    target: &Target,
    settings: &ScoreCam,
) -> Result<Tensor> {
    expect(settings.chunk > 0, "chunk", "at least 1", settings.chunk)?;
    expect(settings.channels != Some(0), "channels", "at least 1", 0)?;
    let (classes, _) = settled(model, x, target)?;
    let activation = &activations(model, x, &[layer])?[0];
    let [pictures, rows, columns, channels] = feature_maps(layer, activation.shape())?;
    let [height, width, colours] = model.input().shape;
    let mut heat = Tensor::zeros([pictures, rows, columns]);
    for (picture, heat) in heat.data_mut().chunks_exact_mut(rows * columns).enumerate() {
        let maps = activation.rows(picture..picture + 1);
        let channel = |channel: usize| -> Vec<f32> {
            maps.data().iter().skip(channel).step_by(channels).copied().collect()
        };
        let taken = varied((0..channels).map(channel).enumerate().collect(), settings.channels);
        let pixels = x.rows(picture..picture + 1);
        let variants = Variants { model, target, chunk: settings.chunk };
        let masked = |variant: usize, numbers: &mut [f32]| {
            let mut mask = vec![0.0; height * width];
            resize(&taken[variant].1, [rows, columns], &mut mask, [height, width]);
            let low = mask.iter().copied().fold(f32::INFINITY, f32::min);
            let high = mask.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let of_pixel = numbers.chunks_exact_mut(colours).zip(pixels.data().chunks_exact(colours));
            for ((numbers, pixel), mask) in of_pixel.zip(mask) {
                // Shrunk to one pixel, a map that varies may vary no more.
                let share = if high > low { (mask - low) / (high - low) } else { 0.0 };
                numbers.iter_mut().zip(pixel).for_each(|(to, from)| *to = from * share);
            }
        };
        let scores = variants.scores(taken.len(), |_| classes[picture], masked)?;
        let weights = softmax(scores.iter().copied());
        for (place, heat) in heat.iter_mut().enumerate() {
            let weighed = taken.iter().zip(&weights);
            *heat = weighed.map(|((_, map), weight)| weight * f64::from(map[place])).sum::<f64>() as f32;
        }
    }
    Ok(if settings.relu { positive(heat) } else { heat })
}

/// The maps that vary, in their order; of more than `most` those that vary most.
fn varied(maps: Vec<(usize, Vec<f32>)>, most: Option<usize>) -> Vec<(usize, Vec<f32>)> {
    let variance = |map: &[f32]| moments(map)[1];
    let mut maps: Vec<_> = maps.into_iter().filter(|(_, map)| map.iter().any(|x| *x != map[0])).collect();
    if let Some(most) = most.filter(|&most| most < maps.len()) {
        maps.sort_by(|(_, a), (_, b)| variance(b).total_cmp(&variance(a)));
        maps.truncate(most);
        maps.sort_by_key(|(channel, _)| *channel);
    }
    maps
}
