//! Setting a random share of the values to zero.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{elementwise, reference};
use convnet_tensor::{Result, Tensor};

/// `x · keep / (1 − rate)`: values to be kept are enlarged, so that the mean stays (Srivastava et al. 2014).
#[derive(Clone, Debug)]
pub struct Dropout {
    /// 1 where a value is kept, else 0; of the input's shape.
    pub keep: Tensor<u8>,
    /// The share of values that are dropped, in [0, 1).
    pub rate: f32,
}

impl Dropout {
    fn scale(&self) -> f32 {
        1.0 / (1.0 - self.rate)
    }
}

impl Operation for Dropout {
    type Saved = ();

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, ())> {
        expect_inputs("Dropout", 1..=1, inputs.len())?;
        let x = inputs[INPUT];
        let fits = x.shape() == self.keep.shape();
        expect(fits, "Dropout", || format!("an input of the mask's shape {}", self.keep.shape()), x.shape())?;
        Ok((written(x.shape(), |y| elementwise::dropout(self.keep.data(), self.scale(), x.data(), y)), ()))
    }

    fn backward(&self, (): (), gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        to.give(INPUT, || {
            written(gradient.shape(), |dx| {
                elementwise::dropout(self.keep.data(), self.scale(), gradient.data(), dx);
            })
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let scale = 1.0 / (1.0 - f64::from(self.rate));
        written(inputs[INPUT].shape(), |y| {
            reference::elementwise::dropout(self.keep.data(), scale, inputs[INPUT].data(), y);
        })
    }
}
