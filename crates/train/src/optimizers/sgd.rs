//! Stochastic gradient descent.

use super::{Step, fused};
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `w −= rate · g`; with momentum `v = momentum · v − rate · g` and `w += v`, with Nesterov's
/// `w += momentum · v − rate · g`. Decay comes first: `w −= w · weight_decay · rate`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sgd {
    /// 0.01 unless told.
    pub learning_rate: f64,
    /// How much of the last step is kept, 0 to 1; 0 unless told.
    pub momentum: f64,
    /// Looks ahead by one step of momentum; no unless told.
    pub nesterov: bool,
    /// Decay of the weights themselves; 0 unless told.
    pub weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl Sgd {
    pub(super) fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["velocity"] }
    }

    pub(super) fn update(&self, step: Step, weights: &mut [f32], gradient: &[f32], slots: &mut [Tensor]) {
        let (rate, momentum) = (step.learning_rate as f32, self.momentum as f32);
        let decay = self.weight_decay as f32;
        if self.momentum == 0.0 {
            return fused::over(weights, gradient, slots, |weights, gradient, []| {
                for (w, g) in weights.iter_mut().zip(gradient) {
                    *w -= *w * decay * rate;
                    *w -= rate * g;
                }
            });
        }
        let nesterov = self.nesterov;
        fused::over(weights, gradient, slots, |weights, gradient, [velocity]| {
            for ((w, g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
                *w -= *w * decay * rate;
                *v = momentum * *v - rate * g;
                *w += if nesterov { momentum * *v - rate * g } else { *v };
            }
        });
    }
}
