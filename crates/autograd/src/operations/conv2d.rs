//! Two-dimensional convolution with bias and activation.

use super::{BIAS, INPUT, KERNEL, derived_name, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::conv2d::{self, Geometry, Packed};
use convnet_cpu::reference;
use convnet_tensor::{Result, Shape, Tensor};
use std::sync::Arc;

/// `activation(x ∗ kernel + bias)`: the convolution of chapter 5.1.1 (a cross-correlation, as everywhere in the field).
///
/// Inputs: `x` `[N, H, W, C]`, `kernel` `[rows, columns, C, filters]`, and, if wished, `bias` `[filters]`.
#[derive(Clone, Copy, Debug)]
pub struct Conv2D {
    /// Sizes, stride, dilation and padding.
    pub geometry: Geometry,
    /// What is applied to each number of the output.
    pub activation: Activation,
}

impl Conv2D {
    /// Brings a kernel into the order that the loops read, once for all slices: for the output and, if it is wanted, for
    /// the gradient of the input. Slices that find nothing prepared would each do it.
    pub fn prepare(geometry: &Geometry, kernel: &Tensor, input_gradient: bool) {
        packed(geometry, kernel, Direction::Forward);
        if input_gradient {
            packed(geometry, kernel, Direction::Transposed);
        }
    }
}

#[derive(Clone, Copy, Hash)]
pub(super) enum Direction {
    Forward,
    Transposed,
}

/// The kernel in the order of the loops, kept beside its tensor until that is written.
pub(super) fn packed(geometry: &Geometry, kernel: &Tensor, direction: Direction) -> Arc<Packed> {
    kernel.derived(derived_name(("conv2d", geometry, direction)), || match direction {
        Direction::Forward => Packed::forward(geometry, kernel.data()),
        Direction::Transposed => Packed::transposed(geometry, kernel.data()),
    })
}

/// The inputs fit the geometry, or an error that says which does not.
pub(super) fn check(operation: &str, g: &Geometry, inputs: &[&Tensor]) -> Result<()> {
    expect_inputs(operation, 2..=3, inputs.len())?;
    let x = inputs[INPUT].shape();
    let picture = [g.height, g.width, g.in_channels];
    let fits = x.len() == 4 && x[1..] == picture;
    expect(
        fits,
        operation,
        || format!("pictures of shape (N, {}, {}, {})", picture[0], picture[1], picture[2]),
        x,
    )?;
    let kernel = Shape::from([g.window.size[0], g.window.size[1], g.in_channels, g.out_channels]);
    let found = inputs[KERNEL].shape();
    expect(found == kernel, operation, || format!("a kernel of shape {kernel}"), found)?;
    let Some(bias) = inputs.get(BIAS) else { return Ok(()) };
    expect(
        bias.size() == g.out_channels,
        operation,
        || format!("{} bias values", g.out_channels),
        bias.shape(),
    )
}

impl Operation for Conv2D {
    type Saved = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let g = &self.geometry;
        check("Conv2D", g, inputs)?;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        let bias = inputs.get(BIAS).map(|bias| bias.data());
        let y = written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            conv2d::forward(g, x.data(), &packed(g, kernel, Direction::Forward), bias, self.activation, y);
        });
        let needs_output = wanted.any() && self.activation != Activation::Linear;
        let saved = (
            wanted.input(KERNEL).then(|| x.clone()),
            wanted.input(INPUT).then(|| kernel.clone()),
            needs_output.then(|| y.clone()),
        );
        Ok((y, saved))
    }

    fn backward(&self, saved: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let (x, kernel, y) = saved;
        let g = &self.geometry;
        let pictures = gradient.len_first();
        let mut dy = gradient;
        if let Some(y) = y {
            conv2d::undo_activation(self.activation, y.data(), dy.data_mut());
        }
        if let Some(x) = x {
            let shape = [g.window.size[0], g.window.size[1], g.in_channels, g.out_channels];
            to.give(KERNEL, || written(shape, |dk| conv2d::kernel_gradient(g, x.data(), dy.data(), dk)));
        }
        to.give(BIAS, || {
            written([g.out_channels], |db| conv2d::bias_gradient(g.out_channels, pictures, dy.data(), db))
        });
        if let Some(kernel) = kernel {
            let kernel = packed(g, &kernel, Direction::Transposed);
            to.give(INPUT, || {
                let shape = [pictures, g.height, g.width, g.in_channels];
                written(shape, |dx| conv2d::input_gradient(g, &kernel, dy.data(), dx))
            });
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let g = &self.geometry;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            reference::conv2d::forward(
                g,
                x.data(),
                kernel.data(),
                inputs.get(BIAS).map(|bias| bias.data()),
                y,
            );
            y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        })
    }
}
