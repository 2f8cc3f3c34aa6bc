//! What an experiment found, kept beside its models as `models/ID.json`: taken again when another run needs the very same.

use super::{Lab, convolution};
use crate::chapter5::{self, Experiment, Pretrained};
use anyhow::{Context, Result};
use convnet_report::{DataSource, Experiment as Record, Results, Status, write_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// No record of ours comes near this size.
const LARGEST_RECORD: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Kept {
    /// All that decides the findings beside the pictures.
    fingerprint: String,
    threads: usize,
    /// What a reader should know of the pictures; none where it takes none that are at hand for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<DataSource>,
    /// The same of other pictures that its figures show, by their names in results.json.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    shown: BTreeMap<String, DataSource>,
    /// Some digits of their checksum.
    #[serde(default)]
    pictures: String,
    /// The pretrained base that it took, and some digits of its checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// The SHA-256 of each model file that the experiment wrote, by its name.
    models: BTreeMap<String, String>,
    record: Record,
}

impl Lab {
    /// Removes what was kept of an experiment, before anything of it is written anew: a record never stands beside the
    /// models or figures of another run.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub(crate) fn forget(&self, id: &str) -> Result<()> {
        let path = self.kept_path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Keeps what an experiment found, with the models that it has just written. A record that cannot be kept costs time
    /// later, no finding now.
    pub(crate) fn keep(&mut self, experiment: &Experiment, record: &Record) {
        let written = self.write_kept(experiment, record);
        for checkpoint in self.checkpoints.drain(..) {
            // All is in the models now; a checkpoint that cannot be removed does no harm.
            let _ = std::fs::remove_file(checkpoint);
        }
        if let Err(error) = written {
            self.progress.say(&format!("{}  cannot be kept for later runs: {error:#}", record.id));
        }
    }

    fn write_kept(&self, experiment: &Experiment, record: &Record) -> Result<()> {
        let mut models = BTreeMap::new();
        for path in &self.models {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            models.insert(name, sha256(path).with_context(|| format!("{} cannot be read", path.display()))?);
        }
        let (source, pictures) = match experiment.data {
            Some(data) => {
                let (_, source, pictures) = self.sets.known(data).context("the pictures are not at hand")?;
                (Some(source), pictures)
            }
            None => (None, String::new()),
        };
        let kept = Kept {
            fingerprint: self.fingerprint(experiment),
            threads: self.threads,
            source,
            shown: self.shown.clone(),
            pictures,
            base: self.known_base(experiment),
            models,
            record: record.clone(),
        };
        Ok(write_file(self.kept_path(&record.id), &serde_json::to_vec_pretty(&kept)?)?)
    }

    /// What an earlier run found with the very same settings and pictures, and what these were, if its models and figures are
    /// all there and unchanged. Pictures that this run does not take are not compared: they stand beside what was found.
    pub(crate) fn kept(&self, experiment: &Experiment) -> Option<(Record, BTreeMap<String, DataSource>)> {
        let mut bytes = Vec::new();
        File::open(self.kept_path(experiment.id)).ok()?.take(LARGEST_RECORD).read_to_end(&mut bytes).ok()?;
        let Kept { fingerprint, threads, source, shown, pictures, base, models, mut record } =
            serde_json::from_slice(&bytes).ok()?;
        let is_there = |figure: &String| self.out.join(figure).is_file();
        let is_unchanged = |(name, expected): (&String, &String)| {
            sha256(&self.out.join("models").join(name)).is_ok_and(|found| found == *expected)
        };
        let same = fingerprint == self.fingerprint(experiment) && record.id == experiment.id;
        let at_hand = experiment.data.and_then(|data| self.sets.known(data));
        let same_pictures = at_hand.is_none_or(|(_, _, known)| known == pictures);
        let same_base = self.known_base(experiment).is_none_or(|known| Some(known) == base);
        if !(same
            && same_pictures
            && same_base
            && record.figures.iter().all(is_there)
            && record.cells.values().all(|cells| is_there(&cells.pictures))
            && models.iter().all(is_unchanged))
        {
            return None;
        }
        record.threads = (threads != self.threads).then_some(threads);
        // Pictures that an experiment of its own accord took are told as they were shown.
        let mut sources = shown;
        let own = record.data.clone().filter(|name| !sources.contains_key(name));
        sources.extend(own.zip(source));
        Some((record, sources))
    }

    /// The base that an experiment takes, where this run has it at hand.
    fn known_base(&self, experiment: &Experiment) -> Option<String> {
        let base = self.base.as_ref().filter(|_| experiment.base != Pretrained::No)?.as_ref().ok()?;
        Some(format!("{} {}", base.row.name, base.checksum))
    }

    /// One line on results of other settings that this run is about to replace in its folder: those that are not `kept`.
    pub(crate) fn replaced(&self, kept: &[&str]) -> Option<String> {
        let before = Results::read(self.out.join("results.json")).ok()?;
        let done = before.experiments.iter().filter(|record| record.status == Status::Done);
        let lost: Vec<_> = done.map(|record| &*record.id).filter(|id| !kept.contains(id)).collect();
        let data: Vec<_> = before.data.values().map(|source| &*source.title).collect();
        (!lost.is_empty()).then(|| {
            format!(
                "{} holds results of profile {}, seed {}, on {}: those of {} are replaced in results.json and on the page, and \
                 models and figures of the same names are overwritten",
                self.out.display(),
                before.profile,
                before.seed,
                data.join(", "),
                lost.join(", ")
            )
        })
    }

    fn kept_path(&self, id: &str) -> PathBuf {
        self.out.join("models").join(format!("{id}.json"))
    }

    /// Everything that decides what an experiment finds beside the pictures, that of its needs included: equal fingerprints on
    /// equal pictures, equal findings.
    fn fingerprint(&self, experiment: &Experiment) -> String {
        let needs = experiment.needs.iter().filter_map(|need| chapter5::find(need));
        let settings: Vec<_> = needs
            .chain([experiment])
            .map(|experiment| format!("{}: {}", experiment.id, (experiment.settings)(self)))
            .collect();
        format!(
            "profile {}, seed {}, {} {}, convnet {}, {}",
            self.profile.word(),
            self.seed.0,
            convnet_cpu::simd::isa().name(),
            convolution(),
            env!("CARGO_PKG_VERSION"),
            settings.join(", "),
        )
    }
}

/// The SHA-256 of a file.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 64 << 10];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hash.update(&block[..read]),
        }
    }
}
