//! Section 5.4: where the network of `s52_from_scratch` saw a cat or a dog, and what random weights would have shown.
//!
//! `cargo run --release -p convnet --example s54_heatmap -- FOLDER_WITH_TRAIN_VALIDATION_TEST`

mod shared;

use convnet::prelude::*;
use convnet::visualize::heatmaps::{Cam, Method};
use convnet::visualize::honesty::{random_twin, twin};
use convnet::visualize::{Blend, ColourMap, Target, overlay};
use convnet_report::grid;
use shared::{Result, cats_and_dogs, made, numbers, picture, write};

fn main() -> Result<()> {
    let model = Model::load(made("cats_and_dogs.safetensors")?, &LayerClasses::builtin())?;
    let [.., test] = cats_and_dogs(std::env::args().nth(1), 150)?;
    let some = test.subset(6, Seed(1))?;
    let x = numbers(&some, some.len(), &model)?;

    let method = Method::Cam(Cam::grad_cam());
    let random = random_twin(&model, Seed(2))?;
    let found = twin(&method, &model, &random, &x, "conv2d_3", &Target::predicted())?;
    let mut rows = [const { Vec::new() }; 3];
    for number in 0..some.len() {
        let seen = some.picture(number)?;
        rows[0].push(picture(&seen)?);
        for (row, heat) in [(1, &found.heat), (2, &found.random)] {
            let heat = heat.rows(number..number + 1).reshaped([150, 150])?;
            rows[row].push(picture(&overlay(&seen, &heat, ColourMap::Inferno, Blend::Mixed(0.5))?)?);
        }
        println!("picture {number}: {:.2} like its twin of random weights", found.likeness[number]);
    }
    write("s54_heatmaps.png", &grid(&rows.concat(), some.len(), 4)?)
}
