//! Set-up lint: what looks like a mistake before the first step, though nothing forbids it.

use crate::{Fit, RateCurve, Result};
use convnet_data::Dataset;
use convnet_layers::{Model, Part, Rescaling};
use convnet_tensor::Pixels;
use std::fmt;

/// Something in the set-up of a training that is allowed and most likely not meant. Its text says what, and what to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// The pictures that measure the model are changed at random.
    AugmentedValidation,
    /// A class without pictures.
    EmptyClass {
        /// The class's name.
        class: String,
        /// `training` or `validation`.
        set: &'static str,
    },
    /// Training and validation pictures are the same, whatever is changed in them at random.
    SamePictures,
    /// Training and validation pictures have other classes, or the same in another order: labels do not mean the same.
    OtherClasses {
        /// Those of training.
        training: Vec<String>,
        /// Those of validation.
        validation: Vec<String>,
    },
    /// Pictures whose bytes use only the lowest values, as if they had been scaled before they became bytes.
    ScaledBefore {
        /// The largest byte among the pictures that were looked at.
        largest: u8,
    },
    /// The model brings pixels into its range although they come in it.
    ScaledTwice {
        /// The scale of the model's own first layer.
        scale: f32,
        /// The range that its input asks for.
        pixels: Pixels,
    },
    /// Fewer pictures are looked at in all steps than there are.
    NeverSeen {
        /// Pictures that all epochs leave out.
        pictures: u64,
        /// Pictures in all.
        of: u64,
    },
    /// A head whose weights are still the first ones, on a base that is trained and learns on.
    UntrainedHead {
        /// The path of the model's last layer with weights.
        layer: String,
    },
    /// Pixels in another range than a base was trained with.
    OtherPixels {
        /// The path of the base.
        base: String,
        /// The range that it was trained with.
        trained: Pixels,
        /// The range that the model's input asks for.
        given: Pixels,
    },
    /// A learning rate that the finder's curve speaks against.
    LearningRate {
        /// The optimiser's rate.
        rate: f64,
        /// What the curve suggests, where the loss falls anywhere on it.
        suggestion: Option<f64>,
        /// The lowest and highest rate that it does not speak against.
        sound: (f64, f64),
    },
}

/// So many pictures, evenly spread, are looked at for their values.
const SAMPLED: usize = 32;

/// A scale below this is meant for bytes.
const SCALE_OF_BYTES: f32 = 0.05;

/// Looks at the set-up of a training as somebody with experience would before starting it.
///
/// [`fit`](crate::fit) does so by itself and reports [`Event::Advice`](crate::Event::Advice); only with a `curve` of
/// [`find_learning_rate`](crate::find_learning_rate) the learning rate can be judged.
///
/// # Errors
/// When a picture cannot be read.
pub fn advise(
    model: &Model,
    train: &Dataset,
    validation: Option<&Dataset>,
    settings: &Fit,
    curve: Option<&RateCurve>,
) -> Result<Vec<Advice>> {
    let mut all = Vec::new();
    if let Some(validation) = validation {
        if validation.augmentation().is_some() {
            all.push(Advice::AugmentedValidation);
        }
        if validation.unaugmented().fingerprint() == train.unaugmented().fingerprint() {
            all.push(Advice::SamePictures);
        }
        if validation.classes() != train.classes() {
            let (training, validation) = (train.classes().to_vec(), validation.classes().to_vec());
            all.push(Advice::OtherClasses { training, validation });
        }
    }
    for (name, set) in [("training", Some(train)), ("validation", validation)] {
        let Some(set) = set else { continue };
        let counts = set.class_counts();
        let empty = set.classes().iter().zip(counts).filter(|(_, count)| *count == 0);
        all.extend(empty.map(|(class, _)| Advice::EmptyClass { class: class.clone(), set: name }));
    }
    if train.layer().is_none() {
        let largest = largest_byte(train)?;
        if largest <= 1 {
            all.push(Advice::ScaledBefore { largest });
        }
    }
    if let Some(scale) = own_scale(model) {
        all.push(Advice::ScaledTwice { scale, pixels: model.input().pixels });
    }
    if let Some(steps) = settings.steps_per_epoch {
        let seen =
            (settings.epochs as u64).saturating_mul(steps as u64).saturating_mul(settings.batch_size as u64);
        let of = train.len() as u64;
        if seen < of {
            all.push(Advice::NeverSeen { pictures: of - seen, of });
        }
    }
    all.extend(untrained_head(model).map(|layer| Advice::UntrainedHead { layer }));
    let rate = settings.optimizer.learning_rate();
    if let Some(curve) = curve
        && let Some(sound) = curve.sound()
        && !(sound.0..=sound.1).contains(&rate)
    {
        let suggestion = curve.suggestion();
        all.push(Advice::LearningRate { rate, suggestion, sound });
    }
    Ok(all)
}

/// What speaks against the range of pixels in which a base gets its pictures: `base` is the trained network that stands at `path`
/// in the model, and knows its own range. `fit` sees the model alone and cannot say so.
pub fn advise_base(model: &Model, path: &str, base: &Model) -> Option<Advice> {
    let (trained, given) = (base.input().pixels, model.input().pixels);
    (trained != given).then(|| Advice::OtherPixels { base: path.into(), trained, given })
}

/// The model's last layer, if it has not learned yet, although what stands before it has and goes on: biases and running means
/// begin at zero, and none stays there.
fn untrained_head(model: &Model) -> Option<String> {
    let moves = |path: &str| ["/bias", "/beta"].iter().any(|end| path.ends_with(end));
    let learns = |parameter: &&convnet_layers::Parameter| parameter.is_learned() && moves(&parameter.path);
    let mut learning = model.parameters().iter().rev().filter(learns);
    let is_zero = |parameter: &&convnet_layers::Parameter| parameter.value.data().iter().all(|x| *x == 0.0);
    let last = learning.next().filter(is_zero)?;
    let is_trained = learning.any(|parameter| !is_zero(&parameter));
    let (layer, _) = last.path.rsplit_once('/')?;
    is_trained.then(|| layer.to_string())
}

fn largest_byte(set: &Dataset) -> Result<u8> {
    let step = set.len().div_ceil(SAMPLED).max(1);
    let mut largest = 0;
    for number in (0..set.len()).step_by(step) {
        largest = set.picture(number)?.data().iter().fold(largest, |largest: u8, &byte| largest.max(byte));
    }
    Ok(largest)
}

/// The scale of a model that begins by scaling bytes, where its input asks for numbers that are scaled already.
fn own_scale(model: &Model) -> Option<f32> {
    let Part::Layer(first) = &model.architecture().parts().first()?.part else { return None };
    let scale = first.as_any().downcast_ref::<Rescaling>()?.scale;
    (scale.abs() < SCALE_OF_BYTES && model.input().pixels != Pixels::CaffeBgr).then_some(scale)
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::AugmentedValidation => f.write_str(
                "the validation pictures are changed at random: the figures of each epoch are of other pictures; give the \
                 pictures as they are",
            ),
            Advice::EmptyClass { class, set } => write!(
                f,
                "the class `{class}` has no {set} picture: {}",
                match *set {
                    "training" => "the network cannot learn it; add pictures or leave the class out",
                    _ => "nothing tells how well it is recognised; add some to it",
                }
            ),
            Advice::SamePictures => f.write_str(
                "training and validation pictures are the same: overfitting will not show; set some aside",
            ),
            Advice::OtherClasses { training, validation } => write!(
                f,
                "the classes of training ({}) are not those of validation ({}): a label means something else there; look for a \
                 stray folder",
                training.join(", "),
                validation.join(", ")
            ),
            Advice::ScaledBefore { largest } => write!(
                f,
                "no byte of the pictures is above {largest}: they seem to have been scaled to 0 … 1 before they became bytes, \
                 and little of them is left; give bytes from 0 to 255"
            ),
            Advice::ScaledTwice { scale, pixels } => write!(
                f,
                "pixels come in the range {pixels:?}, and the model's first layer multiplies them with {scale} once more; leave \
                 one of the two out"
            ),
            Advice::NeverSeen { pictures, of } => write!(
                f,
                "{pictures} of {of} training pictures are never seen: raise the steps in an epoch, the epochs or the batch size"
            ),
            Advice::UntrainedHead { layer } => write!(
                f,
                "`{layer}` has not learned anything yet, and what stands before it is trained and learns on: the first gradients, \
                 large and random, will spoil that; train the head on the frozen base first, or give the base a smaller rate \
                 (`groups`)"
            ),
            Advice::OtherPixels { base, trained, given } => write!(
                f,
                "`{base}` was trained on pixels in the range {trained:?}, but gets them as {given:?}: it recognises less; take its \
                 own range in the model's input"
            ),
            Advice::LearningRate { rate, suggestion, sound: (low, high) } => {
                let what = if rate > high { "so large that the loss grows" } else { "so small that little is learned" };
                write!(f, "the learning rate {rate:e} is {what}; ")?;
                match suggestion {
                    Some(rate) => write!(
                        f,
                        "the finder suggests about {rate:.1e} ({low:.0e} to {high:.0e} are sound)"
                    ),
                    None => write!(f, "the finder saw the network break at {high:.0e}"),
                }
            }
        }
    }
}
