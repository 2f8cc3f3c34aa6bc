//! Batch normalisation, learning and predicting.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{batch_normalization, reduce, reference};
use convnet_tensor::{Result, Shape, Tensor};

const GAMMA: usize = 1;
const BETA: usize = 2;

/// Mean and biased variance per channel.
#[derive(Clone, Debug)]
pub struct Moments {
    /// `[channels]`.
    pub mean: Tensor,
    /// `[channels]`, divided by the count, not by the count less one.
    pub variance: Tensor,
}

impl Moments {
    /// Those of `x` `[…, channels]` over all axes but the last.
    pub fn of(x: &Tensor) -> Moments {
        let channels = x.shape().last().copied().unwrap_or(1);
        let (mut mean, mut variance) = (Tensor::recycled([channels]), Tensor::recycled([channels]));
        reduce::moments(channels, x.data(), mean.data_mut(), variance.data_mut());
        Moments { mean, variance }
    }
}

/// `(x − mean) / √(variance + ε) · γ + β` per channel (Ioffe and Szegedy 2015).
///
/// Inputs: `x` `[…, channels]`, γ and β `[channels]`.
#[derive(Clone, Debug)]
pub struct BatchNormalization {
    /// Learning: those of this very `x` ([`Moments::of`]); their own dependence on `x` counts in the gradient.
    /// Predicting: running averages, which are constants.
    pub moments: Moments,
    /// Whether the moments are those of `x` itself.
    pub learning: bool,
    /// ε, added to the variance.
    pub epsilon: f32,
}

impl BatchNormalization {
    /// There are γ, β and moments for each of `channels`, or an error that says what does not fit.
    pub(super) fn check(&self, channels: usize, gamma: &Tensor, beta: &Tensor) -> Result<()> {
        let fits = self.moments.mean.size() == channels;
        let found = Shape::from([channels]);
        let expected = self.moments.mean.size();
        expect(fits, "BatchNormalization", || format!("{expected} channels"), found)?;
        for parameter in [gamma, beta] {
            let what = || format!("{channels} values of γ and β");
            expect(parameter.size() == channels, "BatchNormalization", what, parameter.shape())?;
        }
        Ok(())
    }

    /// Scale and shift per channel of a normalisation with fixed moments.
    pub(super) fn folded(&self, gamma: &Tensor, beta: &Tensor) -> [Tensor; 2] {
        let Moments { mean, variance } = &self.moments;
        let (mut scale, mut shift) = (Tensor::recycled(mean.shape()), Tensor::recycled(mean.shape()));
        let (to_scale, to_shift) = (scale.data_mut(), shift.data_mut());
        let (gamma, beta, mean, variance) = (gamma.data(), beta.data(), mean.data(), variance.data());
        batch_normalization::fold(gamma, beta, mean, variance, self.epsilon, to_scale, to_shift);
        [scale, shift]
    }
}

impl Operation for BatchNormalization {
    type Saved = (Option<Tensor>, Option<Tensor>);

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        expect_inputs("BatchNormalization", 3..=3, inputs.len())?;
        let [x, gamma, beta] = [inputs[INPUT], inputs[GAMMA], inputs[BETA]];
        let channels = self.moments.mean.size();
        let fits = x.shape().last() == Some(&channels);
        expect(fits, "BatchNormalization", || format!("{channels} channels"), x.shape())?;
        self.check(channels, gamma, beta)?;
        let Moments { mean, variance } = &self.moments;
        let (mean, variance) = (mean.data(), variance.data());
        let y = written(x.shape(), |y| {
            if self.learning {
                let (gamma, beta) = (gamma.data(), beta.data());
                batch_normalization::learn(channels, mean, variance, self.epsilon, gamma, beta, x.data(), y);
            } else {
                let [scale, shift] = self.folded(gamma, beta);
                batch_normalization::predict(channels, scale.data(), shift.data(), x.data(), y);
            }
        });
        let needs_input = wanted.input(GAMMA) || wanted.input(BETA) || (self.learning && wanted.input(INPUT));
        Ok((y, (needs_input.then(|| x.clone()), wanted.any().then(|| gamma.clone()))))
    }

    fn backward(&self, saved: Self::Saved, dy: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let (x, Some(gamma)) = saved else { return Ok(()) };
        let Moments { mean, variance } = &self.moments;
        let (channels, mean, variance) = (mean.size(), mean.data(), variance.data());
        let Some(x) = x else {
            to.give(INPUT, || {
                written(dy.shape(), |dx| {
                    let gamma = gamma.data();
                    batch_normalization::predict_input_gradient(
                        channels,
                        variance,
                        self.epsilon,
                        gamma,
                        dy.data(),
                        dx,
                    );
                })
            });
            return Ok(());
        };
        let mut dx = to.wants(INPUT).then(|| Tensor::recycled(x.shape()));
        let (mut dgamma, mut dbeta) = (Tensor::recycled([channels]), Tensor::recycled([channels]));
        let gradient = match self.learning {
            true => batch_normalization::learn_gradient,
            false => batch_normalization::predict_gradient,
        };
        gradient(
            channels,
            mean,
            variance,
            self.epsilon,
            gamma.data(),
            x.data(),
            dy.data(),
            dx.as_mut().map(|dx| dx.data_mut()),
            dgamma.data_mut(),
            dbeta.data_mut(),
        );
        if let Some(dx) = dx {
            to.give(INPUT, || dx);
        }
        to.give(GAMMA, || dgamma);
        to.give(BETA, || dbeta);
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let (x, gamma, beta) = (inputs[INPUT], inputs[GAMMA].data(), inputs[BETA].data());
        let (channels, epsilon) = (gamma.len(), f64::from(self.epsilon));
        written(x.shape(), |y| {
            if self.learning {
                reference::batch_normalization::learn(channels, epsilon, gamma, beta, x.data(), y);
            } else {
                let (mean, variance) = (self.moments.mean.to_f64(), self.moments.variance.to_f64());
                let (mean, variance) = (mean.data(), variance.data());
                reference::batch_normalization::predict(
                    channels,
                    mean,
                    variance,
                    epsilon,
                    gamma,
                    beta,
                    x.data(),
                    y,
                );
            }
        })
    }
}
