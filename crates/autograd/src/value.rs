//! A tensor that may have a place on a tape.

use convnet_tensor::{Shape, Tensor};

/// The place of a value on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) tape: u64,
    pub(crate) index: usize,
}

/// A tensor and, when somebody wants its gradient, its place on a [`Tape`](crate::Tape).
///
/// Cloning shares the tensor.
#[derive(Clone, Debug)]
pub struct Value {
    pub(crate) tensor: Tensor,
    pub(crate) node: Option<Node>,
}

impl Value {
    /// A value whose gradient nobody wants.
    pub fn constant(tensor: Tensor) -> Value {
        Value { tensor, node: None }
    }

    /// The numbers.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The numbers, without the place on the tape.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }

    /// The shape of the tensor.
    pub fn shape(&self) -> Shape {
        self.tensor.shape()
    }

    /// Whether a gradient will flow back through this value.
    pub fn is_wanted(&self) -> bool {
        self.node.is_some()
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Value {
        Value::constant(tensor)
    }
}
