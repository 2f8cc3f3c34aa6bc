//! Pictures in rows, each with words under it: the worst mistakes, the steps of an operation.

use super::canvas::{Anchor, Canvas, lines, text_width};
use crate::{Error, Picture};

/// Words under a picture take at most so many lines; pictures stand farther apart where they need it.
const LINES: usize = 3;

/// The size of these words, and from one of their lines to the next.
const WORDS: f64 = 11.5;
const LINE: f64 = 14.0;

/// Between one picture or its words and the next.
const GAP: f64 = 14.0;

/// Pictures with a few words each, `columns` to a row, as one `<svg>` element.
///
/// Each picture is fitted into a square of `size` units; pixels of small ones stay crisp. Words are broken at blanks (a
/// no-break space keeps two together) into up to three lines.
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
    let one = text_width("x", WORDS);
    let all = |characters| pictures.iter().map(move |(_, words)| lines(words, characters));
    // As wide as the picture where that is enough, else as the widest word, or what makes few lines of the longest text.
    let mut characters = (size / one) as usize;
    characters = all(0).flatten().map(|word| word.chars().count()).fold(characters, usize::max);
    while all(characters).any(|lines| lines.len() > LINES) {
        characters += 1;
    }
    let most = all(characters).map(|lines| lines.len()).max().unwrap_or(0).max(1);
    let cell = size.max(characters as f64 * one);
    let pitch = cell + GAP;
    let fitted = |picture: &Picture| {
        let longest = picture.width().max(picture.height()) as f64;
        (picture.width() as f64 / longest * size, picture.height() as f64 / longest * size)
    };
    let mut top = if title.is_empty() { 14.0 } else { 40.0 };
    let mut canvas = Canvas::new();
    canvas.text((16.0, 24.0), Anchor::Start, "head", title);
    for row in pictures.chunks(columns) {
        let tallest = row.iter().map(|(picture, _)| fitted(picture).1).fold(0.0, f64::max);
        for (column, (picture, words)) in row.iter().enumerate() {
            let (width, height) = fitted(picture);
            let middle = 16.0 + pitch * column as f64 + cell / 2.0;
            canvas.picture(
                (middle - width / 2.0, top + (tallest - height) / 2.0),
                (width, height),
                picture,
            )?;
            for (line, words) in lines(words, characters).iter().enumerate() {
                let below = top + tallest + 15.0 + LINE * line as f64;
                canvas.text((middle, below), Anchor::Middle, "small", words);
            }
        }
        top += tallest + 32.0 + LINE * (most - 1) as f64;
    }
    let width = (18.0 + pitch * columns as f64).max(32.0 + text_width(title, 14.5));
    Ok(canvas.finish(width, top + 4.0, title))
}

#[cfg(test)]
mod tests {
    use super::super::canvas::places;
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
    #[test]
    fn words_never_lie_over_each_other() {
        let picture = || Picture::new(3, 3, 1, vec![0; 9]).unwrap();
        let cases: [(&str, f64); 5] = [
            ("pointed-eared, taken for round-eared (57\u{a0}%)", 84.0),
            ("4, taken for 9 (57\u{a0}%)", 84.0),
            (
                "turned 21° left, moved 12\u{a0}% left, 5\u{a0}% up, 1.1× as wide, 0.9× as high, mirrored",
                150.0,
            ),
            ("an-uncommonly-long-word-without-any-blank", 16.0),
            ("", 96.0),
        ];
        for (words, size) in cases {
            let pictures: Vec<_> = (0..7).map(|_| (picture(), words.to_owned())).collect();
            let svg = gallery("Worst mistakes", &pictures, 4, size).unwrap();
            places::are_apart(&svg);
            let found: Vec<_> = places::texts(&svg).into_iter().map(|placed| placed.text).collect();
            let whole = found[1..].join(" ");
            assert_eq!(
                whole,
                vec![words; if words.is_empty() { 0 } else { 7 }].join(" "),
                "nothing is left out"
            );
        }
        let long = "pointed-eared, taken for round-eared (57\u{a0}%)".to_owned();
        let svg = gallery("", &[(picture(), long)], 1, 84.0).unwrap();
        assert_eq!(places::texts(&svg).len(), LINES);
    }
}
