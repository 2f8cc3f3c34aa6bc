//! mini-VGG: the project's own base, a small VGG trained on scenes that the program paints.

use super::{Entry, Top};
use convnet_layers::{
    Architecture, Conv2D, Dense, GlobalAveragePooling2D, Initializer, InputSpec, MaxPooling2D,
};
use convnet_tensor::Pixels;

/// Filters and number of convolutions of each block: where maps are largest one convolution has to do.
const BLOCKS: [(usize, usize); 5] = [(16, 1), (32, 2), (64, 2), (128, 2), (128, 2)];

/// The ears of its creatures. None are pointed or round as in the stand-in for cats and dogs, which asks for nothing else.
const EARS: [&str; 8] = [
    "drooping-eared",
    "long-eared",
    "stalked-eared",
    "curved-eared",
    "forked-eared",
    "folded-eared",
    "barred-eared",
    "earless",
];

/// Their markings.
const MARKINGS: [&str; 4] = ["plain", "striped", "spotted", "patched"];

/// The things, whatever their markings.
const THINGS: [&str; 6] = ["stone", "branch", "cone", "bush", "horned lump", "knobbed lump"];

/// How many classes mini-VGG was trained on.
pub const MINI_VGG_CLASSES: usize = EARS.len() * MARKINGS.len() + THINGS.len();

/// The names of the classes that mini-VGG was trained on, in the order of its outputs: creatures with each form of ears and each
/// of the markings, then things.
pub fn mini_vgg_classes() -> Vec<String> {
    let marked = |ears| MARKINGS.map(|markings| format!("{markings} {ears} creature"));
    EARS.into_iter().flat_map(marked).chain(THINGS.map(String::from)).collect()
}

/// mini-VGG for square pictures of `size` pixels in −1 … 1.
///
/// The base has 586,368 parameters and takes any size from 32; `cargo xtask pretrain` trains it on pictures of 64, with the
/// top for [`MINI_VGG_CLASSES`] classes, whose names it then carries. The weights come with `convnet-datasets`, as
/// `MINI_VGG`, for [`Entry::load_bytes`].
///
/// ```
/// use convnet_pretrained::zoo::{MINI_VGG_CLASSES, Top, mini_vgg};
/// use convnet_tensor::Seed;
/// let model = mini_vgg(64, Top::Classes(MINI_VGG_CLASSES)).untrained(Seed(1))?;
/// assert_eq!(model.input().classes[0], "plain drooping-eared creature");
/// # Ok::<(), convnet_pretrained::Error>(())
/// ```
pub fn mini_vgg(size: usize, top: Top) -> Entry {
    let mut network = Architecture::new();
    for (block, (filters, layers)) in (1..).zip(BLOCKS) {
        for layer in 1..=layers {
            let conv = Conv2D::new(filters, 3).same().relu().kernel_initializer(Initializer::HeUniform);
            network = network.named(format!("block{block}_conv{layer}"), conv);
        }
        network = network.named(format!("block{block}_pool"), MaxPooling2D::new(2));
    }
    let mut input = InputSpec::new([size, size, 3]).pixels(Pixels::MinusOneToOne);
    if let Top::Classes(classes) = top {
        network = network
            .named("global_average_pooling2d", GlobalAveragePooling2D::new())
            .named("predictions", Dense::new(classes).softmax());
        if classes == MINI_VGG_CLASSES {
            input = input.classes(mini_vgg_classes());
        }
    }
    Entry {
        name: "mini_vgg",
        architecture: network,
        input,
        manifest: None,
        fine_tune_from: "block5_conv1",
        shown_layers: ["block1_conv1", "block2_conv2", "block3_conv2", "block4_conv2"],
        published: None,
    }
}
