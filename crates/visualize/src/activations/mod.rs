//! What layers make of a picture (chapter 5.4.1), which of their channels live, and which pictures excite them most.

mod exciting;
mod statistics;

pub use exciting::{Excited, MostExciting};
pub use statistics::ChannelStatistics;

use crate::error::{Error, Result, expect, wrong_shape};
use crate::moments::moments;
use crate::tiles;
use convnet_autograd::Tape;
use convnet_layers::{Model, Request, Tap};
use convnet_tensor::Tensor;

/// The outputs of the layers at `paths` for the pictures `x` `[N, height, width, channels]`, in the order asked for. Layers
/// behind the last of them are not run.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model};
/// use convnet_tensor::{Seed, Tensor};
/// use convnet_visualize::activations::{activations, grid};
/// let base = Architecture::new().named("conv1", Conv2D::new(20, 3).relu()).named("pool1", MaxPooling2D::new(2));
/// let net = Architecture::new().nested("base", base).add(Conv2D::new(4, 3));
/// let model = Model::new(net, InputSpec::new([12, 12, 3]), Seed(1))?;
/// let maps = activations(&model, &Tensor::full([1, 12, 12, 3], 0.5), &["base/conv1", "base/pool1"])?;
/// assert_eq!(maps[1].shape().to_string(), "(1, 5, 5, 20)");
/// assert_eq!(grid(&maps[1], 16)?.shape().to_string(), "(10, 80, 1)");
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Pictures of another shape than the model takes; a path that names nothing, with the nearest that exist.
pub fn activations(model: &Model, x: &Tensor, paths: &[&str]) -> Result<Vec<Tensor>> {
    let request = Request { taps_only: true, ..Request::taps(paths.iter().copied().map(Tap::output)) };
    let outputs = model.run(&mut Tape::new(), x, &request)?;
    Ok(outputs.taps.into_iter().map(|tap| tap.into_tensor()).collect())
}

/// All channels of feature maps `[1, height, width, channels]` (or without the batch axis) in one grey picture, in rows of
/// `columns` (the book's are of 16) without gaps; see [`standardized`].
///
/// # Errors
/// Anything but the feature maps of one picture; no column.
pub fn grid(feature_maps: &Tensor, columns: usize) -> Result<Tensor<u8>> {
    let [height, width, channels] = match *feature_maps.shape() {
        [1, height, width, channels] | [height, width, channels] => [height, width, channels],
        _ => [0; 3],
    };
    if height * width * channels == 0 {
        let expected = "(1, height, width, channels), the maps of one picture";
        return wrong_shape("the feature maps", expected, feature_maps.shape());
    }
    let channel = |channel: usize| -> Result<Tensor<u8>> {
        let numbers: Vec<f32> = feature_maps.data().iter().skip(channel).step_by(channels).copied().collect();
        Ok(Tensor::from_vec([height, width, 1], standardized(&numbers))?)
    };
    tiles(&(0..channels).map(channel).collect::<Result<Vec<_>>>()?, columns, 0)
}

/// Numbers as the book shows them: brought to mean 128 and deviation 64, and cut to 0 … 255. What is the same everywhere, as a
/// dead channel is, becomes 0.
pub fn standardized(numbers: &[f32]) -> Vec<u8> {
    let [mean, variance] = moments(numbers);
    let deviation = variance.sqrt();
    let level = |&x: &f32| ((f64::from(x) - mean) / deviation * 64.0 + 128.0) as u8;
    if deviation > 0.0 { numbers.iter().map(level).collect() } else { vec![0; numbers.len()] }
}

/// The places and channels of what a layer gives: `[N, height, width, channels]`, or numbers `[N, channels]` as one place.
fn places(path: &str, activation: &Tensor) -> Result<[usize; 4]> {
    match *activation.shape() {
        [pictures, height, width, channels] => Ok([pictures, height, width, channels]),
        [pictures, channels] => Ok([pictures, 1, 1, channels]),
        _ => Err(Error::Layer {
            path: path.to_string(),
            message: format!("gives {}; take one that gives feature maps or numbers", activation.shape()),
        }),
    }
}

/// A channel that exists.
fn check_channel(channel: usize, channels: usize) -> Result<()> {
    expect(channel < channels, "the channel", format!("below {channels}"), channel)
}
