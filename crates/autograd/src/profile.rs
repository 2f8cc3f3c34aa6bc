//! Time and memory per label.

use std::sync::Arc;
use std::time::Duration;

/// What the operations under one label took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The label: a layer's path.
    pub label: Arc<str>,
    /// The operation's name.
    pub operation: &'static str,
    /// Time in `forward`, summed over slices (so on several threads more than the clock shows).
    pub forward: Duration,
    /// Time in `backward`, summed likewise.
    pub backward: Duration,
    /// Bytes of all outputs.
    pub output_bytes: usize,
}

/// Measurements in the order in which labels first appeared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile(pub Vec<Measured>);

impl Profile {
    fn entry(&mut self, label: &Arc<str>, operation: &'static str) -> &mut Measured {
        let found = self.0.iter().position(|m| m.label == *label && m.operation == operation);
        let place = found.unwrap_or_else(|| {
            let (forward, backward) = (Duration::ZERO, Duration::ZERO);
            self.0.push(Measured { label: Arc::clone(label), operation, forward, backward, output_bytes: 0 });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    pub(crate) fn forward(
        &mut self,
        label: &Arc<str>,
        operation: &'static str,
        time: Duration,
        bytes: usize,
    ) {
        let measured = self.entry(label, operation);
        measured.forward += time;
        measured.output_bytes += bytes;
    }

    pub(crate) fn backward(&mut self, label: &Arc<str>, operation: &'static str, time: Duration) {
        self.entry(label, operation).backward += time;
    }

    pub(crate) fn absorb(&mut self, other: Profile) {
        for measured in other.0 {
            let mine = self.entry(&measured.label, measured.operation);
            mine.forward += measured.forward;
            mine.backward += measured.backward;
            mine.output_bytes += measured.output_bytes;
        }
    }
}
