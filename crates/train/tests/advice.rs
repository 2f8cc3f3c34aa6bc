//! Set-up lint: each mistake is told, before the first step, and a sound set-up is told nothing.

mod common;

use common::{linear, stripes};
use convnet_data::{Augment, Dataset};
use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model, Rescaling};
use convnet_tensor::{Pixels, Seed};
use convnet_train::optimizers::Sgd;
use convnet_train::{Advice, Event, Fit, Loss, RateCurve, RatePoint, advise, fit};
use std::ops::ControlFlow;

fn settings() -> Fit {
    Fit::new(Loss::sparse_categorical_crossentropy(), Sgd::default())
}

fn told(train: &Dataset, validation: Option<&Dataset>, settings: &Fit) -> Vec<Advice> {
    advise(&linear(3), train, validation, settings, None).unwrap()
}

#[test]
fn a_sound_set_up_is_told_nothing() {
    let set =
        stripes(1, 90).augmented(Augment { horizontal_flip: true, ..Augment::none() }, Seed(1)).unwrap();
    assert_eq!(told(&set, Some(&stripes(2, 30)), &settings()), []);
}

#[test]
fn validation_pictures_should_be_others_and_as_they_are() {
    let (train, validation) = (stripes(1, 90), stripes(2, 30));
    let flipped =
        validation.augmented(Augment { horizontal_flip: true, ..Augment::none() }, Seed(1)).unwrap();
    assert_eq!(told(&train, Some(&flipped), &settings()), [Advice::AugmentedValidation]);
    assert_eq!(told(&train, Some(&train), &settings()), [Advice::SamePictures]);
    let changed =
        train.clone().augmented(Augment { horizontal_flip: true, ..Augment::none() }, Seed(1)).unwrap();
    assert_eq!(told(&changed, Some(&train), &settings()), [Advice::SamePictures]);
}

#[test]
fn classes_must_mean_the_same_in_both_sets() {
    let set = stripes(2, 30);
    let pictures = (0..30).map(|n| (set.picture(n).unwrap().data().to_vec(), set.labels()[n]));
    let names = ["aaa", "cat", "dog"].map(String::from).to_vec();
    let other = Dataset::from_iter([8, 8, 1], names.clone(), pictures).unwrap();
    let train = stripes(1, 90);
    let found = told(&train, Some(&other), &settings());
    assert_eq!(found, [Advice::OtherClasses { training: train.classes().to_vec(), validation: names }]);
    assert!(found[0].to_string().contains("aaa, cat, dog"), "{}", found[0]);
}

#[test]
fn an_empty_class_is_named() {
    let set = stripes(1, 90);
    let pictures = (0..90).filter(|&n| set.labels()[n] != 1);
    let pictures = pictures.map(|n| (set.picture(n).unwrap().data().to_vec(), set.labels()[n]));
    let lacking = Dataset::from_iter([8, 8, 1], set.classes().to_vec(), pictures).unwrap();
    let class = set.classes()[1].clone();
    assert_eq!(
        told(&lacking, None, &settings()),
        [Advice::EmptyClass { class: class.clone(), set: "training" }]
    );
    let found = told(&set, Some(&lacking), &settings());
    assert_eq!(found, [Advice::EmptyClass { class, set: "validation" }]);
    assert!(found[0].to_string().contains("`1`"), "{}", found[0]);
}

#[test]
fn pixels_scaled_twice_are_told() {
    let dark = (0..30).map(|n| ([(n % 2) as u8; 64], n % 3));
    let dark = Dataset::from_iter([8, 8, 1], ["a", "b", "c"].map(String::from).to_vec(), dark).unwrap();
    assert_eq!(told(&dark, None, &settings()), [Advice::ScaledBefore { largest: 1 }]);

    let architecture =
        Architecture::new().add(Rescaling::new(1.0 / 255.0)).add(Flatten::new()).add(Dense::new(3).softmax());
    let model = Model::new(architecture, InputSpec::new([8, 8, 1]), Seed(1)).unwrap();
    let found = advise(&model, &stripes(1, 90), None, &settings(), None).unwrap();
    assert_eq!(found, [Advice::ScaledTwice { scale: 1.0 / 255.0, pixels: Pixels::ZeroToOne }]);
}

#[test]
fn pictures_that_no_step_reaches_are_counted() {
    let set = stripes(1, 90);
    let some = |epochs, steps| Fit { epochs, steps_per_epoch: Some(steps), batch_size: 20, ..settings() };
    assert_eq!(told(&set, None, &some(2, 2)), [Advice::NeverSeen { pictures: 10, of: 90 }]);
    // The stream goes on from one epoch into the next: five steps of twenty see all.
    assert_eq!(told(&set, None, &some(5, 1)), []);
}

#[test]
fn a_rate_far_from_what_the_finder_suggests_is_told() {
    let points = [(1e-6, 1.1), (1e-5, 1.09), (1e-4, 1.0), (1e-3, 0.5), (1e-2, 0.3), (1e-1, 2.0)];
    let curve = RateCurve { points: points.map(|(rate, loss)| RatePoint { rate, loss }).to_vec() };
    let at = |learning_rate| {
        let settings = Fit { optimizer: Sgd { learning_rate, ..Sgd::default() }.into(), ..settings() };
        advise(&linear(3), &stripes(1, 90), None, &settings, Some(&curve)).unwrap()
    };
    assert_eq!(at(1e-3), []);
    for (rate, words) in [(1.0, "so large that the loss grows"), (1e-8, "so small that little is learned")] {
        let found = at(rate);
        assert!(matches!(found[..], [Advice::LearningRate { .. }]), "{found:?}");
        assert!(found[0].to_string().contains(words), "{}", found[0]);
    }
}

#[test]
fn advice_comes_before_the_start() {
    let set = stripes(1, 90);
    let mut events = Vec::new();
    let mut sink = |event: &Event<'_>| {
        events.push(match event {
            Event::Advice { advice } => advice.to_string(),
            Event::Start { .. } => "start".into(),
            _ => return ControlFlow::Continue(()),
        });
        ControlFlow::Continue(())
    };
    fit(&mut linear(3), &set, Some(&set), &settings(), None, &mut sink).unwrap();
    assert_eq!(events, [Advice::SamePictures.to_string(), "start".into()]);
}
