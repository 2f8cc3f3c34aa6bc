//! EfficientNet-Lite0 (Tan and Le 2019; the Lite variants of 2020): inverted residual blocks with ReLU6, without the
//! squeeze-and-excitation of the other EfficientNets.

use super::{Entry, Top};
use convnet_layers::{
    Add, Architecture, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Dropout, GlobalAveragePooling2D,
    Initializer, InputSpec, ReLU,
};
use convnet_tensor::{Filter, Fit, Pixels};

/// Blocks that follow each other with the same window.
struct Stage {
    blocks: u8,
    kernel: usize,
    /// Of the first block; the others have 1.
    stride: usize,
    /// How many times as wide the depthwise convolution is as what comes in.
    expansion: usize,
    filters: usize,
}

const fn stage(blocks: u8, kernel: usize, stride: usize, expansion: usize, filters: usize) -> Stage {
    Stage { blocks, kernel, stride, expansion, filters }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

/// Channels behind the first convolution and before the classifier.
const STEM: usize = 32;
const HEAD: usize = 1280;

/// EfficientNet-Lite0 for square pictures of `size` pixels in −1 … 1, under the layer names that Keras gives its
/// EfficientNets.
///
/// The base has 3,413,024 parameters and takes any size from 32; the published weights, a state dict of PyTorch, were trained
/// at 224. [`Entry::load`] knows what its layers are called there. The stochastic depth of its training is left out: it
/// changes nothing when predicting.
///
/// ```
/// use convnet_pretrained::zoo::{Top, efficientnet_lite0};
/// use convnet_tensor::Seed;
/// let model = efficientnet_lite0(224, Top::Classes(1000)).untrained(Seed(1))?;
/// assert_eq!(model.output_shape().to_string(), "(1000)");
/// # Ok::<(), convnet_pretrained::Error>(())
/// ```
pub fn efficientnet_lite0(size: usize, top: Top) -> Entry {
    let mut network = finished(
        Architecture::new().named("stem_conv", conv(STEM, 3).strides(2)),
        "stem_bn",
        "stem_activation",
    );
    let (mut channels, mut last) = (STEM, "stem_activation".to_string());
    for (number, stage) in (1..).zip(&STAGES) {
        for place in 0..stage.blocks {
            let name = block(number, place);
            let stride = if place == 0 { stage.stride } else { 1 };
            if stage.expansion > 1 {
                network = network.named(format!("{name}_expand_conv"), conv(channels * stage.expansion, 1));
                network =
                    finished(network, &format!("{name}_expand_bn"), &format!("{name}_expand_activation"));
            }
            let mut depthwise = DepthwiseConv2D::new(stage.kernel).strides(stride).same().without_bias();
            depthwise.depthwise_initializer = Initializer::HeUniform;
            network = network.named(format!("{name}_dwconv"), depthwise);
            network = finished(network, &format!("{name}_bn"), &format!("{name}_activation"));
            let projected = format!("{name}_project_bn");
            network = network
                .named(format!("{name}_project_conv"), conv(stage.filters, 1))
                .named(&*projected, BatchNormalization::new());
            // A block that changes neither size nor width adds what came in.
            last = if stride == 1 && channels == stage.filters {
                let sum = format!("{name}_add");
                network = network.join(&*sum, Add::new(), &[&projected, &last]);
                sum
            } else {
                projected
            };
            channels = stage.filters;
        }
    }
    network = finished(network.named("top_conv", conv(HEAD, 1)), "top_bn", "top_activation");
    if let Top::Classes(classes) = top {
        network = network
            .named("avg_pool", GlobalAveragePooling2D::new())
            .named("top_dropout", Dropout::new(0.2))
            .named("predictions", Dense::new(classes).softmax());
    }
    let mut input = InputSpec::new([size, size, 3]).pixels(Pixels::MinusOneToOne);
    (input.fit, input.filter) = (Fit::Crop, Filter::Bicubic);
    Entry {
        name: "efficientnet_lite0",
        architecture: network,
        input,
        manifest: Some("efficientnet_lite0"),
        fine_tune_from: "block7a_expand_conv",
        shown_layers: [
            "block2b_project_conv",
            "block3b_project_conv",
            "block5c_project_conv",
            "block7a_project_conv",
        ],
        published: Some(published),
    }
}

fn conv(filters: usize, kernel: usize) -> Conv2D {
    Conv2D::new(filters, kernel).same().without_bias().kernel_initializer(Initializer::HeUniform)
}

/// With the normalisation and the activation that stand behind a convolution.
fn finished(network: Architecture, normalization: &str, activation: &str) -> Architecture {
    network.named(normalization, BatchNormalization::new()).named(activation, ReLU::up_to(6.0))
}

/// `block2b` for the second block of stage 2.
fn block(stage: usize, place: u8) -> String {
    format!("block{stage}{}", char::from(b'a' + place))
}

/// What a layer of the published state dict is called here; other names stay.
fn published(path: &str) -> String {
    let outside = match path {
        "_conv_stem" => Some("stem_conv"),
        "_bn0" => Some("stem_bn"),
        "_conv_head" => Some("top_conv"),
        "_bn1" => Some("top_bn"),
        "_fc" => Some("predictions"),
        _ => None,
    };
    let inside = || {
        let (number, layer) = path.strip_prefix("_blocks.")?.split_once('.')?;
        let mut blocks = (1..)
            .zip(&STAGES)
            .flat_map(|(number, stage)| (0..stage.blocks).map(move |place| block(number, place)));
        let layer = match layer {
            "_expand_conv" => "expand_conv",
            "_bn0" => "expand_bn",
            "_depthwise_conv" => "dwconv",
            "_bn1" => "bn",
            "_project_conv" => "project_conv",
            "_bn2" => "project_bn",
            _ => return None,
        };
        Some(format!("{}_{layer}", blocks.nth(number.parse().ok()?)?))
    };
    outside.map(String::from).or_else(inside).unwrap_or_else(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_the_published_file_are_known() {
        for (path, name) in [
            ("_conv_stem", "stem_conv"),
            ("_blocks.0._depthwise_conv", "block1a_dwconv"),
            ("_blocks.2._expand_conv", "block2b_expand_conv"),
            ("_blocks.4._bn2", "block3b_project_bn"),
            ("_blocks.15._bn0", "block7a_expand_bn"),
            ("_blocks.16._bn0", "_blocks.16._bn0"),
            ("_blocks.1._se", "_blocks.1._se"),
            ("features.0", "features.0"),
        ] {
            assert_eq!(published(path), name);
        }
    }
}
