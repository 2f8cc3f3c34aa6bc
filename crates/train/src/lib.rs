//! Losses, metrics, optimisers, schedules, fit and checkpoints.
#![forbid(unsafe_code)]
