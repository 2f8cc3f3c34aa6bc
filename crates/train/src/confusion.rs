//! Which classes are taken for which, and which pictures are missed worst.

use crate::metrics::predicted;
use convnet_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How often each class was taken for each.
///
/// ```
/// use convnet_train::ConfusionMatrix;
/// let mut matrix = ConfusionMatrix::new(2);
/// for (label, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
///     matrix.add(label, predicted);
/// }
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.per_class(), [Some(0.5), Some(1.0)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// Row: the true class; column: the predicted one.
    pub counts: Vec<Vec<u64>>,
}

/// One class taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// The true class.
    pub label: u32,
    /// The class that was predicted instead.
    pub predicted: u32,
    /// How often.
    pub count: u64,
}

impl ConfusionMatrix {
    /// No picture yet, of `classes` classes.
    pub fn new(classes: usize) -> ConfusionMatrix {
        ConfusionMatrix { counts: vec![vec![0; classes]; classes] }
    }

    /// Counts one picture.
    ///
    /// # Panics
    /// When either is no class.
    pub fn add(&mut self, label: u32, predicted: u32) {
        self.counts[label as usize][predicted as usize] += 1;
    }

    /// The share of pictures on the diagonal; 0 without pictures.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        let all: u64 = self.counts.iter().flatten().sum();
        if all == 0 { 0.0 } else { right as f64 / all as f64 }
    }

    /// The accuracy within each true class; `None` for a class without pictures.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        let share = |(class, row): (usize, &Vec<u64>)| {
            let all: u64 = row.iter().sum();
            (all > 0).then(|| row[class] as f64 / all as f64)
        };
        self.counts.iter().enumerate().map(share).collect()
    }

    /// The `most` most frequent confusions, the most frequent first, equals in the order of their classes.
    pub fn most_confused(&self, most: usize) -> Vec<Confusion> {
        let mut found = Vec::new();
        for (label, row) in self.counts.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate() {
                if label != predicted && count > 0 {
                    found.push(Confusion { label: label as u32, predicted: predicted as u32, count });
                }
            }
        }
        found.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
        found.truncate(most);
        found
    }
}

/// A picture that was classified wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistake {
    /// The picture's number in its data set.
    pub picture: usize,
    /// Its class.
    pub label: u32,
    /// The class that was predicted.
    pub predicted: u32,
    /// The probability that the model gave to the predicted class.
    pub probability: f32,
}

/// The `most` mistakes of which the model was surest, the surest first, from the probabilities of all pictures in order:
/// `[N, classes]`, or `[N, 1]` for a yes or no.
///
/// # Panics
/// When the probabilities are not a matrix.
pub fn worst_mistakes(probabilities: &Tensor, labels: &[u32], most: usize) -> Vec<Mistake> {
    let columns = probabilities.shape()[1];
    let mut mistakes = Vec::new();
    for (picture, (predicted, &label)) in predicted(probabilities, 0.5).zip(labels).enumerate() {
        let row = &probabilities.data()[picture * columns..][..columns];
        let probability = match row {
            [yes] => {
                if predicted == 1 {
                    *yes
                } else {
                    1.0 - *yes
                }
            }
            row => row[predicted as usize],
        };
        if predicted != label {
            mistakes.push(Mistake { picture, label, predicted, probability });
        }
    }
    mistakes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    mistakes.truncate(most);
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_come_most_frequent_first() {
        let mut matrix = ConfusionMatrix::new(3);
        for (label, predicted) in [(0, 1), (2, 0), (2, 0), (1, 2), (1, 1)] {
            matrix.add(label, predicted);
        }
        let confusion = |label, predicted, count| Confusion { label, predicted, count };
        assert_eq!(matrix.most_confused(2), [confusion(2, 0, 2), confusion(0, 1, 1)]);
        assert_eq!(matrix.most_confused(9).len(), 3);
        assert_eq!(matrix.accuracy(), 0.2);
        assert_eq!(matrix.per_class(), [Some(0.0), Some(0.5), Some(0.0)]);
        assert_eq!(ConfusionMatrix::new(1).per_class(), [None]);
        assert_eq!(ConfusionMatrix::new(1).accuracy(), 0.0);
    }

    #[test]
    fn mistakes_come_surest_first_with_their_numbers() {
        let rows = Tensor::from_slice([3, 2], &[0.4, 0.6, 0.1, 0.9, 0.8, 0.2]).unwrap();
        let mistake =
            |picture, label, predicted, probability| Mistake { picture, label, predicted, probability };
        assert_eq!(worst_mistakes(&rows, &[0, 0, 0], 9), [mistake(1, 0, 1, 0.9), mistake(0, 0, 1, 0.6)]);
        let single = Tensor::from_slice([3, 1], &[0.25, 0.75, 0.5]).unwrap();
        assert_eq!(worst_mistakes(&single, &[1, 1, 1], 1), [mistake(0, 1, 0, 0.75)]);
    }
}
