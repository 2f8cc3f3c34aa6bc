//! Pixels between their four neighbours.

use super::coordinates::{BLOCK, Coordinates};
use super::{Fill, Warp};
use crate::simd::Simd;

/// Writes `count` pixels of three channels to the beginning of `to`. What follows them there may be overwritten: it comes
/// later.
///
/// The picture must have at least two rows and two columns.
#[inline(always)]
pub(super) fn rgb<S: Simd>(
    simd: S,
    warp: &Warp,
    coordinates: &Coordinates,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let [height, width, _] = warp.picture;
    let Coordinates { x, y, inside } = coordinates;
    let (last_x, last_y) = (width as i32 - 2, height as i32 - 2);
    let (mut right, mut down, mut places) = ([0.0; BLOCK], [0.0; BLOCK], [0u32; BLOCK]);
    for pixel in 0..BLOCK {
        // At the last pixel the right neighbour counts whole and the left one nothing: the same number.
        let left = (x[pixel] as i32).min(last_x);
        let top = (y[pixel] as i32).min(last_y);
        right[pixel] = x[pixel] - left as f32;
        down[pixel] = y[pixel] - top as f32;
        places[pixel] = (top * width as i32 + left) as u32 * 3;
    }
    // A place outside every picture marks pixels that are not between four neighbours.
    match warp.fill {
        Fill::Nearest | Fill::Reflect => {}
        Fill::Constant(_) => {
            for pixel in 0..BLOCK {
                places[pixel] = if inside[pixel] { places[pixel] } else { u32::MAX };
            }
        }
        Fill::Wrap => {
            for pixel in 0..BLOCK {
                let seam = (right[pixel] > 1.0) | (down[pixel] > 1.0);
                places[pixel] = if seam { u32::MAX } else { places[pixel] };
            }
        }
    }
    let pitch = width * 3;
    for pixel in 0..count {
        let place = places[pixel] as usize;
        // Two pixels are six bytes, but eight are loaded: above those that follow, which are there since a row lies below;
        // below those before, which are there since a row lies above.
        let neighbours = picture
            .get(place..)
            .and_then(|from| Some((from.first_chunk::<8>()?, from.get(pitch - 2..)?.first_chunk::<8>()?)));
        match neighbours {
            Some((above, below)) => {
                let numbers = simd.bilinear_rgb(*above, *below, right[pixel], down[pixel]);
                let to = &mut to[3 * pixel..];
                match to.first_chunk_mut::<4>() {
                    Some(to) => *to = numbers,
                    None => to.copy_from_slice(&numbers[..3]),
                }
            }
            None => one(3, warp, (x[pixel], y[pixel]), inside[pixel], picture, &mut to[3 * pixel..][..3]),
        }
    }
}

/// Writes `count` pixels of any number of channels.
#[inline(always)]
pub(super) fn any(
    channels: usize,
    warp: &Warp,
    coordinates: &Coordinates,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let Coordinates { x, y, inside } = coordinates;
    for (pixel, to) in to.chunks_exact_mut(channels).take(count).enumerate() {
        one(channels, warp, (x[pixel], y[pixel]), inside[pixel], picture, to);
    }
}

/// One pixel of `channels` channels at a folded place.
#[inline(always)]
fn one(channels: usize, warp: &Warp, (x, y): (f32, f32), inside: bool, picture: &[u8], to: &mut [f32]) {
    if let (Fill::Constant(value), false) = (warp.fill, inside) {
        return to.fill(value);
    }
    let [height, width, _] = warp.picture;
    let (left, right, across) = neighbours(warp.fill, x, width);
    let (top, bottom, down) = neighbours(warp.fill, y, height);
    let pixel = |row, column| &picture[(row * width + column) * channels..][..channels];
    let [top_left, top_right] = [left, right].map(|column| pixel(top, column));
    let [bottom_left, bottom_right] = [left, right].map(|column| pixel(bottom, column));
    for (channel, to) in to.iter_mut().enumerate() {
        let between = |a: &[u8], b: &[u8], share| {
            let (a, b) = (f32::from(a[channel]), f32::from(b[channel]));
            a + share * (b - a)
        };
        let (left, right) = (between(top_left, bottom_left, down), between(top_right, bottom_right, down));
        *to = left + across * (right - left);
    }
}

/// The two pixels of an axis of `n` that a place lies between, and the share of the second.
#[inline(always)]
fn neighbours(fill: Fill, place: f32, n: usize) -> (usize, usize, f32) {
    let first = (place as usize).min(n - 1);
    let second = if first + 1 < n {
        first + 1
    } else if fill == Fill::Wrap {
        0
    } else {
        first
    };
    (first, second, place - first as f32)
}
