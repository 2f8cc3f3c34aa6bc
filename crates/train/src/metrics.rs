//! How often a model is right.
//!
//! Scores are logits or probabilities: `[N, classes]`, or `[N, 1]` for a yes or no.

use convnet_tensor::Tensor;

/// The class of each row of scores: the first with the highest score; of a single score, 1 where it is above `threshold`.
///
/// The threshold is 0 for logits and 0.5 for probabilities.
///
/// # Panics
/// When the scores are not a matrix.
pub fn predicted(scores: &Tensor, threshold: f32) -> impl Iterator<Item = u32> + '_ {
    let columns = columns(scores);
    scores.data().chunks_exact(columns).map(move |row| match row {
        [score] => u32::from(*score > threshold),
        row => {
            let mut best = 0;
            for (class, score) in row.iter().enumerate() {
                if *score > row[best] {
                    best = class;
                }
            }
            best as u32
        }
    })
}

/// How many pictures are classified rightly; see [`predicted`] for the threshold.
pub fn correct(scores: &Tensor, labels: &[u32], threshold: f32) -> usize {
    predicted(scores, threshold).zip(labels).filter(|(class, label)| class == *label).count()
}

/// The share of pictures whose class is among the `k` highest scores, as Keras counts it: fewer than `k` classes have a
/// higher score. 0 without pictures.
///
/// ```
/// use convnet_tensor::Tensor;
/// use convnet_train::metrics::top_k;
/// let scores = Tensor::from_slice([2, 3], &[0.1, 0.7, 0.2, 0.5, 0.3, 0.2])?;
/// assert_eq!(top_k(&scores, &[2, 2], 1), 0.0);
/// assert_eq!(top_k(&scores, &[2, 2], 2), 0.5);
/// # Ok::<(), convnet_tensor::Error>(())
/// ```
///
/// # Panics
/// When the scores are not a matrix or a label has no column.
pub fn top_k(scores: &Tensor, labels: &[u32], k: usize) -> f64 {
    let columns = columns(scores);
    let among = |row: &[f32], label: u32| {
        let own = row[label as usize];
        // A score that is not a number is among nothing.
        !own.is_nan() && row.iter().filter(|score| **score > own).count() < k
    };
    let rows = scores.data().chunks_exact(columns).zip(labels);
    let right = rows.filter(|(row, label)| among(row, **label)).count();
    if labels.is_empty() { 0.0 } else { right as f64 / labels.len() as f64 }
}

fn columns(scores: &Tensor) -> usize {
    assert_eq!(scores.shape().len(), 2, "scores are [N, classes], not {}", scores.shape());
    scores.shape()[1].max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins_and_a_single_score_is_compared_with_the_threshold() {
        let scores =
            Tensor::from_slice([3, 3], &[1.0, 3.0, 3.0, f32::NAN, 0.0, 1.0, -1.0, -2.0, -3.0]).unwrap();
        assert_eq!(predicted(&scores, 0.0).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(correct(&scores, &[1, 2, 0], 0.0), 2);
        let scores = Tensor::from_slice([4, 1], &[0.0, 0.1, -3.0, 9.0]).unwrap();
        assert_eq!(predicted(&scores, 0.0).collect::<Vec<_>>(), [0, 1, 0, 1]);
        assert_eq!(predicted(&scores, 0.5).collect::<Vec<_>>(), [0, 0, 0, 1]);
    }

    #[test]
    fn top_k_grows_to_one() {
        let scores = Tensor::from_slice([2, 4], &[0.4, 0.3, 0.2, 0.1, 0.25, 0.25, 0.25, 0.25]).unwrap();
        assert_eq!([1, 2, 3, 4].map(|k| top_k(&scores, &[3, 3], k)), [0.5, 0.5, 0.5, 1.0]);
        assert_eq!(top_k(&scores, &[], 1), 0.0);
    }
}
