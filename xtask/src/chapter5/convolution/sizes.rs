//! What padding, stride and max-pooling do to one response map, pixel beside pixel.

use anyhow::Result;
use convnet_layers::Conv2D;
use convnet_report::chart::{Anchor, Canvas};

use super::draw::{MARGIN, framed, grey, legend, signed_alike};
use super::kernels::VERTICAL_EDGE;
use super::map::Map;

const SIDE: f64 = 6.0;
const GAP: f64 = 22.0;

/// The maps that the figure shows, with the words over and under each.
pub(super) fn maps(digit: &Map) -> Result<[(Map, &'static str, &'static str); 4]> {
    let kernel = &VERTICAL_EDGE.weights;
    let valid = digit.convolved(&Conv2D::new(1, 3), kernel)?;
    let pooled = valid.max_pooled()?;
    Ok([
        (digit.convolved(&Conv2D::new(1, 3).same(), kernel)?, "padding same", "as large as the digit"),
        (valid, "padding valid", "two fewer each way"),
        (digit.convolved(&Conv2D::new(1, 3).strides(2), kernel)?, "stride 2", "every second place"),
        (pooled, "valid, then max-pooled", "largest of each 2 × 2"),
    ])
}

pub(super) fn figure(digit: &Map) -> Result<String> {
    let title = "The same kernel with padding, with a stride, and followed by max-pooling";
    let mut canvas = Canvas::new();
    canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
    let top = 72.0;
    let maps = maps(digit)?;
    let all: Vec<&Map> = maps.iter().map(|(map, ..)| map).collect();
    let height = digit.rows as f64 * SIDE;
    let column = |canvas: &mut Canvas, x: f64, width: f64, head: &str, size: &Map, note: &str| {
        let middle = x + width / 2.0;
        canvas.text((middle, top - 11.0), Anchor::Middle, "", head);
        canvas.text(
            (middle, top + height + 18.0),
            Anchor::Middle,
            "",
            &format!("{} × {}", size.rows, size.columns),
        );
        canvas.text((middle, top + height + 35.0), Anchor::Middle, "soft small", note);
    };
    let mut x = MARGIN;
    framed(&mut canvas, (x, top), SIDE, &grey(digit)?)?;
    column(&mut canvas, x, digit.columns as f64 * SIDE, "the digit", digit, "pixels");
    x += digit.columns as f64 * SIDE + GAP;
    for ((map, head, note), picture) in maps.iter().zip(signed_alike(&all)?) {
        let width = map.columns as f64 * SIDE;
        // Small maps have words wider than themselves.
        let room = width.max(150.0);
        let at = (x + (room - width) / 2.0, top + (height - map.rows as f64 * SIDE) / 2.0);
        framed(&mut canvas, at, SIDE, &picture)?;
        column(&mut canvas, x, room, head, map, note);
        x += room + GAP;
    }
    let foot = top + height + 58.0;
    legend(&mut canvas, (MARGIN, foot), 160.0)?;
    let note =
        "All pixels have the same side and all maps the same colours: vertical edge kernel, white is 0.";
    canvas.text((MARGIN + 180.0, foot + 9.0), Anchor::Start, "soft small", note);
    Ok(canvas.finish(x - GAP + MARGIN, foot + 38.0, title))
}
