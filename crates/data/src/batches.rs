//! Batches: pictures in a seeded order, as the numbers that a model wants.

use crate::{Dataset, Error, Result};
use convnet_tensor::{Pixels, Purpose, Seed, Tensor};
use std::sync::{Mutex, PoisonError};

/// The order of the pictures in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in the data set, every round.
    Sequential,
    /// A new random order each round, which follows from the seed and the round's number.
    Shuffled(Seed),
}

/// Some pictures with all that a training step needs to know of them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The pictures as numbers, `[n, height, width, channels]`.
    pub x: Tensor,
    /// The class of each.
    pub labels: Vec<u32>,
    /// The number of each in its data set.
    pub numbers: Vec<u64>,
    /// The round in which each is met: a picture met again in another round gets another random transform.
    pub rounds: Vec<u64>,
}

/// A data set cut into batches, any of which can be had directly: resuming in the middle replays nothing.
///
/// A round is once through the set; its last batch may be short.
///
/// ```
/// use convnet_data::{Batches, Order, generated};
/// use convnet_tensor::{Pixels, Seed};
/// let set = generated::digits(Seed(1), 100);
/// let batches = Batches::new(&set, 64, Order::Shuffled(Seed(1)), Pixels::ZeroToOne)?;
/// assert_eq!(batches.steps(), 2);
/// assert_eq!(batches.batch(0, 1)?.x.shape().to_string(), "(36, 28, 28, 1)");
/// # Ok::<(), convnet_data::Error>(())
/// ```
#[derive(Debug)]
pub struct Batches {
    dataset: Dataset,
    size: usize,
    order: Order,
    pixels: Pixels,
    /// The orders of the last two rounds asked for: a batch of the stream may reach from one into the next.
    orders: Mutex<[Option<RoundOrder>; 2]>,
}

/// A round and the numbers of the pictures in its order.
type RoundOrder = (u64, Tensor<u32>);

impl Batches {
    /// Batches of `size` pictures, with pixels in the range that the model wants.
    ///
    /// # Errors
    /// When the data set is empty or has more than 2^32 − 1 pictures, `size` is 0, or `pixels` does not fit the channels.
    pub fn new(dataset: &Dataset, size: usize, order: Order, pixels: Pixels) -> Result<Batches> {
        let wrong = |name, expected: &str, found: usize| {
            Err(Error::Argument { name, expected: expected.into(), found: found.to_string() })
        };
        if dataset.is_empty() || u32::try_from(dataset.len()).is_err() {
            return wrong("the number of pictures", "at least 1 and below 2^32", dataset.len());
        }
        if size == 0 {
            return wrong("the batch size", "at least 1", size);
        }
        pixels.check(dataset.picture_shape()[2])?;
        Ok(Batches { dataset: dataset.clone(), size, order, pixels, orders: Mutex::default() })
    }

    /// The pictures behind the batches.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Pictures in a batch, except perhaps the last of a round.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches in a round, the short one included.
    pub fn steps(&self) -> usize {
        self.dataset.len().div_ceil(self.size)
    }

    /// Batch `step` of a round, both counted from 0.
    ///
    /// # Errors
    /// As [`Dataset::picture`].
    ///
    /// # Panics
    /// When `step` is not below [`Batches::steps`].
    pub fn batch(&self, round: u64, step: usize) -> Result<Batch> {
        assert!(step < self.steps(), "step {step} of a round of {}", self.steps());
        let start = step * self.size;
        self.fill(round, start, self.size.min(self.dataset.len() - start))
    }

    /// All batches of a round, in order, or what kept one from being read.
    pub fn round(&self, round: u64) -> impl ExactSizeIterator<Item = Result<Batch>> {
        (0..self.steps()).map(move |step| self.batch(round, step))
    }

    /// Batch `step` of an endless stream, in which each round follows the last without a short batch: the number of steps
    /// in an epoch then need not divide, or be covered by, the number of pictures.
    ///
    /// # Errors
    /// As [`Dataset::picture`].
    ///
    /// # Panics
    /// When `step` × batch size leaves 64 bits.
    pub fn streamed(&self, step: u64) -> Result<Batch> {
        let pictures = self.dataset.len() as u64;
        let position = step.checked_mul(self.size as u64).expect("a position in the stream below 2^64");
        self.fill(position / pictures, (position % pictures) as usize, self.size)
    }

    /// `count` pictures from place `start` of `round` on, and from the rounds after it.
    fn fill(&self, round: u64, start: usize, count: usize) -> Result<Batch> {
        let shape = self.dataset.picture_shape();
        let mut batch = Batch {
            x: Tensor::recycled(shape.with_first(count)),
            labels: Vec::with_capacity(count),
            numbers: Vec::with_capacity(count),
            rounds: Vec::with_capacity(count),
        };
        let (mut round, mut place) = (round, start);
        while batch.numbers.len() < count {
            let end = self.dataset.len().min(place + count - batch.numbers.len());
            let order = self.order_of(round);
            for place in place..end {
                let number = order.as_ref().map_or(place, |order| order.data()[place] as usize);
                batch.labels.push(self.dataset.labels()[number]);
                batch.numbers.push(number as u64);
                batch.rounds.push(round);
            }
            (round, place) = (round + 1, 0);
        }
        for (to, &number) in batch.x.data_mut().chunks_exact_mut(shape.size()).zip(&batch.numbers) {
            self.pixels.write(shape[2], self.dataset.picture(number as usize)?.data(), to);
        }
        Ok(batch)
    }

    /// The numbers of the pictures in the order of `round`; none if that is the order of the set.
    fn order_of(&self, round: u64) -> Option<Tensor<u32>> {
        let Order::Shuffled(seed) = self.order else { return None };
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = orders.iter().flatten().find(|(of, _)| *of == round) {
            return Some(order.clone());
        }
        let mut order = Tensor::from_fn([self.dataset.len()], |place| place as u32);
        seed.stream(Purpose::Shuffle, round, 0).shuffle(order.data_mut());
        orders.rotate_right(1);
        orders[0] = Some((round, order.clone()));
        Some(order)
    }
}
