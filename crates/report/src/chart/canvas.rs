//! An SVG under construction: the few shapes that the charts draw, and the style that they share.

use std::fmt::Write as _;

use crate::{Error, Picture};

/// The style of every chart; the page has it once instead.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// Where text stands with respect to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A drawing of one's own in the style of the charts: shapes in units of the view box, y downwards.
///
/// `class` names what a shape looks like, in light and in dark; several names are set apart by blanks. Text: none,
/// `head`, `small`, `soft`, and `day` and `night` (white and black whatever the scheme, for text on pictures). Lines and
/// outlines: `line` (thick) or `ring` (thin) with a colour of `l0` to `l5`, `axis` or `rule`. Areas: `f0` to `f5`.
///
/// ```
/// use convnet_report::chart::{Anchor, Canvas};
/// let mut canvas = Canvas::new();
/// canvas.text((50.0, 24.0), Anchor::Middle, "head", "a window");
/// canvas.rectangle((20.0, 40.0), (60.0, 60.0), "line l1", 1.0, "three by three pixels");
/// let svg = canvas.finish(100.0, 120.0, "a window");
/// assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Canvas {
    body: String,
}

impl Canvas {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One line of text; `y` is its base line.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        put(
            &mut self.body,
            format_args!(
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
            ),
        );
    }

    /// The title of a drawing of this width, smaller where it is long: bold letters of a wide font take 0.7 of their size each.
    pub(super) fn title(&mut self, width: f64, title: &str) {
        const SIZE: f64 = 14.0;
        let size = ((width - 32.0) / (title.chars().count() as f64 * 0.7)).min(SIZE);
        if size == SIZE {
            return self.text((16.0, 24.0), Anchor::Start, "head", title);
        }
        let title = escape(title);
        put(
            &mut self.body,
            format_args!(
                r#"<text x="16" y="24" text-anchor="start" class="head" style="font-size:{size:.1}px">{title}</text>"#
            ),
        );
    }

    /// Text that reads upwards, for the name of a vertical axis.
    pub(super) fn text_upwards(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let text = escape(text);
        put(
            &mut self.body,
            format_args!(
                r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" class="{class}">{text}</text>"#
            ),
        );
    }

    /// Text that reads upwards and ends at its point, for names too long to stand side by side.
    pub(super) fn text_up_to(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let text = escape(text);
        put(
            &mut self.body,
            format_args!(
                r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="end" class="{class}">{text}</text>"#
            ),
        );
    }

    /// A straight line.
    pub fn segment(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        put(
            &mut self.body,
            format_args!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#),
        );
    }

    /// A line through points; a gap where a point is missing.
    pub fn path(&mut self, points: impl IntoIterator<Item = Option<(f64, f64)>>, class: &str) {
        let (mut d, mut pen) = (String::new(), 'M');
        for point in points {
            match point {
                Some((x, y)) => {
                    put(&mut d, format_args!("{pen}{x:.1} {y:.1}"));
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        put(&mut self.body, format_args!(r#"<path d="{d}" class="{class}"/>"#));
    }

    /// A filled area with these corners.
    pub(super) fn area(&mut self, corners: impl IntoIterator<Item = (f64, f64)>, class: &str) {
        let (mut d, mut pen) = (String::new(), 'M');
        for (x, y) in corners {
            put(&mut d, format_args!("{pen}{x:.1} {y:.1}"));
            pen = 'L';
        }
        put(&mut self.body, format_args!(r#"<path d="{d}Z" class="{class}"/>"#));
    }

    /// A disc; `tip` is shown under the pointer.
    pub fn disc(&mut self, (x, y): (f64, f64), radius: f64, class: &str, tip: &str) {
        let tip = tip_element(tip);
        put(
            &mut self.body,
            format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class}">{tip}</circle>"#),
        );
    }

    /// A square on its corner.
    pub(super) fn diamond(&mut self, (x, y): (f64, f64), radius: f64, class: &str, tip: &str) {
        let (left, right, top, bottom) = (x - radius, x + radius, y - radius, y + radius);
        let tip = tip_element(tip);
        put(
            &mut self.body,
            format_args!(
                r#"<path d="M{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}L{left:.1} {y:.1}Z" class="{class}">{tip}</path>"#
            ),
        );
    }

    /// A rectangle from its upper left corner, with `opacity` from 0 to 1.
    pub fn rectangle(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        class: &str,
        opacity: f64,
        tip: &str,
    ) {
        let tip = tip_element(tip);
        put(
            &mut self.body,
            format_args!(
                r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="1.5" fill-opacity="{opacity:.3}" class="{class}">{tip}</rect>"#
            ),
        );
    }

    /// A picture in a box, enlarged without blur.
    ///
    /// # Errors
    /// [`Error::Picture`] if it cannot be encoded.
    pub fn picture(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        picture: &Picture,
    ) -> Result<(), Error> {
        let address = picture.data_address()?;
        put(
            &mut self.body,
            format_args!(
                r#"<image x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" image-rendering="pixelated" href="{address}"/>"#
            ),
        );
        Ok(())
    }

    /// Names with their colour in a row, wrapped at `right`; returns the height used.
    pub(super) fn legend(&mut self, left: f64, right: f64, top: f64, entries: &[(String, &str)]) -> f64 {
        let (mut x, mut y) = (left, top);
        for (class, name) in entries {
            let width = 26.0 + text_width(name, 13.0);
            if x > left && x + width > right {
                (x, y) = (left, y + 19.0);
            }
            self.segment((x, y - 4.5), (x + 18.0, y - 4.5), &format!("line {class}"));
            self.text((x + 24.0, y), Anchor::Start, "", name);
            x += width + 16.0;
        }
        if entries.is_empty() { 0.0 } else { y - top + 19.0 }
    }

    /// The finished element; `label` is read aloud in its place.
    pub fn finish(self, width: f64, height: f64, label: &str) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" class="cn" role="img" aria-label="{}"><style>{STYLE}</style><rect width="{width:.0}" height="{height:.0}" class="paper"/>{}</svg>"#,
            escape(label),
            self.body,
        )
    }
}

/// A guess at the width of text in pixels: fonts differ, and nothing here measures them.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.55
}

/// `text`, its end left out where it would be wider than `width`.
pub(super) fn shortened(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let fitting = (width / text_width("x", size)).floor().max(2.0) as usize;
    let kept: String = text.chars().take(fitting - 1).collect();
    kept.trim_end().to_owned() + "…"
}

/// `text` in lines of at most `characters`, broken at blanks; a longer word has a line of its own.
pub(super) fn lines(text: &str, characters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= characters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn tip_element(tip: &str) -> String {
    if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) }
}

/// Text that stands for itself in XML and HTML, characters that XML does not allow left out.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Writing to a `String` cannot fail.
fn put(to: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = to.write_fmt(text);
}

/// Where the words of a finished drawing stand, for the tests of all charts.
#[cfg(test)]
pub(super) mod places {
    use super::text_width;

    /// A text and the box that it takes: left, top, right, bottom.
    #[derive(Debug)]
    pub(in super::super) struct Placed {
        pub(in super::super) text: String,
        area: [f64; 4],
    }

    fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
        tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
    }

    fn number(tag: &str, name: &str) -> f64 {
        attribute(tag, name).unwrap().parse().unwrap()
    }

    /// Every text that is not empty.
    pub(in super::super) fn texts(svg: &str) -> Vec<Placed> {
        let mut placed = Vec::new();
        for element in svg.split("<text").skip(1) {
            let (tag, rest) = element.split_once('>').unwrap();
            let text = rest.split("</text>").next().unwrap().replace("&lt;", "<").replace("&gt;", ">");
            let class = attribute(tag, "class").unwrap();
            let own = attribute(tag, "style").map(|style| style.trim_start_matches("font-size:"));
            let size = if let Some(own) = own {
                own.trim_end_matches("px").parse().unwrap()
            } else if class.contains("head") {
                14.0
            } else if class.contains("small") {
                11.5
            } else {
                13.0
            };
            let long = text_width(&text, size);
            let before = match attribute(tag, "text-anchor").unwrap() {
                "start" => 0.0,
                "middle" => long / 2.0,
                _ => long,
            };
            // Letters reach this far above and below their line.
            let (above, below) = (0.75 * size, 0.2 * size);
            let area = match attribute(tag, "transform") {
                None => {
                    let (x, y) = (number(tag, "x") - before, number(tag, "y"));
                    [x, y - above, x + long, y + below]
                }
                Some(turned) => {
                    let point = turned.trim_start_matches("translate(").split(')').next().unwrap();
                    let (x, y) = point.split_once(' ').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    [x - above, y + before - long, x + below, y + before]
                }
            };
            if !text.is_empty() {
                placed.push(Placed { text, area });
            }
        }
        placed
    }

    /// Panics where two texts lie over each other, or one leaves the drawing.
    pub(in super::super) fn are_apart(svg: &str) {
        let texts = texts(svg);
        let frame: Vec<f64> =
            attribute(svg, "viewBox").unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
        for (number, one) in texts.iter().enumerate() {
            let [left, top, right, bottom] = one.area;
            assert!(
                left >= 0.0 && top >= 0.0 && right <= frame[2] && bottom <= frame[3],
                "{one:?} leaves {frame:?}"
            );
            for other in &texts[..number] {
                let [l, t, r, b] = other.area;
                assert!(right <= l || r <= left || bottom <= t || b <= top, "{one:?} over {other:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_blanks_and_shortened_at_their_end() {
        assert_eq!(lines("cat, taken for dog", 10), ["cat, taken", "for dog"]);
        assert_eq!(lines("  unbreakable word ", 4), ["unbreakable", "word"]);
        assert!(lines("", 4).is_empty());
        assert_eq!(shortened("a long name of a class", 10.0, 55.0), "a long na…");
        assert_eq!(shortened("short", 10.0, 55.0), "short");
        assert_eq!(shortened("short", 10.0, 0.0), "s…");
    }

    #[test]
    fn a_long_title_is_smaller() {
        let drawn = |title: &str| {
            let mut canvas = Canvas::new();
            canvas.title(460.0, title);
            canvas.body
        };
        assert!(!drawn("Translation invariance").contains("font-size") && !drawn("").contains("font-size"));
        assert!(drawn("Cats and dogs with augmentation and dropout: accuracy").contains("font-size:11.5px"));
    }

    #[test]
    #[should_panic(expected = "over")]
    fn texts_over_each_other_are_seen() {
        let mut canvas = Canvas::new();
        canvas.text((60.0, 20.0), Anchor::Middle, "", "one thing");
        canvas.text((90.0, 22.0), Anchor::Start, "small", "another");
        places::are_apart(&canvas.finish(300.0, 40.0, ""));
    }

    #[test]
    #[should_panic(expected = "leaves")]
    fn a_text_out_of_the_drawing_is_seen() {
        let mut canvas = Canvas::new();
        canvas.text_up_to((20.0, 8.0), "", "upwards");
        places::are_apart(&canvas.finish(300.0, 40.0, ""));
    }
}
