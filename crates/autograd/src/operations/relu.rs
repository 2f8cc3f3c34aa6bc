//! The rectifier.

use super::{INPUT, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{elementwise, reference};
use convnet_tensor::{Result, Tensor};

/// `max(x, 0)`, limited to `maximum` where one is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu {
    /// The largest output (6 in MobileNet).
    pub maximum: Option<f32>,
    /// Guided backpropagation (Springenberg et al. 2015): negative gradients are stopped as well. Not the true gradient.
    pub guided: bool,
}

impl Operation for Relu {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        expect_inputs("Relu", 1..=1, inputs.len())?;
        let x = inputs[INPUT];
        let y = written(x.shape(), |y| elementwise::relu(self.maximum, x.data(), y));
        let saved = wanted.any().then(|| y.clone());
        Ok((y, saved))
    }

    fn backward(&self, y: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(y) = y else { return Ok(()) };
        to.give(INPUT, || {
            let mut dx = gradient;
            if self.guided {
                elementwise::guided_relu_gradient(self.maximum, y.data(), dx.data_mut());
            } else {
                elementwise::relu_gradient(self.maximum, y.data(), dx.data_mut());
            }
            dx
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        written(inputs[INPUT].shape(), |y| {
            reference::elementwise::relu(self.maximum.map(f64::from), inputs[INPUT].data(), y);
        })
    }
}
