//! Adam, and AdamW with decay of the weights.

use super::{Step, fused, share};
use crate::Result;
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `m += (g − m)(1 − beta_1)`, `v += (g² − v)(1 − beta_2)`,
/// `w −= m · rate · √(1 − beta_2ᵗ) / (1 − beta_1ᵗ) / (√v + epsilon)`: epsilon outside the root, not scaled by the
/// correction, as Keras has it (Kingma and Ba, 2015, before section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adam {
    /// 0.001 unless told.
    pub learning_rate: f64,
    /// How much of the running mean is kept, 0 to 1; 0.9 unless told.
    pub beta_1: f64,
    /// How much of the running square is kept, 0 to 1; 0.999 unless told.
    pub beta_2: f64,
    /// Keeps the divisor from 0; 1e-7 unless told.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

/// [`Adam`] after decay: `w −= w · weight_decay · rate` (Loshchilov and Hutter, 2019). Every parameter decays, biases too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdamW {
    /// 0.001 unless told.
    pub learning_rate: f64,
    /// As in [`Adam`].
    pub beta_1: f64,
    /// As in [`Adam`].
    pub beta_2: f64,
    /// As in [`Adam`].
    pub epsilon: f64,
    /// 0.004 unless told.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> AdamW {
        let Adam { learning_rate, beta_1, beta_2, epsilon } = Adam::default();
        AdamW { learning_rate, beta_1, beta_2, epsilon, weight_decay: 0.004 }
    }
}

impl AdamW {
    pub(super) fn adam(&self) -> Adam {
        let AdamW { learning_rate, beta_1, beta_2, epsilon, .. } = *self;
        Adam { learning_rate, beta_1, beta_2, epsilon }
    }
}

impl Adam {
    pub(super) const SLOTS: &'static [&'static str] = &["mean", "mean_square"];

    pub(super) fn check(&self) -> Result<()> {
        share("beta_1", self.beta_1, 1.0)?;
        share("beta_2", self.beta_2, 1.0)?;
        share("epsilon", self.epsilon, f64::MAX)
    }

    pub(super) fn update(
        &self,
        step: Step,
        decay: f64,
        weights: &mut [f32],
        gradient: &[f32],
        slots: &mut [Tensor],
    ) {
        let number = step.number as f64;
        let correction = (1.0 - self.beta_2.powf(number)).sqrt() / (1.0 - self.beta_1.powf(number));
        let (rate, corrected) = (step.learning_rate as f32, (step.learning_rate * correction) as f32);
        let (new_mean, new_square) = ((1.0 - self.beta_1) as f32, (1.0 - self.beta_2) as f32);
        let (epsilon, decay) = (self.epsilon as f32, decay as f32);
        fused::over(weights, gradient, slots, |weights, gradient, [mean, square]| {
            for (((w, &g), m), v) in weights.iter_mut().zip(gradient).zip(mean).zip(square) {
                *w -= *w * decay * rate;
                *m += (g - *m) * new_mean;
                *v += (g * g - *v) * new_square;
                *w -= *m * corrected / (v.sqrt() + epsilon);
            }
        });
    }
}
