//! The mean of every channel over the whole picture.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::pool2d::global;
use convnet_cpu::reference;
use convnet_tensor::{Result, Shape, Tensor};

/// From `[N, H, W, C]` to `[N, C]`: each channel's mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalAveragePooling2D;

impl Operation for GlobalAveragePooling2D {
    type Saved = Shape;

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, Shape)> {
        expect_inputs("GlobalAveragePooling2D", 1..=1, inputs.len())?;
        let shape = inputs[INPUT].shape();
        let fits = shape.len() == 4 && shape[1] * shape[2] > 0;
        expect(fits, "GlobalAveragePooling2D", || "pictures of shape (N, H, W, C)".into(), shape)?;
        let y = written([shape[0], shape[3]], |y| {
            global::average(shape[1] * shape[2], shape[3], inputs[INPUT].data(), y);
        });
        Ok((y, shape))
    }

    fn backward(&self, shape: Shape, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        to.give(INPUT, || {
            written(shape, |dx| global::average_gradient(shape[1] * shape[2], shape[3], gradient.data(), dx))
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let shape = inputs[INPUT].shape();
        written([shape[0], shape[3]], |y| {
            reference::pool2d::global::average(shape[1] * shape[2], shape[3], inputs[INPUT].data(), y);
        })
    }
}
