//! Two-dimensional convolution of each channel by itself, with bias and activation.

use super::{BIAS, INPUT, KERNEL, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::depthwise_conv2d::{self, Geometry};
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::{conv2d, reference};
use convnet_tensor::{Result, Shape, Tensor};

/// `activation(x ∗ kernel + bias)`, channel by channel (MobileNet, Howard and others 2017).
///
/// Inputs: `x` `[N, H, W, C]`, `kernel` `[rows, columns, C, multiplier]`, and, if wished, `bias` `[C · multiplier]`.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseConv2D {
    /// Sizes, stride, dilation and padding.
    pub geometry: Geometry,
    /// What is applied to each number of the output.
    pub activation: Activation,
}

/// The inputs fit the geometry, or an error that says which does not.
pub(super) fn check(operation: &str, g: &Geometry, inputs: &[&Tensor]) -> Result<()> {
    expect_inputs(operation, 2..=3, inputs.len())?;
    let (x, picture) = (inputs[INPUT].shape(), [g.height, g.width, g.channels]);
    let pictures = || format!("pictures of shape (N, {}, {}, {})", picture[0], picture[1], picture[2]);
    expect(x.len() == 4 && x[1..] == picture, operation, pictures, x)?;
    let (kernel, found) = (kernel_shape(g), inputs[KERNEL].shape());
    expect(found == kernel, operation, || format!("a kernel of shape {kernel}"), found)?;
    let Some(bias) = inputs.get(BIAS) else { return Ok(()) };
    let channels = g.out_channels();
    expect(bias.size() == channels, operation, || format!("{channels} bias values"), bias.shape())
}

fn kernel_shape(g: &Geometry) -> Shape {
    Shape::from([g.window.size[0], g.window.size[1], g.channels, g.multiplier])
}

impl Operation for DepthwiseConv2D {
    type Saved = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let g = &self.geometry;
        check("DepthwiseConv2D", g, inputs)?;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        let epilogue = Epilogue::new(inputs.get(BIAS).map(|bias| bias.data()), self.activation);
        let y = written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            depthwise_conv2d::forward(g, x.data(), kernel.data(), &epilogue, y);
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
        let (pictures, channels) = (gradient.len_first(), g.out_channels());
        let mut dy = gradient;
        if let Some(y) = y {
            conv2d::undo_activation(self.activation, y.data(), dy.data_mut());
        }
        if let Some(x) = x {
            to.give(KERNEL, || {
                written(kernel_shape(g), |dk| depthwise_conv2d::kernel_gradient(g, x.data(), dy.data(), dk))
            });
        }
        to.give(BIAS, || written([channels], |db| depthwise_conv2d::bias_gradient(g, dy.data(), db)));
        if let Some(kernel) = kernel {
            to.give(INPUT, || {
                written([pictures, g.height, g.width, g.channels], |dx| {
                    depthwise_conv2d::input_gradient(g, kernel.data(), dy.data(), dx);
                })
            });
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let g = &self.geometry;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        let bias = inputs.get(BIAS).map(|bias| bias.data());
        written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            reference::depthwise_conv2d::forward(g, x.data(), kernel.data(), bias, y);
            y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        })
    }
}
