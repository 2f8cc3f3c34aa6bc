//! The depthwise convolution layer of MobileNet (Howard and others 2017).

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::layer::{AnyLayer, FinalActivation, Layer, ParameterSpec, Role, picture};
use crate::pass::Pass;
use crate::settings::{ActivationKind, Padding, Pair, check_range, window};
use convnet_autograd::{Value, operations};
use convnet_cpu::depthwise_conv2d::Geometry;
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Moves a small kernel of its own over each channel: from `[H, W, C]` to `[rows, columns, C · depth_multiplier]`. A 1×1
/// [`Conv2D`](crate::Conv2D) behind it mixes the channels; together they cost a fraction of one convolution.
///
/// Parameters: `kernel` `[rows, columns, C, depth_multiplier]` and, unless switched off, `bias` `[C · depth_multiplier]`.
///
/// ```
/// use convnet_layers::{DepthwiseConv2D, Layer};
/// use convnet_tensor::Shape;
/// let layer = DepthwiseConv2D::new(3).same().without_bias();
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([112, 112, 32])]).unwrap(), Shape::from([112, 112, 32]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthwiseConv2D {
    /// Taps of the window, rows first.
    pub kernel_size: Pair,
    /// Pixels between two positions of the window.
    pub strides: Pair,
    /// What surrounds the picture.
    pub padding: Padding,
    /// Pixels between two neighbouring taps.
    pub dilation_rate: Pair,
    /// Channels of the output per channel of the input.
    pub depth_multiplier: usize,
    /// What is applied to the output.
    pub activation: ActivationKind,
    /// Whether a number per channel of the output is added.
    pub use_bias: bool,
    /// How the kernel's first value is drawn.
    pub depthwise_initializer: Initializer,
}

impl DepthwiseConv2D {
    /// One output per channel, stride 1, no padding, a bias and no activation: Keras' defaults.
    pub fn new(kernel_size: impl Into<Pair>) -> DepthwiseConv2D {
        DepthwiseConv2D {
            kernel_size: kernel_size.into(),
            strides: Pair::from(1),
            padding: Padding::Valid,
            dilation_rate: Pair::from(1),
            depth_multiplier: 1,
            activation: ActivationKind::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::default(),
        }
    }

    /// With a ReLU on the output.
    pub fn relu(self) -> DepthwiseConv2D {
        self.activation(ActivationKind::Relu)
    }

    /// With this activation on the output.
    pub fn activation(mut self, activation: ActivationKind) -> DepthwiseConv2D {
        self.activation = activation;
        self
    }

    /// With this stride.
    pub fn strides(mut self, strides: impl Into<Pair>) -> DepthwiseConv2D {
        self.strides = strides.into();
        self
    }

    /// With this padding.
    pub fn padding(mut self, padding: Padding) -> DepthwiseConv2D {
        self.padding = padding;
        self
    }

    /// With padding `same`.
    pub fn same(self) -> DepthwiseConv2D {
        self.padding(Padding::Same)
    }

    /// With this many pixels between taps.
    pub fn dilation(mut self, dilation: impl Into<Pair>) -> DepthwiseConv2D {
        self.dilation_rate = dilation.into();
        self
    }

    /// With this many outputs per channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> DepthwiseConv2D {
        self.depth_multiplier = depth_multiplier;
        self
    }

    /// Without a bias.
    pub fn without_bias(mut self) -> DepthwiseConv2D {
        self.use_bias = false;
        self
    }

    /// The sizes for pictures of this shape.
    ///
    /// # Errors
    /// When the settings or the picture do not fit.
    pub fn geometry(&self, inputs: &[Shape]) -> std::result::Result<Geometry, Refusal> {
        let [height, width, channels] = picture(inputs)?;
        check_range("the depth multiplier", &[self.depth_multiplier])?;
        check_range("the number of channels", &[channels])?;
        let window =
            window(self.kernel_size, self.strides, self.dilation_rate, self.padding, [height, width])?;
        Ok(Geometry { height, width, channels, multiplier: self.depth_multiplier, window })
    }
}

impl Layer for DepthwiseConv2D {
    const CLASS: &'static str = "DepthwiseConv2D";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        Ok(Shape::from(self.geometry(inputs)?.output()))
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let ([rows, columns], channels) = (self.kernel_size.0, inputs[0][2]);
        let spec = |name, shape, initializer| ParameterSpec { name, shape, initializer, role: Role::Weight };
        let kernel = Shape::from([rows, columns, channels, self.depth_multiplier]);
        let mut specs = vec![spec("kernel", kernel, self.depthwise_initializer)];
        if self.use_bias {
            specs.push(spec("bias", Shape::from([channels * self.depth_multiplier]), Initializer::Zeros));
        }
        specs
    }

    fn window(&self, inputs: &[Shape]) -> Option<Window> {
        Some(self.geometry(inputs).ok()?.window)
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let geometry = self.geometry(&[inputs[0].shape().without_first()]).map_err(|Refusal(expected)| {
            convnet_tensor::Error::Shape { operation: Self::CLASS.into(), expected, found: inputs[0].shape() }
        })?;
        let activation = self.activation.fused(pass);
        let arguments: Vec<_> = inputs.iter().chain(weights).collect();
        let y = pass.tape.apply(operations::DepthwiseConv2D { geometry, activation }, &arguments)?;
        self.activation.rest(pass, y)
    }

    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        self.activation.split(self.clone().activation(ActivationKind::Linear))
    }
}
