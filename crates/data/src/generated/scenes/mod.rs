//! Painted creatures in painted places: pictures as hard as photographs of animals, with the truth about every pixel.
//!
//! A scene is a creature, told by a few [`Traits`], or a [`Thing`], in a pose, under a light, among things that share its
//! colours, markings and forms. What a class fixes is all that its pictures have in common: everything else is drawn from the
//! scene's own stream, and drawn in the same way for every class.

mod backdrop;
mod creature;
mod figure;
mod framing;
mod head;
mod markings;
mod noise;
mod scene;
mod solid;
mod things;
mod traits;

pub use framing::Framing;
pub use markings::Markings;
pub use scene::Scene;
pub use things::Thing;
pub use traits::{Ears, Pose, Subject, Tail, Traits};

use super::label;
use crate::{Dataset, Error, Origin, Result};
use convnet_tensor::{Purpose, Seed, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// Height and width of the pictures that stand in for cats and dogs.
pub const SCENE_SIDE: usize = 150;

/// A class of scenes: its name and what its scenes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneClass<'a> {
    /// The name.
    pub name: &'a str,
    /// What is not left to chance.
    pub subject: Subject,
}

/// The two classes of [`scenes`].
pub const SCENE_CLASSES: [SceneClass<'static>; 2] = [
    SceneClass { name: "pointed-eared", subject: eared(Ears::Pointed) },
    SceneClass { name: "round-eared", subject: eared(Ears::Round) },
];

const fn eared(ears: Ears) -> Subject {
    Subject::Creature(Traits { ears: Some(ears), tail: None, markings: None, pose: None })
}

/// Pictures, labels and where the objects are.
#[derive(Clone, Debug)]
pub struct Scenes {
    /// `[N, height, width, 3]` with labels.
    pub pictures: Dataset,
    /// `[N, height, width, 1]`: 255 where at least half of the pixel shows the subject, else 0.
    pub masks: Tensor<u8>,
}

/// The rounds of streams that draw scenes and choose their classes.
const SCENES: u64 = 2;
const LABELS: u64 = 3;

/// The painted stand-in for cats and dogs: scenes `numbers` of the endless set that follows from `seed`, each of
/// `[height, width]` pixels; of each two in a row one has pointed ears and one has round ears.
///
/// Sets with ranges that do not overlap have no picture in common: train on some, measure on others. A scene is the same
/// in every size.
///
/// ```
/// use convnet_data::generated;
/// use convnet_tensor::Seed;
/// let train = generated::scenes(Seed(1), 0..6, [32, 32])?;
/// let validation = generated::scenes(Seed(1), 6..10, [32, 32])?;
/// assert_eq!(train.pictures.class_counts(), [3, 3]);
/// assert_eq!(validation.masks.shape(), [4, 32, 32, 1].into());
/// # Ok::<(), convnet_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] for pictures without pixels, or more than can be counted.
pub fn scenes(seed: Seed, numbers: Range<u64>, size: [usize; 2]) -> Result<Scenes> {
    scenes_of(&SCENE_CLASSES, &Framing::stand_in(), seed, numbers, size)
}

/// Scenes of any classes, each class once among as many scenes in a row as there are classes; otherwise as [`scenes`].
///
/// The same seed and number give the same scene up to what its class fixes: take another seed for a set that must not
/// be known beforehand, such as the one to pretrain on.
///
/// ```
/// use convnet_data::generated::{Framing, SceneClass, Tail, Traits, scenes_of};
/// use convnet_tensor::Seed;
/// let tailed = |tail| Traits { tail: Some(tail), ..Traits::default() }.into();
/// let class = |name, tail| SceneClass { name, subject: tailed(tail) };
/// let classes = [class("thin", Tail::Thin), class("bushy", Tail::Bushy), class("stub", Tail::Stub)];
/// let tails = scenes_of(&classes, &Framing::small(), Seed(1), 0..9, [32, 48])?;
/// assert_eq!(tails.pictures.class_counts(), [3, 3, 3]);
/// # Ok::<(), convnet_data::Error>(())
/// ```
///
/// # Errors
/// As [`scenes`], and without a class.
pub fn scenes_of(
    classes: &[SceneClass<'_>],
    framing: &Framing,
    seed: Seed,
    numbers: Range<u64>,
    [height, width]: [usize; 2],
) -> Result<Scenes> {
    let count = numbers.end.saturating_sub(numbers.start);
    let count = countable(count, height, width).ok_or_else(|| Error::Argument {
        name: "size",
        expected: "at least one pixel in each direction, and all pictures no larger than memory".into(),
        found: format!("{count} pictures of {height}×{width}×3"),
    })?;
    if classes.is_empty() {
        return Err(Error::Argument {
            name: "classes",
            expected: "at least one".into(),
            found: "none".into(),
        });
    }
    let mut pictures = Tensor::<u8>::recycled([count, height, width, 3]);
    let mut masks = Tensor::<u8>::recycled([count, height, width, 1]);
    let labels = pictures
        .data_mut()
        .par_chunks_exact_mut(3 * height * width)
        .zip(masks.data_mut().par_chunks_exact_mut(height * width))
        .enumerate()
        .map_init(
            || scene::Painter::new(height, width),
            |painter, (place, (picture, mask))| {
                let number = numbers.start + place as u64;
                let label = label(seed, LABELS, number, classes.len());
                let mut stream = seed.stream(Purpose::Generate, SCENES, number);
                painter.paint(&Scene::draw(classes[label].subject, framing, &mut stream), picture, mask);
                label as u32
            },
        )
        .collect();
    let names = classes.iter().map(|class| class.name.to_owned()).collect();
    let mut origin = Origin::generated("scenes", seed.0);
    if numbers.start > 0 {
        origin = origin.changed(format!("from number {}", numbers.start));
    }
    Ok(Scenes { pictures: Dataset::from_arrays(pictures, labels, names)?.with_origin(origin), masks })
}

/// The number of pictures, if all their bytes can be counted.
fn countable(count: u64, height: usize, width: usize) -> Option<usize> {
    let count = usize::try_from(count).ok()?;
    let pixels = height.checked_mul(width).filter(|&pixels| pixels > 0)?;
    let bytes = pixels.checked_mul(3)?.checked_mul(count.max(1))?;
    (bytes <= isize::MAX as usize).then_some(count)
}
