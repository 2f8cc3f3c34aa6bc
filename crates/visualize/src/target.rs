//! What is explained: a class, by its score or by its probability.

use crate::error::{Error, Result, expect, wrong_shape};
use convnet_layers::{FinalActivation, Model};
use convnet_tensor::Tensor;

/// Which number of a class is explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Score {
    /// The score before the final softmax or sigmoid. Its gradient does not vanish where the model is sure.
    #[default]
    Logit,
    /// The probability behind it. Where it is near 0 or 1 its gradient is tiny, and of a softmax it also holds what
    /// speaks against the other classes.
    Probability,
}

/// The class that is explained, for each picture of a batch.
///
/// A model that ends in one sigmoid has two classes: 1 with the score itself and 0 with its opposite.
///
/// ```
/// use convnet_visualize::{Score, Target};
/// let elephant = Target::class(386);
/// assert_eq!(elephant.score, Score::Logit);
/// assert_eq!(Target::predicted().probability().score, Score::Probability);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The class of each picture.
    pub classes: Classes,
    /// By which number.
    pub score: Score,
}

/// Which class is explained in which picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// In each picture the class that the model finds most probable.
    Predicted,
    /// The same in all pictures.
    Same(usize),
    /// One for each picture.
    Each(Vec<usize>),
}

impl Target {
    /// The score of this class.
    pub fn class(class: usize) -> Target {
        Target { classes: Classes::Same(class), score: Score::Logit }
    }

    /// The score of the most probable class of each picture.
    pub fn predicted() -> Target {
        Target { classes: Classes::Predicted, score: Score::Logit }
    }

    /// The score of one class for each picture, its label, say.
    pub fn each(classes: impl Into<Vec<usize>>) -> Target {
        Target { classes: Classes::Each(classes.into()), score: Score::Logit }
    }

    /// The probability instead of the score.
    pub fn probability(mut self) -> Target {
        self.score = Score::Probability;
        self
    }

    /// The class of each picture, from the model's scores for the pictures.
    ///
    /// # Errors
    /// A class that the model does not have; not one class per picture.
    pub(crate) fn resolve(&self, model: &Model, logits: &Tensor) -> Result<Vec<usize>> {
        let pictures = logits.len_first();
        let classes = match &self.classes {
            Classes::Same(class) => vec![*class; pictures],
            Classes::Each(classes) => classes.clone(),
            Classes::Predicted => rows(logits).map(|scores| most_probable(model, scores)).collect(),
        };
        expect(
            classes.len() == pictures,
            "the target",
            format!("one class for each of {pictures} pictures"),
            format_args!("{} classes", classes.len()),
        )?;
        let known = count(model)?;
        let wrong = classes.iter().find(|&&class| class >= known);
        expect(wrong.is_none(), "the class", format!("below {known}"), wrong.copied().unwrap_or(0))?;
        let has_none =
            self.score == Score::Probability && model.final_activation() == FinalActivation::Linear;
        if has_none {
            return Err(Error::Argument {
                name: "the target",
                expected: "a score: the model ends without softmax or sigmoid, so it gives no probabilities"
                    .into(),
                found: "a probability".into(),
            });
        }
        Ok(classes)
    }

    /// The explained number of each picture.
    pub(crate) fn scores(&self, model: &Model, logits: &Tensor, classes: &[usize]) -> Vec<f64> {
        let of = |(scores, &class): (&[f32], &usize)| match self.score {
            Score::Logit => score(model, scores, class),
            Score::Probability => probability(model, scores, class)[0],
        };
        rows(logits).zip(classes).map(of).collect()
    }

    /// The probability of each class and what is left of 1.
    pub(crate) fn probabilities(model: &Model, logits: &Tensor, classes: &[usize]) -> Vec<[f64; 2]> {
        rows(logits).zip(classes).map(|(scores, &class)| probability(model, scores, class)).collect()
    }

    /// The gradient of the explained numbers with respect to the scores: where backward starts.
    pub(crate) fn seed(&self, model: &Model, logits: &Tensor, classes: &[usize]) -> Tensor {
        let mut seed = Tensor::zeros(logits.shape());
        let each = logits.shape().without_first().size();
        for ((seed, scores), &class) in seed.data_mut().chunks_exact_mut(each).zip(rows(logits)).zip(classes)
        {
            match (self.score, model.final_activation()) {
                (Score::Probability, FinalActivation::Softmax) => {
                    let all = softmax(scores.iter().copied().map(f64::from));
                    for (other, slot) in seed.iter_mut().enumerate() {
                        let of_other = if other == class { -without(&all, class) } else { all[other] };
                        *slot = (-all[class] * of_other) as f32;
                    }
                }
                (kind, _) => {
                    let is_opposite = is_binary(model) && class == 0;
                    let slope = match kind {
                        Score::Logit => 1.0,
                        Score::Probability => probability(model, scores, class).iter().product(),
                    };
                    seed[if is_binary(model) { 0 } else { class }] =
                        if is_opposite { -slope as f32 } else { slope as f32 };
                }
            }
        }
        seed
    }
}

/// How many classes a model tells apart: two for one sigmoid.
///
/// # Errors
/// For a model whose output are feature maps.
pub fn count(model: &Model) -> Result<usize> {
    match *model.output_shape() {
        [1] if is_binary(model) => Ok(2),
        [classes] => Ok(classes),
        _ => wrong_shape("the output of the model", "(classes); put a head on it", model.output_shape()),
    }
}

/// One sigmoid tells two classes apart.
fn is_binary(model: &Model) -> bool {
    model.final_activation() == FinalActivation::Sigmoid && *model.output_shape() == [1]
}

fn rows(logits: &Tensor) -> impl Iterator<Item = &[f32]> {
    logits.data().chunks_exact(logits.shape().without_first().size().max(1))
}

fn most_probable(model: &Model, scores: &[f32]) -> usize {
    if is_binary(model) {
        return usize::from(scores[0] > 0.0);
    }
    // The first of equals; NaN never wins.
    (0..scores.len()).fold(0, |best, class| if scores[class] > scores[best] { class } else { best })
}

fn score(model: &Model, scores: &[f32], class: usize) -> f64 {
    match (is_binary(model), class) {
        (true, 0) => -f64::from(scores[0]),
        (true, _) => f64::from(scores[0]),
        _ => f64::from(scores[class]),
    }
}

/// The probability of a class and what is left of 1, in f64 and neither as a difference: so none vanishes where the other is
/// nearly 1.
fn probability(model: &Model, scores: &[f32], class: usize) -> [f64; 2] {
    match model.final_activation() {
        FinalActivation::Softmax => {
            let all = softmax(scores.iter().copied().map(f64::from));
            [all[class], without(&all, class)]
        }
        _ => {
            let score = score(model, scores, class);
            [sigmoid(score), sigmoid(-score)]
        }
    }
}

/// The shares of 1 that the exponentials of scores have.
pub(crate) fn softmax(scores: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let most = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.map(|score| (score - most).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

fn without(all: &[f64], class: usize) -> f64 {
    all.iter().enumerate().filter(|(other, _)| *other != class).map(|(_, other)| other).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
