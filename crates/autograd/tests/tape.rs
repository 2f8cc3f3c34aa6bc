//! What the tape promises: nothing recorded that nobody wants, order of hand-over, slices, stale values, named NaN.

use convnet_autograd::operations::{Activation, Add, Conv2D, Dense, Relu, Reshape};
use convnet_autograd::{InputGradients, Operation, Tape, Value, Wanted};
use convnet_cpu::conv2d::Geometry;
use convnet_cpu::parallel;
use convnet_cpu::window::Window;
use convnet_tensor::{Error, Purpose, Result, Seed, Shape, Tensor};
use std::sync::Arc;

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 2, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

const GEOMETRY: Geometry =
    Geometry { height: 6, width: 6, in_channels: 2, out_channels: 3, window: Window::new([3, 3], [1, 1]) };

/// A small network: convolution, flatten, dense; its output and all gradients.
fn network(slices: bool, pictures: usize, threads: usize) -> Vec<Tensor> {
    parallel::install(threads, || {
        let mut tape = Tape::new();
        let mut watch = |shape: Shape, key| tape.watch(&random(shape, key as u64).into(), key).unwrap();
        let x = watch(Shape::from([pictures, 6, 6, 2]), 0);
        let kernel = watch(Shape::from([3, 3, 2, 3]), 1);
        let bias = watch(Shape::from([3]), 2);
        let head = watch(Shape::from([48, 4]), 3);
        let body = |tape: &mut Tape, x: &Value, kernel: &Value, bias: &Value| -> Result<Value> {
            let y =
                tape.apply(Conv2D { geometry: GEOMETRY, activation: Activation::Relu }, &[x, kernel, bias])?;
            tape.apply(Reshape { picture: Shape::from([48]) }, &[&y])
        };
        let features = if slices {
            let body = |tape: &mut Tape, _: std::ops::Range<usize>, x: &[Value], w: &[Value]| {
                Ok(vec![body(tape, &x[0], &w[0], &w[1])?])
            };
            tape.in_slices(&[&x], &[&kernel, &bias], usize::MAX, body).unwrap().remove(0)
        } else {
            body(&mut tape, &x, &kernel, &bias).unwrap()
        };
        let y = tape.apply(Dense::default(), &[&features, &head]).unwrap();
        let mut results = vec![y.tensor().clone(); 5];
        let seed = random(y.shape(), 9);
        tape.backward(&[(&y, seed)], |key, gradient| {
            results[key + 1] = gradient;
            Ok(())
        })
        .unwrap();
        assert!(tape.is_empty());
        results
    })
    .unwrap()
}

#[test]
fn slicing_changes_no_bit_for_any_number_of_pictures_and_threads() {
    for pictures in [1, 2, 7, 8, 9, 20] {
        let whole = network(false, pictures, 1);
        for threads in [1, 2, 3, 8] {
            for slices in [false, true] {
                assert_eq!(
                    network(slices, pictures, threads),
                    whole,
                    "{pictures} pictures, {threads} threads, slices: {slices}"
                );
            }
        }
    }
}

#[test]
fn nothing_wanted_leaves_no_entry() {
    let mut tape = Tape::new();
    let [x, kernel] = [random([2, 6, 6, 2], 1).into(), random([3, 3, 2, 3], 2).into()];
    let y = tape.apply(Conv2D { geometry: GEOMETRY, activation: Activation::Relu }, &[&x, &kernel]).unwrap();
    assert!(tape.is_empty() && !y.is_wanted());
    let sliced = tape
        .in_slices(&[&x], &[&kernel], usize::MAX, |tape, _, x, w| {
            Ok(vec![
                tape.apply(Conv2D { geometry: GEOMETRY, activation: Activation::Relu }, &[&x[0], &w[0]])?,
            ])
        })
        .unwrap();
    assert!(tape.is_empty());
    assert_eq!(sliced[0].tensor(), y.tensor());
}

/// Dropout that predicts gives back what it got: a watched value goes through slices in which nothing is recorded.
#[test]
fn slices_that_change_nothing_hand_the_gradient_on() {
    let mut tape = Tape::new();
    let x = tape.watch(&random([20, 3], 1).into(), 7).unwrap();
    let y = tape.in_slices(&[&x], &[], usize::MAX, |_, _, x, _| Ok(x.to_vec())).unwrap().remove(0);
    assert!(y.is_wanted());
    let mut given = Vec::new();
    let seed = random([20, 3], 2);
    tape.backward(&[(&y, seed.clone())], |key, gradient| {
        given.push((key, gradient));
        Ok(())
    })
    .unwrap();
    assert_eq!(given, [(7, seed)]);
}

#[test]
fn gradients_come_as_soon_as_they_are_complete() {
    let mut tape = Tape::new();
    let mut weight = |key| tape.watch(&random([3, 3], key as u64).into(), key).unwrap();
    let [first, second, third] = [weight(1), weight(2), weight(3)];
    let x = Value::constant(random([2, 3], 0));
    let h = tape.apply(Dense::default(), &[&x, &first]).unwrap();
    let h = tape.watch(&h, 10).unwrap();
    let h = tape.apply(Dense::default(), &[&h, &second]).unwrap();
    // The second weight is used twice: its gradient is complete only after its first user.
    let h = tape.apply(Dense::default(), &[&h, &third]).unwrap();
    let y = tape.apply(Dense::default(), &[&h, &second]).unwrap();
    let mut order = Vec::new();
    tape.backward(&[(&y, Tensor::full([2, 3], 1.0))], |key, _| {
        order.push(key);
        Ok(())
    })
    .unwrap();
    assert_eq!(order, [3, 2, 10, 1]);
}

#[test]
fn a_value_used_twice_gets_the_sum() {
    let mut tape = Tape::new();
    let x = tape.watch(&Tensor::full([2], 3.0).into(), 0).unwrap();
    let y = tape.apply(Add, &[&x, &x]).unwrap();
    let z = tape.apply(Add, &[&y, &x]).unwrap();
    let mut gradients = Vec::new();
    tape.backward(&[(&z, Tensor::full([2], 1.0)), (&y, Tensor::full([2], 10.0))], |_, g| {
        gradients.push(g);
        Ok(())
    })
    .unwrap();
    assert_eq!(gradients, [Tensor::full([2], 23.0)]);
}

#[test]
fn stale_values_and_wrong_seeds_are_refused() {
    let mut tape = Tape::new();
    let x = tape.watch(&Tensor::full([2], 1.0).into(), 0).unwrap();
    let y = tape.apply(Relu::default(), &[&x]).unwrap();
    let error = tape.backward(&[(&y, Tensor::full([3], 1.0))], |_, _| Ok(())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the caller of backward gave a gradient of shape (3) for a value of shape (2)"
    );
    assert_eq!(tape.apply(Relu::default(), &[&y]).unwrap_err(), Error::Stale);
    assert_eq!(Tape::new().watch(&x, 0).unwrap_err(), Error::Stale);
}

/// Gives no gradient at all.
struct Forgetful;
impl Operation for Forgetful {
    type Saved = ();
    fn forward(&self, inputs: &[&Tensor], _: Wanted<'_>) -> Result<(Tensor, ())> {
        Ok((inputs[0].clone(), ()))
    }
    fn backward(&self, (): (), _: Tensor, _: &mut InputGradients<'_>) -> Result<()> {
        Ok(())
    }
    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        inputs[0].clone()
    }
}

#[test]
fn a_forgotten_gradient_is_an_error_and_empties_the_tape() {
    let mut tape = Tape::new();
    let x = tape.watch(&Tensor::full([2], 1.0).into(), 0).unwrap();
    let y = tape.apply(Forgetful, &[&x]).unwrap();
    let y = tape.apply(Relu::default(), &[&y]).unwrap();
    let error = tape.backward(&[(&y, Tensor::full([2], 1.0))], |_, _| Ok(())).unwrap_err();
    assert_eq!(error, Error::NotGiven { operation: "Forgetful".into(), input: 0 });
    assert!(tape.is_empty());
    assert_eq!(tape.watch(&x, 0).unwrap_err(), Error::Stale);
}

#[test]
fn nan_is_named_where_it_arises() {
    let mut tape = Tape::new().check_finite(true);
    let x = Value::constant(Tensor::from_slice([1, 2], &[f32::MAX, f32::MAX]).unwrap());
    tape.set_label(&Arc::from("head/dense"));
    let error = tape.apply(Dense::default(), &[&x, &Tensor::full([2, 1], 10.0).into()]).unwrap_err();
    assert_eq!(error.to_string(), "head/dense: the output is not finite (NaN or infinity arose here)");
}

#[test]
fn time_and_memory_can_be_read_per_label() {
    let mut tape = Tape::new().with_profile();
    let x = tape.watch(&random([16, 6, 6, 2], 1).into(), 0).unwrap();
    let kernel = random([3, 3, 2, 3], 2).into();
    let y = tape
        .in_slices(&[&x], &[&kernel], usize::MAX, |tape, _, x, w| {
            tape.set_label(&Arc::from("conv"));
            Ok(vec![
                tape.apply(Conv2D { geometry: GEOMETRY, activation: Activation::Relu }, &[&x[0], &w[0]])?,
            ])
        })
        .unwrap();
    let seed = Tensor::full(y[0].shape(), 1.0);
    tape.backward(&[(&y[0], seed)], |_, _| Ok(())).unwrap();
    let profile = tape.take_profile();
    let conv = profile.0.iter().find(|measured| &*measured.label == "conv").unwrap();
    assert_eq!((conv.operation, conv.output_bytes), ("Conv2D", 16 * 4 * 4 * 3 * 4));
    assert!(conv.forward.as_nanos() > 0 && conv.backward.as_nanos() > 0);
    assert_eq!(profile.0.len(), 1, "the slices themselves are not counted again: {profile:?}");
}

#[test]
fn slices_that_do_not_fit_together_are_refused() {
    let mut tape = Tape::new();
    let [two, three] = [Value::constant(Tensor::zeros([16, 2])), Value::constant(Tensor::zeros([15, 2]))];
    let error = tape.in_slices(&[&two, &three], &[], usize::MAX, |_, _, x, _| Ok(x.to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "slices takes inputs of 16 pictures each, but got (15, 2)");
    let error = tape.in_slices(&[&two], &[], usize::MAX, |_, range, x, _| {
        Ok(if range.start == 0 { x.to_vec() } else { vec![] })
    });
    assert!(error.unwrap_err().to_string().starts_with("the slices of a batch gave different outputs"));
    let error = tape
        .in_slices(&[&two], &[], usize::MAX, |_, _, _, _| Ok(vec![Tensor::scalar(1.0).into()]))
        .unwrap_err();
    assert!(error.to_string().contains("outputs of 2 pictures"), "{error}");
}
