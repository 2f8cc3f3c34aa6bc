//! Losses, metrics, optimisers, schedules, fit and checkpoints.
#![forbid(unsafe_code)]

pub mod losses;
pub mod metrics;
pub mod optimizers;

mod clipping;
mod confusion;
mod error;
mod exact;
mod schedules;

pub use clipping::Clipping;
pub use confusion::{Confusion, ConfusionMatrix, Mistake, worst_mistakes};
pub use error::{Error, Result};
pub use losses::Loss;
pub use optimizers::Optimizer;
pub use schedules::{Plateau, Schedule, Watched};
