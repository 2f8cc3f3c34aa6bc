//! Channels of several values side by side: the join of an Inception or DenseNet block.

use crate::error::Refusal;
use crate::layer::{Layer, PLACE_BY_PLACE, several};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

/// Joins two or more inputs along their channels: from `[H, W, C₀]`, `[H, W, C₁]` … to `[H, W, C₀ + C₁ + …]`, and rows of
/// numbers to longer rows (Keras' `Concatenate` along its default, the last axis).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {}

impl Concatenate {
    /// The layer has no settings.
    pub fn new() -> Concatenate {
        Concatenate {}
    }
}

impl Layer for Concatenate {
    const CLASS: &'static str = "Concatenate";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        let (first, others) = several(inputs)?;
        let Some((channels, before)) = first.split_last() else {
            return Err("takes values with a channel axis".into());
        };
        let mut all = Some(*channels);
        for other in others {
            match other.split_last() {
                Some((channels, same)) if same == before => {
                    all = all.and_then(|all| all.checked_add(*channels));
                }
                _ => {
                    return Err(Refusal::new(
                        "inputs that differ in their channels alone",
                        format_args!("{first} and {other}"),
                        "make height and width agree with strides and padding of the layers before it",
                    ));
                }
            }
        }
        let all = all.ok_or("takes inputs with fewer channels")?;
        Ok(Shape::new(&[before, &[all]].concat()))
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        pass.tape.apply(operations::Concatenate, &inputs.iter().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_size_are_joined_and_others_refused() {
        let of = |shapes: &[&[usize]]| {
            let shapes: Vec<_> = shapes.iter().map(|shape| Shape::new(shape)).collect();
            Layer::output_shape(&Concatenate::new(), &shapes)
        };
        assert_eq!(of(&[&[4, 5, 2], &[4, 5, 3], &[4, 5, 1]]), Ok(Shape::from([4, 5, 6])));
        assert_eq!(of(&[&[7], &[2]]), Ok(Shape::from([9])));
        let wrong: [&[&[usize]]; 5] =
            [&[], &[&[4, 5, 2]], &[&[4, 5, 2], &[4, 4, 2]], &[&[4, 5, 2], &[2]], &[&[], &[]]];
        for wrong in wrong {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
