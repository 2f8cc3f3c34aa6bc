//! What a layer applies to each number it puts out, where that is cheap enough to be part of its loop.

use crate::reference::Real;

/// An activation that the loops of convolutions and dense layers apply before they store.
///
/// NaN stays NaN, so that it can be named where it arises.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The number itself.
    #[default]
    Linear,
    /// max(value, 0).
    Relu,
    /// min(max(value, 0), maximum), with a maximum above zero.
    ReluUpTo(f32),
}

impl Activation {
    /// The activation of one number.
    #[inline(always)]
    pub fn apply<R: Real>(self, value: R) -> R {
        let positive = |value: R| if value < R::default() { R::default() } else { value };
        match self {
            Activation::Linear => value,
            Activation::Relu => positive(value),
            Activation::ReluUpTo(maximum) => {
                let (value, maximum) = (positive(value), R::of(f64::from(maximum)));
                if value > maximum { maximum } else { value }
            }
        }
    }

    /// Whether the derivative is one (else it is zero), read off the number that [`Activation::apply`] gave.
    #[inline(always)]
    pub fn passes<R: Real>(self, output: R) -> bool {
        match self {
            Activation::Linear => true,
            Activation::Relu => output > R::default(),
            Activation::ReluUpTo(maximum) => output > R::default() && output < R::of(f64::from(maximum)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_and_their_slopes() {
        for (activation, outputs, slopes) in [
            (Activation::Linear, [-1.0, 0.0, 2.0, 9.0], [true, true, true, true]),
            (Activation::Relu, [0.0, 0.0, 2.0, 9.0], [false, false, true, true]),
            (Activation::ReluUpTo(6.0), [0.0, 0.0, 2.0, 6.0], [false, false, true, false]),
        ] {
            let put_out = [-1.0f64, 0.0, 2.0, 9.0].map(|value| activation.apply(value));
            assert_eq!(put_out, outputs);
            assert_eq!(put_out.map(|output| activation.passes(output)), slopes);
            assert!(activation.apply(f32::NAN).is_nan());
        }
    }
}
