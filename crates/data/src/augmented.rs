//! Data sets whose pictures are changed at random each time they are met.

use crate::numbers::no_pictures;
use crate::store::Store;
use crate::{Dataset, Result};
use convnet_augment::Augment;
use convnet_tensor::{Seed, Shape};
use std::sync::{Arc, OnceLock};

/// How the pictures of a data set are changed, and the seed from which the changes follow.
#[derive(Debug)]
pub(crate) struct Augmentation {
    augment: Augment,
    seed: Seed,
}

impl Augmentation {
    /// What decides the changes, as text.
    pub(crate) fn text(&self) -> String {
        let augment = serde_json::to_string(&self.augment).unwrap_or_default();
        format!("{augment} {}", self.seed.0)
    }
}

impl Dataset {
    /// The same pictures, of which every batch gets others: each is changed anew whenever it is met, by what follows from the
    /// seed, the round and the picture's number alone.
    ///
    /// ```
    /// use convnet_data::{Augment, Batches, Order, generated};
    /// use convnet_tensor::{Pixels, Seed};
    /// let set = generated::digits(Seed(1), 64).augmented(Augment { rotation: 15.0, ..Augment::none() }, Seed(1))?;
    /// let batches = Batches::new(&set, 64, Order::Sequential, Pixels::ZeroToOne)?;
    /// let [first, again, second] = [0, 0, 1].map(|round| batches.round(round).next().unwrap().unwrap().x);
    /// assert!(first == again && first != second);
    /// # Ok::<(), convnet_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a setting of the augmentation is out of its range, or [numbers](Dataset::with_numbers) stand for the pictures.
    pub fn augmented(mut self, augment: Augment, seed: Seed) -> Result<Dataset> {
        augment.check()?;
        if let Store::Numbers(numbers) = &*self.store {
            return Err(no_pictures(numbers));
        }
        self.augmentation = (!augment.is_none()).then(|| Arc::new(Augmentation { augment, seed }));
        self.fingerprint = Arc::new(OnceLock::new());
        Ok(self)
    }

    /// The same pictures as they are.
    pub fn unaugmented(&self) -> Dataset {
        let mut plain = self.clone();
        if plain.augmentation.take().is_some() {
            plain.fingerprint = Arc::default();
        }
        plain
    }

    /// How the pictures are changed, and from which seed; `None` where they are given as they are.
    pub fn augmentation(&self) -> Option<(&Augment, Seed)> {
        self.augmentation.as_ref().map(|augmentation| (&augmentation.augment, augmentation.seed))
    }

    /// The shape of a picture in a batch: that of the pictures, unless they are cropped.
    pub fn shape_in_batch(&self) -> Shape {
        let shape = self.picture_shape();
        self.augmentation()
            .map_or(shape, |(augment, _)| augment.output_shape([shape[0], shape[1], shape[2]]).into())
    }

    /// Whether making a batch is only turning bytes in memory into numbers.
    pub(crate) fn is_ready(&self) -> bool {
        self.in_memory() && self.augmentation.is_none()
    }
}
