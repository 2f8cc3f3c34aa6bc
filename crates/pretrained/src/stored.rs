//! What a file of weights holds, before any number is read: layers with named tensors.

use crate::number::NumberType;

/// A tensor in a file: its name, shape and numbers, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// Its full name in the file.
    pub name: String,
    /// Its extents, outermost first, in the layout of the file's own framework.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub numbers: NumberType,
}

impl StoredTensor {
    /// How many numbers it holds; `None` when no machine could hold them.
    pub(crate) fn size(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent))
    }
}

/// The tensors of one layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredLayer {
    /// The layer's path; `None` where the file does not know it.
    pub(crate) path: Option<String>,
    /// Another path under which it may be looked for.
    pub(crate) alias: Option<String>,
    /// The layer's place in Keras 3's order: `sequential/conv2d_1`.
    pub(crate) key: Option<String>,
    /// Each tensor with its name below the layer.
    pub(crate) tensors: Vec<(String, StoredTensor)>,
}

impl StoredLayer {
    /// What to call the layer in a message.
    pub(crate) fn title(&self) -> &str {
        self.path.as_deref().or(self.key.as_deref()).unwrap_or("a layer without a name")
    }
}

/// Where the numbers come from.
pub(crate) trait Numbers: Send {
    /// Reads all numbers of a tensor, row-major, straight into `to`, which has the tensor's size.
    fn read(&mut self, tensor: &StoredTensor, to: &mut [f32]) -> Result<(), String>;
}
