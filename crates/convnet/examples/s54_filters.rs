//! Section 5.4: the pictures that excite filters of VGG16 most, by gradient ascent, beside those of random weights.
//!
//! `cargo run --release -p convnet --example s54_filters -- VGG16_NOTOP.h5 block3_conv1`

mod shared;

use convnet::pretrained::Loading;
use convnet::pretrained::zoo::{Top, vgg16};
use convnet::tensor::Seed;
use convnet::visualize::filters::{Ascent, ascend};
use convnet::visualize::honesty::random_twin;
use convnet::visualize::tiles;
use shared::{Result, picture, write};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let weights = arguments.next().ok_or("which file has VGG16's weights without its top?")?;
    let layer = arguments.next().unwrap_or_else(|| "block3_conv1".into());

    let (model, _) = vgg16(150, Top::Without).load(weights, Loading::in_order())?;
    let filters: Vec<usize> = (0..8).collect();
    let recipe = Ascent::better([64, 64]); // or Ascent::book(size, &model.input().pixels)
    for (name, model) in [("trained", &model), ("random", &random_twin(&model, Seed(2))?)] {
        let painted = ascend(model, &layer, &filters, &recipe)?;
        write(&format!("s54_{layer}_{name}.png"), &picture(&tiles(&painted.pictures()?, 4, 4)?)?)?;
    }
    Ok(())
}
