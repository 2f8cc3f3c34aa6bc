//! Gaussian noise on a slot.

use crate::numbers::Numbers;
use convnet_tensor::{Purpose, Seed, Stream};

/// Adds noise of this standard deviation, in units of a byte, to every number by itself, and clips to the numbers of black
/// and white.
pub(crate) fn add(deviation: f32, seed: u64, channels: usize, numbers: &Numbers, to: &mut [f32]) {
    let mut stream = Seed(seed).stream(Purpose::Augment, 0, 0);
    let mut second = None;
    for pixel in to.chunks_exact_mut(channels) {
        for (channel, number) in pixel.iter_mut().enumerate() {
            let normal = second.take().unwrap_or_else(|| {
                let [first, other] = normals(&mut stream);
                second = Some(other);
                first
            });
            let noisy = *number + normal * (deviation * numbers.step(channel));
            *number = noisy.clamp(numbers.of(channel, 0.0), numbers.of(channel, 255.0));
        }
    }
}

/// Two independent normal numbers (Box and Muller). `Stream::normal` gives one of them, in f64: three times the time, and
/// a picture takes 67,500.
fn normals(stream: &mut Stream) -> [f32; 2] {
    let radius = (-2.0 * (1.0 - stream.uniform()).ln()).sqrt();
    let (sine, cosine) = (std::f32::consts::TAU * stream.uniform()).sin_cos();
    [radius * cosine, radius * sine]
}
