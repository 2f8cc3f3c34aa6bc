//! The same numbers of each picture behind another shape.

use crate::error::Refusal;
use crate::layer::{Layer, single};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_tensor::{MAX_AXES, Result, Shape};
use serde::{Deserialize, Serialize};

/// Gives each picture's numbers, row-major, the shape `target_shape`: MobileNet's last step from `[1, 1, C]` to `[C]`.
///
/// ```
/// use convnet_layers::{Layer, Reshape};
/// use convnet_tensor::Shape;
/// let layer = Reshape::new([-1, 8]);
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([4, 4, 2])]).unwrap(), Shape::from([4, 8]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The new extents, without the batch axis; one of them may be −1: what is left.
    pub target_shape: Vec<i64>,
}

impl Reshape {
    /// To these extents, of which one may be −1.
    pub fn new(target_shape: impl Into<Vec<i64>>) -> Reshape {
        Reshape { target_shape: target_shape.into() }
    }

    fn resolve(&self, input: Shape) -> std::result::Result<Shape, Refusal> {
        let target = &self.target_shape;
        if target.len() >= MAX_AXES || target.iter().any(|&extent| extent == 0 || extent < -1) {
            let most = MAX_AXES - 1;
            return Err(
                format!("the shape must be at most {most} extents above 0 or −1, but is {target:?}").into()
            );
        }
        let mut known = target.iter().filter(|extent| **extent > 0);
        let known = known.try_fold(1usize, |size, &extent| size.checked_mul(usize::try_from(extent).ok()?));
        let (open, size) = (target.iter().filter(|extent| **extent < 0).count(), input.size());
        let fits = match (known, open) {
            (Some(known), 0) => known == size,
            (Some(known), 1) => size > 0 && size.is_multiple_of(known),
            _ => false,
        };
        if !fits {
            return Err(Refusal::new(
                format_args!("as many numbers as {target:?} holds"),
                input,
                "let the product of the extents agree; only one may be −1",
            ));
        }
        let left = size / known.unwrap_or(1).max(1);
        let extents: Vec<_> = target.iter().map(|&extent| usize::try_from(extent).unwrap_or(left)).collect();
        Ok(Shape::new(&extents))
    }
}

impl Layer for Reshape {
    const CLASS: &'static str = "Reshape";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        self.resolve(single(inputs)?)
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        let x = &inputs[0];
        let picture = self.resolve(x.shape().without_first()).map_err(|Refusal(expected)| {
            convnet_tensor::Error::Shape { operation: Self::CLASS.into(), expected, found: x.shape() }
        })?;
        pass.tape.apply(operations::Reshape { picture }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_do_not_hold_the_numbers_are_refused() {
        let of = |target: &[i64]| Layer::output_shape(&Reshape::new(target), &[Shape::from([2, 3, 4])]);
        assert_eq!(of(&[24]), Ok(Shape::from([24])));
        assert_eq!(of(&[4, -1, 2]), Ok(Shape::from([4, 3, 2])));
        for wrong in
            [&[23][..], &[-1, -1], &[-1, 5], &[0, -1], &[-2, 12], &[i64::MAX, i64::MAX], &[1, 1, 1, 1, 24]]
        {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
