//! Training: what it counts, what it changes, and what it refuses.

mod common;

use common::{bits, digits, linear, pictures, small, stripes};
use convnet_data::{Dataset, generated};
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, LayerClasses, Model};
use convnet_tensor::{Seed, Tensor};
use convnet_train::optimizers::{Adam, RmsProp, Sgd};
use convnet_train::sinks::{BestModel, Csv, EarlyStopping, TerminateOnNaN};
use convnet_train::{
    Clipping, Ending, Event, Fit, Group, History, Loss, Monitor, Plateau, Schedule, Sinks, Stop, evaluate,
    fit, predict,
};
use std::ops::ControlFlow;

const SPARSE: Loss = Loss::SparseCategoricalCrossentropy { label_smoothing: 0.0 };

/// Nothing moves: for measuring what training counts.
fn still() -> Fit {
    Fit { batch_size: 32, ..Fit::new(SPARSE, Sgd { learning_rate: 0.0, ..Sgd::default() }) }
}

fn train(model: &mut Model, set: &Dataset, settings: &Fit) -> History {
    fit(model, set, None, settings, None, &mut Sinks::none()).unwrap().history
}

#[test]
fn the_digits_convnet_learns_drawn_digits() {
    let (train, test) = generated::digits(Seed(1), 1_600).split(1_280).unwrap();
    let mut model = digits(1);
    let settings = Fit { epochs: 3, batch_size: 64, ..Fit::new(SPARSE, RmsProp::default()) };
    let outcome = fit(&mut model, &train, Some(&test), &settings, None, &mut Sinks::none()).unwrap();
    assert_eq!(outcome.ending, Ending::Finished);
    let last = outcome.history.rows[2];
    assert!(last.val_accuracy.unwrap() > 0.6, "{last:?}");
    let evaluation = evaluate(&model, &test, SPARSE, 100).unwrap();
    assert_eq!(Some(evaluation.accuracy), last.val_accuracy);
    assert!((evaluation.loss - last.val_loss.unwrap()).abs() < 1e-6 * evaluation.loss);
}

#[test]
fn an_epoch_counts_every_picture_once_also_in_the_short_batch() {
    let (mut model, set) = (linear(3), stripes(1, 100));
    let before = bits(&model);
    let row = train(&mut model, &set, &still()).rows[0];
    let evaluation = evaluate(&model, &set, SPARSE, 7).unwrap();
    assert!((row.train_loss - evaluation.loss).abs() < 1e-6, "{} {}", row.train_loss, evaluation.loss);
    assert_eq!(row.train_accuracy, evaluation.accuracy);
    assert_eq!(evaluation.accuracy, evaluation.confusion.accuracy());
    assert_eq!(evaluation.probabilities, predict(&model, &set, 33).unwrap());
    assert_eq!(bits(&model), before, "a learning rate of 0 moves nothing");
}

#[test]
fn class_weights_count_in_loss_and_gradient_but_are_not_divided_by() {
    let (set, plain) = (stripes(1, 64), still());
    let weighted = Fit { class_weights: [(0, 2.0), (2, 0.0)].into(), ..plain.clone() };
    let losses: Vec<f64> = (0..3)
        .map(|class| {
            let only: Vec<usize> = (0..64).filter(|&n| set.labels()[n] == class).collect();
            let part = only.iter().map(|&n| (set.picture(n).unwrap().data().to_vec(), class));
            let part = Dataset::from_iter([8, 8, 1], set.classes().to_vec(), part).unwrap();
            evaluate(&linear(3), &part, SPARSE, 16).unwrap().loss * part.len() as f64
        })
        .collect();
    let expected = (2.0 * losses[0] + losses[1]) / 64.0;
    let found = train(&mut linear(3), &set, &weighted).rows[0].train_loss;
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");

    // One step on all pictures: doubling every weight is doubling the learning rate (powers of two are exact).
    let step = |rate: f64, weight: f32| {
        let mut model = linear(3);
        let optimizer = Sgd { learning_rate: rate, ..Sgd::default() }.into();
        let class_weights = (0..3).map(|class| (class, weight)).collect();
        train(&mut model, &set, &Fit { batch_size: 64, optimizer, class_weights, ..plain.clone() });
        bits(&model)
    };
    assert_eq!(step(0.25, 2.0), step(0.5, 1.0));
    assert_ne!(step(0.25, 1.0), step(0.5, 1.0));
}

#[test]
fn groups_and_freezing_decide_what_moves() {
    let set = stripes(2, 64);
    let settings = Fit::new(SPARSE, Adam::default());
    let group = |path: &str, factor| Group { path: path.into(), factor };
    let moved = |groups: Vec<Group>, freeze: Option<&str>| {
        let mut model = small(3);
        if let Some(path) = freeze {
            model.freeze(path).unwrap();
        }
        let before = model.clone();
        train(&mut model, &set, &Fit { groups, ..settings.clone() });
        let pairs = model.parameters().iter().zip(before.parameters());
        pairs.filter(|(a, b)| a.value != b.value).map(|(a, _)| a.path.clone()).collect::<Vec<_>>()
    };
    let all = small(3).parameters().iter().map(|parameter| parameter.path.clone()).collect::<Vec<_>>();
    assert_eq!(moved(vec![], None), all);
    let without_kernel: Vec<_> = all.iter().filter(|path| *path != "conv2d/kernel").cloned().collect();
    assert_eq!(moved(vec![group("conv2d", 0.0), group("conv2d/bias", 1.0)], None), without_kernel);
    assert_eq!(moved(vec![], Some("conv2d")), all[2..], "kernel and bias stay");

    // A factor is a share of the learning rate.
    let after = |rate: f64, factor: f64| {
        let mut model = linear(3);
        let optimizer = Sgd { learning_rate: rate, ..Sgd::default() }.into();
        train(&mut model, &set, &Fit { optimizer, groups: vec![group("dense", factor)], ..settings.clone() });
        bits(&model)
    };
    assert_eq!(after(0.5, 0.25), after(0.125, 1.0));
}

#[test]
fn a_frozen_parameter_is_never_copied_and_a_learning_one_stays_where_it_is() {
    let mut model = small(1);
    model.freeze("conv2d").unwrap();
    // As if a base were shared: the frozen kernel has another owner, the others must not be copied from step to step.
    let kernel = model.parameters()[0].value.clone();
    let addresses = |model: &Model| {
        let learned = model.parameters().iter().filter(|parameter| parameter.is_learned());
        learned.map(|parameter| parameter.value.data().as_ptr() as usize).collect::<Vec<_>>()
    };
    let before = addresses(&model);
    train(&mut model, &stripes(1, 100), &Fit { epochs: 3, ..Fit::new(SPARSE, RmsProp::default()) });
    assert!(model.parameters()[0].value.shares_buffer_with(&kernel));
    assert_eq!(addresses(&model), before);
}

#[test]
fn a_global_norm_limits_the_whole_step() {
    let set = stripes(1, 64);
    let step = |clipping: Option<Clipping>| {
        let mut model = linear(3);
        let before = model.clone();
        let settings = Fit {
            batch_size: 64,
            clipping,
            ..Fit::new(SPARSE, Sgd { learning_rate: 1.0, ..Sgd::default() })
        };
        train(&mut model, &set, &settings);
        let difference = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        let square = |(a, b): (&Tensor, &Tensor)| a.data().iter().zip(b.data()).map(difference).sum::<f64>();
        let values = |model: &Model| model.parameters().iter().map(|p| p.value.clone()).collect::<Vec<_>>();
        values(&model).iter().zip(&values(&before)).map(square).sum::<f64>().sqrt()
    };
    let free = step(None);
    assert!(free > 0.2);
    assert!((step(Some(Clipping::GlobalNorm(0.1))) - 0.1).abs() < 1e-5);
    assert_eq!(step(Some(Clipping::GlobalNorm(100.0))), free);
    assert!(step(Some(Clipping::Norm(0.1))) < 0.1 * 2f64.sqrt() + 1e-5);
}

#[test]
fn schedules_give_the_rate_of_each_step_and_plateaus_that_of_epochs() {
    let set = stripes(1, 64);
    let rates = |schedule: Schedule, learning_rate: f64| {
        let optimizer = Sgd { learning_rate, ..Sgd::default() }.into();
        let settings = Fit { epochs: 4, schedule, optimizer, ..still() };
        let mut rates = Vec::new();
        let mut sink = |event: &Event<'_>| {
            if let Event::Step { learning_rate, .. } = event {
                rates.push(*learning_rate);
            }
            ControlFlow::Continue(())
        };
        let outcome = fit(&mut linear(3), &set, None, &settings, None, &mut sink).unwrap();
        let last = |epoch: usize| outcome.history.rows[epoch].learning_rate;
        assert_eq!((0..4).map(last).collect::<Vec<_>>(), [rates[1], rates[3], rates[5], rates[7]]);
        rates
    };
    let halves = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25];
    assert_eq!(rates(Schedule::Step { every: 3, factor: 0.5 }, 1.0), halves);
    // With a rate of (almost) 0 no epoch is better than the first.
    let plateau = Plateau { patience: 1, factor: 0.5, ..Plateau::default() };
    let expected = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25].map(|factor| factor * 2f64.powi(-40));
    assert_eq!(rates(Schedule::ReduceOnPlateau(plateau), 2f64.powi(-40)), expected);
}

#[test]
fn steps_per_epoch_fill_every_batch_from_the_next_round() {
    let set = stripes(1, 40);
    let settings = Fit { epochs: 2, steps_per_epoch: Some(3), ..still() };
    let mut pictures_seen = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::Step { step, pictures, .. } = event {
            pictures_seen.push((*step, *pictures));
        }
        ControlFlow::Continue(())
    };
    fit(&mut linear(3), &set, None, &settings, None, &mut sink).unwrap();
    assert_eq!(pictures_seen, [(1, 32), (2, 64), (3, 96), (1, 32), (2, 64), (3, 96)]);
}

#[test]
fn a_loss_that_is_no_number_is_traced_to_its_layer_and_not_learned_from() {
    let set = stripes(1, 96);
    let architecture = Architecture::new()
        .named("first", Conv2D::new(4, 3).relu())
        .named("second", Conv2D::new(4, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(3).softmax());
    let mut model = Model::new(architecture, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    // Each layer's output is finite by itself until the second multiplies two huge numbers.
    for parameter in model.parameters_mut().iter_mut().filter(|parameter| parameter.path.ends_with("kernel"))
    {
        parameter.value = Tensor::full(parameter.value.shape(), 1e30);
    }
    let before = bits(&model);
    let mut causes = Vec::new();
    let mut note = |event: &Event<'_>| {
        if let Event::NotFinite { epoch, step, cause } = event {
            causes.push((*epoch, *step, cause.to_string()));
        }
        ControlFlow::Continue(())
    };
    let mut terminate = TerminateOnNaN;
    let settings = Fit::new(SPARSE, RmsProp::default());
    let mut sinks = Sinks::none().and(&mut note).and(&mut terminate);
    let outcome = fit(&mut model, &set, None, &settings, None, &mut sinks).unwrap();
    let Ending::Stopped(Stop { reason }) = outcome.ending else { panic!("{:?}", outcome.ending) };
    assert!(reason.contains("second") && reason.contains("step 1"), "{reason}");
    assert_eq!(bits(&model), before);
    assert!(outcome.history.rows.is_empty());

    // Without a sink that stops, training goes on, and the event comes once.
    causes.clear();
    let mut note = |event: &Event<'_>| {
        if let Event::NotFinite { cause, .. } = event {
            causes.push((0, 0, cause.to_string()));
        }
        ControlFlow::Continue(())
    };
    let outcome = fit(&mut model, &set, None, &settings, None, &mut note).unwrap();
    assert_eq!(causes.len(), 1);
    assert!(outcome.history.rows[0].train_loss.is_nan());

    // What an update has made NaN is named as the parameter.
    let mut terminate = TerminateOnNaN;
    let outcome = fit(&mut model, &set, None, &settings, None, &mut terminate).unwrap();
    let Ending::Stopped(Stop { reason }) = outcome.ending else { panic!("{:?}", outcome.ending) };
    assert!(reason.contains("the parameter `") && reason.contains("lower the learning rate"), "{reason}");
}

#[test]
fn sinks_hear_everything_in_order_and_any_of_them_may_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (best, table) = (folder.path().join("best.safetensors"), folder.path().join("history.csv"));
    let (train, validation) = stripes(1, 96).split(64).unwrap();
    let settings = Fit { epochs: 5, ..Fit::new(SPARSE, RmsProp::default()) };
    let mut heard = Vec::new();
    let mut models = Vec::new();
    let mut note = |event: &Event<'_>| {
        heard.push(match event {
            Event::Start { epochs, steps, has_validation, .. } => {
                format!("start {epochs} {steps} {has_validation}")
            }
            Event::Step { epoch, step, .. } => format!("{epoch}.{step}"),
            Event::Epoch { row, model, .. } => {
                models.push((row.val_loss.unwrap(), bits(model)));
                format!("epoch {}", row.epoch)
            }
            Event::End { history } => format!("end {}", history.rows.len()),
            other => format!("{other:?}"),
        });
        ControlFlow::Continue(())
    };
    let mut stop = |event: &Event<'_>| match event {
        Event::Epoch { row, .. } if row.epoch == 3 => Stop::because("three are enough"),
        _ => ControlFlow::Continue(()),
    };
    let mut history = History::default();
    let (mut csv, mut best_model) = (Csv::new(&table), BestModel::new(Monitor::ValidationLoss, &best));
    let mut patient = EarlyStopping::new(Monitor::TrainLoss, 9);
    let mut sinks = Sinks::none().and(&mut stop).and(&mut note).and(&mut history).and(&mut csv);
    sinks = sinks.and(&mut best_model).and(&mut patient);
    let outcome = fit(&mut small(1), &train, Some(&validation), &settings, None, &mut sinks).unwrap();

    assert_eq!(outcome.ending, Ending::Stopped(Stop { reason: "three are enough".into() }));
    let expected = "start 5 2 true|1.1|1.2|epoch 1|2.1|2.2|epoch 2|3.1|3.2|epoch 3|end 3";
    assert_eq!(heard.join("|"), expected);
    assert_eq!(history, outcome.history);
    let saved = bits(&Model::load(&best, &LayerClasses::builtin()).unwrap());
    models.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(saved, models[0].1, "the file holds the epoch with the lowest loss");
    let text = std::fs::read_to_string(&table).unwrap();
    assert_eq!(text.lines().count(), 4);
    let second: Vec<&str> = text.lines().nth(2).unwrap().split(',').collect();
    assert_eq!(second[0], "2");
    assert_eq!(second[3].parse::<f64>().unwrap(), history.rows[1].val_loss.unwrap());
}

#[test]
fn a_validation_set_that_does_not_fit_is_told_before_the_first_step() {
    let set = stripes(1, 40);
    let settings = Fit::new(SPARSE, RmsProp::default());
    let empty = set.take(0);
    let cases = [
        (&empty, "the validation set must be of at least one picture"),
        (&pictures(1, 9, [8, 9, 1], 3), "(8, 8, 1), as the model's input, but is (8, 9, 1)"),
        (&pictures(1, 9, [8, 8, 1], 4), "4 classes"),
    ];
    for (validation, words) in cases {
        let mut sink = |event: &Event<'_>| -> ControlFlow<Stop> { panic!("{event:?}") };
        let error = fit(&mut linear(3), &set, Some(validation), &settings, None, &mut sink);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn mistakes_are_told_before_the_first_step() {
    let set = stripes(1, 40);
    let settings = Fit::new(SPARSE, RmsProp::default());
    let refused = |model: &Model, set: &Dataset, settings: &Fit| {
        let mut model = model.clone();
        let mut sink = |event: &Event<'_>| -> ControlFlow<Stop> { panic!("{event:?}") };
        fit(&mut model, set, None, settings, None, &mut sink).unwrap_err().to_string()
    };
    let tell = |model: &Model, set: &Dataset, settings: &Fit, words: &[&str]| {
        let error = refused(model, set, settings);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    let binary = Loss::binary_crossentropy();
    let single = |sigmoid: bool| {
        let dense = if sigmoid { Dense::new(1).sigmoid() } else { Dense::new(1) };
        let architecture = Architecture::new().add(Flatten::new()).add(dense);
        Model::new(architecture, InputSpec::new([8, 8, 1]), Seed(1)).unwrap()
    };
    let two = pictures(1, 40, [8, 8, 1], 2);
    tell(
        &linear(3),
        &set,
        &Fit { loss: binary, ..settings.clone() },
        &["Dense(3, softmax)", "softmax of shape (3)"],
    );
    tell(&linear(2), &set, &settings, &["3 classes", "Dense(3, softmax)"]);
    tell(&single(true), &two, &settings, &["sigmoid of shape (1)", "BinaryCrossentropy"]);
    tell(&linear(2), &two, &Fit { loss: binary, ..settings.clone() }, &["Dense(1, sigmoid)"]);
    for model in [single(true), single(false)] {
        let settings = Fit { loss: binary, ..settings.clone() };
        let history = train(&mut model.clone(), &two, &Fit { epochs: 20, ..settings });
        assert!(history.rows[19].train_accuracy > 0.9, "{:?}", history.rows[19]);
    }

    tell(&linear(3), &set, &Fit { batch_size: 0, ..settings.clone() }, &["batch_size", "at least 1"]);
    for (batch_size, limit) in [(usize::MAX, "at most 1048576"), ((1 << 20) + 1, "at most 1048576")] {
        let settings = Fit { batch_size, steps_per_epoch: Some(1), ..settings.clone() };
        tell(&linear(3), &set, &settings, &["batch_size", limit, &batch_size.to_string()]);
    }
    let wide = Architecture::new().add(Flatten::new()).add(Dense::new(3).softmax());
    let wide = Model::new(wide, InputSpec::new([80, 80, 1]), Seed(1)).unwrap();
    let large = Fit { batch_size: 1 << 20, steps_per_epoch: Some(1), ..settings.clone() };
    tell(&wide, &pictures(1, 3, [80, 80, 1], 3), &large, &["batch_size", "4294967296", "(80, 80, 1)"]);
    tell(&linear(3), &set, &Fit { steps_per_epoch: Some(0), ..settings.clone() }, &["steps_per_epoch"]);
    tell(
        &linear(3),
        &set,
        &Fit { class_weights: [(3, 1.0)].into(), ..settings.clone() },
        &["class_weights", "3"],
    );
    tell(
        &linear(3),
        &set,
        &Fit { class_weights: [(0, -1.0)].into(), ..settings.clone() },
        &["class weight", "-1"],
    );
    let group = |path: &str, factor| vec![Group { path: path.into(), factor }];
    tell(&linear(3), &set, &Fit { groups: group("dens", 1.0), ..settings.clone() }, &["`dens`"]);
    tell(&linear(3), &set, &Fit { groups: group("dense", f64::NAN), ..settings.clone() }, &["factor", "NaN"]);
    let smoothed = Loss::SparseCategoricalCrossentropy { label_smoothing: 1.5 };
    tell(&linear(3), &set, &Fit { loss: smoothed, ..settings.clone() }, &["label_smoothing", "1.5"]);
    let clipping = Some(Clipping::Value(0.0));
    tell(&linear(3), &set, &Fit { clipping, ..settings.clone() }, &["clipping"]);
    let mut frozen = linear(3);
    frozen.freeze("").unwrap();
    tell(&frozen, &set, &settings, &["frozen", "unfreeze"]);

    let mut watching = EarlyStopping::new(Monitor::ValidationLoss, 1);
    let error = fit(&mut linear(3), &set, None, &settings, None, &mut watching).unwrap_err().to_string();
    assert!(error.contains("val_loss"), "{error}");
    let error =
        fit(&mut digits(1), &pictures(1, 40, [8, 8, 1], 10), None, &settings, None, &mut Sinks::none());
    assert!(error.unwrap_err().to_string().contains("(N, 28, 28, 1)"));
}
