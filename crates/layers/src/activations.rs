//! Activations as layers of their own.

use crate::error::Refusal;
use crate::layer::{AnyLayer, FinalActivation, Layer, PLACE_BY_PLACE, single};
use crate::pass::Pass;
use crate::settings::ActivationKind;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Any activation by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// What is applied.
    pub activation: ActivationKind,
}

impl Activation {
    /// This activation.
    pub fn new(activation: ActivationKind) -> Activation {
        Activation { activation }
    }
}

impl Layer for Activation {
    const CLASS: &'static str = "Activation";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        single(inputs)
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        match self.activation {
            ActivationKind::Relu => pass.relu(None, &inputs[0]),
            other => other.rest(pass, inputs[0].clone()),
        }
    }

    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        self.activation.split(Activation::new(ActivationKind::Linear))
    }
}

/// `max(x, 0)`, limited where a maximum is given (6 in MobileNet).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReLU {
    /// The largest output.
    pub max_value: Option<f32>,
}

impl ReLU {
    /// Without a maximum.
    pub fn new() -> ReLU {
        ReLU::default()
    }

    /// With a largest output.
    pub fn up_to(max_value: f32) -> ReLU {
        ReLU { max_value: Some(max_value) }
    }
}

impl Layer for ReLU {
    const CLASS: &'static str = "ReLU";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        match self.max_value {
            Some(maximum) if maximum <= 0.0 || maximum.is_nan() => {
                Err(format!("the maximum must be above 0, but is {maximum}").into())
            }
            _ => single(inputs),
        }
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        pass.relu(self.max_value, &inputs[0])
    }
}

/// Probabilities over the last axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

/// `1 / (1 + e⁻ˣ)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

macro_rules! ending {
    ($name:ident, $class:literal) => {
        impl $name {
            /// The layer has no settings.
            pub fn new() -> $name {
                $name {}
            }
        }

        impl Layer for $name {
            const CLASS: &'static str = $class;

            fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
                single(inputs)
            }

            fn window(&self, _inputs: &[Shape]) -> Option<Window> {
                PLACE_BY_PLACE
            }

            fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
                pass.tape.apply(operations::$name, &[&inputs[0]])
            }

            fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
                // What is left is nothing but a step of its name.
                ActivationKind::$name.split(Activation::new(ActivationKind::Linear))
            }
        }
    };
}
ending!(Softmax, "Softmax");
ending!(Sigmoid, "Sigmoid");
