//! What mini-VGG is trained on: many classes of scenes, none with the ears of the stand-in for cats and dogs.

use anyhow::Result;
use convnet_data::Dataset;
use convnet_data::generated::{Ears, Framing, Markings, SceneClass, Subject, Thing, Traits, scenes_of};
use convnet_pretrained::zoo::mini_vgg_classes;
use convnet_tensor::Seed;
use std::ops::Range;

/// The side of a picture.
pub(super) const SIDE: usize = 64;

/// The seed of the scenes, another than that of the stand-in for cats and dogs.
const PAINTED: Seed = Seed(1000);

/// Where the scenes begin that are never trained on.
const HELD_OUT: u64 = 1_000_000;

/// Large and at more of a slant than the stand-in, so that ears and horns are as many pixels as in the larger pictures that the
/// base is used on.
const FRAMING: Framing = Framing { scale: [0.55, 1.0], turn: 0.12, shift: 0.15 };

/// Whether the stand-in for cats and dogs is about such ears.
fn is_of_the_stand_in(ears: Ears) -> bool {
    matches!(ears, Ears::Pointed | Ears::Round)
}

/// What the classes are about, in the order of the network's outputs.
fn subjects() -> impl Iterator<Item = Subject> {
    let ears = Ears::ALL.into_iter().filter(|&ears| !is_of_the_stand_in(ears));
    let creatures = ears.flat_map(|ears| {
        Markings::ALL
            .map(|markings| Traits { ears: Some(ears), markings: Some(markings), ..Traits::default() }.into())
    });
    creatures.chain(Thing::ALL.map(|thing| Subject::Thing(thing, None)))
}

/// The first `count` scenes to train on.
pub(super) fn train(count: u64) -> Result<Dataset> {
    paint(0..count)
}

/// Scenes that no training has seen.
pub(super) fn held_out(count: u64) -> Result<Dataset> {
    paint(HELD_OUT..HELD_OUT + count)
}

fn paint(numbers: Range<u64>) -> Result<Dataset> {
    let names = mini_vgg_classes();
    let named = names.iter().zip(subjects());
    let classes: Vec<_> = named.map(|(name, subject)| SceneClass { name, subject }).collect();
    Ok(scenes_of(&classes, &FRAMING, PAINTED, numbers, [SIDE, SIDE])?.pictures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_data::generated::SCENE_CLASSES;

    /// The zoo's names and the subjects here are two lists that must say the same.
    #[test]
    fn classes_are_called_what_they_show() {
        let names = mini_vgg_classes();
        let subjects: Vec<_> = subjects().collect();
        assert_eq!(names.len(), subjects.len());
        for (name, subject) in names.iter().zip(subjects) {
            let expected = match subject {
                Subject::Thing(Thing::HornedLump, _) => "horned lump".to_string(),
                Subject::Thing(Thing::KnobbedLump, _) => "knobbed lump".to_string(),
                Subject::Thing(thing, _) => format!("{thing:?}").to_lowercase(),
                Subject::Creature(Traits { ears: Some(ears), markings: Some(markings), .. }) => {
                    let markings = match markings {
                        Markings::Plain => "plain",
                        Markings::Stripes => "striped",
                        Markings::Spots => "spotted",
                        Markings::Patches => "patched",
                    };
                    let ears = match ears {
                        Ears::Absent => "earless".to_string(),
                        ears => format!("{ears:?}-eared").to_lowercase(),
                    };
                    format!("{markings} {ears} creature")
                }
                Subject::Creature(_) => panic!("a creature with any ears or markings"),
            };
            assert_eq!(*name, expected);
        }
    }

    /// What section 5.3 asks of the base must be new to it.
    #[test]
    fn no_class_has_the_ears_of_the_stand_in() {
        let asked = SCENE_CLASSES.map(|class| class.subject);
        for subject in subjects() {
            let Subject::Creature(Traits { ears, .. }) = subject else { continue };
            assert!(ears.is_some_and(|ears| !is_of_the_stand_in(ears)), "{subject:?}");
            assert!(!asked.contains(&Traits { ears, ..Traits::default() }.into()), "{subject:?}");
        }
    }

    #[test]
    fn what_is_held_out_is_of_all_classes_and_not_trained_on() {
        let (train, held_out) = (train(76).unwrap(), held_out(76).unwrap());
        // They begin in the middle of a row of all classes.
        assert!(held_out.class_counts().iter().all(|count| (1..=3).contains(count)));
        assert_eq!(train.class_counts(), [2; 38]);
        assert_ne!(train.fingerprint(), held_out.fingerprint());
    }
}
