//! Which training pictures are most like a picture to the network: what did it learn this from?

use crate::error::{Error, Result, expect};
use convnet_tensor::Tensor;

/// A picture and how like another it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similar {
    /// Its place among the stored features.
    pub place: usize,
    /// The cosine of the angle between the features: 1 for the same direction, 0 where nothing is in common.
    pub cosine: f64,
}

/// For each row of `features` `[N, …]` the `count` rows of `stored` `[M, …]` with the largest cosine, the most similar first;
/// among equals the first. Features are what a layer makes of pictures, [`activations`](crate::activations::activations), say;
/// those behind a ReLU have no cosine below 0. A row of zeros is like nothing: 0.
///
/// ```
/// use convnet_tensor::Tensor;
/// use convnet_visualize::most_similar;
/// let stored = Tensor::from_slice([3, 2], &[1.0, 0.0, 3.0, 3.0, 0.0, 2.0])?;
/// let found = most_similar(&Tensor::from_slice([1, 2], &[1.0, 2.0])?, &stored, 2)?;
/// assert_eq!(found[0].iter().map(|similar| similar.place).collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Features of another shape than the stored ones; a count of 0.
pub fn most_similar(features: &Tensor, stored: &Tensor, count: usize) -> Result<Vec<Vec<Similar>>> {
    expect(count > 0, "count", "at least 1", count)?;
    let is_list = |of: &Tensor| of.shape().len() >= 2;
    if !is_list(features) || !is_list(stored) || features.shape()[1..] != stored.shape()[1..] {
        return Err(Error::Shape {
            what: "the features",
            expected: format!("(N, …), each as those stored, {}", stored.shape()),
            found: features.shape(),
        });
    }
    let each = stored.shape().without_first().size();
    if each == 0 {
        return Ok(vec![Vec::new(); features.len_first()]);
    }
    let lengths: Vec<f64> = stored.data().chunks_exact(each).map(|row| dot(row, row).sqrt()).collect();
    let nearest = |row: &[f32]| {
        let length = dot(row, row).sqrt();
        let cosine = |(place, other): (usize, &[f32])| {
            let scale = length * lengths[place];
            Similar { place, cosine: if scale > 0.0 { dot(row, other) / scale } else { 0.0 } }
        };
        let mut all: Vec<Similar> = stored.data().chunks_exact(each).enumerate().map(cosine).collect();
        all.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        all.truncate(count);
        all
    };
    Ok(features.data().chunks_exact(each).map(nearest).collect())
}

/// Σ a · b in f64, in eight chains: one would wait for each addition.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += f64::from(a) * f64::from(b);
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(&a, &b)| f64::from(a) * f64::from(b));
    lanes.iter().sum::<f64>() + rest.sum::<f64>()
}
