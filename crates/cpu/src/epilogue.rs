//! What a loop does to each sum of products before it stores it.

use crate::activation::Activation;

/// `activation((sum + bias) · scale + shift)`, one number of each array per output channel.
///
/// Scale and shift are a batch normalisation with fixed statistics, as [`fold`](crate::batch_normalization::fold) makes
/// them. They are applied to the sum, never folded into the kernel's weights, so that the bits are those of the layers
/// one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to the sum.
    pub bias: Option<&'a [f32]>,
    /// Multiplied with, then added to, the sum plus bias, rounded as [`predict`](crate::batch_normalization::predict) does.
    pub scale_and_shift: Option<[&'a [f32]; 2]>,
    /// Applied last.
    pub activation: Activation,
}

impl<'a> Epilogue<'a> {
    /// A bias, where there is one, and an activation.
    pub fn new(bias: Option<&'a [f32]>, activation: Activation) -> Epilogue<'a> {
        Epilogue { bias, scale_and_shift: None, activation }
    }

    /// # Panics
    /// When an array has not one number per channel.
    pub(crate) fn check(&self, channels: usize) {
        assert!(self.bias.is_none_or(|bias| bias.len() == channels), "length of the bias");
        let fits = |[scale, shift]: [&[f32]; 2]| scale.len() == channels && shift.len() == channels;
        assert!(self.scale_and_shift.is_none_or(fits), "lengths of scale and shift");
    }

    /// The bounds to which the activation clamps. Clamping to infinite bounds changes nothing, so that all activations are
    /// the same few operations without a branch.
    pub(crate) fn bounds(&self) -> [f32; 2] {
        match self.activation {
            Activation::Linear => [f32::NEG_INFINITY, f32::INFINITY],
            Activation::Relu => [0.0, f32::INFINITY],
            Activation::ReluUpTo(maximum) => [0.0, maximum],
        }
    }
}
