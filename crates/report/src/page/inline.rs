//! A figure's file as part of the page: charts of ours as elements, everything else as a `data:` address.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{Markup, PreEscaped, html};

use crate::Picture;

/// The figure's markup and its width in pixels; `None` for a file that is neither PNG nor SVG.
pub(super) fn figure(bytes: &[u8], words: &str) -> Option<(Markup, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let width = bytes.get(16..20)?.try_into().map(u32::from_be_bytes).ok()?;
        let markup = match as_photograph(bytes) {
            Some(jpeg) => picture("image/jpeg", &jpeg, words),
            None => picture("image/png", bytes, words),
        };
        return Some((markup, width));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if !text.starts_with("<svg") && !text.starts_with("<?xml") {
        return None;
    }
    // The page has the style of the charts once; what is left must be as harmless as our own.
    let bare = without_style(text);
    if is_harmless(&bare) {
        let width = attribute(&bare, "width").and_then(|width| width.parse().ok()).unwrap_or(0);
        return Some((PreEscaped(bare.into_owned()), width));
    }
    // As a picture an SVG can neither run nor load anything.
    Some((picture("image/svg+xml", text.as_bytes(), words), 0))
}

/// A PNG below this is light enough, in bytes.
const LIGHT: usize = 60_000;

/// A heavy figure in colours as JPEG, where that makes it much lighter: noise and photographs. The file beside the page stays exact.
fn as_photograph(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < LIGHT {
        return None;
    }
    let picture = Picture::from_png(bytes).filter(|picture| picture.channels() == 3)?;
    picture.to_jpeg().ok().filter(|jpeg| jpeg.len() * 3 < bytes.len() * 2)
}

/// A chart of ours without its own style, be it that of an earlier version; any other drawing as it is.
fn without_style(svg: &str) -> Cow<'_, str> {
    let parts = || {
        let (before, rest) = svg.split_once("<style>")?;
        let (_, after) = rest.split_once("</style>")?;
        Some(before.to_owned() + after)
    };
    match attribute(svg, "class") {
        Some("cn") => parts().map_or(Cow::Borrowed(svg), Cow::Owned),
        _ => Cow::Borrowed(svg),
    }
}

fn picture(kind: &str, bytes: &[u8], words: &str) -> Markup {
    html! { img src=(format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))) alt=(words); }
}

/// The value of the first attribute of this name in the first tag.
fn attribute<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let tag = &svg[..svg.find('>')?];
    let value = &tag[tag.find(&format!(" {name}=\""))? + name.len() + 3..];
    value.split('"').next()
}

/// Whether an SVG has only the elements and attributes that our charts use, closed in order: none of them can run a
/// script, load a file or leave its place in the page.
fn is_harmless(svg: &str) -> bool {
    const ELEMENTS: [&str; 9] = ["svg", "g", "rect", "line", "path", "circle", "text", "title", "image"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        if open.is_empty() && (start > 0 || rest.len() < svg.len()) {
            return false; // words or a second element outside the first
        }
        rest = &rest[start + 1..];
        let Some(end) = rest.find('>') else { return false };
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if !ELEMENTS.contains(&name) || !are_harmless(attributes) {
            return false;
        }
        if !closed {
            open.push(name);
        }
    }
    open.is_empty() && rest.is_empty()
}

fn are_harmless(mut attributes: &str) -> bool {
    const NAMES: &str = " xmlns viewBox width height class role aria-label x y x1 y1 x2 y2 cx cy r rx d transform \
                         text-anchor fill-opacity image-rendering ";
    while !attributes.trim_start().is_empty() {
        let Some((name, value)) = attributes.trim_start().split_once("=\"") else { return false };
        let Some((value, after)) = value.split_once('"') else { return false };
        let ours = if name == "href" {
            let data = ["png", "jpeg"].into_iter().find_map(|kind| {
                value.strip_prefix("data:image/")?.strip_prefix(kind)?.strip_prefix(";base64,")
            });
            data.is_some_and(|data| {
                data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
            })
        } else {
            !name.contains(' ') && NAMES.contains(&format!(" {name} "))
        };
        if !ours {
            return false;
        }
        attributes = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{LineChart, confusion_matrix, gallery, grouped_bars};

    #[test]
    fn our_own_charts_become_elements() {
        let picture = Picture::new(1, 1, 1, vec![0]).unwrap();
        let charts = [
            LineChart { title: "a > \"b\" & 'c'".into(), ..LineChart::default() }.svg(),
            confusion_matrix("t", &["a".into(), "b".into()], &[1, 2, 3, 4]).unwrap(),
            grouped_bars("t", false, &["g".into()], &[("s".into(), vec![1.0])]),
            gallery("t", &[(picture, "w".into())], 1, 32.0).unwrap(),
        ];
        for svg in charts {
            let (markup, width) = figure(svg.as_bytes(), "").unwrap();
            assert!(markup.0.starts_with("<svg") && !markup.0.contains("<style"), "{}", markup.0);
            assert!(width > 10);
        }
    }

    #[test]
    fn a_chart_of_an_earlier_version_becomes_elements_too() {
        let svg = LineChart::default().svg().replace("font-size:13px", "font-size:12px");
        let (markup, _) = figure(svg.as_bytes(), "").unwrap();
        assert!(markup.0.starts_with("<svg") && !markup.0.contains("<style"), "{}", markup.0);
    }

    #[test]
    fn heavy_noise_becomes_jpeg_and_light_or_grey_pictures_stay_exact() {
        let noise = |side: usize, channels: usize| {
            // Waves with a little noise, as gradient ascent paints them.
            let level = |place: usize| {
                let wave = ((place / channels) as f64 / 7.0).sin() * 80.0;
                let mixed = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let noise = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 59;
                (110.0 + wave + noise as f64) as u8
            };
            let pixels = (0..side * side * channels).map(level).collect();
            Picture::new(side, side, channels, pixels).unwrap().to_png().unwrap()
        };
        let markup = |png: &[u8]| figure(png, "").unwrap();
        let (heavy, grey, light) = (noise(400, 3), noise(400, 1), noise(40, 3));
        assert!(heavy.len() > LIGHT && grey.len() > LIGHT && light.len() < LIGHT);
        assert_eq!(markup(&heavy).1, 400);
        assert!(markup(&heavy).0.0.contains("data:image/jpeg") && markup(&heavy).0.0.len() < heavy.len());
        assert!(
            markup(&grey).0.0.contains("data:image/png") && markup(&light).0.0.contains("data:image/png")
        );
        // What only begins like a PNG is handed to the browser as it is.
        let broken = [&heavy[..40], &[7; LIGHT]].concat();
        assert!(markup(&broken).0.0.contains("data:image/png"));
    }

    #[test]
    fn any_other_svg_is_shut_into_a_picture() {
        let cases = [
            "<svg><script>x</script></svg>",
            "<svg onload=\"x\"></svg>",
            "<svg><style>*{display:none}</style></svg>",
            "<svg class=\"cn\"><style>*{display:none}</style><style>a{}</style></svg>",
            "<svg class=\"cn\"><style></svg>",
            "<svg><image href=\"x.png\"/></svg>",
            "<svg><image href=\"data:image/svg+xml;base64,AAAA\"/></svg>",
            "<svg><a href=\"x\">y</a></svg>",
            "<svg></svg><script>x</script>",
            "<svg></svg></div>",
            "<svg></svg>words",
            "<svg><g></svg></g>",
            "<svg><foreignObject></foreignObject></svg>",
            "<svg><!-- --></svg>",
            "<svg class='x' onload='y'></svg>",
            "<svg\nonload=\"x\"></svg>",
            "<svg class=\"a\"onload=\"x\"></svg>",
            "<svg/onload=\"x\"></svg>",
            "<svg x=\"",
            "<svg",
            "<?xml version=\"1.0\"?><svg></svg>",
        ];
        for svg in cases {
            let (markup, _) = figure(svg.as_bytes(), "").unwrap();
            assert!(markup.0.starts_with("<img src=\"data:image/svg+xml;base64,"), "{svg}");
        }
    }

    #[test]
    fn pictures_are_embedded_and_other_files_refused() {
        let png = Picture::new(3, 2, 1, vec![0; 6]).unwrap().to_png().unwrap();
        let (markup, width) = figure(&png, "\"><b>").unwrap();
        assert_eq!(width, 3);
        assert!(markup.0.contains("data:image/png;base64,iVBOR") && !markup.0.contains("<b>"));
        for bytes in [b"".as_slice(), b"\x89PNG\r\n\x1a\n", b"<html>", b"\xff\xfe"] {
            assert!(figure(bytes, "").is_none());
        }
    }
}
