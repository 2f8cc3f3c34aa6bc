//! Pictures that are there twice: within a set they count double, across training and test they make a model look better
//! than it is.
//!
//! Each picture gets 64 bits that follow from its coarse structure (the lowest 8×8 frequencies of its 32×32 grey reduction, each above
//! or below their median; Zauner, *Implementation and Benchmarking of Perceptual Image Hash Functions*, 2010). Copies that were saved again, scaled or
//! brightened differ in few bits, other pictures in about half.

use crate::decode::Picture;
use crate::resize::Resizer;
use crate::store::{Digest, digest};
use convnet_tensor::{Filter, Fit};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The most bits in which near-duplicates differ.
///
/// Measured on the 4,000 pictures of cats and dogs: its two pairs of near-duplicates differ in none, the next pairs, which
/// are not alike, in 10. Of 150 pictures saved at JPEG quality 30, halved, made grey, or of 1.3 times the contrast all stay within 6, brightened by a fifth 98 %,
/// cut by 2 % on each side four in five; cut by 5 % most do not.
pub const NEAR: u32 = 6;

/// What stands for a picture when duplicates are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureHash {
    /// How it looks: near-duplicates differ in at most [`NEAR`] bits.
    pub looks: u64,
    /// The first half of the SHA-256 of its bytes: equal for identical pictures.
    pub pixels: [u8; 16],
}

impl PictureHash {
    /// The hash of a picture of shape `[height, width, channels]`.
    pub(crate) fn new(
        [height, width, channels]: [usize; 3],
        pixels: &[u8],
        resizer: &mut Resizer,
    ) -> PictureHash {
        let picture = Picture { height, width, channels, pixels };
        PictureHash { looks: looks(picture, resizer), pixels: digest(pixels) as Digest }
    }
}

/// Side of the reduction.
const SIDE: usize = 32;
/// Frequencies along each axis.
const FREQUENCIES: usize = 8;

/// Row f: the cosine of frequency f.
static COSINES: LazyLock<[[f32; SIDE]; FREQUENCIES]> = LazyLock::new(|| {
    std::array::from_fn(|frequency| {
        std::array::from_fn(|place| {
            let turns = (2 * place + 1) as f64 * frequency as f64 / (4 * SIDE) as f64;
            (turns * std::f64::consts::TAU).cos() as f32
        })
    })
});

fn looks(picture: Picture<'_>, resizer: &mut Resizer) -> u64 {
    let mut colours = [0; SIDE * SIDE * 3];
    let small = &mut colours[..SIDE * SIDE * picture.channels];
    resizer.resize(picture, SIDE, SIDE, Fit::Squash, Filter::Area, small);
    let mut sums = [0_u64; 3];
    let mut grey = [[0.0_f32; SIDE]; SIDE];
    for (to, from) in grey.as_flattened_mut().iter_mut().zip(small.chunks_exact(picture.channels)) {
        sums.iter_mut().zip(from).for_each(|(sum, &colour)| *sum += u64::from(colour));
        *to = if let &[red, green, blue] = from {
            0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
        } else {
            f32::from(from[0])
        };
    }
    let product = |a: &[f32; SIDE], b: &[f32; SIDE]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let rows = grey.map(|row| COSINES.each_ref().map(|cosine| product(cosine, &row)));
    let mut numbers = [0.0_f32; FREQUENCIES * FREQUENCIES];
    for (place, number) in numbers.iter_mut().enumerate() {
        let (down, right) = (place / FREQUENCIES, place % FREQUENCIES);
        *number = (0..SIDE).map(|row| COSINES[down][row] * rows[row][right]).sum();
    }
    // Half a level of grey in one frequency: below it there is nothing but rounding, and a flat picture is its colour.
    const FLAT: f32 = (SIDE * SIDE / 4) as f32;
    if numbers[1..].iter().all(|number| number.abs() < FLAT) {
        let colour = sums.iter().fold(1, |colour, sum| (colour << 8) | (sum / (SIDE * SIDE) as u64));
        return colour.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    let mut sorted = numbers;
    sorted[1..].sort_unstable_by(f32::total_cmp);
    // The first number is the mean grey, which says nothing of structure; 63 others have one in their middle.
    let median = sorted[1 + (FREQUENCIES * FREQUENCIES - 1) / 2];
    numbers
        .iter()
        .enumerate()
        .skip(1)
        .fold(0, |hash, (place, &number)| hash | (u64::from(number > median) << place))
}

/// Where a picture is: which of the sets that were compared, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The set, in the order in which they were given.
    pub set: usize,
    /// The picture's number in it.
    pub number: usize,
}

/// Pictures that look alike, each at least like one other of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Where they are, in order; at least two.
    pub places: Vec<Place>,
    /// Whether all are the same to the last bit.
    pub identical: bool,
}

impl Duplicates {
    /// Whether they are in more than one set: what is learned by heart in one then counts as recognised in the other.
    pub fn across_sets(&self) -> bool {
        self.places.iter().any(|place| place.set != self.places[0].set)
    }
}

/// Finds pictures that look alike within and across sets: the training, validation and test set, say.
///
/// It compares hashes, so it may be mistaken, above all among drawings of few lines: look at what it claims. 100,000 pictures take
/// about a second, as only hashes are compared that agree in one of seven parts.
///
/// ```
/// use convnet_data::duplicates::{PictureHash, near_duplicates};
/// let hash = |looks, pixels| PictureHash { looks, pixels: [pixels; 16] };
/// let train = [hash(0b1111, 1), hash(u64::MAX, 2)];
/// let test = [hash(0xff << 40, 3), hash(0b1011, 4)];
/// let found = near_duplicates(&[&train, &test]);
/// assert_eq!(found.len(), 1);
/// assert!(found[0].across_sets() && !found[0].identical);
/// assert_eq!((found[0].places[0].number, found[0].places[1].number), (0, 1));
/// ```
pub fn near_duplicates(sets: &[&[PictureHash]]) -> Vec<Duplicates> {
    let places = sets
        .iter()
        .enumerate()
        .flat_map(|(set, hashes)| (0..hashes.len()).map(move |number| Place { set, number }));
    // Equal hashes first: however many pictures share one, it is compared once.
    let mut alike: HashMap<u64, Vec<Place>> = HashMap::new();
    for place in places {
        alike.entry(sets[place.set][place.number].looks).or_default().push(place);
    }
    let mut hashes: Vec<u64> = alike.keys().copied().collect();
    hashes.sort_unstable();
    let mut groups = Groups::new(hashes.len());
    near(&hashes, |a, b| groups.join(a, b));

    let mut found: HashMap<usize, Vec<Place>> = HashMap::new();
    for (number, hash) in hashes.iter().enumerate() {
        found.entry(groups.first(number)).or_default().extend(&alike[hash]);
    }
    let mut found: Vec<Duplicates> = found
        .into_values()
        .filter(|places| places.len() > 1)
        .map(|mut places| {
            places.sort_unstable();
            let pixels = |place: &Place| sets[place.set][place.number].pixels;
            let identical = places.iter().all(|place| pixels(place) == pixels(&places[0]));
            Duplicates { places, identical }
        })
        .collect();
    found.sort_unstable_by(|a, b| a.places.cmp(&b.places));
    found
}

/// Calls `pair` for every two of the hashes, all different, that differ in at most [`NEAR`] bits.
fn near(hashes: &[u64], mut pair: impl FnMut(usize, usize)) {
    // Cut into one part more than bits may differ, two near hashes agree in at least one part: only within such a bucket
    // is everything compared with everything.
    const PARTS: u32 = NEAR + 1;
    let mut order: Vec<(u64, usize)> = Vec::with_capacity(hashes.len());
    for part in 0..PARTS {
        let (start, end) = (part * u64::BITS / PARTS, (part + 1) * u64::BITS / PARTS);
        let key = |hash: u64| (hash >> start) & ((1 << (end - start)) - 1);
        order.clear();
        order.extend(hashes.iter().enumerate().map(|(number, &hash)| (key(hash), number)));
        order.sort_unstable();
        for bucket in order.chunk_by(|a, b| a.0 == b.0) {
            for (place, &(_, a)) in bucket.iter().enumerate() {
                for &(_, b) in &bucket[place + 1..] {
                    if (hashes[a] ^ hashes[b]).count_ones() <= NEAR {
                        pair(a, b);
                    }
                }
            }
        }
    }
}

/// Numbers joined into groups, each named by one of its members (union-find).
struct Groups(Vec<usize>);

impl Groups {
    fn new(len: usize) -> Groups {
        Groups((0..len).collect())
    }

    fn first(&mut self, mut number: usize) -> usize {
        while self.0[number] != number {
            // Each step halves the way of the next who asks.
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}
