//! Losses: how wrong the logits of each picture are, as operations from logits to one number per picture.
//!
//! Class weights and 1/N are no part of a loss: they are the seed of the walk backwards.

mod binary_crossentropy;
mod sparse_categorical_crossentropy;

pub use binary_crossentropy::BinaryCrossentropy;
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;

use convnet_autograd::{Tape, Value};
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// A loss with its settings.
///
/// ```
/// use convnet_autograd::{Tape, Value};
/// use convnet_tensor::Tensor;
/// use convnet_train::Loss;
/// let logits = Value::constant(Tensor::from_slice([1, 2], &[0.0, 0.0])?);
/// let loss = Loss::sparse_categorical_crossentropy().apply(&mut Tape::new(), &logits, &[1])?;
/// assert_eq!(loss.tensor().data(), [2f32.ln()]);
/// # Ok::<(), convnet_tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class")]
#[non_exhaustive]
pub enum Loss {
    /// One class out of several: for a model that ends in a score or a softmax probability per class.
    SparseCategoricalCrossentropy {
        /// The share of the target that is spread over all classes, 0 to 1.
        label_smoothing: f32,
    },
    /// A yes or no: for a model that ends in a single score or sigmoid probability.
    BinaryCrossentropy {
        /// How far the target is moved towards a half, 0 to 1.
        label_smoothing: f32,
    },
}

impl Loss {
    /// Without smoothing.
    pub fn sparse_categorical_crossentropy() -> Loss {
        Loss::SparseCategoricalCrossentropy { label_smoothing: 0.0 }
    }

    /// Without smoothing.
    pub fn binary_crossentropy() -> Loss {
        Loss::BinaryCrossentropy { label_smoothing: 0.0 }
    }

    /// Its name, as Keras has it.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::SparseCategoricalCrossentropy { .. } => "SparseCategoricalCrossentropy",
            Loss::BinaryCrossentropy { .. } => "BinaryCrossentropy",
        }
    }

    /// The share of smoothing.
    pub fn label_smoothing(&self) -> f32 {
        match *self {
            Loss::SparseCategoricalCrossentropy { label_smoothing } => label_smoothing,
            Loss::BinaryCrossentropy { label_smoothing } => label_smoothing,
        }
    }

    /// The loss of each picture, `[N]`, from logits `[N, classes]` (binary: `[N, 1]`).
    ///
    /// # Errors
    /// When the logits have another shape or a label is no class.
    pub fn apply(&self, tape: &mut Tape, logits: &Value, labels: &[u32]) -> convnet_tensor::Result<Value> {
        let labels = labels.to_vec();
        match *self {
            Loss::SparseCategoricalCrossentropy { label_smoothing: smoothing } => {
                tape.apply(SparseCategoricalCrossentropy { labels, smoothing }, &[logits])
            }
            Loss::BinaryCrossentropy { label_smoothing: smoothing } => {
                tape.apply(BinaryCrossentropy { labels, smoothing }, &[logits])
            }
        }
    }
}

/// Where the walk backwards starts, so that the gradient is that of `Σ weight · loss / N`: `[N]`. N is the number of
/// pictures, not the sum of the weights, as in Keras.
pub fn mean_seed(weights: impl ExactSizeIterator<Item = f32>) -> Tensor {
    let count = weights.len();
    let mut seed = Tensor::recycled([count]);
    seed.data_mut().iter_mut().zip(weights).for_each(|(seed, weight)| *seed = weight / count as f32);
    seed
}

fn check_labels(labels: &[u32], classes: usize) -> convnet_tensor::Result<()> {
    match labels.iter().find(|label| **label as usize >= classes) {
        None => Ok(()),
        Some(label) => Err(convnet_tensor::Error::Argument {
            name: "a label",
            expected: "the number of a class, below the number of logits (of two classes where there is one logit)",
            found: format!("{label} of {classes} classes"),
        }),
    }
}
