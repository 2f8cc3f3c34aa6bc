//! Mean and variance of numbers, in f64.

/// The mean of `numbers` and their mean squared distance from it; NaN of none.
pub(crate) fn moments(numbers: &[f32]) -> [f64; 2] {
    let count = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    [mean, variance]
}
