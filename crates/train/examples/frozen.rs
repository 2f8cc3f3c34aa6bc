//! What freezing saves: a step of fine-tuning on VGG16 (section 5.3.2) beside the forward pass of its frozen part and a step
//! of the rest, each timed alone. The whole should cost what the two cost together, and no more.

use convnet_autograd::Tape;
use convnet_data::{Batches, Dataset, Order, Place};
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, MaxPooling2D, Model, Request};
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_train::optimizers::RmsProp;
use convnet_train::{Event, Fit, Loss, Stop, fit};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The layer behind which everything learns.
const CUT: &str = "vgg16/block4_pool";
const BATCH: usize = 20;
const STEPS: usize = 3;

fn main() -> Outcome<()> {
    let threads = std::thread::available_parallelism()?.get();
    convnet_cpu::parallel::install(threads, measure)?
}

fn measure() -> Outcome<()> {
    let mut model = Model::new(vgg16(), InputSpec::new([150, 150, 3]), Seed(1))?;
    model.unfreeze_from("vgg16/block5_conv1")?;
    let mut random = Seed(1).stream(Purpose::Check, 0, 0);
    let pictures = Tensor::from_fn([BATCH, 150, 150, 3], |_| random.below(256) as u8);
    let labels = (0..BATCH as u32).map(|number| number % 2).collect();
    let pictures = Dataset::from_arrays(pictures, labels, vec!["cats".into(), "dogs".into()])?;

    let base = model.rebuilt(model.architecture().up_to(CUT)?, model.input().clone())?;
    let batches = Batches::new(&pictures, BATCH, Order::Sequential, model.input().pixels)?;
    let x = batches.at(Place::Round { round: 0, step: 0 })?.x;
    let features = base.predict(&x)?;
    let features = pictures.with_numbers(CUT, features)?;
    let rest = model.behind(CUT)?;

    // In turns, so that what else the machine does meets all of them.
    let mut best = [Duration::MAX; 3];
    for _ in 0..3 {
        best[0] = best[0].min(of_prediction(&base, &x)?);
        best[1] = best[1].min(of_step(rest.clone(), &features)?);
        best[2] = best[2].min(of_step(model.clone(), &pictures)?);
    }
    let [forward, rest, whole] = best.map(|time| time.as_secs_f64() * 1e3);
    println!(
        "the frozen part forward {forward:.1} ms, a step of the rest {rest:.1} ms, a step of all {whole:.1} ms"
    );
    println!("all / (frozen part + rest) = {:.3}; at most 1.25 is the aim", whole / (forward + rest));
    Ok(())
}

fn of_prediction(model: &Model, x: &Tensor) -> Outcome<Duration> {
    let mut best = Duration::MAX;
    let mut tape = Tape::new();
    for _ in 0..STEPS {
        let started = Instant::now();
        model.run(&mut tape, x, &Request::predict())?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

fn of_step(mut model: Model, pictures: &Dataset) -> Outcome<Duration> {
    let rate = RmsProp { learning_rate: 1e-5, ..RmsProp::default() };
    let settings = Fit {
        batch_size: BATCH,
        steps_per_epoch: Some(usize::MAX),
        ..Fit::new(Loss::binary_crossentropy(), rate)
    };
    let (mut best, mut last, mut steps) = (Duration::MAX, Instant::now(), 0);
    let mut clock = |event: &Event<'_>| {
        if let Event::Step { .. } = event {
            best = best.min(last.elapsed());
            (last, steps) = (Instant::now(), steps + 1);
        }
        if steps < STEPS { ControlFlow::Continue(()) } else { Stop::because("enough") }
    };
    fit(&mut model, pictures, None, &settings, None, &mut clock)?;
    Ok(best)
}

/// VGG16 with the chapter's head.
fn vgg16() -> Architecture {
    let mut base = Architecture::new();
    for (block, (filters, layers)) in (1..).zip([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]) {
        for layer in 1..=layers {
            base = base.named(format!("block{block}_conv{layer}"), Conv2D::new(filters, 3).same().relu());
        }
        base = base.named(format!("block{block}_pool"), MaxPooling2D::new(2));
    }
    Architecture::new()
        .nested("vgg16", base)
        .add(Flatten::new())
        .add(Dense::new(256).relu())
        .add(Dense::new(1).sigmoid())
}
