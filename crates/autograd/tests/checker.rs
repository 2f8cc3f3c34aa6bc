//! What the checker catches, and what it lets pass.

use convnet_autograd::check::{Check, Failure};
use convnet_autograd::{InputGradients, Operation, Tape, Value, Wanted, operations};
use convnet_tensor::{Purpose, Result, Seed, Shape, Tensor};

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 2, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// y = factor · x, with mistakes.
struct Scaled {
    factor: f32,
    /// What the output and the gradient are multiplied with by mistake.
    output: f32,
    gradient: f32,
    /// The reference is rounded to multiples of this.
    grain: Option<f64>,
}

impl Scaled {
    const fn by(factor: f32) -> Scaled {
        Scaled { factor, output: 1.0, gradient: 1.0, grain: None }
    }
}

impl Operation for Scaled {
    type Saved = ();
    fn forward(&self, inputs: &[&Tensor], _: Wanted<'_>) -> Result<(Tensor, ())> {
        let x = inputs[0].data();
        Ok((Tensor::from_fn(inputs[0].shape(), |i| self.factor * self.output * x[i]), ()))
    }
    fn backward(&self, (): (), mut gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        gradient.data_mut().iter_mut().for_each(|dy| *dy *= self.factor * self.gradient);
        to.give(0, || gradient);
        Ok(())
    }
    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let x = inputs[0].data();
        Tensor::from_fn(inputs[0].shape(), |i| {
            let y = f64::from(self.factor) * x[i];
            self.grain.map_or(y, |grain| (y / grain).round() * grain)
        })
    }
}

fn check(make: impl Fn() -> Scaled) -> std::result::Result<(), Failure> {
    Check::new(vec![random([4, 5], 1)]).rows(&[0]).run(|tape, v, _| tape.apply(make(), &[&v[0]]))
}

#[test]
fn numbers_wrong_by_one_per_cent_are_caught_however_small_they_are() {
    for factor in [1e6, 1.0, 1e-3, 1e-6, 1e-12] {
        check(|| Scaled::by(factor)).unwrap();
        let failure = check(|| Scaled { gradient: 1.01, ..Scaled::by(factor) }).unwrap_err().to_string();
        assert!(failure.contains("central differences give"), "{factor}: {failure}");
        let failure = check(|| Scaled { output: 1.01, ..Scaled::by(factor) }).unwrap_err().to_string();
        assert!(failure.contains("the output at"), "{factor}: {failure}");
    }
}

#[test]
fn no_gradient_at_all_is_caught() {
    let failure = check(|| Scaled { gradient: 0.0, ..Scaled::by(2.0) }).unwrap_err().to_string();
    assert!(failure.contains("central differences give"), "{failure}");
}

#[test]
fn a_reference_without_slope_proves_nothing() {
    // Every difference depends on its step, so none can tell that the gradient is three times too large.
    let failure = check(|| Scaled { gradient: 3.0, grain: Some(1e-6), ..Scaled::by(2.0) }).unwrap_err();
    assert!(failure.to_string().contains("is not smooth"), "{failure}");
}

#[test]
fn a_few_kinks_are_no_mistake() {
    let mut x = random([4, 5], 3);
    x.data_mut()[7] = 1e-9;
    let relu = |tape: &mut Tape, v: &[Value]| tape.apply(operations::Relu::default(), &[&v[0]]);
    Check::new(vec![x]).rows(&[0]).run(|tape, v, _| relu(tape, v)).unwrap();
    let failure = Check::new(vec![Tensor::full([4, 5], 1e-9)]).run(|tape, v, _| relu(tape, v)).unwrap_err();
    assert!(
        failure.to_string().contains("20 of 21 samples") || failure.to_string().contains("21 of 21"),
        "{failure}"
    );
}

#[test]
fn large_numbers_that_cancel_are_no_mistake() {
    let there_and_back = |tape: &mut Tape, x: &Value, by: f32| {
        let far = tape.apply(operations::Rescaling { scale: 1.0, offset: 1000.0 }, &[x])?;
        let y = tape.apply(operations::Rescaling { scale: 1.0, offset: -1000.0 }, &[&far])?;
        tape.apply(Scaled { output: by, ..Scaled::by(1.0) }, &[&y])
    };
    let check = Check::new(vec![random([4, 5], 1)]).rows(&[0]);
    check.run(|tape, v, _| there_and_back(tape, &v[0], 1.0)).unwrap();
    let failure = check.run(|tape, v, _| there_and_back(tape, &v[0], 1.01)).unwrap_err();
    assert!(failure.to_string().contains("the output at"), "{failure}");
}
