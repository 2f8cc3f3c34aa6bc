//! Bars in groups, to compare a few values side by side.

use super::canvas::{Anchor, Canvas, shortened, text_width};
use super::line::{fill_class, stroke_class};
use super::scale::{Scale, drawable};
use crate::words;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 210.0;

/// A bar per group and series, from zero, as one `<svg>` element.
///
/// Each series has a name and one value per group; a value that is missing or not finite has no bar. With `percent`,
/// values from 0 to 1 are written as percentages.
pub fn grouped_bars(title: &str, percent: bool, groups: &[String], series: &[(String, Vec<f64>)]) -> String {
    let values = series.iter().flat_map(|(_, values)| values).copied();
    let scale = Scale::around(values.chain([0.0]), 5, percent);
    let mut canvas = Canvas::new();
    canvas.title(WIDTH, title);
    let entries: Vec<_> =
        series.iter().enumerate().map(|(i, (name, _))| (stroke_class(i).to_owned(), name.as_str())).collect();
    // One series needs no name: the title says it.
    let legend = if series.len() > 1 { canvas.legend(16.0, WIDTH - 16.0, 46.0, &entries) } else { 0.0 };
    let (top, right) = (56.0 + legend, WIDTH - 16.0);
    let bottom = top + HEIGHT;
    let widest = scale.ticks.iter().map(|&tick| text_width(&scale.label(tick), 11.5)).fold(0.0, f64::max);
    let left = 24.0 + widest;
    for &tick in &scale.ticks {
        let at = scale.place(tick, bottom, top);
        canvas.segment((left, at), (right, at), "rule");
        canvas.text((left - 8.0, at + 4.0), Anchor::End, "soft small", &scale.label(tick));
    }
    let zero = scale.place(0.0, bottom, top);
    let room = (right - left) / groups.len().max(1) as f64;
    let bar = (room * 0.72 / series.len().max(1) as f64).min(64.0);
    for (g, group) in groups.iter().enumerate() {
        let centre = left + room * (g as f64 + 0.5);
        let start = centre - bar * series.len() as f64 / 2.0;
        for (i, (name, values)) in series.iter().enumerate() {
            let Some(&value) = values.get(g).filter(|&&value| drawable(value)) else { continue };
            let end = scale.place(value, bottom, top);
            let x = start + bar * i as f64;
            let text = words::metric(if percent { "accuracy" } else { "" }, value);
            let size = ((bar - 2.0).max(1.0), (end - zero).abs().max(0.5));
            canvas.rectangle(
                (x + 1.0, end.min(zero)),
                size,
                fill_class(i),
                0.9,
                &format!("{group}, {name}: {text}"),
            );
            if text_width(&text, 11.5) < bar {
                let above = if end <= zero { end - 5.0 } else { end + 14.0 };
                canvas.text((x + bar / 2.0, above), Anchor::Middle, "small", &text);
            }
        }
        canvas.text((centre, bottom + 19.0), Anchor::Middle, "", &shortened(group, 13.0, room - 6.0));
    }
    canvas.segment((left, zero), (right, zero), "axis");
    canvas.finish(WIDTH, bottom + 34.0, title)
}

#[cfg(test)]
mod tests {
    use super::super::canvas::places;
    use super::*;

    #[test]
    fn bars_start_at_zero_and_missing_values_have_none() {
        let groups = ["book".to_owned(), "honest".to_owned()];
        let series = [("validation".to_owned(), vec![0.96, 0.9]), ("test".to_owned(), vec![f64::NAN])];
        let svg = grouped_bars("5.3.1b", true, &groups, &series);
        assert_eq!(svg.matches("<rect").count(), 1 + 2, "paper and two bars");
        assert!(svg.contains(">0 %<") && svg.contains("honest, validation: 90.00 %"));
        assert!(!grouped_bars("", false, &[], &[]).contains("NaN"));
        assert!(!grouped_bars("", false, &groups, &[("x".into(), vec![-1.0, 2.0])]).contains("height=\"-"));
    }

    #[test]
    fn words_never_lie_over_each_other() {
        let series = |n: usize, groups: usize| -> Vec<_> {
            (0..n).map(|i| (format!("series {i}"), vec![0.99; groups])).collect()
        };
        let named = |name: &str, n: usize| vec![name.to_owned(); n];
        for (groups, n) in
            [(named("pointed-eared", 2), 2), (named("pointed-eared", 9), 1), (named("7", 10), 2)]
        {
            places::are_apart(&grouped_bars("Accuracy per class", true, &groups, &series(n, groups.len())));
        }
    }
}
