//! An SVG under construction: the few shapes that the charts draw, and the style that they share.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};

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
        let base64 = BASE64_STANDARD.encode(picture.to_png()?);
        put(
            &mut self.body,
            format_args!(
                r#"<image x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" image-rendering="pixelated" href="data:image/png;base64,{base64}"/>"#
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

fn tip_element(tip: &str) -> String {
    if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) }
}

/// Text that stands for itself in XML, characters that XML does not allow left out.
pub(super) fn escape(text: &str) -> String {
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
