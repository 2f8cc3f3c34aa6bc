//! Pictures against SciPy's `affine_transform`, `gaussian_filter` and Keras' `ImageDataGenerator`; see `goldens/augment.py`.

use convnet_augment::{Fill, Parameters, Transform};
use convnet_cpu::simd::{Isa, using};
use convnet_cpu::warp::{self, Range, Warp};
use convnet_tensor::Pixels;
use safetensors::SafeTensors;
use serde_json::Value as Json;

struct Goldens {
    bytes: Vec<u8>,
    cases: Json,
}

impl Goldens {
    fn open() -> Goldens {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/augment.safetensors");
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
        Goldens { bytes, cases }
    }

    fn numbers(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        let (numbers, rest) = tensor.data().as_chunks::<4>();
        assert!(rest.is_empty() && tensor.dtype() == safetensors::Dtype::F32, "{name}");
        (tensor.shape().to_vec(), numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    fn picture(&self, name: &str) -> ([usize; 3], Vec<u8>) {
        let (shape, numbers) = self.numbers(name);
        (shape.try_into().unwrap(), numbers.iter().map(|&x| x as u8).collect())
    }

    fn matrix(&self, name: &str) -> [[f64; 3]; 2] {
        let (_, numbers) = self.numbers(name);
        [0, 1].map(|row| [0, 1, 2].map(|column| f64::from(numbers[row * 3 + column])))
    }

    fn cases<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Json)> {
        let cases = self.cases.as_object().unwrap().iter();
        cases.filter(move |(name, _)| name.starts_with(prefix)).map(|(name, config)| (name.as_str(), config))
    }
}

/// Within `most` units of a byte everywhere, which is a far cry from a unit.
#[track_caller]
fn assert_near(case: &str, found: &[f32], expected: &[f32], most: f32) {
    assert_eq!(found.len(), expected.len(), "{case}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= most, "{case}, number {index}: {a} instead of {b}");
    }
}

#[test]
fn warps_are_those_of_scipy() {
    let goldens = Goldens::open();
    let (picture, bytes) = goldens.picture("warp/picture");
    let constant = goldens.cases["warp"]["constant"].as_f64().unwrap() as f32;
    let mut count = 0;
    for (case, config) in goldens.cases("warp_") {
        let fill = match config["fill"].as_str().unwrap() {
            "nearest" => warp::Fill::Nearest,
            "constant" => warp::Fill::Constant(constant),
            "reflect" => warp::Fill::Reflect,
            "wrap" => warp::Fill::Wrap,
            other => panic!("{other}"),
        };
        let matrix = goldens.matrix(&format!("{case}/matrix"));
        let output = [picture[0], picture[1]];
        let warp = Warp { picture, output, matrix, fill, colour: None, range: Range::BYTES };
        let (_, expected) = goldens.numbers(&format!("{case}/y"));
        for isa in Isa::available() {
            let mut found = vec![f32::NAN; expected.len()];
            using(isa, || warp::bilinear(&warp, &bytes, &mut found));
            // At 1,000 pixels beyond the edge places are exact to 6e-5 of a pixel, times at most 255.
            assert_near(case, &found, &expected, 0.03);
        }
        count += 1;
    }
    assert_eq!(count, 16, "four matrices with four fill modes");
}

#[test]
fn masks_are_those_of_scipy() {
    let goldens = Goldens::open();
    let (picture, _) = goldens.picture("warp/picture");
    let (_, labels) = goldens.numbers("warp/labels");
    for (case, config) in goldens.cases("warp_") {
        let parameters: Parameters = serde_json::from_value(config["parameters"].clone()).unwrap();
        let outside = goldens.cases["warp"]["constant"].as_f64().unwrap() as f32;
        let fill = match config["fill"].as_str().unwrap() {
            "constant" => Fill::Constant(outside),
            name => serde_json::from_value(name.into()).unwrap(),
        };
        let (_, expected) = goldens.numbers(&format!("{case}/mask"));
        let mut mask = vec![f32::NAN; expected.len()];
        Transform::new(parameters, picture, fill).write_mask(&labels, outside, &mut mask);
        assert_eq!(mask, expected, "{case}");
    }
}

#[test]
fn transforms_are_those_of_keras() {
    let goldens = Goldens::open();
    let (shape, picture) = goldens.picture("keras/picture");
    let mut count = 0;
    for (case, config) in goldens.cases("keras_") {
        let parameters: Parameters = serde_json::from_value(config.clone()).unwrap();
        let transform = Transform::new(parameters, shape, Fill::Nearest);
        let expected = goldens.matrix(&format!("{case}/matrix"));
        for (found, expected) in transform.matrix().iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 2e-6, "{case}: {:?} is not {expected:?}", transform.matrix());
        }
        let (_, expected) = goldens.numbers(&format!("{case}/y"));
        let mut slot = vec![f32::NAN; expected.len()];
        transform.write(&picture, Pixels::ZeroToOne, &mut slot);
        let found: Vec<f32> = slot.iter().map(|x| 255.0 * x).collect();
        assert_near(case, &found, &expected, 0.01);
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn blur_is_that_of_scipy() {
    let goldens = Goldens::open();
    let (shape, picture) = goldens.picture("blur/picture");
    for (case, config) in goldens.cases("blur_") {
        let parameters: Parameters = serde_json::from_value(config.clone()).unwrap();
        let (_, expected) = goldens.numbers(&format!("{case}/y"));
        let mut slot = vec![f32::NAN; expected.len()];
        Transform::new(parameters, shape, Fill::Nearest).write(&picture, Pixels::MinusOneToOne, &mut slot);
        let found: Vec<f32> = slot.iter().map(|x| (x + 1.0) * 127.5).collect();
        assert_near(case, &found, &expected, 1e-3);
    }
}
