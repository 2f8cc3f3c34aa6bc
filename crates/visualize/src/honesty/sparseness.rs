//! How few pixels hold the heat.

use crate::error::{Result, maps};
use convnet_tensor::Tensor;

/// The Gini index of the absolute heat of each map `[N, height, width]` (Chalasani and others 2020): 0 where all pixels are
/// equally hot, nearly 1 where one holds it all, and 0 for a map without heat.
///
/// # Errors
/// Another shape.
pub fn sparseness(heat: &Tensor) -> Result<Vec<f64>> {
    let [_, height, width] = maps("the heat", heat.shape())?;
    let gini = |map: &[f32]| {
        let mut sorted: Vec<f64> = map.iter().map(|heat| f64::from(heat.abs())).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let total: f64 = sorted.iter().sum();
        let weighed = sorted.iter().enumerate().map(|(rank, heat)| (2.0 * rank as f64 + 1.0 - count) * heat);
        let weighed: f64 = weighed.sum();
        if total > 0.0 { weighed / (count * total) } else { 0.0 }
    };
    Ok(heat.data().chunks_exact(height * width).map(gini).collect())
}
