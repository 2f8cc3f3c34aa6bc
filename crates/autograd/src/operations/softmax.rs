//! From scores to probabilities.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{reference, softmax};
use convnet_tensor::{Result, Tensor};

/// `eˣⁱ / Σ eˣʲ` over the last axis.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softmax;

impl Operation for Softmax {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        expect_inputs("Softmax", 1..=1, inputs.len())?;
        let x = inputs[INPUT];
        let fits = x.shape().last().is_some_and(|&classes| classes > 0);
        expect(fits, "Softmax", || "rows of at least one number".into(), x.shape())?;
        let columns = x.shape()[x.shape().len() - 1];
        let y = written(x.shape(), |y| softmax::forward(columns, x.data(), y));
        let saved = wanted.any().then(|| y.clone());
        Ok((y, saved))
    }

    fn backward(&self, y: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(y) = y else { return Ok(()) };
        let columns = y.shape()[y.shape().len() - 1];
        to.give(INPUT, || {
            let mut dx = gradient;
            softmax::gradient(columns, y.data(), dx.data_mut());
            dx
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let x = inputs[INPUT];
        written(x.shape(), |y| reference::softmax::forward(x.shape()[x.shape().len() - 1], x.data(), y))
    }
}
