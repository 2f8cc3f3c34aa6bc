//! Seeds and independent streams of random numbers.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};

/// What a stream of random numbers is for; streams of different purposes never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u64)]
#[non_exhaustive]
pub enum Purpose {
    /// First values of weights.
    Weights = 1,
    /// The order of the pictures in a round.
    Shuffle = 2,
    /// Which values dropout drops.
    Dropout = 3,
    /// Random changes of pictures.
    Augment = 4,
    /// Pictures that are painted instead of read.
    Generate = 5,
    /// Choices of a test or of the gradient checker.
    Check = 6,
    /// First pictures of gradient ascent.
    Noise = 7,
    /// Choosing a subset or a split.
    Split = 8,
}

/// The number from which every random number of a run follows.
///
/// Each picture of each round has a stream of its own, so that slices, threads and machines do not matter:
///
/// ```
/// use convnet_tensor::{Purpose, Seed};
/// let mut stream = Seed(1).stream(Purpose::Augment, 0, 17);
/// let first = stream.uniform();
/// assert_eq!(Seed(1).stream(Purpose::Augment, 0, 17).uniform(), first);
/// assert_ne!(Seed(1).stream(Purpose::Augment, 1, 17).uniform(), first);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream for one item (a picture's number in its data set, a layer's place) in one round.
    pub fn stream(self, purpose: Purpose, round: u64, item: u64) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&round.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(item);
        Stream(generator)
    }

    /// A seed for a part of the run (a layer, say), independent of this one and of other parts.
    pub fn part(self, number: u64) -> Seed {
        let mut generator = ChaCha8Rng::from_seed({
            let mut key = [0xff; 32];
            key[..8].copy_from_slice(&self.0.to_le_bytes());
            key
        });
        generator.set_stream(number);
        Seed(generator.next_u64())
    }
}

/// An endless stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Random bytes.
    pub fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Uniform in [0, 1), with the 24 bits that an f32 can tell apart.
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Uniform from `low` up to `high`, which rounding may give: of 128 … 148 once in some million draws.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in 0 … n − 1, without bias.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no number below 0");
        let n = n as u64;
        // Numbers at or above the largest multiple of n would favour small results: draw again.
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let bits = self.0.next_u64();
            if bits < limit {
                return (bits % n) as usize;
            }
        }
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller, one of the pair).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.uniform())).cos()) as f32
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
