//! RMSprop, the optimiser of the chapter.

use super::{Step, fused};
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `s = rho · s + (1 − rho) · g²`, `w −= rate · g / √(s + epsilon)`: epsilon inside the root, as Keras has it.
///
/// With `centered` the square of the gradient's own running mean is taken off `s` under the root; with momentum the step goes
/// into `m = momentum · m + step`, `w −= m`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RmsProp {
    /// 0.001 unless told.
    pub learning_rate: f64,
    /// How much of the running averages is kept, 0 to 1; 0.9 unless told.
    pub rho: f64,
    /// How much of the last step is kept, 0 to 1; 0 unless told.
    pub momentum: f64,
    /// Keeps the root from 0; 1e-7 unless told.
    pub epsilon: f64,
    /// Divides by the deviation instead of the size; no unless told.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> RmsProp {
        RmsProp { learning_rate: 0.001, rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false }
    }
}

impl RmsProp {
    fn is_plain(&self) -> bool {
        self.momentum == 0.0 && !self.centered
    }

    pub(super) fn slots(&self) -> &'static [&'static str] {
        if self.is_plain() { &["mean_square"] } else { &["mean_square", "mean", "step"] }
    }

    pub(super) fn update(&self, step: Step, weights: &mut [f32], gradient: &[f32], slots: &mut [Tensor]) {
        let (rate, epsilon) = (step.learning_rate as f32, self.epsilon as f32);
        let (kept, new) = (self.rho as f32, (1.0 - self.rho) as f32);
        if self.is_plain() {
            return fused::over(weights, gradient, slots, |weights, gradient, [square]| {
                for ((w, &g), s) in weights.iter_mut().zip(gradient).zip(square) {
                    *s = kept * *s + new * (g * g);
                    *w -= rate * g / (*s + epsilon).sqrt();
                }
            });
        }
        let (momentum, of_mean) = (self.momentum as f32, if self.centered { 1.0 } else { 0.0 });
        fused::over(weights, gradient, slots, |weights, gradient, [square, mean, last]| {
            let state = square.iter_mut().zip(mean).zip(last);
            for ((w, &g), ((s, a), m)) in weights.iter_mut().zip(gradient).zip(state) {
                *s = kept * *s + new * (g * g);
                *a = of_mean * (kept * *a + new * g);
                *m = momentum * *m + rate * g / (*s - *a * *a + epsilon).sqrt();
                *w -= *m;
            }
        });
    }
}
