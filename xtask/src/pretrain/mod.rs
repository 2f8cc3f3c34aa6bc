//! `cargo xtask pretrain`: mini-VGG, trained on scenes of many classes.

mod classes;

use crate::interruption;
use crate::lab::kept::sha256;
use crate::lab::{Watch, finished};
use crate::options::{threads, with_threads};
use crate::stdout;
use anyhow::{Context, Result};
use clap::Args;
use classes::SIDE;
use convnet_cpu::{conv2d::Algorithm, simd};
use convnet_data::Augment;
use convnet_layers::Model;
use convnet_pretrained::save_half;
use convnet_pretrained::zoo::{MINI_VGG_CLASSES, Top, mini_vgg};
use convnet_report::{Progress, words};
use convnet_tensor::Seed;
use convnet_train::optimizers::Adam;
use convnet_train::sinks::TerminateOnNaN;
use convnet_train::{Checkpoints, Evaluation, Fit, Loss, Schedule, Sinks, evaluate, fit};
use std::fs;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "\
The weights that come with the project are those of the default settings. The same settings give the same bytes on one kind
of machine, with any number of threads.

Examples:
  cargo xtask pretrain                                        the weights of the project, into target/pretrain/
  cargo xtask pretrain --pictures 760 --epochs 1 --out try/   a minute, to see that it works
  cargo xtask pretrain --resume                               goes on after Ctrl-C or a crash

Exit codes: 0 done; 1 something failed; 2 wrong usage; 130 interrupted.")]
pub(crate) struct Arguments {
    /// Folder for mini_vgg.safetensors and, until it is done, the checkpoint
    #[arg(long, value_name = "DIR", default_value = "target/pretrain")]
    out: PathBuf,

    /// The seed of first weights, of the order of the pictures and of their changes; the scenes stay
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Painted scenes to train on
    #[arg(long, value_name = "N", default_value_t = 30_400, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pictures: u64,

    /// How often each is met
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    epochs: u16,

    /// Threads that compute [default: all cores]; no result depends on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Go on with what an earlier training into the same folder left
    #[arg(long)]
    resume: bool,
}

/// Scenes that the network is measured on: about forty of each class.
const MEASURED: u64 = 40 * MINI_VGG_CLASSES as u64;

const BATCH: usize = 32;

/// The rate that Adam begins with.
const RATE: f64 = 1e-3;

/// Over how many steps the rate rises to that.
const WARM_UP: u64 = 100;

/// Trains the network and writes its weights.
///
/// # Errors
/// When the training fails, is interrupted, or the disk refuses.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    with_threads(threads(arguments.threads), || pretrain(arguments))
}

fn pretrain(arguments: &Arguments) -> Result<()> {
    let mut progress = Progress::stderr();
    convnet_report::create_folder(&arguments.out)?;
    progress.say(&format!("paints {} scenes", words::count(arguments.pictures + MEASURED)));
    let changes = Augment { horizontal_flip: true, width_shift: 0.1, height_shift: 0.1, ..Augment::none() };
    let train = classes::train(arguments.pictures)?.augmented(changes, Seed(arguments.seed))?;
    let held_out = classes::held_out(MEASURED)?;
    let mut model = mini_vgg(SIDE, Top::Classes(MINI_VGG_CLASSES)).untrained(Seed(arguments.seed))?;
    let settings = settings(arguments);
    let checkpoint = arguments.out.join("mini_vgg.checkpoint.safetensors");
    let checkpoints = Checkpoints {
        file: checkpoint.clone(),
        every_steps: Some(500),
        resume: arguments.resume,
        stop: Some(interruption::listen()?),
    };
    let mut watch = Watch::new(&mut progress, "mini-vgg", train.len(), BATCH, "held out");
    let mut finite = TerminateOnNaN;
    let mut sinks = Sinks::none().and(&mut watch).and(&mut finite);
    let outcome = fit(&mut model, &train, Some(&held_out), &settings, Some(&checkpoints), &mut sinks)?;
    finished(outcome.ending, "; --resume goes on")?;
    let found = evaluate(&model, &held_out, settings.loss, 200)?;
    finish(arguments, &model, &found)?;
    fs::remove_file(&checkpoint).with_context(|| format!("cannot remove {}", checkpoint.display()))
}

/// Adam, its rate falling along a cosine.
fn settings(arguments: &Arguments) -> Fit {
    let epochs = usize::from(arguments.epochs);
    let steps = epochs as u64 * (arguments.pictures / BATCH as u64).max(1);
    let warmup_steps = WARM_UP.min(steps / 2);
    Fit {
        epochs,
        batch_size: BATCH,
        seed: arguments.seed,
        schedule: Schedule::CosineWithWarmup {
            warmup_steps,
            warmup_from: 0.0,
            decay_steps: steps - warmup_steps,
            end: 0.01,
        },
        ..Fit::new(Loss::sparse_categorical_crossentropy(), Adam { learning_rate: RATE, ..Adam::default() })
    }
}

/// Writes the weights and says what they are.
fn finish(arguments: &Arguments, model: &Model, found: &Evaluation) -> Result<()> {
    let file = arguments.out.join("mini_vgg.safetensors");
    save_half(model, &file)?;
    let unreadable = || format!("cannot read {}", file.display());
    let bytes = fs::metadata(&file).with_context(unreadable)?.len();
    let hash = sha256(&file).with_context(unreadable)?;
    stdout::print(&format!(
        "{}: {} bytes, SHA-256 {hash}\nheld out: {} of {} scenes ({} classes); {}, {}",
        file.display(),
        words::count(bytes),
        words::metric("accuracy", found.accuracy),
        words::count(MEASURED),
        MINI_VGG_CLASSES,
        simd::isa().name(),
        Algorithm::preferred().name(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_datasets::MINI_VGG;
    use convnet_pretrained::Loading;
    use convnet_pretrained::zoo::{decode_predictions, mini_vgg_classes};

    /// Of 38 classes; the same base with random weights is right once in 38 times.
    #[test]
    fn the_weights_that_come_with_the_project_know_their_classes() {
        assert!(MINI_VGG.len() <= 2_000_000, "{} bytes", MINI_VGG.len());
        let entry = mini_vgg(SIDE, Top::Classes(MINI_VGG_CLASSES));
        let (model, loaded) = entry.load_bytes(MINI_VGG, Loading::in_order()).unwrap();
        assert!(loaded.is_whole(), "{loaded}");
        let held_out = classes::held_out(380).unwrap();
        let found = evaluate(&model, &held_out, Loss::sparse_categorical_crossentropy(), 60).unwrap();
        assert!(found.accuracy > 0.45, "{}", found.accuracy);
        let probabilities = convnet_train::predict(&model, &held_out, 60).unwrap();
        let best = decode_predictions(&probabilities, &mini_vgg_classes(), 1).unwrap();
        let named = |number: usize| &held_out.classes()[held_out.labels()[number] as usize];
        let right = (0..held_out.len()).filter(|&number| best[number][0].class == *named(number)).count();
        assert_eq!(right as f64 / 380.0, found.accuracy, "names stand in the order of the outputs");
    }
}
