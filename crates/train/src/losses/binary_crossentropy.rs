//! Cross-entropy for a yes or no.

use super::check_labels;
use convnet_autograd::{InputGradients, Operation, Wanted};
use convnet_tensor::{Error, Result, Tensor};

/// `−t ln σ(x) − (1 − t) ln (1 − σ(x))` for each picture: logits `[N, 1]` → `[N]`.
///
/// Computed as `max(x, 0) − x t + ln(1 + e^−|x|)`, which neither overflows nor takes the logarithm of 0. The target `t` is
/// the label, 0 or 1; smoothing `s` makes it `t · (1 − s) + s / 2`, as Keras does.
#[derive(Clone, Debug)]
pub struct BinaryCrossentropy {
    /// The class of each picture, 0 or 1.
    pub labels: Vec<u32>,
    /// How far the target is moved towards a half, 0 to 1.
    pub smoothing: f32,
}

impl BinaryCrossentropy {
    fn target(&self, label: u32) -> f64 {
        let smoothing = f64::from(self.smoothing);
        f64::from(label) * (1.0 - smoothing) + smoothing / 2.0
    }
}

impl Operation for BinaryCrossentropy {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let logits = inputs[0];
        if logits.shape()[..] != [self.labels.len(), 1] {
            return Err(Error::Shape {
                operation: self.name().into(),
                expected: format!("logits ({}, 1), one for each label", self.labels.len()),
                found: logits.shape(),
            });
        }
        check_labels(&self.labels, 2)?;
        let losses = Tensor::from_fn([self.labels.len()], |picture| {
            let x = f64::from(logits.data()[picture]);
            // `x.max(0.0)` would turn NaN into 0.
            let positive = if x < 0.0 { 0.0 } else { x };
            (positive - x * self.target(self.labels[picture]) + (-x.abs()).exp().ln_1p()) as f32
        });
        Ok((losses, wanted.any().then(|| logits.clone())))
    }

    fn backward(&self, logits: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(logits) = logits else { return Ok(()) };
        to.give(0, || {
            Tensor::from_fn(logits.shape(), |picture| {
                let x = f64::from(logits.data()[picture]);
                let small = (-x.abs()).exp();
                let probability = (if x >= 0.0 { 1.0 } else { small }) / (1.0 + small);
                (f64::from(gradient.data()[picture]) * (probability - self.target(self.labels[picture])))
                    as f32
            })
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        // ln(1 + e^z) without overflow; −ln σ(x) is the one of −x, −ln(1 − σ(x)) the one of x.
        let softplus = |z: f64| if z > 0.0 { z + (-z).exp().ln_1p() } else { z.exp().ln_1p() };
        Tensor::from_fn([self.labels.len()], |picture| {
            let (x, target) = (inputs[0].data()[picture], self.target(self.labels[picture]));
            target * softplus(-x) + (1.0 - target) * softplus(x)
        })
    }
}
