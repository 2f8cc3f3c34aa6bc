//! A rectangle of the picture is painted over.

use crate::numbers::Numbers;
use convnet_tensor::{Purpose, Seed};
use serde::{Deserialize, Serialize};

/// Random erasing (Zhong and others, 2017) and, with [`Erasing::cutout`], cutout (DeVries and Taylor, 2017): a rectangle
/// of the changed picture is painted over. The defaults are those of the first paper.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Erasing {
    /// The share of pictures that lose a rectangle, 0 … 1.
    pub probability: f32,
    /// The rectangle's share of the picture's area, lowest and highest, above 0 … 1.
    pub area: [f32; 2],
    /// The rectangle's height divided by its width, lowest and highest, 0.01 … 100.
    pub aspect: [f32; 2],
    /// What it is painted with.
    pub patch: Patch,
}

impl Default for Erasing {
    fn default() -> Erasing {
        Erasing { probability: 0.5, area: [0.02, 0.4], aspect: [0.3, 1.0 / 0.3], patch: Patch::Noise }
    }
}

impl Erasing {
    /// Cutout: every picture loses a grey square whose side is this share of the picture's, above 0 … 1. It always lies
    /// whole inside the picture; in the paper it may hang over.
    pub fn cutout(side: f32) -> Erasing {
        Erasing { probability: 1.0, area: [side * side; 2], aspect: [1.0; 2], patch: Patch::Grey(127) }
    }
}

/// What an erased rectangle is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch {
    /// A random byte for every number (the paper's best).
    Noise,
    /// This byte for every channel.
    Grey(u8),
}

/// An erased rectangle in pixels of the changed picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// Its first column.
    pub left: usize,
    /// Its first row.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
    /// What it is painted with.
    pub patch: Patch,
}

impl Hole {
    /// Paints what of the hole lies in the picture `[rows, columns, channels]`.
    pub(crate) fn paint(&self, shape: [usize; 3], seed: u64, numbers: &Numbers, to: &mut [f32]) {
        let [rows, columns, channels] = shape;
        let [top, left] = [self.top.min(rows), self.left.min(columns)];
        let bottom = top + self.height.min(rows - top);
        let right = left + self.width.min(columns - left);
        // The second stream of the seed: the first is that of the noise over the whole picture.
        let mut stream = Seed(seed).stream(Purpose::Augment, 0, 1);
        let mut bytes = vec![0; (right - left) * channels];
        for row in top..bottom {
            match self.patch {
                Patch::Noise => stream.fill_bytes(&mut bytes),
                Patch::Grey(byte) => bytes.fill(byte),
            }
            let to = &mut to[(row * columns + left) * channels..][..bytes.len()];
            for (index, (to, &byte)) in to.iter_mut().zip(&bytes).enumerate() {
                *to = numbers.of(index % channels, f32::from(byte));
            }
        }
    }
}
