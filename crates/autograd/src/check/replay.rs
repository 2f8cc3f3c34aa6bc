//! A recorded computation, repeated in f64 with other inputs; and how much its results suffer from rounding.

use super::{Failure, Outcome};
use crate::tape::{Recording, Tape};
use crate::value::Value;
use convnet_tensor::{Purpose, Seed, Tensor};

/// By what part of itself every number is changed to see what rounding does: small enough to stay on one side of nearly
/// every kink, large enough for f64, whose own rounding moves differences with the step 1e-6 by about 1e-10.
pub(super) const DISTURBANCE: f64 = 1e-6;

/// How often: what cancels in one disturbance does not in the next.
pub(super) const DISTURBANCES: u64 = 3;

/// A recorded computation that can be repeated in f64 with other inputs.
pub(super) struct Replay {
    recording: Recording,
    inputs: Vec<usize>,
    output: usize,
    nodes: usize,
}

impl Replay {
    pub(super) fn record(
        inputs: &[Tensor],
        compute: impl Fn(&mut Tape, &[Value]) -> convnet_tensor::Result<Value>,
    ) -> Outcome<Replay> {
        let mut tape = Tape::recording();
        let mut values = Vec::new();
        for (key, input) in inputs.iter().enumerate() {
            values.push(tape.watch(&Value::constant(input.clone()), key)?);
        }
        let output = compute(&mut tape, &values)?;
        let place = |value: &Value| match tape.index_of(value)? {
            Some(index) => Ok(index),
            None => Err(Failure("the output does not come from the tape".into())),
        };
        let (inputs, output) = (values.iter().map(place).collect::<Outcome<Vec<_>>>()?, place(&output)?);
        let nodes = tape.places();
        match tape.recording.take() {
            Some(recording) => Ok(Replay { recording, inputs, output, nodes }),
            None => Err(Failure("the recording was lost".into())),
        }
    }

    /// The output at `inputs`.
    pub(super) fn output(&self, inputs: &[Tensor<f64>]) -> Tensor<f64> {
        self.run(inputs, None)
    }

    /// The output where every number that the computation stores, inputs and constants too, is larger or smaller by
    /// [`DISTURBANCE`] of itself: as rounding does it, but visible in f64.
    pub(super) fn disturbed(&self, inputs: &[Tensor<f64>], disturbance: u64) -> Tensor<f64> {
        self.run(inputs, Some(disturbance))
    }

    fn run(&self, inputs: &[Tensor<f64>], disturbance: Option<u64>) -> Tensor<f64> {
        let stored = |place: usize, mut tensor: Tensor<f64>| {
            if let Some(number) = disturbance {
                disturb(tensor.data_mut(), number, place);
            }
            Some(tensor)
        };
        let mut values: Vec<Option<Tensor<f64>>> = vec![None; self.nodes];
        for (place, tensor) in &self.recording.leaves {
            values[*place] = stored(*place, tensor.to_f64());
        }
        for (&place, input) in self.inputs.iter().zip(inputs) {
            values[place] = stored(place, input.clone());
        }
        for step in &self.recording.steps {
            let arguments: Vec<&Tensor<f64>> =
                step.inputs.iter().filter_map(|&place| values[place].as_ref()).collect();
            let output = (step.reference)(&arguments);
            values[step.output] = stored(step.output, output);
        }
        values.swap_remove(self.output).expect("the output is a leaf or made by a step")
    }

    /// How large the numbers are whose rounding the output feels: the most that an output moves, per disturbance. Where
    /// large numbers cancel, it is about as large as they were.
    pub(super) fn sensitivity(&self, inputs: &[Tensor<f64>], output: &Tensor<f64>) -> f64 {
        let moved = (0..DISTURBANCES).flat_map(|number| {
            let disturbed = self.disturbed(inputs, number);
            let moved = disturbed.data().iter().zip(output.data()).map(|(a, b)| (a - b).abs());
            moved.collect::<Vec<_>>()
        });
        moved.fold(0.0, f64::max) / DISTURBANCE
    }
}

/// Makes every number larger or smaller by [`DISTURBANCE`] of itself: the same ones for the same `number` and `place`.
pub(super) fn disturb(numbers: &mut [f64], number: u64, place: usize) {
    let mut stream = Seed(number).stream(Purpose::Check, 3, place as u64);
    for x in numbers {
        *x *= if stream.bits() & 1 == 0 { 1.0 + DISTURBANCE } else { 1.0 - DISTURBANCE };
    }
}
