//! The fully connected layer's product.

use super::{BIAS, INPUT, KERNEL, derived_name, expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::activation::Activation;
use convnet_cpu::{conv2d, gemm, reduce, reference};
use convnet_tensor::{Result, Shape, Tensor};

/// `activation(x · kernel + bias)`.
///
/// Inputs: `x` `[N, inputs]`, `kernel` `[inputs, units]`, and, if wished, `bias` `[units]`. Sums over the batch are one
/// chain over all pictures in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dense {
    /// What is applied to each number of the output.
    pub activation: Activation,
}

impl Operation for Dense {
    type Saved = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        expect_inputs("Dense", 2..=3, inputs.len())?;
        let [x, kernel] = [inputs[INPUT], inputs[KERNEL]];
        expect(kernel.shape().len() == 2, "Dense", || "a kernel (inputs, units)".into(), kernel.shape())?;
        let [n_in, units] = [kernel.shape()[0], kernel.shape()[1]];
        let fits = x.shape().len() == 2 && x.shape()[1] == n_in;
        expect(fits, "Dense", || format!("rows of {n_in} numbers, (N, {n_in})"), x.shape())?;
        if let Some(bias) = inputs.get(BIAS) {
            expect(bias.size() == units, "Dense", || format!("{units} bias values"), bias.shape())?;
        }
        let pictures = x.len_first();
        let bias = inputs.get(BIAS).map(|bias| bias.data());
        let y = written([pictures, units], |y| {
            if gemm::is_worth_packing(n_in, units) {
                let packed = || gemm::pack(n_in, units, kernel.data());
                let packed = kernel.derived(derived_name("dense"), packed);
                gemm::multiply(pictures, &packed, x.data(), bias, self.activation, y);
            } else {
                let size = [pictures, n_in, units];
                gemm::multiply_in_place(size, kernel.data(), x.data(), bias, self.activation, y);
            }
        });
        let needs_output = wanted.any() && self.activation != Activation::Linear;
        let saved = (
            wanted.input(KERNEL).then(|| x.clone()),
            wanted.input(INPUT).then(|| kernel.clone()),
            needs_output.then(|| y.clone()),
        );
        Ok((y, saved))
    }

    fn backward(&self, saved: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let (x, kernel, y) = saved;
        let [pictures, units] = [gradient.shape()[0], gradient.shape()[1]];
        let mut dy = gradient;
        if let Some(y) = y {
            conv2d::undo_activation(self.activation, y.data(), dy.data_mut());
        }
        if let Some(x) = x {
            let n_in = x.shape()[1];
            to.give(KERNEL, || {
                written([n_in, units], |dk| {
                    gemm::multiply_transposed_left(pictures, n_in, units, x.data(), dy.data(), dk);
                })
            });
        }
        to.give(BIAS, || written([units], |db| reduce::column_sums(units, dy.data(), db)));
        if let Some(kernel) = kernel {
            let n_in = kernel.shape()[0];
            to.give(INPUT, || {
                written([pictures, n_in], |dx| {
                    if gemm::is_worth_packing(n_in, units) {
                        let packed = || gemm::pack_transposed(units, n_in, kernel.data());
                        let packed = kernel.derived(derived_name("dense transposed"), packed);
                        gemm::multiply(pictures, &packed, dy.data(), None, Activation::Linear, dx);
                    } else {
                        gemm::multiply_by_transpose([pictures, units, n_in], kernel.data(), dy.data(), dx);
                    }
                })
            });
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let units = inputs[KERNEL].shape()[1];
        written(Shape::from([inputs[INPUT].len_first(), units]), |y| {
            let bias = inputs.get(BIAS).map(|bias| bias.data());
            reference::dense::forward(units, inputs[INPUT].data(), inputs[KERNEL].data(), bias, y);
            y.iter_mut().for_each(|y| *y = self.activation.apply(*y));
        })
    }
}
