//! Zeros around pictures.

use super::{INPUT, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::reference;
use convnet_cpu::zero_padding2d::{self, Geometry};
use convnet_tensor::{Result, Shape, Tensor};

/// Pictures `x` `[N, H, W, C]` with zeros around: `[N, top + H + bottom, left + W + right, C]`.
#[derive(Clone, Copy, Debug)]
pub struct ZeroPadding2D {
    /// The picture's shape and the zeros on each side.
    pub geometry: Geometry,
}

impl Operation for ZeroPadding2D {
    type Saved = ();

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, ())> {
        expect_inputs("ZeroPadding2D", 1..=1, inputs.len())?;
        let (x, g) = (inputs[INPUT], &self.geometry);
        let (shape, picture) = (x.shape(), [g.height, g.width, g.channels]);
        let pictures = || format!("pictures of shape (N, {}, {}, {})", picture[0], picture[1], picture[2]);
        expect(shape.len() == 4 && shape[1..] == picture, "ZeroPadding2D", pictures, shape)?;
        let padded = Shape::from(g.output()).with_first(x.len_first());
        Ok((written(padded, |y| zero_padding2d::forward(g, x.data(), y)), ()))
    }

    fn backward(&self, (): (), gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let g = &self.geometry;
        to.give(INPUT, || {
            written([gradient.len_first(), g.height, g.width, g.channels], |dx| {
                zero_padding2d::gradient(g, gradient.data(), dx);
            })
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let (x, g) = (inputs[INPUT], &self.geometry);
        written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            reference::zero_padding2d::forward(g, x.data(), y);
        })
    }
}
