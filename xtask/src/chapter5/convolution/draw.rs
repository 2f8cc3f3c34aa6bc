//! What the figures have in common: numbers as coloured squares, windows, and how a number is written.

use anyhow::Result;
use convnet_report::chart::{Anchor, Canvas};
use convnet_report::{ColourMap, Picture};

use super::map::Map;

/// The distance of a drawing from the edge of its figure.
pub(super) const MARGIN: f64 = 16.0;
/// The side of a pixel where a whole digit is shown.
pub(super) const PIXEL: f64 = 5.0;

/// Numbers of 0 … 1 from black to white.
pub(super) fn grey(map: &Map) -> Result<Picture> {
    let pixels = map.numbers.iter().map(|number| (number.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    Ok(Picture::new(map.columns, map.rows, 1, pixels)?)
}

/// Negative numbers blue, zero white, positive ones red.
pub(super) fn signed(map: &Map) -> Result<Picture> {
    Ok(Picture::coloured(map.columns, map.rows, &map.numbers, ColourMap::Diverging)?)
}

/// As [`signed`], one scale for all, so that the same colour is the same number in each.
pub(super) fn signed_alike(maps: &[&Map]) -> Result<Vec<Picture>> {
    let all: Vec<f32> = maps.iter().flat_map(|map| map.numbers.iter().copied()).collect();
    let colours = Picture::coloured(all.len(), 1, &all, ColourMap::Diverging)?;
    let mut rest = colours.pixels();
    maps.iter()
        .map(|map| {
            let (own, others) = rest.split_at(map.numbers.len() * 3);
            rest = others;
            Ok(Picture::new(map.columns, map.rows, 3, own.to_vec())?)
        })
        .collect()
}

/// A picture with a thin frame, each pixel a square of `side`.
pub(super) fn framed(canvas: &mut Canvas, at: (f64, f64), side: f64, picture: &Picture) -> Result<()> {
    let size = (picture.width() as f64 * side, picture.height() as f64 * side);
    canvas.picture(at, size, picture)?;
    canvas.rectangle(at, size, "ring axis", 1.0, "");
    Ok(())
}

/// A picture as squares of `side` with a text in each, white or black, whichever can be read on its colour.
pub(super) fn cells(
    canvas: &mut Canvas,
    at: (f64, f64),
    side: f64,
    picture: &Picture,
    text: impl Fn(usize, usize) -> String,
) -> Result<()> {
    framed(canvas, at, side, picture)?;
    let (width, height) = (picture.width(), picture.height());
    lines(canvas, at, side, (height, width));
    for (i, pixel) in picture.pixels().chunks_exact(picture.channels()).enumerate() {
        let centre =
            (at.0 + (i % width) as f64 * side + side / 2.0, at.1 + (i / width) as f64 * side + side / 2.0);
        canvas.text(
            (centre.0, centre.1 + 4.0),
            Anchor::Middle,
            &format!("small {}", readable_on(pixel)),
            &text(i / width, i % width),
        );
    }
    Ok(())
}

/// The lines between squares of `side`.
pub(super) fn lines(canvas: &mut Canvas, (x, y): (f64, f64), side: f64, (rows, columns): (usize, usize)) {
    let (right, bottom) = (x + columns as f64 * side, y + rows as f64 * side);
    for row in 1..rows {
        canvas.segment((x, y + row as f64 * side), (right, y + row as f64 * side), "axis");
    }
    for column in 1..columns {
        canvas.segment((x + column as f64 * side, y), (x + column as f64 * side, bottom), "axis");
    }
}

/// The outline of a window of `size` squares whose upper left square is `place`, lightly filled.
pub(super) fn window(
    canvas: &mut Canvas,
    at: (f64, f64),
    side: f64,
    place: (usize, usize),
    size: usize,
    colour: usize,
) {
    let corner = (at.0 + place.1 as f64 * side, at.1 + place.0 as f64 * side);
    let length = (size as f64 * side, size as f64 * side);
    canvas.rectangle(corner, length, &format!("f{colour}"), 0.22, "");
    canvas.rectangle(corner, length, &format!("line l{colour}"), 1.0, "");
}

/// The class of text that can be read on a colour.
pub(super) fn readable_on(pixel: &[u8]) -> &'static str {
    let brightness = match *pixel {
        [red, green, blue] => 0.3 * f64::from(red) + 0.6 * f64::from(green) + 0.1 * f64::from(blue),
        [grey, ..] => f64::from(grey),
        [] => 255.0,
    };
    if brightness < 128.0 { "day" } else { "night" }
}

/// A strip from negative to positive, with its words.
pub(super) fn legend(canvas: &mut Canvas, (x, y): (f64, f64), width: f64) -> Result<()> {
    let steps = Map { rows: 1, columns: 41, numbers: (-20..=20).map(|step| step as f32).collect() };
    canvas.picture((x, y), (width, 9.0), &signed(&steps)?)?;
    canvas.rectangle((x, y), (width, 9.0), "ring axis", 1.0, "");
    for (share, anchor, words) in
        [(0.0, Anchor::Start, "negative"), (0.5, Anchor::Middle, "0"), (1.0, Anchor::End, "positive")]
    {
        canvas.text((x + width * share, y + 23.0), anchor, "soft small", words);
    }
    Ok(())
}

/// A weight as it stands in a kernel: whole numbers as such, ninths as a fraction.
pub(super) fn weight(number: f32) -> String {
    if number == 1.0 / 9.0 { "1/9".to_owned() } else { minus(&format!("{number}")) }
}

/// Two decimals and a real minus; what rounds to zero has no sign.
pub(super) fn decimal(number: f32) -> String {
    let text = format!("{number:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { minus(&text) }
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_a_book() {
        let decimals = [-0.001, -1.5, 2.0].map(decimal);
        assert_eq!(decimals, ["0.00", "−1.50", "2.00"]);
        assert_eq!([-1.0, 1.0 / 9.0, 4.0].map(weight), ["−1", "1/9", "4"]);
    }

    #[test]
    fn one_scale_gives_one_colour_to_one_number() {
        let map = |numbers: &[f32]| Map { rows: 1, columns: numbers.len(), numbers: numbers.to_vec() };
        let pictures = signed_alike(&[&map(&[1.0, -4.0]), &map(&[1.0])]).unwrap();
        assert_eq!(pictures[0].pixels()[..3], *pictures[1].pixels());
        assert_ne!(pictures[1], signed(&map(&[1.0])).unwrap());
    }

    #[test]
    fn text_is_readable_on_its_colour() {
        assert_eq!(
            [readable_on(&[0]), readable_on(&[250, 250, 250]), readable_on(&[5, 48, 97])],
            ["day", "night", "day"]
        );
    }
}
