//! Convolution, bias, activation and 2×2 max-pooling in one step.

use super::conv2d::{Direction, check, give_gradients, packed};
use super::{BIAS, INPUT, KERNEL, expect, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::conv2d::{self, Geometry, Gradient, Pooled};
use convnet_cpu::{pool2d, reference, window::Window};
use convnet_tensor::{Result, Shape, Tensor};

/// A [`Conv2D`](super::Conv2D) followed by a 2×2 max-pooling with stride 2, with the same bits as the two one by one.
///
/// The full-size output and its gradient never exist: only the pooled output and two bits of arg-max per value. Of equal
/// numbers in a window the first wins. Inputs as of `Conv2D`; the convolution's output must be at least 2×2.
#[derive(Clone, Copy, Debug)]
pub struct ConvPool2D {
    /// Sizes, stride, dilation and padding of the convolution.
    pub geometry: Geometry,
    /// What is applied to each number before the pooling.
    pub activation: Activation,
}

/// What the backward pass needs: the input for the kernel's gradient, the kernel for the input's.
#[derive(Debug)]
pub struct Saved {
    x: Option<Tensor>,
    kernel: Option<Tensor>,
    y: Tensor,
    argmax: Tensor<u8>,
}

impl Operation for ConvPool2D {
    type Saved = Option<Saved>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let g = &self.geometry;
        check("ConvPool2D", g, inputs)?;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        expect(
            g.can_pool(),
            "ConvPool2D",
            || "an output of at least 2×2 pixels".into(),
            Shape::from(g.output()),
        )?;
        let bias = inputs.get(BIAS).map(|bias| bias.data());
        let pictures = x.len_first();
        let mut argmax = wanted.any().then(|| Tensor::<u8>::recycled([pictures, conv2d::argmax_len(g)]));
        let y = written(Shape::from(g.pooled()).with_first(pictures), |y| {
            let kernel = packed(g, kernel, Direction::Forward, wanted.input(KERNEL));
            let argmax = argmax.as_mut().map(|argmax| argmax.data_mut());
            conv2d::forward_pool(g, x.data(), &kernel, bias, self.activation, y, argmax);
        });
        let saved = argmax.map(|argmax| Saved {
            x: wanted.input(KERNEL).then(|| x.clone()),
            kernel: wanted.input(INPUT).then(|| kernel.clone()),
            y: y.clone(),
            argmax,
        });
        Ok((y, saved))
    }

    fn backward(&self, saved: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(Saved { x, kernel, y, argmax }) = saved else { return Ok(()) };
        let pooled =
            Pooled { y: y.data(), argmax: argmax.data(), activation: self.activation, dy: gradient.data() };
        let (pictures, dy) = (gradient.len_first(), Gradient::Pooled(pooled));
        give_gradients(&self.geometry, pictures, dy, x.as_ref(), kernel.as_ref(), to);
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let full = super::Conv2D { geometry: self.geometry, activation: self.activation }.reference(inputs);
        let [height, width, channels] = self.geometry.output();
        let pool = pool2d::Geometry { height, width, channels, window: Window::new([2, 2], [2, 2]) };
        written(Shape::from(pool.output()).with_first(full.len_first()), |y| {
            reference::pool2d::max::forward(&pool, full.data(), y, None);
        })
    }
}
