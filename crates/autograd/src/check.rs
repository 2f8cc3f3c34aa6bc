//! The gradient checker: one proof for any operation, layer, loss or a user's own.
//!
//! A computation is recorded on a tape and replayed through the plain loops of `Operation::reference` in f64. Then
//!
//! 1. the output agrees with the replay, up to what rounding in f32 may do;
//! 2. every gradient agrees with central differences of the replay, element by element and along a random direction;
//! 3. any subset of wanted inputs gives the same bits, and no other gradient; with nothing wanted nothing is recorded;
//! 4. the output of some rows is the rows of the output, bit for bit ([`Check::rows`]);
//! 5. where the computation is linear, the adjoint identity ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ holds ([`Check::linear_in`]).

mod differences;
mod replay;

use crate::tape::Tape;
use crate::value::Value;
use convnet_tensor::{Purpose, Seed, Stream, Tensor};
use differences::Surroundings;
use replay::Replay;
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

/// Points at which differences are tried: near the first too many samples may lie at kinks.
const POINTS: usize = 3;

/// By what part of itself a number of the next point differs.
const BETWEEN_POINTS: f32 = 1e-3;

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
    inside: f64,
    seed: u64,
    gradient: bool,
}

impl Check {
    /// A check at `inputs`.
    pub fn new(inputs: Vec<Tensor>) -> Check {
        Check { inputs, depth: 1, rows: Vec::new(), linear: Vec::new(), inside: 0.0, seed: 0, gradient: true }
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

    /// Inside one of its operations numbers of this size may cancel, as probabilities and labels do in the gradient of a
    /// cross-entropy: their rounding is then no mistake. What cancels between inputs, or between operations, the checker sees
    /// by itself.
    pub fn cancels_inside(mut self, size: f64) -> Check {
        self.inside = size;
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
        let tolerance = 24.0 * f64::from(f32::EPSILON) * (self.depth as f64).sqrt();

        let seed_of = |output: &Tensor, stream: &mut Stream| {
            Tensor::from_fn(output.shape(), |_| stream.between(-1.0, 1.0))
        };
        let plain = self.evaluate(&compute, &rows, &everything, None)?;
        self.check_output(&replay, &exact, plain.output.data(), tolerance)?;
        let seed = seed_of(&plain.output, &mut stream);
        let all = self.evaluate(&compute, &rows, &everything, Some(&seed))?;

        if self.gradient {
            self.check_differences(&compute, &rows, &seed, tolerance, &mut stream)?;
        }
        self.check_subsets(&compute, &rows, &seed, &all, &mut stream)?;
        self.check_rows(&compute, &all.output)?;
        self.check_adjoint(&compute, &rows, &replay, &seed, &all.gradients, tolerance, &mut stream)
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

    fn check_output(&self, replay: &Replay, exact: &[Tensor<f64>], found: &[f32], tolerance: f64) -> Outcome {
        let output = replay.output(exact);
        let expected = output.data();
        if found.len() != expected.len() {
            return Err(Failure(format!(
                "the output has {} numbers, its reference {}",
                found.len(),
                expected.len()
            )));
        }
        let mut scale = largest(expected.iter().copied()).max(self.inside);
        let wrong = |scale: f64| {
            let mut numbers = found.iter().zip(expected);
            numbers.position(|(&found, &expected)| !within(f64::from(found), expected, tolerance * scale))
        };
        if wrong(scale).is_some() {
            scale = scale.max(replay.sensitivity(exact, &output));
        }
        match wrong(scale) {
            None => Ok(()),
            Some(position) => Err(Failure(format!(
                "the output at {position} is {:e}, its reference {:e} (scale {scale:e}, tolerance {tolerance:e})",
                found[position], expected[position]
            ))),
        }
    }

    fn check_differences(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        rows: &Range<usize>,
        seed: &Tensor,
        tolerance: f64,
        stream: &mut Stream,
    ) -> Outcome {
        let mut at = self.clone();
        let mut points = 1;
        loop {
            let replay = Replay::record(&at.inputs, |tape, inputs| compute(tape, inputs, rows.clone()))?;
            let exact: Vec<_> = at.inputs.iter().map(Tensor::to_f64).collect();
            let everything = vec![true; exact.len()];
            let Evaluated { gradients, .. } = at.evaluate(compute, rows, &everything, Some(seed))?;
            let around =
                Surroundings { replay: &replay, inputs: &exact, seed, tolerance, inside: self.inside };
            match around.check(&gradients, stream)? {
                None => return Ok(()),
                Some(failure) if points == POINTS => return Err(failure),
                Some(_) => points += 1,
            }
            for input in &mut at.inputs {
                let numbers = input.data_mut().iter_mut();
                numbers.for_each(|x| *x *= 1.0 + stream.between(-BETWEEN_POINTS, BETWEEN_POINTS));
            }
        }
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

    #[expect(clippy::too_many_arguments, reason = "what the other checks have found")]
    fn check_adjoint(
        &self,
        compute: &impl Fn(&mut Tape, &[Value], Range<usize>) -> convnet_tensor::Result<Value>,
        rows: &Range<usize>,
        replay: &Replay,
        seed: &Tensor,
        gradients: &[Option<Tensor>],
        tolerance: f64,
        stream: &mut Stream,
    ) -> Outcome {
        for &input in &self.linear {
            let Some(gradient) = &gradients[input] else { continue };
            let direction = Tensor::from_fn(self.inputs[input].shape(), |_| stream.between(-1.0, 1.0));
            let at = |x: &Tensor| -> Outcome<Tensor> {
                let mut inputs: Vec<_> =
                    self.inputs.iter().map(|input| Value::constant(input.clone())).collect();
                inputs[input] = Value::constant(x.clone());
                Ok(compute(&mut Tape::new(), &inputs, rows.clone())?.into_tensor())
            };
            let (there, zero) = (at(&direction)?, at(&Tensor::zeros(direction.shape()))?);
            let forward = product(&there, seed) - product(&zero, seed);
            let backward = product(&direction, gradient);
            let sum = |a: &Tensor, b: &Tensor| {
                a.data().iter().zip(b.data()).map(|(a, b)| f64::from((a * b).abs())).sum::<f64>()
            };
            let weight: f64 = seed.data().iter().map(|dy| f64::from(dy.abs())).sum();
            let outputs = there.data().iter().chain(zero.data());
            let scale = largest(outputs.map(|&y| f64::from(y))).max(self.inside);
            let bound = |scale: f64| 4.0 * tolerance * (sum(&direction, gradient) + weight * scale);
            let mut bound_here = bound(scale);
            if !within(forward, backward, bound_here) {
                let mut exact: Vec<_> = self.inputs.iter().map(Tensor::to_f64).collect();
                exact[input] = direction.to_f64();
                bound_here = bound(scale.max(replay.sensitivity(&exact, &replay.output(&exact))));
            }
            if !within(forward, backward, bound_here) {
                return Err(Failure(format!(
                    "linear in input {input}, but ⟨J v, w⟩ = {forward:e} and ⟨v, Jᵀ w⟩ = {backward:e} (bound {bound_here:e})"
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

fn product(a: &Tensor, b: &Tensor) -> f64 {
    a.data().iter().zip(b.data()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Whether two numbers are that close; NaN is close to nothing.
fn within(a: f64, b: f64, bound: f64) -> bool {
    (a - b).abs() <= bound
}

/// The largest absolute value; 0 of nothing.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |largest, x| largest.max(x.abs()))
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
