//! The logistic function.

use super::{INPUT, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{elementwise, reference};
use convnet_tensor::{Result, Tensor};

/// `1 / (1 + e⁻ˣ)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl Operation for Sigmoid {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        expect_inputs("Sigmoid", 1..=1, inputs.len())?;
        let y = written(inputs[INPUT].shape(), |y| elementwise::sigmoid(inputs[INPUT].data(), y));
        let saved = wanted.any().then(|| y.clone());
        Ok((y, saved))
    }

    fn backward(&self, y: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(y) = y else { return Ok(()) };
        to.give(INPUT, || {
            let mut dx = gradient;
            elementwise::sigmoid_gradient(y.data(), dx.data_mut());
            dx
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        written(inputs[INPUT].shape(), |y| reference::elementwise::sigmoid(inputs[INPUT].data(), y))
    }
}
