//! A table as a drawing: columns as wide as their longest text.

use convnet_report::Align;
use convnet_report::chart::{Anchor, Canvas, text_width};

use super::draw::MARGIN;

/// The height of the heads.
pub(super) const HEAD: f64 = 24.0;
/// The height of a row.
pub(super) const ROW: f64 = 26.0;
const GAP: f64 = 26.0;

/// Draws heads and rows from `top`; returns where the table ends on the right and at the bottom.
pub(super) fn draw(
    canvas: &mut Canvas,
    (left, top): (f64, f64),
    heads: &[(&str, Align)],
    rows: &[Vec<String>],
) -> (f64, f64) {
    let widths: Vec<f64> = heads
        .iter()
        .enumerate()
        .map(|(column, (head, _))| {
            let cells = rows.iter().map(|row| text_width(&row[column], 13.0));
            cells.fold(text_width(head, 11.5), f64::max)
        })
        .collect();
    let right = left + widths.iter().sum::<f64>() + GAP * (widths.len() - 1) as f64;
    let mut put = |y: f64, class: &str, text: &mut dyn Iterator<Item = &str>| {
        let mut x = left;
        for ((text, (_, align)), width) in text.zip(heads).zip(&widths) {
            match align {
                Align::Left => canvas.text((x, y), Anchor::Start, class, text),
                Align::Right => canvas.text((x + width, y), Anchor::End, class, text),
            }
            x += width + GAP;
        }
    };
    put(top + 14.0, "soft small", &mut heads.iter().map(|(head, _)| *head));
    for (number, row) in rows.iter().enumerate() {
        put(top + HEAD + ROW * number as f64 + 17.0, "", &mut row.iter().map(String::as_str));
    }
    canvas.segment((left, top + HEAD), (right, top + HEAD), "axis");
    for number in 1..=rows.len() {
        let y = top + HEAD + ROW * number as f64;
        canvas.segment((left, y), (right, y), "rule");
    }
    (right, top + HEAD + ROW * rows.len() as f64)
}

/// A table with its title, and a note under it.
pub(in crate::chapter5) fn figure(
    title: &str,
    heads: &[(&str, Align)],
    rows: &[Vec<String>],
    note: &str,
) -> String {
    let mut canvas = Canvas::new();
    canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
    let (right, bottom) = draw(&mut canvas, (MARGIN, 42.0), heads, rows);
    canvas.text((MARGIN, bottom + 24.0), Anchor::Start, "soft small", note);
    let width = right.max(MARGIN + text_width(note, 11.5)) + MARGIN;
    canvas.finish(width, bottom + 40.0, title)
}
