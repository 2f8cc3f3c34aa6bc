//! Clipping: keeping gradients from being too large.

use crate::{Error, Result};
use convnet_cpu::elementwise;
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How gradients are kept small, before the optimiser gets them; as Keras' `clipvalue`, `clipnorm` and `global_clipnorm`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clipping {
    /// Each number into −limit … limit.
    Value(f32),
    /// The gradient of each parameter scaled down to this Euclidean norm if it has a larger one.
    Norm(f32),
    /// All gradients together scaled down to this norm: they must all be kept until the last is known.
    GlobalNorm(f32),
}

impl Clipping {
    /// The limit is a positive number.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(self) -> Result<()> {
        let (Clipping::Value(limit) | Clipping::Norm(limit) | Clipping::GlobalNorm(limit)) = self;
        if limit > 0.0 && limit.is_finite() {
            return Ok(());
        }
        let (name, expected) = ("the limit of clipping".into(), "a number above 0".into());
        Err(Error::Setting { name, expected, found: limit.to_string() })
    }

    /// Clips the gradient of one parameter in place; [`Clipping::GlobalNorm`] treats it as the only one.
    pub fn apply(self, gradient: &mut Tensor) {
        self.apply_all(std::iter::once(gradient));
    }

    /// Clips the gradients of all parameters in place.
    pub fn apply_all<'a>(self, gradients: impl IntoIterator<Item = &'a mut Tensor>) {
        match self {
            Clipping::Value(limit) => gradients.into_iter().for_each(|gradient| {
                gradient.data_mut().iter_mut().for_each(|g| *g = g.clamp(-limit, limit));
            }),
            Clipping::Norm(limit) => gradients.into_iter().for_each(|gradient| {
                scale(gradient, limit, square(gradient));
            }),
            Clipping::GlobalNorm(limit) => {
                let gradients: Vec<&mut Tensor> = gradients.into_iter().collect();
                let all = gradients.iter().map(|gradient| square(gradient)).sum();
                gradients.into_iter().for_each(|gradient| scale(gradient, limit, all));
            }
        }
    }
}

/// Σ g², in eight chains: one alone would wait for its own sums.
fn square(gradient: &Tensor) -> f64 {
    let mut sums = [0.0; 8];
    for numbers in gradient.data().chunks(sums.len()) {
        for (sum, &g) in sums.iter_mut().zip(numbers) {
            *sum += f64::from(g) * f64::from(g);
        }
    }
    sums.iter().sum()
}

fn scale(gradient: &mut Tensor, limit: f32, square: f64) {
    let norm = square.sqrt() as f32;
    if norm > limit {
        elementwise::scale_assign(gradient.data_mut(), limit / norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_clips_what_it_says_and_leaves_small_gradients_alone() {
        let tensor = |numbers: &[f32]| Tensor::from_slice([numbers.len()], numbers).unwrap();
        let clipped = |clipping: Clipping| {
            let mut both = [tensor(&[3.0, -4.0]), tensor(&[0.0, 12.0])];
            clipping.apply_all(&mut both);
            both
        };
        assert_eq!(clipped(Clipping::Value(3.5)), [tensor(&[3.0, -3.5]), tensor(&[0.0, 3.5])]);
        assert_eq!(clipped(Clipping::Norm(6.0)), [tensor(&[3.0, -4.0]), tensor(&[0.0, 6.0])]);
        assert_eq!(clipped(Clipping::GlobalNorm(6.5)), [tensor(&[1.5, -2.0]), tensor(&[0.0, 6.0])]);
        assert_eq!(clipped(Clipping::GlobalNorm(13.0)), [tensor(&[3.0, -4.0]), tensor(&[0.0, 12.0])]);
        for limit in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Clipping::Norm(limit).check().is_err());
        }
    }
}
