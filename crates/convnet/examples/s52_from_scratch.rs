//! Section 5.2: cats and dogs from 2,000 pictures, and how the network learns them by heart.
//!
//! `cargo run --release -p convnet --example s52_from_scratch -- FOLDER_WITH_TRAIN_VALIDATION_TEST`

mod shared;

use convnet::prelude::*;
use convnet_report::chart::learning_curves;
use shared::{Result, cats_and_dogs, made, tell};

/// The chapter has 30.
const EPOCHS: usize = 10;

fn main() -> Result<()> {
    let [train, validation, test] = cats_and_dogs(std::env::args().nth(1), 150)?;
    let mut architecture = Architecture::new();
    for filters in [32, 64, 128, 128] {
        architecture = architecture.add(Conv2D::new(filters, 3).relu()).add(MaxPooling2D::new(2));
    }
    let architecture =
        architecture.add(Flatten::new()).add(Dense::new(512).relu()).add(Dense::new(1).sigmoid());
    let input = InputSpec::new([150, 150, 3]).classes(train.classes().to_vec());
    let mut model = Model::new(architecture, input, Seed(1))?;

    let loss = Loss::binary_crossentropy();
    let optimizer = RmsProp { learning_rate: 1e-4, ..RmsProp::default() };
    let settings = Fit { epochs: EPOCHS, batch_size: 20, ..Fit::new(loss, optimizer) };
    let outcome = fit(&mut model, &train, Some(&validation), &settings, None, &mut tell)?;
    println!("test accuracy {:.3}", evaluate(&model, &test, loss, 50)?.accuracy);

    let history = outcome.history.series().into_iter().map(|(name, figures)| (name.to_owned(), figures));
    for (what, svg) in learning_curves("Cats and dogs from scratch", &history.collect()) {
        std::fs::write(made(&format!("s52_{what}.svg"))?, svg)?;
    }
    let file = made("cats_and_dogs.safetensors")?; // for section 5.4
    model.save(&file)?;
    println!("{} and its curves, s52_*.svg", file.display());
    Ok(())
}
