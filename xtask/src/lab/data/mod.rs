//! The pictures of the chapter: what experiments take, and what a run has at hand of it.

mod cats_dogs;
mod digits;

pub(crate) use cats_dogs::CatsDogs;
pub(crate) use digits::Digits;

use crate::options::Options;
use anyhow::Result;
use convnet_report::{DataSource, Progress};
use std::io::Stderr;

/// Which pictures an experiment takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Those of section 5.1.
    Digits,
    /// Those of section 5.2.
    CatsDogs,
}

impl Data {
    pub(crate) const ALL: [Data; 2] = [Data::Digits, Data::CatsDogs];

    /// What would be taken, without touching the network, and the memory in MiB that it takes.
    ///
    /// # Errors
    /// For files that are there and damaged.
    pub(crate) fn planned(self, options: &Options) -> Result<(String, f64)> {
        match self {
            Data::Digits => Ok((format!("digits: {}", Digits::planned(options)?), Digits::MIB)),
            Data::CatsDogs => Ok((format!("cats and dogs: {}", CatsDogs::planned(options)?), CatsDogs::MIB)),
        }
    }
}

/// What a plan says of a set, and below it which places were passed over and why.
fn with_notes(line: String, notes: &[String]) -> String {
    notes.iter().fold(line, |text, note| text + "\n  " + note)
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

    /// The name of a set in results.json, what a reader should know of it, and enough digits of its checksum to tell it from
    /// others; `None` if it is not at hand.
    pub(crate) fn known(&self, data: Data) -> Option<(&'static str, DataSource, String)> {
        match data {
            Data::Digits => self.digits.as_ref().map(|set| (set.key(), set.source(), set.fingerprint())),
            Data::CatsDogs => self.cats_dogs.as_ref().map(|set| (set.key(), set.source(), set.fingerprint())),
        }
    }
}
