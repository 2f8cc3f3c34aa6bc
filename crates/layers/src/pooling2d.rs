//! Max- and average-pooling, with a window (chapter 5.1.2) or over the whole picture.

use crate::error::Refusal;
use crate::layer::{Layer, picture};
use crate::pass::Pass;
use crate::settings::{Padding, Pair, check_range, window};
use convnet_autograd::{Value, operations};
use convnet_cpu::pool2d::Geometry;
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

macro_rules! pooling {
    ($(#[$about:meta])* $name:ident, $class:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The window, rows first.
            pub pool_size: Pair,
            /// Pixels between two positions of the window.
            pub strides: Pair,
            /// What surrounds the picture.
            pub padding: Padding,
        }

        impl $name {
            /// Windows that lie side by side (the stride is the window's size), without padding: Keras' defaults.
            pub fn new(pool_size: impl Into<Pair>) -> $name {
                let pool_size = pool_size.into();
                $name { pool_size, strides: pool_size, padding: Padding::Valid }
            }

            /// With this stride.
            pub fn strides(mut self, strides: impl Into<Pair>) -> $name {
                self.strides = strides.into();
                self
            }

            /// With padding `same`.
            pub fn same(mut self) -> $name {
                self.padding = Padding::Same;
                self
            }

            fn geometry(&self, inputs: &[Shape]) -> std::result::Result<Geometry, Refusal> {
                geometry(self.pool_size, self.strides, self.padding, inputs)
            }
        }

        impl Layer for $name {
            const CLASS: &'static str = $class;

            fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
                Ok(Shape::from(self.geometry(inputs)?.output()))
            }

            fn window(&self, inputs: &[Shape]) -> Option<Window> {
                Some(self.geometry(inputs).ok()?.window)
            }

            fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
                let geometry = self.geometry(&[inputs[0].shape().without_first()]);
                let geometry = geometry.map_err(|Refusal(expected)| convnet_tensor::Error::Shape {
                    operation: Self::CLASS.into(),
                    expected,
                    found: inputs[0].shape(),
                })?;
                pass.tape.apply(operations::$name { geometry }, &[&inputs[0]])
            }
        }
    };
}

pooling! {
    /// The largest number in each window: from `[H, W, C]` to `[rows, columns, C]`.
    MaxPooling2D, "MaxPooling2D"
}

pooling! {
    /// The mean of each window, padding not counted: from `[H, W, C]` to `[rows, columns, C]`.
    AveragePooling2D, "AveragePooling2D"
}

fn geometry(
    size: Pair,
    strides: Pair,
    padding: Padding,
    inputs: &[Shape],
) -> std::result::Result<Geometry, Refusal> {
    let [height, width, channels] = picture(inputs)?;
    check_range("the number of channels", &[channels])?;
    let window = window(size, strides, Pair::from(1), padding, [height, width])?;
    let (borders, [tall, wide]) = (window.padding, window.size);
    if borders.top.max(borders.bottom) >= tall || borders.left.max(borders.right) >= wide {
        return Err("a window would lie in the padding alone; pad by less than the window's size".into());
    }
    Ok(Geometry { height, width, channels, window })
}

impl MaxPooling2D {
    /// Whether a convolution before it can do it on the way.
    pub(crate) fn is_two_by_two(&self) -> bool {
        self.pool_size == Pair::from(2) && self.strides == Pair::from(2) && self.padding == Padding::Valid
    }
}

macro_rules! global_pooling {
    ($(#[$about:meta])* $name:ident, $class:literal, $pooled:expr) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Whether the output is still a picture, of one pixel. Model files from before this setting lack it.
            #[serde(default)]
            pub keepdims: bool,
        }

        impl $name {
            /// From pictures to rows of numbers.
            pub fn new() -> $name {
                $name::default()
            }

            /// From pictures to pictures of one pixel, for a 1×1 convolution behind it.
            pub fn keepdims(mut self) -> $name {
                self.keepdims = true;
                self
            }
        }

        impl Layer for $name {
            const CLASS: &'static str = $class;

            fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
                let [_, _, channels] = picture(inputs)?;
                Ok(if self.keepdims { Shape::from([1, 1, channels]) } else { Shape::from([channels]) })
            }

            fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
                let pooled = $pooled(pass, &inputs[0])?;
                let channels = pooled.shape().last().copied().unwrap_or(0);
                let picture =
                    if self.keepdims { Shape::from([1, 1, channels]) } else { Shape::from([channels]) };
                if pooled.shape().without_first() == picture {
                    return Ok(pooled);
                }
                pass.tape.apply(operations::Reshape { picture }, &[&pooled])
            }
        }
    };
}

global_pooling! {
    /// The mean of every channel over the whole picture: from `[H, W, C]` to `[C]`, or `[1, 1, C]` with `keepdims`.
    GlobalAveragePooling2D, "GlobalAveragePooling2D",
    |pass: &mut Pass<'_>, x| pass.tape.apply(operations::GlobalAveragePooling2D, &[x])
}

global_pooling! {
    /// The largest number of every channel in the whole picture: from `[H, W, C]` to `[C]`, or `[1, 1, C]` with `keepdims`.
    /// Of equal ones the first gets the gradient, as in [`MaxPooling2D`] and in PyTorch; Keras divides it among them.
    GlobalMaxPooling2D, "GlobalMaxPooling2D",
    |pass: &mut Pass<'_>, x: &Value| match *x.shape() {
        [_, height, width, channels] => {
            let window = Window::new([height, width], [1, 1]);
            let geometry = Geometry { height, width, channels, window };
            pass.tape.apply(operations::MaxPooling2D { geometry }, &[x])
        }
        _ => Err(convnet_tensor::Error::Shape {
            operation: Self::CLASS.into(),
            expected: "pictures of shape (N, H, W, C)".into(),
            found: x.shape(),
        }),
    }
}
