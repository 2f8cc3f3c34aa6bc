//! A dense layer in plain loops: `y[n, o] = bias[o] + Σ x[n, i] · kernel[i, o]`.
//!
//! `x` is `[N, inputs]`, `kernel` `[inputs, outputs]`, `y` `[N, outputs]`, all row by row.

use super::Real;

/// The output `y` of the layer; `bias` has one number per output.
pub fn forward<R: Real>(outputs: usize, x: &[R], kernel: &[R], bias: Option<&[R]>, y: &mut [R]) {
    let inputs = kernel.len() / outputs;
    for (n, y) in y.chunks_mut(outputs).enumerate() {
        for (o, y) in y.iter_mut().enumerate() {
            let mut sum = bias.map_or(R::default(), |bias| bias[o]);
            for i in 0..inputs {
                sum += x[n * inputs + i] * kernel[i * outputs + o];
            }
            *y = sum;
        }
    }
}

/// The gradient `dx` of the input, from the gradient `dy` of the output.
pub fn input_gradient<R: Real>(outputs: usize, kernel: &[R], dy: &[R], dx: &mut [R]) {
    let inputs = kernel.len() / outputs;
    for (dx, dy) in dx.chunks_mut(inputs).zip(dy.chunks(outputs)) {
        for (dx, weights) in dx.iter_mut().zip(kernel.chunks(outputs)) {
            *dx = R::default();
            for (&dy, &weight) in dy.iter().zip(weights) {
                *dx += dy * weight;
            }
        }
    }
}

/// The gradient of the kernel, from the input `x` and the gradient `dy` of the output.
pub fn kernel_gradient<R: Real>(outputs: usize, x: &[R], dy: &[R], dkernel: &mut [R]) {
    let inputs = dkernel.len() / outputs;
    dkernel.fill(R::default());
    for (x, dy) in x.chunks(inputs).zip(dy.chunks(outputs)) {
        for (&x, dkernel) in x.iter().zip(dkernel.chunks_mut(outputs)) {
            for (dkernel, &dy) in dkernel.iter_mut().zip(dy) {
                *dkernel += x * dy;
            }
        }
    }
}

/// The gradient of the bias: the sum of `dy` over the batch.
pub fn bias_gradient<R: Real>(dy: &[R], dbias: &mut [R]) {
    super::conv2d::bias_gradient(dy, dbias);
}
