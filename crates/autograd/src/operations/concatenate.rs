//! Channels of several values side by side.

use super::{expect, expect_inputs, written};
use crate::operation::{InputGradients, Operation, Wanted};
use convnet_cpu::{concatenate, reference};
use convnet_tensor::{Plain, Result, Shape, Tensor};

/// Two or more inputs that differ in their last axis alone, joined along it: the join of an Inception or DenseNet block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Concatenate;

/// The last extent of each input, and the shape of the output.
fn shapes<T: Plain>(inputs: &[&Tensor<T>]) -> (Vec<usize>, Shape) {
    let channels: Vec<_> = inputs.iter().map(|input| input.shape().last().copied().unwrap_or(1)).collect();
    let mut extents = inputs[0].shape().to_vec();
    if let Some(last) = extents.last_mut() {
        *last = channels.iter().sum();
    }
    (channels, Shape::new(&extents))
}

/// A tensor cut along its last axis into as many equal parts, which must divide it.
pub(super) fn split(tensor: &Tensor, parts: usize) -> Vec<Tensor> {
    let mut extents = tensor.shape().to_vec();
    let Some(last) = extents.last_mut() else { return vec![tensor.clone(); parts] };
    *last /= parts;
    let channels = vec![*last; parts];
    let part = |place| written(&extents[..], |x| concatenate::part(&channels, place, tensor.data(), x));
    (0..parts).map(part).collect()
}

/// Tensors that differ in their last axis alone, joined along it.
pub(super) fn join(parts: &[&Tensor]) -> Tensor {
    let (channels, shape) = shapes(parts);
    let numbers: Vec<_> = parts.iter().map(|part| part.data()).collect();
    written(shape, |y| concatenate::forward(&channels, &numbers, y))
}

impl Operation for Concatenate {
    /// The shapes of the inputs.
    type Saved = Vec<Shape>;

    fn forward(&self, inputs: &[&Tensor], _wanted: Wanted<'_>) -> Result<(Tensor, Vec<Shape>)> {
        expect_inputs("Concatenate", 2..=usize::MAX, inputs.len())?;
        let first = inputs[0].shape();
        let before = |shape: Shape| shape[..shape.len().saturating_sub(1)].to_vec();
        for input in inputs {
            expect(
                !input.shape().is_empty() && before(input.shape()) == before(first),
                "Concatenate",
                || format!("inputs that differ in their last axis alone, the first being {first}"),
                input.shape(),
            )?;
        }
        Ok((join(inputs), inputs.iter().map(|input| input.shape()).collect()))
    }

    fn backward(&self, shapes: Vec<Shape>, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let channels: Vec<_> = shapes.iter().map(|shape| shape.last().copied().unwrap_or(1)).collect();
        for (place, shape) in shapes.into_iter().enumerate() {
            to.give(place, || written(shape, |dx| concatenate::part(&channels, place, gradient.data(), dx)));
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let (channels, shape) = shapes(inputs);
        let numbers: Vec<_> = inputs.iter().map(|input| input.data()).collect();
        written(shape, |y| reference::concatenate::forward(&channels, &numbers, y))
    }
}
