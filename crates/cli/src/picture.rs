//! A picture on its way to a network, and back to people.

use anyhow::{Result, bail};
use convnet_data::decode::{Decoder, Undecodable};
use convnet_data::resize::Resizer;
use convnet_layers::{InputSpec, Model};
use convnet_report::Picture;
use convnet_tensor::{Pixels, Tensor};
use convnet_visualize::heatmaps::{Method, normalized};
use convnet_visualize::{Blend, ColourMap, Target, overlay};

/// Turns files into what a network is shown; its buffers serve one picture after the other.
#[derive(Debug, Default)]
pub(crate) struct Viewer {
    decoder: Decoder,
    resizer: Resizer,
}

impl Viewer {
    /// The picture in the bytes of a file, as `input` wants it: `[height, width, channels]`.
    ///
    /// # Errors
    /// When it is no picture, or one beyond the limits of `convnet_data::decode`.
    pub(crate) fn seen(&mut self, file: &[u8], input: &InputSpec) -> Result<Tensor<u8>, Undecodable> {
        let [height, width, channels] = input.shape;
        let picture = self.decoder.decode(file, channels)?;
        let mut seen = Tensor::<u8>::zeros([height, width, channels]);
        self.resizer.resize(picture, height, width, input.fit, input.filter, seen.data_mut());
        Ok(seen)
    }
}

/// A picture `[height, width, channels]` as numbers in a range, `[1, height, width, channels]`.
pub(crate) fn numbers(picture: &Tensor<u8>, pixels: Pixels) -> Tensor {
    let mut x = Tensor::zeros(picture.shape().with_first(1));
    pixels.write(picture.shape()[2], picture.data(), x.data_mut());
    x
}

/// A picture with the heat of a class over it.
///
/// # Errors
/// Those of the method.
pub(crate) fn heated(
    model: &Model,
    picture: &Tensor<u8>,
    method: &Method,
    layer: &str,
    class: usize,
) -> Result<Tensor<u8>> {
    let x = numbers(picture, model.input().pixels);
    let heat = normalized(&method.heat(model, &x, layer, &Target::class(class))?)?;
    let heat = heat.reshaped([picture.shape()[0], picture.shape()[1]])?;
    Ok(overlay(picture, &heat, ColourMap::Inferno, Blend::Mixed(0.5))?)
}

/// A picture `[height, width, channels]` for people.
///
/// # Errors
/// When it has other axes, or no pixels.
pub(crate) fn drawn(picture: &Tensor<u8>) -> Result<Picture> {
    let &[height, width, channels] = &picture.shape()[..] else { bail!("a picture has three axes") };
    Ok(Picture::new(width, height, channels, picture.data().to_vec())?)
}
