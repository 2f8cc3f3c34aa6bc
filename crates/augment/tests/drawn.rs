//! What is drawn stays in its range, has the distribution that is said, and depends on nothing but its own stream.

use convnet_augment::*;
use convnet_cpu::parallel;
use convnet_tensor::{Pixels, Purpose, Seed, Stream};

const SHAPE: [usize; 3] = [60, 90, 3];
const DRAWS: usize = 4_000;

fn stream(item: usize) -> Stream {
    Seed(11).stream(Purpose::Augment, 0, item as u64)
}

fn everything() -> Augment {
    Augment {
        vertical_flip: true,
        crop: Some([50, 40]),
        resized_crop: Some(ResizedCrop::default()),
        brightness: 0.3,
        contrast: 0.4,
        saturation: 0.5,
        hue: 20.0,
        channel_shift: 30.0,
        blur: 2.0,
        noise: 9.0,
        erasing: Some(Erasing::default()),
        ..Augment::chapter5()
    }
}

fn drawn(augment: &Augment) -> Vec<Parameters> {
    (0..DRAWS).map(|item| *augment.draw(SHAPE, &mut stream(item)).parameters()).collect()
}

/// Kolmogorov and Smirnov: the largest distance between the share of numbers below x and that of a uniform distribution.
/// Beyond 1.95 / √n in one case of a thousand; the seeds are fixed, so a test that passes goes on passing.
#[track_caller]
fn assert_uniform(name: &str, low: f64, high: f64, numbers: impl Iterator<Item = f64>) {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    // A range given in f32.
    let slack = 1e-5 * (high - low);
    assert!(
        numbers[0] >= low - slack && numbers[numbers.len() - 1] <= high + slack,
        "{name} leaves its range"
    );
    let distance = numbers.iter().enumerate().fold(0.0f64, |most, (rank, x)| {
        let share = (x - low) / (high - low);
        most.max((share - rank as f64 / n).abs()).max((share - (rank + 1) as f64 / n).abs())
    });
    assert!(distance < 1.95 / n.sqrt(), "{name} is not uniform: {distance}");
}

#[test]
fn every_parameter_is_uniform_in_its_range() {
    let all = drawn(&everything());
    type Parameter = fn(&Parameters) -> f32;
    let parameters: [(&str, f64, f64, Parameter); 13] = [
        ("rotation", -40.0, 40.0, |p| p.rotation),
        ("width_shift", -0.2, 0.2, |p| p.width_shift),
        ("height_shift", -0.2, 0.2, |p| p.height_shift),
        ("shear", -0.2, 0.2, |p| p.shear),
        ("zoom along x", 0.8, 1.2, |p| p.zoom[0]),
        ("zoom along y", 0.8, 1.2, |p| p.zoom[1]),
        ("brightness", 0.7, 1.3, |p| p.brightness),
        ("contrast", 0.6, 1.4, |p| p.contrast),
        ("saturation", 0.5, 1.5, |p| p.saturation),
        ("hue", -20.0, 20.0, |p| p.hue),
        ("channel_shift", -30.0, 30.0, |p| p.channel_shift),
        ("blur", 0.0, 2.0, |p| p.blur),
        ("noise", 0.0, 9.0, |p| p.noise),
    ];
    for (name, low, high, parameter) in parameters {
        assert_uniform(name, low, high, all.iter().map(|p| f64::from(parameter(p))));
    }
    // Independent: no two of them go together. Beyond 5 / √n by chance once in a million.
    let standardised = |(_, low, high, parameter): (&str, f64, f64, Parameter), p: &Parameters| {
        (f64::from(parameter(p)) - (low + high) / 2.0) / ((high - low) / 12f64.sqrt())
    };
    for (index, &one) in parameters.iter().enumerate() {
        for &other in &parameters[..index] {
            let sum: f64 = all.iter().map(|p| standardised(one, p) * standardised(other, p)).sum();
            assert!(sum.abs() / (DRAWS as f64) < 5.0 / (DRAWS as f64).sqrt(), "{} with {}", one.0, other.0);
        }
    }
    for flips in [|p: &Parameters| p.horizontal_flip, |p: &Parameters| p.vertical_flip] {
        let count = all.iter().filter(|p| flips(p)).count();
        // Half of 4,000, within five standard deviations of 31.6.
        assert!(count.abs_diff(DRAWS / 2) < 158, "{count} flips");
    }
}

#[test]
fn windows_have_the_areas_proportions_and_places_that_are_said() {
    // Narrow enough to fit always, so that nothing is cut.
    let resized_crop = Some(ResizedCrop { area: [0.2, 0.5], aspect: [0.5, 2.0] });
    let same_size = Augment { resized_crop, ..Augment::none() };
    let windows = |augment: &Augment| drawn(augment).into_iter().map(|p| p.window.unwrap());
    let all: Vec<Window> = windows(&same_size).collect();
    assert!(all.iter().all(|w| w.size == [60, 90]));
    assert_uniform("area", 0.2, 0.5, all.iter().map(|w| w.width * w.height / (60.0 * 90.0)));
    // The picture is half as wide again as it is high.
    let aspects = all.iter().map(|w| (w.width / w.height / 1.5).ln());
    assert_uniform("aspect", 0.5f64.ln(), 2f64.ln(), aspects);
    let room = |window: &Window| [(window.left, 90.0 - window.width), (window.top, 60.0 - window.height)];
    for axis in 0..2 {
        let shares = all.iter().map(|window| room(window)[axis]).filter(|(_, room)| *room > 1e-3);
        assert_uniform("place", 0.0, 1.0, shares.map(|(start, room)| start / room));
    }
    // Brought to another size, three times as wide as high: some of half the area and six times as wide would be wider than
    // the picture, and are cut.
    let wide = Augment { crop: Some([100, 300]), ..same_size };
    let all: Vec<Window> = windows(&wide).collect();
    assert!(
        all.iter().all(|w| w.size == [100, 300]
            && room(w).iter().all(|&(start, room)| start >= 0.0 && start <= room + 1e-9))
    );
    let cut = |window: &&Window| window.width > 89.999;
    assert!((1..DRAWS / 2).contains(&all.iter().filter(cut).count()));
    let whole = all.iter().filter(|window| !cut(window));
    assert!(whole.map(|w| (w.width / w.height / 3.0).ln().abs()).all(|aspect| aspect < 2f64.ln() + 1e-6));
}

#[test]
fn holes_are_as_frequent_and_as_large_as_is_said() {
    let erasing = Erasing { probability: 0.25, area: [0.04, 0.3], ..Erasing::default() };
    let all = drawn(&Augment { crop: Some([100, 300]), erasing: Some(erasing), ..Augment::none() });
    let holes: Vec<Hole> = all.iter().filter_map(|p| p.hole).collect();
    // A quarter of 4,000, within five standard deviations of 27.4.
    assert!(holes.len().abs_diff(1_000) < 137, "{} holes", holes.len());
    for Hole { left, top, width, height, patch } in holes {
        assert!(
            width > 0 && height > 0 && left + width <= 300 && top + height <= 100 && patch == Patch::Noise
        );
        let area = (width * height) as f64 / 3e4;
        assert!(area < 0.31 && (area > 0.038 || height == 100), "{area}");
    }
    let cutout = Augment { erasing: Some(Erasing::cutout(0.5)), ..Augment::none() };
    let hole = cutout.draw([64, 64, 3], &mut stream(0)).parameters().hole.unwrap();
    assert_eq!((hole.width, hole.height, hole.patch), (32, 32, Patch::Grey(127)));
}

#[test]
fn holes_have_any_size_and_proportions_and_lie_anywhere() {
    let erasing = Erasing { probability: 1.0, area: [0.04, 0.1], ..Erasing::default() };
    let all = drawn(&Augment { crop: Some([600, 900]), erasing: Some(erasing), ..Augment::none() });
    let holes: Vec<Hole> = all.iter().filter_map(|p| p.hole).collect();
    let test = |name: &str, [low, high]: [f64; 2], of: fn(&Hole) -> f64| {
        assert_uniform(name, low, high, holes.iter().map(of));
    };
    // Sides are whole pixels, so the ends of the ranges blur.
    test("area", [0.0395, 0.1005], |hole| (hole.width * hole.height) as f64 / 540e3);
    let widest = 0.02 - 0.3f64.ln();
    test("logarithm of the aspect", [-widest, widest], |hole| (hole.height as f64 / hole.width as f64).ln());
    test("left", [0.0, 1.0], |hole| (hole.left as f64 + 0.5) / (901 - hole.width) as f64);
    test("top", [0.0, 1.0], |hole| (hole.top as f64 + 0.5) / (601 - hole.height) as f64);
}

#[test]
fn crops_lie_anywhere_with_the_same_probability() {
    let augment = Augment { crop: Some([58, 88]), ..Augment::none() };
    let mut counts = [[0; 3]; 3];
    for p in drawn(&augment) {
        let window = p.window.unwrap();
        counts[window.top as usize][window.left as usize] += 1;
    }
    // A ninth of 4,000 each, within five standard deviations of 19.9.
    assert!(counts.as_flattened().iter().all(|&count: &i32| count.abs_diff(444) < 100), "{counts:?}");
}

#[test]
fn switching_one_change_on_leaves_the_others_as_they_were() {
    let base = Augment::chapter5();
    let plain = drawn(&base);
    let erasing = Some(Erasing { probability: 1.0, ..Erasing::default() });
    type Undo = fn(&mut Parameters);
    let changes: [(Augment, Undo); 9] = [
        (Augment { vertical_flip: true, ..base }, |p| p.vertical_flip = false),
        (Augment { rotation: 0.0, ..base }, |p| p.rotation = 0.0),
        (Augment { resized_crop: Some(ResizedCrop::default()), ..base }, |p| p.window = None),
        (Augment { brightness: 0.5, ..base }, |p| p.brightness = 1.0),
        (Augment { hue: 50.0, ..base }, |p| p.hue = 0.0),
        (Augment { blur: 3.0, ..base }, |p| p.blur = 0.0),
        (Augment { noise: 3.0, ..base }, |p| p.noise = 0.0),
        (Augment { erasing, ..base }, |p| p.hole = None),
        (Augment { zoom: [1.0; 2], ..base }, |p| p.zoom = [1.0; 2]),
    ];
    for (augment, undo) in changes {
        let mut differ = false;
        for (mut changed, mut plain) in drawn(&augment).into_iter().zip(plain.iter().copied()) {
            differ |= changed != plain;
            undo(&mut changed);
            undo(&mut plain);
            assert_eq!(changed, plain);
        }
        assert!(differ, "{augment:?} changes nothing");
    }
    // And the stream goes on from the same place.
    let after = |augment: &Augment| {
        let mut stream = stream(0);
        augment.draw(SHAPE, &mut stream);
        stream.bits()
    };
    assert_eq!(after(&Augment::none()), after(&everything()));
}

#[test]
fn a_batch_is_the_same_for_any_number_of_threads() {
    let augment = everything();
    let pictures: Vec<Vec<u8>> = (0..12)
        .map(|item| {
            let mut bytes = vec![0; SHAPE.iter().product()];
            stream(item).fill_bytes(&mut bytes);
            bytes
        })
        .collect();
    let batch = || {
        let length: usize = augment.output_shape(SHAPE).iter().product();
        let mut batch = vec![f32::NAN; 12 * length];
        parallel::for_each_chunk(&mut batch, length, |item, slot| {
            augment.draw(SHAPE, &mut stream(item)).write(&pictures[item], Pixels::CaffeBgr, slot);
        });
        batch
    };
    let expected = batch();
    assert!(expected.iter().all(|x| x.is_finite()));
    for threads in [1, 2, 3, 8] {
        assert!(parallel::install(threads, batch).unwrap() == expected, "{threads} threads");
    }
}
