//! Augmentation tried out: settings in, nine samples out.

use super::explorer::Explorer;
use super::refusal::Refusal;
use super::wire::Pixels64;
use convnet_augment::Augment;
use convnet_tensor::{Purpose, Seed, Tensor};
use serde::{Deserialize, Serialize};

/// Settings to try.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The id of a picture that is held.
    pub(super) picture: String,
    /// As in the file that `convnet train --augment FILE` reads.
    augment: Augment,
    seed: u64,
}

/// What became of the picture.
#[derive(Debug, Serialize)]
pub(super) struct Samples {
    samples: Vec<Pixels64>,
}

const COUNT: u64 = 9;
/// The largest crop that is drawn.
const LARGEST: usize = 512;

impl Explorer {
    /// Nine pictures as a training would meet them.
    ///
    /// # Errors
    /// A setting outside its range.
    pub(super) fn augmented(&self, asked: &Asked, picture: &Tensor<u8>) -> Result<Samples, Refusal> {
        asked.augment.check()?;
        if asked.augment.crop.is_some_and(|sides| sides.iter().any(|&side| side > LARGEST)) {
            return Err(Refusal::wrong(format!("a crop of at most {LARGEST} pixels a side can be shown")));
        }
        let shape = self.model.input().shape;
        let sample = |number: u64| {
            let mut stream = Seed(asked.seed).stream(Purpose::Augment, number, 0);
            let transform = asked.augment.draw(shape, &mut stream);
            let mut sample = Tensor::<u8>::zeros(transform.output_shape());
            transform.write_bytes(picture.data(), sample.data_mut());
            Pixels64::of(&sample)
        };
        Ok(Samples { samples: (0..COUNT).map(sample).collect() })
    }
}
