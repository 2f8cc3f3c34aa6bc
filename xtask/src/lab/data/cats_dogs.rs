//! The cats and dogs of section 5.2: the real pictures where they can be had, else creatures that the program paints.

use super::with_notes;
use crate::fetching::Fetching;
use crate::options::{Options, Profile};
use anyhow::{Result, bail};
use convnet_data::duplicates::{Duplicates, Place, near_duplicates};
use convnet_data::{Dataset, LoadOptions, Loaded, Origin, PictureFolder, generated};
use convnet_datasets::{Client, DataChoice, Found, Manifest, Places, Source, find, obtain};
use convnet_report::{DataSource, Progress, words};
use convnet_tensor::Seed;
use std::collections::BTreeMap;
use std::io::Stderr;
use std::ops::ControlFlow;
use std::path::Path;

/// Cats and dogs, or what stands for them.
pub(crate) struct CatsDogs {
    pub(crate) train: Dataset,
    pub(crate) validation: Dataset,
    pub(crate) test: Dataset,
    /// What a reader should know about how they were read, in sentences.
    pub(crate) said: Vec<String>,
    /// What was counted on the way.
    pub(crate) metrics: BTreeMap<String, f64>,
}

/// The side of a picture.
const SIDE: usize = 150;

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
    /// 4,000 pictures of 150×150×3 bytes.
    pub(super) const MIB: f64 = 258.0;

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
                progress.say(&format!("cats and dogs: {} ({})", folder.display(), located.origin));
                read(&folder, &format!("cats and dogs ({})", located.origin), options.profile, progress)
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
    pub(super) fn planned(options: &Options) -> Result<String> {
        let manifest = Manifest::cats_and_dogs()?;
        if options.data == DataChoice::Embedded {
            return Ok("painted creatures".into());
        }
        Ok(match find(&manifest, &options.data, &Places::from_environment())? {
            Found::Files(located) => with_notes(
                format!("{} ({})", located.root.join(&manifest.folder).display(), located.origin),
                &located.notes,
            ),
            Found::Downloadable { root, bytes, notes } => with_notes(
                format!(
                    "to be downloaded into {} ({:.1} MB); painted creatures without network",
                    root.display(),
                    bytes as f64 / 1e6
                ),
                &notes,
            ),
            Found::Absent { why } => format!("painted creatures ({why})"),
        })
    }

    /// The three parts by name.
    pub(crate) fn sets(&self) -> [(&'static str, &Dataset); 3] {
        [("train", &self.train), ("validation", &self.validation), ("test", &self.test)]
    }

    fn generated(&self) -> bool {
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
    pub(super) fn fingerprint(&self) -> String {
        self.sets().map(|(_, set)| set.fingerprint()[..12].to_string()).join("+")
    }
}

/// Reads the three folders: each file once, in parallel, at the network's size.
fn read(folder: &Path, source: &str, profile: Profile, progress: &mut Progress<Stderr>) -> Result<CatsDogs> {
    let options = LoadOptions::new(SIDE, SIDE, 3);
    let mut loaded = Vec::new();
    let (mut said, mut unreadable) = (Vec::new(), 0);
    for (part, _) in PARTS {
        let listed = PictureFolder::list_linked(&folder.join(part), &CLASSES.map(String::from))?;
        for note in listed.notes() {
            progress.say(&format!("{part}: {note}"));
        }
        progress.start(&format!("{part} pictures"), listed.len() as u64, "pictures");
        let mut shown = 0;
        let found = listed.load(&options, &mut |done, _| {
            progress.advance((done - shown) as u64);
            shown = done;
            ControlFlow::Continue(())
        })?;
        progress.finish();
        for (path, why) in found.unreadable.iter().take(TOLD) {
            progress.say(&format!("{}: {why}; left out", path.display()));
        }
        if let more @ 1.. = found.unreadable.len().saturating_sub(TOLD) {
            progress.say(&format!("{part}: {more} more cannot be read and are left out"));
        }
        if !found.unreadable.is_empty() {
            said.push(format!("{} {part} pictures cannot be read and are left out.", found.unreadable.len()));
        }
        unreadable += found.unreadable.len();
        loaded.push(found);
    }
    let hashes: Vec<_> = loaded.iter().map(|found| &found.hashes[..]).collect();
    let twins = near_duplicates(&hashes);
    for twin in &twins {
        progress.say(&told(twin, &loaded));
    }
    let across = twins.iter().filter(|twin| twin.across_sets()).count();
    if !twins.is_empty() {
        said.push(format!(
            "{} groups of pictures look the same, {across} of them across the parts.",
            twins.len()
        ));
    }
    let metrics = [
        ("unreadable_pictures".to_string(), unreadable as f64),
        ("near_duplicates".to_string(), twins.len() as f64),
        ("near_duplicates_across_parts".to_string(), across as f64),
    ];
    let mut sets = loaded.into_iter().map(|found| found.dataset.with_origin(Origin::files(source)));
    let (Some(train), Some(validation), Some(test)) = (sets.next(), sets.next(), sets.next()) else {
        bail!("three parts were read")
    };
    let few = |set: Dataset, most: usize| -> Result<Dataset> {
        Ok(if profile == Profile::Smoke { set.subset(most.min(set.len()), PAINTED)? } else { set })
    };
    Ok(CatsDogs {
        train: few(train, SMOKE[0])?,
        validation: few(validation, SMOKE[1])?,
        test: few(test, SMOKE[2])?,
        said,
        metrics: metrics.into(),
    })
}

/// Which files look the same, in a line.
fn told(twin: &Duplicates, loaded: &[Loaded]) -> String {
    let name = |place: &Place| {
        let name = loaded[place.set].dataset.name(place.number).unwrap_or("?");
        format!("{}/{name}", PARTS[place.set].0)
    };
    let names: Vec<_> = twin.places.iter().map(name).collect();
    let what = if twin.identical { "the same picture" } else { "nearly the same picture" };
    format!("{what}: {}", names.join(", "))
}

/// Paints the three parts, one behind the other from an endless set.
fn paint(profile: Profile) -> Result<CatsDogs> {
    let counts = if profile == Profile::Smoke { SMOKE } else { PARTS.map(|(_, count)| count) };
    let mut first = 0;
    let mut next = |count: usize| {
        let numbers = first..first + count as u64;
        first = numbers.end;
        generated::scenes(PAINTED, numbers, [SIDE, SIDE]).map(|scenes| scenes.pictures)
    };
    let [train, validation, test] = [next(counts[0])?, next(counts[1])?, next(counts[2])?];
    Ok(CatsDogs { train, validation, test, said: Vec::new(), metrics: BTreeMap::new() })
}
