//! An affine warp with bilinear interpolation, a change of colours and the conversion to a model's numbers, pixel by pixel.
//!
//! A pixel (x, y) of the output shows the place `matrix · (x, y, 1)` of the picture: the mean of the four pixels around it,
//! weighted by nearness. Pixels outside the picture are what the fill mode says.

use super::Real;
use crate::warp::{Colour, EDGE, Fill, Range, Warp};

/// Writes the picture (`[height, width, channels]`) as `warp` shows it (`[rows, columns, channels]`). The matrix must be
/// finite.
pub fn bilinear<R: Real>(warp: &Warp, picture: &[u8], to: &mut [R]) {
    let channels = warp.picture[2];
    for (index, to) in to.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (index / warp.output[1], index % warp.output[1]);
        let [x, y] = warp.matrix.map(|[a, b, c]| a * column as f64 + b * row as f64 + c);
        for (channel, to) in to.iter_mut().enumerate() {
            *to = between(warp, picture, (x, y), channel);
        }
        colour(warp.colour, to);
        range(&warp.range, to);
    }
}

/// The number of a channel at a place of the picture.
fn between<R: Real>(warp: &Warp, picture: &[u8], (x, y): (f64, f64), channel: usize) -> R {
    let [height, width, channels] = warp.picture;
    if let Fill::Constant(value) = warp.fill
        && !(is_inside(x, width) && is_inside(y, height))
    {
        return R::of(f64::from(value));
    }
    let pixel = |row: f64, column: f64| {
        let (row, column) = (extended(warp.fill, row, height), extended(warp.fill, column, width));
        R::of(f64::from(picture[(row * width + column) * channels + channel]))
    };
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (R::of(x - left), R::of(y - top));
    let at = |column| {
        let (above, below) = (pixel(top, column), pixel(top + 1.0, column));
        above + down * (below - above)
    };
    let (left, right) = (at(left), at(left + 1.0));
    left + across * (right - left)
}

fn is_inside(place: f64, n: usize) -> bool {
    -EDGE <= place && place <= (n - 1) as f64 + EDGE
}

/// The pixel of an axis of `n` pixels that stands for pixel `index`, which may lie outside.
fn extended(fill: Fill, index: f64, n: usize) -> usize {
    let n = n as f64;
    let inside = match fill {
        Fill::Nearest | Fill::Constant(_) => index.clamp(0.0, n - 1.0),
        Fill::Reflect => {
            let index = index.rem_euclid(2.0 * n);
            index.min(2.0 * n - 1.0 - index)
        }
        Fill::Wrap => index.rem_euclid(n),
    };
    inside as usize
}

fn colour<R: Real>(colour: Option<Colour>, pixel: &mut [R]) {
    let number = |x: f32| R::of(f64::from(x));
    let clipped = |x: R| if x > number(255.0) { number(255.0) } else { x.larger(number(0.0)) };
    match colour {
        None => {}
        Some(Colour::Rgb(map)) => {
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]];
            for (to, row) in pixel.iter_mut().zip(map) {
                *to = clipped(number(row[0]) * r + number(row[1]) * g + number(row[2]) * b + number(row[3]));
            }
        }
        Some(Colour::Each { scale, offset }) => {
            pixel.iter_mut().for_each(|x| *x = clipped(*x * number(scale) + number(offset)));
        }
    }
}

fn range<R: Real>(range: &Range, pixel: &mut [R]) {
    let number = |x: f32| R::of(f64::from(x));
    let channels = pixel.len();
    if range.bgr {
        pixel.swap(0, 2);
    }
    for (channel, x) in pixel.iter_mut().enumerate() {
        let channel = if channels == 3 { channel } else { 0 };
        *x = (*x / number(range.divisor) - number(range.mean[channel])) / number(range.deviation[channel]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fill: Fill, left: f64) -> Vec<f64> {
        let warp = Warp {
            picture: [1, 3, 1],
            output: [1, 8],
            matrix: [[0.5, 0.0, left], [0.0, 1.0, 0.0]],
            fill,
            colour: None,
            range: Range::BYTES,
        };
        let mut to = vec![0.0; 8];
        bilinear(&warp, &[10, 20, 40], &mut to);
        to
    }

    #[test]
    fn what_lies_outside_worked_out_by_hand() {
        // Places −1, −0.5, 0 … 2.5 of the pixels 10, 20, 40.
        assert_eq!(shown(Fill::Nearest, -1.0), [10.0, 10.0, 10.0, 15.0, 20.0, 30.0, 40.0, 40.0]);
        assert_eq!(shown(Fill::Constant(7.0), -1.0), [7.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 7.0]);
        assert_eq!(shown(Fill::Wrap, -1.0), [40.0, 25.0, 10.0, 15.0, 20.0, 30.0, 40.0, 25.0]);
        // Places −3 … 0.5.
        assert_eq!(shown(Fill::Reflect, -3.0), [40.0, 30.0, 20.0, 15.0, 10.0, 10.0, 10.0, 15.0]);
    }

    #[test]
    fn colours_are_clipped_before_the_range_is_applied() {
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let warp = Warp {
            picture: [1, 1, 3],
            output: [1, 1],
            matrix: identity,
            fill: Fill::Nearest,
            colour: Some(Colour::Rgb([[2.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -100.0], [0.5, 0.5, 0.0, 5.0]])),
            range: Range { divisor: 5.0, mean: [1.0, 2.0, 3.0], deviation: [1.0, 2.0, 4.0], bgr: true },
        };
        let mut to = [0.0f64; 3];
        bilinear(&warp, &[200, 80, 30], &mut to);
        // Red 400 is clipped to 255, green −20 to 0, blue is 145; the channels are exchanged before mean and deviation.
        assert_eq!(to, [145.0 / 5.0 - 1.0, -1.0, (51.0 - 3.0) / 4.0]);
    }
}
