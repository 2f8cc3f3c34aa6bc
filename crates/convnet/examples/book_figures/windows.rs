//! Windows that move over a picture: convolution, borders and strides, pooling.

use crate::draw::{Point, Result, arrow, cells, framed, grey, outlined, signed, size, square, through};
use convnet::prelude::*;
use convnet_report::chart::{Anchor, Canvas};

const MARGIN: f64 = 16.0;

/// Kernels made by hand: a name, the pattern that each answers to, nine weights in rows.
const KERNELS: [(&str, &str, [f32; 9]); 3] = [
    ("vertical edge", "brighter on the right", [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0]),
    ("horizontal edge", "brighter below", [-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
    ("Laplacian", "unlike its neighbours", [0.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 0.0]),
];

/// The response map of one 3×3 kernel.
fn convolved(picture: &Tensor, layer: Conv2D, kernel: &[f32; 9]) -> Result<Tensor> {
    through(layer.without_bias(), &[Tensor::from_slice([3, 3, 1, 1], kernel)?], picture)
}

/// A painted four, `[1, 28, 28, 1]`, from 0 to 1.
fn four() -> Result<Tensor> {
    let digits = generated::digits(Seed(1), 100);
    let number = digits.labels().iter().position(|&label| label == 4).ok_or("no four among 100 digits")?;
    let picture = digits.picture(number)?;
    Ok(Tensor::from_fn([1, 28, 28, 1], |pixel| f32::from(picture.data()[pixel]) / 255.0))
}

/// A digit, three kernels, and what each answers to it.
pub(crate) fn convolution() -> Result<String> {
    let (digit, top, side) = (four()?, 50.0, 5.0);
    let mut canvas = Canvas::new();
    let label = |canvas: &mut Canvas, x: f64, words: &str| {
        canvas.text((x + 70.0, top - 14.0), Anchor::Middle, "", words);
    };
    label(&mut canvas, MARGIN, "28×28 pixels");
    framed(&mut canvas, (MARGIN, top), side, &grey(&digit)?)?;
    let mut x = MARGIN;
    for (name, answers_to, weights) in &KERNELS {
        x += 170.0;
        let map = convolved(&digit, Conv2D::new(1, 3), weights)?;
        label(&mut canvas, x, name);
        // 26×26: a pixel is lost on each side.
        framed(&mut canvas, (x + side, top + side), side, &signed(&map)?)?;
        let kernel = Tensor::from_slice([1, 3, 3, 1], weights)?;
        cells(&mut canvas, (x + 28.0, top + 152.0), 28.0, &signed(&kernel)?, &kernel)?;
        canvas.text((x + 70.0, top + 256.0), Anchor::Middle, "soft small", answers_to);
    }
    let notes =
        ["each number of a map:", "nine pixels times nine", "weights, added up;", "red > 0, blue < 0"];
    for (line, note) in notes.into_iter().enumerate() {
        canvas.text((MARGIN, top + 172.0 + 19.0 * line as f64), Anchor::Start, "soft small", note);
    }
    Ok(canvas.finish(x + 140.0 + MARGIN, top + 272.0, "A digit and the response maps of three kernels"))
}

/// A white picture of 5×5 under a kernel of ones: every output counts the pixels under its window.
pub(crate) fn borders() -> Result<String> {
    let (white, ones, side, top) = (Tensor::full([1, 5, 5, 1], 1.0), [1.0; 9], 24.0, 56.0);
    let panels = [
        ("padding “valid”: only whole windows", Conv2D::new(1, 3), 0),
        ("padding “same”: a border of zeros", Conv2D::new(1, 3).same(), 1),
        ("stride 2: every second place", Conv2D::new(1, 3).strides(2), 0),
    ];
    let mut canvas = Canvas::new();
    let mut x = MARGIN;
    for (title, layer, border) in panels {
        let output = convolved(&white, layer, &ones)?;
        let [_, rows, columns, _] = size(&output);
        let padded = Tensor::from_fn([1, 7, 7, 1], |place| {
            if (1..6).contains(&(place / 7)) && (1..6).contains(&(place % 7)) { 1.0 } else { 0.0 }
        });
        let input = if border == 1 { &padded } else { &white };
        let centred = |extent: usize| top + (7 - extent) as f64 * side / 2.0;
        let at = (x, centred(5 + 2 * border));
        canvas.text((x, top - 26.0), Anchor::Start, "", title);
        cells(&mut canvas, at, side, &grey(input)?, input)?;
        outlined(&mut canvas, at, side, (0, 0), 3, 1);
        x += (5 + 2 * border) as f64 * side + 12.0;
        arrow(&mut canvas, (x, top + 3.5 * side));
        x += 38.0;
        let shades = Tensor::from_fn(output.shape(), |place| output.data()[place] / 9.0);
        cells(&mut canvas, (x, centred(rows)), side, &grey(&shades)?, &output)?;
        outlined(&mut canvas, (x, centred(rows)), side, (0, 0), 1, 1);
        let under: Point = (x + columns as f64 * side / 2.0, top + 7.0 * side + 20.0);
        canvas.text(under, Anchor::Middle, "soft small", &format!("{rows}×{columns}"));
        x += columns.max(3) as f64 * side + 40.0;
    }
    Ok(canvas.finish(x, top + 7.0 * side + 36.0, "A 3×3 window at the borders of a 5×5 picture"))
}

/// The largest of each 2×2 square: of sixteen numbers, and of a response map.
pub(crate) fn pooling() -> Result<String> {
    let (top, side) = (50.0, 34.0);
    let numbers = [1.0, 3.0, 0.0, 2.0, 5.0, 2.0, 1.0, 1.0, 0.0, 1.0, 7.0, 4.0, 2.0, 0.0, 6.0, 8.0];
    let sixteen = Tensor::from_slice([1, 4, 4, 1], &numbers)?;
    let shaded = |numbers: &Tensor| Tensor::from_fn(numbers.shape(), |place| numbers.data()[place] / 8.0);
    let four_numbers = through(MaxPooling2D::new(2), &[], &sixteen)?;
    let mut canvas = Canvas::new();
    canvas.text((MARGIN, top - 16.0), Anchor::Start, "", "the largest of each 2×2 square");
    let (left, right) = ((MARGIN, top), (MARGIN + 4.0 * side + 50.0, top + side));
    cells(&mut canvas, left, side, &grey(&shaded(&sixteen))?, &sixteen)?;
    cells(&mut canvas, right, side, &grey(&shaded(&four_numbers))?, &four_numbers)?;
    for place in 0..4 {
        outlined(&mut canvas, left, side, (place / 2 * 2, place % 2 * 2), 2, place);
        outlined(&mut canvas, right, side, (place / 2, place % 2), 1, place);
    }
    arrow(&mut canvas, (MARGIN + 4.0 * side + 12.0, top + 2.0 * side));

    // The same of a map: half as wide, its edges where they were.
    let edges = convolved(&four()?, Conv2D::new(1, 3).relu(), &KERNELS[0].2)?;
    let pooled = through(MaxPooling2D::new(2), &[], &edges)?;
    let at = square((right.0 + 2.0 * side + 56.0, top), 1.0, (0, 0));
    canvas.text((at.0, top - 16.0), Anchor::Start, "", "a response map, 26×26");
    framed(&mut canvas, at, 5.0, &signed(&edges)?)?;
    arrow(&mut canvas, (at.0 + 142.0, top + 65.0));
    canvas.text((at.0 + 182.0, top - 16.0), Anchor::Start, "", "pooled, 13×13");
    framed(&mut canvas, (at.0 + 182.0, top), 10.0, &signed(&pooled)?)?;
    Ok(canvas.finish(at.0 + 182.0 + 150.0, top + 152.0, "Max-pooling of numbers and of a response map"))
}
