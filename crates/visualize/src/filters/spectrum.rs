//! How much of a picture is form and how much is noise: its energy by frequency.

use crate::error::{Result, batch};
use convnet_tensor::Tensor;
use std::f64::consts::PI;

/// The share of each picture's variation, `[N, height, width, channels]`, that lies outside the highest band of frequencies,
/// 0 … 1.
///
/// The highest band is the octave below what pixels can show at all: at least half of that frequency in rows or in columns. White
/// noise has three quarters of its energy there, so it gets about 0.25; what trained filters answer to is smoother and gets more.
/// The mean of each channel does not count, and a picture without variation gets 0.
///
/// ```
/// use convnet_tensor::Tensor;
/// use convnet_visualize::filters::energy_below_the_highest_band;
/// let ramp = Tensor::from_fn([1, 8, 8, 1], |i| (i % 8) as f32);
/// assert!(energy_below_the_highest_band(&ramp)?[0] > 0.98);
/// let checkered = Tensor::from_fn([1, 8, 8, 1], |i| ((i / 8 + i) % 2) as f32);
/// assert!(energy_below_the_highest_band(&checkered)?[0] < 0.2);
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Anything but pictures.
pub fn energy_below_the_highest_band(x: &Tensor) -> Result<Vec<f64>> {
    let [_, height, width, channels] = batch("the pictures", x.shape())?;
    let (rows, columns) = (cosines(height), cosines(width));
    let share = |picture: &[f32]| {
        let (mut below, mut all) = (0.0, 0.0);
        for channel in 0..channels {
            // Less the first number, which changes the mean alone and leaves exact zeros where nothing varies.
            let distance = |&number: &f32| f64::from(number) - f64::from(picture[channel]);
            let plane: Vec<f64> = picture.iter().skip(channel).step_by(channels).map(distance).collect();
            let spectrum = transformed(&plane, &rows, &columns);
            for (place, wave) in spectrum.into_iter().enumerate().skip(1) {
                let (down, across) = (place / width, place % width);
                let energy = wave * wave;
                all += energy;
                below += if 2 * down < height && 2 * across < width { energy } else { 0.0 };
            }
        }
        if all > 0.0 { below / all } else { 0.0 }
    };
    Ok(x.data().chunks_exact(height * width * channels).map(share).collect())
}

/// The orthonormal cosine transform of a plane (DCT-II), which keeps the sum of squares.
fn transformed(plane: &[f64], rows: &[f64], columns: &[f64]) -> Vec<f64> {
    let (height, width) = (rows.len().isqrt(), columns.len().isqrt());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Along each row, written as columns; then the same again.
    let mut turned = vec![0.0; plane.len()];
    for (y, line) in plane.chunks_exact(width).enumerate() {
        for (wave, cosines) in columns.chunks_exact(width).enumerate() {
            turned[wave * height + y] = dot(line, cosines);
        }
    }
    let mut spectrum = vec![0.0; plane.len()];
    for (x, line) in turned.chunks_exact(height).enumerate() {
        for (wave, cosines) in rows.chunks_exact(height).enumerate() {
            spectrum[wave * width + x] = dot(line, cosines);
        }
    }
    spectrum
}

/// A row for each frequency: its cosine at each place, of length 1.
fn cosines(length: usize) -> Vec<f64> {
    let count = length as f64;
    let wave = |place: usize| {
        let (frequency, at) = ((place / length) as f64, (place % length) as f64);
        let size = if frequency == 0.0 { 1.0 } else { 2.0f64 };
        (size / count).sqrt() * (PI / count * (at + 0.5) * frequency).cos()
    };
    (0..length * length).map(wave).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_keeps_energy_and_finds_waves() {
        let (rows, columns) = (cosines(6), cosines(9));
        let plane: Vec<f64> = (0..54).map(|i| ((i * 37) % 19) as f64 - 9.0).collect();
        let energy = |numbers: &[f64]| numbers.iter().map(|x| x * x).sum::<f64>();
        let spectrum = transformed(&plane, &rows, &columns);
        assert!((energy(&spectrum) / energy(&plane) - 1.0).abs() < 1e-12);
        // A single wave is a single number.
        let wave: Vec<f64> = (0..54).map(|i| rows[2 * 6 + i / 9] * columns[5 * 9 + i % 9]).collect();
        for (place, number) in transformed(&wave, &rows, &columns).into_iter().enumerate() {
            let expected = if place == 2 * 9 + 5 { 1.0 } else { 0.0 };
            assert!((number - expected).abs() < 1e-12, "{place}");
        }
    }
}
