//! VGG16 (Simonyan and Zisserman 2014): the chapter's pretrained base.

use super::{Entry, Top};
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, Initializer, InputSpec, MaxPooling2D};
use convnet_tensor::Pixels;

/// Filters and number of convolutions of each block.
const BLOCKS: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];

/// VGG16 for square pictures of `size` pixels, in caffe's pixels.
///
/// The base has 14,714,688 parameters and takes any size from 32; with the top for 1,000 classes it has 138,357,544 and
/// its published weights need 224.
///
/// ```
/// use convnet_pretrained::zoo::{Top, vgg16};
/// use convnet_tensor::Seed;
/// let base = vgg16(150, Top::Without).untrained(Seed(1))?;
/// assert_eq!(base.output_shape().to_string(), "(4, 4, 512)");
/// # Ok::<(), convnet_pretrained::Error>(())
/// ```
pub fn vgg16(size: usize, top: Top) -> Entry {
    let mut network = Architecture::new();
    for (block, (filters, layers)) in (1..).zip(BLOCKS) {
        for layer in 1..=layers {
            let conv = Conv2D::new(filters, 3).same().relu().kernel_initializer(Initializer::HeUniform);
            network = network.named(format!("block{block}_conv{layer}"), conv);
        }
        network = network.named(format!("block{block}_pool"), MaxPooling2D::new(2));
    }
    let mut manifest = "vgg16_notop";
    if let Top::Classes(classes) = top {
        let dense = |units| Dense::new(units).kernel_initializer(Initializer::HeUniform);
        network = network
            .named("flatten", Flatten::new())
            .named("fc1", dense(4096).relu())
            .named("fc2", dense(4096).relu())
            .named("predictions", dense(classes).softmax());
        manifest = "vgg16";
    }
    let input = InputSpec::new([size, size, 3]).pixels(Pixels::CaffeBgr);
    Entry {
        name: "vgg16",
        architecture: network,
        input,
        manifest: Some(manifest),
        fine_tune_from: "block5_conv1",
        shown_layers: ["block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1"],
        published: None,
    }
}
