//! Pictures painted by a program: labelled data where no files are at hand.
//!
//! Everything follows from a seed and the picture's number, so a set can be painted in any order, by any number of
//! threads, whole or one picture at a time.

mod canvas;
mod digits;
mod scenes;
mod skeletons;

pub use digits::{DIGIT_SIDE, digit, digits, digits_iter};
pub use scenes::{
    Ears, Framing, Markings, Pose, SCENE_CLASSES, SCENE_SIDE, Scene, SceneClass, Scenes, Subject, Tail,
    Thing, Traits, scenes, scenes_of,
};

use convnet_tensor::{Purpose, Seed};

/// Each so many pictures in a row as there are classes hold each class once, in a random order.
fn label(seed: Seed, round: u64, number: u64, classes: usize) -> usize {
    let mut labels: Vec<usize> = (0..classes).collect();
    let classes = classes as u64;
    seed.stream(Purpose::Generate, round, number / classes).shuffle(&mut labels);
    labels[(number % classes) as usize]
}
