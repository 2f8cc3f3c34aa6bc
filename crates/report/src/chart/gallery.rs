//! Pictures in rows, each with words under it: the worst mistakes, the steps of an operation.

use super::canvas::{Anchor, Canvas, text_width};
use crate::{Error, Picture};

/// Pictures with one short line of words each, `columns` to a row, as one `<svg>` element.
///
/// Each picture is fitted into a square of `size` units; pixels of small ones stay crisp.
///
/// # Errors
/// [`Error::Picture`] if a picture cannot be encoded.
pub fn gallery(
    title: &str,
    pictures: &[(Picture, String)],
    columns: usize,
    size: f64,
) -> Result<String, Error> {
    let columns = columns.clamp(1, pictures.len().max(1));
    let size = if size.is_finite() { size.clamp(16.0, 1024.0) } else { 96.0 };
    let words = pictures.iter().map(|(_, words)| text_width(words, 11.5)).fold(0.0, f64::max);
    let pitch = (size.max(words.min(2.0 * size)) + 14.0, size + 32.0);
    let top = if title.is_empty() { 14.0 } else { 40.0 };
    let mut canvas = Canvas::new();
    canvas.text((16.0, 24.0), Anchor::Start, "head", title);
    for (number, (picture, words)) in pictures.iter().enumerate() {
        let left = 16.0 + pitch.0 * (number % columns) as f64;
        let y = top + pitch.1 * (number / columns) as f64;
        let longest = picture.width().max(picture.height()) as f64;
        let (width, height) =
            (picture.width() as f64 / longest * size, picture.height() as f64 / longest * size);
        let x = left + (pitch.0 - 14.0 - width) / 2.0;
        canvas.picture((x, y + (size - height) / 2.0), (width, height), picture)?;
        canvas.text((left + (pitch.0 - 14.0) / 2.0, y + size + 15.0), Anchor::Middle, "small", words);
    }
    let rows = pictures.len().div_ceil(columns);
    let width = (18.0 + pitch.0 * columns as f64).max(32.0 + text_width(title, 14.5));
    Ok(canvas.finish(width, top + pitch.1 * rows as f64 + 4.0, title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_its_words() {
        let picture = |value| Picture::new(4, 2, 1, vec![value; 8]).unwrap();
        let pictures: Vec<_> = (0..5).map(|i| (picture(i), format!("4 < 9 ({i})"))).collect();
        let svg = gallery("worst", &pictures, 3, 64.0).unwrap();
        assert_eq!(svg.matches("<image").count(), 5);
        assert!(svg.contains("4 &lt; 9 (4)") && svg.contains("width=\"64.0\" height=\"32.0\""));
        assert!(gallery("", &[], 0, f64::NAN).unwrap().ends_with("</svg>"));
    }
}
