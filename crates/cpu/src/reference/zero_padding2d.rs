//! Plain loops for [`crate::zero_padding2d`]: the pictures moved down by `top` and to the right by `left`, zeros around.

use super::Real;
use crate::zero_padding2d::Geometry;

/// `y`: the pictures `x` with zeros around.
pub fn forward<R: Real>(g: &Geometry, x: &[R], y: &mut [R]) {
    y.fill(R::default());
    for from in 0..x.len() {
        y[place(g, from)] = x[from];
    }
}

/// The gradient `dx` of the pictures: that of the place where each number went.
pub fn gradient<R: Real>(g: &Geometry, dy: &[R], dx: &mut [R]) {
    for from in 0..dx.len() {
        dx[from] = dy[place(g, from)];
    }
}

/// Where number `from` of the pictures goes.
fn place(g: &Geometry, from: usize) -> usize {
    let [rows, columns, channels] = g.output();
    let (pixel, c) = (from / channels, from % channels);
    let (n, iy, ix) = (pixel / (g.height * g.width), pixel / g.width % g.height, pixel % g.width);
    ((n * rows + iy + g.padding.top) * columns + ix + g.padding.left) * channels + c
}
