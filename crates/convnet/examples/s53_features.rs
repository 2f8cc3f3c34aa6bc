//! Section 5.3: VGG16 looks at every picture once, and a small head learns from what it saw.
//!
//! `cargo run --release -p convnet --example s53_features -- VGG16_NOTOP.h5 FOLDER_WITH_TRAIN_VALIDATION_TEST`; the weights:
//! `cargo xtask download vgg16_notop`

mod shared;

use convnet::prelude::*;
use convnet::pretrained::Loading;
use convnet::pretrained::zoo::{Top, vgg16};
use convnet::train::FeatureCache;
use shared::{Result, cats_and_dogs, made, tell};
use std::ops::ControlFlow;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let weights = arguments.next().ok_or("which file has VGG16's weights without its top?")?;
    let [train, validation, test] = cats_and_dogs(arguments.next(), 150)?;

    let (base, loaded) = vgg16(150, Top::Without).load(weights, Loading::in_order())?;
    println!("{loaded}");
    let network = Architecture::new()
        .nested("vgg16", base.architecture().clone())
        .add(Flatten::new())
        .add(Dense::new(256).relu())
        .add(Dropout::new(0.5))
        .add(Dense::new(1).sigmoid());
    // The range of pixels that VGG16 was trained on comes with its input.
    let input = base.input().clone().classes(train.classes().to_vec());
    let mut model = Model::with_parameters(network, input, Seed(1), &[("vgg16", &base)])?;
    model.freeze("vgg16")?;

    let folder = made("features")?;
    std::fs::create_dir_all(&folder)?;
    let cache = FeatureCache::new(folder);
    let features = |set: &Dataset| -> Result<Dataset> {
        Ok(cache.features(&model, "vgg16", set, &mut |_, _| ControlFlow::Continue(()))?.set)
    };
    let (train, validation, test) = (features(&train)?, features(&validation)?, features(&test)?);

    let mut head = model.behind("vgg16")?;
    let loss = Loss::binary_crossentropy();
    let optimizer = RmsProp { learning_rate: 2e-5, ..RmsProp::default() };
    let settings = Fit { epochs: 30, batch_size: 20, ..Fit::new(loss, optimizer) };
    fit(&mut head, &train, Some(&validation), &settings, None, &mut tell)?;
    println!("test accuracy {:.3}", evaluate(&head, &test, loss, 50)?.accuracy);
    Ok(())
}
