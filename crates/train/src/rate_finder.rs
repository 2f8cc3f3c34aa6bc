//! The learning-rate finder: a short training on a copy of the model, while the rate rises from tiny to far too large.

use crate::step::Trainer;
use crate::{Error, Fit, Result};
use convnet_data::{Batches, Dataset, Order, Place};
use convnet_layers::Model;
use convnet_tensor::Seed;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Which rates [`find_learning_rate`] tries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateSearch {
    /// The first rate; 1e-7 unless told.
    pub from: f64,
    /// The last, which is reached only if the loss does not explode before; 1 unless told.
    pub to: f64,
    /// Steps from the first to the last, each with a rate a constant factor above the one before; 100 unless told.
    pub steps: usize,
}

impl Default for RateSearch {
    fn default() -> RateSearch {
        RateSearch { from: 1e-7, to: 1.0, steps: 100 }
    }
}

/// A rate that was tried, and what became of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// The learning rate of the step.
    pub rate: f64,
    /// The mean loss of the pictures up to this step, each step counting 0.95 of the next.
    pub loss: f64,
}

/// How the loss answers to a rising learning rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RateCurve {
    /// Every rate that was tried, ascending.
    pub points: Vec<RatePoint>,
}

/// How much of the running mean is kept at each step.
const KEPT: f64 = 0.95;

/// A loss so many times the lowest ends the search.
const EXPLODED: f64 = 4.0;

/// A loss so many times the lowest before it is no accident of one batch: the rate has broken the network.
const BROKEN: f64 = 1.1;

/// The rate that is too careful lies this far below the steepest one.
const CAREFUL: f64 = 100.0;

/// One in so many points, at the beginning, is drawn but not judged: its running mean is that of a few batches only.
const UNSETTLED: usize = 10;

/// Trains a copy of `model` on `train` for a few steps, each at a higher learning rate, and returns the losses; the model
/// itself is not changed. A rate where the loss falls fastest is a good one to train with.
///
/// Batch size, optimiser, clipping, groups and seed are those of `settings`; its epochs, rate and schedule are not looked
/// at. `each` hears every rate that was tried, and may end the search. Source: L. N. Smith, Cyclical Learning Rates for
/// Training Neural Networks, 2017, section 3.3.
///
/// # Errors
/// As [`fit`](crate::fit) before its first step, and [`Error::Setting`] for a search whose rates do not rise.
pub fn find_learning_rate(
    model: &Model,
    train: &Dataset,
    settings: &Fit,
    search: RateSearch,
    each: &mut dyn FnMut(RatePoint) -> ControlFlow<()>,
) -> Result<RateCurve> {
    settings.check(model, train)?;
    search.check()?;
    let order = Order::Shuffled(Seed(settings.seed));
    let batches = Batches::new(train, settings.batch_size, order, model.input().pixels)?;
    let mut model = model.clone();
    let mut trainer = Trainer::new(&mut model, settings);
    let mut curve = RateCurve::default();
    let (mut mean, mut lowest) = (0.0, f64::INFINITY);
    for (step, batch) in batches.along((0..search.steps as u64).map(Place::Stream)).enumerate() {
        let batch = batch?;
        let forward = trainer.forward(&batch)?;
        let loss = forward.loss / batch.labels.len() as f64;
        let rate = search.rate(step);
        trainer.learn(forward, step as u64 + 1, rate)?;
        mean = KEPT * mean + (1.0 - KEPT) * loss;
        let smoothed = mean / (1.0 - KEPT.powi(step as i32 + 1));
        if !smoothed.is_finite() {
            break;
        }
        let point = RatePoint { rate, loss: smoothed };
        curve.points.push(point);
        lowest = smoothed.min(lowest);
        if smoothed > EXPLODED * lowest || each(point).is_break() {
            break;
        }
    }
    Ok(curve)
}

impl RateSearch {
    fn check(&self) -> Result<()> {
        let wrong = |name: &str, expected: &str, found: String| {
            Err(Error::Setting { name: format!("the search's {name}"), expected: expected.into(), found })
        };
        if !(self.from > 0.0 && self.from.is_finite()) {
            return wrong("first rate", "a number above 0", self.from.to_string());
        }
        if !(self.to > self.from && self.to.is_finite()) {
            return wrong("last rate", "a number above the first", self.to.to_string());
        }
        if !(2..=100_000).contains(&self.steps) {
            return wrong("steps", "from 2 to 100,000", self.steps.to_string());
        }
        Ok(())
    }

    fn rate(&self, step: usize) -> f64 {
        self.from * (self.to / self.from).powf(step as f64 / (self.steps - 1) as f64)
    }
}

impl RateCurve {
    /// The points whose running mean has settled.
    fn settled(&self) -> &[RatePoint] {
        &self.points[self.points.len() / UNSETTLED..]
    }

    /// The point with the lowest loss, the first tenth left out, where the mean is that of a few batches.
    pub fn lowest(&self) -> Option<RatePoint> {
        self.settled().iter().copied().min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    /// The rate at which the loss falls fastest; `None` where it never falls.
    pub fn suggestion(&self) -> Option<f64> {
        let lowest = self.lowest()?;
        let falling = self.settled().iter().take_while(|point| point.rate <= lowest.rate);
        // Over a few points: neighbours differ by what the pictures of one batch are like.
        let points: Vec<_> = falling.collect();
        let span = (self.points.len() / 10).max(1);
        let drops = points
            .windows(span + 1)
            .map(|window| (window[0].loss - window[span].loss, window[span / 2].rate));
        let (drop, rate) = drops.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        (drop > 0.0).then_some(rate)
    }

    /// The lowest rate at which the network broke: its loss is a tenth above the lowest before it. `None` where it never did.
    pub fn broken(&self) -> Option<f64> {
        let mut lowest = f64::INFINITY;
        let breaks = |point: &&RatePoint| {
            lowest = point.loss.min(lowest);
            point.loss > BROKEN * lowest
        };
        self.settled().iter().find(breaks).map(|point| point.rate)
    }

    /// The rates that the curve does not speak against: from a hundredth of the suggestion to the lowest point, behind which
    /// the loss rises. Where the loss never falls, all rates below the one that [broke](RateCurve::broken) the network; `None`
    /// where none did.
    pub fn sound(&self) -> Option<(f64, f64)> {
        match self.suggestion() {
            Some(rate) => Some((rate / CAREFUL, self.lowest()?.rate)),
            None => Some((0.0, self.broken()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{bits, digits, linear, stripes};
    use crate::optimizers::{RmsProp, Sgd};
    use crate::{Loss, Sinks, fit};
    use convnet_data::generated;

    fn curve(losses: &[f64]) -> RateCurve {
        let point = |(place, &loss): (usize, &f64)| RatePoint { rate: 10.0_f64.powi(place as i32 - 6), loss };
        RateCurve { points: losses.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn the_suggestion_is_where_the_loss_falls_fastest() {
        let falls = curve(&[2.3, 2.29, 2.2, 1.2, 0.9, 0.8, 3.0]);
        assert_eq!(falls.suggestion(), Some(1e-4));
        assert_eq!(falls.sound(), Some((1e-6, 1e-1)));
        let breaks = curve(&[1.0, 1.05, 2.0, 4.0]);
        assert_eq!(
            (breaks.suggestion(), breaks.broken(), breaks.sound()),
            (None, Some(1e-4), Some((0.0, 1e-4)))
        );
        let flat = curve(&[1.0, 1.0, 1.0]);
        assert_eq!((flat.suggestion(), flat.broken(), flat.sound()), (None, None, None));
        assert_eq!(curve(&[]).sound(), None);
    }

    /// As with the convnet of section 5.2: the first batch happens to be an easy one, and what the rates do is little beside it.
    #[test]
    fn an_easy_first_batch_does_not_decide() {
        let mut losses = vec![0.67];
        losses.extend([0.695; 39]);
        losses.extend((1..=10).map(|step| 0.695 - 0.001 * f64::from(step)));
        losses.extend([0.8; 10]);
        let points =
            losses.iter().zip(0..).map(|(&loss, place)| RatePoint { rate: 1e-6 * 1.2_f64.powi(place), loss });
        let curve = RateCurve { points: points.collect() };
        assert_eq!(curve.lowest(), Some(curve.points[49]));
        let suggestion = curve.suggestion().unwrap();
        assert!((curve.points[40].rate..curve.points[49].rate).contains(&suggestion), "{suggestion}");
        assert_eq!(curve.broken(), Some(curve.points[50].rate));
        assert!(curve.sound().unwrap().1 < curve.points[50].rate);
    }

    #[test]
    fn a_search_tells_sound_rates_from_mad_ones_and_leaves_the_model_alone() {
        let set = generated::digits(Seed(1), 1_000);
        let model = digits(1);
        let before = bits(&model);
        let settings = |learning_rate| Fit {
            batch_size: 64,
            ..Fit::new(
                Loss::sparse_categorical_crossentropy(),
                RmsProp { learning_rate, ..RmsProp::default() },
            )
        };
        let mut heard = 0;
        let mut on = |_| {
            heard += 1;
            ControlFlow::Continue(())
        };
        let curve =
            find_learning_rate(&model, &set, &settings(1e-3), RateSearch::default(), &mut on).unwrap();
        assert_eq!(bits(&model), before);
        assert!(curve.points.len() - heard <= 1, "{heard} of {} points heard", curve.points.len());
        let rate = curve.suggestion().unwrap();
        assert!((1e-5..1e-1).contains(&rate), "{curve:?}");
        // What it suggests teaches more in an epoch than rates at both ends of the search.
        let loss = |rate| {
            let mut model = model.clone();
            let outcome = fit(&mut model, &set, None, &settings(rate), None, &mut Sinks::none()).unwrap();
            outcome.history.rows[0].train_loss
        };
        let suggested = loss(rate);
        assert!(suggested < loss(1e-7) && suggested < loss(1.0), "{suggested} at {rate}");
    }

    #[test]
    fn rates_must_rise() {
        let settings = Fit::new(Loss::sparse_categorical_crossentropy(), Sgd::default());
        let found = |search| {
            let mut on = |_| ControlFlow::Continue(());
            find_learning_rate(&linear(3), &stripes(1, 64), &settings, search, &mut on)
                .unwrap_err()
                .to_string()
        };
        let search = RateSearch::default();
        assert!(found(RateSearch { from: 0.0, ..search }).contains("first rate"));
        assert!(found(RateSearch { to: 1e-8, ..search }).contains("last rate"));
        assert!(found(RateSearch { steps: 1, ..search }).contains("steps"));
    }
}
