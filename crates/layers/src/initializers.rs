//! How the first values of weights are drawn.

use convnet_tensor::{Shape, Stream, Tensor};
use serde::{Deserialize, Serialize};

/// A distribution for first values; the names are Keras'.
///
/// "fan in" is how many inputs each output has, "fan out" how many outputs each input has: for a convolution the taps of
/// the window times the channels, for a dense layer its inputs and units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// Uniform within ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010): Keras' default for kernels.
    #[default]
    GlorotUniform,
    /// Normal, cut at two deviations, with variance 2 / (fan in + fan out).
    GlorotNormal,
    /// Uniform within ±√(6 / fan in) (He et al. 2015), made for ReLU.
    HeUniform,
    /// Normal, cut at two deviations, with variance 2 / fan in.
    HeNormal,
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
}

/// The deviation of a standard normal distribution that is cut at ±2.
const CUT_DEVIATION: f32 = 0.879_625_7;

impl Initializer {
    /// A first value of shape `[…, fan in, fan out]` as kernels have it.
    pub fn draw(self, shape: Shape, stream: &mut Stream) -> Tensor {
        let (fan_in, fan_out) = fans(shape);
        let mut uniform = |limit: f32| Tensor::from_fn(shape, |_| stream.between(-limit, limit));
        match self {
            Initializer::GlorotUniform => uniform((6.0 / (fan_in + fan_out)).sqrt()),
            Initializer::HeUniform => uniform((6.0 / fan_in).sqrt()),
            Initializer::GlorotNormal => normal(shape, stream, (2.0 / (fan_in + fan_out)).sqrt()),
            Initializer::HeNormal => normal(shape, stream, (2.0 / fan_in).sqrt()),
            Initializer::Zeros => Tensor::zeros(shape),
            Initializer::Ones => Tensor::full(shape, 1.0),
        }
    }
}

fn normal(shape: Shape, stream: &mut Stream, deviation: f32) -> Tensor {
    let mut draw = || loop {
        let number = stream.normal();
        if number.abs() <= 2.0 {
            return number;
        }
    };
    Tensor::from_fn(shape, |_| draw() * deviation / CUT_DEVIATION)
}

fn fans(shape: Shape) -> (f32, f32) {
    match *shape {
        [] => (1.0, 1.0),
        [n] => (n as f32, n as f32),
        [ref taps @ .., n_in, n_out] => {
            let taps: usize = taps.iter().product();
            ((taps * n_in) as f32, (taps * n_out) as f32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_tensor::{Purpose, Seed};

    #[test]
    fn distributions_have_their_limits_and_variances() {
        let shape = Shape::from([3, 3, 32, 64]);
        let (fan_in, fan_out) = (288.0f64, 576.0f64);
        for (initializer, variance, limit) in [
            (Initializer::GlorotUniform, 2.0 / (fan_in + fan_out), (6.0 / (fan_in + fan_out)).sqrt()),
            (Initializer::HeUniform, 2.0 / fan_in, (6.0 / fan_in).sqrt()),
            (
                Initializer::GlorotNormal,
                2.0 / (fan_in + fan_out),
                2.0 * (2.0 / (fan_in + fan_out)).sqrt() / 0.8796,
            ),
            (Initializer::HeNormal, 2.0 / fan_in, 2.0 * (2.0 / fan_in).sqrt() / 0.8796),
        ] {
            let value = initializer.draw(shape, &mut Seed(3).stream(Purpose::Weights, 0, 0));
            let found = value.data().iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / value.size() as f64;
            assert!((found / variance - 1.0).abs() < 0.05, "{initializer:?}: {found} against {variance}");
            assert!(value.data().iter().all(|w| f64::from(w.abs()) <= limit * 1.0001), "{initializer:?}");
        }
    }
}
