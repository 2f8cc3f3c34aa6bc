//! The pictures that excite a channel most, and where in them.

use super::{activations, check_channel, places};
use crate::error::{Result, expect};
use convnet_layers::{Model, ReceptiveField};
use convnet_tensor::Tensor;

/// A picture and the place in it that excites a channel most.
#[derive(Clone, Debug, PartialEq)]
pub struct Excited {
    /// The picture's number in its data set.
    pub picture: u64,
    /// The channel's largest number in it.
    pub activation: f32,
    /// Row and column in the feature map; `[0, 0]` for a unit of a dense layer.
    pub place: [usize; 2],
    /// The pixels that the number can depend on: cut them out with [`patch`](crate::patch).
    pub field: ReceptiveField,
}

/// For each channel of a layer, the pictures with its largest activations among all seen so far.
///
/// What a unit answers to in real pictures and the picture that gradient ascent paints of it belong side by side: one alone
/// misleads.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, InputSpec, Model};
/// use convnet_tensor::{Seed, Tensor};
/// use convnet_visualize::{activations::MostExciting, patch};
/// let model = Model::new(Architecture::new().add(Conv2D::new(8, 3).relu()), InputSpec::new([9, 9, 1]), Seed(1))?;
/// let x = Tensor::from_fn([4, 9, 9, 1], |i| (i % 5) as f32);
/// let mut exciting = MostExciting::new(&model, "conv2d", 2)?;
/// exciting.add(&x, &[0, 1, 2, 3])?;
/// for excited in exciting.of(7)? {
///     let picture = x.rows(excited.picture as usize..excited.picture as usize + 1).reshaped([9, 9, 1])?;
///     assert_eq!(patch(&picture, &excited.field)?.shape().to_string(), "(3, 3, 1)");
/// }
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MostExciting<'m> {
    model: &'m Model,
    layer: String,
    count: usize,
    /// Per channel, the largest first.
    channels: Vec<Vec<Found>>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    picture: u64,
    activation: f32,
    place: [usize; 2],
}

impl<'m> MostExciting<'m> {
    /// The `count` most exciting pictures for each channel of the layer at this path.
    ///
    /// # Errors
    /// A path that names nothing; a count of 0.
    pub fn new(model: &'m Model, layer: impl Into<String>, count: usize) -> Result<MostExciting<'m>> {
        let layer = layer.into();
        expect(count > 0, "count", "at least 1", count)?;
        model.receptive_field(&layer, [0, 0])?;
        Ok(MostExciting { model, layer, count, channels: Vec::new() })
    }

    /// Looks at the pictures `x` `[N, height, width, channels]`, which have these numbers in their data set. Among equal
    /// activations those seen first stay.
    ///
    /// # Errors
    /// Those of [`activations`]; not one number per picture.
    pub fn add(&mut self, x: &Tensor, numbers: &[u64]) -> Result<()> {
        let activation = &activations(self.model, x, &[&self.layer])?[0];
        let [pictures, height, width, channels] = places(&self.layer, activation)?;
        expect(
            numbers.len() == pictures,
            "numbers",
            format!("one for each of {pictures} pictures"),
            numbers.len(),
        )?;
        self.channels.resize(channels, Vec::new());
        let each = height * width * channels;
        for (picture, maps) in activation.data().chunks_exact(each.max(1)).enumerate() {
            let mut best: Vec<(f32, usize)> = vec![(f32::NEG_INFINITY, 0); channels];
            for (place, numbers) in maps.chunks_exact(channels).enumerate() {
                for (best, &number) in best.iter_mut().zip(numbers) {
                    if number > best.0 {
                        *best = (number, place);
                    }
                }
            }
            for (found, (activation, place)) in self.channels.iter_mut().zip(best) {
                let rank = found.partition_point(|found| found.activation >= activation);
                if rank < self.count && activation > f32::NEG_INFINITY {
                    let place = [place / width, place % width];
                    found.insert(rank, Found { picture: numbers[picture], activation, place });
                    found.truncate(self.count);
                }
            }
        }
        Ok(())
    }

    /// The number of channels; 0 before the first picture.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The pictures that excite `channel` most, the largest activation first; fewer where fewer were seen.
    ///
    /// # Errors
    /// A channel that the layer does not have.
    pub fn of(&self, channel: usize) -> Result<Vec<Excited>> {
        check_channel(channel, self.channels.len())?;
        let excited = |&Found { picture, activation, place }: &Found| -> Result<Excited> {
            let field = self.model.receptive_field(&self.layer, place)?;
            Ok(Excited { picture, activation, place, field })
        };
        self.channels[channel].iter().map(excited).collect()
    }
}
