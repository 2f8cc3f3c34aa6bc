//! Maps brought to the size of a picture.

use crate::error::{Result, expect, maps};
use convnet_tensor::Tensor;

/// Maps `[N, height, width]` in another size, linear between the four nearest numbers; pixels are areas, so corners stay
/// corners (OpenCV's `INTER_LINEAR`, TensorFlow's `tf.image.resize`), and beyond the outermost centres the edge goes on.
///
/// ```
/// use convnet_tensor::Tensor;
/// let heat = Tensor::from_slice([1, 1, 2], &[0.0, 4.0])?;
/// assert_eq!(convnet_visualize::resized(&heat, [1, 4])?.data(), [0.0, 1.0, 3.0, 4.0]);
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Anything but maps; a size of 0.
pub fn resized(of: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let [count, from_height, from_width] = maps("the maps", of.shape())?;
    expect(height > 0 && width > 0, "the size", "at least 1×1", format_args!("{height}×{width}"))?;
    let mut to = Tensor::recycled([count, height, width]);
    let pairs = to.data_mut().chunks_exact_mut(height * width);
    for (to, from) in pairs.zip(of.data().chunks_exact(from_height * from_width)) {
        resize(from, [from_height, from_width], to, [height, width]);
    }
    Ok(to)
}

/// One map, from row-major numbers into others.
pub(crate) fn resize(
    from: &[f32],
    [from_height, from_width]: [usize; 2],
    to: &mut [f32],
    [height, width]: [usize; 2],
) {
    let rows = taps(from_height, height);
    let columns = taps(from_width, width);
    for (row, to) in rows.iter().zip(to.chunks_exact_mut(width)) {
        let [above, below] = row.places.map(|place| &from[place * from_width..][..from_width]);
        for (column, to) in columns.iter().zip(to) {
            let [left, right] = column.places;
            let between = |line: &[f32]| line[left] + (line[right] - line[left]) * column.share;
            let (above, below) = (between(above), between(below));
            *to = above + (below - above) * row.share;
        }
    }
}

/// The two neighbours of a new place, and how far it lies from the first to the second.
struct Taps {
    places: [usize; 2],
    share: f32,
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let taps = |place: usize| {
        let centre = ((place as f64 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f64);
        let first = centre.floor() as usize;
        Taps { places: [first, (first + 1).min(from - 1)], share: (centre - first as f64) as f32 }
    };
    (0..to).map(taps).collect()
}
