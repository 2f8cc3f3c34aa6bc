//! Guided backpropagation (Springenberg and others 2015), alone and times Grad-CAM.

use super::cam::{Cam, cam};
use crate::error::{Result, batch};
use crate::gradients::input_gradient;
use crate::resize::resized;
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// The gradient of the pictures `x` `[N, height, width, channels]` with negative parts stopped at each ReLU, in the same
/// shape. It is sharp, and hardly depends on the class or on the last layers (Adebayo and others 2018): beside it belongs its
/// twin from random weights.
///
/// # Errors
/// Those of [`input_gradient`].
pub fn guided_backpropagation(model: &Model, x: &Tensor, target: &Target) -> Result<Tensor> {
    Ok(input_gradient(model, x, target, true)?.gradient)
}

/// Guided backpropagation times Grad-CAM of the layer at `layer` (Selvaraju and others 2017), in the shape of the pictures.
///
/// # Errors
/// Those of [`cam`].
pub fn guided_grad_cam(model: &Model, x: &Tensor, layer: &str, target: &Target) -> Result<Tensor> {
    let [_, height, width, channels] = batch("the pictures", x.shape())?;
    let heat = resized(&cam(model, x, layer, target, &Cam::grad_cam())?, [height, width])?;
    let mut guided = guided_backpropagation(model, x, target)?;
    for (pixel, heat) in guided.data_mut().chunks_exact_mut(channels).zip(heat.data()) {
        pixel.iter_mut().for_each(|number| *number *= heat);
    }
    Ok(guided)
}
