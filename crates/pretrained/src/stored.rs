//! What a file of weights holds, before any number is read: layers with named tensors.

use crate::number::NumberType;
use crate::target::Target;

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
        size(&self.shape)
    }

    /// How many bytes its numbers take in the file; `None` when no file could hold them.
    pub(crate) fn bytes(&self) -> Option<u64> {
        u64::try_from(self.size()?).ok()?.checked_mul(self.numbers.bytes() as u64)
    }
}

/// How many numbers a tensor of this shape holds; `None` when no machine could hold them.
pub(crate) fn size(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent))
}

/// How the tensors of a layer are laid out. Keras' way is the default: kernels `[rows, columns, in, out]`, dense kernels
/// `[in, out]`, pictures flattened pixel by pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Kernels are `[out, in, rows, columns]`, dense ones `[out, in]`.
    pub(crate) outputs_first: bool,
    /// Where pictures were flattened before the layer, they were so channel by channel.
    pub(crate) channels_first: bool,
}

impl Layout {
    /// PyTorch's.
    pub(crate) const TORCH: Layout = Layout { outputs_first: true, channels_first: true };
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
    /// How they are laid out.
    pub(crate) layout: Layout,
}

impl StoredLayer {
    /// What to call the layer in a message.
    pub(crate) fn title(&self) -> &str {
        self.path.as_deref().or(self.key.as_deref()).unwrap_or("a layer without a name")
    }
}

/// Where the numbers come from.
pub(crate) trait Numbers: Send {
    /// Reads all numbers of a tensor straight into `to`, which takes as many as it has.
    fn read(&mut self, tensor: &StoredTensor, to: Target<'_>) -> Result<(), String>;
}
