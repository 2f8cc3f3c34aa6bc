//! The sum of several values of one shape.

use super::{expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{elementwise, reference};
use convnet_tensor::{Result, Tensor};

/// The sum of two or more inputs of the same shape, added in order: the join of a residual block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Add;

impl Operation for Add {
    type Saved = usize;

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, usize)> {
        expect_inputs("Add", 2..=usize::MAX, inputs.len())?;
        let shape = inputs[0].shape();
        for input in &inputs[1..] {
            expect(
                input.shape() == shape,
                "Add",
                || format!("inputs of one shape, the first being {shape}"),
                input.shape(),
            )?;
        }
        let mut y = written(shape, |y| elementwise::add(inputs[0].data(), inputs[1].data(), y));
        for input in &inputs[2..] {
            elementwise::add_assign(y.data_mut(), input.data());
        }
        Ok((y, inputs.len()))
    }

    fn backward(&self, count: usize, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        for input in 0..count {
            to.give(input, || gradient.clone());
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let mut sum = inputs[0].clone();
        for input in &inputs[1..] {
            sum = written(sum.shape(), |y| reference::elementwise::add(sum.data(), input.data(), y));
        }
        sum
    }
}
