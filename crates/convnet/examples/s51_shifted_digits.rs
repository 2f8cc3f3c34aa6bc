//! Section 5.1: what translation invariance means. A convnet and a dense network, trained on the same digits, meet shifted ones.
//!
//! `cargo run --release -p convnet --example s51_shifted_digits -- FOLDER_WITH_THE_FOUR_IDX_FILES`

use convnet::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let (train, test) = match std::env::args().nth(1) {
        Some(folder) => idx::mnist(folder.as_ref())?,
        None => generated::digits(Seed(1), 12_000).split(10_000)?,
    };
    let convnet = Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax());
    let dense =
        Architecture::new().add(Flatten::new()).add(Dense::new(512).relu()).add(Dense::new(10).softmax());

    for (name, architecture) in [("convnet", convnet), ("dense network", dense)] {
        let mut model = Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(1))?;
        let loss = Loss::sparse_categorical_crossentropy();
        let settings = Fit { epochs: 2, batch_size: 64, ..Fit::new(loss, RmsProp::default()) };
        fit(&mut model, &train, None, &settings, None, &mut Sinks::none())?;
        print!("{name:14}");
        for pixels in 0..=6 {
            print!("  {pixels} px {:.3}", evaluate(&model, &test.shifted(pixels, 0)?, loss, 200)?.accuracy);
        }
        println!();
    }
    Ok(())
}
