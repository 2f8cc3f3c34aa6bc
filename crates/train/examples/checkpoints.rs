//! Trains the convnet of section 5.1 on drawn digits, with checkpoints, and shows what it takes for what.

use convnet_cpu::parallel;
use convnet_data::generated;
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, MaxPooling2D, Model};
use convnet_tensor::Seed;
use convnet_train::optimizers::RmsProp;
use convnet_train::sinks::{EarlyStopping, TerminateOnNaN};
use convnet_train::{Checkpoints, Event, Fit, Loss, Monitor, Sinks, evaluate, fit, worst_mistakes};
use std::error::Error;
use std::ops::ControlFlow;

fn main() -> Result<(), Box<dyn Error>> {
    let (train, rest) = generated::digits(Seed(1), 6_000).split(4_000)?;
    let (validation, test) = rest.split(1_000)?;
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
    let settings = Fit { epochs: 5, batch_size: 64, ..Fit::new(loss, RmsProp::default()) };
    // Run the example twice: the second time it finds everything done.
    let file = std::env::temp_dir().join("convnet-digits.safetensors");
    let checkpoints = Checkpoints { file, resume: true, ..Checkpoints::default() };
    let mut print = |event: &Event<'_>| {
        match event {
            Event::Start { past, epochs, .. } => {
                println!("{} of {epochs} epochs done before", past.rows.len())
            }
            Event::Epoch { row, seconds, .. } => println!(
                "epoch {}: {seconds:.1} s, accuracy {:.3}, on validation pictures {:.3}",
                row.epoch,
                row.train_accuracy,
                row.val_accuracy.unwrap_or(f64::NAN)
            ),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let mut patience = EarlyStopping::new(Monitor::ValidationLoss, 3);
    let mut finite = TerminateOnNaN;
    let mut sinks = Sinks::none().and(&mut print).and(&mut patience).and(&mut finite);
    let threads = parallel::threads();
    let outcome = parallel::install(threads, || {
        fit(&mut model, &train, Some(&validation), &settings, Some(&checkpoints), &mut sinks)
    })??;
    println!("{:?}", outcome.ending);

    let found = evaluate(&model, &test, loss, 200)?;
    println!("test accuracy {:.3}, loss {:.3}", found.accuracy, found.loss);
    for confusion in found.confusion.most_confused(3) {
        println!("{} taken for {}: {} times", confusion.label, confusion.predicted, confusion.count);
    }
    for mistake in worst_mistakes(&found.probabilities, test.labels(), 3) {
        let (sure, number) = (100.0 * mistake.probability, mistake.picture);
        println!(
            "picture {number} is a {}, taken for a {} ({sure:.0} % sure)",
            mistake.label, mistake.predicted
        );
    }
    Ok(())
}
