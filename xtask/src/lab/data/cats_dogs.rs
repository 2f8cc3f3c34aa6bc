//! The cats and dogs of section 5.2: the real pictures where they can be had, else creatures that the program paints.

use super::planned;
use crate::fetching::Fetching;
use crate::options::{Options, Profile};
use anyhow::{Result, bail};
use convnet_data::duplicates::{Duplicates, Place, near_duplicates};
use convnet_data::{Dataset, LoadOptions, Loaded, Origin, PictureFolder, generated};
use convnet_datasets::{Client, DataChoice, Manifest, Places, Source, obtain};
use convnet_report::{DataSource, Progress, words};
use convnet_tensor::Seed;
use std::collections::BTreeMap;
use std::io::Stderr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Cats and dogs, or what stands for them.
pub(crate) struct CatsDogs {
    pub(crate) train: Dataset,
    pub(crate) validation: Dataset,
    pub(crate) test: Dataset,
    /// What a reader should know about how they were read, in sentences.
    pub(crate) said: Vec<String>,
    /// What was counted on the way.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// Files that a reader may want to look at, by what they are.
    pub(crate) lists: BTreeMap<String, Vec<String>>,
    /// The folder with the three parts, and what it is; `None` where they are painted.
    folder: Option<(PathBuf, String)>,
}

/// One of the three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    /// Its name, which its folder has too.
    pub(crate) fn name(self) -> &'static str {
        PARTS[self as usize].0
    }
}

/// The side of a picture.
const SIDE: usize = 150;

/// That of a painted one in profile `quick`.
const SMALLER_SIDE: usize = 96;

/// The names of the three parts, as their folders are called, and how many pictures painted ones have.
const PARTS: [(&str, usize); 3] = [("train", 2_000), ("validation", 1_000), ("test", 1_000)];

/// The classes, as their folders are called, in the order of their labels.
const CLASSES: [&str; 2] = ["cats", "dogs"];

/// What the smoke run takes of them.
const SMOKE: [usize; 3] = [96, 40, 40];

/// How many unreadable pictures of a part are told one by one.
const TOLD: usize = 20;

/// The seed of painted pictures: the set stays the same whatever the run's seed, as the real one does.
const PAINTED: Seed = Seed(1);

impl CatsDogs {
    /// How many pixels a picture has, beside one of 150×150.
    pub(super) fn share(generated: bool, profile: Profile) -> f64 {
        let side = if generated { painted_side(profile) } else { SIDE };
        (side as f64 / SIDE as f64).powi(2)
    }

    /// What the pictures take, a byte for each colour of a pixel.
    pub(super) fn mib(generated: bool, profile: Profile) -> f64 {
        let pictures = (counts(generated, profile).iter().sum::<usize>() * SIDE * SIDE * 3) as f64;
        pictures * CatsDogs::share(generated, profile) / f64::from(1 << 20)
    }

    /// Seconds of one thread until they are at hand: painted in 3.9 ms each of 150×150, or decoded and resized in 1.2 ms (Zen 3).
    pub(super) fn seconds(generated: bool, profile: Profile) -> f64 {
        let each = if generated { 3.9e-3 * CatsDogs::share(true, profile) } else { 1.2e-3 };
        each * counts(generated, profile).iter().sum::<usize>() as f64
    }

    /// Finds, downloads or paints the pictures, and says in one line which it was.
    ///
    /// # Errors
    /// For files that are there and damaged, with what was expected.
    pub(super) fn obtain(options: &Options, progress: &mut Progress<Stderr>) -> Result<CatsDogs> {
        let manifest = Manifest::cats_and_dogs()?;
        let source = if options.data == DataChoice::Embedded {
            Source::Embedded { why: String::new() }
        } else {
            let places = Places::from_environment();
            let mut shown = Fetching::new(progress);
            obtain(&manifest, &options.data, &places, &Client::default(), &mut shown)?
        };
        match source {
            Source::Files(located) => {
                located.notes.iter().for_each(|note| progress.say(note));
                let folder = located.root.join(&manifest.folder);
                let found = format!("{}; {}", located.origin, located.verified);
                progress.say(&format!("cats and dogs: {} ({found})", folder.display()));
                read(&folder, &format!("cats and dogs ({found})"), options.profile, progress)
            }
            Source::Embedded { why } => {
                let because = if why.is_empty() { String::new() } else { format!(" ({why})") };
                progress.say(&format!(
                    "cats and dogs: creatures painted by this program, not photographs{because}"
                ));
                paint(options.profile)
            }
        }
    }

    /// What [`CatsDogs::obtain`] would take, without touching the network.
    ///
    /// # Errors
    /// As [`CatsDogs::obtain`].
    pub(super) fn planned(options: &Options) -> Result<(String, bool)> {
        let manifest = Manifest::cats_and_dogs()?;
        planned(options, &manifest, "painted creatures", "to be downloaded", |folder, located| {
            format!("{} ({}; {})", folder.display(), located.origin, located.verified)
        })
    }

    /// A part as pictures of `side`×`side` pixels: those at hand, or the same ones read or painted again at that size.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn at(
        &self,
        part: Part,
        side: usize,
        profile: Profile,
        progress: &mut Progress<Stderr>,
    ) -> Result<Dataset> {
        if [side, side] == self.train.picture_shape()[..2] {
            return Ok(self.sets()[part as usize].1.clone());
        }
        let Some((folder, source)) = &self.folder else {
            let counts = counts(true, profile);
            let before: usize = counts[..part as usize].iter().sum();
            let numbers = before as u64..(before + counts[part as usize]) as u64;
            return Ok(generated::scenes(PAINTED, numbers, [side, side])?.pictures);
        };
        let listed = listed(folder, part as usize, profile)?;
        let phase = format!("{} pictures at {side}×{side}", part.name());
        let found = decoded(&listed, side, &phase, progress)?;
        Ok(found.dataset.with_origin(Origin::files(&**source)))
    }

    /// The three parts by name.
    pub(crate) fn sets(&self) -> [(&'static str, &Dataset); 3] {
        [("train", &self.train), ("validation", &self.validation), ("test", &self.test)]
    }

    /// Whether the program has painted them.
    pub(crate) fn generated(&self) -> bool {
        self.train.origin().generated
    }

    /// The name of the set in results.json.
    pub(super) fn key(&self) -> &'static str {
        if self.generated() { "painted-creatures" } else { "cats-and-dogs" }
    }

    /// What a reader should know about the set.
    pub(super) fn source(&self) -> DataSource {
        let counts = self.sets().map(|(name, set)| format!("{} {name}", words::count(set.len() as u64)));
        DataSource {
            title: if self.generated() { "painted creatures".into() } else { "cats and dogs".into() },
            generated: self.generated(),
            origin: format!(
                "{}; {}; SHA-256 begins {}",
                self.train.origin(),
                counts.join(", "),
                self.fingerprint()
            ),
        }
    }

    /// A few digits of the set's checksum: enough to tell sets apart.
    pub(crate) fn fingerprint(&self) -> String {
        self.sets().map(|(_, set)| set.fingerprint()[..12].to_string()).join("+")
    }
}

/// Reads the three folders: each file once, in parallel, at the network's size.
fn read(folder: &Path, source: &str, profile: Profile, progress: &mut Progress<Stderr>) -> Result<CatsDogs> {
    let mut loaded = Vec::new();
    let (mut said, mut left_out) = (Vec::new(), Vec::new());
    for (number, (part, _)) in PARTS.into_iter().enumerate() {
        let listed = listed(folder, number, profile)?;
        for note in listed.notes() {
            progress.say(&format!("{part}: {note}"));
        }
        let found = decoded(&listed, SIDE, &format!("{part} pictures"), progress)?;
        for (number, (path, why)) in found.unreadable.iter().enumerate() {
            if number < TOLD {
                progress.say(&format!("{}: {why}; left out", path.display()));
            }
            let name = path.strip_prefix(folder).unwrap_or(path);
            left_out.push(format!("{}: {why}", name.display()));
        }
        if let more @ 1.. = found.unreadable.len().saturating_sub(TOLD) {
            progress.say(&format!("{part}: {more} more cannot be read and are left out"));
        }
        if !found.unreadable.is_empty() {
            let pictures = words::counted(found.unreadable.len() as u64, &format!("{part} picture"));
            said.push(format!("Left out, because unreadable: {pictures}."));
        }
        loaded.push(found);
    }
    let hashes: Vec<_> = loaded.iter().map(|found| &found.hashes[..]).collect();
    let twins = near_duplicates(&hashes);
    let alike: Vec<_> = twins.iter().map(|twin| told(twin, &loaded)).collect();
    alike.iter().for_each(|line| progress.say(line));
    let across = twins.iter().filter(|twin| twin.across_sets()).count();
    if !twins.is_empty() {
        said.push(format!(
            "Pictures that look the same: {}, {across} of them across the parts.",
            words::counted(twins.len() as u64, "group")
        ));
    }
    let metrics = [
        ("unreadable_pictures".to_string(), left_out.len() as f64),
        ("near_duplicates".to_string(), twins.len() as f64),
        ("near_duplicates_across_parts".to_string(), across as f64),
    ];
    let mut sets = loaded.into_iter().map(|found| found.dataset.with_origin(Origin::files(source)));
    let (Some(train), Some(validation), Some(test)) = (sets.next(), sets.next(), sets.next()) else {
        bail!("three parts were read")
    };
    let lists = [("files left out", shortened(left_out)), ("pictures that look the same", shortened(alike))];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let lists = lists.map(|(what, names)| (what.to_string(), names)).collect();
    let folder = Some((folder.to_path_buf(), source.to_string()));
    Ok(CatsDogs { train, validation, test, said, metrics: metrics.into(), lists, folder })
}

/// The files of a part that a run takes.
fn listed(folder: &Path, part: usize, profile: Profile) -> Result<PictureFolder> {
    let listed = PictureFolder::list_linked(&folder.join(PARTS[part].0), &CLASSES.map(String::from))?;
    Ok(if profile == Profile::Smoke { few(listed, SMOKE[part])? } else { listed })
}

/// Decodes files at a size, shown as progress.
fn decoded(
    listed: &PictureFolder,
    side: usize,
    phase: &str,
    progress: &mut Progress<Stderr>,
) -> Result<Loaded> {
    progress.start(phase, listed.len() as u64, "pictures");
    let mut shown = 0;
    let found = listed.load(&LoadOptions::new(side, side, 3), &mut |done, _| {
        progress.advance((done - shown) as u64);
        shown = done;
        ControlFlow::Continue(())
    })?;
    progress.finish();
    Ok(found)
}

/// About `most` pictures of a part for the smoke run, the same share of each class.
fn few(listed: PictureFolder, most: usize) -> Result<PictureFolder> {
    if listed.len() <= most {
        return Ok(listed);
    }
    let (_, few) = listed.split_validation(most as f64 / listed.len() as f64, PAINTED)?;
    Ok(few)
}

/// The most names that the report lists of a kind.
const LISTED: usize = 200;

/// The first names, and how many others there are.
fn shortened(mut names: Vec<String>) -> Vec<String> {
    if names.len() > LISTED {
        let others = names.len() - LISTED;
        names.truncate(LISTED);
        names.push(format!("and {} more", words::count(others as u64)));
    }
    names
}

/// Which files look the same, in a line.
fn told(twin: &Duplicates, loaded: &[Loaded]) -> String {
    let name = |place: &Place| {
        let name = loaded[place.set].dataset.name(place.number).unwrap_or("?");
        format!("{}/{name}", PARTS[place.set].0)
    };
    let names: Vec<_> = twin.places.iter().map(name).collect();
    let what = if twin.identical { "the same picture" } else { "nearly the same picture" };
    let label = |place: &Place| loaded[place.set].dataset.labels()[place.number];
    let is_contradictory = twin.places.iter().any(|place| label(place) != label(&twin.places[0]));
    let wrong = if is_contradictory { " in two classes, so that one label is wrong" } else { "" };
    format!("{what}{wrong}: {}", names.join(", "))
}

/// How many pictures the parts have that a run takes.
fn counts(generated: bool, profile: Profile) -> [usize; 3] {
    let [train, validation, test] = PARTS.map(|(_, count)| count);
    match profile {
        Profile::Smoke => SMOKE,
        Profile::Quick if generated => [train / 2, validation, test],
        Profile::Quick | Profile::Book => [train, validation, test],
    }
}

/// The side of a painted picture.
fn painted_side(profile: Profile) -> usize {
    if profile == Profile::Quick { SMALLER_SIDE } else { SIDE }
}

/// Paints the three parts, one behind the other from an endless set.
fn paint(profile: Profile) -> Result<CatsDogs> {
    let (counts, side) = (counts(true, profile), painted_side(profile));
    let mut first = 0;
    let mut next = |count: usize| {
        let numbers = first..first + count as u64;
        first = numbers.end;
        generated::scenes(PAINTED, numbers, [side, side]).map(|scenes| scenes.pictures)
    };
    let [train, validation, test] = [next(counts[0])?, next(counts[1])?, next(counts[2])?];
    let less = || {
        let [painted, whole] = [counts[0], PARTS[0].1].map(|count| words::count(count as u64));
        format!(
            "Painted at {side}×{side} instead of {SIDE}×{SIDE}, and {painted} to train with instead of {whole}: the network knows \
             them by heart within minutes, and augmentation has something to mend."
        )
    };
    let said = if side == SIDE { Vec::new() } else { vec![less()] };
    Ok(CatsDogs {
        train,
        validation,
        test,
        said,
        metrics: BTreeMap::new(),
        lists: BTreeMap::new(),
        folder: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoke_run_takes_as_many_of_each_class() {
        let folder = tempfile::tempdir().unwrap();
        for class in ["cats", "dogs"] {
            std::fs::create_dir(folder.path().join(class)).unwrap();
            for number in 0..25 {
                std::fs::write(folder.path().join(format!("{class}/{number}.jpg")), "").unwrap();
            }
        }
        let listed = PictureFolder::list(folder.path()).unwrap();
        assert_eq!(few(listed.clone(), 20).unwrap().class_counts(), [10, 10]);
        assert_eq!(few(listed, 50).unwrap().class_counts(), [25, 25]);
    }

    /// However few of them are told one by one.
    #[test]
    fn every_unreadable_picture_is_counted() {
        let bitmap = [
            &b"BM"[..],
            &[58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0],
            &[40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0],
            &[0; 24],
            &[3, 2, 1, 0],
        ];
        let folder = tempfile::tempdir().unwrap();
        for (part, class) in PARTS.iter().flat_map(|(part, _)| CLASSES.map(|class| (part, class))) {
            let class = folder.path().join(part).join(class);
            std::fs::create_dir_all(&class).unwrap();
            std::fs::write(class.join("whole.bmp"), bitmap.concat()).unwrap();
        }
        for number in 0..TOLD + 5 {
            std::fs::write(folder.path().join(format!("train/cats/{number}.jpg")), "a text").unwrap();
        }
        let found = read(folder.path(), "here", Profile::Quick, &mut Progress::stderr()).unwrap();
        assert_eq!(found.metrics["unreadable_pictures"], (TOLD + 5) as f64);
        assert_eq!(found.lists["files left out"].len(), TOLD + 5);
        assert_eq!(found.train.len(), 2);
    }

    #[test]
    fn long_lists_end_in_a_number() {
        let names = |count: usize| shortened((0..count).map(|number| number.to_string()).collect());
        assert_eq!(names(LISTED).len(), LISTED);
        let long = names(LISTED + 1_500);
        assert_eq!((long.len(), &*long[LISTED]), (LISTED + 1, "and 1,500 more"));
    }
}
