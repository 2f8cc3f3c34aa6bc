//! Section 5.1: the chapter's first convnet, trained on MNIST or, without a folder, on painted digits.
//!
//! `cargo run --release -p convnet --example s51_digits -- FOLDER_WITH_THE_FOUR_IDX_FILES`

use convnet::prelude::*;
use std::ops::ControlFlow;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = match std::env::args().nth(1) {
        Some(folder) => idx::mnist(folder.as_ref())?,
        None => generated::digits(Seed(1), 12_000).split(10_000)?,
    };

    let architecture = Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax());
    let mut model = Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(1))?;
    println!("{}", model.summary());

    let loss = Loss::sparse_categorical_crossentropy();
    let settings = Fit { epochs: 5, batch_size: 64, ..Fit::new(loss, RmsProp::default()) };
    let mut tell = |event: &Event<'_>| {
        if let Event::Epoch { row, seconds, .. } = event {
            println!(
                "epoch {}: loss {:.4}, accuracy {:.4}, {seconds:.1} s",
                row.epoch, row.train_loss, row.train_accuracy
            );
        }
        ControlFlow::Continue(())
    };
    fit(&mut model, &train, None, &settings, None, &mut tell)?;

    println!("test accuracy {:.4}", evaluate(&model, &test, loss, 200)?.accuracy);
    Ok(())
}
