//! A user's pictures: found, split, read, and looked at for what would spoil a training.

use crate::evaluate::{options, unreadable};
use crate::interruption::heard;
use crate::terminal::in_batches;
use anyhow::{Result, bail};
use convnet_data::duplicates::{Duplicates, PictureHash, Place, near_duplicates};
use convnet_data::{Dataset, PictureFolder};
use convnet_layers::InputSpec;
use convnet_report::{Progress, words};
use convnet_tensor::Seed;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Stderr;
use std::path::{Path, PathBuf};

/// The pictures of a training.
#[derive(Debug)]
pub(crate) struct Sets {
    pub(crate) train: Dataset,
    /// Decides when to stop and how sure the model may be.
    pub(crate) validation: Dataset,
    /// Decides nothing, so that its figures may be believed.
    pub(crate) test: Option<Dataset>,
    /// How much the pictures of a class count; empty where the classes are about as large.
    pub(crate) class_weights: BTreeMap<u32, f32>,
    /// What the user should know, line by line.
    pub(crate) told: Vec<String>,
}

/// How many pictures of a class are kept from learning where all lie in one heap, for validation and test: a fifth, one at
/// least, and two where four are there.
fn kept(pictures: usize) -> usize {
    match pictures {
        0 | 1 => 0,
        2 | 3 => 1,
        _ => ((pictures as f64 * 0.2).round() as usize).max(2),
    }
}

/// A class that has so many times the pictures of another counts less for each of them.
const UNEVEN: f64 = 1.5;

/// Near-duplicates that are told by name.
const TOLD: usize = 3;

/// The files of each set, found before anything else is done.
#[derive(Debug)]
pub(crate) struct Folders {
    sets: Vec<Files>,
    told: Vec<String>,
}

/// The files of a set.
#[derive(Debug)]
struct Files {
    name: &'static str,
    folder: PictureFolder,
    /// Whether they were drawn from the heap that the training pictures lie in, so that copies may have come apart.
    drawn: bool,
}

impl Sets {
    /// Reads the pictures as the base wants them.
    ///
    /// # Errors
    /// When one of the sets has no picture that can be read.
    pub(crate) fn load(
        Folders { sets: folders, mut told }: Folders,
        input: &InputSpec,
        progress: &mut Progress<Stderr>,
    ) -> Result<Sets> {
        let loaded = read(&folders, input, &mut told, progress)?;
        let hashes: Vec<&[PictureHash]> = loaded.iter().map(|(_, hashes)| &hashes[..]).collect();
        let mut alike = near_duplicates(&hashes);
        let copies = copies(&folders, &loaded, &alike);
        for found in &mut alike {
            found.places.retain(|place| !copies[place.set].contains(&place.number));
        }
        alike.retain(|found| found.places.len() > 1);
        let mut sets = Vec::new();
        for ((files, (set, _)), copies) in folders.iter().zip(&loaded).zip(&copies) {
            if copies.is_empty() {
                sets.push(set.clone());
                continue;
            }
            sets.push(set.without(copies, "like pictures of a set drawn before"));
            told.push(format!(
                "{}: {} left out, since a set drawn before has the like",
                files.name,
                words::counted(copies.len() as u64, "picture")
            ));
        }
        told.insert(0, counted(&folders, &sets));
        let class_weights = weights(&sets[0].class_counts(), sets[0].classes(), &mut told);
        told_duplicates(&folders, &loaded, alike, &mut told);
        let mut sets = sets.into_iter();
        let (Some(train), Some(validation)) = (sets.next(), sets.next()) else { bail!("no pictures") };
        Ok(Sets { train, validation, test: sets.next(), class_weights, told })
    }
}

impl Folders {
    /// Train, validation and, where there is one, test.
    ///
    /// # Errors
    /// When there are no two classes of pictures, or too few of them.
    pub(crate) fn list(folder: &Path, seed: Seed) -> Result<Folders> {
        let mut told = Vec::new();
        let inside = |names: &[&str]| inside(folder, names);
        let train = training(folder);
        let all = with_pictures(PictureFolder::list(train.as_deref().unwrap_or(folder))?, &mut told)?;
        let classes = all.classes();
        if classes.len() < 2 {
            bail!(
                "{}: one class, `{}`; a second is needed to tell it from",
                all.root().display(),
                classes.join("")
            );
        }
        const MOST: usize = 1000;
        if classes.len() > MOST {
            bail!("{}: {} classes; at most {MOST} can be learned", all.root().display(), classes.len());
        }
        let of =
            |path: Option<PathBuf>| path.map(|path| PictureFolder::list_classes(&path, classes)).transpose();
        let (validation, test) = match train {
            Some(_) => (of(inside(&["validation", "valid", "val"]))?, of(inside(&["test"]))?),
            None => (None, None),
        };
        let pictures = all.len();
        let name = |part: &str| format!("{part} part of a split at random");
        let drawn = [validation.is_none(), validation.is_none() && test.is_none()];
        let (train, validation, test) = match (validation, test) {
            (Some(validation), test) => (all, validation, test),
            (None, Some(test)) => {
                told.push(
                    "no folder of validation pictures: a tenth of each class is taken for it, at random"
                        .into(),
                );
                let some = |pictures| kept(pictures).div_ceil(2);
                let (train, validation) = all.split([name("training"), name("validation")], seed, some);
                (train, validation, Some(test))
            }
            (None, None) => {
                told.push(
                    "of each class, four fifths are learned from, a tenth is for validation, a tenth for test, at random; of small ones \
                     one each for validation and test, where four are there"
                        .into(),
                );
                let (train, held) = all.split([name("training"), name("kept")], seed, kept);
                let (validation, test) =
                    held.split([name("validation"), name("test")], seed, |pictures| pictures / 2);
                (train, validation, Some(test))
            }
        };
        if validation.is_empty() {
            bail!(
                "{}: {} are too few to keep some for validation; each class needs two at least, and ten to make sense",
                folder.display(),
                words::counted(pictures as u64, "picture")
            );
        }
        let test = test.filter(|test| !test.is_empty());
        let sets = [
            ("train", Some(train), false),
            ("validation", Some(validation), drawn[0]),
            ("test", test, drawn[1]),
        ];
        let files = |(name, folder, drawn)| Some(Files { name, folder: folder?, drawn });
        let sets = sets.into_iter().filter_map(files).collect();
        Ok(Folders { sets, told })
    }
}

/// The folder of training pictures inside another, where they are divided.
pub(crate) fn training(folder: &Path) -> Option<PathBuf> {
    inside(folder, &["train", "training"])
}

fn inside(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_dir())
}

/// The classes that have a picture to learn from.
fn with_pictures(all: PictureFolder, told: &mut Vec<String>) -> Result<PictureFolder> {
    let counts = all.class_counts();
    let split = |is_there: bool| -> Vec<String> {
        let classes = all.classes().iter().zip(&counts).filter(|(_, count)| (**count > 0) == is_there);
        classes.map(|(class, _)| class.clone()).collect()
    };
    let (there, empty) = (split(true), split(false));
    if empty.is_empty() || there.is_empty() {
        return Ok(all);
    }
    told.push(format!("left out, since they hold no picture to learn from: {}", empty.join(", ")));
    Ok(PictureFolder::list_classes(all.root(), &there)?)
}

/// The pictures of each set, as the base wants them, and what tells copies.
fn read(
    folders: &[Files],
    input: &InputSpec,
    told: &mut Vec<String>,
    progress: &mut Progress<Stderr>,
) -> Result<Vec<(Dataset, Vec<PictureHash>)>> {
    let options = options(input)?;
    let mut loaded = Vec::new();
    for Files { name, folder, .. } in folders {
        folder.notes().iter().for_each(|note| told.push(format!("{name}: {note}")));
        let phase = format!("reading {name} pictures");
        let read = in_batches(progress, &phase, |tell| Ok(folder.load(&options, &mut heard(tell))?))?;
        told.extend(unreadable(&read.unreadable).map(|line| format!("{name}: {line}")));
        loaded.push((read.dataset, read.hashes));
    }
    Ok(loaded)
}

/// What is left out of the sets that were drawn at random: pictures that look like others of their class in a set drawn before, so
/// that nothing learned by heart counts as recognised.
///
/// Where they are more than a tenth of a set, they are drawings that look alike all over rather than copies: then nothing is left
/// out but what is the same to the last bit.
fn copies(
    folders: &[Files],
    loaded: &[(Dataset, Vec<PictureHash>)],
    alike: &[Duplicates],
) -> Vec<BTreeSet<usize>> {
    let pixels = |place: &Place| loaded[place.set].1[place.number].pixels;
    let (mut near, mut same) = (vec![BTreeSet::new(); loaded.len()], vec![BTreeSet::new(); loaded.len()]);
    for found in alike {
        for place in found.places.iter().filter(|place| folders[place.set].drawn) {
            let is_before =
                |other: &&Place| other.set < place.set && label(other, loaded) == label(place, loaded);
            let before: Vec<&Place> = found.places.iter().filter(is_before).collect();
            let is_same = before.iter().any(|other| pixels(other) == pixels(place));
            if is_same {
                same[place.set].insert(place.number);
            }
            if is_same || !before.is_empty() && !is_contradictory(found, loaded) {
                near[place.set].insert(place.number);
            }
        }
    }
    let chosen = |((near, same), (set, _)): ((BTreeSet<usize>, BTreeSet<usize>), &(Dataset, _))| {
        let copies = if near.len() * 10 > set.len() { same } else { near };
        if copies.len() < set.len() { copies } else { BTreeSet::new() }
    };
    near.into_iter().zip(same).zip(loaded).map(chosen).collect()
}

/// Whether the same picture stands under several classes.
fn is_contradictory(found: &Duplicates, loaded: &[(Dataset, Vec<PictureHash>)]) -> bool {
    found.places.iter().any(|place| label(place, loaded) != label(&found.places[0], loaded))
}

fn label(place: &Place, loaded: &[(Dataset, Vec<PictureHash>)]) -> u32 {
    loaded[place.set].0.labels()[place.number]
}

fn counted(folders: &[Files], sets: &[Dataset]) -> String {
    let classes = sets[0].classes();
    let sets = folders
        .iter()
        .zip(sets)
        .map(|(files, set)| format!("{} {}", words::count(set.len() as u64), files.name));
    let mut names = classes.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    if classes.len() > 5 {
        names.push_str(" …");
    }
    format!("pictures: {}; {} classes ({names})", sets.collect::<Vec<_>>().join(", "), classes.len())
}

/// Weights that make up for classes of different size: in sum every class counts the same.
fn weights(counts: &[usize], classes: &[String], told: &mut Vec<String>) -> BTreeMap<u32, f32> {
    let there = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let (Some((least, few)), Some((most, many))) =
        (there.clone().min_by_key(|(_, count)| **count), there.clone().max_by_key(|(_, count)| **count))
    else {
        return BTreeMap::new();
    };
    if *many as f64 <= UNEVEN * *few as f64 {
        return BTreeMap::new();
    }
    told.push(format!(
        "the classes are uneven: {} has {few} pictures, {} has {many}; each counts so much that all classes weigh the same",
        classes[least], classes[most]
    ));
    let (all, kinds) = (counts.iter().sum::<usize>() as f64, there.clone().count() as f64);
    there.map(|(class, count)| (class as u32, (all / (kinds * *count as f64)) as f32)).collect()
}

/// Look-alikes spoil a training in three ways, the worst first.
fn told_duplicates(
    folders: &[Files],
    loaded: &[(Dataset, Vec<PictureHash>)],
    alike: Vec<Duplicates>,
    told: &mut Vec<String>,
) {
    let (contradictory, others): (Vec<_>, Vec<_>) =
        alike.into_iter().partition(|found| is_contradictory(found, loaded));
    let (across, within): (Vec<_>, Vec<_>) = others.into_iter().partition(Duplicates::across_sets);
    let mut tell = |groups: &[Duplicates], what: &str| {
        if groups.is_empty() {
            return;
        }
        told.push(format!("{} of look-alikes {what}:", words::counted(groups.len() as u64, "group")));
        for found in groups.iter().take(TOLD) {
            let names = found.places.iter().take(4).map(|place| {
                let (set, name) = (&loaded[place.set].0, folders[place.set].name);
                format!("{name}/{}", set.name(place.number).unwrap_or("?"))
            });
            told.push(format!("  {}", names.collect::<Vec<_>>().join(" = ")));
        }
    };
    tell(&contradictory, "stand under more than one class, so that one of them is wrong");
    tell(&across, "lie in more than one set, so that the figures look better than they are");
    tell(&within, "lie in one set, where they count twice");
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn small_classes_keep_some_for_validation_and_test() {
        for (pictures, expected) in
            [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (12, 2), (15, 3), (1_000, 200)]
        {
            assert_eq!(kept(pictures), expected, "{pictures}");
        }
    }
}
