//! Similar pictures by their features.

mod common;

use common::{nested, random};
use convnet_tensor::Tensor;
use convnet_visualize::activations::activations;
use convnet_visualize::most_similar;

#[test]
fn the_most_similar_are_those_with_the_largest_cosine() {
    let (stored, features) = (random([20, 3, 7], 1), random([4, 3, 7], 2));
    let found = most_similar(&features, &stored, 5).unwrap();
    for (row, found) in features.data().chunks(21).zip(&found) {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let cosine = |other: &[f32]| product(row, other) / (product(row, row) * product(other, other)).sqrt();
        let mut all: Vec<(usize, f64)> = stored.data().chunks(21).map(cosine).enumerate().collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        assert_eq!(found.len(), 5);
        for (found, (place, cosine)) in found.iter().zip(all) {
            assert_eq!(found.place, place);
            assert!((found.cosine - cosine).abs() < 1e-12);
        }
    }
    // The scale of features does not matter, zeros are like nothing, and no more come than there are.
    let scaled = Tensor::from_fn([4, 3, 7], |i| 1e-3 * features.data()[i]);
    let again = most_similar(&scaled, &stored, 5).unwrap();
    assert!(again.iter().flatten().zip(found.iter().flatten()).all(|(a, b)| a.place == b.place));
    let nothing = most_similar(&Tensor::zeros([1, 3, 7]), &stored, 99).unwrap();
    assert!(nothing[0].len() == 20 && nothing[0].iter().all(|similar| similar.cosine == 0.0));
    assert!(most_similar(&features, &random([4, 7, 3], 1), 1).is_err());
    assert!(most_similar(&features, &stored, 0).is_err());
}

#[test]
fn a_picture_is_most_like_itself_and_then_like_its_brighter_copy() {
    let model = nested();
    let mut x = random([9, 14, 12, 3], 1);
    let (first, brighter) = (x.rows(3..4), 6 * 504);
    for (to, from) in x.data_mut()[brighter..brighter + 504].iter_mut().zip(first.data()) {
        *to = 1.1 * from;
    }
    let features = &activations(&model, &x, &["base"]).unwrap()[0];
    let found = most_similar(&features.rows(3..4), features, 3).unwrap();
    assert_eq!((found[0][0].place, found[0][1].place), (3, 6));
    assert!((found[0][0].cosine - 1.0).abs() < 1e-12 && found[0][1].cosine < 1.0);
}
