//! What happens to a picture before a network sees it: read and resized, changed at random.

use super::training::Training;
use super::workload::{Step, model};
use crate::chapter5::cats_dogs;
use anyhow::{Context, Result, ensure};
use convnet_cpu::parallel;
use convnet_data::decode::{Decoder, Undecodable};
use convnet_data::resize::Resizer;
use convnet_data::{Augment, Dataset, LoadOptions, PictureFolder};
use convnet_tensor::{Filter, Fit, Pixels, Purpose, Seed, Shape, Tensor};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Photographs that a step reads: the first of a folder.
pub(super) const PHOTOGRAPHS: usize = 200;

/// Pictures that a step changes.
pub(super) const CHANGED: usize = 40;

/// Pictures in a step of the training of experiment 5.2.5.
pub(super) const BATCH: usize = 32;

/// The shape that they are brought to.
const SHAPE: [usize; 3] = [150, 150, 3];

/// The folder of the photographs: those that the chapter validates cats with.
///
/// # Errors
/// When `CONVNET_DATA_DIR` does not lead to it.
pub(super) fn photographs() -> Result<PathBuf> {
    pictures("validation/cats")
}

/// A folder of the cats and dogs.
fn pictures(below: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("CONVNET_DATA_DIR").context("CONVNET_DATA_DIR names no data folder")?;
    let folder = Path::new(&folder).join("cats_and_dogs_small").join(below);
    ensure!(folder.is_dir(), "the data folder has no cats_and_dogs_small/{below}");
    Ok(folder)
}

/// The training of experiment 5.2.5 on JPEG files: decoded once, before the first step and before the clock starts, as a training
/// does, and changed anew each time they are met.
pub(super) fn from_files() -> Result<Training> {
    training(read()?.augmented(Augment::chapter5(), Seed(1))?)
}

/// The same training from bytes in memory, given as they are: nothing has to be made but numbers.
pub(super) fn from_memory() -> Result<Training> {
    training(read()?)
}

fn read() -> Result<Dataset> {
    let [height, width, channels] = SHAPE;
    let folder = PictureFolder::list(&pictures("train")?)?;
    let loaded =
        folder.load(&LoadOptions::new(height, width, channels), &mut |_, _| ControlFlow::Continue(()))?;
    Ok(loaded.dataset)
}

fn training(pictures: Dataset) -> Result<Training> {
    Training::on(pictures, model(cats_dogs::convnet(true), SHAPE)?, BATCH, 1e-4)
}

/// JPEG files in memory, decoded, brought to 150×150 as OpenCV and TensorFlow do (four pixels for each, not antialiased) and
/// to numbers from 0 to 1.
pub(super) fn decode() -> Result<Step> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(photographs()?)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    paths.sort();
    ensure!(paths.len() >= PHOTOGRAPHS, "fewer than {PHOTOGRAPHS} photographs");
    let files = paths[..PHOTOGRAPHS].iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let shape = Shape::from(SHAPE);
    let mut batch = Tensor::zeros(shape.with_first(files.len()));
    // Each thread has its own tools, which keep their memory from picture to picture.
    let tools: Vec<_> = (0..parallel::threads()).map(|_| Mutex::new(Tools::default())).collect();
    Ok(Box::new(move || {
        let each = files.len().div_ceil(tools.len());
        let failed = Mutex::new(None);
        parallel::for_each_chunk(batch.data_mut(), each * shape.size(), |part, batch| {
            let mut tools = tools[part].lock().expect("each part is taken once");
            let written = files[part * each..].iter().zip(batch.chunks_exact_mut(shape.size()));
            for (file, to) in written {
                if let Err(error) = tools.read(file, to) {
                    *failed.lock().expect("nobody panics with it") = Some(error);
                }
            }
        });
        let failed = failed.into_inner().expect("nobody panics with it");
        failed.map_or(Ok(()), |error| Err(error.into()))
    }))
}

/// What a thread reads pictures with.
#[derive(Default)]
struct Tools {
    decoder: Decoder,
    resizer: Resizer,
    small: Vec<u8>,
}

impl Tools {
    fn read(&mut self, file: &[u8], to: &mut [f32]) -> Result<(), Undecodable> {
        let [height, width, channels] = SHAPE;
        let picture = self.decoder.decode(file, channels)?;
        self.small.resize(to.len(), 0);
        self.resizer.resize(picture, height, width, Fit::Squash, Filter::BilinearPlain, &mut self.small);
        Pixels::ZeroToOne.write(channels, &self.small, to);
        Ok(())
    }
}

/// The chapter's augmentation from bytes to numbers.
pub(super) fn augment() -> Result<Step> {
    let shape = Shape::from(SHAPE);
    let mut random = Seed(1).stream(Purpose::Check, 0, 0);
    let mut pictures = Tensor::<u8>::zeros(shape.with_first(CHANGED));
    random.fill_bytes(pictures.data_mut());
    let mut batch = Tensor::zeros(shape.with_first(CHANGED));
    let (augment, mut round) = (Augment::chapter5(), 0);
    Ok(Box::new(move || {
        round += 1;
        let from = pictures.data();
        parallel::for_each_chunk(batch.data_mut(), shape.size(), |number, to| {
            let mut stream = Seed(1).stream(Purpose::Augment, round, number as u64);
            let picture = &from[number * shape.size()..][..shape.size()];
            augment.draw(SHAPE, &mut stream).write(picture, Pixels::ZeroToOne, to);
        });
        Ok(())
    }))
}
