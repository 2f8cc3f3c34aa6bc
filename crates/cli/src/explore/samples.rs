//! Pictures that are offered, so that the page works at once: what the model takes decides which.

use super::similar::Index;
use crate::picture::drawn;
use crate::source::file_at_hand;
use convnet_data::generated::{DIGIT_SIDE, digit, scenes};
use convnet_layers::InputSpec;
use convnet_report::Picture;
use convnet_tensor::{Seed, Tensor};

/// A picture that is offered.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// What it shows.
    pub(super) label: String,
    /// Its file, PNG or JPEG.
    pub(super) file: Vec<u8>,
}

/// Painted pictures of a row.
const PAINTED: u64 = 10;
/// Of a folder of pictures, so many are offered.
const FROM_FOLDER: usize = 6;
/// The side of painted scenes.
const SIDE: usize = 224;

/// Digits for a model that takes grey, photographs that are at hand and painted scenes for others.
pub(super) fn samples(input: &InputSpec, index: Option<&Index>) -> Vec<Sample> {
    let own = index.into_iter().flat_map(|index| {
        let all = index.len();
        (0..FROM_FOLDER.min(all)).filter_map(move |number| {
            let place = number * all / FROM_FOLDER.min(all);
            Some(Sample { label: index.class(place)?.to_string(), file: index.png(place).ok()? })
        })
    });
    let painted = if input.shape[2] == 1 { digits() } else { photographs().chain(creatures()).collect() };
    own.chain(painted).collect()
}

/// One of each digit.
fn digits() -> Vec<Sample> {
    // Of each ten in a row every digit is painted once.
    let mut digits: Vec<_> = (0..PAINTED)
        .filter_map(|number| {
            let mut pixels = vec![0; DIGIT_SIDE * DIGIT_SIDE];
            let label = digit(Seed(5), number, &mut pixels);
            Some((label, png(DIGIT_SIDE, DIGIT_SIDE, 1, pixels)?))
        })
        .collect();
    digits.sort_by_key(|(label, _)| *label);
    digits.into_iter().map(|(label, file)| Sample { label: label.to_string(), file }).collect()
}

/// The chapter's elephants, where they are at hand.
fn photographs() -> impl Iterator<Item = Sample> {
    let elephants = file_at_hand("creative_commons_elephant").ok().and_then(Result::ok);
    let elephants = elephants.and_then(|path| std::fs::read(path).ok());
    elephants.into_iter().map(|file| Sample { label: "elephants".into(), file })
}

/// Painted creatures in painted places.
fn creatures() -> Vec<Sample> {
    let Ok(painted) = scenes(Seed(3), 0..PAINTED / 2, [SIDE, SIDE]) else { return Vec::new() };
    let set = painted.pictures;
    (0..set.len())
        .filter_map(|number| {
            let label = set.classes()[set.labels()[number] as usize].clone();
            Some(Sample { label: format!("painted: {label}"), file: png_of(&set.picture(number).ok()?)? })
        })
        .collect()
}

/// A picture `[height, width, channels]` as a PNG.
pub(super) fn png_of(picture: &Tensor<u8>) -> Option<Vec<u8>> {
    drawn(picture).ok()?.to_png().ok()
}

fn png(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Option<Vec<u8>> {
    Picture::new(width, height, channels, pixels).ok()?.to_png().ok()
}
