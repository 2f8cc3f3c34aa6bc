//! What several tests need: the small files that other frameworks wrote, and what they compute from them.

#![allow(dead_code, reason = "each test uses its part")]

use convnet_layers::{
    Add, Architecture, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, InputSpec,
    MaxPooling2D, Model, Padding, ReLU,
};
use convnet_pretrained::WeightFile;
use convnet_tensor::{Purpose, Seed, Shape, Stream, Tensor};
use safetensors::{SafeTensors, tensor::Dtype};
use std::path::{Path, PathBuf};

/// A file of `goldens/pretrained/`.
pub(crate) fn small(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/pretrained").join(name)
}

/// A file of `goldens/formats/`, which PyTorch or NumPy wrote.
pub(crate) fn foreign(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/formats").join(name)
}

/// Equal up to this share of the largest absolute value.
pub(crate) fn close(found: &Tensor, expected: &Tensor, share: f32) {
    assert_eq!(found.shape(), expected.shape());
    let scale = expected.data().iter().fold(0.0f32, |scale, x| scale.max(x.abs()));
    for (a, b) in found.data().iter().zip(expected.data()) {
        assert!((a - b).abs() <= share * scale, "{a} instead of {b}, scale {scale}");
    }
}

/// The network of `goldens/formats.py` with random first values, its layers under PyTorch's names.
pub(crate) fn torch_model() -> Model {
    let normalization = |epsilon| BatchNormalization { epsilon, ..BatchNormalization::new() };
    let around = |pixels| Padding::Explicit([pixels; 4]);
    let network = Architecture::new()
        .named("first", Conv2D::new(6, [3, 2]).without_bias())
        .named("first_bn", normalization(1e-3))
        .named("first_relu", ReLU::up_to(6.0))
        .named("depth", DepthwiseConv2D::new(3).strides(2).padding(around(1)).depth_multiplier(2))
        .named("depth_bn", normalization(1e-5))
        .named("point", Conv2D::new(8, 1))
        .named("point_relu", ReLU::new())
        .named("left", Conv2D::new(8, 3).padding(around(2)).dilation(2))
        .join("right", Conv2D::new(8, 1), &["point_relu"])
        .join("sum", Add::new(), &["left", "right"])
        .named("sum_relu", ReLU::new())
        .named("pool", MaxPooling2D::new(2))
        .named("flatten", Flatten::new())
        .named("flat_bn", normalization(1e-5))
        .named("fc1", Dense::new(10))
        .named("fc1_relu", ReLU::new())
        .named("dropout", Dropout::new(0.25))
        .named("fc2", Dense::new(4).softmax());
    Model::new(network, input(), Seed(3)).unwrap()
}

/// What the small network takes: raw pixels, as it rescales them itself.
pub(crate) fn input() -> InputSpec {
    InputSpec::new([13, 11, 3])
}

/// The small network with its weights.
pub(crate) fn small_model() -> Model {
    WeightFile::open(small("small.keras")).unwrap().model(input()).unwrap()
}

/// The network with groups and several ways side by side, from one of Keras' files.
pub(crate) fn branches_model() -> Model {
    let mut file = WeightFile::open(small("branches.keras")).unwrap();
    file.model(InputSpec::new([12, 10, 4])).unwrap()
}

/// A tensor of `goldens/pretrained.safetensors`.
pub(crate) fn golden(name: &str) -> Tensor {
    golden_of("pretrained.safetensors", name)
}

/// A tensor of a file in `goldens/`.
pub(crate) fn golden_of(file: &str, name: &str) -> Tensor {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens").join(file);
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), Dtype::F32);
    convnet_layers::file::read_tensor(&tensors, name, Shape::from(view.shape())).unwrap()
}

/// Bytes changed, cut off, moved, zeroed or repeated.
pub(crate) fn mutate(bytes: &mut Vec<u8>, stream: &mut Stream) {
    let at = |stream: &mut Stream, length: usize| (stream.bits() % length.max(1) as u64) as usize;
    for _ in 0..=at(stream, 4) {
        let place = at(stream, bytes.len());
        let end = (place + 1 + at(stream, 16)).min(bytes.len());
        match at(stream, 8) {
            0 => bytes.truncate(place.max(1)),
            1 => bytes[place..end].fill(0xff),
            2 => bytes[place..end].fill(0),
            3 => {
                let from = at(stream, bytes.len() - (end - place) + 1);
                bytes.copy_within(from..from + (end - place), place);
            }
            _ => bytes[place] ^= 1 << at(stream, 8),
        }
    }
}

/// The memory of the whole test stays small, whatever the files ask for.
pub(crate) fn bounded() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    assert!(peak.is_none_or(|kib| kib < 1 << 20), "{peak:?} KiB were in use at once");
}

/// Changes one file so many times; `read` says whether a changed one is still read, and must not panic.
pub(crate) fn survive(path: &Path, mutations: u64, mut read: impl FnMut(Vec<u8>) -> bool) {
    let name = path.display();
    let whole = std::fs::read(path).unwrap();
    assert!(read(whole.clone()), "{name} itself is read");
    let mut accepted = 0;
    for mutation in 0..mutations {
        let mut stream = Seed(14).stream(Purpose::Check, mutation, 0);
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut stream);
        accepted += u64::from(read(bytes));
    }
    println!("{name}: {accepted} of {mutations} changed files were still read");
    assert!(accepted < mutations, "{name}: no change was noticed");
    bounded();
}
