//! Two-dimensional convolution in groups of channels, with bias and activation.

use super::concatenate::{join, split};
use super::conv2d::{Direction, gradients, packed};
use super::{BIAS, INPUT, KERNEL, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::conv2d::{self, Geometry, Gradient};
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::reference;
use convnet_tensor::{Result, Shape, Tensor};

/// `activation(x ∗ kernel + bias)`, where each group of output channels sees its group of input channels alone (ResNeXt, Xie
/// and others 2017).
///
/// Inputs: `x` `[N, H, W, C]`, `kernel` `[rows, columns, C / groups, filters]`, and, if wished, `bias` `[filters]`. Each group
/// is gathered and runs as a convolution of its own.
#[derive(Clone, Copy, Debug)]
pub struct GroupedConv2D {
    /// Sizes, stride, dilation and padding of the convolution of one group.
    pub geometry: Geometry,
    /// How many groups there are.
    pub groups: usize,
    /// What is applied to each number of the output.
    pub activation: Activation,
}

impl GroupedConv2D {
    /// The inputs fit the geometry, or an error that says which does not.
    fn check(&self, inputs: &[&Tensor]) -> Result<()> {
        const NAME: &str = "GroupedConv2D";
        expect_inputs(NAME, 2..=3, inputs.len())?;
        let (g, groups) = (&self.geometry, self.groups);
        let (x, picture) = (inputs[INPUT].shape(), [g.height, g.width, groups * g.in_channels]);
        let pictures = || format!("pictures of shape (N, {}, {}, {})", picture[0], picture[1], picture[2]);
        expect(x.len() == 4 && x[1..] == picture, NAME, pictures, x)?;
        let filters = groups * g.out_channels;
        let kernel = Shape::from([g.window.size[0], g.window.size[1], g.in_channels, filters]);
        let found = inputs[KERNEL].shape();
        expect(found == kernel, NAME, || format!("a kernel of shape {kernel}"), found)?;
        let Some(bias) = inputs.get(BIAS) else { return Ok(()) };
        expect(bias.size() == filters, NAME, || format!("{filters} bias values"), bias.shape())
    }

    /// The shape of the output of so many pictures, in all groups.
    fn output(&self, pictures: usize) -> Shape {
        let [rows, columns, channels] = self.geometry.output();
        Shape::from([pictures, rows, columns, self.groups * channels])
    }
}

impl Operation for GroupedConv2D {
    type Saved = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        self.check(inputs)?;
        let (g, [x, kernel]) = (&self.geometry, [inputs[INPUT], inputs[KERNEL]]);
        let pictures = x.len_first();
        let biases = inputs.get(BIAS).map(|bias| split(bias, self.groups));
        let parts = split(x, self.groups).into_iter().zip(split(kernel, self.groups)).enumerate();
        let groups: Vec<Tensor> = parts
            .map(|(group, (x, kernel))| {
                let bias = biases.as_ref().map(|biases| biases[group].data());
                let kernel = packed(g, &kernel, Direction::Forward, wanted.input(KERNEL));
                let epilogue = Epilogue::new(bias, self.activation);
                written(Shape::from(g.output()).with_first(pictures), |y| {
                    conv2d::forward(g, x.data(), &kernel, &epilogue, y);
                })
            })
            .collect();
        let y = join(&groups.iter().collect::<Vec<_>>());
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
        let (g, pictures) = (&self.geometry, gradient.len_first());
        let parts = |tensor: Option<Tensor>| tensor.map(|tensor| split(&tensor, self.groups));
        let (x, kernel) = (parts(x), parts(kernel));
        let groups: Vec<_> = split(&gradient, self.groups)
            .iter()
            .enumerate()
            .map(|(group, dy)| {
                let [x, kernel] = [&x, &kernel].map(|parts| parts.as_ref().map(|parts| &parts[group]));
                gradients(g, pictures, Gradient::Full(dy.data()), x, kernel, to.wants(BIAS))
            })
            .collect();
        for place in [INPUT, KERNEL, BIAS] {
            let parts: Vec<_> = groups.iter().filter_map(|group| group[place].as_ref()).collect();
            if !parts.is_empty() {
                to.give(place, || join(&parts));
            }
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let [x, kernel] = [inputs[INPUT].data(), inputs[KERNEL].data()];
        let bias = inputs.get(BIAS).map(|bias| bias.data());
        written(self.output(inputs[INPUT].len_first()), |y| {
            reference::grouped_conv2d::forward(&self.geometry, self.groups, x, kernel, bias, y);
            y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        })
    }
}
