//! How sure a model may be.

use convnet_tensor::Tensor;

/// What the scores are divided by before the softmax (Guo and others, "On Calibration of Modern Neural Networks", 2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Temperature {
    /// Above 1 the model was too sure.
    pub(crate) value: f64,
    /// The mean cross-entropy without it.
    pub(crate) before: f64,
    /// And with it.
    pub(crate) after: f64,
}

/// Natural logarithms of the lowest and the highest temperature.
const RANGE: [f64; 2] = [-1.5, 2.5];

/// How far from 1 temperatures are expected before any picture was seen: the deviation of their logarithms.
const EXPECTED: f64 = 0.5;

/// The most probable temperature, from the probabilities `[N, classes]` and the labels of some pictures: that of the lowest
/// cross-entropy, held near 1 where the pictures are few. Without that, a handful of pictures that are all right would make
/// the model as sure as can be.
pub(crate) fn temperature(probabilities: &Tensor, labels: &[u32]) -> Temperature {
    // Scores are logarithms of probabilities up to a number that the softmax does not see.
    let classes = probabilities.shape()[1];
    let scores: Vec<f64> = probabilities
        .data()
        .iter()
        .map(|&probability| f64::from(probability.max(f32::MIN_POSITIVE)).ln())
        .collect();
    let loss = |logarithm: f64| cross_entropy(&scores, classes, labels, logarithm.exp());
    let held = |logarithm: f64| {
        loss(logarithm) + (logarithm / EXPECTED).powi(2) / (2.0 * labels.len().max(1) as f64)
    };
    // The loss has one valley, seen along the inverse of the temperature; so a golden section finds it.
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = RANGE;
    for _ in 0..40 {
        let step = golden * (high - low);
        if held(high - step) <= held(low + step) {
            high = low + step;
        } else {
            low = high - step;
        }
    }
    let (before, best) = (loss(0.0), (low + high) / 2.0);
    let after = loss(best);
    if after < before {
        Temperature { value: best.exp(), before, after }
    } else {
        Temperature { value: 1.0, before, after: before }
    }
}

fn cross_entropy(scores: &[f64], classes: usize, labels: &[u32], temperature: f64) -> f64 {
    let losses = scores.chunks_exact(classes).zip(labels).map(|(scores, &label)| {
        let highest = scores.iter().fold(f64::NEG_INFINITY, |highest, score| highest.max(*score));
        let sum: f64 = scores.iter().map(|score| ((score - highest) / temperature).exp()).sum();
        sum.ln() - (scores[label as usize] - highest) / temperature
    });
    losses.sum::<f64>() / labels.len().max(1) as f64
}

/// Of a tenth of the probabilities: how sure the model was, how often it was right, and of how many pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bin {
    pub(crate) sure: f64,
    pub(crate) right: f64,
    pub(crate) pictures: usize,
}

/// The pictures by the probability of the class that was found, in tenths; tenths without pictures are left out.
pub(crate) fn reliability(probabilities: &Tensor, labels: &[u32]) -> Vec<Bin> {
    let classes = probabilities.shape()[1];
    let mut sums = [(0.0, 0.0, 0usize); 10];
    for (row, &label) in probabilities.data().chunks_exact(classes).zip(labels) {
        let best = (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
        let sure = f64::from(row[best]);
        let (sum, right, count) = &mut sums[((sure * 10.0) as usize).min(9)];
        *sum += sure;
        *right += f64::from(u8::from(best == label as usize));
        *count += 1;
    }
    let filled = sums.into_iter().filter(|(_, _, count)| *count > 0);
    filled
        .map(|(sure, right, pictures)| Bin {
            sure: sure / pictures as f64,
            right: right / pictures as f64,
            pictures,
        })
        .collect()
}

/// The mean distance between how sure the model was and how often it was right: the expected calibration error.
pub(crate) fn calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.pictures).sum();
    bins.iter().map(|bin| bin.pictures as f64 * (bin.sure - bin.right).abs()).sum::<f64>() / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURES: u32 = 10_000;

    /// Of ten pictures seven are right, and the model is surer than that of each.
    fn too_sure() -> (Tensor, Vec<u32>) {
        let labels: Vec<u32> = (0..PICTURES).map(|picture| u32::from(picture % 10 >= 7)).collect();
        (Tensor::from_fn([PICTURES as usize, 2], |number| if number % 2 == 0 { 0.99 } else { 0.01 }), labels)
    }

    #[test]
    fn a_model_that_is_too_sure_gets_the_temperature_that_makes_it_honest() {
        let (probabilities, labels) = too_sure();
        let temperature = temperature(&probabilities, &labels);
        // 0.7 against 0.3 are scores ln(7/3) apart, 0.99 against 0.01 ln(99).
        let expected = 99f64.ln() / (7f64 / 3.0).ln();
        assert!((temperature.value - expected).abs() < 0.02 * expected, "{temperature:?}, {expected}");
        assert!(temperature.after < temperature.before);
    }

    #[test]
    fn a_handful_of_pictures_that_are_right_makes_no_model_sure() {
        let sure = |pictures: usize| {
            let probabilities =
                Tensor::from_fn([pictures, 2], |number| if number % 2 == 0 { 0.9 } else { 0.1 });
            temperature(&probabilities, &vec![0; pictures]).value
        };
        assert!((0.9..1.0).contains(&sure(2)), "{}", sure(2));
        assert!(sure(10_000) < 0.4, "{}", sure(10_000));
    }

    #[test]
    fn bins_tell_how_often_it_was_right() {
        let (probabilities, labels) = too_sure();
        let bins = reliability(&probabilities, &labels);
        assert_eq!(bins.len(), 1);
        assert!((bins[0].right - 0.7).abs() < 1e-9 && bins[0].pictures == PICTURES as usize);
        assert!((calibration_error(&bins) - 0.29).abs() < 1e-6);
    }
}
