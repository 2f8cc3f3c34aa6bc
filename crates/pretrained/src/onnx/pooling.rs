//! Poolings of ONNX: over windows, and over whole pictures.

use super::import::{Flow, Importer, Kind, behind, whole, wholes};
use super::scan::Node;
use super::windows::{self, ceil_padding};
use crate::stored::Layout;
use convnet_layers::layer::AnyLayer;
use convnet_layers::{
    AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D, Padding, Pair, ZeroPadding2D,
};
use std::sync::Arc;

const NO_PICTURES: &str = "pools something else than pictures, which is not supported";

impl Importer<'_> {
    pub(super) fn pooling(&mut self, node: &Node) -> Result<Flow, String> {
        let Some(&[rows, columns]) = wholes(node, "kernel_shape") else {
            return Err("`kernel_shape` is not rows and columns".into());
        };
        let size = windows::pair("kernel_shape", &[rows, columns])?;
        let window = self.window(node, size.0)?;
        if window.dilations != Pair::from(1) {
            return Err("pooling with gaps between its taps is not supported".into());
        }
        let counts_padding = whole(node, "count_include_pad", 0) != 0;
        let rounds_up = whole(node, "ceil_mode", 0) != 0;
        let largest = node.operation == "MaxPool";
        let Some((mut source, mut shape)) = self.picture(node, 0)? else { return Ok(Flow::Refused) };
        let mut padding = window.padding(shape)?;
        if rounds_up {
            let wider = ceil_padding(padding, size, window.strides, shape)?;
            if wider != padding && !largest {
                return Err(
                    "an average over windows that reach over the edge (`ceil_mode`) is not supported".into(),
                );
            }
            padding = wider;
        }
        let emit = |this: &mut Self,
                    layer: Arc<dyn AnyLayer>,
                    source: &mut String,
                    shape: &mut [Option<usize>; 3]| {
            *shape = behind(&*layer, *shape, shape[2]);
            let from = std::mem::take(source);
            *source = this.emit(node, Kind::Other(layer), vec![from], Vec::new(), Layout::default());
        };
        if largest {
            let mut layer = MaxPooling2D::new(size).strides(window.strides);
            layer.padding = padding;
            emit(self, Arc::new(layer), &mut source, &mut shape);
        } else {
            // Zeros around the picture count in PyTorch's default.
            if let (true, Padding::Explicit([top, bottom, left, right])) = (counts_padding, padding) {
                let zeros = ZeroPadding2D::new([[top, bottom], [left, right]]);
                emit(self, Arc::new(zeros), &mut source, &mut shape);
                padding = Padding::Valid;
            }
            let mut layer = AveragePooling2D::new(size).strides(window.strides);
            layer.padding = padding;
            emit(self, Arc::new(layer), &mut source, &mut shape);
        }
        Ok(Flow::Picture { source, shape, channels_last: false })
    }

    /// The mean or the largest number of each channel of whole pictures.
    pub(super) fn global(&mut self, node: &Node, keepdims: bool) -> Result<Flow, String> {
        match self.flow(node, 0)? {
            Flow::Picture { source, shape: [.., channels], channels_last } => {
                let layer: Arc<dyn AnyLayer> = match &*node.operation {
                    "GlobalMaxPool" | "ReduceMax" => Arc::new(GlobalMaxPooling2D { keepdims }),
                    _ => Arc::new(GlobalAveragePooling2D { keepdims }),
                };
                let source = self.emit(node, Kind::Other(layer), vec![source], Vec::new(), Layout::default());
                Ok(if keepdims {
                    Flow::Picture { source, shape: [Some(1), Some(1), channels], channels_last }
                } else {
                    Flow::Row { source, size: channels, by_channel: false }
                })
            }
            Flow::Refused => Ok(Flow::Refused),
            _ => Err(NO_PICTURES.into()),
        }
    }

    /// A mean or a maximum over height and width, as exporters write global pooling.
    pub(super) fn reduction(&mut self, node: &Node) -> Result<Flow, String> {
        let axes = match wholes(node, "axes") {
            Some(axes) => axes.to_vec(),
            None => self.few_wholes(node, 1)?.unwrap_or_default(),
        };
        let keepdims = whole(node, "keepdims", 1) != 0;
        let last = match self.flow(node, 0)? {
            Flow::Picture { channels_last, .. } => channels_last,
            Flow::Refused => return Ok(Flow::Refused),
            _ => return Err(NO_PICTURES.into()),
        };
        let mut axes: Vec<_> = axes.iter().map(|axis| axis.rem_euclid(4)).collect();
        axes.sort_unstable();
        if axes != if last { [1, 2] } else { [2, 3] } {
            return Err("other axes than height and width are not supported".into());
        }
        self.global(node, keepdims)
    }
}
