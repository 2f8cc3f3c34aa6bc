//! Batches: pictures in a seeded order, as the numbers that a model wants.

use crate::ahead::Ahead;
use crate::{Dataset, Error, Result};
use convnet_cpu::parallel;
use convnet_tensor::{Pixels, Purpose, Seed, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// The order of the pictures in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in the data set, every round.
    Sequential,
    /// A new random order each round, which follows from the seed and the round's number.
    Shuffled(Seed),
}

/// Which batch of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A batch of a round, both counted from 0; the last of a round may be short.
    Round {
        /// The round.
        round: u64,
        /// The batch within it.
        step: usize,
    },
    /// A batch of an endless stream, in which each round follows the last without a short batch: the number of steps in an
    /// epoch then need not divide, or be covered by, the number of pictures.
    Stream(u64),
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
/// A round is once through the set; its last batch may be short. The pictures of a batch are read, changed where the set is
/// [augmented](Dataset::augmented) and turned into numbers in parallel, each in its slot; what becomes of a picture depends on
/// seed, round and picture alone. Cloning shares all of it.
///
/// ```
/// use convnet_data::{Batches, Order, Place, generated};
/// use convnet_tensor::{Pixels, Seed};
/// let set = generated::digits(Seed(1), 100);
/// let batches = Batches::new(&set, 64, Order::Shuffled(Seed(1)), Pixels::ZeroToOne)?;
/// assert_eq!(batches.steps(), 2);
/// let last = batches.at(Place::Round { round: 0, step: 1 })?;
/// assert_eq!(last.x.shape().to_string(), "(36, 28, 28, 1)");
/// # Ok::<(), convnet_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    dataset: Dataset,
    size: usize,
    order: Order,
    pixels: Pixels,
    /// The orders of the last two rounds asked for: a batch of the stream may reach from one into the next.
    orders: Arc<Mutex<[Option<RoundOrder>; 2]>>,
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
        if dataset.layer().is_none() {
            pixels.check(dataset.picture_shape()[2])?;
        }
        Ok(Batches { dataset: dataset.clone(), size, order, pixels, orders: Arc::default() })
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

    /// The batch at a place.
    ///
    /// # Errors
    /// When a picture cannot be read.
    ///
    /// # Panics
    /// When the step of a round is not below [`Batches::steps`], or one of the stream times the batch size leaves 64 bits.
    pub fn at(&self, place: Place) -> Result<Batch> {
        let pictures = self.dataset.len();
        match place {
            Place::Round { round, step } => {
                assert!(step < self.steps(), "step {step} of a round of {}", self.steps());
                let start = step * self.size;
                self.fill(round, start, self.size.min(pictures - start))
            }
            Place::Stream(step) => {
                let position =
                    step.checked_mul(self.size as u64).expect("a position in the stream below 2^64");
                self.fill(position / pictures as u64, (position % pictures as u64) as usize, self.size)
            }
        }
    }

    /// All batches of a round, in order.
    pub fn round(&self, round: u64) -> impl Iterator<Item = Result<Batch>> + use<> {
        self.along((0..self.steps()).map(move |step| Place::Round { round, step }))
    }

    /// The batches at these places, in order. Where making one takes more than turning bytes into numbers, it is made ahead in
    /// the background, on as many threads as there are here, so that whoever learns from batches need not wait; a single
    /// thread makes each when it is asked for.
    pub fn along<P>(&self, places: P) -> impl Iterator<Item = Result<Batch>> + use<P>
    where
        P: Iterator<Item = Place> + Send + 'static,
    {
        let (batches, threads) = (self.clone(), parallel::threads());
        let made = places.map(move |place| batches.at(place));
        match threads > 1 && !self.dataset.is_ready() {
            true => Along::Ahead(Ahead::new(threads, made)),
            false => Along::Here(made),
        }
    }

    /// `count` pictures from place `start` of `round` on, and from the rounds after it.
    fn fill(&self, round: u64, start: usize, count: usize) -> Result<Batch> {
        let shape = self.dataset.shape_in_batch();
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
        let Batch { x, numbers, rounds, .. } = &mut batch;
        // The first in the order of the batch, whatever the order in which threads meet mistakes.
        let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        parallel::for_each_chunk(x.data_mut(), shape.size(), |slot, to| {
            let (number, round) = (numbers[slot], rounds[slot]);
            let written = self.dataset.write(number as usize, round, self.pixels, to);
            if let Err(error) = written {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| slot < *first) {
                    *failed = Some((slot, error));
                }
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(batch),
            Some((_, error)) => Err(error),
        }
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

/// Batches made ahead, or each when it is asked for.
enum Along<M> {
    Ahead(Ahead),
    Here(M),
}

impl<M: Iterator<Item = Result<Batch>>> Iterator for Along<M> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        match self {
            Along::Ahead(ahead) => ahead.next(),
            Along::Here(made) => made.next(),
        }
    }
}
