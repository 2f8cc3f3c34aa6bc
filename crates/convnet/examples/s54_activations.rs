//! Section 5.4: what the layers of the network of `s52_from_scratch` make of a picture, and which of their channels are dead.
//!
//! `cargo run --release -p convnet --example s54_activations -- FOLDER_WITH_TRAIN_VALIDATION_TEST`

mod shared;

use convnet::prelude::*;
use convnet::visualize::activations::{ChannelStatistics, activations, grid};
use shared::{Result, cats_and_dogs, made, numbers, picture, write};

fn main() -> Result<()> {
    let model = Model::load(made("cats_and_dogs.safetensors")?, &LayerClasses::builtin())?;
    let [.., test] = cats_and_dogs(std::env::args().nth(1), 150)?;
    let some = test.subset(test.len().min(100), Seed(1))?;
    write("s54_picture.png", &picture(&some.picture(0)?)?)?;

    let layers: Vec<&str> =
        model.layers().map(|(path, _)| path).filter(|path| path.starts_with("conv")).collect();
    let maps = activations(&model, &numbers(&some, 1, &model)?, &layers)?;
    for (layer, maps) in layers.iter().zip(&maps) {
        write(&format!("s54_{layer}.png"), &picture(&grid(maps, 16)?)?)?;
        let mut statistics = ChannelStatistics::new(*layer);
        statistics.add(&model, &numbers(&some, some.len(), &model)?)?;
        println!("{layer}: {} of {} channels dead", statistics.dead().len(), statistics.channels());
    }
    Ok(())
}
