//! Gradient ascent: the book's recipe step by step, both recipes on a nested network.

mod common;

use common::{nested, random};
use convnet_autograd::Tape;
use convnet_layers::*;
use convnet_tensor::{Pixels, Purpose, Seed, Tensor};
use convnet_visualize::filters::*;
use std::ops::ControlFlow;

#[test]
fn the_books_recipe_is_what_the_book_says() {
    // Without activations the gradient is the same everywhere on the way: forty equal steps.
    let net = Architecture::new().add(Conv2D::new(3, 3)).add(AveragePooling2D::new(2)).add(Conv2D::new(4, 3));
    let model = Model::new(net, InputSpec::new([9, 9, 3]).pixels(Pixels::CaffeBgr), Seed(3)).unwrap();
    let recipe = Ascent::book([12, 10], &Pixels::CaffeBgr);
    let painted = ascend(&model, "conv2d_1", &[2, 0], &recipe).unwrap();
    assert_eq!(*painted.numbers.shape(), [2, 12, 10, 3]);
    for (place, filter) in [2, 0].into_iter().enumerate() {
        let input = InputSpec { shape: [12, 10, 3], ..model.input().clone() };
        let large = model.rebuilt(model.architecture().clone(), input).unwrap();
        let mut stream = recipe.seed.stream(Purpose::Noise, 0, filter as u64);
        let start = Tensor::from_fn([1, 12, 10, 3], |_| stream.between(128.0, 148.0));
        let mut tape = Tape::new();
        let request = Request { watch_input: true, ..Request::predict() };
        let maps = large.run(&mut tape, &start, &request).unwrap().logits.unwrap();
        assert_eq!(*maps.shape(), [1, 3, 2, 4]);
        let mean = |maps: &Tensor| maps.data().iter().skip(filter).step_by(4).sum::<f32>() / 6.0;
        let seed = Tensor::from_fn(maps.shape(), |i| if i % 4 == filter { 1.0 / 6.0 } else { 0.0 });
        let mut gradient = None;
        let keep = |_, dx| {
            gradient = Some(dx);
            Ok(())
        };
        tape.backward(&[(&maps, seed)], keep).unwrap();
        let gradient = gradient.unwrap();
        let square = gradient.data().iter().map(|g| g * g).sum::<f32>() / 360.0;
        let numbers = &painted.numbers.data()[place * 360..][..360];
        for ((&found, &start), &g) in numbers.iter().zip(start.data()).zip(gradient.data()) {
            let expected = start + 40.0 * g / (square.sqrt() + 1e-5);
            assert!((found - expected).abs() < 1e-2, "{found} instead of {expected}");
        }
        let scale = mean(maps.tensor()).abs();
        assert!((painted.before[place] - mean(maps.tensor())).abs() < 1e-4 * scale);
        let finished = Tensor::from_slice([1, 12, 10, 3], numbers).unwrap();
        let after = mean(&large.predict(&finished).unwrap());
        assert!((painted.after[place] - after).abs() < 1e-4 * after.abs());
        assert!(painted.after[place] > painted.before[place] + 1.0);
    }
}

#[test]
fn deprocessing_is_the_books() {
    // Mean 3, deviation 2: (x − 3) / 2 · 0.1 + 0.5.
    let numbers = Tensor::from_slice([2, 2, 1], &[1.0, 5.0, 1.0, 5.0]).unwrap();
    assert_eq!(deprocessed(&numbers).unwrap().data(), [102, 152, 102, 152]);
    let mut outlier = vec![0.0; 100];
    outlier[99] = 1.0;
    let shown = deprocessed(&Tensor::from_vec([10, 10, 1], outlier).unwrap()).unwrap();
    assert_eq!((shown.data()[99], shown.data()[0]), (255, 124));
    assert!(deprocessed(&Tensor::zeros([4])).is_err());
}

#[test]
fn pictures_come_back_from_every_range() {
    let bytes: Vec<u8> = (0..48).map(|i| (i * 37 % 256) as u8).collect();
    let mean_std = Pixels::MeanStd { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    for pixels in [Pixels::ZeroToOne, Pixels::MinusOneToOne, Pixels::CaffeBgr, mean_std] {
        let mut numbers = Tensor::zeros([4, 4, 3]);
        pixels.write(3, &bytes, numbers.data_mut());
        assert_eq!(picture_of(&numbers, &pixels).unwrap().data(), bytes, "{pixels:?}");
    }
    let beyond = Tensor::from_slice([1, 1, 2], &[-1.0, 7.0]).unwrap();
    assert_eq!(picture_of(&beyond, &Pixels::ZeroToOne).unwrap().data(), [0, 255]);
    assert!(picture_of(&beyond, &Pixels::CaffeBgr).is_err());
}

#[test]
fn both_recipes_climb_through_nested_networks_and_filters_do_not_meet() {
    let model = nested();
    let size = [15, 13];
    for recipe in [Ascent::book(size, &Pixels::ZeroToOne), Ascent::better(size)] {
        let all: Vec<usize> = (0..8).collect();
        let painted = ascend(&model, "base/conv2", &all, &recipe).unwrap();
        for filter in 0..8 {
            let (before, after) = (painted.before[filter], painted.after[filter]);
            assert!(after > before || (before == 0.0 && after == 0.0), "{filter}: {before} → {after}");
        }
        assert!(painted.after.iter().filter(|after| **after > 0.0).count() >= 6, "{:?}", painted.after);
        // Alone, in other company and in chunks: the same bits.
        let alone = ascend(&model, "base/conv2", &[5], &recipe).unwrap();
        assert_eq!(alone.numbers, painted.numbers.rows(5..6));
        assert_eq!(alone.after[0], painted.after[5]);
        let chunked = Ascent { chunk: 3, ..recipe.clone() };
        assert_eq!(ascend(&model, "base/conv2", &all, &chunked).unwrap().numbers, painted.numbers);
        let other = Ascent { seed: Seed(7), ..recipe.clone() };
        assert_ne!(ascend(&model, "base/conv2", &all, &other).unwrap().numbers, painted.numbers);
        let pictures = painted.pictures().unwrap();
        assert_eq!(pictures.len(), 8);
        assert_eq!(*pictures[0].shape(), [15, 13, 3]);
    }
    // A class of the whole network, at the size that its dense layers need: smaller octaves do not fit and are left out.
    let recipe = Ascent::better([14, 12]);
    let painted = ascend(&model, "dense_1", &[1, 2], &recipe).unwrap();
    assert!(painted.after.iter().zip(&painted.before).all(|(after, before)| after > before));
    let pixels = painted.numbers.data();
    assert!(pixels.iter().all(|number| (0.0..=1.0).contains(number)), "colours stay what pixels can show");
}

#[test]
fn what_makes_the_recipe_better_does_what_it_says() {
    let model = nested();
    let share = |recipe: &Ascent| {
        let painted = ascend(&model, "base/conv2", &[0, 1, 2, 3, 4, 5, 6, 7], recipe).unwrap();
        let shares = energy_below_the_highest_band(&painted.numbers).unwrap();
        (shares.iter().sum::<f64>() / 8.0, painted)
    };
    let plain = Ascent {
        octaves: 1,
        jitter: 0,
        total_variation: 0.0,
        l2: 0.0,
        space: Space::Numbers,
        ..Ascent::better([24, 24])
    };
    let (rough, unbounded) = share(&plain);
    for smoother in [Ascent { total_variation: 1.0, ..plain.clone() }, Ascent { octaves: 3, ..plain.clone() }]
    {
        let (smooth, _) = share(&smoother);
        assert!(smooth > rough, "{smoother:?}: {smooth} after {rough}");
    }
    let energy = |painted: &Filters| painted.numbers.data().iter().map(|x| x * x).sum::<f32>();
    let (_, small) = share(&Ascent { l2: 1.0, ..plain.clone() });
    assert!(energy(&small) < 0.5 * energy(&unbounded));

    // What was painted with jitter excites as much when it lies one pixel further; the rest knows the grid of the pooling.
    let input = InputSpec { shape: [24, 24, 3], classes: Vec::new(), ..model.input().clone() };
    let large = model.rebuilt(model.architecture().up_to("base/conv2").unwrap(), input).unwrap();
    let kept = |painted: &Filters| {
        let moved = |i: usize| {
            let (picture, row, column, channel) = (i / 1728, i / 72 % 24, i / 3 % 24, i % 3);
            painted.numbers.data()[picture * 1728 + (row + 1) % 24 * 72 + (column + 1) % 24 * 3 + channel]
        };
        let maps = large.predict(&Tensor::from_fn(painted.numbers.shape(), moved)).unwrap();
        let each = maps.size() / 8;
        let mean = |filter: usize| {
            let numbers = maps.data()[filter * each..][..each].iter().skip(filter).step_by(8);
            numbers.sum::<f32>() / (each / 8) as f32
        };
        (0..8).map(mean).sum::<f32>() / painted.after.iter().sum::<f32>()
    };
    let (_, steady) = share(&Ascent { jitter: 4, ..plain });
    let (with, without) = (kept(&steady), kept(&unbounded));
    assert!(with > without + 0.04, "{with} with jitter, {without} without");
}

#[test]
fn mistakes_are_told() {
    let model = nested();
    let recipe = Ascent::book([15, 13], &Pixels::ZeroToOne);
    let error = |layer: &str, filters: &[usize], recipe: &Ascent| {
        ascend(&model, layer, filters, recipe).unwrap_err().to_string()
    };
    assert!(error("base/conv3", &[0], &recipe).contains("did you mean `base/conv"));
    assert_eq!(error("base/conv2", &[3, 8], &recipe), "the filter must be below 8, but is 8");
    assert!(error("base/conv2", &[], &recipe).contains("at least one"));
    let wide = Ascent { size: [20, 20], ..recipe.clone() };
    assert!(error("dense", &[0], &wide).contains("give pictures of a size that fits"));
    assert!(
        error("base/conv2", &[0], &Ascent { size: [2, 2], ..recipe.clone() })
            .contains("pictures of at least")
    );
    assert!(
        error("base/conv2", &[0], &Ascent { steps: 0, ..recipe.clone() })
            .contains("steps must be at least 1")
    );
    assert!(error("base/conv2", &[0], &Ascent { step: f32::NAN, ..recipe.clone() }).contains("the step"));
    assert!(error("base/conv2", &[0], &Ascent { scale: 0.5, ..recipe }).contains("the scale"));
}

#[test]
fn energy_is_told_by_frequency() {
    let mean = |x: &Tensor| {
        let shares = energy_below_the_highest_band(x).unwrap();
        shares.iter().sum::<f64>() / shares.len() as f64
    };
    let noise = mean(&random([8, 32, 40, 3], 1));
    assert!((0.22..0.28).contains(&noise), "white noise has a quarter there: {noise}");
    let wave = |pixels: usize| {
        Tensor::from_fn([1, 32, 32, 1], |i| ((i % 32) as f32 * std::f32::consts::TAU / pixels as f32).sin())
    };
    assert!(mean(&wave(16)) > 0.95 && mean(&wave(3)) < 0.1);
    assert_eq!(energy_below_the_highest_band(&Tensor::full([2, 5, 7, 3], 4.0)).unwrap(), [0.0; 2]);
    assert!(energy_below_the_highest_band(&Tensor::zeros([5, 7])).is_err());
}

#[test]
fn steps_are_told_and_the_painting_can_be_stopped() {
    let (model, recipe) = (nested(), Ascent { chunk: 2, ..Ascent::book([15, 13], &Pixels::ZeroToOne) });
    let mut told = Vec::new();
    let mut watch = |done, all| {
        told.push((done, all));
        ControlFlow::Continue(())
    };
    let painted = ascend_watched(&model, "base/conv2", &[0, 1, 2], &recipe, &mut watch).unwrap();
    assert_eq!(painted.numbers, ascend(&model, "base/conv2", &[0, 1, 2], &recipe).unwrap().numbers);
    assert_eq!(told, (0..80).map(|step| (step, 80)).collect::<Vec<_>>(), "two chunks of forty steps");
    let mut stop = |done, _| if done == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let stopped = ascend_watched(&model, "base/conv2", &[0, 1, 2], &recipe, &mut stop).unwrap_err();
    assert_eq!(stopped.to_string(), "stopped after 7 of 80 steps");
}
