//! Convolution, predicting batch normalisation and activation in one step, and a pointwise convolution behind a depthwise
//! one in the same.

use super::batch_normalization::{BatchNormalization, Moments};
use super::conv2d::{self, Direction, packed};
use super::depthwise_conv2d;
use super::{Conv2D, DepthwiseConv2D, INPUT, Relu, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use crate::{Tape, Value};
use convnet_cpu::activation::Activation;
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::window::Window;
use convnet_cpu::{conv2d as full, depthwise_conv2d as depthwise};
use convnet_tensor::{Result, Shape, Tensor};

/// Which convolution begins a [`Stage`].
#[derive(Clone, Copy, Debug)]
pub enum Convolution {
    /// [`Conv2D`].
    Full(full::Geometry),
    /// [`DepthwiseConv2D`].
    Depthwise(depthwise::Geometry),
}

/// A convolution with all that is done to its output on the way.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The convolution.
    pub convolution: Convolution,
    /// Whether it has a bias.
    pub has_bias: bool,
    /// The fixed statistics and the ε of a normalisation, if there is one.
    pub normalization: Option<(Moments, f32)>,
    /// Applied last.
    pub activation: Activation,
}

/// Convolutions whose outputs are normalised with fixed statistics and activated on the way: one, or a depthwise one and
/// a 1×1 convolution with stride 1 behind it, whose values in between never leave the cache. The bits are those of the
/// steps one by one. Made for predicting: a backward pass computes them again, one by one.
///
/// Inputs: `x` `[N, H, W, C]`, then for each stage `kernel`, `bias` where it has one, γ and β where it is normalised.
#[derive(Clone, Debug)]
pub struct ConvChain {
    /// The first.
    pub first: Stage,
    /// The 1×1 convolution behind a depthwise one.
    pub pointwise: Option<Stage>,
}

impl Stage {
    fn inputs(&self) -> usize {
        1 + usize::from(self.has_bias) + 2 * usize::from(self.normalization.is_some())
    }

    fn output(&self) -> [usize; 3] {
        match &self.convolution {
            Convolution::Full(g) => g.output(),
            Convolution::Depthwise(g) => g.output(),
        }
    }

    fn bias<'t, T>(&self, own: &'t [T]) -> Option<&'t T> {
        self.has_bias.then(|| &own[1])
    }

    /// What the convolution takes.
    fn arguments<'t, T>(&self, x: &'t T, own: &'t [T]) -> impl Iterator<Item = &'t T> {
        [x, &own[0]].into_iter().chain(self.bias(own))
    }

    /// γ and β.
    fn gamma_and_beta<'t, T>(&self, own: &'t [T]) -> &'t [T] {
        &own[1 + usize::from(self.has_bias)..]
    }

    /// The normalisation as an operation of its own.
    fn normalization(&self) -> Option<BatchNormalization> {
        let (moments, epsilon) = self.normalization.clone()?;
        Some(BatchNormalization { moments, learning: false, epsilon })
    }

    /// Scale and shift of the normalisation.
    fn folded(&self, own: &[&Tensor]) -> Result<Option<[Tensor; 2]>> {
        match (self.normalization(), self.gamma_and_beta(own)) {
            (Some(normalization), [gamma, beta]) => {
                normalization.check(self.output()[2], gamma, beta)?;
                Ok(Some(normalization.folded(gamma, beta)))
            }
            _ => Ok(None),
        }
    }

    fn epilogue<'a>(&self, own: &'a [&Tensor], folded: &'a Option<[Tensor; 2]>) -> Epilogue<'a> {
        Epilogue {
            bias: self.bias(own).map(|bias| bias.data()),
            scale_and_shift: folded.as_ref().map(|[scale, shift]| [scale.data(), shift.data()]),
            activation: self.activation,
        }
    }

    fn one_by_one(&self, tape: &mut Tape, x: &Value, own: &[Value]) -> Result<Value> {
        let arguments: Vec<&Value> = self.arguments(x, own).collect();
        let activation = Activation::Linear;
        let y = match self.convolution {
            Convolution::Full(geometry) => tape.apply(Conv2D { geometry, activation }, &arguments)?,
            Convolution::Depthwise(geometry) => {
                tape.apply(DepthwiseConv2D { geometry, activation }, &arguments)?
            }
        };
        let y = match (self.normalization(), self.gamma_and_beta(own)) {
            (Some(normalization), [gamma, beta]) => tape.apply(normalization, &[&y, gamma, beta])?,
            _ => y,
        };
        match self.activation {
            Activation::Linear => Ok(y),
            Activation::Relu => tape.apply(Relu { maximum: None, guided: false }, &[&y]),
            Activation::ReluUpTo(maximum) => {
                tape.apply(Relu { maximum: Some(maximum), guided: false }, &[&y])
            }
        }
    }

    fn reference(&self, x: &Tensor<f64>, own: &[&Tensor<f64>]) -> Tensor<f64> {
        let arguments: Vec<_> = self.arguments(&x, own).copied().collect();
        let activation = Activation::Linear;
        let mut y = match self.convolution {
            Convolution::Full(geometry) => Conv2D { geometry, activation }.reference(&arguments),
            Convolution::Depthwise(geometry) => {
                DepthwiseConv2D { geometry, activation }.reference(&arguments)
            }
        };
        if let (Some(normalization), [gamma, beta]) = (self.normalization(), self.gamma_and_beta(own)) {
            y = normalization.reference(&[&y, gamma, beta]);
        }
        y.data_mut().iter_mut().for_each(|y| *y = self.activation.apply(*y));
        y
    }
}

const NAME: &str = "ConvChain";

impl ConvChain {
    fn stages(&self) -> impl Iterator<Item = &Stage> {
        [&self.first].into_iter().chain(&self.pointwise)
    }

    /// The inputs behind `x`, stage by stage.
    fn split<'t, T>(&self, inputs: &'t [T]) -> Vec<&'t [T]> {
        let mut rest = &inputs[1..];
        let cut = |stage: &Stage| {
            let (own, behind) = rest.split_at(stage.inputs());
            rest = behind;
            own
        };
        self.stages().map(cut).collect()
    }

    /// The inputs fit, or an error that says which does not.
    fn check(&self, inputs: &[&Tensor]) -> Result<()> {
        let count = 1 + self.stages().map(Stage::inputs).sum::<usize>();
        expect_inputs(NAME, count..=count, inputs.len())?;
        let own = self.split(inputs);
        let arguments: Vec<_> = self.first.arguments(&inputs[INPUT], own[0]).copied().collect();
        match &self.first.convolution {
            Convolution::Full(g) => conv2d::check(NAME, g, &arguments)?,
            Convolution::Depthwise(g) => depthwise_conv2d::check(NAME, g, &arguments)?,
        }
        let Some(pointwise) = &self.pointwise else { return Ok(()) };
        let [height, width, in_channels] = self.first.output();
        let middle = Shape::from([height, width, in_channels]);
        let is_depthwise = matches!(self.first.convolution, Convolution::Depthwise(_));
        let fitting = |g: &full::Geometry| {
            let (out_channels, window) = (g.out_channels, Window::new([1, 1], [1, 1]));
            *g == full::Geometry { height, width, in_channels, out_channels, window }
        };
        match &pointwise.convolution {
            Convolution::Full(g) if is_depthwise && fitting(g) => {
                conv2d::check_weights(NAME, g, own[1][0], pointwise.bias(own[1]).copied())
            }
            _ => expect(false, NAME, || "a 1×1 convolution behind a depthwise one".into(), middle),
        }
    }
}

impl Operation for ConvChain {
    type Saved = Option<Vec<Tensor>>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        self.check(inputs)?;
        let (x, own) = (inputs[INPUT], self.split(inputs));
        let folded: Vec<_> =
            self.stages().zip(&own).map(|(stage, own)| stage.folded(own)).collect::<Result<_>>()?;
        let (kernel, first) = (own[0][0], self.first.epilogue(own[0], &folded[0]));
        let last = self.stages().last().unwrap_or(&self.first);
        let y = written(Shape::from(last.output()).with_first(x.len_first()), |y| {
            match (&self.first.convolution, &self.pointwise) {
                (Convolution::Full(g), _) => {
                    full::forward(g, x.data(), &packed(g, kernel, Direction::Forward, false), &first, y);
                }
                (Convolution::Depthwise(g), Some(Stage { convolution: Convolution::Full(behind), .. })) => {
                    let (pointwise, last) = (
                        packed(behind, own[1][0], Direction::Forward, false),
                        last.epilogue(own[1], &folded[1]),
                    );
                    depthwise::forward_pointwise(g, x.data(), kernel.data(), &first, &pointwise, &last, y);
                }
                (Convolution::Depthwise(g), _) => depthwise::forward(g, x.data(), kernel.data(), &first, y),
            }
        });
        Ok((y, wanted.any().then(|| inputs.iter().map(|&input| input.clone()).collect())))
    }

    fn backward(&self, saved: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(saved) = saved else { return Ok(()) };
        let mut tape = Tape::new();
        let mut inputs = Vec::with_capacity(saved.len());
        for (place, tensor) in saved.into_iter().enumerate() {
            let value = Value::constant(tensor);
            inputs.push(if to.wants(place) { tape.watch(&value, place)? } else { value });
        }
        let mut y = inputs[INPUT].clone();
        for (stage, own) in self.stages().zip(self.split(&inputs)) {
            y = stage.one_by_one(&mut tape, &y, own)?;
        }
        tape.backward(&[(&y, gradient)], |place, gradient| {
            to.give(place, || gradient);
            Ok(())
        })
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let own = self.split(inputs);
        let first = self.first.reference(inputs[INPUT], own[0]);
        self.pointwise.iter().zip(&own[1..]).fold(first, |x, (stage, own)| stage.reference(&x, own))
    }
}
