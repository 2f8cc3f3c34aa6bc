//! Schedules: how the learning rate changes while a network is trained.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the learning rate follows from the optimiser's own rate and the number of updates made so far.
///
/// ```
/// use convnet_train::Schedule;
/// let schedule = Schedule::Step { every: 100, factor: 0.5 };
/// assert_eq!(schedule.rate(0.1, 0), 0.1);
/// assert_eq!(schedule.rate(0.1, 250), 0.025);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class")]
#[non_exhaustive]
pub enum Schedule {
    /// The optimiser's own rate, always.
    #[default]
    Constant,
    /// The rate times `factor` after every so many updates: Keras' ExponentialDecay with `staircase`.
    Step {
        /// Updates between two changes.
        every: u64,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// The same without stairs: the rate times `factor^(update / every)`.
    Exponential {
        /// Updates in which the rate is multiplied with `factor`.
        every: u64,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// The rate times the first factor, from each boundary's next update on times the next one: Keras'
    /// PiecewiseConstantDecay.
    Piecewise {
        /// The last update with each factor but the last; ascending.
        boundaries: Vec<u64>,
        /// One factor more than there are boundaries.
        factors: Vec<f64>,
    },
    /// A straight rise to the optimiser's rate, then half a cosine down: Keras' CosineDecay.
    CosineWithWarmup {
        /// Updates of the rise; 0 for none.
        warmup_steps: u64,
        /// The factor at the first update of the rise.
        warmup_from: f64,
        /// Updates of the way down, counted from the end of the rise.
        decay_steps: u64,
        /// The factor at the end and from then on.
        end: f64,
    },
    /// The rate is multiplied with `factor` when the loss has stopped falling: Keras' ReduceLROnPlateau.
    ReduceOnPlateau(Plateau),
}

/// When a loss counts as stuck, and what then happens. It is the loss on the validation pictures if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plateau {
    /// What the rate is multiplied with; 0.1 unless told.
    pub factor: f64,
    /// Epochs without improvement after which it is; 10 unless told.
    pub patience: u32,
    /// How much lower the loss must be to count as improved; 1e-4 unless told.
    pub min_delta: f64,
    /// Epochs after a change in which nothing is counted; 0 unless told.
    pub cooldown: u32,
    /// The rate never falls below this; 0 unless told.
    pub min_rate: f64,
}

impl Default for Plateau {
    fn default() -> Plateau {
        Plateau { factor: 0.1, patience: 10, min_delta: 1e-4, cooldown: 0, min_rate: 0.0 }
    }
}

/// What a schedule that watches results remembers; part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    #[serde(with = "crate::exact")]
    rate: f64,
    #[serde(with = "crate::exact")]
    best: f64,
    waited: u32,
    cooling: u32,
}

impl Watched {
    /// Before the first epoch; `rate` is the optimiser's own.
    pub fn new(rate: f64) -> Watched {
        Watched { rate, best: f64::INFINITY, waited: 0, cooling: 0 }
    }

    /// The optimiser's rate as reduced so far: what [`Schedule::rate`] takes as `base`.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes note of an epoch's loss. The epoch that ends a cool-down counts already, as in Keras.
    pub fn epoch(&mut self, schedule: &Schedule, loss: f64) {
        let Schedule::ReduceOnPlateau(plateau) = schedule else { return };
        if self.cooling > 0 {
            self.cooling -= 1;
            self.waited = 0;
        }
        if loss < self.best - plateau.min_delta {
            self.best = loss;
            self.waited = 0;
        } else if self.cooling == 0 {
            self.waited += 1;
            if self.waited >= plateau.patience && self.rate > plateau.min_rate {
                self.rate = (self.rate * plateau.factor).max(plateau.min_rate);
                self.cooling = plateau.cooldown;
                self.waited = 0;
            }
        }
    }
}

impl Schedule {
    /// The learning rate of an update; `step` updates came before it, `base` is the optimiser's own rate.
    pub fn rate(&self, base: f64, step: u64) -> f64 {
        match self {
            Schedule::Constant | Schedule::ReduceOnPlateau(_) => base,
            Schedule::Step { every, factor } => base * factor.powf((step / every) as f64),
            Schedule::Exponential { every, factor } => base * factor.powf(step as f64 / *every as f64),
            Schedule::Piecewise { boundaries, factors } => {
                base * factors[boundaries.iter().filter(|boundary| step > **boundary).count()]
            }
            Schedule::CosineWithWarmup { warmup_steps, warmup_from, decay_steps, end } => {
                if step < *warmup_steps {
                    let done = step as f64 / *warmup_steps as f64;
                    return base * (warmup_from + (1.0 - warmup_from) * done);
                }
                let done = (step - warmup_steps).min(*decay_steps) as f64 / *decay_steps as f64;
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
                base * ((1.0 - end) * cosine + end)
            }
        }
    }

    /// Every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the setting.
    pub fn check(&self) -> Result<()> {
        let wrong = |name: &str, expected: &str, found: String| {
            let name = format!("the schedule's {name}");
            Err(Error::Setting { name, expected: expected.into(), found })
        };
        let factor_is_fine = |factor: &f64| *factor >= 0.0 && factor.is_finite();
        match self {
            Schedule::Constant => Ok(()),
            Schedule::Step { every: 0, .. } | Schedule::Exponential { every: 0, .. } => {
                wrong("every", "at least 1", "0".into())
            }
            Schedule::Step { factor, .. } | Schedule::Exponential { factor, .. }
                if !factor_is_fine(factor) =>
            {
                wrong("factor", "a number of at least 0", factor.to_string())
            }
            Schedule::Piecewise { boundaries, factors } => {
                if factors.len() != boundaries.len() + 1 || !factors.iter().all(factor_is_fine) {
                    let expected = "one number of at least 0 more than there are boundaries";
                    return wrong("factors", expected, format!("{factors:?} with boundaries {boundaries:?}"));
                }
                if !boundaries.is_sorted_by(|a, b| a < b) {
                    return wrong("boundaries", "ascending", format!("{boundaries:?}"));
                }
                Ok(())
            }
            Schedule::CosineWithWarmup { decay_steps: 0, .. } => {
                wrong("decay_steps", "at least 1", "0".into())
            }
            Schedule::CosineWithWarmup { warmup_from, end, .. } => {
                match [("warmup_from", warmup_from), ("end", end)].iter().find(|(_, f)| !factor_is_fine(f)) {
                    Some((name, factor)) => wrong(name, "a number of at least 0", factor.to_string()),
                    None => Ok(()),
                }
            }
            Schedule::ReduceOnPlateau(plateau) => {
                if !(0.0..1.0).contains(&plateau.factor) {
                    return wrong("factor", "at least 0 and below 1", plateau.factor.to_string());
                }
                let numbers = [("min_delta", plateau.min_delta), ("min_rate", plateau.min_rate)];
                match numbers.iter().find(|(_, number)| !factor_is_fine(number)) {
                    Some((name, number)) => wrong(name, "a number of at least 0", number.to_string()),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
