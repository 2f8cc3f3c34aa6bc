//! What every layer makes of a picture: the channels of one as maps, and of all layers the strongest channel.

use super::change::Change;
use super::explorer::{Explorer, Layer};
use super::refusal::Refusal;
use super::wire::Bytes64;
use convnet_tensor::Tensor;
use convnet_visualize::activations::{ChannelStatistics, activations, standardized};
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// What layers make of a picture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The id of a picture that is held.
    pub(super) picture: String,
    #[serde(default)]
    pub(super) change: Change,
    /// The layer all of whose channels are wanted; without one, of each layer the strongest channel, or all of its numbers.
    #[serde(default)]
    layer: Option<String>,
}

/// Maps of one layer.
#[derive(Debug, Serialize)]
pub(super) struct Maps {
    layer: String,
    /// Rows and columns of the layer's maps.
    size: [usize; 2],
    /// Rows and columns in which they are shown: large ones are brought to a fraction.
    shown: [usize; 2],
    /// How many channels the layer has.
    channels: usize,
    /// Which of them are shown.
    which: Vec<usize>,
    /// Their maps, one after the other, as the book shows them.
    maps: Bytes64,
    /// Of each channel shown, its largest and its mean number.
    most: Vec<f32>,
    mean: Vec<f32>,
    /// Channels that are above 0 nowhere in this picture.
    silent: usize,
    /// Channels that are so in all samples, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<usize>,
}

/// Channels that are shown of a layer.
const CHANNELS: usize = 1024;
/// Bytes of maps in an answer.
const BYTES: usize = 1 << 20;
/// The largest side of a map in the row of all layers.
const THUMBNAIL: usize = 64;

impl Explorer {
    /// The maps of the layer asked for, or of each layer its strongest.
    ///
    /// # Errors
    /// A layer that is not there.
    pub(super) fn maps(&self, asked: &Asked, picture: &Tensor<u8>) -> Result<Vec<Maps>, Refusal> {
        let x = self.numbers(&asked.change.of(picture)?);
        let layers: Vec<&Layer> = match &asked.layer {
            Some(path) => vec![self.layer(path)?],
            None => self.layers.iter().collect(),
        };
        let paths: Vec<_> = layers.iter().map(|layer| &*layer.path).collect();
        let given = activations(&self.model, &x, &paths)?;
        let mut maps = Vec::with_capacity(given.len());
        for (layer, given) in layers.iter().zip(&given) {
            let channels = Channels::of(given);
            maps.push(match asked.layer {
                Some(_) => {
                    let which: Vec<_> = (0..channels.count.min(CHANNELS)).collect();
                    // The largest side whose maps fit into an answer.
                    let each = (BYTES / which.len().max(1)) as f64;
                    let mut maps = channels.maps(&layer.path, which, each.sqrt() as usize);
                    maps.dead = Some(self.dead(&layer.path)?);
                    maps
                }
                // Numbers without places are shown together: one alone says nothing.
                None if channels.places() == 1 => {
                    channels.maps(&layer.path, (0..channels.count.min(CHANNELS)).collect(), THUMBNAIL)
                }
                None => channels.maps(&layer.path, channels.strongest(1), THUMBNAIL),
            });
        }
        Ok(maps)
    }

    /// How many channels of a layer are above 0 nowhere in any sample.
    fn dead(&self, path: &str) -> Result<usize, Refusal> {
        let known = |explorer: &Explorer| {
            explorer.dead.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
        };
        if let Some(dead) = known(self) {
            return Ok(dead);
        }
        let mut statistics = ChannelStatistics::new(path);
        for sample in &self.samples {
            statistics.add(&self.model, &self.numbers(&self.picture(&sample.file)?))?;
        }
        let dead = statistics.dead().len();
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_string(), dead);
        Ok(dead)
    }
}

/// What a layer makes of one picture.
pub(super) struct Channels<'a> {
    numbers: &'a [f32],
    height: usize,
    width: usize,
    pub(super) count: usize,
}

impl Channels<'_> {
    /// Of `[1, height, width, channels]`, or `[1, channels]` as one place.
    pub(super) fn of(given: &Tensor) -> Channels<'_> {
        let [height, width, count] = match *given.shape() {
            [_, height, width, count] => [height, width, count],
            _ => [1, 1, given.size()],
        };
        Channels { numbers: given.data(), height, width, count }
    }

    fn places(&self) -> usize {
        self.height * self.width
    }

    fn channel(&self, channel: usize) -> impl Iterator<Item = f32> + '_ {
        self.numbers.iter().skip(channel).step_by(self.count).copied()
    }

    pub(super) fn mean(&self, channel: usize) -> f32 {
        let sum: f64 = self.channel(channel).map(f64::from).sum();
        (sum / self.places() as f64) as f32
    }

    fn most(&self, channel: usize) -> f32 {
        self.channel(channel).fold(f32::NEG_INFINITY, f32::max)
    }

    /// The channels with the largest means, the largest first.
    pub(super) fn strongest(&self, count: usize) -> Vec<usize> {
        let means: Vec<_> = (0..self.count).map(|channel| self.mean(channel)).collect();
        let mut order: Vec<_> = (0..self.count).collect();
        order.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
        order.truncate(count);
        order
    }

    fn maps(&self, path: &str, which: Vec<usize>, side: usize) -> Maps {
        let factor = self.height.max(self.width).div_ceil(side.max(1)).max(1);
        let shown = [self.height.div_ceil(factor), self.width.div_ceil(factor)];
        let largest = self.numbers.iter().fold(0.0_f32, |most, &number| most.max(number));
        let map = |&channel: &usize| {
            let numbers: Vec<_> = self.channel(channel).collect();
            if self.places() == 1 {
                // One number has no contrast of its own: it is held against its neighbours.
                return vec![(numbers[0] / largest.max(f32::MIN_POSITIVE) * 255.0) as u8];
            }
            standardized(&self.smaller(&numbers, factor, shown))
        };
        Maps {
            layer: path.to_string(),
            size: [self.height, self.width],
            shown,
            channels: self.count,
            maps: Bytes64(which.iter().flat_map(map).collect()),
            most: which.iter().map(|&channel| self.most(channel)).collect(),
            mean: which.iter().map(|&channel| self.mean(channel)).collect(),
            silent: (0..self.count).filter(|&channel| self.most(channel) <= 0.0).count(),
            which,
            dead: None,
        }
    }

    /// The means of squares of `factor` × `factor`; those at the edge are smaller.
    fn smaller(&self, numbers: &[f32], factor: usize, [rows, columns]: [usize; 2]) -> Vec<f32> {
        let mean = |place: usize| {
            let (top, left) = (place / columns * factor, place % columns * factor);
            let (bottom, right) = ((top + factor).min(self.height), (left + factor).min(self.width));
            let sum: f32 = (top..bottom).flat_map(|row| &numbers[row * self.width..][left..right]).sum();
            sum / ((bottom - top) * (right - left)) as f32
        };
        (0..rows * columns).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_ranked_shown_smaller_and_counted() {
        // Channel 0 is silent, channel 1 counts up, channel 2 is 9 in one place.
        let given = Tensor::from_fn([1, 3, 3, 3], |place| match (place % 3, place / 3) {
            (1, pixel) => pixel as f32,
            (2, 4) => 9.0,
            _ => 0.0,
        });
        let channels = Channels::of(&given);
        assert_eq!(channels.strongest(2), [1, 2]);
        let maps = channels.maps("conv", vec![0, 1, 2], 2);
        assert_eq!((maps.shown, maps.silent), ([2, 2], 1));
        assert_eq!((&*maps.most, &*maps.mean), (&[0.0, 8.0, 9.0][..], &[0.0, 4.0, 1.0][..]));
        let ramp: Vec<_> = (0..9).map(|pixel| pixel as f32).collect();
        assert_eq!(channels.smaller(&ramp, 2, [2, 2]), [2.0, 3.5, 6.5, 8.0]);
        assert_eq!(maps.maps.0.len(), 12);
        assert_eq!(maps.maps.0[..4], [0; 4], "what is the same everywhere");
        let numbers = Channels::of(&Tensor::from_slice([1, 3], &[0.0, 1.0, 2.0]).unwrap()).maps(
            "dense",
            vec![0, 1, 2],
            8,
        );
        assert_eq!(numbers.maps.0, [0, 127, 255]);
    }
}
