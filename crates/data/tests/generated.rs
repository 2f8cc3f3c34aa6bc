//! Painted digits: reproducible, balanced, centred, and different enough to be told apart.

use convnet_data::{Dataset, generated};
use convnet_tensor::Seed;

#[test]
fn a_digit_follows_from_the_seed_and_its_number_alone() {
    let set = generated::digits(Seed(5), 300);
    let serial = convnet_cpu::parallel::install(1, || generated::digits(Seed(5), 300)).unwrap();
    assert_eq!(set.fingerprint(), serial.fingerprint());
    for (number, (picture, label)) in generated::digits_iter(Seed(5)).take(300).enumerate() {
        assert_eq!((picture.as_slice(), label), (set.picture(number).unwrap().data(), set.labels()[number]));
    }
    let mut picture = [0; 784];
    assert_eq!(generated::digit(Seed(5), 123, &mut picture), set.labels()[123]);
    assert_eq!(picture, set.picture(123).unwrap().data());
    assert_ne!(set.fingerprint(), generated::digits(Seed(6), 300).fingerprint());
    let different: std::collections::HashSet<Vec<u8>> =
        (0..300).map(|number| set.picture(number).unwrap().data().to_vec()).collect();
    assert_eq!(different.len(), 300);
}

#[test]
fn classes_are_balanced_and_not_in_order() {
    let set = generated::digits(Seed(1), 1_000);
    assert_eq!(set.class_counts(), [100; 10]);
    assert_ne!(set.labels()[..10], set.labels()[10..20]);
    assert!(set.origin().generated);
}

#[test]
fn digits_look_like_those_of_mnist() {
    let set = generated::digits(Seed(2), 2_000);
    let mut total = 0.0;
    for number in 0..set.len() {
        let picture = set.picture(number).unwrap();
        let picture = picture.data();
        let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
        for (place, &pixel) in picture.iter().enumerate() {
            let ink = if pixel > 60 { f64::from(pixel) } else { 0.0 };
            mass += ink;
            x += ink * (place % 28) as f64;
            y += ink * (place / 28) as f64;
        }
        assert!(mass > 0.02 * 784.0 * 255.0, "digit {number} is nearly empty");
        assert!(
            (x / mass - 13.5).abs() < 3.0 && (y / mass - 13.5).abs() < 3.0,
            "digit {number} is off centre"
        );
        let border = (0..28).flat_map(|i| [i, 27 * 28 + i, i * 28, i * 28 + 27]);
        let outside = border.filter(|&place| picture[place] > 60).count();
        assert!(outside <= 4, "digit {number} leaves the frame");
        total += picture.iter().map(|&pixel| f64::from(pixel)).sum::<f64>();
    }
    // MNIST's mean pixel is 0.1307.
    let mean = total / (2_000.0 * 784.0 * 255.0);
    assert!((0.10..0.16).contains(&mean), "mean pixel {mean}");
}

/// The mean picture of each class, and how many test digits are nearest to their own class's: far above chance, so
/// labels and pictures belong together; far from all, so there is something left to learn.
#[test]
fn classes_can_be_told_apart_but_not_by_their_means() {
    let (train, test) = generated::digits(Seed(3), 4_000).split(3_000).unwrap();
    let mut means = vec![vec![0.0f32; 784]; 10];
    for number in 0..train.len() {
        let mean = &mut means[train.labels()[number] as usize];
        mean.iter_mut()
            .zip(train.picture(number).unwrap().data())
            .for_each(|(m, &pixel)| *m += f32::from(pixel) / 300.0);
    }
    let right = (0..test.len()).filter(|&number| nearest(&means, &test, number) == test.labels()[number]);
    let accuracy = right.count() as f64 / test.len() as f64;
    assert!((0.6..0.95).contains(&accuracy), "{accuracy}");
}

fn nearest(means: &[Vec<f32>], set: &Dataset, number: usize) -> u32 {
    let picture = set.picture(number).unwrap();
    let distance = |mean: &[f32]| -> f32 {
        mean.iter().zip(picture.data()).map(|(m, &pixel)| (m - f32::from(pixel)).powi(2)).sum()
    };
    let distances: Vec<f32> = means.iter().map(|mean| distance(mean)).collect();
    (0..10).min_by(|&a, &b| distances[a as usize].total_cmp(&distances[b as usize])).unwrap()
}
