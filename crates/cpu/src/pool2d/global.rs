//! Global average-pooling: one number per channel of a picture.

use crate::chunks;

/// y = the mean over the `pixels` of each picture: x is `[N, pixels, channels]`, y `[N, channels]`. Each sum is one chain
/// in the order of the pixels.
pub fn average(pixels: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len() * pixels, "{pixels} pixels per picture are wanted");
    check(channels, y.len());
    chunks::over(channels, pixels * channels, y, |pictures, y| {
        for (picture, y) in pictures.zip(y.chunks_exact_mut(channels)) {
            y.fill(0.0);
            for pixel in x[picture * pixels * channels..][..pixels * channels].chunks_exact(channels) {
                y.iter_mut().zip(pixel).for_each(|(y, &x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y /= pixels as f32);
        }
    });
}

/// dx = dy / pixels at every pixel.
pub fn average_gradient(pixels: usize, channels: usize, dy: &[f32], dx: &mut [f32]) {
    assert_eq!(dx.len(), dy.len() * pixels, "{pixels} pixels per picture are wanted");
    check(channels, dy.len());
    chunks::over(pixels * channels, pixels * channels, dx, |pictures, dx| {
        for (picture, dx) in pictures.zip(dx.chunks_exact_mut(pixels * channels)) {
            let dy = &dy[picture * channels..][..channels];
            for pixel in dx.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy / pixels as f32);
            }
        }
    });
}

fn check(channels: usize, len: usize) {
    assert_eq!(len.checked_rem(channels).unwrap_or(len), 0, "{len} numbers are no whole number of pictures");
}
