//! Batch normalisation (Ioffe and Szegedy 2015), with Keras' semantics.

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::layer::{Batching, Layer, PLACE_BY_PLACE, ParameterSpec, Role, single};
use crate::pass::Pass;
use crate::settings::check_range;
use convnet_autograd::operations::{self, Moments};
use convnet_autograd::{Value, operations::BatchNormalization as Operation};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape, Tensor};
use serde::{Deserialize, Serialize};

/// Brings every channel to mean 0 and deviation 1, then to a learned scale and offset.
///
/// In training the moments are those of the batch, and running averages of them are gathered; when predicting, and when
/// the layer is frozen, the running averages are used. Parameters: `gamma`, `beta` (unless switched off), `moving_mean`,
/// `moving_variance`, each `[channels]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormalization {
    /// The share of a running average that stays at each step (0.99; PyTorch's momentum 0.1 is our 0.9).
    pub momentum: f32,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether an offset β is learned.
    pub center: bool,
    /// Whether a scale γ is learned.
    pub scale: bool,
}

impl Default for BatchNormalization {
    fn default() -> BatchNormalization {
        BatchNormalization { momentum: 0.99, epsilon: 1e-3, center: true, scale: true }
    }
}

impl BatchNormalization {
    /// Momentum 0.99, ε 1e-3, with scale and offset: Keras' defaults.
    pub fn new() -> BatchNormalization {
        BatchNormalization::default()
    }

    fn weights(&self) -> usize {
        usize::from(self.scale) + usize::from(self.center)
    }

    /// γ, β, moving mean and moving variance; ones and zeros for what is switched off.
    pub(crate) fn arrays(&self, weights: &[Value]) -> [Value; 4] {
        let statistics = &weights[self.weights()..];
        let channels = statistics[0].shape();
        let gamma = if self.scale { weights[0].clone() } else { Tensor::full(channels, 1.0).into() };
        let beta = if self.center {
            weights[usize::from(self.scale)].clone()
        } else {
            Tensor::zeros(channels).into()
        };
        [gamma, beta, statistics[0].clone(), statistics[1].clone()]
    }
}

impl Layer for BatchNormalization {
    const CLASS: &'static str = "BatchNormalization";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        let input = single(inputs)?;
        let Some(&channels) = input.last() else { return Err("takes values with a channel axis".into()) };
        check_range("the number of channels", &[channels])?;
        let epsilon = self.epsilon.is_finite() && self.epsilon >= 0.0;
        if !(epsilon && (0.0..=1.0).contains(&self.momentum)) {
            return Err("the momentum must lie in [0, 1] and ε must not be negative".into());
        }
        Ok(input)
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let shape = Shape::new(&inputs[0][inputs[0].len() - 1..]);
        let spec = |name, initializer, role| ParameterSpec { name, shape, initializer, role };
        let mut specs = Vec::new();
        if self.scale {
            specs.push(spec("gamma", Initializer::Ones, Role::Weight));
        }
        if self.center {
            specs.push(spec("beta", Initializer::Zeros, Role::Weight));
        }
        specs.push(spec("moving_mean", Initializer::Zeros, Role::Statistic));
        specs.push(spec("moving_variance", Initializer::Ones, Role::Statistic));
        specs
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let x = &inputs[0];
        let [gamma, beta, moving_mean, moving_variance] = self.arrays(weights);
        let learning = pass.is_learning();
        let moments = if learning {
            let moments = Moments::of(x.tensor());
            for (place, now) in [(self.weights(), &moments.mean), (self.weights() + 1, &moments.variance)] {
                let mut average = weights[place].tensor().clone();
                for (average, &now) in average.data_mut().iter_mut().zip(now.data()) {
                    *average = *average * self.momentum + now * (1.0 - self.momentum);
                }
                pass.gather(place, average);
            }
            moments
        } else {
            Moments { mean: moving_mean.into_tensor(), variance: moving_variance.into_tensor() }
        };
        let operation: Operation =
            operations::BatchNormalization { moments, learning, epsilon: self.epsilon };
        pass.tape.apply(operation, &[x, &gamma, &beta])
    }

    /// The moments of a batch mix its pictures.
    fn batching(&self, learning: bool) -> Batching {
        if learning { Batching::Whole } else { Batching::Slices }
    }
}
