//! The same numbers behind another shape.

use super::{INPUT, expect, expect_inputs};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_tensor::{Result, Shape, Tensor};

/// From `[N, …]` to `[N, picture…]`, row-major; flattening is the special case of one axis. No number is copied.
#[derive(Clone, Copy, Debug)]
pub struct Reshape {
    /// The new shape of one picture.
    pub picture: Shape,
}

impl Operation for Reshape {
    type Saved = Shape;

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, Shape)> {
        expect_inputs("Reshape", 1..=1, inputs.len())?;
        let shape = inputs[INPUT].shape();
        let fits = !shape.is_empty() && shape.without_first().size() == self.picture.size();
        expect(fits, "Reshape", || format!("pictures of {} numbers", self.picture.size()), shape)?;
        Ok((inputs[INPUT].reshaped(self.picture.with_first(shape[0]))?, shape))
    }

    fn backward(&self, shape: Shape, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let gradient = gradient.reshaped(shape)?;
        to.give(INPUT, || gradient);
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let shape = self.picture.with_first(inputs[INPUT].len_first());
        inputs[INPUT].reshaped(shape).expect("forward checked the sizes")
    }
}
