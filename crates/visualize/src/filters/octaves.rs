//! Sizes from small to large, movements, and what wears down roughness.

use crate::error::{Result, batch};
use crate::resize::resize;
use convnet_tensor::Tensor;

/// The sizes before the last, from small to large.
pub(super) fn sizes(last: [usize; 2], octaves: usize, scale: f32) -> Vec<[usize; 2]> {
    let size = |octave: usize| {
        let factor = f64::from(scale).powi(octave as i32);
        last.map(|side| ((side as f64 / factor).round() as usize).max(1))
    };
    let mut sizes: Vec<_> = (1..octaves.min(64)).rev().map(size).collect();
    sizes.dedup();
    sizes
}

/// Pictures `[N, height, width, channels]` in another size.
pub(super) fn resized_batch(x: Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let [pictures, from_height, from_width, channels] = batch("the pictures", x.shape())?;
    if [from_height, from_width] == [height, width] {
        return Ok(x);
    }
    let mut to = Tensor::recycled([pictures, height, width, channels]);
    let mut map = vec![0.0; height * width];
    let pairs = to.data_mut().chunks_exact_mut(height * width * channels);
    for (to, from) in pairs.zip(x.data().chunks_exact(from_height * from_width * channels)) {
        for channel in 0..channels {
            let plane: Vec<f32> = from.iter().skip(channel).step_by(channels).copied().collect();
            resize(&plane, [from_height, from_width], &mut map, [height, width]);
            to.iter_mut().skip(channel).step_by(channels).zip(&map).for_each(|(to, from)| *to = *from);
        }
    }
    Ok(to)
}

/// Moves a picture down and to the right; what leaves it comes in on the other side.
pub(super) fn rolled(numbers: &mut [f32], [height, width, channels]: [usize; 3], [down, right]: [usize; 2]) {
    let line = width * channels;
    numbers.rotate_right(down % height * line);
    for row in numbers.chunks_exact_mut(line) {
        row.rotate_right(right % width * channels);
    }
}

/// The gradient of half the squared differences of all neighbours, times `strength`; empty where that is 0.
pub(super) fn without_smoothness(
    x: &[f32],
    [height, width, channels]: [usize; 3],
    strength: f32,
) -> Vec<f32> {
    if strength == 0.0 {
        return Vec::new();
    }
    let line = width * channels;
    let mut rough = vec![0.0; x.len()];
    let mut pair = |a: usize, b: usize| {
        let difference = strength * (x[a] - x[b]);
        rough[a] += difference;
        rough[b] -= difference;
    };
    for place in 0..height * line {
        if place % line + channels < line {
            pair(place, place + channels);
        }
        if place + line < x.len() {
            pair(place, place + line);
        }
    }
    rough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_to_the_last() {
        assert_eq!(sizes([64, 32], 3, 2.0), [[16, 8], [32, 16]]);
        assert_eq!(sizes([64, 64], 1, 2.0), [[0; 2]; 0]);
        assert_eq!(sizes([2, 1], 5, 2.0), [[1, 1]]);
    }

    #[test]
    fn a_picture_moved_back_is_the_same() {
        let from: Vec<f32> = (0..4 * 3 * 2).map(|i| i as f32).collect();
        let mut x = from.clone();
        rolled(&mut x, [4, 3, 2], [1, 2]);
        // The pixel in row 0, column 0 went to row 1, column 2.
        assert_eq!(x[(3 + 2) * 2..(3 + 2) * 2 + 2], [0.0, 1.0]);
        rolled(&mut x, [4, 3, 2], [3, 1]);
        assert_eq!(x, from);
    }

    #[test]
    fn roughness_is_the_slope_of_its_energy() {
        let size = [3, 4, 2];
        let x: Vec<f32> = (0..24).map(|i| ((i * 7) % 11) as f32).collect();
        let energy = |x: &[f32]| {
            let at =
                |row: usize, column: usize, channel: usize| f64::from(x[(row * 4 + column) * 2 + channel]);
            let mut sum = 0.0;
            for (row, column, channel) in (0..24).map(|i| (i / 8, i / 2 % 4, i % 2)) {
                let here = at(row, column, channel);
                sum += if row < 2 { (here - at(row + 1, column, channel)).powi(2) } else { 0.0 };
                sum += if column < 3 { (here - at(row, column + 1, channel)).powi(2) } else { 0.0 };
            }
            sum / 2.0
        };
        let rough = without_smoothness(&x, size, 0.5);
        for place in 0..24 {
            let moved = |by: f32| {
                let mut x = x.clone();
                x[place] += by;
                energy(&x)
            };
            let slope = 0.5 * (moved(0.5) - moved(-0.5));
            assert!((f64::from(rough[place]) - slope).abs() < 1e-4, "{place}");
        }
        assert!(without_smoothness(&x, size, 0.0).is_empty());
    }
}
