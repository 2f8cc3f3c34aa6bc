//! Pixels between their four neighbours.

use super::coordinates::{BLOCK, Coordinates};
use super::{Fill, Warp};
use crate::simd::Simd;

/// Writes the first `count` pixels of a block to the beginning of `to`. One more number behind them may be overwritten: it
/// comes later.
#[inline(always)]
pub(super) fn block<S: Simd>(
    simd: S,
    warp: &Warp,
    coordinates: &Coordinates,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let [height, width, channels] = warp.picture;
    if height == 1 || width == 1 {
        return one_by_one(warp, coordinates, count, picture, to);
    }
    let corners = Corners::new(warp, coordinates);
    match channels {
        1 => grey(warp, coordinates, &corners, count, picture, to),
        3 => rgb(simd, warp, coordinates, &corners, count, picture, to),
        _ => any(warp, coordinates, &corners, count, picture, to),
    }
}

/// Where the four neighbours of each pixel begin, and how near they are.
struct Corners {
    /// The byte at which the upper left neighbour begins; beyond every picture for pixels that have no four neighbours.
    places: [u32; BLOCK],
    /// The share of the right neighbours.
    right: [f32; BLOCK],
    /// The share of the lower neighbours.
    down: [f32; BLOCK],
}

impl Corners {
    /// The picture must have at least two rows and two columns.
    #[inline(always)]
    fn new(warp: &Warp, Coordinates { x, y, inside }: &Coordinates) -> Corners {
        let [height, width, channels] = warp.picture.map(|n| n as i32);
        let mut corners = Corners { places: [0; BLOCK], right: [0.0; BLOCK], down: [0.0; BLOCK] };
        for pixel in 0..BLOCK {
            // SAFETY: coordinates are folded: finite and between 0 and a side, which is below 2^30 since there are two rows and
            // two columns of less than 2^31 bytes. (`as` would check each by
            // itself: no vectors, half of the sweep's time.)
            let (left, top): (i32, i32) =
                unsafe { (x[pixel].to_int_unchecked(), y[pixel].to_int_unchecked()) };
            // At the last pixel the right neighbour counts whole and the left one nothing: the same number.
            let (left, top) = (left.min(width - 2), top.min(height - 2));
            corners.right[pixel] = x[pixel] - left as f32;
            corners.down[pixel] = y[pixel] - top as f32;
            corners.places[pixel] = ((top * width + left) * channels) as u32;
        }
        match warp.fill {
            Fill::Nearest | Fill::Reflect => {}
            Fill::Constant(_) => {
                for (pixel, &inside) in inside.iter().enumerate() {
                    corners.hide(pixel, !inside);
                }
            }
            Fill::Wrap => {
                for pixel in 0..BLOCK {
                    corners.hide(pixel, (corners.right[pixel] > 1.0) | (corners.down[pixel] > 1.0));
                }
            }
        }
        corners
    }

    #[inline(always)]
    fn hide(&mut self, pixel: usize, hidden: bool) {
        self.places[pixel] |= u32::from(hidden).wrapping_neg();
    }
}

#[inline(always)]
fn rgb<S: Simd>(
    simd: S,
    warp: &Warp,
    coordinates: &Coordinates,
    corners: &Corners,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let pitch = warp.picture[1] * 3;
    assert!(pitch >= 6 && picture.len() >= 2 * pitch, "at least two rows and columns");
    assert!((1..=BLOCK).contains(&count) && 3 * count <= to.len(), "room for a block of pixels");
    let last = picture.len() - pitch - 6;
    // Four numbers are written per pixel: the very last of a slot has no room for them.
    let roomy = count.min((to.len() - 1) / 3);
    for pixel in 0..roomy {
        let place = corners.places[pixel] as usize;
        if place > last {
            one(warp, coordinates, pixel, picture, &mut to[3 * pixel..][..3]);
            continue;
        }
        // SAFETY: two pixels are six bytes, but eight are read: above those that follow, since a row lies below; below those
        // before, since a row lies above. From `place` on there are at least pitch + 6 bytes, and pitch is at least 6. The
        // numbers written end at 3 · roomy + 1, which `to` has room for.
        unsafe {
            let above = picture.as_ptr().add(place);
            let below = above.add(pitch - 2);
            let numbers = simd.bilinear_rgb(
                above.cast::<[u8; 8]>().read(),
                below.cast::<[u8; 8]>().read(),
                corners.right[pixel],
                corners.down[pixel],
            );
            to.as_mut_ptr().add(3 * pixel).cast::<[f32; 4]>().write(numbers);
        }
    }
    for pixel in roomy..count {
        one(warp, coordinates, pixel, picture, &mut to[3 * pixel..][..3]);
    }
}

/// First the neighbours of all pixels, then their means: those are vectors.
#[inline(always)]
fn grey(
    warp: &Warp,
    coordinates: &Coordinates,
    corners: &Corners,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let width = warp.picture[1];
    let [mut top_left, mut top_right, mut bottom_left, mut bottom_right] = [[0u8; BLOCK]; 4];
    for pixel in 0..BLOCK {
        let place = corners.places[pixel] as usize;
        if let Some(from) = picture.get(place..place + width + 2) {
            (top_left[pixel], top_right[pixel]) = (from[0], from[1]);
            (bottom_left[pixel], bottom_right[pixel]) = (from[width], from[width + 1]);
        }
    }
    let mut means = [0.0; BLOCK];
    for pixel in 0..BLOCK {
        let left = between(top_left[pixel], bottom_left[pixel], corners.down[pixel]);
        let right = between(top_right[pixel], bottom_right[pixel], corners.down[pixel]);
        means[pixel] = left + corners.right[pixel] * (right - left);
    }
    to[..count].copy_from_slice(&means[..count]);
    if let Fill::Constant(_) | Fill::Wrap = warp.fill {
        for pixel in 0..count {
            if corners.places[pixel] == u32::MAX {
                one(warp, coordinates, pixel, picture, &mut to[pixel..=pixel]);
            }
        }
    }
}

#[inline(always)]
fn any(
    warp: &Warp,
    coordinates: &Coordinates,
    corners: &Corners,
    count: usize,
    picture: &[u8],
    to: &mut [f32],
) {
    let [_, width, channels] = warp.picture;
    let pitch = width * channels;
    for (pixel, to) in to.chunks_exact_mut(channels).take(count).enumerate() {
        let place = corners.places[pixel] as usize;
        let Some(from) = picture.get(place..place + pitch + 2 * channels) else {
            one(warp, coordinates, pixel, picture, to);
            continue;
        };
        let (above, below) = from.split_at(pitch);
        let (top_left, top_right) = above[..2 * channels].split_at(channels);
        let (bottom_left, bottom_right) = below.split_at(channels);
        let (right, down) = (corners.right[pixel], corners.down[pixel]);
        for (channel, to) in to.iter_mut().enumerate() {
            let left = between(top_left[channel], bottom_left[channel], down);
            *to = left + right * (between(top_right[channel], bottom_right[channel], down) - left);
        }
    }
}

fn one_by_one(warp: &Warp, coordinates: &Coordinates, count: usize, picture: &[u8], to: &mut [f32]) {
    for (pixel, to) in to.chunks_exact_mut(warp.picture[2]).take(count).enumerate() {
        one(warp, coordinates, pixel, picture, to);
    }
}

/// One pixel of any picture, each neighbour looked up by itself.
#[inline(never)]
fn one(warp: &Warp, coordinates: &Coordinates, pixel: usize, picture: &[u8], to: &mut [f32]) {
    if let (Fill::Constant(value), false) = (warp.fill, coordinates.inside[pixel]) {
        return to.fill(value);
    }
    let [height, width, channels] = warp.picture;
    let (left, right, across) = neighbours(warp.fill, coordinates.x[pixel], width);
    let (top, bottom, down) = neighbours(warp.fill, coordinates.y[pixel], height);
    let pixel = |row, column| &picture[(row * width + column) * channels..][..channels];
    let [top_left, top_right] = [left, right].map(|column| pixel(top, column));
    let [bottom_left, bottom_right] = [left, right].map(|column| pixel(bottom, column));
    for (channel, to) in to.iter_mut().enumerate() {
        let left = between(top_left[channel], bottom_left[channel], down);
        *to = left + across * (between(top_right[channel], bottom_right[channel], down) - left);
    }
}

#[inline(always)]
fn between(a: u8, b: u8, share: f32) -> f32 {
    let (a, b) = (f32::from(a), f32::from(b));
    a + share * (b - a)
}

/// The two pixels of an axis of `n` that a place lies between, and the share of the second.
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
