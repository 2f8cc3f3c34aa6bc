//! Average-pooling with any window and stride.

use super::max_pooling2d::check;
use super::{INPUT, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::pool2d::{self, Geometry};
use convnet_cpu::reference;
use convnet_tensor::{Result, Shape, Tensor};

/// The mean of each window; padding does not count, as in TensorFlow.
///
/// Input: `x` `[N, H, W, C]`.
#[derive(Clone, Copy, Debug)]
pub struct AveragePooling2D {
    /// Sizes, window, stride and padding.
    pub geometry: Geometry,
}

impl Operation for AveragePooling2D {
    type Saved = ();

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, ())> {
        let g = &self.geometry;
        check("AveragePooling2D", g, inputs)?;
        let shape = Shape::from(g.output()).with_first(inputs[INPUT].len_first());
        Ok((written(shape, |y| pool2d::average::forward(g, inputs[INPUT].data(), y)), ()))
    }

    fn backward(&self, (): (), gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let g = &self.geometry;
        to.give(INPUT, || {
            written([gradient.len_first(), g.height, g.width, g.channels], |dx| {
                pool2d::average::gradient(g, gradient.data(), dx);
            })
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let shape = Shape::from(self.geometry.output()).with_first(inputs[INPUT].len_first());
        written(shape, |y| reference::pool2d::average::forward(&self.geometry, inputs[INPUT].data(), y))
    }
}
