//! Figures that need a network which has learned, and pictures changed at random.

use crate::draw::Result;
use convnet::data::Augment;
use convnet::prelude::*;
use convnet::visualize::heatmaps::{Cam, Method};
use convnet::visualize::honesty::{pointing_game, random_twin, twin};
use convnet::visualize::{Blend, ColourMap, Target, activations as insides, overlay};
use convnet_report::{Picture, grid};

/// The sides of painted scenes, to be changed and to be recognised.
const SHOWN: usize = 96;
const SEEN: usize = 64;

/// A tensor of bytes `[height, width, channels]`.
fn picture(of: &Tensor<u8>) -> Result<Picture> {
    let shape = of.shape();
    Ok(Picture::new(shape[1], shape[0], shape[2], of.data().to_vec())?)
}

/// A painted scene, and seven of the ways in which the chapter's augmentation may change it.
pub(crate) fn augmentation() -> Result<Vec<u8>> {
    let scene = generated::scenes(Seed(1), 0..1, [SHOWN, SHOWN])?.pictures;
    let changed = scene.clone().augmented(Augment::chapter5(), Seed(1))?;
    let batches = Batches::new(&changed, 1, Order::Sequential, Pixels::ZeroToOne)?;
    let mut ways = vec![picture(&scene.picture(0)?)?];
    for round in 0..7 {
        for batch in batches.round(round) {
            let bytes = batch?.x.data().iter().map(|number| (number * 255.0).round() as u8).collect();
            ways.push(Picture::new(SHOWN, SHOWN, 3, bytes)?);
        }
    }
    Ok(grid(&ways, 4, 6)?.enlarged(2)?.to_png()?)
}

/// The chapter's first convnet after one round of 6,000 painted digits.
pub(crate) fn digits() -> Result<Model> {
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
    let loss = Loss::sparse_categorical_crossentropy();
    let (train, test) = generated::digits(Seed(1), 7_000).split(6_000)?;
    fit(
        &mut model,
        &train,
        None,
        &Fit { batch_size: 64, ..Fit::new(loss, RmsProp::default()) },
        None,
        &mut Sinks::none(),
    )?;
    println!("digits: accuracy {:.3} on {} others", evaluate(&model, &test, loss, 100)?.accuracy, test.len());
    Ok(model)
}

/// All channels of a layer for one digit, sixteen in a row.
pub(crate) fn activations(model: &Model, layer: &str) -> Result<Vec<u8>> {
    let digits = generated::digits(Seed(2), 1);
    let batch = Batches::new(&digits, 1, Order::Sequential, Pixels::ZeroToOne)?
        .round(0)
        .next()
        .ok_or("no digit")??;
    let maps = insides::activations(model, &batch.x, &[layer])?;
    let sheet = picture(&insides::grid(&maps[0], 16)?)?;
    Ok(sheet.enlarged(832 / sheet.width())?.to_png()?)
}

/// Grad-CAM of a network that has learned to tell painted cats from painted dogs, and of the same with random weights.
pub(crate) fn heatmaps() -> Result<Vec<u8>> {
    let layer = "conv2d_2";
    let architecture = Architecture::new()
        .add(Conv2D::new(16, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(1).sigmoid());
    let train = generated::scenes(Seed(1), 0..2_000, [SEEN, SEEN])?.pictures;
    let test = generated::scenes(Seed(1), 2_000..2_200, [SEEN, SEEN])?;
    let input = InputSpec::new([SEEN, SEEN, 3]).classes(train.classes().to_vec());
    let mut model = Model::new(architecture, input, Seed(1))?;
    let loss = Loss::binary_crossentropy();
    fit(
        &mut model,
        &train,
        None,
        &Fit { epochs: 12, ..Fit::new(loss, Adam::default()) },
        None,
        &mut Sinks::none(),
    )?;
    println!("scenes: accuracy {:.3} on 200 others", evaluate(&model, &test.pictures, loss, 50)?.accuracy);

    let random = random_twin(&model, Seed(2))?;
    let method = Method::Cam(Cam::grad_cam());
    let batches = Batches::new(&test.pictures, 200, Order::Sequential, Pixels::ZeroToOne)?;
    let x = batches.round(0).next().ok_or("no scene")??.x;
    let found = twin(&method, &model, &random, &x, layer, &Target::predicted())?;
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let covered =
        test.masks.data().iter().filter(|&&level| level > 0).count() as f64 / test.masks.size() as f64;
    let hits = |heat: &Tensor| -> Result<f64> { Ok(mean(&pointing_game(heat, &test.masks, 0)?)) };
    println!(
        "the hottest pixel is on the creature: {:.2} trained, {:.2} random weights, {covered:.2} by chance; likeness {:.2}",
        hits(&found.heat)?,
        hits(&found.random)?,
        mean(&found.likeness)
    );

    let mut rows = [const { Vec::new() }; 3];
    for number in 0..6 {
        let scene = test.pictures.picture(number)?;
        rows[0].push(picture(&scene)?);
        for (row, heat) in [(1, &found.heat), (2, &found.random)] {
            let heat = heat.rows(number..number + 1).reshaped([SEEN, SEEN])?;
            rows[row].push(picture(&overlay(&scene, &heat, ColourMap::Inferno, Blend::Mixed(0.6))?)?);
        }
    }
    Ok(grid(&rows.concat(), 6, 4)?.enlarged(2)?.to_png()?)
}
