//! Zeros around pictures as a layer: MobileNet puts it before its convolutions with stride 2.

use crate::error::Refusal;
use crate::layer::{Layer, picture};
use crate::pass::Pass;
use crate::settings::check_range;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::{Borders, Window};
use convnet_cpu::zero_padding2d::Geometry;
use convnet_tensor::{Result, Shape};
use serde::{Deserialize, Serialize};

/// Surrounds pictures with zeros: from `[H, W, C]` to `[top + H + bottom, left + W + right, C]`.
///
/// ```
/// use convnet_layers::{Layer, ZeroPadding2D};
/// use convnet_tensor::Shape;
/// let layer = ZeroPadding2D::new([[0, 1], [0, 1]]);
/// assert_eq!(Layer::output_shape(&layer, &[Shape::from([112, 112, 64])]).unwrap(), Shape::from([113, 113, 64]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroPadding2D {
    /// Pixels, `[[top, bottom], [left, right]]` as in Keras.
    pub padding: [[usize; 2]; 2],
}

impl ZeroPadding2D {
    /// With this many pixels, `[[top, bottom], [left, right]]`.
    pub fn new(padding: [[usize; 2]; 2]) -> ZeroPadding2D {
        ZeroPadding2D { padding }
    }

    /// The padding as borders of a window.
    pub(crate) fn borders(&self) -> Borders {
        let [[top, bottom], [left, right]] = self.padding;
        Borders { top, bottom, left, right }
    }

    fn geometry(&self, inputs: &[Shape]) -> std::result::Result<Geometry, Refusal> {
        let [height, width, channels] = picture(inputs)?;
        for padding in self.padding.as_flattened() {
            // One more than the padding, which may be 0.
            check_range("the padding plus one", &[padding.saturating_add(1)])?;
        }
        Ok(Geometry { height, width, channels, padding: self.borders() })
    }
}

impl Layer for ZeroPadding2D {
    const CLASS: &'static str = "ZeroPadding2D";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        Ok(Shape::from(self.geometry(inputs)?.output()))
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        Some(Window { padding: self.borders(), ..Window::new([1, 1], [1, 1]) })
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        let geometry = self.geometry(&[inputs[0].shape().without_first()]).map_err(|Refusal(expected)| {
            convnet_tensor::Error::Shape { operation: Self::CLASS.into(), expected, found: inputs[0].shape() }
        })?;
        pass.tape.apply(operations::ZeroPadding2D { geometry }, &[&inputs[0]])
    }
}
