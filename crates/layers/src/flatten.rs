//! From pictures to rows of numbers.

use crate::error::Refusal;
use crate::layer::{Layer, single};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

/// The numbers of each picture in one row, row-major: from `[H, W, C]` to `[H·W·C]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Flatten {
    /// The layer has no settings.
    pub fn new() -> Flatten {
        Flatten {}
    }
}

impl Layer for Flatten {
    const CLASS: &'static str = "Flatten";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        Ok(Shape::from([single(inputs)?.size()]))
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        let picture = Shape::from([inputs[0].shape().without_first().size()]);
        pass.tape.apply(operations::Reshape { picture }, &[&inputs[0]])
    }
}
