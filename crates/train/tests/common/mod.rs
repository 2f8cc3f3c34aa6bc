//! Reading the goldens.

// Each test binary uses a part of this.
#![allow(dead_code)]

use convnet_tensor::Tensor;
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
