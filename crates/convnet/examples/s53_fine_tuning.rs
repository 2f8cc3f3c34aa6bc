//! Section 5.3: base and head as one network on changing pictures, the base frozen; then its last block learns too.
//!
//! `cargo run --release -p convnet --example s53_fine_tuning -- VGG16_NOTOP.h5 FOLDER_WITH_TRAIN_VALIDATION_TEST`

mod shared;

use convnet::data::Augment;
use convnet::prelude::*;
use convnet::pretrained::Loading;
use convnet::pretrained::zoo::{Top, vgg16};
use convnet::train::frozen_hash;
use shared::{Result, cats_and_dogs, made, tell};

/// The chapter has 30 with the base frozen, then 100.
const EPOCHS: usize = 2;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let weights = arguments.next().ok_or("which file has VGG16's weights without its top?")?;
    let [train, validation, test] = cats_and_dogs(arguments.next(), 150)?;
    let train = train.augmented(Augment::chapter5(), Seed(1))?;

    let entry = vgg16(150, Top::Without);
    let last_block = format!("vgg16/{}", entry.fine_tune_from);
    let (base, _) = entry.load(weights, Loading::in_order())?;
    let network = Architecture::new()
        .nested("vgg16", base.architecture().clone())
        .add(Flatten::new())
        .add(Dense::new(256).relu())
        .add(Dense::new(1).sigmoid());
    let input = base.input().clone().classes(train.classes().to_vec());
    let mut model = Model::with_parameters(network, input, Seed(1), &[("vgg16", &base)])?;
    model.freeze("vgg16")?;

    let loss = Loss::binary_crossentropy();
    for (what, rate) in [("the head", 2e-5), ("the head and the last block", 1e-5)] {
        let frozen = frozen_hash(&model);
        println!("{what}:");
        let optimizer = RmsProp { learning_rate: rate, ..RmsProp::default() };
        let settings = Fit { epochs: EPOCHS, batch_size: 20, ..Fit::new(loss, optimizer) };
        fit(&mut model, &train, Some(&validation), &settings, None, &mut tell)?;
        println!("test accuracy {:.3}", evaluate(&model, &test, loss, 20)?.accuracy);
        assert_eq!(frozen_hash(&model), frozen, "what is frozen does not move");
        model.unfreeze_from(&last_block)?;
    }
    model.save(made("fine_tuned.safetensors")?)?;
    Ok(())
}
