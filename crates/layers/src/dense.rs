//! The fully connected layer.

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::layer::{AnyLayer, Batching, FinalActivation, Layer, ParameterSpec, Role, single};
use crate::pass::Pass;
use crate::settings::{ActivationKind, check_range};
use convnet_autograd::{Value, operations};
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Every unit looks at every input: from `[inputs]` to `[units]`.
///
/// Parameters: `kernel` `[inputs, units]` and, unless switched off, `bias` `[units]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Numbers of the output.
    pub units: usize,
    /// What is applied to the output.
    pub activation: ActivationKind,
    /// Whether a number per unit is added.
    pub use_bias: bool,
    /// How the kernel's first value is drawn.
    pub kernel_initializer: Initializer,
}

impl Dense {
    /// A dense layer with a bias and no activation: Keras' defaults.
    pub fn new(units: usize) -> Dense {
        let kernel_initializer = Initializer::default();
        Dense { units, activation: ActivationKind::Linear, use_bias: true, kernel_initializer }
    }

    /// With a ReLU on the output.
    pub fn relu(self) -> Dense {
        self.activation(ActivationKind::Relu)
    }

    /// With a softmax on the output: probabilities of classes that exclude each other.
    pub fn softmax(self) -> Dense {
        self.activation(ActivationKind::Softmax)
    }

    /// With a sigmoid on the output: a probability for each unit by itself.
    pub fn sigmoid(self) -> Dense {
        self.activation(ActivationKind::Sigmoid)
    }

    /// With this activation on the output.
    pub fn activation(mut self, activation: ActivationKind) -> Dense {
        self.activation = activation;
        self
    }

    /// Without a bias.
    pub fn without_bias(mut self) -> Dense {
        self.use_bias = false;
        self
    }

    /// With first values of the kernel drawn this way.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Dense {
        self.kernel_initializer = initializer;
        self
    }
}

impl Layer for Dense {
    const CLASS: &'static str = "Dense";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        check_range("the number of units", &[self.units])?;
        let input = single(inputs)?;
        match *input {
            [n] if n > 0 => Ok(Shape::from([self.units])),
            _ => Err(Refusal::new(
                "rows of numbers (inputs)",
                input,
                "put Flatten or GlobalAveragePooling2D before it",
            )),
        }
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let shape = Shape::from([inputs[0][0], self.units]);
        let mut specs = vec![ParameterSpec {
            name: "kernel",
            shape,
            initializer: self.kernel_initializer,
            role: Role::Weight,
        }];
        if self.use_bias {
            let shape = Shape::from([self.units]);
            specs.push(ParameterSpec {
                name: "bias",
                shape,
                initializer: Initializer::Zeros,
                role: Role::Weight,
            });
        }
        specs
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let activation = self.activation.fused(pass);
        let arguments: Vec<_> = inputs.iter().chain(weights).collect();
        let y = pass.tape.apply(operations::Dense { activation }, &arguments)?;
        self.activation.rest(pass, y)
    }

    /// The product is fast only when many pictures share one reading of the weights.
    fn batching(&self, _learning: bool) -> Batching {
        Batching::Whole
    }

    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        self.activation.split(self.clone().activation(ActivationKind::Linear))
    }
}
