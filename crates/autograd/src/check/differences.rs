//! Gradients against central differences of the replay, and what else than a wrong gradient may come between them: kinks,
//! and rounding.

use super::replay::{DISTURBANCE, DISTURBANCES, Replay, disturb};
use super::{Failure, Outcome, largest, within};
use convnet_tensor::{Stream, Tensor};

/// Elements of one input whose central difference is taken; a random direction covers all of them at once.
const SAMPLES: usize = 12;

/// The steps of central differences, for numbers of about 1. A smaller one is tried where a larger one disagrees, as that
/// may have crossed a kink (of a ReLU, or of a maximum).
const STEPS: [f64; 3] = [1e-6, 1e-7, 1e-8];

/// Rounding in the replay itself, per number of the output: about 1e-16, more in long sums.
const REPLAY_ROUNDING: f64 = 1e-14;

/// What differences with the largest step are off where nothing is rounded: its square times a third derivative.
const TRUNCATION: f64 = 1e-7;

/// The share of an input's samples that may lie at kinks, where nothing can be said about the gradient.
const MOST_KINKS: f64 = 0.25;

/// A slope that a disturbance changes by so many times its own relative size does not feel rounding: it jumps.
const JUMP: f64 = 1e4;

/// The replay around one point, weighted with the gradient of the output.
pub(super) struct Surroundings<'a> {
    pub(super) replay: &'a Replay,
    pub(super) inputs: &'a [Tensor<f64>],
    pub(super) seed: &'a Tensor,
    /// Of a number in f32, per unit of scale.
    pub(super) tolerance: f64,
    /// The size of numbers that may cancel where the replay does not see it.
    pub(super) inside: f64,
}

/// A direction in one input: where it changes, and by how much.
struct Line<'a> {
    around: &'a Surroundings<'a>,
    input: usize,
    direction: Vec<(usize, f64)>,
}

/// A central difference, and what rounding in the replay may have done to it.
struct Slope {
    value: f64,
    noise: f64,
}

enum Verdict {
    Agrees,
    /// The slope jumps here: f32 and f64 may stand on different sides.
    Kink,
    Disagrees {
        expected: f64,
        bound: f64,
    },
}

impl Surroundings<'_> {
    /// Checks every gradient, element by element and along a random direction. Returns what there is to say when so many
    /// samples of an input lie at kinks that nothing is proven.
    pub(super) fn check(
        &self,
        gradients: &[Option<Tensor>],
        stream: &mut Stream,
    ) -> Outcome<Option<Failure>> {
        for (input, x) in self.inputs.iter().enumerate().filter(|(_, x)| x.size() > 0) {
            let Some(gradient) = &gradients[input] else {
                return Err(Failure(format!("the gradient of input {input} was not handed over")));
            };
            let scale = largest(gradient.data().iter().map(|&g| f64::from(g))).max(self.inside);
            let positions: Vec<usize> = match x.size() {
                size if size <= 2 * SAMPLES => (0..size).collect(),
                size => (0..SAMPLES).map(|_| stream.below(size)).collect(),
            };
            let signs = (0..x.size()).map(|_| if stream.bits() & 1 == 0 { 1.0 } else { -1.0 });
            let everywhere: Vec<_> = signs.enumerate().collect();
            let elements =
                positions.iter().map(|&position| (format!("at {position}"), vec![(position, 1.0)], 1.0));
            let widened = (x.size() as f64).sqrt() * 4.0;
            let lines = elements.chain([("along a random direction".to_string(), everywhere, widened)]);
            let (mut samples, mut kinks) = (0, 0);
            for (place, direction, factor) in lines {
                let along = |&(position, by): &(usize, f64)| f64::from(gradient.data()[position]) * by;
                let found = direction.iter().map(along).sum();
                samples += 1;
                match (Line { around: self, input, direction }).judge(found, scale, factor) {
                    Verdict::Agrees => {}
                    Verdict::Kink => kinks += 1,
                    Verdict::Disagrees { expected, bound } => {
                        return Err(Failure(format!(
                            "the gradient of input {input} {place} is {found:e}, but central differences give \
                             {expected:e} (scale {scale:e}, bound {bound:e})"
                        )));
                    }
                }
            }
            if f64::from(kinks) > MOST_KINKS * f64::from(samples) {
                return Ok(Some(Failure(format!(
                    "the central differences of input {input} depend on their step at {kinks} of {samples} samples, so \
                     they say nothing about its gradient: its reference is not smooth"
                ))));
            }
        }
        Ok(None)
    }
}

impl Line<'_> {
    /// What the replay says to the slope `found`, in a gradient of this scale; bounds are `factor` times as wide.
    fn judge(&self, found: f64, scale: f64, factor: f64) -> Verdict {
        // Twice the tolerance covers the sums of the backward pass.
        let tolerance = 2.0 * self.around.tolerance * factor;
        let bound = tolerance * scale + TRUNCATION * factor * scale;
        let first = self.slope(STEPS[0], None);
        if within(found, first.value, bound + first.noise) {
            return Verdict::Agrees;
        }
        let mut last = Slope { ..first };
        let mut is_kink = false;
        for step in &STEPS[1..] {
            let slope = self.slope(*step, None);
            is_kink |= (slope.value - last.value).abs() > bound + slope.noise + last.noise;
            if is_kink && within(found, slope.value, bound + slope.noise) {
                return Verdict::Agrees;
            }
            last = slope;
        }
        // Nearer than the smallest step there may be a kink yet, or large terms that cancel.
        let disturbed =
            (0..DISTURBANCES).map(|number| self.slope(STEPS[0], Some(number)).value - first.value);
        let sensitivity = largest(disturbed) / DISTURBANCE;
        if is_kink || sensitivity > JUMP * scale.max(first.value.abs()) {
            return Verdict::Kink;
        }
        let bound = bound + first.noise + tolerance * sensitivity;
        match within(found, first.value, bound) {
            true => Verdict::Agrees,
            false => Verdict::Disagrees { expected: first.value, bound },
        }
    }

    fn slope(&self, step: f64, disturbance: Option<u64>) -> Slope {
        let (above, below) = (self.output(step, disturbance), self.output(-step, disturbance));
        let mut weights: Vec<f64> = self.around.seed.data().iter().map(|&dy| f64::from(dy)).collect();
        if let Some(number) = disturbance {
            disturb(&mut weights, number, usize::MAX);
        }
        let (mut difference, mut squares) = (0.0, 0.0);
        for ((above, below), dy) in above.data().iter().zip(below.data()).zip(weights) {
            difference += (above - below) * dy;
            squares += (above * dy).powi(2);
        }
        Slope { value: difference / (2.0 * step), noise: REPLAY_ROUNDING * squares.sqrt() / step }
    }

    fn output(&self, shift: f64, disturbance: Option<u64>) -> Tensor<f64> {
        let mut inputs = self.around.inputs.to_vec();
        let numbers = inputs[self.input].data_mut();
        self.direction.iter().for_each(|&(position, by)| numbers[position] += shift * by);
        match disturbance {
            Some(number) => self.around.replay.disturbed(&inputs, number),
            None => self.around.replay.output(&inputs),
        }
    }
}
