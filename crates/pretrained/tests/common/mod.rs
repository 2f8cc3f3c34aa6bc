//! What several tests need: the small files that Keras wrote, and the folder of real data.

#![allow(dead_code, reason = "each test uses its part")]

use convnet_layers::{InputSpec, Model};
use convnet_pretrained::WeightFile;
use convnet_tensor::{Shape, Tensor};
use safetensors::{SafeTensors, tensor::Dtype};
use std::path::{Path, PathBuf};

/// A file of `goldens/pretrained/`.
pub(crate) fn small(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/pretrained").join(name)
}

/// What the small network takes: raw pixels, as it rescales them itself.
pub(crate) fn input() -> InputSpec {
    InputSpec::new([13, 11, 3])
}

/// The small network with its weights.
pub(crate) fn small_model() -> Model {
    WeightFile::open(small("small.keras")).unwrap().model(input()).unwrap()
}

/// A tensor of `goldens/pretrained.safetensors`.
pub(crate) fn golden(name: &str) -> Tensor {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/pretrained.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), Dtype::F32);
    convnet_layers::file::read_tensor(&tensors, name, Shape::from(view.shape())).unwrap()
}
