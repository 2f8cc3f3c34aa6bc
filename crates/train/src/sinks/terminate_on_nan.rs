//! Ending a training whose loss is no number.

use crate::{Event, Result, Sink, Stop};
use std::ops::ControlFlow;

/// Stops at the first loss that is NaN or infinite, before the model learns from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminateOnNaN;

impl Sink for TerminateOnNaN {
    fn event(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        Ok(match event {
            Event::NotFinite { epoch, step, cause } => {
                Stop::because(format!("epoch {epoch}, step {step}: {cause}"))
            }
            _ => ControlFlow::Continue(()),
        })
    }
}
