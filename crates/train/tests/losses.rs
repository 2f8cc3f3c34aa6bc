//! Losses against Keras and against the checker.

mod common;

use common::{Goldens, distance};
use convnet_autograd::check::Check;
use convnet_autograd::{Tape, Value};
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_train::{Loss, losses::mean_seed};
use proptest::prelude::*;

#[test]
fn every_golden_loss_and_gradient_agrees_with_keras() {
    let goldens = Goldens::read("losses");
    assert_eq!(goldens.cases.len(), 9);
    for (case, description) in &goldens.cases {
        let config = &description["config"];
        let label_smoothing = config["label_smoothing"].as_f64().unwrap_or(0.0) as f32;
        let loss = match description["class"].as_str().unwrap() {
            "BinaryCrossentropy" => Loss::BinaryCrossentropy { label_smoothing },
            _ => Loss::SparseCategoricalCrossentropy { label_smoothing },
        };
        let labels: Vec<u32> =
            goldens.tensor(case, "labels").data().iter().map(|&label| label as u32).collect();
        let weight = |label: &u32| config["class_weight"][label.to_string()].as_f64().unwrap_or(1.0) as f32;

        let mut tape = Tape::new();
        let logits = tape.watch(&goldens.tensor(case, "logits").clone().into(), 0).unwrap();
        let losses = loss.apply(&mut tape, &logits, &labels).unwrap();
        let seed = mean_seed(labels.iter().map(weight));
        let mean: f32 = losses.tensor().data().iter().zip(seed.data()).map(|(loss, seed)| loss * seed).sum();
        let mut gradient = None;
        tape.backward(&[(&losses, seed)], |_, g| {
            gradient = Some(g);
            Ok(())
        })
        .unwrap();

        for (name, found) in
            [("per_sample", losses.tensor().data()), ("loss", &[mean]), ("dlogits", gradient.unwrap().data())]
        {
            let distance = distance(found, goldens.tensor(case, name).data());
            assert!(distance < 2e-6, "{case}/{name} is off by {distance:e} of its scale");
        }
    }
}

fn logits(pictures: usize, classes: usize, size: f32, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 1, 0);
    Tensor::from_fn([pictures, classes], |_| stream.between(-size, size))
}

fn labels(pictures: usize, classes: usize, seed: u64) -> Vec<u32> {
    let mut stream = Seed(seed).stream(Purpose::Check, 2, 0);
    (0..pictures).map(|_| stream.below(classes) as u32).collect()
}

fn check(
    loss: Loss,
    logits: Tensor,
    labels: &[u32],
    seed: u64,
) -> Result<(), convnet_autograd::check::Failure> {
    let depth = logits.shape()[1];
    Check::new(vec![logits])
        .rows(&[0])
        .depth(depth)
        // Probabilities less labels.
        .cancels_inside(1.0)
        .seed(seed)
        .run(|tape, inputs, rows| loss.apply(tape, &inputs[0], &labels[rows]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn categorical_passes_the_checker(pictures in 1..9usize, classes in 2..14usize, smoothed in 0..3u8, seed: u64) {
        let loss = Loss::SparseCategoricalCrossentropy { label_smoothing: f32::from(smoothed) * 0.15 };
        check(loss, logits(pictures, classes, 4.0, seed), &labels(pictures, classes, seed), seed).unwrap();
    }

    #[test]
    fn binary_passes_the_checker(pictures in 1..20usize, smoothed in 0..3u8, seed: u64) {
        let loss = Loss::BinaryCrossentropy { label_smoothing: f32::from(smoothed) * 0.15 };
        check(loss, logits(pictures, 1, 4.0, seed), &labels(pictures, 2, seed), seed).unwrap();
    }
}

#[test]
fn huge_logits_give_exact_losses_and_gradients() {
    let run = |loss: Loss, logits: Tensor, label: u32| {
        let mut tape = Tape::new();
        let x = tape.watch(&logits.into(), 0).unwrap();
        let losses = loss.apply(&mut tape, &x, &[label]).unwrap();
        let mut gradient = Vec::new();
        tape.backward(&[(&losses, Tensor::full([1], 1.0))], |_, g| {
            gradient = g.data().to_vec();
            Ok(())
        })
        .unwrap();
        (losses.tensor().data()[0], gradient)
    };
    let row = Tensor::from_slice([1, 3], &[1e4, -1e4, 0.0]).unwrap();
    let sparse = Loss::sparse_categorical_crossentropy();
    assert_eq!(run(sparse, row.clone(), 0), (0.0, vec![0.0, 0.0, 0.0]));
    assert_eq!(run(sparse, row, 1), (2e4, vec![1.0, -1.0, 0.0]));
    let single = |x| Tensor::from_slice([1, 1], &[x]).unwrap();
    let binary = Loss::binary_crossentropy();
    assert_eq!(run(binary, single(1e4), 1), (0.0, vec![0.0]));
    assert_eq!(run(binary, single(1e4), 0), (1e4, vec![1.0]));
    assert_eq!(run(binary, single(-1e4), 1), (1e4, vec![-1.0]));
}

#[test]
fn nan_stays_nan_and_a_wrong_label_or_shape_is_told() {
    let losses = |loss: Loss, logits: Tensor, labels: &[u32]| {
        loss.apply(&mut Tape::new(), &Value::constant(logits), labels)
            .map(|value| value.tensor().data().to_vec())
    };
    let (sparse, binary) = (Loss::sparse_categorical_crossentropy(), Loss::binary_crossentropy());
    assert!(losses(sparse, Tensor::from_slice([1, 2], &[f32::NAN, 0.0]).unwrap(), &[1]).unwrap()[0].is_nan());
    assert!(losses(binary, Tensor::from_slice([1, 1], &[f32::NAN]).unwrap(), &[1]).unwrap()[0].is_nan());
    assert!(losses(sparse, Tensor::zeros([1, 2]), &[2]).unwrap_err().to_string().contains("2 of 2 classes"));
    assert!(losses(binary, Tensor::zeros([1, 1]), &[2]).is_err());
    assert!(losses(sparse, Tensor::zeros([2, 2]), &[0]).is_err());
    assert!(losses(binary, Tensor::zeros([2, 2]), &[0, 1]).unwrap_err().to_string().contains("(2, 1)"));
}
