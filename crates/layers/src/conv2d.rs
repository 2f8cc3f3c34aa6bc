//! The convolution layer (chapter 5.1.1).

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::layer::{AnyLayer, FinalActivation, Layer, ParameterSpec, Role, picture};
use crate::pass::Pass;
use crate::settings::{ActivationKind, Padding, Pair, check_range, window};
use convnet_autograd::{Value, operations};
use convnet_cpu::conv2d::Geometry;
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Moves `filters` small kernels over a picture: from `[H, W, C]` to `[rows, columns, filters]`.
///
/// Parameters: `kernel` `[rows, columns, C / groups, filters]` and, unless switched off, `bias` `[filters]`.
///
/// ```
/// use convnet_layers::{Conv2D, Layer};
/// use convnet_tensor::Shape;
/// let layer = Conv2D::new(32, 3).relu();
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([28, 28, 1])]).unwrap(), Shape::from([26, 26, 32]));
/// let layer = Conv2D::new(64, [5, 3]).strides(2).same();
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([28, 28, 1])]).unwrap(), Shape::from([14, 14, 64]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2D {
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
    /// Into how many groups the channels of input and output are cut; each group of filters sees its group of channels
    /// alone. Both numbers of channels must be multiples of it. Model files from before this setting lack it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
    /// What is applied to the output.
    pub activation: ActivationKind,
    /// Whether a number per filter is added.
    pub use_bias: bool,
    /// How the kernel's first value is drawn.
    pub kernel_initializer: Initializer,
}

impl Conv2D {
    /// A convolution with stride 1, no padding, a bias and no activation: Keras' defaults.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Conv2D {
        Conv2D {
            filters,
            kernel_size: kernel_size.into(),
            strides: Pair::from(1),
            padding: Padding::Valid,
            dilation_rate: Pair::from(1),
            groups: 1,
            activation: ActivationKind::Linear,
            use_bias: true,
            kernel_initializer: Initializer::default(),
        }
    }

    /// With a ReLU on the output.
    pub fn relu(self) -> Conv2D {
        self.activation(ActivationKind::Relu)
    }

    /// With this activation on the output.
    pub fn activation(mut self, activation: ActivationKind) -> Conv2D {
        self.activation = activation;
        self
    }

    /// With this stride.
    pub fn strides(mut self, strides: impl Into<Pair>) -> Conv2D {
        self.strides = strides.into();
        self
    }

    /// With this padding.
    pub fn padding(mut self, padding: Padding) -> Conv2D {
        self.padding = padding;
        self
    }

    /// With padding `same`.
    pub fn same(self) -> Conv2D {
        self.padding(Padding::Same)
    }

    /// With this many pixels between taps.
    pub fn dilation(mut self, dilation: impl Into<Pair>) -> Conv2D {
        self.dilation_rate = dilation.into();
        self
    }

    /// In so many groups of channels (ResNeXt, Xie and others 2017).
    ///
    /// ```
    /// use convnet_layers::{Conv2D, Layer};
    /// use convnet_tensor::Shape;
    /// let kernel = |layer: Conv2D| Layer::parameters(&layer, &[Shape::from([28, 28, 32])])[0].shape;
    /// assert_eq!(kernel(Conv2D::new(64, 3)), Shape::from([3, 3, 32, 64]));
    /// assert_eq!(kernel(Conv2D::new(64, 3).groups(8)), Shape::from([3, 3, 4, 64]));
    /// ```
    pub fn groups(mut self, groups: usize) -> Conv2D {
        self.groups = groups;
        self
    }

    /// Without a bias.
    pub fn without_bias(mut self) -> Conv2D {
        self.use_bias = false;
        self
    }

    /// With first values of the kernel drawn this way.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Conv2D {
        self.kernel_initializer = initializer;
        self
    }

    /// The sizes for pictures of this shape; of several groups, those of the convolution of one.
    ///
    /// # Errors
    /// When the settings or the picture do not fit.
    pub fn geometry(&self, inputs: &[Shape]) -> std::result::Result<Geometry, Refusal> {
        let [height, width, channels] = picture(inputs)?;
        check_range("the number of filters", &[self.filters])?;
        check_range("the number of channels", &[channels])?;
        check_range("the number of groups", &[self.groups])?;
        if ![channels, self.filters].iter().all(|all| all.is_multiple_of(self.groups)) {
            return Err(Refusal::new(
                format_args!("channels and filters that {} groups divide", self.groups),
                format_args!("{channels} channels and {} filters", self.filters),
                "choose groups that divide both",
            ));
        }
        let window =
            window(self.kernel_size, self.strides, self.dilation_rate, self.padding, [height, width])?;
        let (in_channels, out_channels) = (channels / self.groups, self.filters / self.groups);
        Ok(Geometry { height, width, in_channels, out_channels, window })
    }

    fn geometry_of(&self, x: &Value) -> Result<Geometry> {
        self.geometry(&[x.shape().without_first()]).map_err(|Refusal(expected)| {
            convnet_tensor::Error::Shape { operation: Self::CLASS.into(), expected, found: x.shape() }
        })
    }

    /// Convolution and the 2×2 max-pooling behind it in one: same bits, a quarter of the memory.
    pub(crate) fn forward_pooled(&self, pass: &mut Pass<'_>, x: &Value, weights: &[Value]) -> Result<Value> {
        let activation = self.activation.fused(pass);
        let operation = operations::ConvPool2D { geometry: self.geometry_of(x)?, activation };
        pass.tape.apply(operation, &[x].into_iter().chain(weights).collect::<Vec<_>>())
    }
}

impl Layer for Conv2D {
    const CLASS: &'static str = "Conv2D";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        let [rows, columns, _] = self.geometry(inputs)?.output();
        Ok(Shape::from([rows, columns, self.filters]))
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let [rows, columns] = self.kernel_size.0;
        let shape = Shape::from([rows, columns, inputs[0][2] / self.groups, self.filters]);
        let mut specs = vec![ParameterSpec {
            name: "kernel",
            shape,
            initializer: self.kernel_initializer,
            role: Role::Weight,
        }];
        if self.use_bias {
            let shape = Shape::from([self.filters]);
            specs.push(ParameterSpec {
                name: "bias",
                shape,
                initializer: Initializer::Zeros,
                role: Role::Weight,
            });
        }
        specs
    }

    fn window(&self, inputs: &[Shape]) -> Option<Window> {
        Some(self.geometry(inputs).ok()?.window)
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let (geometry, activation) = (self.geometry_of(&inputs[0])?, self.activation.fused(pass));
        let arguments: Vec<_> = inputs.iter().chain(weights).collect();
        let y = match self.groups {
            1 => pass.tape.apply(operations::Conv2D { geometry, activation }, &arguments),
            groups => pass.tape.apply(operations::GroupedConv2D { geometry, groups, activation }, &arguments),
        };
        self.activation.rest(pass, y?)
    }

    fn prepare(&self, inputs: &[Shape], weights: &[Tensor], input_gradient: bool) {
        if let (1, Ok(geometry)) = (self.groups, self.geometry(inputs)) {
            operations::Conv2D::prepare(&geometry, &weights[0], input_gradient);
        }
    }

    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        self.activation.split(self.clone().activation(ActivationKind::Linear))
    }
}

/// The groups of files that do not name them.
fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_one(groups: &usize) -> bool {
    *groups == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_divide_channels_and_filters() {
        let of = |groups| {
            Layer::output_shape(&Conv2D::new(6, 3).groups(groups), &[Shape::from([5, 5, 4])])
                .map_err(|Refusal(message)| message)
        };
        assert_eq!(of(2), Ok(Shape::from([3, 3, 6])));
        let refused = "takes channels and filters that 3 groups divide, but gets 4 channels and 6 filters";
        assert!(of(3).unwrap_err().starts_with(refused), "{:?}", of(3));
        assert!(of(4).is_err() && of(0).is_err());
    }

    #[test]
    fn files_without_groups_are_read() {
        let layer = Conv2D::new(4, 3);
        let json = serde_json::to_value(&layer).unwrap();
        assert!(json.get("groups").is_none());
        assert_eq!(serde_json::from_value::<Conv2D>(json).unwrap(), layer);
        let layer = layer.groups(2);
        assert_eq!(serde_json::from_value::<Conv2D>(serde_json::to_value(&layer).unwrap()).unwrap(), layer);
    }
}
