//! The sum of several values: the join of a residual block.

use crate::error::Refusal;
use crate::layer::{Layer, PLACE_BY_PLACE, several};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

/// Adds two or more inputs of the same shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl Add {
    /// The layer has no settings.
    pub fn new() -> Add {
        Add {}
    }
}

impl Layer for Add {
    const CLASS: &'static str = "Add";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        let (first, others) = several(inputs)?;
        match others.iter().find(|&other| other != first) {
            None => Ok(*first),
            Some(other) => Err(Refusal::new(
                "inputs of one shape",
                format_args!("{first} and {other}"),
                "make the shapes agree with strides, padding and filters of the convolutions before it",
            )),
        }
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        pass.tape.apply(operations::Add, &inputs.iter().collect::<Vec<_>>())
    }
}
