//! The pictures of the chapter: what experiments take, and what a run has at hand of it.

mod cats_dogs;
mod digits;

pub(crate) use cats_dogs::{CatsDogs, Part};
pub(crate) use digits::Digits;

use crate::options::{Options, Profile};
use anyhow::Result;
use convnet_datasets::{DataChoice, Found, How, Located, Manifest, Places, Verified, find};
use convnet_report::{DataSource, Progress, words};
use std::io::Stderr;
use std::path::Path;

/// Which pictures an experiment takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Those of section 5.1.
    Digits,
    /// Those of section 5.2.
    CatsDogs,
    /// Scenes of which it must be known which pixels show what: always painted, by the experiment itself.
    Scenes,
}

impl Data {
    /// Those that a run has at hand from its beginning on.
    pub(crate) const ALL: [Data; 2] = [Data::Digits, Data::CatsDogs];

    /// What readers call them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Data::Digits => "digits",
            Data::CatsDogs => "cats and dogs",
            Data::Scenes => "painted scenes",
        }
    }

    /// What would be taken, without touching the network.
    ///
    /// # Errors
    /// For files that are there and damaged.
    pub(crate) fn planned(self, options: &Options) -> Result<Planned> {
        let (words, generated) = match self {
            Data::Digits => Digits::planned(options)?,
            Data::CatsDogs => CatsDogs::planned(options)?,
            Data::Scenes => ("painted by this program".into(), true),
        };
        let threads = options.threads() as f64;
        let seconds = match self {
            Data::Digits => Digits::seconds(generated, options.profile),
            Data::CatsDogs => CatsDogs::seconds(generated, options.profile) / threads,
            Data::Scenes => 0.0,
        };
        Ok(Planned { words, generated, mib: self.mib(generated, options.profile), seconds })
    }

    /// How many pixels a picture has, beside one of the book.
    pub(crate) fn share(self, generated: bool, profile: Profile) -> f64 {
        match self {
            Data::Digits | Data::Scenes => 1.0,
            Data::CatsDogs => CatsDogs::share(generated, profile),
        }
    }

    /// The memory in MiB that they take.
    fn mib(self, generated: bool, profile: Profile) -> f64 {
        match self {
            Data::Digits => Digits::mib(generated, profile),
            Data::CatsDogs => CatsDogs::mib(generated, profile),
            Data::Scenes => 0.0,
        }
    }
}

/// What a plan says of a set, and below it which places were passed over and why; and whether it would be `painted`. `download`
/// begins what is said where it has to come first, `there` tells of its folder where it has one.
fn planned(
    options: &Options,
    manifest: &Manifest,
    painted: &str,
    download: &str,
    there: impl FnOnce(&Path, &Located) -> String,
) -> Result<(String, bool)> {
    if options.data == DataChoice::Embedded {
        return Ok((painted.into(), true));
    }
    let (line, notes, generated) = match find(manifest, &options.data, &Places::from_environment())? {
        Found::Files(located) => {
            (there(&located.root.join(&manifest.folder), &located), located.notes, false)
        }
        Found::Downloadable { root, bytes, notes } => {
            let size = bytes as f64 / 1e6;
            let line =
                format!("{download} into {} ({size:.1} MB); {painted} without network", root.display());
            (line, notes, false)
        }
        Found::Absent { why } => (format!("{painted} ({why})"), Vec::new(), true),
    };
    Ok((notes.iter().fold(line, |text, note| text + "\n  " + note), generated))
}

/// What a run would take.
pub(crate) struct Planned {
    /// Which pictures, and from where.
    pub(crate) words: String,
    /// Whether they are painted.
    pub(crate) generated: bool,
    /// Memory.
    pub(crate) mib: f64,
    /// Seconds until they are read or painted, beside a download.
    pub(crate) seconds: f64,
}

/// How far files agree with what was published, short enough for a line on the terminal; the report has all of it.
fn briefly(verified: &Verified) -> String {
    match verified {
        Verified::Differing(all) if all.iter().all(|file| matches!(file.how, How::PackedAgain { .. })) => {
            format!("content as published, {} packed again", words::counted(all.len() as u64, "file"))
        }
        _ => verified.to_string(),
    }
}

/// The pictures that a run has at hand.
#[derive(Default)]
pub(crate) struct Sets {
    pub(crate) digits: Option<Digits>,
    pub(crate) cats_dogs: Option<CatsDogs>,
}

impl Sets {
    /// Finds, downloads or paints what is wanted, and says in a line each which it was.
    ///
    /// # Errors
    /// For files that are there and damaged, with what was expected.
    pub(crate) fn obtain(
        wanted: &[Data],
        options: &Options,
        progress: &mut Progress<Stderr>,
    ) -> Result<Sets> {
        let mut sets = Sets::default();
        if wanted.contains(&Data::Digits) {
            sets.digits = Some(Digits::obtain(options, progress)?);
        }
        if wanted.contains(&Data::CatsDogs) {
            sets.cats_dogs = Some(CatsDogs::obtain(options, progress)?);
        }
        Ok(sets)
    }

    /// The memory in MiB that all of it takes.
    pub(crate) fn mib(&self, profile: Profile) -> f64 {
        let known = Data::ALL.into_iter().filter_map(|data| Some((data, self.known(data)?.1.generated)));
        known.map(|(data, generated)| data.mib(generated, profile)).sum()
    }

    /// The name of a set in results.json, what a reader should know of it, and enough digits of its checksum to tell it from
    /// others; `None` if it is not at hand.
    pub(crate) fn known(&self, data: Data) -> Option<(&'static str, DataSource, String)> {
        match data {
            Data::Digits => self.digits.as_ref().map(|set| (set.key(), set.source(), set.fingerprint())),
            Data::CatsDogs => self.cats_dogs.as_ref().map(|set| (set.key(), set.source(), set.fingerprint())),
            Data::Scenes => {
                let (title, origin) = (data.name().into(), "painted by this program".into());
                Some(("painted-scenes", DataSource { title, generated: true, origin }, String::new()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_datasets::Difference;

    #[test]
    fn checksums_stay_out_of_the_terminal() {
        let packed = |file: &str| Difference {
            file: file.into(),
            how: How::PackedAgain { found: "md5 1".into(), expected: "md5 2".into() },
        };
        let said = briefly(&Verified::Differing(vec![packed("images"), packed("labels")]));
        assert_eq!(said, "content as published, 2 files packed again");
        assert_eq!(briefly(&Verified::Counted { found: 3, expected: 4 }), "3 of 4 pictures");
    }

    #[test]
    fn memory_is_that_of_the_profile() {
        for data in Data::ALL {
            let painted = |profile| data.mib(true, profile);
            assert!(painted(Profile::Smoke) < 15.0 && painted(Profile::Quick) > 50.0, "{}", data.name());
        }
        // MNIST's files are read whole, photographs only as far as they are taken.
        assert_eq!(Data::Digits.mib(false, Profile::Smoke), Data::Digits.mib(false, Profile::Book));
        assert!(Data::CatsDogs.mib(false, Profile::Smoke) < 15.0);
    }
}
