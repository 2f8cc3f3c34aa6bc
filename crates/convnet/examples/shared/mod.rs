//! What the later sections have in common: the cats and dogs, the progress of a training, a place for what is made.

#![allow(dead_code, reason = "each section needs some of it")]

use convnet::data::{LoadOptions, PictureFolder};
use convnet::prelude::*;
use convnet::train::Stop;
use convnet_report::{Picture, create_folder};
use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A failure says what happened.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A file that a section writes, or that an earlier one has written.
pub(crate) fn made(name: &str) -> Result<PathBuf> {
    let folder = Path::new("target/sections");
    create_folder(folder)?;
    Ok(folder.join(name))
}

/// Training, validation and test pictures of `side`×`side`: from a folder with `train/`, `validation/` and `test/` in it, or
/// painted creatures of two kinds.
pub(crate) fn cats_and_dogs(folder: Option<String>, side: usize) -> Result<[Dataset; 3]> {
    let painted =
        |numbers| -> Result<Dataset> { Ok(generated::scenes(Seed(1), numbers, [side, side])?.pictures) };
    let Some(folder) = folder else {
        return Ok([painted(0..2_000)?, painted(2_000..3_000)?, painted(3_000..4_000)?]);
    };
    let read = |part: &str| -> Result<Dataset> {
        let pictures = PictureFolder::list(&Path::new(&folder).join(part))?;
        Ok(pictures.load(&LoadOptions::new(side, side, 3), &mut |_, _| ControlFlow::Continue(()))?.dataset)
    };
    Ok([read("train")?, read("validation")?, read("test")?])
}

/// The first pictures of a set as the model takes them: `[count, height, width, channels]`.
pub(crate) fn numbers(of: &Dataset, count: usize, model: &Model) -> Result<Tensor> {
    let batches = Batches::new(of, count, Order::Sequential, model.input().pixels)?;
    Ok(batches.round(0).next().ok_or("no pictures")??.x)
}

/// Bytes `[height, width, channels]` as a picture.
pub(crate) fn picture(of: &Tensor<u8>) -> Result<Picture> {
    Ok(Picture::new(of.shape()[1], of.shape()[0], of.shape()[2], of.data().to_vec())?)
}

/// Writes it as a PNG and says where.
pub(crate) fn write(name: &str, picture: &Picture) -> Result<()> {
    let path = made(name)?;
    std::fs::write(&path, picture.to_png()?)?;
    println!("{}", path.display());
    Ok(())
}

/// Tells of each epoch as it ends.
pub(crate) fn tell(event: &Event<'_>) -> ControlFlow<Stop> {
    if let Event::Epoch { row, seconds, .. } = event {
        let validation = row.val_accuracy.unwrap_or(f64::NAN);
        println!(
            "epoch {}: accuracy {:.3}, validation {validation:.3}, {seconds:.1} s",
            row.epoch, row.train_accuracy
        );
    }
    ControlFlow::Continue(())
}
