//! What the drawings have in common: a layer without a network around it, and numbers as coloured squares.

use convnet::prelude::*;
use convnet_report::chart::{Anchor, Canvas};
use convnet_report::{ColourMap, Picture};
use std::error::Error;

/// A figure that could not be drawn says why.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Where something begins, from the left and from the top.
pub(crate) type Point = (f64, f64);

/// What one layer makes of a picture `[1, height, width, 1]`; `weights` in the order of its parameters.
pub(crate) fn through<L: Layer>(layer: L, weights: &[Tensor], picture: &Tensor) -> Result<Tensor> {
    let [_, height, width, channels] = size(picture);
    let input = InputSpec::new([height, width, channels]);
    let mut model = Model::new(Architecture::new().add(layer), input, Seed(1))?;
    for (parameter, weight) in model.parameters_mut().iter_mut().zip(weights) {
        parameter.value = weight.clone();
    }
    Ok(model.predict(picture)?)
}

/// `[N, height, width, channels]`.
pub(crate) fn size(of: &Tensor) -> [usize; 4] {
    std::array::from_fn(|axis| of.shape()[axis])
}

/// Numbers of 0 … 1 from black to white.
pub(crate) fn grey(numbers: &Tensor) -> Result<Picture> {
    let [_, height, width, _] = size(numbers);
    let pixels = numbers.data().iter().map(|number| (number.clamp(0.0, 1.0) * 255.0).round() as u8);
    Ok(Picture::new(width, height, 1, pixels.collect())?)
}

/// Negative numbers blue, zero white, positive ones red.
pub(crate) fn signed(numbers: &Tensor) -> Result<Picture> {
    let [_, height, width, _] = size(numbers);
    Ok(Picture::coloured(width, height, numbers.data(), ColourMap::Diverging)?)
}

/// A picture with a frame, each pixel a square of `side`.
pub(crate) fn framed(canvas: &mut Canvas, at: Point, side: f64, picture: &Picture) -> Result<()> {
    let size = (picture.width() as f64 * side, picture.height() as f64 * side);
    canvas.picture(at, size, picture)?;
    canvas.rectangle(at, size, "ring axis", 1.0, "");
    Ok(())
}

/// A picture as squares of `side`, each with its number, white or black, whichever can be read on its colour.
pub(crate) fn cells(
    canvas: &mut Canvas,
    at: Point,
    side: f64,
    picture: &Picture,
    numbers: &Tensor,
) -> Result<()> {
    framed(canvas, at, side, picture)?;
    for (place, pixel) in picture.pixels().chunks_exact(picture.channels()).enumerate() {
        let corner = square(at, side, (place / picture.width(), place % picture.width()));
        canvas.rectangle(corner, (side, side), "ring rule", 1.0, "");
        let light = pixel.iter().map(|&level| u32::from(level)).sum::<u32>() / pixel.len() as u32 >= 128;
        let class = if light { "small night" } else { "small day" };
        let number = format!("{}", numbers.data()[place]).replace('-', "−");
        canvas.text((corner.0 + side / 2.0, corner.1 + side / 2.0 + 4.0), Anchor::Middle, class, &number);
    }
    Ok(())
}

/// The outline of `rows` × `columns` squares whose first is `place`, lightly filled.
pub(crate) fn outlined(
    canvas: &mut Canvas,
    at: Point,
    side: f64,
    place: (usize, usize),
    size: usize,
    colour: usize,
) {
    let (corner, length) = (square(at, side, place), size as f64 * side);
    canvas.rectangle(corner, (length, length), &format!("f{colour}"), 0.18, "");
    canvas.rectangle(corner, (length, length), &format!("line l{colour}"), 1.0, "");
}

/// The corner of a square.
pub(crate) fn square(at: Point, side: f64, (row, column): (usize, usize)) -> Point {
    (at.0 + column as f64 * side, at.1 + row as f64 * side)
}

/// From what goes in to what comes out.
pub(crate) fn arrow(canvas: &mut Canvas, (x, y): Point) {
    canvas.segment((x, y), (x + 26.0, y), "ring axis");
    canvas.path(
        [(-6.0, -5.0), (0.0, 0.0), (-6.0, 5.0)].map(|(dx, dy)| Some((x + 26.0 + dx, y + dy))),
        "ring axis",
    );
}
