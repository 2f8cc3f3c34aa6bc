//! An operation of one's own: forward, backward, what it means, and the proof that the three agree. Then it learns something.
//!
//! `cargo run -p convnet-autograd --example own_operation`

use convnet_autograd::check::Check;
use convnet_autograd::{InputGradients, Operation, Tape, Value, Wanted, operations::Dense};
use convnet_tensor::{Purpose, Result, Seed, Tensor};
use std::error::Error;

/// y = x², number by number.
struct Square;

impl Operation for Square {
    /// The gradient is 2 x · dy, so `backward` needs x, and only if somebody wants the gradient.
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Option<Tensor>)> {
        let x = inputs[0];
        let y = Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i]);
        Ok((y, wanted.input(0).then(|| x.clone())))
    }

    fn backward(
        &self,
        saved: Option<Tensor>,
        mut gradient: Tensor,
        to: &mut InputGradients<'_>,
    ) -> Result<()> {
        if let Some(x) = saved {
            gradient.data_mut().iter_mut().zip(x.data()).for_each(|(dy, x)| *dy *= 2.0 * x);
            to.give(0, || gradient);
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let x = inputs[0];
        Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i])
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut stream = Seed(1).stream(Purpose::Weights, 0, 0);
    let mut random = |shape: [usize; 2]| Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0));

    // The proof: the output agrees with the reference in f64, every gradient with differences of it.
    Check::new(vec![random([4, 3])])
        .rows(&[0])
        .run(|tape, inputs, _rows| tape.apply(Square, &[&inputs[0]]))?;
    println!("the checker is content");

    // Which weights w make (x · w)² equal to what hidden ones make of it? Mean squared error, gradient descent.
    let (x, hidden, mut w) = (random([64, 3]), random([3, 1]), random([3, 1]));
    let squares = |tape: &mut Tape, w: &Value| -> Result<Value> {
        let y = tape.apply(Dense::default(), &[&x.clone().into(), w])?;
        tape.apply(Square, &[&y])
    };
    let wished = squares(&mut Tape::new(), &hidden.clone().into())?;
    for step in 0..=200 {
        let mut tape = Tape::new();
        // What shall learn is watched before the forward pass; nothing else leaves a trace on the tape.
        let weights = tape.watch(&w.clone().into(), 0)?;
        let y = squares(&mut tape, &weights)?;
        let error = Tensor::from_fn(y.shape(), |i| y.tensor().data()[i] - wished.tensor().data()[i]);
        if step % 50 == 0 {
            let loss = error.data().iter().map(|error| error * error).sum::<f32>() / 64.0;
            println!("step {step:3}: mean squared error {loss:.6}");
        }
        let seed = Tensor::from_fn(error.shape(), |i| 2.0 / 64.0 * error.data()[i]);
        drop(weights);
        tape.backward(&[(&y, seed)], |_key, gradient| {
            w.data_mut().iter_mut().zip(gradient.data()).for_each(|(w, dw)| *w -= 0.2 * dw);
            Ok(())
        })?;
    }
    // A square does not tell a number from its negative.
    println!("hidden {:.3?}, found {:.3?}", hidden.data(), w.data());
    Ok(())
}
