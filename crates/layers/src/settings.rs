//! Settings that several layers share: pairs, padding, activations.

use crate::error::Refusal;
use crate::layer::{AnyLayer, FinalActivation, Layer};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::{Borders, Window};
use convnet_tensor::Result;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One number per axis, rows first; a single number stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pair(pub [usize; 2]);

impl From<usize> for Pair {
    fn from(both: usize) -> Pair {
        Pair([both, both])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(each: [usize; 2]) -> Pair {
        Pair(each)
    }
}

/// What surrounds a picture before a window moves over it (chapter 5.1.1, border effects).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: the output is smaller than the input.
    #[default]
    Valid,
    /// As much as makes the output the input's size divided by the stride, rounded up.
    Same,
    /// Pixels on top, bottom, left and right.
    Explicit([usize; 4]),
}

/// What a layer applies to its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// Nothing.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// Probabilities over the last axis.
    Softmax,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

impl ActivationKind {
    /// What the loop of a convolution or a dense layer applies on the way. In guided backpropagation the ReLU is a step
    /// of its own, which knows the rule.
    pub(crate) fn fused(self, pass: &Pass<'_>) -> operations::Activation {
        match self {
            ActivationKind::Relu if !pass.is_guided() => operations::Activation::Relu,
            _ => operations::Activation::Linear,
        }
    }

    /// What [`ActivationKind::fused`] leaves to do.
    pub(crate) fn rest(self, pass: &mut Pass<'_>, y: Value) -> Result<Value> {
        match self {
            ActivationKind::Relu if pass.is_guided() => pass.relu(None, &y),
            ActivationKind::Softmax => pass.tape.apply(operations::Softmax, &[&y]),
            ActivationKind::Sigmoid => pass.tape.apply(operations::Sigmoid, &[&y]),
            ActivationKind::Relu | ActivationKind::Linear => Ok(y),
        }
    }

    /// How a model ends in a layer with this activation: `linear`, the layer without it, and what it was; `None` where the
    /// layer may stay as it is.
    pub(crate) fn split<L: Layer>(self, linear: L) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        let ending = self.ending();
        (ending != FinalActivation::Linear).then(|| (Arc::new(linear) as Arc<dyn AnyLayer>, ending))
    }

    fn ending(self) -> FinalActivation {
        match self {
            ActivationKind::Linear | ActivationKind::Relu => FinalActivation::Linear,
            ActivationKind::Softmax => FinalActivation::Softmax,
            ActivationKind::Sigmoid => FinalActivation::Sigmoid,
        }
    }
}

/// No sensible network comes near it, and products of three such numbers cannot overflow.
const LARGEST: usize = 1 << 16;

/// Each number is at least 1 and no larger than any network needs.
pub(crate) fn check_range(name: &str, numbers: &[usize]) -> Result<(), Refusal> {
    match numbers.iter().find(|&&number| number == 0 || number > LARGEST) {
        None => Ok(()),
        Some(number) => Err(format!("{name} must be between 1 and {LARGEST}, but is {number}").into()),
    }
}

/// The window over pictures of `height` × `width`, or why it does not fit.
pub(crate) fn window(
    size: Pair,
    stride: Pair,
    dilation: Pair,
    padding: Padding,
    [height, width]: [usize; 2],
) -> Result<Window, Refusal> {
    check_range("the window's size", &size.0)?;
    check_range("the stride", &stride.0)?;
    check_range("the dilation", &dilation.0)?;
    check_range("the picture's size", &[height, width])?;
    let mut window =
        Window { size: size.0, stride: stride.0, dilation: dilation.0, padding: Borders::default() };
    match padding {
        Padding::Valid => {}
        Padding::Same => window = window.padded_same(height, width),
        Padding::Explicit([top, bottom, left, right]) => {
            if [top, bottom, left, right].iter().any(|&pixels| pixels > LARGEST) {
                return Err(format!("the padding must be at most {LARGEST} pixels").into());
            }
            window.padding = Borders { top, bottom, left, right };
        }
    }
    if window.positions(height, width).contains(&0) {
        let [tall, wide] = window.extent();
        return Err(Refusal::new(
            format_args!("pictures of at least {tall}×{wide} pixels"),
            format_args!("{height}×{width}"),
            "use padding `same`, a smaller window, or less pooling before it",
        ));
    }
    Ok(window)
}
