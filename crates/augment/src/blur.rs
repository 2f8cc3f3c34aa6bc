//! Gaussian blur of a slot.

use convnet_tensor::Tensor;

/// Blurs the picture `[rows, columns, channels]` in place, its edges repeated, with a kernel that ends at four standard
/// deviations: SciPy's `gaussian_filter` with `mode="nearest"`.
pub(crate) fn blur(shape: [usize; 3], deviation: f32, picture: &mut [f32]) {
    let [rows, columns, channels] = shape;
    let kernel = kernel(deviation);
    let radius = kernel.len() / 2;
    let pitch = columns * channels;
    if radius == 0 || picture.is_empty() {
        return;
    }
    let mut across = Tensor::<f32>::recycled([rows, pitch]);
    let mut bordered = vec![0.0; pitch + 2 * radius * channels];
    for (from, to) in picture.chunks_exact(pitch).zip(across.data_mut().chunks_exact_mut(pitch)) {
        let (left, rest) = bordered.split_at_mut(radius * channels);
        let (middle, right) = rest.split_at_mut(pitch);
        left.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&from[..channels]));
        middle.copy_from_slice(from);
        let last = &from[pitch - channels..];
        right.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(last));
        sum(to, kernel.iter().enumerate().map(|(tap, &weight)| (weight, &bordered[tap * channels..])));
    }
    let row = |index: usize| &across.data()[index * pitch..][..pitch];
    for (y, to) in picture.chunks_exact_mut(pitch).enumerate() {
        let under = |tap: usize| (y + tap).saturating_sub(radius).min(rows - 1);
        sum(to, kernel.iter().enumerate().map(|(tap, &weight)| (weight, row(under(tap)))));
    }
}

/// The sum of weighted rows.
fn sum<'a>(to: &mut [f32], rows: impl Iterator<Item = (f32, &'a [f32])>) {
    to.fill(0.0);
    for (weight, row) in rows {
        to.iter_mut().zip(row).for_each(|(to, from)| *to += weight * from);
    }
}

/// Eight times what [`Augment::check`](crate::Augment::check) allows: parameters that nobody checked cost no more than that.
const WIDEST: f64 = 256.0;

fn kernel(deviation: f32) -> Vec<f32> {
    let deviation = f64::from(deviation).min(WIDEST);
    let radius = (4.0 * deviation + 0.5) as usize;
    let offsets = (0..=2 * radius).map(|tap| tap as f64 - radius as f64);
    let weights: Vec<f64> = offsets.map(|offset| (-0.5 * (offset / deviation).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}
