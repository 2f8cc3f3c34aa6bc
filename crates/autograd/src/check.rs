//! The gradient checker: one proof for any operation, layer, loss or a user's own.
//!
//! A computation is recorded on a tape and replayed through the plain loops of `Operation::reference` in f64. Then
//!
//! 1. the output agrees with the replay;
//! 2. every gradient agrees with central differences of the replay, element by element and along a random direction;
//! 3. any subset of wanted inputs gives the same bits, and no other gradient; with nothing wanted nothing is recorded;
//! 4. the output of some rows is the rows of the output, bit for bit ([`Check::rows`]);
//! 5. where the computation is linear, the adjoint identity ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ holds ([`Check::linear_in`]).

use crate::tape::{Recording, Tape};
use crate::value::Value;
use convnet_tensor::{Purpose, Seed, Stream, Tensor};
use std::fmt;
use std::ops::Range;

/// What the checker found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<convnet_tensor::Error> for Failure {
    fn from(error: convnet_tensor::Error) -> Failure {
        Failure(error.to_string())
    }
}

type Outcome<T = ()> = std::result::Result<T, Failure>;

/// Elements of one input whose central difference is taken; a random direction covers all of them at once.
const SAMPLES: usize = 12;

/// The steps of central differences, for numbers of about 1. A smaller one is tried where a larger one disagrees, as it may
/// have crossed a kink (of a ReLU, or of a maximum); a wrong gradient disagrees with all of them. The smallest is large
/// enough for f64: the replay's own rounding moves its quotient by about 1e-16 / 1e-8.
const STEPS: [f64; 3] = [1e-6, 1e-7, 1e-8];

/// Outputs that all cancel to almost nothing keep the rounding of what they were sums of; inputs are about 1.
const SMALLEST_SCALE: f64 = 0.1;

/// A check of one computation at given inputs.
///
/// ```
/// use convnet_autograd::{check::Check, operations::Sigmoid};
/// use convnet_tensor::Tensor;
/// let x = Tensor::from_slice([2, 2], &[-1.0, 0.5, 2.0, -3.0])?;
/// Check::new(vec![x]).rows(&[0]).run(|tape, inputs, _rows| tape.apply(Sigmoid, &[&inputs[0]]))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Check {
    inputs: Vec<Tensor>,
    depth: usize,
    rows: Vec<usize>,
    linear: Vec<usize>,
    seed: u64,
    gradient: bool,
}

impl Check {
    /// A check at `inputs`.
    pub fn new(inputs: Vec<Tensor>) -> Check {
        Check { inputs, depth: 1, rows: Vec::new(), linear: Vec::new(), seed: 0, gradient: true }
    }

    /// How many products the longest sum has: rounding errors may grow with its square root.
    pub fn depth(mut self, depth: usize) -> Check {
        self.depth = depth.max(1);
        self
    }

    /// These inputs have a row per picture, and pictures do not mix.
    pub fn rows(mut self, inputs: &[usize]) -> Check {
        self.rows = inputs.to_vec();
        self
    }

    /// The computation is linear (or linear plus a constant) in each of these inputs.
    pub fn linear_in(mut self, inputs: &[usize]) -> Check {
        self.linear = inputs.to_vec();
        self
    }

    /// The gradient is a rule of its own (guided backpropagation): no comparison with differences.
    pub fn without_differences(mut self) -> Check {
        self.gradient = false;
        self
    }

    /// The seed of the random directions and samples.
    pub fn seed(mut self, seed: u64) -> Check {
        self.seed = seed;
        self
    }

    /// Runs the check. `compute` gets a tape, the inputs (perhaps only some rows of those named in [`Check::rows`]) and
    /// the range of rows, and returns the output.
    ///
    /// # Errors
    /// A [`Failure`] that says what disagrees, where, and by how much.
    pub fn run(
        &self,
        compute: impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
    ) -> Outcome {
        let mut stream = Seed(self.seed).stream(Purpose::Check, 0, 0);
        let rows = 0..self.rows.first().map_or(0, |&input| self.inputs[input].len_first());

        let replay = Replay::record(&self.inputs, |tape, inputs| compute(tape, inputs, rows.clone()))?;
        let exact: Vec<_> = self.inputs.iter().map(Tensor::to_f64).collect();
        let everything = vec![true; self.inputs.len()];
        let expected = replay.output(&exact);
        let tolerance = 24.0 * f64::from(f32::EPSILON) * (self.depth as f64).sqrt();

        let seed_of = |output: &Tensor, stream: &mut Stream| {
            Tensor::from_fn(output.shape(), |_| stream.between(-1.0, 1.0))
        };
        let plain = self.evaluate(&compute, &rows, &everything, None)?;
        compare("the output", plain.output.data(), expected.data(), tolerance)?;
        let seed = seed_of(&plain.output, &mut stream);
        let all = self.evaluate(&compute, &rows, &everything, Some(&seed))?;

        if self.gradient {
            self.check_differences(&replay, &exact, &seed, &all.gradients, tolerance, &mut stream)?;
        }
        self.check_subsets(&compute, &rows, &seed, &all, &mut stream)?;
        self.check_rows(&compute, &all.output)?;
        self.check_adjoint(&compute, &rows, &seed, &all.gradients, tolerance, &mut stream)
    }

    fn evaluate(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        rows: &Range<usize>,
        wanted: &[bool],
        seed: Option<&Tensor>,
    ) -> Outcome<Evaluated> {
        let mut tape = Tape::new().check_finite(false);
        let mut values = Vec::new();
        for (key, input) in self.inputs.iter().enumerate() {
            let value = Value::constant(input.clone());
            values.push(if wanted[key] { tape.watch(&value, key)? } else { value });
        }
        let output = compute(&mut tape, &values, rows.clone())?;
        drop(values);
        if !wanted.contains(&true) && (!tape.is_empty() || output.is_wanted()) {
            return Err(Failure("with no gradient wanted the pass left entries on the tape".into()));
        }
        let mut gradients = vec![None; self.inputs.len()];
        if let Some(seed) = seed {
            tape.backward(&[(&output, seed.clone())], |key, gradient| {
                gradients[key] = Some(gradient);
                Ok(())
            })?;
        }
        Ok(Evaluated { output: output.into_tensor(), gradients })
    }

    fn check_differences(
        &self,
        replay: &Replay,
        exact: &[Tensor<f64>],
        seed: &Tensor,
        gradients: &[Option<Tensor>],
        tolerance: f64,
        stream: &mut Stream,
    ) -> Outcome {
        let objective = |inputs: &[Tensor<f64>]| -> f64 {
            let output = replay.output(inputs);
            output.data().iter().zip(seed.data()).map(|(y, &dy)| y * f64::from(dy)).sum()
        };
        for (input, x) in exact.iter().enumerate() {
            if x.size() == 0 {
                continue;
            }
            let Some(gradient) = &gradients[input] else {
                return Err(Failure(format!("the gradient of input {input} was not handed over")));
            };
            let scale =
                gradient.data().iter().fold(SMALLEST_SCALE, |scale, g| f64::max(scale, f64::from(g.abs())));
            let mut shifted = exact.to_vec();
            // The slope along a direction; `found` itself where the steps disagree with each other, as at a kink so near that
            // f32 and f64 may stand on different sides of it.
            let mut slope =
                |direction: &dyn Fn(usize) -> f64, positions: &[usize], found: f64, bound: f64| {
                    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
                    for step in STEPS {
                        let mut at = |sign: f64| {
                            let mut moved = x.clone();
                            let numbers = moved.data_mut();
                            positions.iter().for_each(|&p| numbers[p] += sign * step * direction(p));
                            shifted[input] = moved;
                            objective(&shifted)
                        };
                        let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
                        if within(slope, found, bound) {
                            return slope;
                        }
                        (lowest, highest) = (lowest.min(slope), highest.max(slope));
                    }
                    if highest - lowest > bound { found } else { lowest }
                };
            let positions: Vec<usize> = match x.size() {
                size if size <= 2 * SAMPLES => (0..size).collect(),
                size => (0..SAMPLES).map(|_| stream.below(size)).collect(),
            };
            // Differences themselves are exact to about 1e-9 of the objective; twice the tolerance covers the backward sums.
            let bound = (2.0 * tolerance + 1e-7) * scale;
            for position in positions {
                let found = f64::from(gradient.data()[position]);
                let expected = slope(&|_| 1.0, &[position], found, bound);
                if !within(found, expected, bound) {
                    return Err(Failure(format!(
                        "the gradient of input {input} at {position} is {found:e}, but central differences give \
                         {expected:e} (scale {scale:e}, bound {bound:e})"
                    )));
                }
            }
            let signs: Vec<f64> =
                (0..x.size()).map(|_| if stream.bits() & 1 == 0 { 1.0 } else { -1.0 }).collect();
            let along: f64 = gradient.data().iter().zip(&signs).map(|(&g, s)| f64::from(g) * s).sum();
            let bound = bound * (x.size() as f64).sqrt() * 4.0;
            let expected = slope(&|p| signs[p], &(0..x.size()).collect::<Vec<_>>(), along, bound);
            if !within(along, expected, bound) {
                return Err(Failure(format!(
                    "the gradient of input {input} along a random direction is {along:e}, but central differences give \
                     {expected:e} (bound {bound:e})"
                )));
            }
        }
        Ok(())
    }

    fn check_subsets(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        rows: &Range<usize>,
        seed: &Tensor,
        all: &Evaluated,
        stream: &mut Stream,
    ) -> Outcome {
        let count = self.inputs.len();
        let subsets: Vec<u64> = match count {
            0..=5 => (0..(1 << count) - 1).collect(),
            _ => [0].into_iter().chain((0..24).map(|_| stream.bits() & ((1 << count) - 1))).collect(),
        };
        for subset in subsets {
            let wanted: Vec<bool> = (0..count).map(|input| subset >> input & 1 == 1).collect();
            let some = self.evaluate(compute, rows, &wanted, Some(seed))?;
            same("the output with other inputs wanted", &some.output, &all.output)?;
            for (input, (gradient, expected)) in some.gradients.iter().zip(&all.gradients).enumerate() {
                match (gradient, expected) {
                    (Some(_), _) if !wanted[input] => {
                        return Err(Failure(format!(
                            "the gradient of input {input} came, although nobody wanted it"
                        )));
                    }
                    (None, Some(_)) if wanted[input] => {
                        return Err(Failure(format!(
                            "alone or with few others, input {input} gets no gradient"
                        )));
                    }
                    (Some(gradient), Some(expected)) => {
                        same(&format!("the gradient of input {input} in a subset"), gradient, expected)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn check_rows(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        output: &Tensor,
    ) -> Outcome {
        let Some(&first) = self.rows.first() else { return Ok(()) };
        let pictures = self.inputs[first].len_first();
        for range in [0..pictures.div_ceil(2), pictures / 3..pictures, pictures.saturating_sub(1)..pictures] {
            if range.is_empty() {
                continue;
            }
            let cut = |(input, tensor): (usize, &Tensor)| {
                Value::constant(if self.rows.contains(&input) {
                    tensor.rows(range.clone())
                } else {
                    tensor.clone()
                })
            };
            let inputs: Vec<_> = self.inputs.iter().enumerate().map(cut).collect();
            let part = compute(&mut Tape::new(), &inputs, range.clone())?;
            same(&format!("the output of rows {range:?}"), part.tensor(), &output.rows(range))?;
        }
        Ok(())
    }

    fn check_adjoint(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        rows: &Range<usize>,
        seed: &Tensor,
        gradients: &[Option<Tensor>],
        tolerance: f64,
        stream: &mut Stream,
    ) -> Outcome {
        for &input in &self.linear {
            let Some(gradient) = &gradients[input] else { continue };
            let direction = Tensor::from_fn(self.inputs[input].shape(), |_| stream.between(-1.0, 1.0));
            let at = |x: &Tensor| -> Outcome<f64> {
                let mut inputs: Vec<_> =
                    self.inputs.iter().map(|input| Value::constant(input.clone())).collect();
                inputs[input] = Value::constant(x.clone());
                Ok(product(compute(&mut Tape::new(), &inputs, rows.clone())?.tensor(), seed))
            };
            let forward = at(&direction)? - at(&Tensor::zeros(direction.shape()))?;
            let backward = product(&direction, gradient);
            let sum = |a: &Tensor, b: &Tensor| {
                a.data().iter().zip(b.data()).map(|(a, b)| f64::from((a * b).abs())).sum::<f64>()
            };
            let bound = 4.0 * tolerance * (sum(&direction, gradient) + seed.size() as f64).max(1e-30);
            if !within(forward, backward, bound) {
                return Err(Failure(format!(
                    "linear in input {input}, but ⟨J v, w⟩ = {forward:e} and ⟨v, Jᵀ w⟩ = {backward:e} (bound {bound:e})"
                )));
            }
        }
        Ok(())
    }
}

struct Evaluated {
    output: Tensor,
    gradients: Vec<Option<Tensor>>,
}

/// A recorded computation that can be repeated in f64 with other inputs.
struct Replay {
    recording: Recording,
    inputs: Vec<usize>,
    output: usize,
    nodes: usize,
}

impl Replay {
    fn record(
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

    fn output(&self, inputs: &[Tensor<f64>]) -> Tensor<f64> {
        let mut values: Vec<Option<Tensor<f64>>> = vec![None; self.nodes];
        for (place, tensor) in &self.recording.leaves {
            values[*place] = Some(tensor.to_f64());
        }
        for (&place, input) in self.inputs.iter().zip(inputs) {
            values[place] = Some(input.clone());
        }
        for step in &self.recording.steps {
            let arguments: Vec<&Tensor<f64>> =
                step.inputs.iter().filter_map(|&place| values[place].as_ref()).collect();
            let output = (step.reference)(&arguments);
            values[step.output] = Some(output);
        }
        values.swap_remove(self.output).expect("the output is a leaf or made by a step")
    }
}

fn product(a: &Tensor, b: &Tensor) -> f64 {
    a.data().iter().zip(b.data()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Whether two numbers are that close; NaN is close to nothing.
fn within(a: f64, b: f64, bound: f64) -> bool {
    (a - b).abs() <= bound
}

fn compare(what: &str, found: &[f32], expected: &[f64], tolerance: f64) -> Outcome {
    if found.len() != expected.len() {
        return Err(Failure(format!("{what} has {} numbers, its reference {}", found.len(), expected.len())));
    }
    let scale = expected.iter().fold(SMALLEST_SCALE, |scale: f64, y| scale.max(y.abs()));
    for (position, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        if !within(f64::from(found), expected, tolerance * scale) {
            return Err(Failure(format!(
                "{what} at {position} is {found:e}, its reference {expected:e} (scale {scale:e}, tolerance {tolerance:e})"
            )));
        }
    }
    Ok(())
}

/// Equal shapes and equal bits.
fn same(what: &str, found: &Tensor, expected: &Tensor) -> Outcome {
    if found.shape() != expected.shape() {
        return Err(Failure(format!("{what} has shape {}, not {}", found.shape(), expected.shape())));
    }
    let differs = |(a, b): (&f32, &f32)| a.to_bits() != b.to_bits();
    match found.data().iter().zip(expected.data()).position(differs) {
        None => Ok(()),
        Some(position) => Err(Failure(format!(
            "{what} differs in its bits at {position}: {:e} and {:e}",
            found.data()[position],
            expected.data()[position]
        ))),
    }
}
