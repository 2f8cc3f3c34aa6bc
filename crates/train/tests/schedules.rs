//! Schedules against Keras, step by step.

mod common;

use common::{Goldens, cosine};
use convnet_train::{Plateau, Schedule, Watched};
use serde_json::Value;

/// The schedule of a golden's configuration, and the optimiser's own rate.
fn schedule(class: &str, config: &Value) -> (f64, Schedule) {
    let number = |key: &str| config[key].as_f64().unwrap();
    match class {
        "CosineDecay" => cosine(config),
        "ExponentialDecay" => {
            let (every, factor) = (number("decay_steps") as u64, number("decay_rate"));
            let schedule = match config["staircase"].as_bool().unwrap() {
                true => Schedule::Step { every, factor },
                false => Schedule::Exponential { every, factor },
            };
            (number("initial_learning_rate"), schedule)
        }
        "PiecewiseConstantDecay" => {
            let values: Vec<f64> = serde_json::from_value(config["values"].clone()).unwrap();
            let boundaries = serde_json::from_value(config["boundaries"].clone()).unwrap();
            let factors = values.iter().map(|value| value / values[0]).collect();
            (values[0], Schedule::Piecewise { boundaries, factors })
        }
        "ReduceLROnPlateau" => {
            let plateau = Plateau {
                factor: number("factor"),
                patience: number("patience") as u32,
                min_delta: number("min_delta"),
                cooldown: number("cooldown") as u32,
                min_rate: number("min_lr"),
            };
            (number("initial_learning_rate"), Schedule::ReduceOnPlateau(plateau))
        }
        other => panic!("a schedule {other}?"),
    }
}

#[test]
fn every_golden_rate_agrees_with_keras() {
    let goldens = Goldens::read("schedules");
    assert_eq!(goldens.cases.len(), 10);
    for (case, description) in &goldens.cases {
        let (base, schedule) = schedule(description["class"].as_str().unwrap(), &description["config"]);
        schedule.check().unwrap();
        let mut watched = Watched::new(base);
        for (step, golden) in goldens.tensor(case, "values").data().iter().enumerate() {
            if let Schedule::ReduceOnPlateau(_) = schedule {
                watched.epoch(&schedule, f64::from(goldens.tensor(case, "val_loss").data()[step]));
            }
            let rate = schedule.rate(watched.rate(), step as u64);
            assert!(
                (rate - f64::from(*golden)).abs() <= 1e-6 * base,
                "{case}: {rate} at {step}, Keras {golden}"
            );
        }
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule, "{text}");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let plateau = |plateau: Plateau| Schedule::ReduceOnPlateau(plateau);
    let cosine =
        |decay_steps, end| Schedule::CosineWithWarmup { warmup_steps: 0, warmup_from: 0.0, decay_steps, end };
    for (schedule, name) in [
        (Schedule::Step { every: 0, factor: 0.5 }, "every"),
        (Schedule::Exponential { every: 1, factor: f64::NAN }, "factor"),
        (Schedule::Piecewise { boundaries: vec![1], factors: vec![1.0] }, "factors"),
        (Schedule::Piecewise { boundaries: vec![3, 1], factors: vec![1.0; 3] }, "boundaries"),
        (cosine(0, 0.0), "decay_steps"),
        (cosine(1, -1.0), "end"),
        (plateau(Plateau { factor: 1.0, ..Plateau::default() }), "factor"),
        (plateau(Plateau { min_delta: f64::NAN, ..Plateau::default() }), "min_delta"),
    ] {
        let error = schedule.check().unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
