//! The digits of section 5.1: MNIST where it can be had, else digits that the program paints.

use super::{briefly, planned};
use crate::fetching::Fetching;
use crate::options::{Options, Profile};
use anyhow::Result;
use convnet_data::{Dataset, generated, idx};
use convnet_datasets::{Client, DataChoice, Manifest, Places, Source, obtain};
use convnet_report::{DataSource, Progress, words};
use convnet_tensor::Seed;
use std::io::Stderr;

/// Training and test digits.
pub(crate) struct Digits {
    pub(crate) train: Dataset,
    pub(crate) test: Dataset,
}

/// Sizes of MNIST, which painted sets imitate.
const TRAIN: usize = 60_000;
const TEST: usize = 10_000;

/// What the smoke run takes of them.
const SMOKE_TRAIN: usize = 2_000;
const SMOKE_TEST: usize = 500;

/// The seed of painted digits: the set stays the same whatever the run's seed, as MNIST does.
const PAINTED: Seed = Seed(1);

impl Digits {
    /// Pictures of 784 bytes: all of MNIST, whose files are read whole, or those that are painted.
    pub(super) fn mib(generated: bool, profile: Profile) -> f64 {
        let few = generated && profile == Profile::Smoke;
        let pictures = if few { SMOKE_TRAIN + SMOKE_TEST } else { TRAIN + TEST };
        (pictures * 28 * 28) as f64 / f64::from(1 << 20)
    }

    /// Seconds until they are at hand: painted one by one, 16 µs each (Zen 3), or unpacked and checked.
    pub(super) fn seconds(generated: bool, profile: Profile) -> f64 {
        match (generated, profile) {
            (false, _) => 0.4,
            (true, Profile::Smoke) => 16e-6 * (SMOKE_TRAIN + SMOKE_TEST) as f64,
            (true, _) => 16e-6 * (TRAIN + TEST) as f64,
        }
    }

    /// Finds, downloads or paints the digits, and says in one line which it was.
    ///
    /// # Errors
    /// For files that are there and damaged, with what was expected.
    pub(crate) fn obtain(options: &Options, progress: &mut Progress<Stderr>) -> Result<Digits> {
        let manifest = Manifest::mnist()?;
        let source = if options.data == DataChoice::Embedded {
            Source::Embedded { why: String::new() }
        } else {
            let places = Places::from_environment();
            let mut shown = Fetching::new(progress);
            obtain(&manifest, &options.data, &places, &Client::default(), &mut shown)?
        };
        let (train, test) = match source {
            Source::Files(located) => {
                located.notes.iter().for_each(|note| progress.say(note));
                let folder = located.root.join(&manifest.folder);
                let (train, test) = idx::mnist(&folder)?;
                progress.say(&format!(
                    "digits: MNIST from {} ({}; {})",
                    folder.display(),
                    located.origin,
                    briefly(&located.verified)
                ));
                let source = format!("MNIST ({}; {})", located.origin, located.verified);
                let name = |set: Dataset| set.with_origin(convnet_data::Origin::files(&*source));
                (name(train), name(test))
            }
            Source::Embedded { why } => {
                let because = if why.is_empty() { String::new() } else { format!(" ({why})") };
                progress.say(&format!("digits: painted by this program, not MNIST{because}"));
                let smoke = options.profile == Profile::Smoke;
                let [train, test] = if smoke { [SMOKE_TRAIN, SMOKE_TEST] } else { [TRAIN, TEST] };
                generated::digits(PAINTED, train + test).split(train)?
            }
        };
        if options.profile == Profile::Smoke {
            return Ok(Digits {
                train: train.take(SMOKE_TRAIN.min(train.len())),
                test: test.take(SMOKE_TEST.min(test.len())),
            });
        }
        Ok(Digits { train, test })
    }

    /// What [`Digits::obtain`] would take, and whether that is generated, without touching the network.
    ///
    /// # Errors
    /// As [`Digits::obtain`].
    pub(crate) fn planned(options: &Options) -> Result<(String, bool)> {
        let manifest = Manifest::mnist()?;
        planned(options, &manifest, "painted digits", "MNIST, to be downloaded", |folder, located| {
            format!("MNIST from {} ({})", folder.display(), located.origin)
        })
    }

    /// The name of the set in results.json.
    pub(crate) fn key(&self) -> &'static str {
        if self.train.origin().generated { "painted-digits" } else { "mnist" }
    }

    /// What a reader should know about the set.
    pub(crate) fn source(&self) -> DataSource {
        let generated = self.train.origin().generated;
        let [train, test] = [&self.train, &self.test].map(|set| words::count(set.len() as u64));
        DataSource {
            title: if generated { "painted digits".into() } else { "MNIST".into() },
            generated,
            origin: format!(
                "{}; {train} to train, {test} to test; SHA-256 begins {}",
                self.train.origin(),
                self.fingerprint()
            ),
        }
    }

    /// A few digits of the set's checksum: enough to tell sets apart.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{}+{}", &self.train.fingerprint()[..12], &self.test.fingerprint()[..12])
    }
}
