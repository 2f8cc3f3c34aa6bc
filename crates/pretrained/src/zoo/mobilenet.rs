//! MobileNet v1 (Howard and others 2017): depthwise and 1×1 convolutions by turns.

use super::{Entry, Top};
use crate::{Error, Result};
use convnet_layers::{
    Activation, ActivationKind, Architecture, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout,
    GlobalAveragePooling2D, Initializer, InputSpec, ReLU, Reshape, ZeroPadding2D,
};
use convnet_tensor::{Filter, Pixels};

/// Filters of the 1×1 convolution of each block at full width.
const FILTERS: [usize; 13] = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];

/// The blocks that halve the picture.
const HALVING: [usize; 4] = [2, 4, 6, 12];

/// MobileNet, `alpha` times as wide as the published full one, for square pictures of `size` pixels in −1 … 1.
///
/// The base at full width has 3,228,864 parameters. Published weights exist for `alpha` 0.25, 0.5, 0.75 and 1 and for
/// sizes 128, 160, 192 and 224; the base takes any size from 32. Files with 1,001 classes have "background" first.
///
/// # Errors
/// [`Error::Argument`] when `alpha` leaves a layer without filters or is not a sensible number.
///
/// ```
/// use convnet_pretrained::zoo::{Top, mobilenet};
/// use convnet_tensor::Seed;
/// let small = mobilenet(0.25, 128, Top::Classes(1000))?.untrained(Seed(1))?;
/// assert_eq!(small.output_shape().to_string(), "(1000)");
/// # Ok::<(), convnet_pretrained::Error>(())
/// ```
pub fn mobilenet(alpha: f64, size: usize, top: Top) -> Result<Entry> {
    // Keras cuts, it does not round.
    let wide = |filters: usize| (filters as f64 * alpha) as usize;
    if !(alpha.is_finite() && alpha <= 64.0 && wide(32) > 0) {
        return Err(Error::Argument(format!(
            "MobileNet of width {alpha}: it must lie between 1/32 and 64; 0.25, 0.5, 0.75 and 1 are published"
        )));
    }
    let conv = |filters, kernel| {
        Conv2D::new(filters, kernel).same().without_bias().kernel_initializer(Initializer::HeUniform)
    };
    let finished = |network: Architecture, name: &str| {
        network
            .named(format!("{name}_bn"), BatchNormalization::new())
            .named(format!("{name}_relu"), ReLU::up_to(6.0))
    };
    let mut network = finished(Architecture::new().named("conv1", conv(wide(32), 3).strides(2)), "conv1");
    for (block, filters) in (1..).zip(FILTERS) {
        let mut depthwise = DepthwiseConv2D::new(3).same().without_bias();
        if HALVING.contains(&block) {
            network = network.named(format!("conv_pad_{block}"), ZeroPadding2D::new([[0, 1], [0, 1]]));
            depthwise = DepthwiseConv2D::new(3).strides(2).without_bias();
        }
        depthwise.depthwise_initializer = Initializer::HeUniform;
        network = finished(network.named(format!("conv_dw_{block}"), depthwise), &format!("conv_dw_{block}"));
        let pointwise = format!("conv_pw_{block}");
        network = finished(network.named(&*pointwise, conv(wide(filters), 1)), &pointwise);
    }
    if let Top::Classes(classes) = top {
        let scores = Conv2D::new(classes, 1).same().kernel_initializer(Initializer::HeUniform);
        network = network
            .named("global_average_pooling2d", GlobalAveragePooling2D::new().keepdims())
            .named("dropout", Dropout::new(1e-3))
            .named("conv_preds", scores)
            .named("reshape_2", Reshape::new([classes as i64]))
            .named("predictions", Activation::new(ActivationKind::Softmax));
    }
    let mut input = InputSpec::new([size, size, 3]).pixels(Pixels::MinusOneToOne);
    input.filter = Filter::Bicubic;
    let manifest = match (top, size) {
        (Top::Without, _) if alpha == 1.0 => Some("mobilenet"),
        (Top::Classes(_), 128) if alpha == 0.25 => Some("mobilenet_0_25_128"),
        _ => None,
    };
    Ok(Entry {
        name: "mobilenet",
        architecture: network,
        input,
        manifest,
        fine_tune_from: "conv_dw_12",
        shown_layers: ["conv_pw_1", "conv_pw_3", "conv_pw_5", "conv_pw_11"],
        published: None,
    })
}
