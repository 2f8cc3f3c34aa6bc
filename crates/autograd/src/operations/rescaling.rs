//! A scale and an offset, the same everywhere.

use super::{INPUT, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{elementwise, reference};
use convnet_tensor::{Result, Tensor};

/// `x · scale + offset`.
#[derive(Clone, Copy, Debug)]
pub struct Rescaling {
    /// What each number is multiplied with.
    pub scale: f32,
    /// What is added then.
    pub offset: f32,
}

impl Operation for Rescaling {
    type Saved = ();

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, ())> {
        expect_inputs("Rescaling", 1..=1, inputs.len())?;
        let x = inputs[INPUT];
        Ok((written(x.shape(), |y| elementwise::scale_and_shift(x.data(), self.scale, self.offset, y)), ()))
    }

    fn backward(&self, (): (), gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        to.give(INPUT, || {
            let mut dx = gradient;
            elementwise::scale_assign(dx.data_mut(), self.scale);
            dx
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let (x, scale, offset) = (inputs[INPUT], f64::from(self.scale), f64::from(self.offset));
        written(x.shape(), |y| reference::elementwise::scale_and_shift(x.data(), scale, offset, y))
    }
}
