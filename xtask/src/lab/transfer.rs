//! Learning on a pretrained base: its pictures, its features, and the proof that it was frozen.

use super::Lab;
use super::base::Base;
use super::data::Part;
use crate::exit::{Interrupted, Skipped};
use anyhow::{Context, Result, bail};
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_report::create_folder;
use convnet_train::{FeatureCache, advise_base, frozen_hash};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What computing features took, where it was not taken from files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    /// Pictures that went through the network.
    pub(crate) pictures: usize,
    pub(crate) seconds: f64,
}

impl Lab {
    /// The pretrained base of this run.
    ///
    /// # Errors
    /// [`Skipped`] with the reason where there is none.
    pub(crate) fn base(&mut self) -> Result<Arc<Base>> {
        let base = self.base.clone().context("an experiment gets the base that it says it takes")?;
        match base {
            Ok(base) => {
                self.record.base = Some(base.source.clone());
                if !base.row.is_the_books() {
                    self.record.book.clear();
                    self.note("The book builds on VGG16; its figures are not those of this base.");
                }
                Ok(base)
            }
            Err(why) => bail!(Skipped(why)),
        }
    }

    /// Floating-point operations of the base's forward pass for each picture, 0 where there is no base.
    pub(crate) fn base_cost(&self) -> f64 {
        self.base.iter().flatten().map(|base| base.row.forward).sum()
    }

    /// The cats and dogs of a part at the size that the base takes.
    ///
    /// # Errors
    /// When they cannot be read again.
    pub(crate) fn part_for(&mut self, base: &Base, part: Part) -> Result<Dataset> {
        self.part_at(base.row.side, part)
    }

    /// The cats and dogs of a part as pictures of `side`×`side` pixels.
    ///
    /// # Errors
    /// When they cannot be read again.
    pub(crate) fn part_at(&mut self, side: usize, part: Part) -> Result<Dataset> {
        let sets = self.sets.cats_dogs.as_ref().context("an experiment gets the pictures that it names")?;
        sets.at(part, side, self.profile, &mut self.progress)
    }

    /// What the model gives at `layer` for the pictures of a part, computed at most once for the same weights, pictures and range
    /// of pixels.
    ///
    /// # Errors
    /// When they cannot be computed or kept, or Ctrl-C came.
    pub(crate) fn features(
        &mut self,
        base: &Base,
        model: &Model,
        layer: &str,
        part: Part,
    ) -> Result<(Dataset, Passed)> {
        let pictures = self.part_for(base, part)?;
        self.stored_features(model, layer, &pictures, part)
    }

    /// The same of pictures of a part that are at hand at the model's size.
    ///
    /// # Errors
    /// When they cannot be computed or kept, or Ctrl-C came.
    pub(crate) fn stored_features(
        &mut self,
        model: &Model,
        layer: &str,
        pictures: &Dataset,
        part: Part,
    ) -> Result<(Dataset, Passed)> {
        let cache = FeatureCache::new(self.features_folder());
        create_folder(&cache.folder)?;
        let phase = format!("{}  features of {} pictures", self.record.id, part.name());
        let (progress, interrupted) = (&mut self.progress, self.interrupted);
        let (mut shown, started) = (0, Instant::now());
        let found = cache.features(model, layer, pictures, &mut |done, all| {
            if shown == 0 {
                progress.start(&phase, all as u64, "pictures");
            }
            progress.advance((done - shown) as u64);
            shown = done;
            if interrupted.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        progress.finish();
        let found = match found {
            Err(convnet_train::Error::Stopped { done, all }) => {
                bail!(Interrupted(format!("interrupted; features of {done} of {all} pictures are lost")))
            }
            other => other?,
        };
        if let Some(note) = &found.note {
            self.progress.say(note);
        }
        let passed = match found.computed {
            0 => {
                self.progress.say(&format!("{phase}: taken from {}", found.file.display()));
                Passed::default()
            }
            pictures => Passed { pictures, seconds: started.elapsed().as_secs_f64() },
        };
        Ok((found.set, passed))
    }

    /// Says what speaks against the range of pixels in which the base gets its pictures.
    pub(crate) fn advise_base(&mut self, base: &Base, model: &Model) {
        if let Some(advice) = advise_base(model, base.row.name, &base.model) {
            self.progress.say(&format!("{}  note: {advice}", self.record.id));
            self.note(&format!("Before the first step: {advice}."));
        }
    }

    fn features_folder(&self) -> PathBuf {
        self.out.join("features")
    }

    /// Says in the record that what was frozen did not move.
    ///
    /// # Errors
    /// When it did: then nothing that was found may be believed.
    pub(crate) fn prove_frozen(&mut self, before: Option<&str>, after: &Model) -> Result<()> {
        let hash = frozen_hash(after);
        let tensors = after.parameters().iter().filter(|parameter| !parameter.trainable).count();
        match (before, hash.as_deref()) {
            (None, None) => self.note("Nothing was frozen."),
            (Some(before), Some(after)) if before == after => self.note(&format!(
                "Frozen: {tensors} tensors, whose SHA-256 begins {} before the training and after it.",
                &before[..12]
            )),
            (before, after) => bail!("what was frozen has moved: SHA-256 {before:?} before, {after:?} after"),
        }
        Ok(())
    }
}
