//! The pictures that clients have sent, at the model's size, each under an id that nobody can guess; the oldest go first.

use super::refusal::Refusal;
use convnet_tensor::Tensor;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most pictures that are held.
const MOST: usize = 256;
/// The most bytes that they take.
const MOST_BYTES: usize = 64 << 20;

/// Pictures `[height, width, channels]` by id.
#[derive(Debug, Default)]
pub(super) struct Held {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pictures: HashMap<String, Entry>,
    bytes: usize,
    /// Counts uses, so that the least recent is known.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    picture: Tensor<u8>,
    used: u64,
}

impl Held {
    /// Holds a picture under a new id.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn add(&self, picture: Tensor<u8>) -> Result<String, Refusal> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|why| Refusal::failed(format!("no random numbers: {why}")))?;
        let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.inner().put(id.clone(), picture);
        Ok(id)
    }

    /// Holds another picture under the id of one that is held.
    ///
    /// # Errors
    /// When there is none under this id any more.
    pub(super) fn replace(&self, id: &str, picture: Tensor<u8>) -> Result<(), Refusal> {
        let mut inner = self.inner();
        let old = inner.pictures.remove(id).ok_or_else(Refusal::gone)?;
        inner.bytes -= old.picture.size();
        inner.put(id.to_string(), picture);
        Ok(())
    }

    /// The picture under this id.
    ///
    /// # Errors
    /// When there is none any more.
    pub(super) fn get(&self, id: &str) -> Result<Tensor<u8>, Refusal> {
        let mut inner = self.inner();
        inner.clock += 1;
        let now = inner.clock;
        let entry = inner.pictures.get_mut(id).ok_or_else(Refusal::gone)?;
        entry.used = now;
        Ok(entry.picture.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, id: String, picture: Tensor<u8>) {
        self.clock += 1;
        self.bytes += picture.size();
        self.pictures.insert(id, Entry { picture, used: self.clock });
        while self.pictures.len() > 1 && (self.pictures.len() > MOST || self.bytes > MOST_BYTES) {
            let oldest = self.pictures.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
            if let Some(gone) = oldest.and_then(|id| self.pictures.remove(&id)) {
                self.bytes -= gone.picture.size();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_its_id_is_told_to_be_gone() {
        let held = Held::default();
        let ids: Vec<_> = (0..MOST).map(|_| held.add(Tensor::zeros([1, 1, 1])).unwrap()).collect();
        held.get(&ids[0]).unwrap();
        let last = held.add(Tensor::full([2, 1, 1], 7)).unwrap();
        assert_eq!(held.get(&ids[1]).unwrap_err(), Refusal::gone());
        for id in [&ids[0], &ids[2], &last] {
            held.get(id).unwrap();
        }
        assert_eq!(held.replace(&ids[1], Tensor::zeros([1, 1, 1])), Err(Refusal::gone()));
        held.replace(&last, Tensor::full([1, 1, 1], 9)).unwrap();
        assert_eq!(held.get(&last).unwrap().data(), [9]);
    }

    #[test]
    fn large_pictures_are_fewer() {
        let held = Held::default();
        let first = held.add(Tensor::zeros([MOST_BYTES / 2, 1, 1])).unwrap();
        let second = held.add(Tensor::zeros([MOST_BYTES / 2, 1, 1])).unwrap();
        held.get(&first).unwrap();
        held.add(Tensor::zeros([1, 1, 1])).unwrap();
        assert!(held.get(&first).is_ok() && held.get(&second).is_err());
        assert!(held.inner().bytes <= MOST_BYTES);
    }
}
