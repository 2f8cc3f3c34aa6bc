//! How far a heatmap may be trusted: its twin from random weights, what the model makes of a picture without its hottest
//! pixels, and, where the truth is known, whether the heat lies on it.
//!
//! A picture of heat convinces whether or not it has to do with the model. Each function here can say no.

mod average_drop;
mod mask;
mod perturbation;
mod saturation;
mod sparseness;
mod twin;

pub use average_drop::{AverageDrop, average_drop};
pub use mask::{pointing_game, relevance_mass};
pub use perturbation::{Curve, Perturbation, deletion, insertion};
pub use saturation::{Saturation, saturation};
pub use sparseness::sparseness;
pub use twin::{Twin, random_twin, rank_correlation, twin};

use crate::error::{Result, maps, wrong_shape};
use crate::resized;
use convnet_tensor::Tensor;

/// One map for each picture `x` `[N, height, width, channels]`, in their size.
fn of_size(heat: &Tensor, [pictures, height, width]: [usize; 3]) -> Result<Tensor> {
    if maps("the heat", heat.shape())?[0] != pictures {
        let expected = format!("(N, rows, columns), one map for each of {pictures} pictures");
        return wrong_shape("the heat", expected, heat.shape());
    }
    resized(heat, [height, width])
}
