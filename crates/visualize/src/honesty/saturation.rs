//! Where a model is so sure that the gradient of its probability says nothing.

use crate::error::Result;
use crate::gradients::logits;
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::Tensor;
use std::fmt;

/// Below this share of the score's gradient that of the probability is taken to have vanished: probabilities beyond 0.999 or
/// below 0.001.
const VANISHED: f64 = 1e-3;

/// The probability of a class in a picture that leaves hardly any gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saturation {
    /// The picture's place in the batch.
    pub picture: usize,
    /// The class.
    pub class: usize,
    /// Its probability.
    pub probability: f64,
    /// p · (1 − p): how much of the gradient of its score is left in that of its probability.
    pub slope: f64,
}

impl fmt::Display for Saturation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Saturation { picture, class, probability, slope } = self;
        write!(
            f,
            "picture {picture}: class {class} has probability {probability:.6}, whose gradient is {slope:.1e} of the score's; \
             of the probability, methods that follow gradients (Grad-CAM and its kin, saliency, SmoothGrad, integrated gradients, \
             guided backpropagation) would be blank or noise, and occlusion and Score-CAM nearly the same everywhere, so explain the \
             score (`Target::class` as it is)"
        )
    }
}

/// The pictures among `x` `[N, height, width, channels]` whose target has a probability so near 0 or 1 that its gradient
/// vanishes. A heatmap of the score ([`Score::Logit`](crate::Score::Logit)) does not suffer from it; one of the probability does, and so do deletion
/// and insertion curves, which measure probabilities: they stay flat for long.
///
/// # Errors
/// Pictures of another shape than the model takes, a class that it does not have, and a model without softmax or sigmoid.
pub fn saturation(model: &Model, x: &Tensor, target: &Target) -> Result<Vec<Saturation>> {
    let logits = logits(model, x)?;
    let classes = target.clone().probability().resolve(model, &logits)?;
    let probabilities = Target::probabilities(model, &logits, &classes);
    let found = classes.iter().zip(probabilities).enumerate();
    let found = found.map(|(picture, (&class, [probability, rest]))| Saturation {
        picture,
        class,
        probability,
        slope: probability * rest,
    });
    Ok(found.filter(|found| found.slope < VANISHED).collect())
}
