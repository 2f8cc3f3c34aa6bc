//! The tensors of a graph that is written: kernels are turned around on the way.

use super::export::F32;
use super::wire::{Message, start};
use crate::npy::write_numbers;
use convnet_tensor::Tensor;
use std::io::{Result, Write};

/// ONNX's number for whole numbers of 64 bits.
const I64: i64 = 7;

/// The numbers of a tensor.
pub(super) enum Values<'a> {
    /// A parameter as it is.
    Plain(&'a Tensor),
    /// A kernel `[rows, columns, in, out]`, to be written `[out, in, rows, columns]`.
    OutputsFirst(&'a Tensor),
    /// A kernel `[rows, columns, in, multiplier]`, to be written `[in · multiplier, 1, rows, columns]`.
    Depthwise(&'a Tensor),
    /// Numbers of our own.
    Own(Vec<f32>),
    /// A shape.
    Wholes(Vec<i64>),
}

/// A tensor of the graph.
pub(super) struct Initial<'a> {
    pub(super) name: String,
    pub(super) extents: Vec<usize>,
    pub(super) values: Values<'a>,
}

impl Initial<'_> {
    /// How many bytes its numbers take.
    pub(super) fn bytes(&self) -> u64 {
        let each = if matches!(self.values, Values::Wholes(_)) { 8 } else { 4 };
        self.extents.iter().product::<usize>() as u64 * each
    }

    /// All but the numbers, up to the start of their field.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut message = Message::default();
        for &extent in &self.extents {
            message = message.whole(1, extent as i64);
        }
        let kind = if matches!(self.values, Values::Wholes(_)) { I64 } else { F32 };
        let mut header = message.whole(2, kind).text(8, &self.name).0;
        header.extend(start(9, self.bytes()));
        header
    }

    /// Writes the numbers.
    pub(super) fn write(&self, to: &mut impl Write) -> Result<()> {
        match &self.values {
            Values::Plain(tensor) => write_numbers(to, tensor.data()),
            Values::Own(numbers) => write_numbers(to, numbers),
            Values::Wholes(wholes) => wholes.iter().try_for_each(|whole| to.write_all(&whole.to_le_bytes())),
            Values::OutputsFirst(tensor) => {
                let (taps, input, output) = taps(tensor);
                turned(to, tensor.data(), output, input, taps, |o, i, tap| (tap * input + i) * output + o)
            }
            Values::Depthwise(tensor) => {
                let (taps, input, multiplier) = taps(tensor);
                let output = input * multiplier;
                turned(to, tensor.data(), output, 1, taps, |o, _, tap| tap * output + o)
            }
        }
    }
}

/// Taps of the window, and the last two axes of a kernel.
fn taps(kernel: &Tensor) -> (usize, usize, usize) {
    match *kernel.shape() {
        [rows, columns, input, output] => (rows * columns, input, output),
        _ => (0, 0, 0),
    }
}

/// Writes the numbers of a kernel in another order, output by output.
fn turned(
    to: &mut impl Write,
    from: &[f32],
    output: usize,
    input: usize,
    taps: usize,
    place: impl Fn(usize, usize, usize) -> usize,
) -> Result<()> {
    let mut numbers = Vec::with_capacity(input * taps);
    for o in 0..output {
        numbers.clear();
        for i in 0..input {
            numbers.extend((0..taps).map(|tap| from[place(o, i, tap)]));
        }
        write_numbers(to, &numbers)?;
    }
    Ok(())
}
