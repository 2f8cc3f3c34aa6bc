//! The model that is explored where none is named: the best at hand.

use crate::source::{Weighted, with_weights};
use anyhow::Result;
use convnet_data::generated;
use convnet_layers::{Architecture, Conv2D, Dense, Dropout, Flatten, InputSpec, MaxPooling2D, Model};
use convnet_pretrained::zoo::{self, Entry, Top};
use convnet_report::Progress;
use convnet_tensor::Seed;
use convnet_train::optimizers::Adam;
use convnet_train::{Event, Fit, Loss, Sinks, fit};
use std::io::Stderr;
use std::ops::ControlFlow;
use std::path::Path;

/// A model, its name and what a reader should know of it.
pub(super) type Chosen = (Model, String, Vec<String>);

const SIDE: usize = 224;

/// Networks that tell classes, then bases alone; of each kind the first that is at hand, in the order in which `convnet train
/// --base auto` takes them.
fn known() -> Result<[Entry; 5]> {
    let mut narrow = zoo::mobilenet(0.25, 128, Top::Classes(1001))?;
    narrow.manifest = Some("mobilenet_0_25_128");
    Ok([
        zoo::efficientnet_lite0(SIDE, Top::Classes(1000)),
        narrow,
        zoo::vgg16(SIDE, Top::Classes(1000)),
        zoo::mobilenet(1.0, SIDE, Top::Without)?,
        zoo::vgg16(SIDE, Top::Without),
    ])
}

/// The best model at hand: one of the zoo that tells classes, else a base, else a small network that learns painted digits now.
///
/// # Errors
/// For a file of weights that is there and not what it should be.
pub(super) fn best(progress: &mut Progress<Stderr>) -> Result<Chosen> {
    for entry in known()? {
        let name = entry.name.to_string();
        let Ok(Weighted { model, said, .. }) = with_weights(entry)? else { continue };
        return Ok((model, name, told(&said, progress)));
    }
    progress.say(
        "no weights of the zoo are at hand (`cargo xtask download efficientnet_lite0` fetches some): \
         a small network learns painted digits",
    );
    digits(progress)
}

/// What was said of a model, on the terminal as it is and for the page without this machine's folders: others may see that.
pub(super) fn told(said: &[String], progress: &mut Progress<Stderr>) -> Vec<String> {
    said.iter().for_each(|line| progress.say(line));
    said.iter().map(|line| line.split(' ').map(without_folder).collect::<Vec<_>>().join(" ")).collect()
}

/// A word, or the file's name where it is a path from the root on.
fn without_folder(word: &str) -> &str {
    let name = Path::new(word).file_name().and_then(|name| name.to_str());
    name.filter(|_| Path::new(word).is_absolute()).unwrap_or(word)
}

/// Digits that are learned from, and how often.
const DIGITS: usize = 6_000;
const EPOCHS: usize = 2;

/// A network that has learned painted digits.
///
/// # Errors
/// When the training fails.
pub(super) fn digits(progress: &mut Progress<Stderr>) -> Result<Chosen> {
    let network = Architecture::new()
        .named("conv_1", Conv2D::new(16, 3).relu())
        .named("pool_1", MaxPooling2D::new(2))
        .named("conv_2", Conv2D::new(32, 3).relu())
        .named("pool_2", MaxPooling2D::new(2))
        .named("conv_3", Conv2D::new(32, 3).relu())
        .named("flatten", Flatten::new())
        .named("dropout", Dropout::new(0.3))
        .named("digits", Dense::new(10).softmax());
    let set = generated::digits(Seed(1), DIGITS);
    let input = InputSpec::new([28, 28, 1]).classes(set.classes().iter().cloned());
    let mut model = Model::new(network, input, Seed(1))?;
    let settings = Fit {
        epochs: EPOCHS,
        batch_size: 32,
        ..Fit::new(Loss::sparse_categorical_crossentropy(), Adam::default())
    };
    progress.start("learning digits", EPOCHS as u64, "epochs");
    let mut accuracy = 0.0;
    let mut watch = |event: &Event<'_>| {
        if let Event::Epoch { row, .. } = event {
            accuracy = row.train_accuracy;
            progress.advance(1);
        }
        ControlFlow::Continue(())
    };
    fit(&mut model, &set, None, &settings, None, &mut Sinks::none().and(&mut watch))?;
    progress.finish();
    let told = format!(
        "a small network that has just learned {DIGITS} painted digits, {EPOCHS} times over; it told {:.1} % of them apart in the \
         last round",
        100.0 * accuracy
    );
    Ok((model, "painted digits".into(), vec![told]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_folders_and_nothing_else_changes() {
        let line = "vgg16 from /data/weights/vgg16.h5: 26 of 26 tensors, and block1/conv stays";
        let found: Vec<_> = line.split(' ').map(without_folder).collect();
        assert_eq!(found.join(" "), "vgg16 from vgg16.h5: 26 of 26 tensors, and block1/conv stays");
    }
}
