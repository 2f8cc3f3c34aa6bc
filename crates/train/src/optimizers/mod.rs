//! Optimisers: how a gradient moves a weight. Update formulas, defaults and names are those of Keras 3.

mod adam;
mod fused;
mod rmsprop;
mod sgd;

pub use adam::{Adam, AdamW};
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::{Error, Result};
use convnet_tensor::{Shape, Tensor};
use serde::{Deserialize, Serialize};

/// An optimiser with its settings.
///
/// ```
/// use convnet_train::optimizers::{Optimizer, RmsProp};
/// let optimizer: Optimizer = RmsProp { learning_rate: 1e-4, ..RmsProp::default() }.into();
/// assert_eq!(optimizer.slots(), ["mean_square"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class")]
#[non_exhaustive]
pub enum Optimizer {
    /// Gradient descent, with or without momentum.
    #[serde(rename = "SGD")]
    Sgd(Sgd),
    /// Steps divided by the running size of the gradient.
    #[serde(rename = "RMSprop")]
    RmsProp(RmsProp),
    /// Running mean over running size.
    Adam(Adam),
    /// Adam with decay of the weights themselves.
    AdamW(AdamW),
}

/// What an optimiser is told about the step beside the gradient.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The number of this update, from 1.
    pub number: u64,
    /// The learning rate of this update for this parameter.
    pub learning_rate: f64,
}

impl Optimizer {
    /// Its name in Keras.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Sgd(_) => "SGD",
            Optimizer::RmsProp(_) => "RMSprop",
            Optimizer::Adam(_) => "Adam",
            Optimizer::AdamW(_) => "AdamW",
        }
    }

    /// The learning rate that a schedule starts from.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Optimizer::Sgd(sgd) => sgd.learning_rate,
            Optimizer::RmsProp(rmsprop) => rmsprop.learning_rate,
            Optimizer::Adam(adam) => adam.learning_rate,
            Optimizer::AdamW(adamw) => adamw.learning_rate,
        }
    }

    /// What is remembered for each parameter, one tensor of its shape each; all begin at 0.
    pub fn slots(&self) -> &'static [&'static str] {
        match self {
            Optimizer::Sgd(sgd) => sgd.slots(),
            Optimizer::RmsProp(rmsprop) => rmsprop.slots(),
            Optimizer::Adam(_) | Optimizer::AdamW(_) => Adam::SLOTS,
        }
    }

    /// The slots of a parameter of this shape before the first step.
    pub fn start(&self, shape: Shape) -> Vec<Tensor> {
        self.slots().iter().map(|_| Tensor::zeros(shape)).collect()
    }

    /// Moves `parameter` by one step, in place and in one pass. Large parameters are cut over threads; every number is
    /// treated alone, so no bit depends on how many there are.
    ///
    /// # Panics
    /// When shapes differ or `slots` are not those of [`Optimizer::start`].
    pub fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor]) {
        assert_eq!(parameter.shape(), gradient.shape(), "a parameter and its gradient differ in shape");
        let (weights, gradient) = (parameter.data_mut(), gradient.data());
        match self {
            Optimizer::Sgd(sgd) => sgd.update(step, weights, gradient, slots),
            Optimizer::RmsProp(rmsprop) => rmsprop.update(step, weights, gradient, slots),
            Optimizer::Adam(adam) => adam.update(step, 0.0, weights, gradient, slots),
            Optimizer::AdamW(adamw) => {
                adamw.adam().update(step, adamw.weight_decay, weights, gradient, slots)
            }
        }
    }

    /// Every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the setting.
    pub fn check(&self) -> Result<()> {
        share("learning_rate", self.learning_rate(), f64::MAX)?;
        match self {
            Optimizer::Sgd(sgd) => {
                share("momentum", sgd.momentum, 1.0)?;
                share("weight_decay", sgd.weight_decay, f64::MAX)
            }
            Optimizer::RmsProp(rmsprop) => {
                share("rho", rmsprop.rho, 1.0)?;
                share("momentum", rmsprop.momentum, 1.0)?;
                share("epsilon", rmsprop.epsilon, f64::MAX)
            }
            Optimizer::Adam(adam) => adam.check(),
            Optimizer::AdamW(adamw) => {
                adamw.adam().check()?;
                share("weight_decay", adamw.weight_decay, f64::MAX)
            }
        }
    }
}

/// `value` lies between 0 and `limit`.
fn share(name: &str, value: f64, limit: f64) -> Result<()> {
    if (0.0..=limit).contains(&value) {
        return Ok(());
    }
    let expected =
        if limit == f64::MAX { "a number of at least 0".into() } else { format!("from 0 to {limit}") };
    Err(Error::Setting { name: format!("the optimiser's {name}"), expected, found: value.to_string() })
}

macro_rules! from {
    ($($settings:ident),*) => { $(
        impl From<$settings> for Optimizer {
            fn from(settings: $settings) -> Optimizer {
                Optimizer::$settings(settings)
            }
        }
    )* };
}
from!(Sgd, RmsProp, Adam, AdamW);
