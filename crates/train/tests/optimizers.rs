//! Optimisers, clipping and schedules against ten steps of Keras.

mod common;

use common::{Goldens, cosine, distance};
use convnet_cpu::parallel;
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_train::optimizers::{Adam, AdamW, Optimizer, RmsProp, Sgd, Step};
use convnet_train::{Clipping, Schedule};
use serde_json::Value;

/// The optimiser, clipping and schedule of a golden's configuration.
fn settings(class: &str, config: &Value) -> (Optimizer, Option<Clipping>, Schedule) {
    let number = |key: &str| config[key].as_f64().unwrap_or(0.0);
    let (learning_rate, schedule) = match &config["learning_rate"] {
        Value::Object(schedule) => cosine(&schedule["config"]),
        rate => (rate.as_f64().unwrap(), Schedule::Constant),
    };
    let (beta_1, beta_2, epsilon) = (number("beta_1"), number("beta_2"), number("epsilon"));
    let (momentum, weight_decay) = (number("momentum"), number("weight_decay"));
    let flag = |key: &str| config[key].as_bool().unwrap_or(false);
    let optimizer = match class {
        "SGD" => Sgd { learning_rate, momentum, nesterov: flag("nesterov"), weight_decay }.into(),
        "RMSprop" => {
            RmsProp { learning_rate, rho: number("rho"), momentum, epsilon, centered: flag("centered") }
                .into()
        }
        "Adam" => Adam { learning_rate, beta_1, beta_2, epsilon }.into(),
        "AdamW" => AdamW { learning_rate, beta_1, beta_2, epsilon, weight_decay }.into(),
        other => panic!("an optimiser {other}?"),
    };
    let limit = |key: &str| config[key].as_f64().map(|limit| limit as f32);
    let clipping = limit("clipvalue")
        .map(Clipping::Value)
        .or(limit("clipnorm").map(Clipping::Norm))
        .or(limit("global_clipnorm").map(Clipping::GlobalNorm));
    (optimizer, clipping, schedule)
}

#[test]
fn ten_steps_of_every_golden_agree_with_keras() {
    let goldens = Goldens::read("optimizers");
    assert_eq!(goldens.cases.len(), 16);
    for (case, description) in &goldens.cases {
        let class = description["class"].as_str().unwrap();
        let (optimizer, clipping, schedule) = settings(class, &description["config"]);
        optimizer.check().unwrap();
        schedule.check().unwrap();
        // Keras computes Adam's 1 − 0.999^t in f32.
        let bound = if class.starts_with("Adam") { 5e-6 } else { 1e-6 };
        let names = ["kernel", "bias"];
        let mut weights = names.map(|name| goldens.tensor(case, &format!("start_{name}")).clone());
        let mut slots = weights.each_ref().map(|weight| optimizer.start(weight.shape()));
        for step in 0..10 {
            let mut gradients = names.map(|name| {
                let all = goldens.tensor(case, &format!("gradients_{name}"));
                all.rows(step..step + 1).reshaped(all.shape().without_first()).unwrap()
            });
            if let Some(clipping) = clipping {
                clipping.apply_all(&mut gradients);
            }
            let rate = schedule.rate(optimizer.learning_rate(), step as u64);
            for (place, name) in names.iter().enumerate() {
                let step_now = Step { number: step as u64 + 1, learning_rate: rate };
                optimizer.update(step_now, &mut weights[place], &gradients[place], &mut slots[place]);
                let golden = goldens.tensor(case, &format!("weights_{name}")).rows(step..step + 1);
                let distance = distance(weights[place].data(), golden.data());
                assert!(distance < bound, "{case}: {name} is off by {distance:e} after step {step}");
            }
        }
    }
}

#[test]
fn defaults_are_those_of_keras() {
    let goldens = Goldens::read("optimizers");
    for (case, default) in [
        ("sgd", Optimizer::from(Sgd::default())),
        ("rmsprop", RmsProp::default().into()),
        ("adam", Adam::default().into()),
        ("adamw", AdamW::default().into()),
    ] {
        let description = &goldens.cases[case];
        assert_eq!(settings(description["class"].as_str().unwrap(), &description["config"]).0, default);
        let text = serde_json::to_string(&default).unwrap();
        assert_eq!(serde_json::from_str::<Optimizer>(&text).unwrap(), default, "{text}");
    }
}

#[test]
fn large_parameters_have_the_same_bits_with_any_number_of_threads() {
    let all: [Optimizer; 6] = [
        Sgd::default().into(),
        Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() }.into(),
        RmsProp::default().into(),
        RmsProp { centered: true, momentum: 0.5, ..RmsProp::default() }.into(),
        Adam::default().into(),
        AdamW::default().into(),
    ];
    let mut stream = Seed(3).stream(Purpose::Check, 0, 0);
    let mut tensor = |size: usize| Tensor::from_fn([size], |_| stream.between(-1.0, 1.0));
    // Above the size from which work is divided, and no multiple of a chunk or a vector.
    let size = (1 << 17) + 13;
    let (weights, gradient) = (tensor(size), tensor(size));
    for optimizer in all {
        let after = |threads: usize| {
            let (mut weights, mut slots) = (weights.clone(), optimizer.start(weights.shape()));
            parallel::install(threads, || {
                for number in 1..4 {
                    optimizer.update(
                        Step { number, learning_rate: 0.01 },
                        &mut weights,
                        &gradient,
                        &mut slots,
                    );
                }
            })
            .unwrap();
            weights.data().iter().map(|weight| weight.to_bits()).collect::<Vec<_>>()
        };
        let one = after(1);
        assert_ne!(one[size - 1], weights.data()[size - 1].to_bits(), "the last weight moves");
        for threads in [2, 3, 8] {
            assert!(after(threads) == one, "{optimizer:?} with {threads} threads");
        }
    }
}

#[test]
fn settings_out_of_range_are_named() {
    for (optimizer, name) in [
        (Optimizer::from(Sgd { learning_rate: -1.0, ..Sgd::default() }), "learning_rate"),
        (Sgd { momentum: 1.5, ..Sgd::default() }.into(), "momentum"),
        (RmsProp { rho: f64::NAN, ..RmsProp::default() }.into(), "rho"),
        (Adam { beta_2: 2.0, ..Adam::default() }.into(), "beta_2"),
        (AdamW { weight_decay: f64::INFINITY, ..AdamW::default() }.into(), "weight_decay"),
    ] {
        let error = optimizer.check().unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
