//! Painted scenes: reproducible, balanced, with masks that tell the truth, and not to be told apart by cheap means.

use convnet_data::Error;
use convnet_data::generated::{
    self, Ears, Framing, Markings, Pose, SCENE_CLASSES, Scene, SceneClass, Scenes, Subject, Tail, Thing,
    Traits,
};
use convnet_tensor::{Purpose, Seed, Stream};

const SIZE: [usize; 2] = [48, 56];

#[test]
fn a_scene_follows_from_the_seed_and_its_number_alone() {
    let set = generated::scenes(Seed(5), 0..60, SIZE).unwrap();
    let serial =
        convnet_cpu::parallel::install(1, || generated::scenes(Seed(5), 0..60, SIZE).unwrap()).unwrap();
    assert_eq!(set.pictures.fingerprint(), serial.pictures.fingerprint());
    assert_eq!(set.masks.data(), serial.masks.data());
    for (start, end) in [(0, 1), (0, 7), (13, 40)] {
        let part = generated::scenes(Seed(5), start as u64..end as u64, SIZE).unwrap();
        assert_eq!(part.pictures.labels(), &set.pictures.labels()[start..end]);
        for number in start..end {
            assert_eq!(bytes(&part, number - start), bytes(&set, number));
        }
        assert_eq!(part.masks.data(), set.masks.rows(start..end).data());
    }
    let other = generated::scenes(Seed(6), 0..60, SIZE).unwrap();
    assert_ne!(set.pictures.fingerprint(), other.pictures.fingerprint());
    let different: std::collections::HashSet<Vec<u8>> = (0..60).map(|number| bytes(&set, number)).collect();
    assert_eq!(different.len(), 60);
}

/// Held on one machine, looked at on others: nothing in a scene comes from the system's library of mathematics.
#[test]
fn the_bits_are_the_same_on_every_machine() {
    let set = generated::scenes(Seed(1), 0..20, [40, 40]).unwrap();
    assert_eq!(set.pictures.fingerprint(), "b5253734be598651548e8ca7e9bc3979");
}

#[test]
fn classes_are_balanced_and_not_in_order() {
    let set = generated::scenes(Seed(1), 0..200, [16, 16]).unwrap().pictures;
    assert_eq!(set.class_counts(), [100, 100]);
    assert_eq!(set.classes(), ["pointed-eared", "round-eared"]);
    let firsts = set.labels().iter().step_by(2).filter(|&&label| label == 0).count();
    assert!((30..70).contains(&firsts), "{firsts} of 100 pairs begin with the first class");
    assert!(set.origin().generated);
}

#[test]
fn a_class_decides_about_the_ears_and_nothing_else() {
    let (height, width) = (90, 90);
    let mut changed = 0;
    for number in 0..60 {
        let paint = |ears| {
            let traits = Traits { ears: Some(ears), ..Traits::default() };
            let scene = Scene::draw(traits.into(), &Framing::stand_in(), &mut stream(number));
            let (mut picture, mut mask) = (vec![0; height * width * 3], vec![0; height * width]);
            scene.paint(height, width, &mut picture, &mut mask);
            (scene, picture, mask)
        };
        let (pointed, a, mask_a) = paint(Ears::Pointed);
        let (round, b, mask_b) = paint(Ears::Round);
        let (pointed, round) = (pointed.traits().unwrap(), round.traits().unwrap());
        assert_eq!((pointed.ears, round.ears), (Some(Ears::Pointed), Some(Ears::Round)));
        assert_eq!(pointed, Traits { ears: pointed.ears, ..round });
        let differ: Vec<usize> =
            (0..height * width).filter(|&p| a[3 * p..3 * p + 3] != b[3 * p..3 * p + 3]).collect();
        assert!(!differ.is_empty(), "scene {number} looks the same with other ears");
        // Ears are two small things on one head, even where it is largest: one pixel in five, of both forms together.
        assert!(differ.len() < height * width / 5, "scene {number}: {} pixels differ", differ.len());
        let near = |p: usize, mask: &[u8]| neighbours(p, height, width).any(|q| mask[q] > 0);
        let stray = differ.iter().filter(|&&p| !near(p, &mask_a) && !near(p, &mask_b)).count();
        // Behind a blade, a pixel with a little of the ear counts as the blade's.
        assert!(stray <= 6, "scene {number}: {stray} pixels differ outside both creatures");
        changed += differ.len();
    }
    // What the class rests on is there to be seen: at least one pixel in two hundred.
    assert!(changed > 60 * height * width / 200, "{changed} pixels differ in all");
}

#[test]
fn traits_are_kept_and_the_rest_is_drawn() {
    let mut seen = std::collections::HashSet::new();
    for number in 0..200 {
        let traits = Traits { tail: Some(Tail::Stub), markings: Some(Markings::Spots), ..Traits::default() };
        let scene = Scene::draw(traits.into(), &Framing::stand_in(), &mut stream(number));
        let found = scene.traits().unwrap();
        assert_eq!((found.tail, found.markings), (traits.tail, traits.markings));
        seen.insert((found.ears, found.pose));
    }
    assert_eq!(seen.len(), Ears::ALL.len() * Pose::ALL.len());
    let classes = Markings::ALL.map(|markings| SceneClass {
        name: "marked",
        subject: Traits { markings: Some(markings), ..Traits::default() }.into(),
    });
    let set =
        generated::scenes_of(&classes, &Framing::stand_in(), Seed(2), 0..40, [20, 20]).unwrap().pictures;
    assert_eq!(set.class_counts(), [10; 4]);
}

#[test]
fn a_scene_may_be_about_a_thing() {
    let classes = Thing::ALL.map(|thing| SceneClass { name: "thing", subject: Subject::Thing(thing, None) });
    let set = generated::scenes_of(&classes, &Framing::stand_in(), Seed(2), 0..120, [48, 48]).unwrap();
    assert_eq!(set.pictures.class_counts(), [20; 6]);
    for (number, mask) in set.masks.data().chunks_exact(48 * 48).enumerate() {
        assert!((0.01..0.8).contains(&area(mask)), "scene {number}: {}", area(mask));
    }
    let scene = Scene::draw(Subject::Thing(Thing::Cone, None), &Framing::stand_in(), &mut stream(1));
    assert_eq!(scene.traits(), None);
}

/// For the pointing game: always pointing at the middle finds few of them.
#[test]
fn small_objects_are_anywhere() {
    let set = generated::scenes_of(&SCENE_CLASSES, &Framing::small(), Seed(3), 0..500, [64, 64]).unwrap();
    let masks: Vec<&[u8]> = set.masks.data().chunks_exact(64 * 64).collect();
    let inside = masks.iter().filter(|mask| (0.05..=0.2).contains(&area(mask))).count();
    let mut areas: Vec<f64> = masks.iter().map(|mask| area(mask)).collect();
    areas.sort_by(f64::total_cmp);
    assert!(inside >= 475, "{inside} of 500 cover 5–20 %: from {} to {}", areas[0], areas[499]);
    let in_the_middle = masks.iter().filter(|mask| mask[32 * 64 + 32] > 0).count();
    assert!(in_the_middle < 500 * 35 / 100, "{in_the_middle} of 500 cover the middle");
}

#[test]
fn masks_show_one_object_of_a_sensible_size() {
    let set = generated::scenes(Seed(3), 0..500, [64, 64]).unwrap();
    let mut areas: Vec<f64> = set.masks.data().chunks_exact(64 * 64).map(area).collect();
    areas.sort_by(f64::total_cmp);
    assert!(areas[0] > 0.08 && areas[499] < 0.7, "areas from {} to {}", areas[0], areas[499]);
    let mean = areas.iter().sum::<f64>() / 500.0;
    assert!((0.3..0.5).contains(&mean), "mean area {mean}");
}

/// Whoever looks only at colours, brightness, contrast, the size of the object or a thumbnail does hardly better than chance.
#[test]
fn cheap_looks_do_not_tell_the_classes_apart() {
    let set = generated::scenes(Seed(4), 0..1_500, [48, 48]).unwrap();
    let areas: Vec<f64> = set.masks.data().chunks_exact(48 * 48).map(area).collect();
    let statistics_of = |number: usize| {
        let mut all = statistics(&bytes(&set, number));
        all.push(areas[number]);
        all
    };
    let all: Vec<Vec<f64>> = (0..1_500).map(statistics_of).collect();
    for which in 0..all[0].len() {
        let labels = set.pictures.labels();
        let values: Vec<(f64, u32)> =
            all.iter().zip(labels).map(|(all, &label)| (all[which], label)).collect();
        let accuracy = threshold(&values[..1_000], &values[1_000..]);
        assert!(accuracy < 0.58, "statistic {which}: {accuracy}");
    }
    let thumbnails: Vec<Vec<i64>> = (0..1_500).map(|number| thumbnail(&bytes(&set, number))).collect();
    let labels = set.pictures.labels();
    let right = (1_000..1_500)
        .filter(|&number| nearest(&thumbnails[..1_000], labels, &thumbnails[number]) == labels[number]);
    let accuracy = right.count() as f64 / 500.0;
    assert!(accuracy < 0.58, "nearest thumbnail: {accuracy}");
}

#[test]
fn any_size_can_be_painted_or_is_refused() {
    for size in [[1, 1], [1, 300], [300, 1], [3, 500], [400, 7], [2, 2]] {
        let set = generated::scenes(Seed(1), 0..8, size).unwrap();
        assert_eq!(set.pictures.picture_shape()[..], [size[0], size[1], 3]);
        assert_eq!(set.masks.shape()[..], [8, size[0], size[1], 1]);
    }
    let last = generated::scenes(Seed(1), u64::MAX - 3..u64::MAX, [8, 8]).unwrap();
    assert_eq!(last.pictures.len(), 3);
    assert!(generated::scenes(Seed(1), 5..5, [8, 8]).unwrap().pictures.is_empty());
    for (numbers, size) in [(0..1, [0, 8]), (0..1, [8, 0]), (0..1, [usize::MAX, 2]), (0..u64::MAX, [8, 8])] {
        let error = generated::scenes(Seed(1), numbers, size).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "size", .. }), "{error}");
    }
    let error = generated::scenes_of(&[], &Framing::stand_in(), Seed(1), 0..1, [8, 8]).unwrap_err();
    assert!(matches!(error, Error::Argument { name: "classes", .. }), "{error}");
    let eared = |ears| Subject::Creature(Traits { ears: Some(ears), ..Traits::default() });
    assert_eq!(SCENE_CLASSES.map(|class| class.subject), [Ears::Pointed, Ears::Round].map(eared));
}

fn bytes(set: &Scenes, number: usize) -> Vec<u8> {
    set.pictures.picture(number).unwrap().data().to_vec()
}

fn stream(number: u64) -> Stream {
    Seed(7).stream(Purpose::Generate, 9, number)
}

fn neighbours(pixel: usize, height: usize, width: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (pixel / width, pixel % width);
    let rows = row.saturating_sub(1)..(row + 2).min(height);
    rows.flat_map(move |r| (column.saturating_sub(1)..(column + 2).min(width)).map(move |c| r * width + c))
}

fn area(mask: &[u8]) -> f64 {
    assert!(mask.iter().all(|&pixel| pixel == 0 || pixel == 255));
    mask.iter().filter(|&&pixel| pixel > 0).count() as f64 / mask.len() as f64
}

/// Mean and spread of red, green, blue, brightness and of the steps from pixel to pixel.
fn statistics(picture: &[u8]) -> Vec<f64> {
    let pixels: Vec<[f64; 3]> = picture.as_chunks::<3>().0.iter().map(|pixel| pixel.map(f64::from)).collect();
    let brightness: Vec<f64> = pixels.iter().map(|pixel| pixel.iter().sum()).collect();
    let mut series: Vec<Vec<f64>> =
        (0..3).map(|channel| pixels.iter().map(|pixel| pixel[channel]).collect()).collect();
    series.push(brightness.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect());
    series.push(brightness);
    series
        .iter()
        .flat_map(|values| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            [mean, spread.sqrt()]
        })
        .collect()
}

/// How often the best threshold on `train` is right on `test`.
fn threshold(train: &[(f64, u32)], test: &[(f64, u32)]) -> f64 {
    let right = |set: &[(f64, u32)], border: f64, above: u32| {
        set.iter().filter(|&&(value, label)| (value > border) == (label == above)).count()
    };
    let candidates = train.iter().flat_map(|&(border, _)| [(border, 0), (border, 1)]);
    let (border, above) = candidates.max_by_key(|&(border, above)| right(train, border, above)).unwrap();
    right(test, border, above) as f64 / test.len() as f64
}

/// The label that goes with the nearest of the `known` thumbnails.
fn nearest(known: &[Vec<i64>], labels: &[u32], wanted: &[i64]) -> u32 {
    let distance =
        |number: usize| -> i64 { known[number].iter().zip(wanted).map(|(a, b)| (a - b).pow(2)).sum() };
    labels[(0..known.len()).min_by_key(|&number| distance(number)).unwrap()]
}

/// Sums of the 6×6 pixels that each pixel of an 8×8 thumbnail stands for.
fn thumbnail(picture: &[u8]) -> Vec<i64> {
    let mut sums = vec![0; 8 * 8 * 3];
    for (place, &value) in picture.iter().enumerate() {
        let (row, column, channel) = (place / (48 * 3), place / 3 % 48, place % 3);
        sums[(row / 6 * 8 + column / 6) * 3 + channel] += i64::from(value);
    }
    sums
}
