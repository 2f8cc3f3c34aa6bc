//! One digit through several kernels: what a response map is.

use anyhow::Result;
use convnet_layers::Conv2D;
use convnet_report::chart::{Anchor, Canvas};

use super::draw::{MARGIN, PIXEL, cells, decimal, framed, grey, legend, signed, weight};
use super::kernels::ALL;
use super::map::Map;

const SIDE: f64 = 30.0;
const PITCH: f64 = 146.0;

pub(super) fn figure(digit: &Map) -> Result<String> {
    let mut canvas = Canvas::new();
    let title = "One digit, five kernels, five response maps";
    canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
    let (top, below) = (72.0, 214.0);
    let words = [
        "A kernel slides over the",
        "digit. At each place nine",
        "pixels are multiplied by",
        "its nine weights and the",
        "products added up.",
    ];
    for (line, words) in words.iter().enumerate() {
        canvas.text((MARGIN, top + 11.0 + 17.0 * line as f64), Anchor::Start, "soft small", words);
    }
    let size = digit.columns as f64 * PIXEL;
    canvas.text((MARGIN, below - 9.0), Anchor::Start, "", "the digit");
    framed(&mut canvas, (MARGIN, below), PIXEL, &grey(digit)?)?;
    let caption = format!("{} × {} pixels, 0 to 1", digit.rows, digit.columns);
    canvas.text((MARGIN + size / 2.0, below + size + 17.0), Anchor::Middle, "soft small", &caption);
    let left = MARGIN + size + 26.0;
    for (number, kernel) in ALL.iter().enumerate() {
        let map = digit.convolved(&Conv2D::new(1, 3), &kernel.weights)?;
        let width = map.columns as f64 * PIXEL;
        let x = left + PITCH * number as f64;
        let middle = x + width / 2.0;
        canvas.text((middle, top - 25.0), Anchor::Middle, "", kernel.name);
        canvas.text((middle, top - 9.0), Anchor::Middle, "soft small", kernel.answers_to);
        let squares = Map { rows: 3, columns: 3, numbers: kernel.weights.to_vec() };
        cells(&mut canvas, (middle - 1.5 * SIDE, top), SIDE, &signed(&squares)?, |row, column| {
            weight(squares.at(row, column))
        })?;
        let arrow = (top + 3.0 * SIDE + 8.0, below + PIXEL - 8.0);
        canvas.segment((middle, arrow.0), (middle, arrow.1), "axis");
        let head = [(-4.0, -5.0), (0.0, 0.0), (4.0, -5.0)];
        canvas.path(head.map(|(dx, dy)| Some((middle + dx, arrow.1 + dy))), "ring axis");
        // One pixel lower than the digit: each response stands beside the middle of its window.
        framed(&mut canvas, (x, below + PIXEL), PIXEL, &signed(&map)?)?;
        let (least, greatest) = map.least_and_greatest();
        let range = format!("{} × {}, {} to {}", map.rows, map.columns, decimal(least), decimal(greatest));
        canvas.text((middle, below + size + 17.0), Anchor::Middle, "soft small", &range);
    }
    let foot = below + size + 38.0;
    legend(&mut canvas, (left, foot), 160.0)?;
    let note = "White is 0 in every map and kernel; each has the full colour at its own strongest number.";
    canvas.text((left + 180.0, foot + 9.0), Anchor::Start, "soft small", note);
    Ok(canvas.finish(left + PITCH * ALL.len() as f64 + MARGIN - 16.0, foot + 38.0, title))
}
