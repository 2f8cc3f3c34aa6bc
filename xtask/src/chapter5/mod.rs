//! The experiments of the chapter. Adding one is a file and a line in [`ALL`].

pub(crate) mod cats_dogs;
mod convolution;
pub(crate) mod digits;
mod insides;
mod pooling;
mod pretrained;
mod shift;
mod shown;

use crate::exit::Usage;
use crate::lab::{Data, Lab};
use crate::options::Profile;

/// One experiment of the chapter, as a constant.
pub(crate) struct Experiment {
    /// Its id on the command line, in the report and in results.json.
    pub(crate) id: &'static str,
    /// Its name for readers.
    pub(crate) title: &'static str,
    /// Experiments whose models it takes.
    pub(crate) needs: &'static [&'static str],
    /// The pictures that it takes of those that are found, downloaded or painted for all.
    pub(crate) data: Option<Data>,
    /// Whether it builds on a pretrained base.
    pub(crate) base: Pretrained,
    /// Whether only the profile `book` has time for it; the smoke run makes one step of it.
    pub(crate) book_only: bool,
    /// What the book prints: metric, lowest and highest.
    pub(crate) book: &'static [(&'static str, [f64; 2])],
    /// Why ours and the book's may differ, or what a reader should know.
    pub(crate) note: &'static str,
    /// What decides its findings beside profile, seed, pictures and what it needs: equal texts, equal findings.
    pub(crate) settings: fn(&Lab) -> String,
    /// What it will cost, where a picture's way through the base takes so many floating-point operations.
    pub(crate) cost: fn(Profile, f64) -> Cost,
    /// Runs it; what it finds goes into the lab's record.
    pub(crate) run: fn(&mut Lab) -> anyhow::Result<()>,
}

impl Experiment {
    /// What it will cost on pictures that are real or `generated`.
    pub(crate) fn expected(&self, profile: Profile, forward: f64, generated: bool) -> Cost {
        let cost = (self.cost)(profile, forward);
        // A base takes its own size of pictures.
        let data = self.data.filter(|_| self.base != Pretrained::Needed);
        let share = data.map_or(1.0, |data| data.share(generated, profile));
        Cost { convolution: cost.convolution * share, ..cost }
    }

    /// Why a profile has no time for it.
    pub(crate) fn left_out(&self, profile: Profile) -> Option<&'static str> {
        (self.book_only && profile == Profile::Quick).then_some("only in profile book: it trains for hours")
    }
}

/// Whether an experiment takes a pretrained base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pretrained {
    /// It does not.
    No,
    /// It shows what a base does where there is one, beside its own.
    Shown,
    /// It is skipped where there is none.
    Needed,
}

/// What an experiment costs, counted before it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Floating-point operations in convolutions (two per multiply-add, direct convolution).
    pub(crate) convolution: f64,
    /// Floating-point operations in dense layers.
    pub(crate) dense: f64,
    /// Seconds of anything else.
    pub(crate) seconds: f64,
    /// Peak memory in MiB beside the program and the pictures.
    pub(crate) mib: f64,
}

/// All experiments, each behind those that it needs.
pub(crate) const ALL: &[Experiment] = &[
    digits::CONVNET,
    digits::DENSE,
    shown::CONVOLUTION,
    pooling::POOLING,
    shift::SHIFT,
    cats_dogs::DATASET,
    cats_dogs::FROM_SCRATCH,
    cats_dogs::AUGMENTED,
    cats_dogs::SHOWN,
    pretrained::EXTRACTED,
    pretrained::PIXELS,
    pretrained::END_TO_END,
    pretrained::UNFROZEN,
    pretrained::TUNED,
    pretrained::TUNED_BLOCK3,
    insides::ACTIVATIONS,
    insides::FILTERS,
    insides::HEATMAPS,
    insides::PROOF,
];

/// The experiment whose network the page carries.
pub(crate) const DIGITS: &str = digits::CONVNET.id;

/// The experiment with this id.
pub(crate) fn find(id: &str) -> Option<&'static Experiment> {
    ALL.iter().find(|experiment| experiment.id == id)
}

/// The experiments that `patterns` name (all without patterns), in the order of the chapter.
///
/// # Errors
/// [`Usage`] for a pattern that names none, with those that exist.
pub(crate) fn select(patterns: &[String]) -> Result<Vec<&'static Experiment>, Usage> {
    let mut chosen = vec![patterns.is_empty(); ALL.len()];
    for pattern in patterns {
        let pattern = pattern.trim();
        if pattern.is_empty() {
            let given = patterns.join(",");
            return Err(Usage(format!(
                "--only `{given}` has an empty part; give ids with one comma between them"
            )));
        }
        let names = |experiment: &Experiment| match pattern.strip_suffix('*') {
            Some(prefix) => experiment.id.starts_with(prefix),
            None if find(pattern).is_some() => experiment.id == pattern,
            // No id: the section and all below it.
            None => experiment.id.strip_prefix(pattern).is_some_and(|rest| rest.starts_with(['.', '-'])),
        };
        let mut found = 0;
        for (chosen, experiment) in chosen.iter_mut().zip(ALL) {
            let is_named = names(experiment);
            found += usize::from(is_named);
            *chosen |= is_named;
        }
        if found == 0 {
            let ids = ALL.iter().map(|experiment| experiment.id).collect::<Vec<_>>().join(", ");
            return Err(Usage(format!(
                "no experiment is called `{pattern}`; there are {ids}; `5.1*` means all that begin so"
            )));
        }
    }
    Ok(ALL.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(experiment, _)| experiment).collect())
}

/// These experiments and all that they need, in the order of the chapter.
pub(crate) fn with_needs(chosen: &[&'static Experiment]) -> Vec<&'static Experiment> {
    let mut wanted: Vec<&str> = chosen.iter().map(|experiment| experiment.id).collect();
    // Needs stand before what needs them, so one sweep from the end finds all.
    for experiment in ALL.iter().rev() {
        if wanted.contains(&experiment.id) {
            wanted.extend(experiment.needs);
        }
    }
    ALL.iter().filter(|experiment| wanted.contains(&experiment.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(patterns: &[&str]) -> Vec<&'static str> {
        let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        select(&patterns).unwrap().iter().map(|experiment| experiment.id).collect()
    }

    #[test]
    fn ids_are_exact_prefixes_or_sections() {
        assert_eq!(ids(&[]).len(), ALL.len());
        assert_eq!(ids(&["5.1"]), ["5.1"]);
        assert_eq!(ids(&["5.1*"]), ["5.1", "5.1-dense", "5.1.1", "5.1.2", "5.1-shift"]);
        assert_eq!(ids(&["5.2"]), ["5.2.1", "5.2.4", "5.2.5", "5.2.5-show"]);
        assert_eq!(ids(&["5.2.5"]), ["5.2.5"]);
        assert_eq!(ids(&["5.1.*", "5.1"]), ["5.1", "5.1.1", "5.1.2"]);
        let error = select(&["5.9".into()]).err().unwrap().to_string();
        assert!(error.contains("`5.9`") && error.contains("5.1-shift"), "{error}");
        let error = select(&["5.1".into(), String::new()]).err().unwrap().to_string();
        assert!(error.contains("`5.1,`") && error.contains("empty part"), "{error}");
    }

    #[test]
    fn needs_stand_before_what_needs_them() {
        for (place, experiment) in ALL.iter().enumerate() {
            for need in experiment.needs {
                assert!(
                    ALL[..place].iter().any(|before| before.id == *need),
                    "{} needs {need}",
                    experiment.id
                );
            }
        }
        let shift = select(&["5.1-shift".into()]).unwrap();
        let ids: Vec<_> = with_needs(&shift).iter().map(|experiment| experiment.id).collect();
        assert_eq!(ids, ["5.1", "5.1-dense", "5.1-shift"]);
    }
}
