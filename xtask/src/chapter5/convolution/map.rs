//! One channel of numbers, and what the library's convolution and pooling make of it.

use anyhow::{Result, ensure};
use convnet_autograd::operations::{Activation, MaxPooling2D};
use convnet_autograd::{Operation, Tape, Value, operations};
use convnet_cpu::{pool2d, window::Window};
use convnet_layers::{Conv2D, Refusal};
use convnet_tensor::{Shape, Tensor};

/// A picture or a response map: numbers `[rows, columns]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Map {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) numbers: Vec<f32>,
}

impl Map {
    /// Pixels of 0 … 255 as numbers of 0 … 1, the range in which the networks see them.
    pub(super) fn from_pixels(rows: usize, columns: usize, pixels: &[u8]) -> Map {
        Map { rows, columns, numbers: pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect() }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.numbers[row * self.columns + column]
    }

    /// A square of `size` pixels around a pixel, moved inwards where it would leave the picture.
    pub(super) fn crop(&self, (row, column): (usize, usize), size: usize) -> Map {
        let start = |centre: usize, length: usize| centre.saturating_sub(size / 2).min(length - size);
        let (top, left) = (start(row, self.rows), start(column, self.columns));
        let numbers = (0..size * size).map(|i| self.at(top + i / size, left + i % size)).collect();
        Map { rows: size, columns: size, numbers }
    }

    pub(super) fn least_and_greatest(&self) -> (f32, f32) {
        let numbers = self.numbers.iter().copied();
        (numbers.clone().fold(f32::INFINITY, f32::min), numbers.fold(f32::NEG_INFINITY, f32::max))
    }

    pub(super) fn shape(&self) -> Shape {
        Shape::from([self.rows, self.columns, 1])
    }

    /// The response map of a 3×3 kernel with the settings of `layer` (one filter, no bias).
    pub(super) fn convolved(&self, layer: &Conv2D, kernel: &[f32; 9]) -> Result<Map> {
        let geometry = layer.geometry(&[self.shape()]).map_err(|Refusal(reason)| anyhow::anyhow!(reason))?;
        let kernel = Value::constant(Tensor::from_slice([3, 3, 1, 1], kernel)?);
        self.through(operations::Conv2D { geometry, activation: Activation::Linear }, &[&kernel])
    }

    /// The largest number of each 2×2 square.
    pub(super) fn max_pooled(&self) -> Result<Map> {
        let window = Window::new([2, 2], [2, 2]);
        let geometry = pool2d::Geometry { height: self.rows, width: self.columns, channels: 1, window };
        self.through(MaxPooling2D { geometry }, &[])
    }

    fn through<O: Operation>(&self, operation: O, weights: &[&Value]) -> Result<Map> {
        let x = Value::constant(Tensor::from_slice([1, self.rows, self.columns, 1], &self.numbers)?);
        let mut tape = Tape::new();
        let inputs: Vec<&Value> = [&x].into_iter().chain(weights.iter().copied()).collect();
        let y = tape.apply(operation, &inputs)?;
        ensure!(tape.is_empty(), "a forward pass without a wanted gradient left an entry on the tape");
        let shape = y.shape();
        Ok(Map { rows: shape[1], columns: shape[2], numbers: y.tensor().data().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(rows: usize, columns: usize) -> Map {
        Map { rows, columns, numbers: (0..rows * columns).map(|i| i as f32).collect() }
    }

    #[test]
    fn the_middle_tap_copies_and_pooling_takes_the_largest() {
        let map = counting(4, 4);
        let mut kernel = [0.0; 9];
        kernel[4] = 1.0;
        let inner = map.convolved(&Conv2D::new(1, 3), &kernel).unwrap();
        assert_eq!(inner, Map { rows: 2, columns: 2, numbers: vec![5.0, 6.0, 9.0, 10.0] });
        assert_eq!(map.convolved(&Conv2D::new(1, 3).same(), &kernel).unwrap(), map);
        assert_eq!(map.max_pooled().unwrap().numbers, [5.0, 7.0, 13.0, 15.0]);
        assert!(counting(2, 2).convolved(&Conv2D::new(1, 3), &kernel).is_err());
    }

    #[test]
    fn a_crop_stays_inside() {
        let map = counting(6, 6);
        assert_eq!(map.crop((0, 0), 3).numbers[0], 0.0);
        assert_eq!(map.crop((3, 3), 3).numbers[0], 14.0);
        assert_eq!(map.crop((5, 5), 3).numbers[8], 35.0);
    }
}
