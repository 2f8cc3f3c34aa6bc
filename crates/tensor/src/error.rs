//! What can be wrong with a tensor.

use crate::Shape;

/// A mistake in the use of tensors.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor whose data does not fill its shape.
    #[error("a tensor of shape {shape} holds {} numbers, but {found} were given", shape.size())]
    Length {
        /// The shape asked for.
        shape: Shape,
        /// How many numbers came.
        found: usize,
    },
    /// A shape that an operation cannot take.
    #[error("{operation} takes {expected}, but got {found}")]
    Shape {
        /// The operation or layer that refused.
        operation: String,
        /// What it takes, in words.
        expected: String,
        /// The shape that came.
        found: Shape,
    },
    /// A wrong number of inputs.
    #[error("{operation} takes {expected} inputs, but got {found}")]
    Inputs {
        /// The operation that refused.
        operation: String,
        /// How many it takes.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// An argument outside its range.
    #[error("{name} must be {expected}, but is {found}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// Its range, in words.
        expected: &'static str,
        /// The value that came.
        found: String,
    },
    /// NaN or infinity, named where it arose.
    #[error("{label}: the {what} is not finite (NaN or infinity arose here)")]
    NotFinite {
        /// The layer's path or the operation's name.
        label: String,
        /// "output" or "gradient of input 0".
        what: String,
    },
    /// A value whose tape has been emptied since.
    #[error(
        "a value of an earlier pass was used: its tape has been emptied since; run the forward pass again"
    )]
    Stale,
    /// An operation that kept a wanted gradient to itself.
    #[error(
        "{operation} did not give the gradient of input {input}, which was wanted; call `to.give({input}, …)` in its backward"
    )]
    NotGiven {
        /// The operation.
        operation: String,
        /// The input's place.
        input: usize,
    },
    /// Slices of one batch that do not fit together.
    #[error("the slices of a batch gave different outputs: {first:?} and {other:?} per picture")]
    Slices {
        /// The shapes of one slice's outputs, without the batch axis.
        first: Vec<Shape>,
        /// Those of another.
        other: Vec<Shape>,
    },
    /// A gradient of the wrong shape.
    #[error("{operation} gave a gradient of shape {found} for a value of shape {expected}")]
    GradientShape {
        /// The operation, or "the caller" for a seed.
        operation: String,
        /// The value's shape.
        expected: Shape,
        /// The gradient's shape.
        found: Shape,
    },
}

/// The result of a tensor operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
