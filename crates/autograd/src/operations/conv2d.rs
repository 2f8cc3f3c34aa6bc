//! Two-dimensional convolution with bias and activation.

use super::{BIAS, INPUT, KERNEL, derived_name, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::conv2d::{self, Geometry, Gradient, LARGE_KERNEL, Packed};
use convnet_cpu::epilogue::Epilogue;
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
        packed(geometry, kernel, Direction::Forward, false);
        if input_gradient {
            packed(geometry, kernel, Direction::Transposed, false);
        }
    }
}

#[derive(Clone, Copy, Hash)]
pub(super) enum Direction {
    Forward,
    Transposed,
}

/// The kernel in the order of the loops, kept beside its tensor until that is written.
///
/// A large kernel that learns is written in every step, and its layer runs on the whole batch: what is made of it serves
/// one use and is not kept, which of VGG16's last block would be 190 MB.
pub(super) fn packed(
    geometry: &Geometry,
    kernel: &Tensor,
    direction: Direction,
    learns: bool,
) -> Arc<Packed> {
    if learns && kernel.size() > LARGE_KERNEL {
        return Arc::new(match direction {
            Direction::Forward => Packed::forward_once(geometry, kernel.data()),
            Direction::Transposed => Packed::transposed_once(geometry, kernel.data()),
        });
    }
    let pack = || match direction {
        Direction::Forward => Packed::forward(geometry, kernel.data()),
        Direction::Transposed => Packed::transposed(geometry, kernel.data()),
    };
    kernel.derived(derived_name(("conv2d", geometry, direction)), pack)
}

/// Gives all gradients that are wanted.
pub(super) fn give_gradients(
    g: &Geometry,
    pictures: usize,
    dy: Gradient<'_>,
    x: Option<&Tensor>,
    kernel: Option<&Tensor>,
    to: &mut InputGradients<'_>,
) {
    for (place, gradient) in gradients(g, pictures, dy, x, kernel, to.wants(BIAS)).into_iter().enumerate() {
        if let Some(gradient) = gradient {
            to.give(place, || gradient);
        }
    }
}

/// The gradients of input, kernel and bias that are wanted in one sweep, since they share what is made of `dy`.
pub(super) fn gradients(
    g: &Geometry,
    pictures: usize,
    dy: Gradient<'_>,
    x: Option<&Tensor>,
    kernel: Option<&Tensor>,
    wants_bias: bool,
) -> [Option<Tensor>; 3] {
    let kernel_shape = [g.window.size[0], g.window.size[1], g.in_channels, g.out_channels];
    let mut dkernel = x.map(|_| Tensor::recycled(kernel_shape));
    let mut dbias = wants_bias.then(|| Tensor::recycled([g.out_channels]));
    let mut dx = kernel.map(|_| Tensor::recycled([pictures, g.height, g.width, g.in_channels]));
    let kernel = kernel.map(|kernel| packed(g, kernel, Direction::Transposed, x.is_some()));
    let wanted = conv2d::Wanted {
        kernel: x.zip(dkernel.as_mut()).map(|(x, dkernel)| (x.data(), dkernel.data_mut())),
        bias: dbias.as_mut().map(|dbias| dbias.data_mut()),
        input: kernel.as_deref().zip(dx.as_mut()).map(|(kernel, dx)| (kernel, dx.data_mut())),
    };
    conv2d::gradients(g, pictures, dy, wanted);
    let mut gradients = [None, None, None];
    (gradients[INPUT], gradients[KERNEL], gradients[BIAS]) = (dx, dkernel, dbias);
    gradients
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
    check_weights(operation, g, inputs[KERNEL], inputs.get(BIAS).copied())
}

/// Kernel and bias fit the geometry, or an error that says which does not.
pub(super) fn check_weights(
    operation: &str,
    g: &Geometry,
    kernel: &Tensor,
    bias: Option<&Tensor>,
) -> Result<()> {
    let shape = Shape::from([g.window.size[0], g.window.size[1], g.in_channels, g.out_channels]);
    let found = kernel.shape();
    expect(found == shape, operation, || format!("a kernel of shape {shape}"), found)?;
    let Some(bias) = bias else { return Ok(()) };
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
        let epilogue = Epilogue::new(inputs.get(BIAS).map(|bias| bias.data()), self.activation);
        let y = written(Shape::from(g.output()).with_first(x.len_first()), |y| {
            let kernel = packed(g, kernel, Direction::Forward, wanted.input(KERNEL));
            conv2d::forward(g, x.data(), &kernel, &epilogue, y);
        });
        let needs_output = wanted.any() && self.activation != Activation::Linear;
        let saved = (
            wanted.input(KERNEL).then(|| x.clone()),
            wanted.input(INPUT).then(|| kernel.clone()),
            needs_output.then(|| y.clone()),
        );
        Ok((y, saved))
    }

    fn backward(&self, saved: Self::Saved, mut gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let (x, kernel, y) = saved;
        if let Some(y) = y {
            conv2d::undo_activation(self.activation, y.data(), gradient.data_mut());
        }
        let pictures = gradient.len_first();
        give_gradients(
            &self.geometry,
            pictures,
            Gradient::Full(gradient.data()),
            x.as_ref(),
            kernel.as_ref(),
            to,
        );
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
