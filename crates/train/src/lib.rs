#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod losses;
pub mod metrics;
pub mod optimizers;
pub mod sinks;

mod advice;
mod checkpoint;
mod clipping;
mod confusion;
mod error;
mod evaluate;
mod events;
mod exact;
mod features;
mod fit;
mod frozen;
mod history;
mod rate_finder;
mod schedules;
mod settings;
mod step;

pub use advice::{Advice, advise, advise_base};
pub use checkpoint::Checkpoints;
pub use clipping::Clipping;
pub use confusion::{Confusion, ConfusionMatrix, Mistake, worst_mistakes};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, evaluate, evaluate_with, predict};
pub use events::{Event, Sink, Sinks, Stop};
pub use features::{FeatureCache, Features};
pub use fit::{Ending, Outcome, fit};
pub use frozen::frozen_hash;
pub use history::{History, Monitor, Row};
pub use losses::Loss;
pub use optimizers::Optimizer;
pub use rate_finder::{RateCurve, RatePoint, RateSearch, find_learning_rate};
pub use schedules::{Plateau, Schedule, Watched};
pub use settings::{Fit, Group};

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(test)]
extern crate self as convnet_train;
