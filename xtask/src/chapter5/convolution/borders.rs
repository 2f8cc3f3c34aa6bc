//! Border effects, padding and strides: every place of the window, and the output that the places make.

use anyhow::{Result, ensure};
use convnet_cpu::window::{Borders, Window};
use convnet_layers::{Conv2D, Refusal};
use convnet_report::chart::{Anchor, Canvas, text_width};

use super::draw::{MARGIN, cells, decimal, framed, grey, lines, signed, window};
use super::kernels::VERTICAL_EDGE;
use super::map::Map;

/// The side of a pixel in the small multiples.
const SIDE: f64 = 18.0;

/// Which places of the window one figure shows.
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) layer: fn() -> Conv2D,
    /// Rows and columns of the output, a small multiple for each pair.
    pub(super) shown: &'static [usize],
}

impl Scene {
    /// Small multiples on the left, in the order of the output on the right.
    pub(super) fn figure(&self, picture: &Map) -> Result<String> {
        let layer = (self.layer)();
        let output = picture.convolved(&layer, &VERTICAL_EDGE.weights)?;
        let padded = Padded::of(picture, &layer)?;
        let shown = self.shown;
        ensure!(shown.iter().all(|&place| place < output.rows), "only {} places per axis", output.rows);
        let (rows, columns) = padded.size();
        let pitch = (columns as f64 * SIDE + 20.0, rows as f64 * SIDE + 38.0);
        let top = 44.0;
        let mut canvas = Canvas::new();
        canvas.text((MARGIN, 24.0), Anchor::Start, "head", self.title);
        for (down, &row) in shown.iter().enumerate() {
            for (along, &column) in shown.iter().enumerate() {
                let at = (MARGIN + pitch.0 * along as f64, top + pitch.1 * down as f64);
                padded.draw(&mut canvas, at, SIDE, picture)?;
                let [tall, wide] = padded.window.stride;
                window(&mut canvas, at, SIDE, (row * tall, column * wide), 3, 1);
                let number = row * output.columns + column + 1;
                let middle = at.0 + columns as f64 * SIDE / 2.0;
                let under = at.1 + rows as f64 * SIDE + 16.0;
                canvas.text((middle, under), Anchor::Middle, "soft small", &format!("place {number}"));
            }
        }
        let height = pitch.1 * shown.len() as f64 - 38.0;
        let left = MARGIN + pitch.0 * shown.len() as f64;
        let middle = top + height / 2.0;
        arrow(&mut canvas, left, middle);
        let side = if output.rows > 3 { 42.0 } else { 56.0 };
        let at = (left + 54.0, middle - output.rows as f64 * side / 2.0);
        let size = output.columns as f64 * side;
        draw_output(&mut canvas, at, side, &output, shown)?;
        let words = format!("output {} × {}", output.rows, output.columns);
        canvas.text((at.0 + size / 2.0, at.1 - 11.0), Anchor::Middle, "", &words);
        let count = format!("one number for each of {} places", output.rows * output.columns);
        let under = at.1 + output.rows as f64 * side + 18.0;
        canvas.text((at.0 + size / 2.0, under), Anchor::Middle, "soft small", &count);
        let overhang = ((text_width(&count, 11.5) - size) / 2.0).max(0.0);
        let width = (at.0 + size + overhang + MARGIN).max(text_width(self.title, 14.5) + 2.0 * MARGIN);
        Ok(canvas.finish(width, top + height + 34.0, self.title))
    }
}

/// Padding `same` with stride 2 for an odd and an even size.
pub(super) fn uneven(odd: &Map, even: &Map) -> Result<String> {
    const SIDE: f64 = 26.0;
    let title = "Padding same with stride 2: an even size gets its padding below and on the right";
    let mut canvas = Canvas::new();
    canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
    let layer = Conv2D::new(1, 3).same().strides(2);
    let top = 66.0;
    let mut left = MARGIN;
    let mut bottom = top;
    for picture in [odd, even] {
        let output = picture.convolved(&layer, &VERTICAL_EDGE.weights)?;
        let padded = Padded::of(picture, &layer)?;
        let (rows, columns) = padded.size();
        let (width, height) = (columns as f64 * SIDE, rows as f64 * SIDE);
        let Borders { top: above, bottom: below, left: before, right: behind } = padded.window.padding;
        let words = format!("{} × {}", picture.rows, picture.columns);
        canvas.text((left + width / 2.0, top - 12.0), Anchor::Middle, "", &words);
        padded.draw(&mut canvas, (left, top), SIDE, picture)?;
        let [tall, wide] = padded.window.stride;
        let last = ((output.rows - 1) * tall, (output.columns - 1) * wide);
        window(&mut canvas, (left, top), SIDE, (0, 0), 3, 1);
        window(&mut canvas, (left, top), SIDE, last, 3, 0);
        for place in 0..output.rows * output.columns {
            let (row, column) = (place / output.columns * tall, place % output.columns * wide);
            let centre = (left + (column as f64 + 1.5) * SIDE, top + (row as f64 + 1.5) * SIDE);
            canvas.disc(centre, 4.0, "edge f2", &format!("middle of place {}", place + 1));
        }
        for (line, words) in [
            format!("rows of zeros: {above} above, {below} below"),
            format!("columns: {before} left, {behind} right"),
        ]
        .iter()
        .enumerate()
        {
            let y = top + height + 19.0 + 16.0 * line as f64;
            canvas.text((left + width / 2.0, y), Anchor::Middle, "soft small", words);
        }
        arrow(&mut canvas, left + width + 16.0, top + height / 2.0);
        let (side, at) = (44.0, (left + width + 62.0, top + height / 2.0 - 1.5 * 44.0));
        draw_output(&mut canvas, at, side, &output, &[])?;
        let size = output.columns as f64 * side;
        let words = format!("output {} × {}", output.rows, output.columns);
        canvas.text((at.0 + size / 2.0, at.1 - 11.0), Anchor::Middle, "", &words);
        left = at.0 + size + 46.0;
        bottom = bottom.max(top + height + 42.0);
    }
    let note = "Orange: the first place of the window. Blue: the last. Green: the middles of all nine.";
    canvas.text((MARGIN, bottom + 20.0), Anchor::Start, "soft small", note);
    Ok(canvas.finish(left - 46.0 + MARGIN, bottom + 36.0, title))
}

/// A picture with the padding that the library gives it.
struct Padded {
    rows: usize,
    columns: usize,
    window: Window,
}

impl Padded {
    fn of(picture: &Map, layer: &Conv2D) -> Result<Padded> {
        let geometry =
            layer.geometry(&[picture.shape()]).map_err(|Refusal(reason)| anyhow::anyhow!(reason))?;
        Ok(Padded { rows: picture.rows, columns: picture.columns, window: geometry.window })
    }

    /// Rows and columns with the padding.
    fn size(&self) -> (usize, usize) {
        let Borders { top, bottom, left, right } = self.window.padding;
        (top + self.rows + bottom, left + self.columns + right)
    }

    fn draw(&self, canvas: &mut Canvas, at: (f64, f64), side: f64, picture: &Map) -> Result<()> {
        let Borders { top, left, .. } = self.window.padding;
        let (rows, columns) = self.size();
        for place in 0..rows * columns {
            let (row, column) = (place / columns, place % columns);
            let inside =
                (top..top + self.rows).contains(&row) && (left..left + self.columns).contains(&column);
            if !inside {
                let corner = (at.0 + column as f64 * side, at.1 + row as f64 * side);
                canvas.rectangle(corner, (side, side), "ring rule", 1.0, "");
                let middle = (corner.0 + side / 2.0, corner.1 + side / 2.0 + 4.0);
                canvas.text(middle, Anchor::Middle, "soft small", "0");
            }
        }
        let inner = (at.0 + left as f64 * side, at.1 + top as f64 * side);
        framed(canvas, inner, side, &grey(picture)?)?;
        lines(canvas, inner, side, (self.rows, self.columns));
        Ok(())
    }
}

/// The output with its values; the places that are shown carry their number and an outline.
fn draw_output(canvas: &mut Canvas, at: (f64, f64), side: f64, output: &Map, shown: &[usize]) -> Result<()> {
    cells(canvas, at, side, &signed(output)?, |row, column| decimal(output.at(row, column)))?;
    let all = shown.len() == output.rows;
    for &row in shown.iter().filter(|_| !all) {
        for &column in shown {
            let corner = (at.0 + column as f64 * side, at.1 + row as f64 * side);
            let tip = format!("place {}", row * output.columns + column + 1);
            canvas.rectangle(corner, (side, side), "line l1", 1.0, &tip);
        }
    }
    Ok(())
}

/// From pictures to their output.
fn arrow(canvas: &mut Canvas, x: f64, y: f64) {
    canvas.segment((x, y), (x + 30.0, y), "ring axis");
    canvas.path(
        [(-6.0, -5.0), (0.0, 0.0), (-6.0, 5.0)].map(|(dx, dy)| Some((x + 30.0 + dx, y + dy))),
        "ring axis",
    );
}
