//! Whether training waits for its pictures: the cats-and-dogs convnet fed from JPEG files with the chapter's augmentation, and
//! fed with the same pictures from memory as they are.
//!
//! `CONVNET_DATA_DIR=DATA cargo bench -p convnet-train --bench input`; DATA holds `cats_and_dogs_small/`.

use convnet_data::{Augment, Dataset, LoadOptions, PictureFolder};
use convnet_layers::{Architecture, Conv2D, Dense, Dropout, Flatten, InputSpec, MaxPooling2D, Model};
use convnet_tensor::Seed;
use convnet_train::optimizers::RmsProp;
use convnet_train::{Event, Fit, Loss, Stop, fit};
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

/// Pictures in a step, as in experiment 5.2.5.
const BATCH: usize = 32;

/// Steps before the clock starts, and steps that it sees.
const WARM_UP: usize = 2;
const STEPS: usize = 12;

/// How often both take turns.
const TURNS: usize = 5;

/// Steps in the whole of experiment 5.2.5, over which reading the files once is spread.
const ALL_STEPS: f64 = 100.0 * 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::var_os("CONVNET_DATA_DIR") else {
        println!("CONVNET_DATA_DIR names no data folder: nothing is measured");
        return Ok(());
    };
    let folder = PictureFolder::list(&Path::new(&folder).join("cats_and_dogs_small/train"))?;
    let started = Instant::now();
    let loaded = folder.load(&LoadOptions::new(150, 150, 3), &mut |_, _| ControlFlow::Continue(()))?;
    let reading = started.elapsed().as_secs_f64();
    println!("{} JPEG files read in {reading:.2} s", loaded.dataset.len());

    let plain = loaded.dataset;
    let augmented = plain.clone().augmented(Augment::chapter5(), Seed(1))?;
    let (mut memory, mut files) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        memory.push(step(&plain)?);
        files.push(step(&augmented)? + reading / ALL_STEPS);
    }
    let (memory, files) = (median(memory), median(files));
    let rate = |seconds: f64| BATCH as f64 / seconds;
    println!("from memory, as they are:     {:.1} pictures/s", rate(memory));
    println!("from JPEG files, augmented:   {:.1} pictures/s, {:.3} of it", rate(files), memory / files);
    Ok(())
}

/// Seconds that a step takes.
fn step(set: &Dataset) -> Result<f64, Box<dyn Error>> {
    let mut network = Architecture::new();
    for filters in [32, 64, 128, 128] {
        network = network.add(Conv2D::new(filters, 3).relu()).add(MaxPooling2D::new(2));
    }
    let network = network
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(512).relu())
        .add(Dense::new(1).sigmoid());
    let mut model = Model::new(network, InputSpec::new([150, 150, 3]), Seed(1))?;
    let settings = Fit {
        batch_size: BATCH,
        steps_per_epoch: Some(usize::MAX),
        ..Fit::new(Loss::binary_crossentropy(), RmsProp { learning_rate: 1e-4, ..RmsProp::default() })
    };
    let (mut started, mut seconds) = (Instant::now(), 0.0);
    let mut sink = |event: &Event<'_>| {
        match event {
            Event::Step { step, .. } if *step == WARM_UP => started = Instant::now(),
            Event::Step { step, .. } if *step == WARM_UP + STEPS => {
                seconds = started.elapsed().as_secs_f64() / STEPS as f64;
                return Stop::because("enough steps");
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    fit(&mut model, set, None, &settings, None, &mut sink)?;
    Ok(seconds)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
