//! Class activation maps by gradients: a layer's channels, weighed by what they do for the class.

use super::positive;
use crate::error::{Error, Result};
use crate::gradients::layer_gradient;
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::{Shape, Tensor};

/// How the gradient weighs the channels of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// The mean of the gradient over the map weighs its channel: the book's (Selvaraju and others 2017).
    GradCam,
    /// The positive gradients, each weighed so that a small object counts as much as a large one (Chattopadhyay and others
    /// 2018). Made for layers behind a ReLU: a place whose factor `2 + gradient · Σ activation` is not above 0 counts nothing.
    GradCamPlusPlus,
    /// The gradient of each place times its activation: what the place adds where the score is linear in the layer (Draelos and
    /// Carin 2020).
    HiResCam,
    /// The same with positive gradients alone, which also suits early layers (Jiang and others 2021).
    LayerCam,
}

/// A class activation map by gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cam {
    /// How the gradient weighs the channels.
    pub weighting: Weighting,
    /// Whether what is below 0, which speaks against the class, is cut off at the end.
    pub relu: bool,
}

impl Cam {
    /// Grad-CAM, the book's.
    pub const fn grad_cam() -> Cam {
        Cam { weighting: Weighting::GradCam, relu: true }
    }

    /// Grad-CAM++.
    pub const fn grad_cam_plus_plus() -> Cam {
        Cam { weighting: Weighting::GradCamPlusPlus, relu: true }
    }

    /// HiResCAM.
    pub const fn hires_cam() -> Cam {
        Cam { weighting: Weighting::HiResCam, relu: true }
    }

    /// Layer-CAM.
    pub const fn layer_cam() -> Cam {
        Cam { weighting: Weighting::LayerCam, relu: true }
    }

    /// Without the final ReLU: what speaks against the class stays, below 0.
    pub const fn without_relu(mut self) -> Cam {
        self.relu = false;
        self
    }
}

/// The map of the target's class in the layer at `layer`, `[N, rows, columns]` of its feature maps, for the pictures `x`
/// `[N, height, width, channels]`.
///
/// # Errors
/// Those of [`layer_gradient`], and a layer that gives no feature maps.
pub fn cam(model: &Model, x: &Tensor, layer: &str, target: &Target, settings: &Cam) -> Result<Tensor> {
    let found = layer_gradient(model, x, layer, target)?;
    let [pictures, height, width, channels] = feature_maps(layer, found.activation.shape())?;
    let each = height * width * channels;
    let mut heat = Tensor::recycled([pictures, height, width]);
    let rows = heat.data_mut().chunks_exact_mut(height * width);
    let pairs = found.activation.data().chunks_exact(each).zip(found.gradient.data().chunks_exact(each));
    for (heat, (activation, gradient)) in rows.zip(pairs) {
        let weights = weights(settings.weighting, activation, gradient, channels);
        let places = activation.chunks_exact(channels).zip(gradient.chunks_exact(channels));
        for (heat, (activation, gradient)) in heat.iter_mut().zip(places) {
            let numbers = activation.iter().map(|&a| f64::from(a));
            let sum: f64 = match settings.weighting {
                Weighting::GradCam | Weighting::GradCamPlusPlus => {
                    numbers.zip(&weights).map(|(a, weight)| a * weight).sum()
                }
                Weighting::HiResCam => numbers.zip(gradient).map(|(a, &g)| a * f64::from(g)).sum(),
                Weighting::LayerCam => numbers.zip(gradient).map(|(a, &g)| a * f64::from(g.max(0.0))).sum(),
            };
            *heat = sum as f32;
        }
    }
    Ok(if settings.relu { positive(heat) } else { heat })
}

/// The weight of each channel, where the method has one for the whole map.
fn weights(weighting: Weighting, activation: &[f32], gradient: &[f32], channels: usize) -> Vec<f64> {
    let places = (activation.len() / channels) as f64;
    let channel = |numbers: &[f32], channel: usize| -> Vec<f64> {
        numbers.iter().skip(channel).step_by(channels).map(|&number| f64::from(number)).collect()
    };
    let weight = |place: usize| match weighting {
        Weighting::GradCam => channel(gradient, place).iter().sum::<f64>() / places,
        Weighting::GradCamPlusPlus => {
            let total: f64 = channel(activation, place).iter().sum();
            // α · gradient with α = gradient² / (2 · gradient² + total · gradient³).
            let share = |&gradient: &f64| {
                let factor = 2.0 + total * gradient;
                if gradient > 0.0 && factor > 0.0 { gradient / factor } else { 0.0 }
            };
            channel(gradient, place).iter().map(share).sum()
        }
        Weighting::HiResCam | Weighting::LayerCam => 1.0,
    };
    (0..channels).map(weight).collect()
}

/// Pictures, rows, columns and channels of a layer's output.
pub(super) fn feature_maps(layer: &str, shape: Shape) -> Result<[usize; 4]> {
    match *shape {
        [pictures, height, width, channels] => Ok([pictures, height, width, channels]),
        _ => Err(Error::Layer {
            path: layer.to_string(),
            message: format!(
                "gives {shape} and no feature maps; take a layer before Flatten or a global pooling"
            ),
        }),
    }
}
