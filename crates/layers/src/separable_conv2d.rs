//! The separable convolution layer (Xception, Chollet 2017): a depthwise convolution and a 1×1 convolution in one.

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::layer::{AnyLayer, FinalActivation, Layer, ParameterSpec, Role, picture};
use crate::pass::Pass;
use crate::settings::{ActivationKind, Padding, Pair, check_range, window};
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_cpu::{conv2d, depthwise_conv2d};
use convnet_tensor::{Result, Shape, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Convolves each channel by itself, then mixes the channels of each pixel: from `[H, W, C]` to `[rows, columns, filters]`
/// for a fraction of a [`Conv2D`](crate::Conv2D)'s products. Nothing stands between the two; a
/// [`DepthwiseConv2D`](crate::DepthwiseConv2D) and a 1×1 convolution of their own may have an activation there.
///
/// Parameters: `depthwise_kernel` `[rows, columns, C, depth_multiplier]`, `pointwise_kernel` `[1, 1, C · depth_multiplier,
/// filters]` and, unless switched off, `bias` `[filters]`.
///
/// ```
/// use convnet_layers::{Layer, SeparableConv2D};
/// use convnet_tensor::Shape;
/// let layer = SeparableConv2D::new(64, 3).same().relu();
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([28, 28, 32])]).unwrap(), Shape::from([28, 28, 64]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeparableConv2D {
    /// Channels of the output.
    pub filters: usize,
    /// Taps of the window, rows first.
    pub kernel_size: Pair,
    /// Pixels between two positions of the window.
    pub strides: Pair,
    /// What surrounds the picture.
    pub padding: Padding,
    /// Pixels between two neighbouring taps.
    pub dilation_rate: Pair,
    /// Channels between the two convolutions per channel of the input.
    pub depth_multiplier: usize,
    /// What is applied to the output.
    pub activation: ActivationKind,
    /// Whether a number per filter is added.
    pub use_bias: bool,
    /// How the depthwise kernel's first value is drawn.
    pub depthwise_initializer: Initializer,
    /// How the pointwise kernel's first value is drawn.
    pub pointwise_initializer: Initializer,
}

impl SeparableConv2D {
    /// A separable convolution with stride 1, no padding, a bias and no activation: Keras' defaults.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> SeparableConv2D {
        SeparableConv2D {
            filters,
            kernel_size: kernel_size.into(),
            strides: Pair::from(1),
            padding: Padding::Valid,
            dilation_rate: Pair::from(1),
            depth_multiplier: 1,
            activation: ActivationKind::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::default(),
            pointwise_initializer: Initializer::default(),
        }
    }

    /// With a ReLU on the output.
    pub fn relu(self) -> SeparableConv2D {
        self.activation(ActivationKind::Relu)
    }

    /// With this activation on the output.
    pub fn activation(mut self, activation: ActivationKind) -> SeparableConv2D {
        self.activation = activation;
        self
    }

    /// With this stride.
    pub fn strides(mut self, strides: impl Into<Pair>) -> SeparableConv2D {
        self.strides = strides.into();
        self
    }

    /// With this padding.
    pub fn padding(mut self, padding: Padding) -> SeparableConv2D {
        self.padding = padding;
        self
    }

    /// With padding `same`.
    pub fn same(self) -> SeparableConv2D {
        self.padding(Padding::Same)
    }

    /// With this many pixels between taps.
    pub fn dilation(mut self, dilation: impl Into<Pair>) -> SeparableConv2D {
        self.dilation_rate = dilation.into();
        self
    }

    /// With this many channels between the two convolutions per channel of the input.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> SeparableConv2D {
        self.depth_multiplier = depth_multiplier;
        self
    }

    /// Without a bias.
    pub fn without_bias(mut self) -> SeparableConv2D {
        self.use_bias = false;
        self
    }

    /// The sizes of both convolutions for pictures of this shape.
    fn geometries(
        &self,
        inputs: &[Shape],
    ) -> std::result::Result<(depthwise_conv2d::Geometry, conv2d::Geometry), Refusal> {
        let [height, width, channels] = picture(inputs)?;
        check_range("the number of filters", &[self.filters])?;
        check_range("the number of channels", &[channels])?;
        check_range("the depth multiplier", &[self.depth_multiplier])?;
        check_range("the number of channels between the convolutions", &[channels * self.depth_multiplier])?;
        let window =
            window(self.kernel_size, self.strides, self.dilation_rate, self.padding, [height, width])?;
        let multiplier = self.depth_multiplier;
        let depthwise = depthwise_conv2d::Geometry { height, width, channels, multiplier, window };
        let [height, width, in_channels] = depthwise.output();
        let window = Window::new([1, 1], [1, 1]);
        Ok((depthwise, conv2d::Geometry { height, width, in_channels, out_channels: self.filters, window }))
    }
}

impl Layer for SeparableConv2D {
    const CLASS: &'static str = "SeparableConv2D";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        Ok(Shape::from(self.geometries(inputs)?.1.output()))
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let ([rows, columns], channels) = (self.kernel_size.0, inputs[0][2]);
        let spec = |name, shape, initializer| ParameterSpec { name, shape, initializer, role: Role::Weight };
        let depthwise = Shape::from([rows, columns, channels, self.depth_multiplier]);
        let pointwise = Shape::from([1, 1, channels * self.depth_multiplier, self.filters]);
        let mut specs = vec![
            spec("depthwise_kernel", depthwise, self.depthwise_initializer),
            spec("pointwise_kernel", pointwise, self.pointwise_initializer),
        ];
        if self.use_bias {
            specs.push(spec("bias", Shape::from([self.filters]), Initializer::Zeros));
        }
        specs
    }

    fn window(&self, inputs: &[Shape]) -> Option<Window> {
        Some(self.geometries(inputs).ok()?.0.window)
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let x = &inputs[0];
        let (depthwise, pointwise) =
            self.geometries(&[x.shape().without_first()]).map_err(|Refusal(expected)| {
                convnet_tensor::Error::Shape { operation: Self::CLASS.into(), expected, found: x.shape() }
            })?;
        let linear = operations::Activation::Linear;
        let depthwise = operations::DepthwiseConv2D { geometry: depthwise, activation: linear };
        let between = pass.tape.apply(depthwise, &[x, &weights[0]])?;
        let activation = self.activation.fused(pass);
        let arguments: Vec<_> = [&between].into_iter().chain(&weights[1..]).collect();
        let y = pass.tape.apply(operations::Conv2D { geometry: pointwise, activation }, &arguments)?;
        self.activation.rest(pass, y)
    }

    fn prepare(&self, inputs: &[Shape], weights: &[Tensor], input_gradient: bool) {
        if let Ok((_, pointwise)) = self.geometries(inputs) {
            operations::Conv2D::prepare(&pointwise, &weights[1], input_gradient);
        }
    }

    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        self.activation.split(self.clone().activation(ActivationKind::Linear))
    }
}
