//! Max-pooling with any window and stride.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::pool2d::{self, Geometry};
use convnet_cpu::reference;
use convnet_tensor::{Result, Shape, Tensor};

/// The largest number in each window; of equal ones the first. Padding never wins.
///
/// Input: `x` `[N, H, W, C]`.
#[derive(Clone, Copy, Debug)]
pub struct MaxPooling2D {
    /// Sizes, window, stride and padding.
    pub geometry: Geometry,
}

/// The pictures fit the pooling's geometry, or an error.
pub(super) fn check(operation: &str, g: &Geometry, inputs: &[&Tensor]) -> Result<()> {
    expect_inputs(operation, 1..=1, inputs.len())?;
    let x = inputs[INPUT].shape();
    let fits = x.len() == 4 && x[1..] == [g.height, g.width, g.channels];
    expect(fits, operation, || format!("pictures of shape (N, {}, {}, {})", g.height, g.width, g.channels), x)
}

impl Operation for MaxPooling2D {
    type Saved = Option<Tensor<u32>>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let g = &self.geometry;
        check("MaxPooling2D", g, inputs)?;
        let shape = Shape::from(g.output()).with_first(inputs[INPUT].len_first());
        let mut argmax = wanted.any().then(|| Tensor::<u32>::recycled(shape));
        let y = written(shape, |y| {
            let argmax = argmax.as_mut().map(|argmax| argmax.data_mut());
            pool2d::max::forward(g, inputs[INPUT].data(), y, argmax);
        });
        Ok((y, argmax))
    }

    fn backward(&self, argmax: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let g = &self.geometry;
        let Some(argmax) = argmax else { return Ok(()) };
        to.give(INPUT, || {
            written([gradient.len_first(), g.height, g.width, g.channels], |dx| {
                pool2d::max::gradient(g, gradient.data(), argmax.data(), dx);
            })
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let shape = Shape::from(self.geometry.output()).with_first(inputs[INPUT].len_first());
        written(shape, |y| reference::pool2d::max::forward(&self.geometry, inputs[INPUT].data(), y, None))
    }
}
