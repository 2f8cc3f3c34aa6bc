//! Goldens, and small models and data sets to train.

// Each test binary uses a part of this.
#![allow(dead_code)]

use convnet_data::Dataset;
use convnet_layers::{
    Architecture, BatchNormalization, Conv2D, Dense, Dropout, Flatten, InputSpec, MaxPooling2D, Model,
};
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_train::Schedule;
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeMap;

/// A file of goldens: what each case is, and its tensors.
pub(crate) struct Goldens {
    pub(crate) cases: BTreeMap<String, Value>,
    tensors: BTreeMap<String, Tensor>,
}

impl Goldens {
    pub(crate) fn read(name: &str) -> Goldens {
        let path = format!("{}/../../goldens/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
            let (numbers, _) = view.data().as_chunks::<4>();
            let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            (name.to_string(), Tensor::from_vec(view.shape(), numbers).unwrap())
        };
        Goldens { cases, tensors: file.iter().map(tensor).collect() }
    }

    pub(crate) fn tensor(&self, case: &str, name: &str) -> &Tensor {
        self.tensors.get(&format!("{case}/{name}")).unwrap_or_else(|| panic!("no golden {case}/{name}"))
    }
}

/// The largest difference of two tensors, as a share of the largest number of the golden.
pub(crate) fn distance(found: &[f32], golden: &[f32]) -> f32 {
    assert_eq!(found.len(), golden.len());
    let scale = golden.iter().fold(f32::MIN_POSITIVE, |scale, g| scale.max(g.abs()));
    found.iter().zip(golden).fold(0.0, |largest: f32, (f, g)| {
        let difference = (f - g).abs() / scale;
        if difference.is_nan() { f32::INFINITY } else { largest.max(difference) }
    })
}

/// Keras' CosineDecay as a rate and a schedule relative to it.
pub(crate) fn cosine(config: &Value) -> (f64, Schedule) {
    let number = |key: &str| config[key].as_f64().unwrap_or(0.0);
    let warmup_steps = number("warmup_steps") as u64;
    let rate = if warmup_steps > 0 { number("warmup_target") } else { number("initial_learning_rate") };
    let (warmup_from, decay_steps) = (number("initial_learning_rate") / rate, number("decay_steps") as u64);
    (rate, Schedule::CosineWithWarmup { warmup_steps, warmup_from, decay_steps, end: number("alpha") })
}

/// The convnet of section 5.1.
pub(crate) fn digits(seed: u64) -> Model {
    let architecture = Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax());
    Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(seed)).unwrap()
}

/// A small network with everything that keeps something between steps: random numbers, statistics.
pub(crate) fn small(seed: u64) -> Model {
    let architecture = Architecture::new()
        .add(Conv2D::new(6, 3))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(3).softmax());
    Model::new(architecture, InputSpec::new([8, 8, 1]), Seed(seed)).unwrap()
}

/// A network without randomness or statistics.
pub(crate) fn linear(classes: usize) -> Model {
    let architecture = Architecture::new().add(Flatten::new()).add(Dense::new(classes).softmax());
    Model::new(architecture, InputSpec::new([8, 8, 1]), Seed(4)).unwrap()
}

/// Random pictures of three classes that differ in where they are bright.
pub(crate) fn stripes(seed: u64, count: usize) -> Dataset {
    pictures(seed, count, [8, 8, 1], 3)
}

/// Random pictures; the class brightens some of the rows.
pub(crate) fn pictures(seed: u64, count: usize, shape: [usize; 3], classes: u32) -> Dataset {
    let row = shape[1] * shape[2];
    let picture = |number: usize| {
        let mut stream = Seed(seed).stream(Purpose::Check, 0, number as u64);
        let class = stream.below(classes as usize) as u32;
        let mut bytes = vec![0; shape[0] * row];
        stream.fill_bytes(&mut bytes);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = *byte / 2 + if (place / row) as u32 % classes == class { 100 } else { 0 };
        }
        (bytes, class)
    };
    let names = (0..classes).map(|class| class.to_string()).collect();
    Dataset::from_iter(shape, names, (0..count).map(picture)).unwrap()
}

/// The bits of all parameters.
pub(crate) fn bits(model: &Model) -> Vec<Vec<u32>> {
    let bits = |tensor: &Tensor| tensor.data().iter().map(|number| number.to_bits()).collect();
    model.parameters().iter().map(|parameter| bits(&parameter.value)).collect()
}
