//! Section 5.2: the same cats and dogs, never twice the same way, and dropout.
//!
//! `cargo run --release -p convnet --example s52_augmented -- FOLDER_WITH_TRAIN_VALIDATION_TEST`

mod shared;

use convnet::data::Augment;
use convnet::prelude::*;
use convnet_report::grid;
use shared::{Result, cats_and_dogs, numbers, picture, tell, write};

/// The chapter has 100.
const EPOCHS: usize = 10;

fn main() -> Result<()> {
    let [train, validation, test] = cats_and_dogs(std::env::args().nth(1), 150)?;
    let mut architecture = Architecture::new();
    for filters in [32, 64, 128, 128] {
        architecture = architecture.add(Conv2D::new(filters, 3).relu()).add(MaxPooling2D::new(2));
    }
    let architecture = architecture
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(512).relu())
        .add(Dense::new(1).sigmoid());
    let input = InputSpec::new([150, 150, 3]).classes(train.classes().to_vec());
    let mut model = Model::new(architecture, input, Seed(1))?;

    // Validation and test pictures stay as they are.
    let train = train.augmented(Augment::chapter5(), Seed(1))?;
    let mut ways = Vec::new();
    for seed in 0..6 {
        let one = train.unaugmented().take(1).augmented(Augment::chapter5(), Seed(seed))?;
        let bytes =
            numbers(&one, 1, &model)?.data().iter().map(|number| (number * 255.0).round() as u8).collect();
        ways.push(picture(&Tensor::from_vec([150, 150, 3], bytes)?)?);
    }
    write("s52_one_picture_six_ways.png", &grid(&ways, 3, 4)?)?;

    let loss = Loss::binary_crossentropy();
    let optimizer = RmsProp { learning_rate: 1e-4, ..RmsProp::default() };
    let settings =
        Fit { epochs: EPOCHS, batch_size: 32, steps_per_epoch: Some(100), ..Fit::new(loss, optimizer) };
    fit(&mut model, &train, Some(&validation), &settings, None, &mut tell)?;
    println!("test accuracy {:.3}", evaluate(&model, &test, loss, 50)?.accuracy);
    Ok(())
}
