//! A scale and an offset for all numbers.

use crate::error::Refusal;
use crate::layer::{Layer, PLACE_BY_PLACE, single};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

/// `x · scale + offset`: brings pixels into another range inside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescaling {
    /// What each number is multiplied with.
    pub scale: f32,
    /// What is added then.
    pub offset: f32,
}

impl Rescaling {
    /// This scale, without offset.
    pub fn new(scale: f32) -> Rescaling {
        Rescaling { scale, offset: 0.0 }
    }

    /// With this offset.
    pub fn offset(mut self, offset: f32) -> Rescaling {
        self.offset = offset;
        self
    }
}

impl Layer for Rescaling {
    const CLASS: &'static str = "Rescaling";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        single(inputs)
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        pass.tape.apply(operations::Rescaling { scale: self.scale, offset: self.offset }, &[&inputs[0]])
    }
}
