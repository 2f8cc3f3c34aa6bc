//! How alive the channels of a layer are over many pictures.

use super::{activations, places};
use crate::error::Result;
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// Mean, maximum and share of zeros of each channel of a layer, over all places of all pictures seen so far.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, InputSpec, Model};
/// use convnet_tensor::{Seed, Tensor};
/// use convnet_visualize::activations::ChannelStatistics;
/// let model = Model::new(Architecture::new().add(Conv2D::new(8, 3).relu()), InputSpec::new([9, 9, 1]), Seed(1))?;
/// let mut statistics = ChannelStatistics::new("conv2d");
/// statistics.add(&model, &Tensor::full([4, 9, 9, 1], 0.5))?;
/// assert_eq!(statistics.pictures(), 4);
/// println!("{} of {} filters are dead", statistics.dead().len(), statistics.channels());
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChannelStatistics {
    layer: String,
    pictures: u64,
    places: u64,
    channels: Vec<Channel>,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    sum: f64,
    max: f32,
    zeros: u64,
}

impl ChannelStatistics {
    /// Of the layer at this path; nothing seen yet.
    pub fn new(layer: impl Into<String>) -> ChannelStatistics {
        ChannelStatistics { layer: layer.into(), pictures: 0, places: 0, channels: Vec::new() }
    }

    /// Adds the pictures `x` `[N, height, width, channels]`.
    ///
    /// # Errors
    /// Those of [`activations`].
    pub fn add(&mut self, model: &Model, x: &Tensor) -> Result<()> {
        let activation = &activations(model, x, &[&self.layer])?[0];
        let [pictures, height, width, channels] = places(&self.layer, activation)?;
        self.channels.resize(channels, Channel { sum: 0.0, max: f32::NEG_INFINITY, zeros: 0 });
        for place in activation.data().chunks_exact(channels.max(1)) {
            for (channel, &number) in self.channels.iter_mut().zip(place) {
                channel.sum += f64::from(number);
                channel.max = channel.max.max(number);
                channel.zeros += u64::from(number == 0.0);
            }
        }
        self.pictures += pictures as u64;
        self.places += (pictures * height * width) as u64;
        Ok(())
    }

    /// The number of pictures seen.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// The number of channels; 0 before the first picture.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The mean of each channel.
    pub fn mean(&self) -> Vec<f64> {
        self.channels.iter().map(|channel| channel.sum / self.places as f64).collect()
    }

    /// The largest number of each channel.
    pub fn max(&self) -> Vec<f32> {
        self.channels.iter().map(|channel| channel.max).collect()
    }

    /// The share of exact zeros in each channel, 0 … 1: how sparse a ReLU leaves it.
    pub fn share_of_zeros(&self) -> Vec<f64> {
        self.channels.iter().map(|channel| channel.zeros as f64 / self.places as f64).collect()
    }

    /// The channels that were above 0 nowhere in any picture. Behind a ReLU no gradient reaches such a filter any more from
    /// pictures like these; of a layer without a ReLU this says nothing.
    pub fn dead(&self) -> Vec<usize> {
        (0..self.channels.len()).filter(|&channel| self.channels[channel].max <= 0.0).collect()
    }
}
